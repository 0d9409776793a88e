"""`autotune show`: show a run's recommendation again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from flows.cli.analysis import print_run
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import add_json


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("show", help="show a run's recommendation again")
    command.add_argument("run", type=Path, metavar="RUN")
    add_json(command)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print what the run directory holds."""
    from flows.values.run_directory import RunDirectory

    run = RunDirectory(arguments.run.resolve())
    if not run.file("report.json" if arguments.as_json else "proposal.json").is_file():
        raise UsageError(f"{arguments.run} holds no proposal; its manifest.json says why, if it is a run directory.")
    return print_run(run, arguments.as_json)
