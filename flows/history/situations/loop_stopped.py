"""Days on which pump or loop stood still for hours: by its own events, a zero basal, or temporary basals missing."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from statistics import fmean, median

from flows.history.events import SUSPENDED
from flows.history.situations.observed import SAMPLE_MS, Observed, samples, within
from flows.values.local_days import LocalDay
from flows.values.units import HOUR_MS, MINUTE_MS

STOPPED_MS = 2 * HOUR_MS  # a shower or a change of site is shorter
# A loop gives nothing for hours where glucose is low or falling, and not while it is above target's range.
ZERO_MS, ZERO_MGDL = 4 * HOUR_MS, 180.0
LOOPS_TEMPS = 24  # a day in the median: one an hour or more
SILENT_MS, TIMES_THE_USUAL = 6 * HOUR_MS, 3.0


def loop_stopped(observed: Observed) -> set[date]:
    """The local days of it."""
    found = {day.date for day in observed.days if _said(observed, day) >= STOPPED_MS or _zero(observed, day)}
    return found | _silent(observed)


def _said(observed: Observed, day: LocalDay) -> float:
    """How long events of a suspended pump or a loop that is off were in force, in ms."""
    start, end = day.glucose.start_ms, day.glucose.end_ms
    return sum(
        max(0.0, min(end, e.start_ms + e.duration_min * MINUTE_MS) - max(start, e.start_ms))
        for e in observed.events
        if e.kind == SUSPENDED.name
    )


def _zero(observed: Observed, day: LocalDay) -> bool:
    run: list[float] = []
    for ms in (*samples(day.glucose.start_ms, day.glucose.end_ms), None):
        if ms is not None and observed.temp_rate(ms) == 0:
            run.append(ms)
            continue
        if run and len(run) * SAMPLE_MS >= ZERO_MS:
            seen = [mgdl for _, mgdl in within(observed.curve, run[0], run[-1] + SAMPLE_MS)]
            if seen and fmean(seen) > ZERO_MGDL:
                return True
        run = []
    return False


def _silent(observed: Observed) -> set[date]:
    starts = [(start, 0.0) for start, _, _ in observed.temps]
    per_day = {day: [ms for ms, _ in within(starts, day.glucose.start_ms, day.glucose.end_ms)] for day in observed.days}
    if not per_day or median(len(found) for found in per_day.values()) < LOOPS_TEMPS:
        return set()
    gaps = {
        day: max(pairwise([day.glucose.start_ms, *found, day.glucose.end_ms]), key=lambda gap: gap[1] - gap[0])
        for day, found in per_day.items()
    }
    usual = median(end - start for start, end in gaps.values())
    return {
        day.date
        for day, (start, end) in gaps.items()
        if end - start >= max(SILENT_MS, TIMES_THE_USUAL * usual) and len(within(observed.curve, start, end)) > 0
    }
