"""Days whose meals are not all there: rises without an entry, and meals without the boluses a person usually gives."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from statistics import median

from flows.history.situations.observed import Observed, within
from flows.values.units import HOUR_MS, MINUTE_MS

# A meal of 30 g without insulin; a small one is lost in a day's noise, and a wrong ISF or carb ratio may hide none.
MEAL_G, LEAST_RISE_MGDL, MOST_RISE_MGDL = 30.0, 60.0, 100.0
RISE_WITHIN_MS = 90 * MINUTE_MS
FROM_MGDL = 80.0  # from below it the carbs of a low, which `unlogged_lows` counts
EATEN_BEFORE_MS, EATEN_AFTER_MS = 90 * MINUTE_MS, HOUR_MS
UNTOLD_RISES = 2  # one may be the liver's, or a change of sensor

USUAL_SHARE, USUAL_BOLUSES = 0.8, 3  # of the days with a bolus; a day in the median
HALF_A_DAY_MS = 12 * HOUR_MS
TIMES_THE_USUAL = 1.5  # of the longest time without a bolus on the median day, which is the night
MEALS_IN_IT, ENTRY_G, APART_MS = 2, 10.0, HOUR_MS


def untold_meals(observed: Observed) -> set[date]:
    """The local days with rises as after a meal, of which nobody entered carbs."""
    rises = [ms for ms in _rises(observed) if not _eaten(observed, ms)]
    return {day.date for day in observed.days if sum(day.glucose.holds(ms) for ms in rises) >= UNTOLD_RISES}


def boluses_missing(observed: Observed) -> set[date]:
    """The local days with half a day of meals or rises and no bolus, of somebody who boluses on most days."""
    gaps = {day.date: _longest_gap(observed, day.glucose.start_ms, day.glucose.end_ms) for day in observed.days}
    counts = [len(within(observed.boluses, d.glucose.start_ms, d.glucose.end_ms)) for d in observed.days]
    if sum(c > 0 for c in counts) < USUAL_SHARE * len(counts) or median(counts) < USUAL_BOLUSES:
        return set()
    usual = median(end - start for start, end in gaps.values())
    needed = max(HALF_A_DAY_MS, TIMES_THE_USUAL * usual)
    long = {day: gap for day, gap in gaps.items() if gap[1] - gap[0] >= needed}
    rises = [ms for ms in _rises(observed) if not _eaten(observed, ms)] if long else []
    return {day for day, (start, end) in long.items() if _meals_in(observed, rises, start, end) >= MEALS_IN_IT}


def _longest_gap(observed: Observed, start_ms: float, end_ms: float) -> tuple[float, float]:
    given = [ms for ms, _ in within(observed.boluses, start_ms, end_ms)]
    return max(pairwise([start_ms, *given, end_ms]), key=lambda gap: gap[1] - gap[0])


def _meals_in(observed: Observed, rises: list[float], start_ms: float, end_ms: float) -> int:
    """Meals at least an hour after the gap began, as entries or as rises; those within an hour of another are one."""
    entered = [ms for ms, grams in within(observed.meals, start_ms + APART_MS, end_ms) if grams >= ENTRY_G]
    count, last = 0, float("-inf")
    for ms in sorted([*entered, *(ms for ms in rises if start_ms + APART_MS <= ms < end_ms)]):
        if ms - last >= APART_MS:
            count, last = count + 1, ms
    return count


def _rises(observed: Observed) -> list[float]:
    """When glucose began to rise as after a meal."""
    needed = MEAL_G * observed.isf_mgdl_per_u / observed.carb_ratio_g_per_u
    needed = min(max(needed, LEAST_RISE_MGDL), MOST_RISE_MGDL)
    curve, found, n, window = observed.curve, [], 0, 0
    for at, (ms, mgdl) in enumerate(curve):
        n = max(n, window)
        while curve[n][0] < ms - RISE_WITHIN_MS:
            n += 1
        lowest = min(range(n, at + 1), key=lambda k: (curve[k][1], -k))
        if mgdl - curve[lowest][1] >= needed:
            if curve[lowest][1] >= FROM_MGDL:
                found.append(curve[lowest][0])
            window = at  # the next one begins after this
    return found


def _eaten(observed: Observed, ms: float) -> bool:
    return bool(within(observed.meals, ms - EATEN_BEFORE_MS, ms + EATEN_AFTER_MS))
