"""Runs for weeks gone by, the oldest first, each marked as such: a new person's trend has them at once.

A run of a backfill is for the trend and for nothing else: no run starts from it, no notice tells of it, and it is never
written to a site.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.circuit_breaker import DEAD, LOCKED, NOT_ASKED
from flows.pipeline.previous import SAME_OPTIONS
from flows.profiles.raw_files import RawFiles
from flows.settings import AnalysisRequest, of_past
from flows.values.numbers import number_or_none
from flows.values.run_directory import RunDirectory, json_or_none
from flows.values.units import SECOND_MS

DAYS = 14  # of each run, as of a nightly one
# How long after a day's midnight it has ended in every time zone: at 04:00 of the next, 12 hours behind UTC.
ENDED_EVERYWHERE = timedelta(hours=40)
# The site, the disk: they refuse the other weeks too.
ENDS_IT = {*DEAD, *LOCKED, *NOT_ASKED, Reason.DISK_FULL}


@dataclass(frozen=True)
class PastWeek:
    """How one week's run ended.

    Attributes:
        start, end: the days of its run; the end is a Sunday.
        status: `proposal`, `refused`, or `there` where an earlier backfill has it.
        run: name of its run directory.
        why: the sentence of a refusal.
        code: its reason's code.
    """

    start: date
    end: date
    status: str
    run: str
    why: str | None = None
    code: str | None = None


def weeks_of(request: AnalysisRequest, weeks: int, last: date) -> list[AnalysisRequest]:
    """A request for each of the last whole weeks, Monday to Sunday, up to a day; the oldest first.

    Calendar weeks, so that a backfill of tomorrow has the same ones.

    Args:
        request: whose data; its days are those of each run, and end with a week.
        weeks: how many.
        last: the last day there may be.
    """
    sunday = last - timedelta(days=last.isoweekday() % 7)
    ends = [sunday - timedelta(weeks=n) for n in reversed(range(weeks))]
    first = timedelta(days=(request.days or DAYS) - 1)
    return [request.model_copy(update={"days": None, "start": end - first, "end": end, "past": True}) for end in ends]


def last_day(now: datetime, raw: RawFiles | None = None) -> date:
    """The last day that has ended in every time zone; of a directory's data not after their last reading's day."""
    ended = (now.astimezone(UTC) - ENDED_EVERYWHERE).date()
    if raw is None:
        return ended
    times = [number_or_none(entry.get("date")) for entry in raw.records("entries") if isinstance(entry, dict)]
    newest = max((ms for ms in times if ms is not None), default=None)
    if newest is None or newest / SECOND_MS > now.timestamp():
        return ended
    # The last reading of a day that ended at 04:00 lies between 14:00 UTC (Line Islands) and the next 14:00 (Hawaii).
    return min(ended, (datetime.fromtimestamp(newest / SECOND_MS, UTC) - timedelta(hours=14)).date())


def backfill(
    requests: list[AnalysisRequest], root: Path, run_one: Callable[[AnalysisRequest], RunDirectory]
) -> Iterator[PastWeek]:
    """Run each week that is not there yet.

    Args:
        requests: of `weeks_of`.
        root: the directory of run directories.
        run_one: makes a run directory and the run; its refusal has the run's name in the manifest, not here.

    Yields:
        Each week as it ends.

    Raises:
        Refused: what the other weeks would be refused for too: those that are done stay, and the next backfill goes on.
    """
    there = {_key(options): run for run, options in _done(root)}
    for request in requests:
        assert request.start is not None and request.end is not None
        if (known := there.get(_key(request.options()))) is not None:
            yield PastWeek(request.start, request.end, "there", known)
            continue
        try:
            run = run_one(request)
        except Refused as refusal:
            if refusal.reason in ENDS_IT:
                raise
            yield PastWeek(request.start, request.end, "refused", "", refusal.sentence, refusal.reason.code)
            continue
        yield PastWeek(request.start, request.end, "proposal", run.path.name)


def _done(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The runs of backfills that have a proposal, with their options."""
    for directory in sorted(root.iterdir()) if root.is_dir() else ():
        manifest = json_or_none(directory / "manifest.json")
        if isinstance(manifest, dict) and manifest.get("status") == "proposal" and of_past(manifest.get("options")):
            yield directory.name, manifest["options"]


def _key(options: dict[str, Any]) -> str:
    """What makes two runs of a backfill the same one."""
    return repr([options.get(name) for name in (*SAME_OPTIONS, "start", "end", "exclude", "exclude_found")])
