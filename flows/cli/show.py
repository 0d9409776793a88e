"""`autotune show`: show a run's recommendation again."""

from __future__ import annotations

import argparse
import os

from flows.cli.analysis import print_run
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import SHOWN, Command
from flows.cli.run_named import RUN, run_named

COMMAND = Command(help="show a run's recommendation again", arguments=(RUN, *SHOWN))


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print what the run directory holds."""
    run = run_named(arguments.run)
    if not os.path.lexists(run.file("report.json" if arguments.as_json else "proposal.json")):
        raise UsageError(f"{arguments.run} holds no proposal; its manifest.json says why, if it is a run directory.")
    return print_run(run, arguments)
