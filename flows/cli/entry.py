"""`autotune entry`: the sheet to type from, for the app or the pump that is named. Writes to no site."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.console import message, now, print_either
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import JSON, Command, argument
from flows.cli.run_named import MAX_AGE, RUN, run_named
from flows.entry.apps import APPS
from flows.entry.pumps import PUMPS
from flows.language.catalogue import phrase

if TYPE_CHECKING:
    from flows.entry.rows import SheetNote
    from flows.proposal.document import Proposal
    from flows.values.run_directory import RunDirectory
    from flows.writeback.approval import Scope

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
    from flows.entry.sheet import entry_sheet
    from flows.entry.system import entry_system
    from flows.proposal.consensus_limits import age_group
    from flows.proposal.sealed import read_proposal
    from flows.report.entry_rows import sheet_document
    from flows.report.html.entry import sheet_html
    from flows.report.text.entry import sheet_text
    from flows.writeback.approval import Scope
    from flows.writeback.approval_checks import check_may_be_written, source_in
    from flows.writeback.schedules_after import settings_to_enter

    if arguments.pump and arguments.system in PUMPS:
        raise UsageError("autotune: --pump names the pump that an app drives; --for names a pump already.")
    directory = run_named(arguments.run)
    proposal = read_proposal(directory.file("proposal.json"))
    scope = Scope.ALL if arguments.all else Scope.STEP
    unsure = arguments.accept_uncertain
    check_may_be_written(proposal, now(), arguments.max_age, scope=scope, although_unsure=unsure)
    system = entry_system(arguments.system, proposal.units, age_group(proposal.options), arguments.pump)
    sheet = entry_sheet(settings_to_enter(proposal, source_in(directory, proposal), scope), system)
    sheet = replace(sheet, notes=(*_of_the_last_changes(directory, proposal, scope), *sheet.notes))
    print_either(arguments.as_json, sheet_document(sheet, proposal, scope), sheet_text(sheet, proposal, scope))
    if sheet.refusals:
        return ExitCode.REFUSED
    if arguments.html:
        _write(arguments.html, sheet_html(sheet, proposal, scope))
    return ExitCode.OK


def _of_the_last_changes(directory: RunDirectory, proposal: Proposal, scope: Scope) -> Iterator[SheetNote]:
    """What is to be known first: whether the step is on the site already, and whether the last one is still watched.

    By what `apply` goes by: the site's journal on this machine, and the marks of the profiles that the run was served.
    """
    from flows.entry.rows import SheetNote
    from flows.errors import Reason, Refused
    from flows.language.translatable import translatable
    from flows.writeback.approval_checks import served_documents, site_of
    from flows.writeback.cool_down import last_changes, too_soon, written_at
    from flows.writeback.journal import Journal

    try:
        changes, documents = Journal(site_of(proposal)).changes(), served_documents(directory)
    except Refused as refusal:
        if refusal.reason is not Reason.PROPOSAL_WITHOUT_SITE:
            said = translatable("Whether a step was written lately is not known: the journal or the run is damaged.")
            yield SheetNote("last_change_unknown", said)
        return
    if (at := written_at(changes, proposal.sha256)) is not None:
        said = translatable(
            "This proposal was written to the site on {at}: an app that reads profiles may have it already. Compare "
            "before you type.",
            at=at.date().isoformat(),
        )
        yield SheetNote("written_already", said)
    found = too_soon(scope, last_changes(changes, documents, but=proposal.sha256), now())
    if found is not None:
        facts = {"at": f"{found.at:%Y-%m-%d}", "until": f"{found.until:%Y-%m-%d %H:%M} UTC"}
        said = (
            translatable(
                "Wait: the last change was applied on {at}, and what it does is not known before {until}. Type no "
                "further step until then.",
                **facts,
            )
            if found.what == "applied"
            else translatable("Wait: the last change was rolled back on {at}. Type no step before {until}.", **facts)
        )
        yield SheetNote("last_change_watched", said)


def _write(file: Path, page: bytes) -> None:
    from flows.values.run_directory import write_atomically

    try:
        write_atomically(file, page)
    except OSError as error:
        raise UsageError(f"autotune: {file} cannot be written ({type(error).__name__}).") from None
    message(phrase("The page is in {file}.", file=file))
