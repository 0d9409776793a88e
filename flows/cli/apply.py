"""`autotune apply` and `autotune tidy`: show what would change, ask, and write it to the site the proposal is from."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.console import PROPOSAL, USAGE, now, refused, say

if TYPE_CHECKING:
    from flows.values.run_directory import RunDirectory
    from flows.writeback.apply import Tools, WritebackResult
    from flows.writeback.approval_checks import Approved

SAID = {
    "applied": "Written and read back: the site has the profile {name!r}.",
    "already-applied": "Nothing to do: the site has this very profile, {name!r}, already.",
    "rejected": "Rejected: nothing was written, and the journal says so. "
    "What was left unfinished of it, `autotune apply --resume` takes back.",
    "rolled-back": "Rolled back: the site is as it was before this run was applied.",
    "already-rolled-back": "Nothing to do: this run was rolled back already.",
    "settled-after": "An unfinished change was brought to its end: {name!r} is on the site.",
    "settled-before": "An unfinished change was settled: the site is as before it.",
    "settled-theirs": "An unfinished change was settled: the site is as somebody else made it meanwhile.",
    "tidied": "Tidied away.",
    "nothing-to-tidy": "Nothing to tidy away.",
}


def add(subparsers: Any) -> None:
    """Add both commands."""
    command = subparsers.add_parser(
        "apply",
        help="write an approved proposal to its Nightscout site",
        description="Shows every number before and after and asks for a typed yes. Needs write credentials in the "
        "environment: AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN or AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET (with _FILE appended, "
        "from a file). Everything is backed up, read back and written into a journal; `autotune rollback` undoes it.",
    )
    command.add_argument("run", type=Path, metavar="RUN", help="run directory, or its name")
    command.add_argument("--only", type=_parts, default=[], metavar="basal,isf,cr", help="write these parts only")
    command.add_argument("--name", help="name of the new profile (default: Autotune and the date)")
    command.add_argument("--overwrite", action="store_true", help="replace a profile of that name on purpose")
    command.add_argument("--activate", action="store_true", help="also switch to it, by a Profile Switch")
    command.add_argument(
        "--although-unsure", action="store_true", help="also where the verdict says that nothing is sure enough"
    )
    command.add_argument("--max-age", type=float, default=48.0, metavar="H", help="hours (default 48)")
    approval(command)
    decision = command.add_mutually_exclusive_group()
    decision.add_argument("--resume", action="store_true", help="settle what was left unfinished; begin nothing new")
    decision.add_argument("--reject", action="store_true", help="write down that the proposal was rejected")
    decision.add_argument("--by-policy", action="store_true", help="let the file of AUTOTUNE_APPLY_POLICY decide")
    command.add_argument("--dry-run", action="store_true", help="show what would change; ask and write nothing")
    command.set_defaults(command=run)

    tidy = subparsers.add_parser(
        "tidy", help="take older profiles that `apply` wrote out of the site's newest document"
    )
    tidy.add_argument("run", type=Path, metavar="RUN", help="any run of the site")
    tidy.add_argument("--keep", type=int, required=True, metavar="N", help="how many of ours stay, the newest")
    tidy.add_argument("--yes", action="store_true", help="do it without being asked")
    tidy.set_defaults(command=run_tidy)


def approval(command: argparse.ArgumentParser) -> None:
    """The options by which a script approves."""
    command.add_argument("--yes", action="store_true", help="approve without being asked; needs --sha256")
    command.add_argument("--sha256", metavar="SHA256", help="of the proposal that was looked at")
    command.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Apply, reject, resume or only show."""
    from flows.errors import Refused

    directory = run_directory(arguments.run)
    try:
        if arguments.dry_run and (arguments.resume or arguments.reject):
            say("autotune: --dry-run writes nothing; --resume and --reject do. Give one of them.")
            return USAGE
        if arguments.dry_run and arguments.by_policy:
            say("autotune: --dry-run asks no policy. Give one of them.")
            return USAGE
        if arguments.resume:
            return _resume(arguments, directory)
        return _apply(arguments, directory)
    except Refused as refusal:
        return refused(refusal, None, arguments.as_json)


def run_tidy(arguments: argparse.Namespace) -> int:
    """Tidy, after asking."""
    from flows.errors import Reason, Refused
    from flows.writeback.approval_checks import read_approved
    from flows.writeback.rollback import tidy

    if arguments.keep < 0:
        say("autotune: --keep takes 0 or more.")
        return USAGE
    directory = run_directory(arguments.run)
    try:
        approved = read_approved(directory, None)
        question = f"Take all but the newest {arguments.keep} profiles that we wrote out of {approved.site}?"
        if not arguments.yes and not typed_yes(question):
            raise Refused(Reason.APPROVAL_MISSING, detail="the answer was not yes")
        done, names = tidy(directory, arguments.keep, tools(approved), "terminal")
    except Refused as refusal:
        return refused(refusal, None, False)
    tell(done, as_json=False)
    for name in names:
        print(name)
    return PROPOSAL


