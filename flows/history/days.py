"""Which local days are tuned: what each holds, how good it is, and why a day is left out."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from flows.errors import Reason, Refused
from flows.history.losses import Loss
from flows.history.quality import DayColour, DayFacts, facts_of, judge_day
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record
from flows.values.local_days import LocalDay, Window, day_of, day_range
from flows.values.timestamps import instant_ms

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Selection:
    """Which days a person leaves out: dates, and all but some days of the week (`WEEKDAYS` names; empty for all)."""

    excluded: frozenset[date] = frozenset()
    weekdays: frozenset[str] = frozenset()

    def why_not(self, day: LocalDay, event_days: Collection[date]) -> str | None:
        """Why the day is not asked for, if it is not."""
        if day.date in self.excluded:
            return to_translate("excluded on request")
        if self.weekdays and WEEKDAYS[day.date.weekday()] not in self.weekdays:
            return to_translate("not one of the days of the week asked for")
        if day.date in event_days:
            return to_translate("an event of an excluded kind")
        return None


@dataclass(frozen=True)
class DayData:
    """One local day: its records (newest first, as upstream gets them), what they amount to, and its colour."""

    day: LocalDay
    entries: list[Record]
    treatments: list[Record]
    facts: DayFacts
    colour: DayColour
    remarks: list[str]
    skipped: str | None

    def summary(self) -> dict[str, Any]:
        """Counts only."""
        return {
            "date": str(self.day),
            "status": "skipped" if self.skipped else "used",
            "reason": self.skipped,
            "quality": self.colour,
            "remarks": self.remarks,
            "hours": self.day.length_hours,
            **asdict(self.facts),
            "coverage": round(self.facts.coverage, 3),
            "treatments": len(self.treatments),
        }


def covered_days(entries: Sequence[Record], zone: str) -> list[LocalDay]:
    """Every local day from the first to the last glucose reading.

    Raises:
        Refused: `TOO_MANY_DAYS`, `GLUCOSE_DATE`.
    """
    ends = first_and_last_day(entries, zone)
    return day_range(*ends, zone) if ends else []


def first_and_last_day(entries: Sequence[Record], zone: str) -> tuple[date, date] | None:
    """The local days of the first and the last glucose reading.

    Raises:
        Refused: `GLUCOSE_DATE`: of a reading without corrections, whose date nobody can have meant.
    """
    dates = [float(e["date"]) for e in entries]
    if wrong := [ms for ms in dates if (found := instant_ms(ms, "UTC")) is None or found[0] != ms]:
        raise Refused(Reason.GLUCOSE_DATE, day="these days", count=len(wrong))
    return (day_of(min(dates), zone).date, day_of(max(dates), zone).date) if dates else None


def cut_days(
    days: Sequence[LocalDay],
    entries: Sequence[Record],
    treatments: Sequence[Record],
    selection: Selection | None = None,
    event_days: Collection[date] = (),
    lows_ms: Sequence[float] = (),
    highs_ms: Sequence[float] = (),
    shown_ms: Sequence[float] | None = None,
    lost: Sequence[Loss] = (),
) -> list[DayData]:
    """Cut normalised records into local days, and judge each.

    Args:
        days: which days.
        entries: readings, newest first.
        treatments: treatments, newest first; each day gets -18 h to +42 h of them, as upstream's script.
        selection: what the person leaves out.
        event_days: days with an event of an excluded kind.
        lows_ms, highs_ms: instants of the readings below and above range that upstream does not get (`facts_of`).
        shown_ms: instants at which the sensor showed anything (`facts_of`).
        lost: doses that could not be understood.
    """
    chosen = selection or Selection()
    glucose_at = [-float(e["date"]) for e in entries]
    events_at = [-_instant(t) for t in treatments]
    result = []
    for day in days:
        mine = _between(glucose_at, entries, day.glucose, end_included=False)
        events = _between(events_at, treatments, day.treatments, end_included=True)
        facts = facts_of(day, mine, events, lows_ms, highs_ms, shown_ms, lost)
        colour, remarks = judge_day(facts)
        skipped = chosen.why_not(day, event_days) or (remarks[0] if colour == "red" else None)
        result.append(DayData(day, mine, events, facts, colour, remarks, skipped))
    return result


def _between(negated: list[float], records: Sequence[Record], window: Window, *, end_included: bool) -> list[Record]:
    # `negated` ascends as the records go from new to old.
    first = bisect.bisect_left if end_included else bisect.bisect_right
    return list(records[first(negated, -window.end_ms) : bisect.bisect_right(negated, -window.start_ms)])


def _instant(treatment: Record) -> float:
    found = instant_ms(treatment["created_at"], "UTC")
    assert found is not None
    return found[0]
