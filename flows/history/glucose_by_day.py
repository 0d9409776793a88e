"""The readings of each local day in bands, as counts: what days before and after a change are compared by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flows.history.glucose import Readings
from flows.history.glucose_values import ABOVE_RANGE_MGDL, upstream_mgdl
from flows.values.local_days import day_of


@dataclass
class GlucoseDay:
    """Counts of readings of a local day (04:00 to 04:00)."""

    date: str
    readings: int = 0
    below_54: int = 0
    below_70: int = 0
    in_range_70_180: int = 0
    above_180: int = 0


def glucose_by_day(readings: Readings, zone: str) -> list[GlucoseDay]:
    """A day for each that has readings, oldest first; lows below 39 mg/dL and "HIGH" among them.

    Args:
        readings: one for each five minutes, as they are for upstream.
        zone: of the days.
    """
    found: dict[str, GlucoseDay] = {}
    for ms, mgdl in _values(readings):
        date = str(day_of(ms, zone))
        day = found.setdefault(date, GlucoseDay(date))
        day.readings += 1
        day.below_54 += mgdl < 54
        day.below_70 += mgdl < 70
        day.in_range_70_180 += 70 <= mgdl <= 180
        day.above_180 += mgdl > 180
    return [found[date] for date in sorted(found)]


def _values(readings: Readings) -> Iterable[tuple[float, float]]:
    known: dict[float, float] = {high.date: float(ABOVE_RANGE_MGDL) for high in readings.highs_left_out}
    known |= {low.date: low.mgdl for low in readings.lows_left_out}
    for record in readings.for_upstream:
        if (mgdl := upstream_mgdl(record)) is not None:
            known[float(record["date"])] = mgdl
    return known.items()
