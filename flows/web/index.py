"""The index of runs: one row a run in the page's database, renewed in the background by names and times of files.

A page never reads all run directories. What the index says may be some seconds old, and says how old it is.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter

from flows.environment import speaking_as_set
from flows.errors import Refused
from flows.language.catalogue import spoken
from flows.proposal.sealed import read_proposal
from flows.report.trend.past_runs import Found, PastRun, Source, directory_key, with_changes
from flows.values.run_directory import RunDirectory
from flows.web.in_force import InForceSince, in_force_since
from flows.web.indexed_run import IndexedRun, RunState, indexed_run
from flows.web.people import Person
from flows.web.run_files import MANIFEST, NOTE, PROPOSAL, is_run_name
from flows.web.state import PageState
from flows.web.store import Store
from flows.writeback.applied import damaged_records

VERSION = 2  # of a row: others are read anew
EVERY_S = 3.0
OLD = timedelta(seconds=30)  # an index that was not renewed for so long is said to be old
BREATH_S = 0.002  # between two runs that are read, so that a page is not waited for meanwhile
TABLES = (
    "CREATE TABLE IF NOT EXISTS runs (name TEXT PRIMARY KEY, stamp TEXT NOT NULL, source_key TEXT NOT NULL, "
    "at REAL NOT NULL, state TEXT NOT NULL, applied INTEGER NOT NULL, document TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS runs_of_source ON runs (source_key, at)",
    "CREATE TABLE IF NOT EXISTS changed_sources (source_key TEXT PRIMARY KEY, document TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS found_in_force (name TEXT PRIMARY KEY, since REAL, by_switch INTEGER NOT NULL)",
)
SHOWN = f"state != '{RunState.NO_RUN.value}'"
Speak = Callable[[], AbstractContextManager[None]]
_runs = TypeAdapter(IndexedRun)
_changes = TypeAdapter(tuple[tuple[datetime, ...], tuple[str, ...]])


class RunIndex:
    """The runs under a directory.

    Args:
        store: where the rows are kept.
        root: the directory of runs.
        uploads: below it each person's uploads have a directory named by the person's id.
        speak: in which language the cards' words are made; all are made anew where it is another.
    """

    def __init__(self, store: Store, root: Path, uploads: Path, speak: Speak = speaking_as_set) -> None:
        self._store, self._root, self._uploads, self._speak = store, root, uploads, speak
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.renewed_at: datetime | None = None
        self.unreadable = False
        store.make(*TABLES)

    # --- in the background

    def begin(self) -> None:
        """Renew every few seconds from now on, until `end`."""
        self._thread = threading.Thread(target=self._go_on, name="index of runs", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop renewing."""
        self._ended.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def request_renewal(self) -> None:
        """Renew soon, without being waited for: somebody knows that a run ended."""
        self._wanted.set()

    def _go_on(self) -> None:
        while not self._ended.is_set():
            self._wanted.clear()
            try:
                self.renew()
            except Exception:  # noqa: BLE001 - one failed look must not end all others; the page says how old it is
                self.unreadable = True
            self._wanted.wait(EVERY_S)

    def renew(self) -> None:
        """Look at every run directory, and read those that are new or became others; the newest first."""
        with self._lock, self._speak():
            stamps = self._stamps()
            if stamps is None:
                self.unreadable = True
                return
            known = {row["name"]: row for row in self._store.rows("SELECT name, stamp, source_key FROM runs")}
            touched = {known[name]["source_key"] for name in known if name not in stamps}
            if self.renewed_at is None:  # an earlier process may have ended between a run and its changes
                touched |= {known[name]["source_key"] for name in known}
            self._forget([name for name in known if name not in stamps])
            for name in sorted(stamps, reverse=True):
                if self._ended.is_set():
                    return
                if name not in known or known[name]["stamp"] != stamps[name]:
                    touched.add(self._read(name, stamps[name]))
                    time.sleep(BREATH_S)
            for source_key in touched - {""}:
                self._find_changes(source_key)
                self._find_in_force(source_key)
            self.renewed_at, self.unreadable = datetime.now(UTC), False

    def _stamps(self) -> dict[str, str] | None:
        """Of every run directory what tells that its documents are the same; `None` where none can be listed."""
        try:
            with os.scandir(self._root) as entries:
                names = [e.name for e in entries if is_run_name(e.name) and e.is_dir(follow_symlinks=False)]
        except OSError:
            return None
        return {name: f"{VERSION} {spoken().value} {_stamp(self._root / name)}" for name in names}

    def _read(self, name: str, stamp: str) -> str:
        """Put a run into the index; the key of its source."""
        found = self.with_what_was_applied(indexed_run(RunDirectory(self._root / name)))  # at once, or it would wait
        with self._store.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(name, stamp, found.source_key, found.at.timestamp(), found.state.value, _written(found)),
                    _runs.dump_json(found),
                ),
            )
        return found.source_key

    def _forget(self, names: list[str]) -> None:
        if names:
            with self._store.writing() as connection:
                connection.executemany("DELETE FROM runs WHERE name = ?", [(name,) for name in names])
                connection.executemany("DELETE FROM found_in_force WHERE name = ?", [(name,) for name in names])

    def _find_changes(self, source_key: str) -> None:
        """What was applied of the runs of one source: a change may end the days of another run."""
        rows = self._rows("source_key = ?", source_key)
        runs = {self._root / row.name: row for row in rows if row.past is not None}
        noted = [directory for directory in runs if os.path.lexists(directory / NOTE)]
        applied, changed = with_changes({directory: run.past for directory, run in runs.items() if run.past})
        damaged = tuple(sorted({str(file) for directory in noted for file in damaged_records(directory)}))
        with self._store.writing() as connection:
            for run, past in zip(runs.values(), applied, strict=True):
                if past != run.past:
                    anew = replace(run, past=past)
                    values = (_written(anew), _runs.dump_json(anew), run.name)
                    connection.execute("UPDATE runs SET applied = ?, document = ? WHERE name = ?", values)
            document = _changes.dump_json((changed, damaged))
            connection.execute("INSERT OR REPLACE INTO changed_sources VALUES (?, ?)", (source_key, document))

    def _find_in_force(self, source_key: str) -> None:
        """Since when the settings of a source's newest result are in force: what was served is too long for a page."""
        query = "SELECT name FROM runs WHERE source_key = ? AND state = ? ORDER BY at DESC, name DESC LIMIT 1"
        rows = self._store.rows(query, source_key, RunState.PROPOSAL)
        known = {row["name"] for row in self._store.rows("SELECT name FROM found_in_force")}
        for row in (row for row in rows if row["name"] not in known):
            run = RunDirectory(self._root / row["name"])
            try:
                found = in_force_since(run, read_proposal(run.file(PROPOSAL)))
            except Refused:
                continue
            since = found.since.timestamp() if found.since else None
            with self._store.writing() as connection:
                values = (row["name"], since, found.by_switch)
                connection.execute("INSERT OR REPLACE INTO found_in_force VALUES (?, ?, ?)", values)

    # --- for a page

    def in_force_since(self, name: str) -> InForceSince:
        """Since when the settings that a run found are in force; not known of any but the newest of a source."""
        row = self._store.row("SELECT since, by_switch FROM found_in_force WHERE name = ?", name)
        since = datetime.fromtimestamp(row["since"], UTC) if row is not None and row["since"] is not None else None
        return InForceSince(since, row is not None and bool(row["by_switch"]))

    def run(self, name: str) -> IndexedRun | None:
        """One run by its name."""
        return next(iter(self._rows(f"name = ? AND {SHOWN}", name)), None)

    def newest_result(self) -> str | None:
        """The name of the newest run of anybody that ended with a proposal."""
        query = "SELECT name FROM runs WHERE state = ? ORDER BY at DESC LIMIT 1"
        row = self._store.row(query, RunState.PROPOSAL)
        return str(row["name"]) if row else None

    def last(self, person: Person) -> IndexedRun | None:
        """The newest run of a person."""
        return next(iter(self.of_person(person, most=1)), None)

    def last_with_result(self, person: Person, *, before: IndexedRun | None = None) -> IndexedRun | None:
        """The newest of a person's runs that ended with a proposal; with `before` the newest that is older than it."""
        where, values = self._mine(person)
        if before is not None:
            where, values = f"{where} AND at < ?", (*values, before.at.timestamp())
        found = self._rows(f"{where} AND state = ? ORDER BY at DESC, name DESC LIMIT 1", *values, RunState.PROPOSAL)
        return next(iter(found), None)

    def with_what_was_applied(self, run: IndexedRun) -> IndexedRun:
        """A run that was read just now, with what its own note and its journal tell of it."""
        if run.past is None:
            return run
        ((past,), _) = with_changes({self._root / run.name: run.past})
        return replace(run, past=past)

    def person_of(self, run: IndexedRun, people: list[Person]) -> Person | None:
        """Whose a run is, of these people; `None` where it is nobody's."""
        return next((person for person in people if self._is_of(run.source_key, person)), None)

    def of_person(self, person: Person, *, most: int = -1, after: int = 0) -> list[IndexedRun]:
        """A person's runs, the newest first.

        Args:
            person: whose.
            most: how many; all of them where it is negative.
            after: how many of the newest are left out.
        """
        where, values = self._mine(person)
        order = f"{where} AND {SHOWN} ORDER BY at DESC, name DESC LIMIT ? OFFSET ?"
        return self._rows(order, *values, most, after)

    def count_of(self, person: Person) -> int:
        """How many runs a person has."""
        where, values = self._mine(person)
        row = self._store.row(f"SELECT count(*) AS number FROM runs WHERE {where} AND {SHOWN}", *values)  # noqa: S608
        return int(row["number"]) if row else 0

    def changes_of(self, person: Person) -> int:
        """How many changes of a person's settings are known of runs here."""
        where, values = self._mine(person)
        query = f"SELECT sum(applied) AS number FROM runs WHERE {where}"  # noqa: S608
        row = self._store.row(query, *values)
        return int(row["number"] or 0) if row else 0

    def of_nobody(self, people: list[Person], *, most: int) -> list[IndexedRun]:
        """Runs that are of none of these people, the newest first."""
        wheres = [self._mine(person) for person in people]
        nobody = "".join(f" AND NOT ({where})" for where, _ in wheres)
        values = [value for _, values in wheres for value in values]
        return self._rows(f"{SHOWN}{nobody} ORDER BY at DESC, name DESC LIMIT ?", *values, most)

    def history_of(self, person: Person) -> Found:
        """A person's runs as `flows.report.trend` takes them; all of one source, however many uploads they are of."""
        runs = [run.past for run in self.of_person(person) if run.past is not None]
        source = Source(person.source_key or person.id, person.name)
        changed, damaged = set[datetime](), set[str]()
        for key in {run.source.key for run in runs}:
            if (row := self._store.row("SELECT document FROM changed_sources WHERE source_key = ?", key)) is not None:
                of_source, files = _changes.validate_json(row["document"])
                changed |= set(of_source)
                damaged |= set(files)
        mine: list[PastRun] = sorted((replace(run, source=source) for run in runs), key=lambda r: (r.at, r.name))
        return Found(tuple(mine), (), {source.key: tuple(sorted(changed))}, tuple(sorted(damaged)))

    def _mine(self, person: Person) -> tuple[str, tuple[object, ...]]:
        """The condition that a run is of a person, and its values."""
        if (key := person.source_key) is not None:
            return "source_key = ?", (key,)
        below = directory_key(self._uploads / person.id)
        return "(source_key = ? OR substr(source_key, 1, ?) = ?)", (below, len(below) + 1, f"{below}/")

    def _is_of(self, source_key: str, person: Person) -> bool:
        if (key := person.source_key) is not None:
            return source_key == key
        below = directory_key(self._uploads / person.id)
        return source_key == below or source_key.startswith(f"{below}/")

    def _rows(self, where: str, *values: object) -> list[IndexedRun]:
        rows = self._store.rows(f"SELECT document FROM runs WHERE {where}", *values)  # noqa: S608
        return [_runs.validate_json(row["document"]) for row in rows]


def index_of(page: PageState) -> RunIndex:
    """The index of the page."""
    return cast(RunIndex, page.rooms["index"])


def index_said(index: RunIndex, now: datetime) -> dict[str, Any]:
    """How far the index is, for `runs_seen.html`."""
    at = index.renewed_at
    return {
        "still_looking": at is None,
        "runs_unreadable": index.unreadable,
        "looked_at": f"{at.astimezone():%H:%M:%S}" if at is not None and now - at > OLD else "",
    }


def _written(run: IndexedRun) -> int:
    """How often its proposal was written and not put back."""
    return sum(applied.undone_at is None for applied in run.past.applied) if run.past else 0


def _stamp(directory: Path) -> str:
    """Times and sizes of the documents that make a run; a dash for one that is not there."""
    found = []
    for name in (PROPOSAL, MANIFEST, NOTE):
        try:
            status = os.lstat(directory / name)
        except OSError:
            found.append("-")
            continue
        kind = "" if stat.S_ISREG(status.st_mode) else "!"
        found.append(f"{kind}{status.st_mtime_ns}.{status.st_size}.{status.st_ino}")
    return " ".join(found)
