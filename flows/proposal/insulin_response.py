"""Does glucose follow the insulin at all? Without that no sensitivity can be learned, however steady the answer looks.

Upstream turns any readings into an ISF, and unrelated ones into the same wrong ISF on every draw of days: repetitions
agree on it. What gives it away: the change it expects from insulin and the change there was have nothing in common.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import StatisticsError, correlation

LEAST_POINTS = 50  # fewer have any correlation by chance


def insulin_correlation(work: Path, dates: list[str]) -> float | None:
    """Correlation, -1 to 1, of the change insulin explains and the change there was, in mg/dL in five minutes.

    Over the points upstream judges ISF by (`ISFGlucoseData`, oref0@0.7.1 lib/autotune-prep/categorize.js: `BGI` and
    `avgDelta`), all days together.

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
            if not math.isnan(pair[0] + pair[1]):
                expected.append(pair[0])
                seen.append(pair[1])
    if len(seen) < LEAST_POINTS:
        return None
    try:
        return round(correlation(expected, seen), 3)
    except StatisticsError:
        return None


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return math.nan
