"""`autotune apply`: show what would change, ask, and write it to the site the proposal is from."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from flows.cli.approval import (
    APPROVAL,
    ask,
    check_names_proposal,
    damage_shown,
    how,
    print_result,
    result_text,
    tools,
)
from flows.cli.console import message, now, print_either, show
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import Command, argument, names
from flows.cli.parsing import one_of
from flows.cli.run_named import MAX_AGE, RUN, run_named, say_where_on_the_page
from flows.language.catalogue import phrase
from flows.language.translatable import in_spoken
from flows.values.aliases import NameKind, earlier
from flows.values.nearest import perhaps
from flows.values.units import HOURS_PER_DAY

if TYPE_CHECKING:
    from flows.values.run_directory import RunDirectory
    from flows.writeback.approval import SyncRequest
    from flows.writeback.approval_checks import Approved


def _parts(text: str) -> list[str]:
    from flows.values.parts import Part

    chosen = names(text)
    if unknown := [name for name in chosen if name not in set(Part)]:
        raise argparse.ArgumentTypeError(f"takes {one_of(Part)}, not {unknown[0]!r}{perhaps(unknown[0], Part)}")
    return chosen


def _hours(text: str) -> list[int]:
    chosen = names(text)
    if wrong := [hour for hour in chosen if not (hour.isdecimal() and int(hour) < HOURS_PER_DAY)]:
        raise argparse.ArgumentTypeError(f"takes hours from 0 to {HOURS_PER_DAY - 1}, not {wrong[0]!r}")
    return sorted({int(hour) for hour in chosen})


ACCEPT = "--accept-uncertain"

COMMAND = Command(
    help="write an approved proposal to its Nightscout site",
    description="Writes the proposal's step, or what else is named; shows every number before and after and asks for "
    "a typed yes. Needs write credentials in the "
    "environment: AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN or AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET (with _FILE appended, "
    "from a file). Everything is backed up, read back and written into a journal; `autotune rollback` undoes it.",
    arguments=(
        RUN,
        (
            argument("--all", action="store_true", help="write upstream's numbers whole, not the step"),
            argument("--reductions", action="store_true", help="write what of them gives less insulin"),
        ),
        (
            argument("--only", type=_parts, default=[], metavar="basal,isf,cr", help="write these parts of them only"),
            argument("--hours", type=_hours, default=[], metavar="3,4,5", help="write the basal of these hours only"),
        ),
        argument("--name", help="name of the new profile (default: Autotune and the date)"),
        argument("--overwrite", action="store_true", help="replace a profile of that name on purpose"),
        argument("--activate", action="store_true", help="also switch to it, by a Profile Switch"),
        argument(ACCEPT, action="store_true", help="also where the verdict says that nothing is repeatable enough"),
        *(
            argument(old, action="store_true", dest="accept_uncertain", help=argparse.SUPPRESS)
            for old in earlier(NameKind.OPTION, ACCEPT)
        ),
        MAX_AGE,
        *APPROVAL,
        (
            argument("--resume", action="store_true", help="settle what was left unfinished; begin nothing new"),
            argument("--reject", action="store_true", help="write down that the proposal was rejected"),
            argument("--by-policy", action="store_true", help="let the file of AUTOTUNE_APPLY_POLICY decide"),
        ),
        argument("--dry-run", action="store_true", help="show what would change; ask and write nothing"),
    ),
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Apply, reject, resume or only show."""
    directory = run_named(arguments.run)
    if arguments.dry_run and (arguments.resume or arguments.reject):
        raise UsageError("autotune: --dry-run writes nothing; --resume and --reject do. Give one of them.")
    if arguments.dry_run and arguments.by_policy:
        raise UsageError("autotune: --dry-run asks no policy. Give one of them.")
    if arguments.all and (arguments.only or arguments.hours):
        raise UsageError("autotune: --all writes all of upstream's numbers; --only and --hours some. Give one of them.")
    return _resume(arguments, directory) if arguments.resume else _apply(arguments, directory)


