"""The journal of one site's changes: append-only, on disk before each effect, so that whatever happens is known after.

One directory for each site, outside the runs: `journal.jsonl` holds a line for each step of each change (who, what,
when, hashes; no number of anybody's therapy), `CHANGE/` the documents of a change: `backup.json`, `intent.json`,
`baseline.json`, `undo.json`, whose sha256 is in the line of the step after them. All readable by their owner only.
`lock` keeps changes of one site apart. Knows no HTTP.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.site_memory import site_key
from flows.values.lock import acquire
from flows.values.private_files import (
    Damaged,
    Missing,
    make_private,
    make_private_way,
    open_private,
    opened_directory,
    parse_document,
    read_private,
    write_private,
)
from flows.values.run_directory import dump
from flows.values.user_directories import journals_root
from flows.writeback.journal_lines import BACKUP as BACKUP
from flows.writeback.journal_lines import BASELINE as BASELINE
from flows.writeback.journal_lines import CLOSES, NumberedLine, Refusing, check_order, read_lines
from flows.writeback.journal_lines import INTENT as INTENT
from flows.writeback.journal_lines import KEPT as KEPT
from flows.writeback.journal_lines import UNDO as UNDO
from flows.writeback.journal_lines import ChangeOutcome as ChangeOutcome
from flows.writeback.journal_lines import Step as Step

LINES, LOCK = "journal.jsonl", "lock"
LOCK_PATIENCE_S = 30.0


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
            Refused: `BACKUP_UNUSABLE`, `JOURNAL_ALTERED`, `PRIVATE_DIRECTORY`.
        """
        with _usable(partial(altered, self, name)):
            content = dump(document)
            write_private(self.journal.root, self.journal.key, self.name, f"{name}.json", content=content)
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
                `BACKUP_UNUSABLE`, `PRIVATE_DIRECTORY`.
        """
        with _usable(partial(altered, self, name)):
            content = read_private(self.journal.root, self.journal.key, self.name, f"{name}.json", ours=True)
            noted = self.kept_sha256(name)
            if noted is not None and hashlib.sha256(content).hexdigest() != noted:
                raise altered(self, name, "it has another sha256 than the journal says")
            return parse_document(content)


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
        self.root, self.key = root or journals_root(), site_key(site)
        self.directory = self.root / self.key
        self._clock = clock or (lambda: datetime.now(UTC))

    @contextmanager
    def locked(self, patience_s: float = LOCK_PATIENCE_S) -> Iterator[None]:
        """Hold the site's lock, waiting for it for a time; it ends with the process that holds it.

        Raises:
            Refused: `CHANGE_UNDER_WAY`, `BACKUP_UNUSABLE`, `JOURNAL_ALTERED`, `PRIVATE_DIRECTORY`.
        """
        with _usable(partial(self.damaged, file=LOCK)):
            make_private_way(self.root)
            make_private(self.root, self.key)
            with opened_directory(self.root, self.key) as directory:
                os.close(open_private(directory, LOCK, os.O_RDWR | os.O_CREAT))
            try:
                held = acquire(self.directory / LOCK, patience_s)
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
            Refused: `BACKUP_UNUSABLE`, `JOURNAL_ALTERED`, `PRIVATE_DIRECTORY`.
        """
        at = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        record = {"change": change, "step": step.value, "at": at, **facts}
        with _usable(self.damaged), opened_directory(self.root, self.key, ours=True) as directory:
            descriptor = open_private(directory, LINES, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            with os.fdopen(descriptor, "rb+", buffering=0) as stream:
                before = stream.read()
                _, cut_off = read_lines(before, self.damaged)
                if cut_off:
                    record[CLOSES] = cut_off
                line = json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
                if before and not before.endswith(b"\n"):
                    line = b"\n" + line  # a lost process or a full disk cut off the one before
                if os.write(stream.fileno(), line) != len(line):
                    raise OSError("the line was not written whole")
                os.fsync(stream.fileno())
            if not before:
                os.fsync(directory)
        return record

    def changes(self) -> list[Change]:
        """Every change, oldest first. A line that was cut off at the end counts as never written.

        Raises:
            Refused: `JOURNAL_ALTERED` where a line is damaged or one is missing; `BACKUP_UNUSABLE`,
                `PRIVATE_DIRECTORY`.
        """
        with _usable(self.damaged):
            try:
                content = read_private(self.root, self.key, LINES, ours=True)
            except (FileNotFoundError, Missing):
                content = b""
        found: dict[str, list[NumberedLine]] = {}
        for line in read_lines(content, self.damaged)[0]:
            found.setdefault(line[1]["change"], []).append(line)
        for records in found.values():
            check_order(records, self.damaged)
        if any(kept.parent.name not in found for kept in self.directory.glob(f"*/{BACKUP}.json")):
            raise self.damaged("a change whose documents lie beside it has no line")
        return [Change(self, name, [record for _, record in records]) for name, records in found.items()]

    def damaged(self, detail: str, file: str = LINES) -> Refused:
        """The refusal of a file of the journal itself."""
        return Refused(Reason.JOURNAL_ALTERED, file=file, path=self.directory / file, detail=detail)


@contextmanager
def _usable(damaged: Refusing) -> Iterator[None]:
    """Refuse what cannot be read or written, and what is not what was written."""
    try:
        yield
    except Refused:
        raise
    except Damaged as error:
        raise damaged(str(error)) from None
    except (OSError, ValueError) as error:
        raise Refused(Reason.BACKUP_UNUSABLE, detail=type(error).__name__) from None
