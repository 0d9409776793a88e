"""The lines of a journal: read only as they were written. What a crash leaves is known from what was changed later.

A process that is killed, or a full disk, leaves a line cut off at the end; the next line that is added closes it, and
says so (`closes`: how many bytes). Any other line that cannot be read, and a step without those before it, is damage:
to skip it would hide a change, or the hashes by which its documents are checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

BACKUP, INTENT, UNDO = "backup", "intent", "undo"  # the documents of a change
KEPT = "kept_sha256"  # in a step's line: the sha256 of each document that was kept before it
CLOSES = "closes"
BEGINNING = b'{"change": "'  # of every line


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
ENDS_AFTER_ONE_OF = {
    ChangeOutcome.AFTER: {Step.WRITTEN},
    ChangeOutcome.BEFORE: {Step.BEGUN},
    ChangeOutcome.THEIRS: {Step.WRITING, Step.WRITTEN},
}
KEPT_FOR = {Step.BACKED_UP: BACKUP, Step.CHECKED: INTENT, Step.UNDOING: UNDO}


class Damaged(Exception):  # noqa: N818 - becomes a refusal, with the file's path
    """A line is not as it was written; the text says which, and holds nothing of it."""


def numbered_records(content: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Every line's number and record. One that a crash cut off counts as never written.

    Raises:
        Damaged: for any other that is not readable.
    """
    found: list[tuple[int, dict[str, Any]]] = []
    unreadable: list[tuple[int, bytes]] = []
    for number, line in enumerate(content.split(b"\n"), 1):
        record = _record(line)
        if record is not None:
            _check_closed(unreadable, record, found)
            found.append((number, record))
            unreadable = []
        elif line.strip():
            unreadable.append((number, line))
    for number, line in unreadable:
        last = number == content.count(b"\n") + 1
        if not last and (line.endswith(b"}") or not _begins_a_line(line)):
            raise _unreadable(number)
    return found


def cut_off_bytes(content: bytes) -> int:
    """How many bytes at the end are of lines that were cut off.

    Raises:
        Damaged: as `numbered_records`.
    """
    numbered_records(content)
    cut_off = 0
    for line in reversed(content.split(b"\n")):
        if _record(line) is not None:
            break
        cut_off += len(line) if line.strip() else 0
    return cut_off


def check_order(records: Iterable[tuple[int, dict[str, Any]]]) -> None:
    """Check one change's steps: each after those before it, and each document's hash where any was noted.

    Raises:
        Damaged
    """
    taken: set[Step] = set()
    hashed: set[str] = set()
    missing: list[int] = []
    for number, record in records:
        step = Step(record["step"])
        hashed |= set(record[KEPT]) if isinstance(record.get(KEPT), dict) else set()
        if not _follows(step, record, taken):
            raise Damaged(f"the step of line {number} has none of those before it")
        if KEPT_FOR.get(step, BACKUP) not in hashed and step in KEPT_FOR:
            missing.append(number)
        taken.add(step)
    if missing and hashed & {BACKUP, INTENT}:  # an undo's alone: a change that an earlier version began
        raise Damaged(f"line {missing[0]} has no hash of its document")


def _follows(step: Step, record: dict[str, Any], taken: set[Step]) -> bool:
    if step is Step.BEGUN:
        return not taken
    if step is Step.DONE:
        outcome = record.get("outcome")
        return outcome in set(ChangeOutcome) and bool(taken & ENDS_AFTER_ONE_OF[ChangeOutcome(outcome)])
    stands = step is Step.WRITTEN and record.get("stands") is True and Step.CHECKED in taken
    return stands or bool(taken & AFTER_ONE_OF[step])


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
        Step(record["step"])
        return record if isinstance(record["change"], str) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _check_closed(
    unreadable: list[tuple[int, bytes]], closing: dict[str, Any], before: list[tuple[int, dict[str, Any]]]
) -> None:
    if not unreadable or closing.get(CLOSES) == sum(len(line) for _, line in unreadable):
        return
    # A version that noted no hashes closed it without a word.
    said = any(KEPT in record or CLOSES in record for record in (*(r for _, r in before), closing))
    for number, line in unreadable:
        if said or not _begins_a_line(line):
            raise _unreadable(number)


def _begins_a_line(line: bytes) -> bool:
    """Whether it is how a line begins, cut off anywhere."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return line[: len(BEGINNING)] == BEGINNING[: len(line)]
    return False


def _unreadable(number: int) -> Damaged:
    return Damaged(f"line {number} cannot be read")
