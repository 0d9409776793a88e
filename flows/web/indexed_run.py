"""One run as the page's index keeps it: how it ended, what its card says, and what a trend needs of it.

What the card says is in the language that is spoken when the run is read; no number or verdict is made here.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from flows.errors import Refused
from flows.proposal.document import Proposal
from flows.proposal.sealed import read_proposal
from flows.proposal.step_document import StepKind
from flows.report.first_screen import FirstScreen, Share, first_screen
from flows.report.html.report import shares_drawn
from flows.report.trend.past_runs import PastRun, RunOutcome, Skipped, directory_key, read_run, site_key
from flows.values.private_files import Damaged, parse_document, read_private
from flows.values.run_directory import RunDirectory
from flows.web.run_files import MANIFEST, PROPOSAL, manifest_of
from flows.writeback.applied import instant
from flows.writeback.approval import MAX_AGE_H
from flows.writeback.approval_checks import check_may_be_written, site_of


class RunState(StrEnum):
    """What a run directory holds: a proposal, the reason why there is none, or something that is shown as neither."""

    PROPOSAL, REFUSED, FAILED, DAMAGED, OTHER_VERSION, NO_RUN = (
        *("proposal", "refused", "failed", "damaged", "other_version", "no_run"),
    )


@dataclass(frozen=True)
class RunCard:
    """What a card says of a proposal.

    Attributes:
        glucose: how it is, in a sentence.
        shares: below and in range.
        drawn: the shares of the bar in percent with the class of each; none where glucose is not known.
        title, headline, step, last_step, look_again_on: of the first screen; `step` is the numbers that change, in a
            line, and `last_step` what became of the one before.
        kind: of the step; `None` where the proposal has none.
        not_written: the code of what is against writing it, whatever its age; `None` where nothing is.
    """

    glucose: str
    shares: tuple[Share, ...]
    drawn: tuple[tuple[float, str], ...]
    title: str
    headline: str
    step: str
    last_step: str
    look_again_on: str
    kind: StepKind | None
    not_written: str | None


@dataclass(frozen=True)
class IndexedRun:
    """One run. `past` is what a history knows of it, `damaged` the files that are not what was sealed."""

    name: str
    state: RunState
    at: datetime
    source_key: str
    past: PastRun | None = None
    card: RunCard | None = None
    codes: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()

    @property
    def waits_until(self) -> datetime | None:
        """Until when its step may be approved; `None` where none may, or it was written."""
        card, past = self.card, self.past
        if card is None or past is None or card.kind is not StepKind.CHANGE or card.not_written or past.applied:
            return None
        return past.at + timedelta(hours=MAX_AGE_H)

    @property
    def to_take_back(self) -> bool:
        """Whether it says that the last step is to be taken back."""
        return self.card is not None and self.card.kind is StepKind.TAKE_BACK


def indexed_run(run: RunDirectory) -> IndexedRun:
    """Read a run directory for the index."""
    found, manifest = read_run(run.path), manifest_of(run)
    codes = tuple(str(code) for code in manifest.get("reason_codes") or () if isinstance(code, str))
    if isinstance(found, PastRun):
        if not os.path.lexists(run.file(MANIFEST)):  # it is written last: the run has not ended
            return _unknown(run, manifest, RunState.NO_RUN, ())
        if found.outcome is not RunOutcome.PROPOSAL:
            return _made(run, RunState(found.outcome.value), found, codes=codes)
        try:
            proposal = read_proposal(run.file(PROPOSAL))
        except Refused:
            return _made(run, RunState.OTHER_VERSION, found)
        if manifest.get("proposal_sha256") not in (None, proposal.sha256):
            return _unknown(run, manifest, RunState.DAMAGED, (PROPOSAL,))
        return _made(run, RunState.PROPOSAL, found, card=_card(proposal))
    if found in (Skipped.FOREIGN, Skipped.UNFINISHED):
        return _unknown(run, manifest, RunState.NO_RUN, ())
    if found is Skipped.UNKNOWN:
        return _unknown(run, manifest, RunState.OTHER_VERSION, ())
    return _unknown(run, manifest, RunState.DAMAGED, _damaged(run))


def _made(run: RunDirectory, state: RunState, past: PastRun, **more: Any) -> IndexedRun:
    return IndexedRun(run.path.name, state, past.at, past.source.key, past, **more)


def _unknown(run: RunDirectory, manifest: dict[str, Any], state: RunState, damaged: tuple[str, ...]) -> IndexedRun:
    """Of what cannot be read: when and whose by the manifest, else by its name and nobody's."""
    options = manifest.get("options")
    options = options if isinstance(options, dict) else {}
    source = ""
    if isinstance(site := options.get("site"), str):
        source = site_key(site)
    elif isinstance(directory := options.get("from_directory"), str):
        source = directory_key(directory)
    at = instant(manifest.get("written_at")) or _at_by_name(run.path.name)
    return IndexedRun(run.path.name, state, at, source, damaged=damaged)


def _at_by_name(name: str) -> datetime:
    with suppress(ValueError):
        return datetime.strptime(name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    return datetime.fromtimestamp(0, UTC)


def _damaged(run: RunDirectory) -> tuple[str, ...]:
    """Which of the two documents it is; the proposal where both can be read and its seal is another."""
    unreadable = []
    for name in (PROPOSAL, MANIFEST):
        try:
            readable = isinstance(parse_document(read_private(run.path, name)), dict)
        except (Damaged, OSError):
            readable = False
        if not readable:
            unreadable.append(name)
    return tuple(unreadable) or (PROPOSAL,)


def _card(proposal: Proposal) -> RunCard:
    screen = first_screen(proposal)
    return RunCard(
        glucose=screen.glucose,
        shares=screen.shares,
        drawn=tuple(shares_drawn(proposal.glucose)) if proposal.glucose else (),
        title=screen.title,
        headline=screen.headline,
        step=_step(screen),
        last_step=screen.last,
        look_again_on=screen.look_again_on,
        kind=proposal.step.kind if proposal.step else None,
        not_written=_against(proposal),
    )


def _step(screen: FirstScreen) -> str:
    return "; ".join([*map(str, screen.rows), *([screen.total] if screen.total else [])])


def _against(proposal: Proposal) -> str | None:
    try:
        made = datetime.fromisoformat(proposal.created_at)
        check_may_be_written(proposal, made if made.tzinfo else made.replace(tzinfo=UTC), MAX_AGE_H)
        site_of(proposal)
    except Refused as refusal:
        return refusal.reason.code
    except ValueError:
        return "unreadable"
    return None
