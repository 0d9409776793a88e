"""Which readings of one sensor stand for which five minutes.

oref0@0.7.1 lib/autotune-prep/categorize.js takes four readings for twenty minutes, whatever their times are. Of a
sensor that reads every one to four minutes it would misjudge how fast glucose moves; so it is given one reading for
five minutes. Where a sensor reads every five minutes itself, or less often, nothing is moved, chosen or invented.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from itertools import accumulate, pairwise

from flows.values.units import HOUR_MS, MINUTE_MS

SLOT_MS = 5 * MINUTE_MS
COPY_MS = 0.75 * MINUTE_MS  # closer than a minute: no sensor reads so often, the same reading was written twice
FAST_MS = 4.75 * MINUTE_MS  # within 5 % of five minutes four readings are twenty minutes
CADENCE_WITHIN_MS = 6 * HOUR_MS  # on either side: enough steps for a median, whatever the jitter
# Of a sensor of five minutes: an extra reading, which lies between two that are a slot apart, or just after one.
EXTRA_BETWEEN_MS, EXTRA_AFTER_MS = 6 * MINUTE_MS, 2.5 * MINUTE_MS

AS_NEAR_MS = 0.25 * MINUTE_MS  # a sensor's jitter: it may not decide between two, or twenty minutes were 16 or 24
STEPS_AROUND = 12  # on either side; a single long one decides nothing


def one_per_slot(instants: Sequence[float]) -> list[float]:
    """The instants of the readings that stand for five minutes each.

    A cadence faster than five minutes (the median of six hours around) is thinned to the reading nearest to each five
    minutes after the sensor's first, of two the later; of a slower one only extras go.

    Args:
        instants: epoch ms of one sensor's readings, ascending.
    """
    times = without_copies(instants)
    fast = _is_fast(times)
    of_slot: dict[int, list[tuple[float, float]]] = {}
    for ms, is_fast in zip(times, fast, strict=True):
        if is_fast:
            slot = int((ms - times[0] + SLOT_MS / 2) // SLOT_MS)
            of_slot.setdefault(slot, []).append((abs(ms - times[0] - slot * SLOT_MS), ms))
    of_slots = {max(ms for off, ms in near if off <= min(near)[0] + AS_NEAR_MS) for near in of_slot.values()}
    candidates = [(ms, is_fast) for ms, is_fast in zip(times, fast, strict=True) if not is_fast or ms in of_slots]
    kept: list[float] = []
    for n, (ms, is_fast) in enumerate(candidates):
        after = candidates[n + 1][0] if n + 1 < len(candidates) else float("inf")
        if is_fast or not kept or not _is_extra(kept[-1], ms, after):
            kept.append(ms)
    return kept


def covered_share(instants: Sequence[float], start_ms: float, end_ms: float) -> float:
    """The share of a span's five minutes in which a sensor read, whatever its cadence and its phase on the clock.

    Between two readings as many five minutes are missing as go into what is beyond the sensor's own step: the third
    quartile of the two hours around (of a sensor of five minutes), but five minutes at the most.

    Args:
        instants: epoch ms of all its readings within the span, ascending.
        start_ms, end_ms: the span.
    """
    if not instants:
        return 0.0
    steps = [b - a for a, b in pairwise(instants)]
    missing = (instants[0] - start_ms) // SLOT_MS + _slots_missing(
        end_ms - instants[-1], _own_step_ms(steps, len(steps))
    )
    missing += sum(_slots_missing(step, _own_step_ms(steps, n)) for n, step in enumerate(steps))
    slots = (end_ms - start_ms) / SLOT_MS
    return max(0.0, 1 - missing / slots)


def _slots_missing(step_ms: float, own_step_ms: float) -> int:
    return int((step_ms - own_step_ms) / SLOT_MS + 0.5)  # never below 0: its own step is five minutes at the most


def _own_step_ms(steps: Sequence[float], n: int) -> float:
    around = sorted([*steps[max(0, n - STEPS_AROUND) : n], *steps[n + 1 : n + 1 + STEPS_AROUND]])
    return min(SLOT_MS, around[len(around) * 3 // 4]) if around else SLOT_MS


def without_copies(instants: Sequence[float]) -> list[float]:
    """The first of the instants that are too close together to be readings of their own."""
    kept: list[float] = []
    for ms in instants:
        if not kept or ms - kept[-1] >= COPY_MS:
            kept.append(ms)
    return kept


def _is_fast(times: Sequence[float]) -> list[bool]:
    """Of each reading, whether most steps around it are shorter than five minutes."""
    short = [0, *accumulate(b - a < FAST_MS for a, b in pairwise(times))]
    found = []
    for ms in times:
        first = bisect.bisect_left(times, ms - CADENCE_WITHIN_MS)
        last = bisect.bisect_right(times, ms + CADENCE_WITHIN_MS) - 1
        found.append(2 * (short[last] - short[first]) > last - first)
    return found


def _is_extra(before: float, ms: float, after: float) -> bool:
    if ms - before < EXTRA_AFTER_MS:
        return True
    is_better = abs(after - before - SLOT_MS) <= abs(ms - before - SLOT_MS)
    return after - before < EXTRA_BETWEEN_MS and is_better
