"""`autotune parity`: prove that a run, and every engine on its inputs, has upstream's own bytes."""

from __future__ import annotations

import argparse

from flows.cli.console import message, now, print_either, progress
from flows.cli.exit_code import ExitCode
from flows.cli.options import JSON, Command, argument
from flows.cli.run_named import RUN, run_named

COMMAND = Command(
    help="prove that a run, and every engine on its inputs, has upstream's own bytes",
    description="The files that RUN holds, its proposal's numbers and its manifest's hashes are compared too; "
    "what differs is named, with field, day and hour, in the order of the run.",
    arguments=(
        argument(*RUN.names, **{**RUN.how, "nargs": "?", "help": f"{RUN.how['help']} (default: the bundled person)"}),
        argument("--docker", action="store_true", help="compare the container too"),
        JSON,
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Compute and compare; `INTERNAL` where the bytes differ."""
    message("autotune-flows: computing the same days with upstream's own commands …")
    from flows.pipeline.parity import prove

    run = run_named(arguments.run).path if arguments.run else None
    with progress():
        found = prove(run, docker=arguments.docker, now=now())
    print_either(arguments.as_json, found.document(), "\n".join(found.lines()))
    return ExitCode.OK if found.identical else ExitCode.INTERNAL
