"""Hours of high glucose that insulin did not lower until something changed: they look like a failed infusion site."""

from __future__ import annotations

from datetime import date

from flows.history.situations.observed import SAMPLE_MS, Observed, Series, samples, within
from flows.values.local_days import day_of
from flows.values.units import HOUR_MS, MINUTE_MS

HIGH_MGDL = 250.0  # the consensus' level 2 (Diabetes Care 2019;42:1593)
LEAST_MS = 3 * HOUR_MS  # a rapid insulin has done most of its work by then
GAP_MS = 20 * MINUTE_MS
LEAST_BOLUSES = 2  # one may have been too small, or forgotten by its pump
# By the profile's ISF, after what the carbs took: far more than a wrong ISF (a factor of two) explains.
SHOULD_FALL_MGDL = 100.0
WORKS_WITHIN_MS = HOUR_MS  # a dose of the last hour has not worked yet
AROUND_MS = HOUR_MS
FALL_MGDL, FALL_WITHIN_MS = 100.0, 3 * HOUR_MS  # once insulin arrives again
SITE_CHANGES = ("Site Change", "Cannula Change", "Pod Change")


def site_failure(observed: Observed) -> set[date]:
    """The local days on which such a stretch begins or ends."""
    zone = observed.days[0].zone
    found = set()
    for start, end in _highs(observed.curve):
        if _unmoved(observed, start, end) and _ended_at_once(observed, start, end):
            found |= {day_of(start, zone).date, day_of(end, zone).date}
    return found


def _highs(curve: Series) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    start = before = None
    for ms, mgdl in curve:
        if start is not None and before is not None and (mgdl <= HIGH_MGDL or ms - before > GAP_MS):
            found.append((start, before))
            start = None
        if mgdl > HIGH_MGDL:
            start, before = start if start is not None else ms, ms
    if start is not None and before is not None:
        found.append((start, before))
    return [(a, b) for a, b in found if b - a >= LEAST_MS]


def _unmoved(observed: Observed, start: float, end: float) -> bool:
    """Whether boluses, or a loop's raised basal by itself, should have lowered it."""
    working = end - WORKS_WITHIN_MS
    given = [units for _, units in within(observed.boluses, start, working)]
    eaten = sum(grams for _, grams in within(observed.meals, start - AROUND_MS, end))
    raised = _above_schedule(observed, start, working)
    insulin = sum(given) + raised - eaten / observed.carb_ratio_g_per_u
    enough = SHOULD_FALL_MGDL / observed.isf_mgdl_per_u
    return insulin >= enough and (len(given) >= LEAST_BOLUSES or raised >= enough)


def _above_schedule(observed: Observed, start: float, end: float) -> float:
    """U of temporary basals beyond the scheduled ones."""
    rates = [observed.basal_rate(ms) - (observed.basal_at(ms) or 0.0) for ms in samples(start, end)]
    return sum(rates) * SAMPLE_MS / HOUR_MS


def _ended_at_once(observed: Observed, start: float, end: float) -> bool:
    changed = [ms for ms, t in observed.treatments if t.get("eventType") in SITE_CHANGES]
    if any(start <= ms <= end + AROUND_MS for ms in changed):
        return True
    after = within(observed.curve, end, end + FALL_WITHIN_MS)
    return bool(after) and after[0][1] - min(mgdl for _, mgdl in after) >= FALL_MGDL
