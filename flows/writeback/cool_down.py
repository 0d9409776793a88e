"""When the next step may be taken: not before the last change was watched for a week, and longer after a rollback.

By the journal and by the markers on the site, so that neither another machine nor a lost journal makes it sooner. A
person who writes upstream's numbers by name is told and let through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.nightscout.documents import Record
from flows.proposal.step_limits import OF
from flows.values.units import SECOND_MS
from flows.writeback.active_on_site import SiteProfiles
from flows.writeback.approval import Scope, SyncRequest
from flows.writeback.approval_checks import Approved, served_documents
from flows.writeback.journal import Change, Journal
from flows.writeback.markers import Mark, marks_on


@dataclass(frozen=True)
class LastChanges:
    """When the last change that still holds was applied, and when the last one was rolled back; `None`: none known."""

    applied: datetime | None = None
    rolled_back: datetime | None = None


@dataclass(frozen=True)
class TooSoon:
    """Something happened too shortly ago: what, when, and until when a step waits for it.

    `forbids`: what is asked for is refused; else it is said.
    """

    what: str
    at: datetime
    until: datetime
    forbids: bool

    @property
    def refusal(self) -> Refused:
        """From which day on a step may be taken."""
        return Refused(Reason.STEP_TOO_SOON, what=self.what, at=f"{self.at:%Y-%m-%d}", until=_minute(self.until))

    @property
    def note(self) -> str:
        """For who is let through."""
        return translatable(
            "The last change was {what} on {at}, and what it does is not known before {until}: a step would wait until "
            "then.",
            what=self.what,
            at=f"{self.at:%Y-%m-%d}",
            until=_minute(self.until),
        )


def too_soon(scope: Scope, last: LastChanges, now: datetime) -> TooSoon | None:
    """What of the last changes should be waited for, or has to be, before so much of a proposal is written.

    After a change the step and the reductions are refused, after a rollback the step.
    """
    for what, at, days, refused in (
        (to_translate("applied"), last.applied, OF["cool_down"], (Scope.STEP, Scope.REDUCTIONS)),
        (to_translate("rolled back"), last.rolled_back, OF["pause"], (Scope.STEP,)),
    ):
        if at is not None and now < (until := at + timedelta(days=days)):
            return TooSoon(what, at, until, scope in refused)
    return None


def check_not_too_soon(request: SyncRequest, last: LastChanges, now: datetime) -> tuple[str, ...]:
    """Refuse a step that comes too soon.

    Returns:
        What is said to who is let through, where a step would have had to wait.

    Raises:
        Refused: `STEP_TOO_SOON`.
    """
    found = too_soon(request.scope, last, now)
    if found is not None and found.forbids:
        raise found.refusal
    return () if found is None else (found.note,)


def too_soon_as_known(
    approved: Approved, scope: Scope, now: datetime, journals: Path | None = None, documents: Sequence[Record] = ()
) -> TooSoon | None:
    """`too_soon` by what is known here before the site is asked: its journal, and the documents that were served.

    The proposal's own change is no reason: applied again, it is activated, or said to be there.

    Args:
        approved: the proposal that is to be written.
        scope: how much of it.
        now: the time.
        journals: where journals lie; the user's own place where it is left out.
        documents: profile documents of the site that were read since the run.
    """
    try:
        changes = Journal(approved.site, journals).changes()
    except Refused:
        return None  # what writes reads it again, and says what is wrong
    known = [*served_documents(approved.run), *documents]
    return too_soon(scope, last_changes(changes, known, but=approved.sha256), now)


def last_changes(changes: Sequence[Change], documents: Sequence[Record], but: str | None = None) -> LastChanges:
    """The last changes of a site that its journal and its documents' markers know of.

    Args:
        changes: of the journal.
        documents: profile documents, as the site serves them.
        but: the sha256 of a proposal whose own application does not count.
    """
    own = {change.name for change in changes}
    marks = [mark for mark in marks_on(SiteProfiles(tuple(documents), ())) if mark.change not in own]
    applied = [
        *(_at(c) for n, c in enumerate(changes) if _still_holds(c, changes[n + 1 :], marks, but)),
        *(_instant(m) for m in marks if m.kind == "apply" and m.proposal != but and not _undone(m, changes, marks)),
    ]
    rolled_back = [
        *(_at(c) for c in changes if c.did("rollback")),
        *(_instant(m) for m in marks if m.kind == "rollback"),
    ]
    return LastChanges(max(applied, default=None), max(rolled_back, default=None))


def written_at(changes: Sequence[Change], sha256: str) -> datetime | None:
    """When a proposal was last written, by the journal, and not rolled back since; `None` where it was not."""
    holding = (
        _at(change)
        for n, change in enumerate(changes)
        if change.facts.get("proposal_sha256") == sha256 and _still_holds(change, changes[n + 1 :], (), None)
    )
    return max(holding, default=None)


def _still_holds(change: Change, later: Sequence[Change], marks: Sequence[Mark], but: str | None) -> bool:
    proposal = change.facts.get("proposal_sha256")
    if not change.did("apply") or proposal == but:
        return False
    here = any(c.did("rollback", proposal_sha256=proposal) for c in later)
    since_ms = _at(change).timestamp() * SECOND_MS
    return not here and not any(m.kind == "rollback" and m.proposal == proposal and m.at_ms >= since_ms for m in marks)


def _undone(mark: Mark, changes: Sequence[Change], marks: Sequence[Mark]) -> bool:
    """Whether another journal's change was rolled back, by it or by this one, or taken back at once."""
    here = any(c.did("rollback", of=mark.change) for c in changes)
    there = any(m.kind == "rollback" and m.proposal == mark.proposal and m.at_ms >= mark.at_ms for m in marks)
    return here or there or mark.taken_back


def _at(change: Change) -> datetime:
    return datetime.fromisoformat(change.facts["at"])


def _instant(mark: Mark) -> datetime:
    return datetime.fromtimestamp(mark.at_ms / SECOND_MS, UTC)


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