def _apply(arguments: argparse.Namespace, directory: RunDirectory) -> ExitCode:
    from flows.report.text.changes import changes_text, to_type_in, verdict_text
    from flows.writeback.apply import apply, preview
    from flows.writeback.approval import Decision, Scope, SyncRequest, approved_from
    from flows.writeback.approval_checks import check_may_be_written, read_approved, report_only_app, source_document

    approved = read_approved(directory, arguments.sha256)
    decision = Decision.REJECT if arguments.reject else Decision.POLICY if arguments.by_policy else Decision.APPROVE
    request = SyncRequest(
        proposal_id=approved.proposal.proposal_id,
        sha256=approved.sha256,
        decision=decision,
        what=Scope.ALL if arguments.all else Scope.REDUCTIONS if arguments.reductions else Scope.STEP,
        only=arguments.only,
        hours=arguments.hours,
        name=arguments.name,
        overwrite=arguments.overwrite,
        activate=arguments.activate,
        although_unsure=arguments.accept_uncertain,
        max_age_h=arguments.max_age,
    )
    told = ""
    if decision is not Decision.REJECT:
        check_may_be_written(
            approved.proposal, now(), request.max_age_h, scope=request.scope, although_unsure=request.although_unsure
        )
        _, planned = preview(directory, request)
        if report_only_app(source_document(approved)) is not None:
            show(to_type_in(planned))
        elif not (arguments.as_json and (arguments.yes or arguments.dry_run)):
            # Who is asked sees what for; standard output is the document.
            write = message if arguments.as_json else show
            write(
                f"{changes_text(planned, approved.proposal, activate=request.activate)}\n\n"
                f"{_whose(approved)}\n"
                f"{verdict_text(approved.proposal, planned.what)}"
            )
        told = _say_whether_too_soon(approved, request, refuses=not arguments.dry_run)
        if arguments.dry_run:
            return ExitCode.OK
        _warn_of_another_journal(directory, approved)
    writes = decision is not Decision.REJECT and report_only_app(source_document(approved)) is None
    ready = tools(approved, writes=writes)  # nobody is asked where there is nothing to write with
    if writes and decision is Decision.APPROVE:
        check_names_proposal(arguments)
        ask(phrase("Write this to {site}?", site=approved.site), yes=arguments.yes)
    request = approved_from(request, now())
    with damage_shown(approved):
        done = apply(directory, request, ready, "policy" if arguments.by_policy else how(arguments))
    print_result(done, arguments.as_json)
    for note in done.notes:
        if note != told:  # the site knew more of the last changes than this machine
            message(phrase("Note: {note}", note=in_spoken(note)))
    if done.outcome == "applied" and not arguments.as_json:
        message(phrase("To undo it: {command}", command=f"autotune rollback {arguments.run}"))
        say_where_on_the_page(directory)
    return ExitCode.OK


def _whose(approved: Approved) -> str:
    """Where it is written to, and which proposal it is."""
    return phrase("Site      {site}\nProposal  {sha256}", site=approved.site, sha256=approved.sha256)


def _say_whether_too_soon(approved: Approved, request: SyncRequest, *, refuses: bool) -> str:
    """Say, before anything is asked, what of the last changes is known here and not watched for long enough yet.

    Returns:
        The note that was said; empty where there is none.

    Raises:
        Refused: `STEP_TOO_SOON`.
    """
    from flows.writeback.cool_down import too_soon_as_known

    found = too_soon_as_known(approved, request.scope, now())
    if found is None:
        return ""
    if found.forbids and refuses:
        raise found.refusal
    message(phrase("Note: {note}", note=in_spoken(found.note)))
    return found.note


def _warn_of_another_journal(directory: RunDirectory, approved: Approved) -> None:
    from flows.writeback.apply import other_journal
    from flows.writeback.journal import Journal

    journal = Journal(approved.site)
    if (other := other_journal(directory, journal)) is not None:
        message(
            phrase(
                "Note: this run was applied with the journal {other}; the one used here is {here}.\n"
                "Changes of one site are kept apart, and can be rolled back, within one journal only "
                "(AUTOTUNE_APPLIED).",
                other=other,
                here=journal.directory,
            )
        )


def _resume(arguments: argparse.Namespace, directory: RunDirectory) -> ExitCode:
    from dataclasses import asdict, replace

    from flows.writeback.apply import resume
    from flows.writeback.approval_checks import read_sealed
    from flows.writeback.journal import Journal
    from flows.writeback.reconcile import anything_to_settle

    approved = read_sealed(directory, None)
    with damage_shown(approved):
        writes = anything_to_settle(Journal(approved.site))  # no secret is asked for where the site need not be
        settled = resume(directory, replace(tools(approved, writes=writes), told=None))
    text = "\n".join(map(result_text, settled)) or phrase("Nothing was left unfinished.")
    print_either(arguments.as_json, [asdict(done) for done in settled], text)
    return ExitCode.OK
