"""Runs a person's data as far as upstream's files, and upstream itself where the files alone do not answer."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

from flows.errors import Refused
from flows.nightscout.authentication import Credentials
from flows.oref0.engine import TuneJob
from flows.oref0.outcome import read_outcome
from flows.oref0.pool import RunnerPool
from flows.oref0.profile import PumpSettings, settings_of
from flows.pipeline.load import load
from flows.pipeline.prepare import prepare
from flows.profiles.raw_files import RawFiles
from flows.settings import AnalysisRequest
from flows.values.local_days import LocalDay
from flows.values.run_directory import RunDirectory, write_atomically
from tests.properties.person import Person

BESIDE_WORK = ("lows_left_out.json", "highs_left_out.json", "source_profile.json")


@dataclass
class Made:
    """What was made of a person's data: the files for upstream, or the code of the refusal."""

    person: Person
    path: Path
    refused: str | None = None
    dates: list[str] = field(default_factory=list)
    zone: str = "UTC"
    tuned: tuple[PumpSettings, PumpSettings] | str | None = None

    @property
    def work(self) -> Path:
        """The directory upstream reads."""
        return self.path / "work"

    def files(self, *, beside: bool) -> dict[str, bytes]:
        """What upstream is given, by relative name; with `beside`, what the verdict and the report read too."""
        found = {p.relative_to(self.path).as_posix(): p.read_bytes() for p in self._given()}
        names = [n for n in BESIDE_WORK if beside and (self.path / n).is_file()]
        return found | {n: (self.path / n).read_bytes() for n in names}

    def _given(self) -> Iterator[Path]:
        yield self.work / "settings" / "pumpprofile.json"
        yield self.work / "autotune" / "profile.pump.json"
        yield from sorted((self.work / "autotune").glob("ns-*.json"))

    def records(self, kind: str, day: str) -> list[dict[str, Any]]:
        """A day's `entries` or `treatments` as upstream gets them."""
        made: list[dict[str, Any]] = json.loads((self.work / "autotune" / f"ns-{kind}.{day}.json").read_bytes())
        return made


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory in memory where there is such: runs write every file for good (fsync)."""
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as path:
        yield Path(path)


def make(person: Person, directory: Path) -> Made:
    """Load and prepare, as `autotune propose --from` does. A crash is a refusal with the exception's name as code."""
    source = directory / "data"
    for name, content in person.files().items():
        write_atomically(source / name, content)
    made = Made(person, directory / "run")
    try:
        request = AnalysisRequest(from_directory=source, compare=False, resamples=0, **person.options)
        run = RunDirectory.create(made.path, person.now)
        if person.pages:
            _write_pages(person, run)
        else:
            load(request, run, Credentials(), person.now)
        prepared = prepare(request, run, person.now)
    except Refused as refusal:
        made.refused = refusal.reason.code
    except Exception as error:  # noqa: BLE001 - a crash is what the bench looks for
        made.refused = f"crash: {type(error).__name__}"
    else:
        made.dates, made.zone = prepared.dates, prepared.zone
    return made


def _write_pages(person: Person, run: RunDirectory) -> None:
    raw = RawFiles(run)
    for kind, pages in person.pages.items():
        for records in pages:
            raw.write(kind, json.dumps(records).encode(), len(records))
    raw.close(0)


class Tuner:
    """Upstream, in one process that is kept for the next job of the same zone."""

    def __init__(self) -> None:
        self._pool: RunnerPool | None = None

    def __enter__(self) -> Tuner:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.__exit__(kind, error, at)

    def settings(self, made: Made) -> tuple[PumpSettings, PumpSettings] | str:
        """What upstream started from and what it recommends; the code of the refusal where there is nothing."""
        if made.tuned is None:
            made.tuned = self._tuned(made)
        return made.tuned

    def _tuned(self, made: Made) -> tuple[PumpSettings, PumpSettings] | str:
        self._pool = self._pool or RunnerPool(size=1)
        days = tuple(LocalDay(date.fromisoformat(d), made.zone) for d in made.dates)
        job = TuneJob(work=made.work, days=days, self_check=False)
        start = settings_of(json.loads((made.work / "autotune" / "profile.pump.json").read_bytes()))
        for _, report in self._pool.run_all([lambda: job]):
            if isinstance(report, Refused):
                return report.reason.code
            try:
                return start, read_outcome(made.work, made.dates, report).tuned
            except Refused as refusal:
                return refusal.reason.code
        raise AssertionError("the pool gave no result")
