"""The glucose of each day as a curve of quarters of an hour, short enough to stand in a proposal.

A curve is a text of 96 numbers in mg/dL, the first of 04:00 by the local clock, `-` where there is no reading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flows.history.glucose import Readings
from flows.history.glucose_values import ABOVE_RANGE_MGDL, upstream_mgdl
from flows.values.local_days import GLUCOSE_FROM

QUARTER_MIN, QUARTERS = 15, 96
NO_READING = "-"
LOW_MGDL = 70.0


def daily_curves(readings: Readings, dates: Iterable[str], zone: str) -> dict[str, str]:
    """The curve of each date, also of those left out; with what the sensor showed and upstream does not get.

    Of a quarter's readings the lowest counts where it is below 70 mg/dL, so that no low is averaged away, and
    the middle one elsewhere. An hour that the clock shows twice is one hour of the curve.
    """
    where = ZoneInfo(zone)
    quarters: dict[tuple[date, int], list[float]] = defaultdict(list)
    for ms, mgdl in _seen(readings):
        local = datetime.fromtimestamp(ms / 1000, where) - GLUCOSE_FROM  # by the clock on the wall
        quarters[local.date(), (local.hour * 60 + local.minute) // QUARTER_MIN].append(mgdl)
    return {
        day: " ".join(_quarter(quarters.get((date.fromisoformat(day), n), [])) for n in range(QUARTERS))
        for day in dates
    }


def values_of(curve: str) -> list[int | None]:
    """The numbers of a curve."""
    return [None if text == NO_READING else int(text) for text in curve.split(" ")]


def _seen(readings: Readings) -> list[tuple[float, float]]:
    upstream = [(float(e["date"]), mgdl) for e in readings.for_upstream if (mgdl := upstream_mgdl(e)) is not None]
    lows = [(low.date, low.mgdl) for low in readings.lows_left_out]
    return [*upstream, *lows, *((high.date, float(ABOVE_RANGE_MGDL)) for high in readings.highs_left_out)]


def _quarter(values: list[float]) -> str:
    if not values:
        return NO_READING
    lowest, middle = min(values), sorted(values)[len(values) // 2]
    return str(round(lowest if lowest < LOW_MGDL else middle))
