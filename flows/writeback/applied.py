"""What was applied and rolled back: the note a change leaves in its run, and what notes and journals tell.

A run's `applied.json` names the journal of its site and holds a copy of the lines of the run's own changes; the journal
(a line for each step of each change) is what counts. Where it cannot be read, the copies are used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.values.private_files import Damaged, parse_document, read_private
from flows.values.run_directory import RunDirectory
from flows.writeback.journal import LINES, Journal
from flows.writeback.journal_lines import read_lines

YEARS = range(1990, 2200)  # others would leave the calendar in some time zone
LARGEST_BYTES = 64_000_000
NOTE = "applied.json"


@dataclass(frozen=True)
class Applied:
    """One time a proposal was written to the site.

    Attributes:
        at: when that was done (UTC).
        activated: whether this program made it the active profile; if not, when it was used is not known.
        parts: what was written: `basal`, `isf`, `cr`.
        undone_at: when it was rolled back, if it was.
    """

    at: datetime
    activated: bool
    parts: tuple[str, ...]
    undone_at: datetime | None


@dataclass(frozen=True)
class PastChange:
    """One change of a site's profile that came to an end in which the profile was another than before."""

    name: str
    kind: str
    at: datetime
    proposal_sha256: str
    ours: bool
    activated: bool
    parts: tuple[str, ...]
    undoes: str | None


def leave_note(run: RunDirectory, journal: Journal) -> None:
    """Leave in a run the name of its site's journal, and a copy of the lines that are about it.

    Raises:
        OSError, Refused: it could not be written, or the journal not read.
    """
    mine = [c.records for c in journal.changes() if c.facts.get("proposal_id") == run.path.name]
    if mine:
        run.write_json(NOTE, {"journal": str(journal.directory), "changes": mine})


def journal_named(run: Path) -> Path | None:
    """The journal that a run's note names; `None` where there is no note."""
    return _journal_in(_note(run))


def damaged_records(run: Path) -> list[Path]:
    """Of what tells what became of a run, what is there and cannot be read: its note, and the journal that it names.

    A journal that is not there is none of these: it may lie on another machine, and the note has copies.
    """
    note, found = _note(run), []
    if os.path.lexists(run / NOTE) and not note:
        found.append(run / NOTE)
    if (journal := _journal_in(note)) is not None and os.path.lexists(journal / LINES):
        try:
            read_lines(read_private(journal, LINES), _damaged)
        except (Damaged, Refused, OSError):
            found.append(journal / LINES)
    return found


def changes_of(runs: Iterable[Path]) -> tuple[PastChange, ...]:
    """Every change that the journals named by these run directories know of, by time."""
    notes = [_note(run) for run in runs]
    journals = sorted({journal for note in notes if (journal := _journal_in(note)) is not None})
    read = (*chain.from_iterable(map(_copied, notes)), *chain.from_iterable(map(_journal, journals)))
    lines = {json.dumps(line, sort_keys=True): line for line in read}
    records: dict[str, list[dict[str, Any]]] = {}
    for line in lines.values():
        records.setdefault(str(line.get("change")), []).append(line)
    found = [c for name, steps in records.items() if (c := _change(name, steps)) is not None]
    return tuple(sorted(found, key=lambda c: (c.at, c.name)))


def applications(proposal_sha256: str, changes: Iterable[PastChange]) -> tuple[Applied, ...]:
    """Each time this proposal was applied, in order."""
    known = tuple(changes)
    undone = {c.undoes: c.at for c in known if c.kind == "rollback" and c.ours}
    mine = [c for c in known if c.kind == "apply" and c.ours and c.proposal_sha256 == proposal_sha256]
    return tuple(Applied(c.at, c.activated, c.parts, undone.get(c.name)) for c in mine)


def instant(value: Any) -> datetime | None:
    """A point in time of our days from ISO 8601 text with its offset; `None` for anything else."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None and found.year in YEARS else None


def _damaged(detail: str) -> Refused:
    return Refused(Reason.JOURNAL_ALTERED, file=LINES, path=LINES, detail=detail)


def _note(run: Path) -> dict[str, Any]:
    return _object(_text(run / NOTE))


def _journal_in(note: dict[str, Any]) -> Path | None:
    named = note.get("journal")
    return Path(named) if isinstance(named, str) and named else None


def _copied(note: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines a note holds; `lines`: all in one list, as readers before this one expected them."""
    changes = note.get("changes")
    lists = [*(changes if isinstance(changes, list) else ()), note.get("lines")]
    return [line for lines in lists if isinstance(lines, list) for line in lines if isinstance(line, dict)]


def _journal(directory: Path) -> list[dict[str, Any]]:
    """The lines of a journal but those a lost process cut off."""
    return [line for text in _text(directory / LINES).split("\n") if (line := _object(text))]


def _text(file: Path) -> str:
    try:
        return read_private(file.parent, file.name, largest_bytes=LARGEST_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def _object(text: str) -> dict[str, Any]:
    try:
        document = parse_document(text.encode("utf-8", "replace"))
    except Damaged:
        return {}
    return document if isinstance(document, dict) else {}


def _change(name: str, steps: list[dict[str, Any]]) -> PastChange | None:
    """A change from its steps; `None` where it has no end yet, or left the site as it was."""
    steps = sorted(steps, key=lambda s: str(s.get("at")))
    begun = next((s for s in steps if s.get("step") == "begun"), None)
    last = steps[-1]
    at = instant(last.get("at"))
    ended = last.get("step") == "done" and last.get("outcome") in ("after", "theirs")
    if begun is None or at is None or not ended or begun.get("kind") not in ("apply", "rollback"):
        return None
    parts = begun.get("parts")
    return PastChange(
        name=name,
        kind=str(begun["kind"]),
        at=at,
        proposal_sha256=str(begun.get("proposal_sha256")),
        ours=last["outcome"] == "after",
        activated=begun.get("activate") is True,
        parts=tuple(str(p) for p in parts) if isinstance(parts, list) else (),
        undoes=str(begun["of"]) if "of" in begun else None,
    )
