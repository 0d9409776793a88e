"""What the meal windows say of each block of carb ratios by itself: as evidence, never as a recommendation.

The insulin that each of upstream's windows took (oref0@0.7.1 lib/autotune/index.js: on board at its start + given +
what the change of glucose would have taken) is regressed, through the origin, on the insulin that each block's ratio
gives for the carbs eaten in it. A coefficient of 1: the block's ratio covers its meals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

from flows.oref0.day_files import carbs_of_day, local_minutes, prepped_of_day
from flows.oref0.several_values import block_at
from flows.proposal.document import BlockRegression
from flows.proposal.uncertainty import SHARE
from flows.values.schedule import Schedule
from flows.values.timestamps import instant_ms
from flows.values.units import MINUTE_MS

LEAST_WINDOWS = 8  # with carbs in a block, before anything is said of it
BEFORE_MIN = 15  # upstream begins a window with the reading that follows its first carbs
SAME_CARBS = (
    0.01  # of a window's carbs: with more between upstream's count and ours it is not clear which block had them
)


def regressions(
    work: Path, dates: Sequence[str], zone: str, schedule: Schedule, isf_mgdl_per_u: float
) -> list[BlockRegression | None]:
    """For each block what its windows say; `None` with too few of them, or where blocks cannot be told apart.

    Args:
        work: reads autotune/autotune.DATE.json and autotune/ns-treatments.DATE.json.
        dates: the days of the run.
        zone: the person's.
        schedule: the carb ratios in use.
        isf_mgdl_per_u: what upstream was given.
    """
    expected, taken = _windows(work, dates, zone, schedule, isf_mgdl_per_u)
    return of_windows(expected, taken)


def of_windows(expected: Sequence[Sequence[float]], taken: Sequence[float]) -> list[BlockRegression | None]:
    """The regression itself.

    Args:
        expected: for each window the insulin that each block's ratio gives for the carbs in it, in U.
        taken: the insulin that each window took, in U.
    """
    if not expected:
        return []
    blocks = len(expected[0])
    counts = [sum(row[b] > 0 for row in expected) for b in range(blocks)]
    used = [b for b in range(blocks) if counts[b]]
    free = len(expected) - len(used)
    found: list[BlockRegression | None] = [None] * blocks
    if free < 1:
        return found
    rows = [[row[b] for b in used] for row in expected]
    squares = [[math.fsum(r[i] * r[j] for r in rows) for j in range(len(used))] for i in range(len(used))]
    inverse = _inverse(squares)
    if inverse is None:
        return found
    moments = [math.fsum(r[i] * t for r, t in zip(rows, taken, strict=True)) for i in range(len(used))]
    factors = [math.fsum(a * m for a, m in zip(row, moments, strict=True)) for row in inverse]
    left = [t - math.fsum(f * x for f, x in zip(factors, r, strict=True)) for r, t in zip(rows, taken, strict=True)]
    variance = math.fsum(e * e for e in left) / free
    reach = student_quantile((1 + SHARE) / 2, free)
    for n, block in enumerate(used):
        if counts[block] >= LEAST_WINDOWS:
            half = reach * math.sqrt(max(0.0, variance * inverse[n][n]))
            found[block] = BlockRegression(
                windows=counts[block],
                insulin_factor=round(factors[n], 3),
                insulin_factor_low=round(factors[n] - half, 3),
                insulin_factor_high=round(factors[n] + half, 3),
            )
    return found


def student_quantile(share: float, free: int) -> float:
    """Student's t: the value below which a share lies. Exact for 1 and 2 degrees of freedom, Hill's series above.

    G. W. Hill, Algorithm 396, Comm. ACM 1970;13:619, to its fourth term: within 0.5 % from 3 on at a share of 0.95.
    """
    if free == 1:
        return math.tan(math.pi * (share - 0.5))
    if free == 2:
        return (2 * share - 1) / math.sqrt(2 * share * (1 - share))
    z = NormalDist().inv_cdf(share)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return math.fsum(term / free**n for n, term in enumerate(terms))


def _windows(
    work: Path, dates: Sequence[str], zone: str, schedule: Schedule, isf_mgdl_per_u: float
) -> tuple[list[list[float]], list[float]]:
    expected, taken = [], []
    for date in dates:
        carbs = carbs_of_day(work, date, zone)
        for window in prepped_of_day(work, date, "CRData"):
            grams = _grams(window, carbs, zone, schedule)
            insulin_u = _insulin_u(window, isf_mgdl_per_u)
            if grams is not None and insulin_u > 0:  # upstream leaves out the others, too
                expected.append([g / b.value for g, b in zip(grams, schedule.blocks, strict=True)])
                taken.append(insulin_u)
    return expected, taken


def _grams(
    window: dict[str, Any], carbs: Sequence[tuple[float, float]], zone: str, schedule: Schedule
) -> list[float] | None:
    """The carbs of a window in each block; `None` where they are not those upstream counted."""
    ends = instant_ms(window.get("CRInitialCarbTime"), "UTC"), instant_ms(window.get("CREndTime"), "UTC")
    counted = _number(window.get("CRCarbs"))
    if ends[0] is None or ends[1] is None or not counted > 0:
        return None
    found = [0.0] * len(schedule.blocks)
    for at_ms, g in carbs:
        if ends[0][0] - BEFORE_MIN * MINUTE_MS <= at_ms < ends[1][0]:
            found[block_at(schedule, local_minutes(at_ms, zone))] += g
    return found if abs(math.fsum(found) - counted) <= SAME_CARBS * counted else None


def _insulin_u(window: dict[str, Any], isf_mgdl_per_u: float) -> float:
    change = _number(window.get("CREndBG")) - _number(window.get("CRInitialBG"))
    total = _number(window.get("CRInitialIOB")) + _number(window.get("CRInsulin")) + change / isf_mgdl_per_u
    return total if math.isfinite(total) else math.nan


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _inverse(matrix: Sequence[Sequence[float]]) -> list[list[float]] | None:
    """By Gauss and Jordan with pivots; `None` where it has none: two blocks are always eaten in together."""
    size = len(matrix)
    rows = [[*row, *(float(i == n) for n in range(size))] for i, row in enumerate(matrix)]
    largest = max(abs(v) for row in matrix for v in row)
    for column in range(size):
        pivot = max(range(column, size), key=lambda r: abs(rows[r][column]))
        if abs(rows[pivot][column]) <= 1e-9 * largest:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [v / rows[column][column] for v in rows[column]]
        for other in range(size):
            if other != column:
                factor = rows[other][column]
                rows[other] = [v - factor * p for v, p in zip(rows[other], rows[column], strict=True)]
    return [row[size:] for row in rows]
