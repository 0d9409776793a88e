"""The lines of a journal: which steps there are, what a line says, and whether they are as they were written.

The lines are read only as they were written: what a crash leaves is known from what was changed later. A process that
is killed, or a full disk, leaves a line cut off at the end; the next line that is added closes it, and says so
(`closes`: how many bytes). Any other line that cannot be read, and a step without those before it, is damage: to skip
it would hide a change, or the hashes by which its documents are checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.values.private_files import Damaged, parse_document

BACKUP, INTENT, UNDO, BASELINE = "backup", "intent", "undo", "baseline"  # the documents of a change
KEPT = "kept_sha256"  # in a step's line: the sha256 of each document that was kept before it
CLOSES = "closes"
BEGINNING = b'{"change": "'  # of every line
NumberedLine = tuple[int, dict[str, Any]]  # a line: its number, from 1, and its record
Refusing = Callable[[str], Refused]  # the refusal, given what is damaged; holds nothing of it


class Step(StrEnum):
    """How far a change has come. Each is on disk before what it announces is done."""

    BEGUN = "begun"
    BACKED_UP = "backed-up"
    CHECKED = "checked"
    WRITING = "writing"
    WRITTEN = "written"
    ACTIVATING = "activating"
    UNDOING = "undoing"
    UNDONE_WRITTEN = "undone-written"
    DONE = "done"


class ChangeOutcome(StrEnum):
    """What the site is after a change: as planned, as before, or as somebody else made it meanwhile."""

    AFTER, BEFORE, THEIRS = "after", "before", "theirs"


# One of these steps was taken before each.
AFTER_ONE_OF = {
    Step.BACKED_UP: {Step.BEGUN},
    Step.CHECKED: {Step.BACKED_UP},
    Step.WRITING: {Step.CHECKED},
    Step.WRITTEN: {Step.WRITING},
    Step.ACTIVATING: {Step.WRITTEN},
    Step.UNDOING: {Step.WRITING, Step.WRITTEN},
    Step.UNDONE_WRITTEN: {Step.UNDOING},
}
ENDS_AFTER_ONE_OF: dict[str, set[Step]] = {
    ChangeOutcome.AFTER: {Step.WRITTEN},
    ChangeOutcome.BEFORE: {Step.BEGUN},
    ChangeOutcome.THEIRS: {Step.WRITING, Step.WRITTEN},
}
KEPT_FOR = {Step.BACKED_UP: BACKUP, Step.CHECKED: INTENT, Step.UNDOING: UNDO}


def read_lines(content: bytes, damaged: Refusing) -> tuple[list[NumberedLine], int]:
    """Every line's number and record, and how many bytes at the end a crash cut off: those count as never written.

    Raises:
        Refused: `damaged`, for any other line that is not readable.
    """
    found: list[NumberedLine] = []
    unreadable: list[tuple[int, bytes]] = []
    for number, line in enumerate(content.split(b"\n"), 1):
        record = _record(line)
        if record is not None:
            _check_closed(unreadable, record, found, damaged)
            found.append((number, record))
            unreadable = []
        elif line.strip():
            unreadable.append((number, line))
    for number, line in unreadable:
        last = number == content.count(b"\n") + 1
        if not last and (line.endswith(b"}") or not _begins_a_line(line)):
            raise damaged(f"line {number} {_why_not(line)}")
    return found, _bytes(unreadable)


def check_order(records: Iterable[NumberedLine], damaged: Refusing) -> None:
    """Check one change's steps: each after those before it, and each document's hash where any was noted.

    Raises:
        Refused: `damaged`.
    """
    taken: set[Step] = set()
    hashed: set[str] = set()
    missing: list[int] = []
    for number, record in records:
        step = Step(record["step"])
        hashed |= set(record[KEPT]) if isinstance(record.get(KEPT), dict) else set()
        if not _follows(step, record, taken):
            raise damaged(f"the step of line {number} has none of those before it")
        if step in KEPT_FOR and KEPT_FOR[step] not in hashed:
            missing.append(number)
        taken.add(step)
    if missing and hashed & {BACKUP, INTENT}:  # an undo's alone: a change that an earlier version began
        raise damaged(f"line {missing[0]} has no hash of its document")


def _follows(step: Step, record: dict[str, Any], taken: set[Step]) -> bool:
    if step is Step.BEGUN:
        return not taken
    if step is Step.DONE:
        return bool(taken & ENDS_AFTER_ONE_OF.get(str(record.get("outcome")), set()))
    stands = step is Step.WRITTEN and record.get("stands") is True and Step.CHECKED in taken
    return stands or bool(taken & AFTER_ONE_OF[step])


# What of a line is acted on, and what it has to be where it is there.
FACTS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(
        ("change", "step", "at", "kind", "what", "name", "source", "of", "outcome", "why", "proposal_id"), str
    ),
    **dict.fromkeys(("proposal_sha256", "site_sha256", "before_sha256", "after_sha256"), str),
    **dict.fromkeys(("parts", "hours", "names", "one_for_several"), list),
    **dict.fromkeys(("activate", "only_less", "stands", "late"), bool),
    **dict.fromkeys(("max_age_h", CLOSES), (int, float)),
    KEPT: dict,
}


def _record(line: bytes) -> dict[str, Any] | None:
    """A line's record; `None` for what no version of ours wrote, or a later one."""
    try:
        record: dict[str, Any] = parse_document(line)
        Step(record["step"])
        apart = datetime.fromisoformat(record["at"]).utcoffset()
        texts = [*record.get(KEPT, {}).values(), *(text for key in ("parts", "names") for text in record.get(key, ()))]
        typed = all(isinstance(record[key], kind) for key, kind in FACTS.items() if record.get(key) is not None)
        named = Path(record["change"]).name == record["change"] and not record["change"].startswith(".")
        whole = typed and named and apart is not None and all(isinstance(text, str) for text in texts)
        return record if whole and (record["step"] != Step.BEGUN or "kind" in record) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _why_not(line: bytes) -> str:
    """What is wrong with a line that is no record, without anything of it."""
    try:
        record = parse_document(line)
    except Damaged:
        return "cannot be read"
    step = record.get("step") if isinstance(record, dict) else None
    if isinstance(step, str) and step not in set(Step):
        return "has a step that this version does not know; if a later version wrote it, use that one"
    return "lacks what a line has, or has it in another form"


def _check_closed(
    unreadable: Sequence[tuple[int, bytes]], closing: dict[str, Any], before: Sequence[NumberedLine], damaged: Refusing
) -> None:
    if not unreadable or closing.get(CLOSES) == _bytes(unreadable):
        return
    # A version that noted no hashes closed it without a word.
    said = any(KEPT in record or CLOSES in record for record in (*(r for _, r in before), closing))
    for number, line in unreadable:
        if said or not _begins_a_line(line):
            raise damaged(f"line {number} {_why_not(line)}")


def _bytes(lines: Iterable[tuple[int, bytes]]) -> int:
    return sum(len(line) for _, line in lines)


def _begins_a_line(line: bytes) -> bool:
    """Whether it is how a line begins, cut off anywhere."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return line[: len(BEGINNING)] == BEGINNING[: len(line)]
    return False
