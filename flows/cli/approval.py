"""What `apply`, `rollback` and `tidy` share: whose run, the typed yes, what may write, how it ended."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.cli.console import message, now, print_either
from flows.cli.options import JSON, argument
from flows.errors import Reason, Refused
from flows.language.catalogue import phrase, to_translate, translated

if TYPE_CHECKING:
    from flows.writeback.apply import Tools, WritebackResult
    from flows.writeback.approval_checks import SealedRun
    from flows.writeback.recover import SiteNow

RESULT_TEXTS = {
    "applied": to_translate("Written and read back: the site has the profile {name!r}."),
    "already-applied": to_translate("Nothing to do: the site has this very profile, {name!r}, already."),
    "rejected": to_translate(
        "Rejected: nothing was written, and the journal says so. "
        "What was left unfinished of it, `autotune apply --resume` takes back."
    ),
    "rolled-back": to_translate("Rolled back: the site is as it was before this run was applied."),
    "already-rolled-back": to_translate("Nothing to do: this run was rolled back already."),
    "settled-after": to_translate("An unfinished change was brought to its end: {name!r} is on the site."),
    "settled-before": to_translate("An unfinished change was settled: the site is as before it."),
    "settled-theirs": to_translate("An unfinished change was settled: the site is as somebody else made it meanwhile."),
    "tidied": to_translate("Tidied away."),
    "baseline-set": to_translate("The baseline is set; the profile itself says what it said before."),
    "nothing-to-tidy": to_translate("Nothing to tidy away."),
}


YES = to_translate("yes")  # the whole word, also in the language that is spoken
# By which a script approves.
APPROVAL = (
    argument("--yes", action="store_true", help="approve without being asked; needs --sha256"),
    argument("--sha256", metavar="SHA256", help="of the proposal that was looked at"),
    JSON,
)


def tools(approved: SealedRun, *, writes: bool = True) -> Tools:
    """The clock, and, where anything is to be written, what may write to the proposal's site."""
    from flows.cli.secrets import write_credentials
    from flows.nightscout.authentication import Credentials
    from flows.nightscout.credentials import where_to_put_write_secrets
    from flows.writeback.apply import Tools

    request = approved.request()
    credentials = write_credentials(request) if writes else Credentials()
    return Tools(clock=now, credentials=credentials, advice=where_to_put_write_secrets(request), told=_print_settled)


def reading_tools(approved: SealedRun) -> Tools:
    """As `tools`, for what only reads the site: with what may write, where there is that, else with what may read."""
    from dataclasses import replace

    from flows.nightscout.credentials import credentials_for

    ready = tools(approved)
    if ready.credentials.anonymous and approved.request().site_block is None:
        return replace(ready, credentials=credentials_for(approved.request()))
    return ready


@contextmanager
def damage_shown(approved: SealedRun) -> Iterator[None]:
    """Where the block finds the journal damaged, say what the site has now; the refusal says the rest."""
    try:
        yield
    except Refused as refusal:
        if refusal.reason is Reason.JOURNAL_ALTERED:
            message(_site_now(approved))
        raise


def _site_now(approved: SealedRun) -> str:
    from flows.writeback.recover import site_now

    try:
        ready = reading_tools(approved)
        with ready.open_client(approved.site) as client:
            return site_now_text(site_now(ready.open_journal(approved.site), ready.site(client)))
    except Refused as refusal:
        return phrase("What is on the site now could not be read: {why}", why=refusal.spoken_sentence)


def site_now_text(now_there: SiteNow) -> str:
    """What the site has, for a person."""
    return phrase(
        "On the site now: the profile {active!r} is active; it is {origin}. Its newest document begins at {start}.",
        active=now_there.active,
        origin=translated(now_there.origin),
        start=now_there.newest_start,
    )


def how(arguments: argparse.Namespace) -> str:
    """By which way it was approved, for the audit."""
    return "script (--yes --sha256)" if arguments.yes else "terminal"


def ask(question: str, *, yes: bool) -> None:
    """Ask for a typed yes, unless it was given.

    Args:
        question: in the language that is spoken.
        yes: whether it was given.

    Raises:
        Refused: `APPROVAL_MISSING`.
    """
    if not yes and not _typed_yes(question):
        raise Refused(Reason.APPROVAL_MISSING, detail="the answer was not yes")


def check_names_proposal(arguments: argparse.Namespace) -> None:
    """Refuse a yes that does not name the proposal.

    Raises:
        Refused: `APPROVAL_MISSING`.
    """
    if arguments.yes and arguments.sha256 is None:
        raise Refused(Reason.APPROVAL_MISSING, detail="--yes alone does not say of which proposal")


def _typed_yes(question: str) -> bool:
    """Whether a person at the terminal types the whole word, in English or in the language that is spoken."""
    if not sys.stdin.isatty():
        return False
    print("\n" + phrase("{question} Type yes:", question=question), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() in (YES, translated(YES))


def print_result(done: WritebackResult, as_json: bool) -> None:
    """Print the result of the change."""
    from dataclasses import asdict

    print_either(as_json, asdict(done), result_text(done))


def _print_settled(settled: WritebackResult) -> None:
    message(result_text(settled, apart=" "))


def result_text(done: WritebackResult, apart: str = "\n") -> str:
    """The result of a change for a person."""
    said = phrase(RESULT_TEXTS[done.outcome], name=done.name)
    return f"{said}{apart}{phrase('It is active.')}" if done.active else said
