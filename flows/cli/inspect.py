"""`autotune inspect`: what is in the data, what would be corrected, how good each day is."""

from __future__ import annotations

import argparse

from flows.cli.analysis import loaded, request_of
from flows.cli.console import message, now, print_either
from flows.cli.exit_code import ExitCode
from flows.cli.options import HISTORY, JSON, Command, asked

COMMAND = Command(
    help="what is in the data, what would be corrected, how good each day is", arguments=(JSON,), fields=HISTORY
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print what was found; `REFUSED` where a run would be."""
    message("autotune-flows: reading the data …")
    from flows.pipeline.inspect import inspect
    from flows.report.text.inspection import inspection

    request = request_of({**asked(arguments), "compare": False})
    with loaded(request) as (run, _):
        found = inspect(request, run, now())
    print_either(arguments.as_json, found, inspection(found))
    return ExitCode.REFUSED if found["refused"] else ExitCode.OK
