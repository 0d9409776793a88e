"""`autotune parity`: prove that every engine gives upstream's own bytes on a run's inputs."""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.cli.console import message, now, print_either, progress
from flows.cli.exit_code import ExitCode
from flows.cli.options import JSON, Command, argument

COMMAND = Command(
    help="prove that every engine gives upstream's own bytes on a run's inputs",
    arguments=(
        argument("run", type=Path, metavar="RUN", nargs="?", help="a run directory (default: the bundled person)"),
        argument("--docker", action="store_true", help="compare the container too"),
        JSON,
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Compute and compare; `INTERNAL` where the bytes differ."""
    message("autotune-flows: computing the same days with upstream's own commands …")
    from flows.pipeline.parity import prove

    with progress():
        found = prove(arguments.run, docker=arguments.docker, now=now())
    print_either(arguments.as_json, found.document(), "\n".join(found.lines()))
    return ExitCode.OK if found.identical else ExitCode.INTERNAL
