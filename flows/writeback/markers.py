"""The marker in each profile document this program writes: another journal knows by it whose change it is looking at.

A site may be written to from two machines, or from a host and a container, each with its own journal; a journal may be
lost. The marker names the change by its journal's name for it, the proposal, and by their sha256 what the document
says and what was there before; it carries the baseline on (`flows.writeback.baseline`). Nightscout 0.12.8 and 15.0.7
keep fields they do not know (15.0.7 purifies their texts, which here have nothing to purify).

A marker counts only in a document that still says what the marker has the sha256 of: an editor takes unknown fields
along into what it saves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flows.nightscout.documents import Record
from flows.profiles.stored import document_sha256
from flows.proposal.step_document import Baseline
from flows.values.timestamps import instant_ms
from flows.values.units import SECOND_MS
from flows.writeback.active_on_site import MARKER, SiteProfiles, profile_content, start_ms
from flows.writeback.baseline import marker_fields
from flows.writeback.journal import Change

FIELDS = ("kind", "change", "at", "proposal", "of", "content", "before")


@dataclass(frozen=True)
class MarkedChange:
    """A change by the marker of the document it wrote.

    Attributes:
        kind: `apply`, `rollback`, `tidy`, `baseline`.
        change: its name in the journal it was made with.
        at_ms: when it was begun, by the clock of who made it.
        proposal: the sha256 of the proposal that was written or rolled back; empty where there was none.
        of: the change that was rolled back; empty for another kind.
        before: the sha256 of what the newest document said before.
        document: the document, as the site has it.
    """

    kind: str
    change: str
    at_ms: float
    proposal: str
    of: str
    before: str
    document: Record

    @property
    def begun(self) -> str:
        """When it was begun, to the minute (UTC)."""
        return datetime.fromtimestamp(self.at_ms / SECOND_MS, UTC).strftime("%Y-%m-%d %H:%M UTC")


@dataclass(frozen=True)
class Mark:
    """What a marker says, whatever became of its document since: `kind`, `change`, `at_ms`, `proposal` and `of`.

    `taken_back`: the document that follows it says what was there before it.
    """

    kind: str
    change: str
    at_ms: float
    proposal: str
    of: str
    taken_back: bool


def with_marker(document: Record, change: Change, before: Record, baseline: Baseline | None = None) -> Record:
    """A document that is about to be written, with the marker of its change.

    Args:
        document: with its start.
        change: begun in its journal.
        before: what the newest document says (`profile_content`).
        baseline: that counts with this change.
    """
    facts = change.facts
    marker = {
        "kind": str(facts.get("kind") or ""),
        "change": change.name,
        "at": str(facts["at"]),
        "proposal": str(facts.get("proposal_sha256") or ""),
        "of": str(facts.get("of") or ""),
        "content": _sha256(profile_content(document)),
        "before": _sha256(before),
        **marker_fields(baseline),
    }
    return {**document, MARKER: marker}


def marked_change(document: Record) -> MarkedChange | None:
    """The change that wrote a document; `None` for one that somebody else wrote, or edited since."""
    marker = _marker(document)
    if marker is None or marker["content"] != _sha256(profile_content(document)):
        return None
    return MarkedChange(
        kind=marker["kind"],
        change=marker["change"],
        at_ms=_at_ms(marker, document),
        proposal=marker["proposal"],
        of=marker["of"],
        before=marker["before"],
        document=document,
    )


def marks_on(state: SiteProfiles) -> tuple[Mark, ...]:
    """What the markers of all documents say, each change once; also of documents that somebody edited since."""
    found: dict[str, Mark] = {}
    after: Record | None = None
    for document in state.newest_first:
        if (marker := _marker(document)) is not None:
            found[marker["change"]] = Mark(
                kind=marker["kind"],
                change=marker["change"],
                at_ms=_at_ms(marker, document),
                proposal=marker["proposal"],
                of=marker["of"],
                taken_back=after is not None and _sha256(profile_content(after)) == marker["before"],
            )
        after = document
    return tuple(found.values())


def _marker(document: Record) -> dict[str, str] | None:
    marker = document.get(MARKER)
    whole = isinstance(marker, dict) and all(isinstance(marker.get(field), str) for field in FIELDS)
    return marker if whole else None


def _at_ms(marker: dict[str, str], document: Record) -> float:
    at = instant_ms(marker["at"], "UTC")
    return at[0] if at is not None else start_ms(document)


def newest_marked(state: SiteProfiles) -> MarkedChange | None:
    """The change that wrote what is newest on the site, where that says the same as all that begins with it."""
    newest = state.newest
    return marked_change(newest) if state.newest_says(newest) else None


def content_before(state: SiteProfiles, marked: MarkedChange) -> Record | None:
    """What the profile said before a change, from the document that the site still has of it; `None` without one."""
    older = (d for d in state.newest_first if d is not marked.document)
    return next((c for d in older if _sha256(c := profile_content(d)) == marked.before), None)


def _sha256(content: Any) -> str:
    """The same for what a site gives back: JavaScript writes a whole number as 5, whatever it was sent as."""
    return document_sha256(_as_served(content))


def _as_served(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_served(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_served(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
