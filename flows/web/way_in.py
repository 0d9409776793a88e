"""Which way a proposal's step gets to where it is used: written to the site, typed in, or not at all, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flows.errors import Reason, Refused
from flows.language.catalogue import phrase, to_translate, translated
from flows.proposal.document import Proposal
from flows.values.run_directory import RunDirectory
from flows.web.cards import moment_text
from flows.web.indexed_run import IndexedRun
from flows.writeback.approval import MAX_AGE_H
from flows.writeback.approval_checks import check_may_be_written, report_only_app, site_of, source_in

# What the terminal says of these names its own options; the page has other ways.
WHY_NOT = {
    Reason.PROPOSAL_OLD: to_translate(
        "It is too old to be written: much may have changed since. Run again from today's settings."
    ),
    Reason.PROPOSAL_EARLIER: to_translate("It was made by an earlier version, and has no step. Run again."),
    Reason.PROPOSAL_NO_STEP: to_translate("There is no step to write now: keep the settings you have."),
    Reason.PROPOSAL_RED: to_translate("Its verdict is red: nothing of it is written. The reasons stand below."),
    Reason.PROPOSAL_WITHOUT_SITE: to_translate(
        "Its data did not come from a site, so there is nothing to write to: type the step in yourself."
    ),
    Reason.REPORT_ONLY: to_translate("{app} does not read profiles from Nightscout: type the step in yourself."),
}


@dataclass(frozen=True)
class WayIn:
    """Whether a step may be written, whether it may be typed in, and why it may not be written."""

    may_be_written: bool
    may_be_typed: bool
    why_not: str = ""


def way_in(run: RunDirectory, indexed: IndexedRun, proposal: Proposal, now: datetime) -> WayIn:
    """Of a sealed proposal, by the rules of what writes it; nothing is asked of the site.

    Args:
        run: its directory.
        indexed: the same run, with what was applied of it.
        proposal: sealed.
        now: the time.
    """
    try:
        check_may_be_written(proposal, now, MAX_AGE_H)
    except Refused as refusal:
        return WayIn(False, False, why_not_written(refusal))
    written = indexed.past.last_applied if indexed.past else None
    if written is not None and written.undone_at is None:
        at = moment_text(written.at, proposal.timezone, now)
        return WayIn(False, True, phrase("It was written to the site: {time}.", time=at))
    try:
        site_of(proposal)
        source = source_in(run, proposal)
        if source is not None and (app := report_only_app(source)) is not None:
            return WayIn(False, True, phrase(WHY_NOT[Reason.REPORT_ONLY], app=app))
    except Refused as refusal:
        return WayIn(False, True, why_not_written(refusal))
    return WayIn(True, True)


def why_not_written(refusal: Refused) -> str:
    """Why a proposal may not be written, with the ways that the page has."""
    if (known := WHY_NOT.get(refusal.reason)) is not None:
        return translated(known)
    return f"{refusal.spoken_sentence} {refusal.spoken_remedy}"