def _apply(arguments: argparse.Namespace, directory: RunDirectory) -> int:
    from flows.report.text.changes import changes_text, to_type_in, verdict_text
    from flows.writeback.apply import apply, preview
    from flows.writeback.approval import Decision, SyncRequest
    from flows.writeback.approval_checks import check_may_be_written, read_approved, report_only_app, source_document

    approved = read_approved(directory, arguments.sha256)
    decision = Decision.APPROVE
    if arguments.reject:
        decision = Decision.REJECT
    elif arguments.by_policy:
        decision = Decision.POLICY
    options = {n: getattr(arguments, n) for n in ("only", "name", "overwrite", "activate", "although_unsure")}
    if not 0 < arguments.max_age <= 24 * 14:
        say("autotune: --max-age takes hours, up to two weeks.")
        return USAGE
    identity = {"proposal_id": approved.proposal.proposal_id, "sha256": approved.sha256, "decision": decision}
    request = SyncRequest(**identity, **options, max_age_h=arguments.max_age)
    if decision is not Decision.REJECT:
        unsure = request.although_unsure
        check_may_be_written(approved.proposal, now(), request.max_age_h, although_unsure=unsure)
        _, planned = preview(directory, request)
        if report_only_app(source_document(approved)) is not None:
            print(to_type_in(planned))
        elif not (arguments.as_json and (arguments.yes or arguments.dry_run)):
            show = say if arguments.as_json else print  # who is asked sees what for; standard output is the document
            show(changes_text(planned, approved.proposal, activate=request.activate))
            show(f"\nSite      {approved.site}\nProposal  {approved.sha256}")
            show(verdict_text(approved.proposal))
        if arguments.dry_run:
            return PROPOSAL
        _warn_of_another_journal(directory, approved)
    writes = decision is not Decision.REJECT and report_only_app(source_document(approved)) is None
    ready = tools(approved, writes=writes)  # nobody is asked where there is nothing to write with
    if writes and decision is Decision.APPROVE:
        _ask(arguments, f"Write this to {approved.site}?")
    done = apply(directory, request, ready, "policy" if arguments.by_policy else how(arguments))
    tell(done, arguments.as_json)
    if done.outcome == "applied" and not arguments.as_json:
        say(f"To undo it: autotune rollback {arguments.run}")
    return PROPOSAL


def _warn_of_another_journal(directory: RunDirectory, approved: Approved) -> None:
    from flows.writeback.apply import other_journal
    from flows.writeback.journal import Journal

    journal = Journal(approved.site)
    if (other := other_journal(directory, journal)) is not None:
        say(f"Note: this run was applied with the journal {other}; the one used here is {journal.directory}.")
        say("Changes of one site are kept apart, and can be rolled back, within one journal only (AUTOTUNE_APPLIED).")


def _resume(arguments: argparse.Namespace, directory: RunDirectory) -> int:
    from dataclasses import replace

    from flows.writeback.apply import resume
    from flows.writeback.approval_checks import read_approved
    from flows.writeback.journal import Journal
    from flows.writeback.reconcile import anything_to_settle

    approved = read_approved(directory, None)
    writes = anything_to_settle(Journal(approved.site))  # no secret is asked for where the site need not be
    settled = resume(directory, replace(tools(approved, writes=writes), told=None))
    if arguments.as_json:
        from dataclasses import asdict

        print(json.dumps([asdict(done) for done in settled], indent=1))
        return PROPOSAL
    if not settled:
        print("Nothing was left unfinished.")
    for done in settled:
        tell(done, as_json=False)
    return PROPOSAL


def run_directory(path: Path) -> RunDirectory:
    """The run a person names: a path, or a name under the runs' directory."""
    from flows.values.run_directory import RunDirectory
    from flows.values.user_directories import runs_root

    if not path.exists() and len(path.parts) == 1 and (runs_root() / path).is_dir():
        path = runs_root() / path
    return RunDirectory(path.resolve())


def tools(approved: Approved, *, writes: bool = True) -> Tools:
    """The clock, and, where anything is to be written, what may write to the proposal's site."""
    from flows.cli.secrets import write_credentials
    from flows.nightscout.authentication import Credentials
    from flows.nightscout.credentials import where_to_put_write_secrets
    from flows.writeback.apply import Tools

    request = approved.request()
    credentials = write_credentials(request) if writes else Credentials()
    return Tools(clock=now, credentials=credentials, advice=where_to_put_write_secrets(request), told=_tell_of_settled)


def how(arguments: argparse.Namespace) -> str:
    """By which way it was approved, for the audit."""
    return "script (--yes --sha256)" if arguments.yes else "terminal"


def _ask(arguments: argparse.Namespace, question: str) -> None:
    from flows.errors import Reason, Refused

    if arguments.yes:
        if arguments.sha256 is None:
            raise Refused(Reason.APPROVAL_MISSING, detail="--yes alone does not say of which proposal")
        return
    if not typed_yes(question):
        raise Refused(Reason.APPROVAL_MISSING, detail="the answer was not yes")


def typed_yes(question: str) -> bool:
    """Whether a person at the terminal types the whole word."""
    if not sys.stdin.isatty():
        return False
    print(f"\n{question} Type yes: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == "yes"


def tell(done: WritebackResult, as_json: bool) -> None:
    """Say what became of it."""
    if as_json:
        from dataclasses import asdict

        print(json.dumps(asdict(done), indent=1, ensure_ascii=False))
        return
    print(SAID[done.outcome].format(name=done.name))
    if done.active:
        print("It is active.")


def _tell_of_settled(settled: WritebackResult) -> None:
    say(SAID[settled.outcome].format(name=settled.name) + (" It is active." if settled.active else ""))


def _parts(text: str) -> list[str]:
    from flows.values.parts import Part

    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in set(Part)]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(Part)}")
    return names
