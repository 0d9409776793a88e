"""Days in a row with glucose and insulin both far above the person's usual: they look like illness."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import fmean, median

from flows.history.situations.observed import SAMPLE_MS, Observed, samples, within
from flows.values.local_days import LocalDay
from flows.values.units import HOUR_MS

# A usual day to day variation of total insulin is 10 to 15 %, of mean glucose 15 mg/dL. With 1.25 times the insulin
# hardly anybody ill was found (docs/data.md, what was planted): who needs half as much more is given less than that.
INSULIN_TIMES, GLUCOSE_TIMES, GLUCOSE_MGDL_MORE = 1.15, 1.2, 30.0
DAYS_IN_A_ROW = 2  # one such day may be a feast
MOST_SHARE = 1 / 3  # of the days: more are the person's usual
LEAST_DAYS = 6


def illness(observed: Observed) -> set[date]:
    """The local days of such runs."""
    known = [(day.date, _glucose(observed, day), _insulin(observed, day)) for day in observed.days]
    measured = [(day, mgdl, units) for day, mgdl, units in known if mgdl is not None]
    if len(measured) < LEAST_DAYS:
        return set()
    usual_mgdl, usual_u = median(m for _, m, _ in measured), median(u for _, _, u in measured)
    needed_mgdl = max(GLUCOSE_TIMES * usual_mgdl, usual_mgdl + GLUCOSE_MGDL_MORE)
    high = {day for day, mgdl, units in measured if mgdl >= needed_mgdl and units >= INSULIN_TIMES * usual_u > 0}
    found = {day for day in high if _run(day, high) >= DAYS_IN_A_ROW}
    return found if len(found) <= MOST_SHARE * len(measured) else set()


def _run(day: date, days: set[date]) -> int:
    """How many days in a row are among the days, around this one."""
    count = 1
    for step in (timedelta(days=1), timedelta(days=-1)):
        other = day + step
        while other in days:
            count, other = count + 1, other + step
    return count


def _glucose(observed: Observed, day: LocalDay) -> float | None:
    values = [mgdl for _, mgdl in within(observed.curve, day.glucose.start_ms, day.glucose.end_ms)]
    return fmean(values) if values else None


def _insulin(observed: Observed, day: LocalDay) -> float:
    start, end = day.glucose.start_ms, day.glucose.end_ms
    basal = sum(observed.basal_rate(ms) for ms in samples(start, end)) * SAMPLE_MS / HOUR_MS
    return basal + sum(units for _, units in within(observed.boluses, start, end))
