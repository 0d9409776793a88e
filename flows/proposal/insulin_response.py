"""Does glucose follow the insulin at all? Without that no sensitivity can be learned, however steady the answer looks.

Upstream turns any readings into an ISF, and unrelated ones into the same wrong ISF on every draw of days: repetitions
agree on it. What tells them apart: the change it expects from insulin and the change there was are no more alike than
the same two series set against each other at other times.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from pathlib import Path
from statistics import fmean, pstdev

LEAST_POINTS = 50  # fewer have any correlation by chance
# From a tenth to nine tenths of the points: nearer ones still lie in the same hours, where glucose is like itself.
SHIFTS, NEAREST_SHIFT = 81, 0.1
# Standard deviations above the shifted ones. Upstream's choice of the points alone makes up to 2.7 (17 series without
# any response to insulin); the three synthetic people are at 4.5 and more.
CLEARLY_ABOVE_SD = 3.5


@dataclass(frozen=True)
class InsulinResponse:
    """Correlation of the change insulin explains and the change there was, -1 to 1; and what it has to exceed."""

    correlation: float
    needed: float


def insulin_response(work: Path, dates: list[str]) -> InsulinResponse | None:
    """How far glucose follows the insulin, held against the person's own insulin at other times.

    Over the points upstream judges ISF by (`ISFGlucoseData`, oref0@0.7.1 lib/autotune-prep/categorize.js: `BGI` and
    `avgDelta`, mg/dL in five minutes), all days together. Nothing is drawn: the same data give the same answer.

    Args:
        work: the work directory; reads autotune/autotune.DATE.json.
        dates: the days of the run.

    Returns:
        `None` where there are too few points or nothing varies.
    """
    expected, seen = [], []
    for date in dates:
        prepped = json.loads((work / "autotune" / f"autotune.{date}.json").read_bytes())
        for point in prepped.get("ISFGlucoseData") or []:
            pair = _number(point.get("BGI")), _number(point.get("avgDelta"))
            if math.isfinite(pair[0] + pair[1]):
                expected.append(pair[0])
                seen.append(pair[1])
    if len(seen) < LEAST_POINTS:
        return None
    return against_shifted(expected, seen)


def against_shifted(expected: Sequence[float], seen: Sequence[float]) -> InsulinResponse | None:
    """The correlation of two series, and of one with the other shifted round in time; `None` where one is constant."""
    one, other = _standardised(expected), _standardised(seen)
    if one is None or other is None:
        return None
    count = len(one)
    first, last = round(NEAREST_SHIFT * count), round((1 - NEAREST_SHIFT) * count)
    places = {first + n * (last - first) // (SHIFTS - 1) for n in range(SHIFTS)}
    shifted = [sum(map(mul, one[n:] + one[:n], other)) / count for n in sorted(places)]
    needed = fmean(shifted) + CLEARLY_ABOVE_SD * pstdev(shifted)
    return InsulinResponse(round(sum(map(mul, one, other)) / count, 3), round(needed, 3))


def _standardised(values: Sequence[float]) -> list[float] | None:
    middle = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((v - middle) ** 2 for v in values) / len(values))
    return [(v - middle) / spread for v in values] if spread > 0 else None


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return math.nan
