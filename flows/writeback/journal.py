"""The journal of one site's changes: append-only, on disk before each effect, so that whatever happens is known after.

One directory for each site, outside the runs: `journal.jsonl` holds a line for each step of each change (who, what,
when, hashes; no number of anybody's therapy), `CHANGE/` the documents of a change: `backup.json`, `intent.json`,
`undo.json`, whose sha256 is in the line of the step after them. All readable by their owner only. `lock` keeps changes
of one site apart. Knows no HTTP.

The lines are read only as they were written: what a crash leaves is known from what was changed later. A process that
is killed, or a full disk, leaves a line cut off at the end; the next line that is added closes it, and says so
(`closes`: how many bytes). Any other line that cannot be read, and a step without those before it, is damage: to skip
it would hide a change, or the hashes by which its documents are checked.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.site_memory import site_key
from flows.values.lock import acquire
from flows.values.run_directory import dump, write_atomically
from flows.values.user_directories import journals_root

LINES = "journal.jsonl"
LOCK_PATIENCE_S = 30.0
BACKUP, INTENT, UNDO = "backup", "intent", "undo"  # the documents of a change
KEPT = "kept_sha256"  # in a step's line: the sha256 of each document that was kept before it
CLOSES = "closes"
BEGINNING = b'{"change": "'  # of every line
NumberedLine = tuple[int, dict[str, Any]]  # a line: its number, from 1, and its record
Damaged = Callable[[str], Refused]  # the refusal, given which line is damaged; holds nothing of it


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


@dataclass
class Change:
    """One change and its steps so far."""

    journal: Journal
    name: str
    records: list[dict[str, Any]] = field(default_factory=list)
    _kept: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def facts(self) -> dict[str, Any]:
        """What it was begun with: kind, who, proposal, versions."""
        return self.records[0]

    def is_a(self, kind: str, **facts: Any) -> bool:
        """Whether it is of this kind (`apply`, `rollback`, `reject`, …), and was begun with these facts."""
        return all(self.facts.get(key) == value for key, value in {"kind": kind, **facts}.items())

    def did(self, kind: str, **facts: Any) -> bool:
        """Whether it `is_a`, and ended as planned."""
        return self.outcome is ChangeOutcome.AFTER and self.is_a(kind, **facts)

    @property
    def step(self) -> Step:
        """The last step."""
        return Step(self.records[-1]["step"])

    @property
    def ended(self) -> bool:
        """Whether it was brought to its end."""
        return self.step is Step.DONE

    @property
    def outcome(self) -> ChangeOutcome | None:
        """How it ended; `None` for one that did not."""
        return ChangeOutcome(self.records[-1]["outcome"]) if self.ended else None

    def reached(self, step: Step) -> bool:
        """Whether it came to this step at any time."""
        return any(r["step"] == step for r in self.records)

    def note(self, step: Step, **facts: Any) -> None:
        """Write the next step down, for good, before it is taken; with the hashes of what was kept for it."""
        if self._kept:
            facts = {KEPT: dict(self._kept), **facts}
        self.records.append(self.journal.append(self.name, step, facts))
        self._kept.clear()

    def end(self, outcome: ChangeOutcome, why: str, **facts: Any) -> None:
        """Write the end down."""
        self.note(Step.DONE, outcome=outcome.value, why=why, **facts)

    def keep(self, name: str, document: Any) -> None:
        """Put a document of this change on disk, for good.

        Raises:
            Refused: `BACKUP_UNUSABLE`.
        """
        with _usable():
            content = dump(document)
            file = self.file(name)
            file.parent.mkdir(mode=0o700, exist_ok=True)
            write_atomically(file, content)
            _sync(file.parent)
            _sync(self.journal.directory)
        self._kept[name] = hashlib.sha256(content).hexdigest()

    def file(self, name: str) -> Path:
        """Where a document of this change lies."""
        return self.journal.directory / self.name / f"{name}.json"

    def kept_sha256(self, name: str) -> str | None:
        """The sha256 of a document's file by the journal; `None` in one of an earlier version."""
        noted = [kept.get(name) for r in self.records if isinstance(kept := r.get(KEPT), dict)]
        return next((str(sha256) for sha256 in reversed(noted) if sha256), None)

    def read(self, name: str) -> Any:
        """A document of this change, as it was kept.

        Raises:
            Refused: `JOURNAL_ALTERED` for one that is missing or is not what the journal has the hash of;
                `BACKUP_UNUSABLE`.
        """
        with _usable(partial(altered, self, name)):
            try:
                content = self.file(name).read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise altered(self, name, "it is missing") from None
        noted = self.kept_sha256(name)
        if noted is not None and hashlib.sha256(content).hexdigest() != noted:
            raise altered(self, name, "it has another sha256 than the journal says")
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise altered(self, name, "it is not readable JSON") from None


def altered(change: Change, name: str, detail: str) -> Refused:
    """The refusal of a kept document that is not what was written."""
    return Refused(Reason.JOURNAL_ALTERED, file=f"{name}.json", path=change.file(name), detail=detail)


