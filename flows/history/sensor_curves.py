"""Which device texts are one sensor, told by the curve that their readings make.

The text is the uploader's: xDrip+ appends where a reading came from (`… G5 Native`, `…::Backfill`), a follower writes
the same readings under its own name, an update changes the spelling. One sensor has one curve: where readings of two
texts follow each other, glucose goes on as it does within each. Two sensors differ by what they read at one time.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from flows.history.lows import TimedGlucose
from flows.values.units import MINUTE_MS

GAP_MS = 20 * MINUTE_MS  # beyond, nobody knows where the curve went
TOGETHER_MS = 2 * MINUTE_MS  # closer readings are one value, and their slope is noise
# How far a step from one text to the other may be off the steps on either side of it (the median), and how far one
# text may read above the other. Within one sensor the former is 0.5 to 1 mg/dL in six of seven data sets at hand, 4 in
# the roughest; two sensors of one person differ by a tenth of glucose. Rounding to 0.1 mmol/L makes 0.9 mg/dL.
SAME_CURVE_MGDL, OWN_TIMES = 4.0, 2.0
FEW_STEPS = 6  # a median of fewer is chance: then only what no step of one sensor shows tells two apart
SAME_CURVE_FEW_MGDL, OWN_TIMES_FEW = 10.0, 4.0


class _Step(NamedTuple):
    """From one text's reading to the next of another: how far it is from what the slopes on both sides make of it."""

    one: str
    other: str
    off_mgdl: float


def sensors_by_curve(readings: Mapping[str, Sequence[TimedGlucose]]) -> dict[str, str]:
    """The sensor of each device text, named by that of its texts which has most readings.

    Args:
        readings: of each text, in any order.
    """
    curves = {text: sorted(found) for text, found in readings.items()}
    order = sorted(curves, key=lambda text: (-len(curves[text]), text))
    rank = {text: n for n, text in enumerate(order)}
    above_mgdl: dict[tuple[str, str], list[float]] = {}
    everything = _everything(curves)
    for step in _steps_between(curves, everything):
        if rank[step.one] < rank[step.other]:
            above_mgdl.setdefault((step.one, step.other), []).append(step.off_mgdl)
        else:
            above_mgdl.setdefault((step.other, step.one), []).append(-step.off_mgdl)
    roughness = {text: _roughness_mgdl(curve) for text, curve in curves.items()} if above_mgdl else {}
    of_all = _roughness_mgdl([(ms, mgdl) for ms, mgdl, _, _ in everything]) if None in roughness.values() else None
    sensor = {text: text for text in order}
    for pair, above in above_mgdl.items():
        own = min((r for r in map(roughness.__getitem__, pair) if r is not None), default=of_all or 0.0)
        if _is_one_curve(above, own):
            first, second = sorted((_root(sensor, text) for text in pair), key=rank.__getitem__)
            sensor[second] = first
    return {text: _root(sensor, text) for text in order}


def _root(sensor: Mapping[str, str], text: str) -> str:
    while sensor[text] != text:
        text = sensor[text]
    return text


def _is_one_curve(above_mgdl: Sequence[float], own_mgdl: float) -> bool:
    off = statistics.median(map(abs, above_mgdl))
    if len(above_mgdl) < FEW_STEPS:
        return off <= max(SAME_CURVE_FEW_MGDL, OWN_TIMES_FEW * own_mgdl)
    is_as_high = abs(statistics.median(above_mgdl)) <= SAME_CURVE_MGDL
    return is_as_high and off <= max(SAME_CURVE_MGDL, OWN_TIMES * own_mgdl)


def _roughness_mgdl(curve: Sequence[TimedGlucose]) -> float | None:
    """The median of how far steps are off those beside them; `None` where there are too few."""
    off = []
    for n, (a, b) in enumerate(pairwise(curve)):
        before, after = _slope(curve, n - 1), _slope(curve, n + 1)
        if before is not None and after is not None and TOGETHER_MS <= b[0] - a[0] <= GAP_MS:
            off.append(abs(b[1] - a[1] - (b[0] - a[0]) * (before + after) / 2))
    return statistics.median(off) if len(off) >= FEW_STEPS else None


_Everything = list[tuple[float, float, str, int]]  # epoch ms, mg/dL, text, place in the text's own curve


def _everything(curves: Mapping[str, Sequence[TimedGlucose]]) -> _Everything:
    return sorted((ms, mgdl, text, n) for text, curve in curves.items() for n, (ms, mgdl) in enumerate(curve))


def _steps_between(curves: Mapping[str, Sequence[TimedGlucose]], everything: _Everything) -> list[_Step]:
    """Each step from a text's reading to the next reading of another text, before the first has another of its own."""
    merged = [(ms, mgdl) for ms, mgdl, _, _ in everything]
    found = []
    for at, (ms, mgdl, text, n) in enumerate(everything):
        seen = {text}
        for later, (later_ms, later_mgdl, other, m) in enumerate(islice(everything, at + 1, None), at + 1):
            if later_ms - ms > GAP_MS or other == text:
                break
            if other in seen:
                continue
            seen.add(other)
            step_ms, step = later_ms - ms, later_mgdl - mgdl
            slopes = [s for s in (_slope(curves[text], n - 1), _slope(curves[other], m)) if s is not None]
            slopes = slopes or [s for s in (_slope(merged, at - 1), _slope(merged, later)) if s is not None]
            if step_ms >= TOGETHER_MS and slopes:
                step -= step_ms * statistics.fmean(slopes)
            found.append(_Step(text, other, step))
    return found


def _slope(curve: Sequence[TimedGlucose], n: int) -> float | None:
    """mg/dL per ms from the reading at `n` to the next; `None` where they are too close together or too far apart."""
    if not 0 <= n < len(curve) - 1:
        return None
    step_ms = curve[n + 1][0] - curve[n][0]
    return (curve[n + 1][1] - curve[n][1]) / step_ms if TOGETHER_MS <= step_ms <= GAP_MS else None
