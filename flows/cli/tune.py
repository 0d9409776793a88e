"""`autotune tune`: tune an existing OpenAPS directory as it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.cli.analysis import made_run, print_run, request_of
from flows.cli.console import message, now, progress
from flows.cli.exit_code import ExitCode
from flows.cli.options import COMPUTING, RESULT, TUNING, Command, argument, asked

COMMAND = Command(
    help="tune an existing OpenAPS directory as it is",
    arguments=(
        argument("directory", type=Path, metavar="DIR", help="with settings/ and autotune/ns-*.json"),
        *RESULT,
    ),
    fields=f"timezone {COMPUTING} {TUNING}",
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Tune the directory's own inputs; the directory stays as it is."""
    message("autotune-flows: reading the directory …")
    from flows.pipeline.prepare import prepare_openaps
    from flows.pipeline.publish import refusals_recorded
    from flows.pipeline.run_locally import tune_and_publish

    request = request_of({**asked(arguments), "from_directory": arguments.directory, "inputs": "upstream"})
    with made_run(arguments, request) as run, progress(), refusals_recorded(run, request, now()):
        prepare_openaps(arguments.directory, run, request.timezone, now())
        tune_and_publish(request, run, now())
    return print_run(run, arguments)
