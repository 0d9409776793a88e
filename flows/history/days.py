"""Which local days can be tuned: what each holds, how complete its glucose is, and why a day is left out."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flows.history.records import Record
from flows.local_days import LocalDay, Window, day_of
from flows.timestamps import instant_ms

SLOT_MS = 300_000

# A day with less than half of its glucose tunes half of its hours and smooths the rest from them; the consensus on
# CGM metrics (Diabetes Care 2019;42:1593) asks for 70 % before a number is reported at all.
LEAST_COVERAGE = 0.5

# oref0@0.7.1 lib/autotune-prep/categorize.js starts at the sixth-oldest reading: with five or fewer it has no points.
LEAST_READINGS = 6


@dataclass(frozen=True)
class DayData:
    """One local day: its records (newest first, as upstream gets them) and what they amount to."""

    day: LocalDay
    entries: list[Record]
    treatments: list[Record]
    coverage: float
    skipped: str | None

    def summary(self) -> dict[str, Any]:
        """Counts only."""
        return asdict(
            DaySummary(
                date=str(self.day),
                status="skipped" if self.skipped else "used",
                reason=self.skipped,
                readings=len(self.entries),
                treatments=len(self.treatments),
                coverage=round(self.coverage, 3),
                hours=self.day.length_hours,
            )
        )


@dataclass(frozen=True)
class DaySummary:
    """A day without its records, for reports: `coverage` is the share of 5-minute slots with a reading."""

    date: str
    status: str
    reason: str | None
    readings: int
    treatments: int
    coverage: float
    hours: float


def covered_days(entries: Sequence[Record], zone: str) -> list[LocalDay]:
    """Every local day from the first to the last glucose reading."""
    if not entries:
        return []
    dates = [float(e["date"]) for e in entries]
    day, last = day_of(min(dates), zone), day_of(max(dates), zone)
    days = [day]
    while day < last:
        day = day.next()
        days.append(day)
    return days


def cut_days(days: Sequence[LocalDay], entries: Sequence[Record], treatments: Sequence[Record]) -> list[DayData]:
    """Cut normalised records into local days.

    Args:
        days: which days.
        entries: readings, newest first.
        treatments: treatments, newest first; each day gets -18 h to +42 h of them, as upstream's script.
    """
    glucose_at = [-float(e["date"]) for e in entries]
    events_at = [-_instant(t) for t in treatments]
    result = []
    for day in days:
        mine = _between(glucose_at, entries, day.glucose, end_included=False)
        events = _between(events_at, treatments, day.treatments, end_included=True)
        coverage = _coverage(mine, day)
        result.append(DayData(day, mine, events, coverage, _why_not(mine, coverage)))
    return result


def _why_not(entries: Sequence[Record], coverage: float) -> str | None:
    if not entries:
        return "no glucose readings"
    if len(entries) < LEAST_READINGS:
        return f"only {len(entries)} glucose readings"
    if coverage < LEAST_COVERAGE:
        return f"glucose for {coverage:.0%} of the day only (at least {LEAST_COVERAGE:.0%} is needed)"
    return None


def _coverage(entries: Sequence[Record], day: LocalDay) -> float:
    window = day.glucose
    slots = {int((float(e["date"]) - window.start_ms) // SLOT_MS) for e in entries}
    return min(1.0, len(slots) / (day.length_hours * 12))


def _between(negated: list[float], records: Sequence[Record], window: Window, *, end_included: bool) -> list[Record]:
    # `negated` ascends as the records go from new to old.
    first = bisect.bisect_left if end_included else bisect.bisect_right
    return list(records[first(negated, -window.end_ms) : bisect.bisect_right(negated, -window.start_ms)])


def _instant(treatment: Record) -> float:
    found = instant_ms(treatment["created_at"], "UTC")
    assert found is not None
    return found[0]
