"""`autotune entry`: the sheet to type from, for the app or the pump that is named. Writes to no site."""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.cli.console import message, now, print_either
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import JSON, Command, argument
from flows.cli.run_named import MAX_AGE, RUN, run_named
from flows.entry.apps import APPS
from flows.entry.pumps import PUMPS
from flows.language.catalogue import phrase

COMMAND = Command(
    help="make the sheet to type a proposal's step into an app or a pump from",
    description="Every number as the app or the pump takes it, in the order of its screens, and first what it cannot "
    "take. Checks the proposal as `apply` does, and writes to no site.",
    arguments=(
        RUN,
        argument(
            "--for",
            dest="system",
            required=True,
            choices=(*APPS, *PUMPS),
            metavar="SYSTEM",
            help=f"the app ({', '.join(APPS)}), or the pump that is typed into ({', '.join(PUMPS)})",
        ),
        argument("--pump", choices=tuple(PUMPS), metavar="PUMP", help="the pump that the app drives: any of the pumps"),
        argument("--all", action="store_true", help="upstream's numbers whole, not the step"),
        argument("--accept-uncertain", action="store_true", help="with --all: also where nothing is repeatable enough"),
        MAX_AGE,
        argument("--html", type=Path, metavar="FILE", help="also as a page to print, with boxes to tick"),
        JSON,
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Check the proposal, and print the sheet."""
    from flows.entry.system import entry_system
    from flows.pipeline.sheet_to_type import sheet_to_type
    from flows.proposal.consensus_limits import age_group
    from flows.proposal.sealed import read_proposal
    from flows.report.entry_rows import sheet_document
    from flows.report.html.entry import sheet_html
    from flows.report.text.entry import sheet_text
    from flows.writeback.approval import Scope
    from flows.writeback.approval_checks import check_may_be_written

    if arguments.pump and arguments.system in PUMPS:
        raise UsageError("autotune: --pump names the pump that an app drives; --for names a pump already.")
    directory = run_named(arguments.run)
    proposal = read_proposal(directory.file("proposal.json"))
    scope = Scope.ALL if arguments.all else Scope.STEP
    unsure = arguments.accept_uncertain
    check_may_be_written(proposal, now(), arguments.max_age, scope=scope, although_unsure=unsure)
    system = entry_system(arguments.system, proposal.units, age_group(proposal.options), arguments.pump)
    sheet = sheet_to_type(directory, proposal, system, now(), scope=scope)
    print_either(arguments.as_json, sheet_document(sheet, proposal, scope), sheet_text(sheet, proposal, scope))
    if sheet.refusals:
        return ExitCode.REFUSED
    if arguments.html:
        _write(arguments.html, sheet_html(sheet, proposal, scope))
    return ExitCode.OK


def _write(file: Path, page: bytes) -> None:
    from flows.values.run_directory import write_atomically

    try:
        write_atomically(file, page)
    except OSError as error:
        raise UsageError(f"autotune: {file} cannot be written ({type(error).__name__}).") from None
    message(phrase("The page is in {file}.", file=file))