class Journal:
    """The journal of one site.

    Args:
        site: its address.
        root: the directory of all sites; `journals_root()` when left out.
        clock: the time written beside each step.
    """

    def __init__(self, site: str, root: Path | None = None, clock: Callable[[], datetime] | None = None) -> None:
        self.directory = (root or journals_root()) / site_key(site)
        self._clock = clock or (lambda: datetime.now(UTC))

    @contextmanager
    def locked(self, patience_s: float = LOCK_PATIENCE_S) -> Iterator[None]:
        """Hold the site's lock, waiting for it for a time; it ends with the process that holds it.

        Raises:
            Refused: `CHANGE_UNDER_WAY`, `BACKUP_UNUSABLE`.
        """
        with _usable():
            for directory in (self.directory.parent, self.directory):  # a parent made on the way is open to others
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.directory.chmod(0o700)
            try:
                held = acquire(self.directory / "lock", patience_s)
            except TimeoutError:
                raise Refused(Reason.CHANGE_UNDER_WAY) from None
        try:
            yield
        finally:
            held.release()

    def begin(self, **facts: Any) -> Change:
        """Begin a change."""
        change = Change(self, f"{self._clock():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}")
        change.note(Step.BEGUN, **facts)
        return change

    def append(self, change: str, step: Step, facts: dict[str, Any]) -> dict[str, Any]:
        """Add a line and put it on disk.

        Raises:
            Refused: `BACKUP_UNUSABLE`.
        """
        at = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        record = {"change": change, "step": step.value, "at": at, **facts}
        path = self.directory / LINES
        with _usable():
            new = not path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "rb+", buffering=0) as stream:
                before = stream.read()
                _, cut_off = read_lines(before, self._damaged)
                if cut_off:
                    record[CLOSES] = cut_off
                line = json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
                if before and not before.endswith(b"\n"):
                    line = b"\n" + line  # a lost process or a full disk cut off the one before
                if os.write(stream.fileno(), line) != len(line):
                    raise OSError("the line was not written whole")
                os.fsync(stream.fileno())
            if new:
                _sync(self.directory)
        return record

    def changes(self) -> list[Change]:
        """Every change, oldest first. A line that was cut off at the end counts as never written.

        Raises:
            Refused: `JOURNAL_ALTERED` where a line is damaged or one is missing; `BACKUP_UNUSABLE`.
        """
        content = b""
        with _usable(self._damaged), suppress(FileNotFoundError):
            content = (self.directory / LINES).read_bytes()
        found: dict[str, list[NumberedLine]] = {}
        for line in read_lines(content, self._damaged)[0]:
            found.setdefault(line[1]["change"], []).append(line)
        for records in found.values():
            check_order(records, self._damaged)
        if any(kept.parent.name not in found for kept in self.directory.glob(f"*/{BACKUP}.json")):
            raise self._damaged("a change whose documents lie beside it has no line")
        return [Change(self, name, [record for _, record in records]) for name, records in found.items()]

    def _damaged(self, detail: str) -> Refused:
        return Refused(Reason.JOURNAL_ALTERED, file=LINES, path=self.directory / LINES, detail=detail)


@contextmanager
def _usable(damaged: Callable[[str], Refused] | None = None) -> Iterator[None]:
    """Refuse what cannot be read or written; with `damaged`, a link to itself is damage."""
    try:
        yield
    except Refused:
        raise
    except (OSError, ValueError) as error:
        if damaged is not None and isinstance(error, OSError) and error.errno == errno.ELOOP:
            raise damaged("it is a link that leads back to itself") from None
        raise Refused(Reason.BACKUP_UNUSABLE, detail=type(error).__name__) from None


def _sync(directory: Path) -> None:
    """Put a directory's entries on disk: without this, a power cut may lose a file that was written."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- the lines


def read_lines(content: bytes, damaged: Damaged) -> tuple[list[NumberedLine], int]:
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
            raise damaged(f"line {number} cannot be read")
    return found, _bytes(unreadable)


def check_order(records: Iterable[NumberedLine], damaged: Damaged) -> None:
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


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
        Step(record["step"])
        return record if isinstance(record["change"], str) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _check_closed(
    unreadable: Sequence[tuple[int, bytes]], closing: dict[str, Any], before: Sequence[NumberedLine], damaged: Damaged
) -> None:
    if not unreadable or closing.get(CLOSES) == _bytes(unreadable):
        return
    # A version that noted no hashes closed it without a word.
    said = any(KEPT in record or CLOSES in record for record in (*(r for _, r in before), closing))
    for number, line in unreadable:
        if said or not _begins_a_line(line):
            raise damaged(f"line {number} cannot be read")


def _bytes(lines: Iterable[tuple[int, bytes]]) -> int:
    return sum(len(line) for _, line in lines)


def _begins_a_line(line: bytes) -> bool:
    """Whether it is how a line begins, cut off anywhere."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return line[: len(BEGINNING)] == BEGINNING[: len(line)]
    return False
