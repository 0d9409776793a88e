"""Whether a setting moved nearer to the truth or further from it, counted only where the truth decides it.

ISF has two honest readings, up to a factor of two apart: only what holds for both counts. A single hour of basal
cannot be told from its neighbours: it is counted by the day and by blocks of four hours.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from benchmarks.bodies.living import InUse
from benchmarks.following.draw import Right

BLOCK_H = 4
SAME = 1e-9


class Kind(StrEnum):
    """A kind of setting, as it is counted."""

    ISF, RATIO, DAY, BLOCK = "ISF", "carb ratio", "basal a day", f"basal of {BLOCK_H} h"


class Way(StrEnum):
    """Where a setting went."""

    NEARER, FURTHER, UNDECIDED, SAME = "nearer", "further", "not decided", "unmoved"


def ways(before: InUse, after: InUse, right: Right) -> dict[Kind, list[Way]]:
    """Where each setting went: one ISF, one carb ratio, one day of basal, six blocks."""
    blocks = zip(
        blocks_of(before.basal_u_per_h), blocks_of(after.basal_u_per_h), blocks_of(right.basal_u_per_h), strict=True
    )
    days = [math.fsum(of.basal_u_per_h) for of in (before, after, right)]
    isf = (right.isf_difference_mgdl_per_u, right.isf_correction_mgdl_per_u)
    return {
        Kind.ISF: [way(before.isf_mgdl_per_u, after.isf_mgdl_per_u, *isf)],
        Kind.RATIO: [way(before.carb_ratio_g_per_u, after.carb_ratio_g_per_u, right.carb_ratio_g_per_u)],
        Kind.DAY: [way(*days)],
        Kind.BLOCK: [way(*block) for block in blocks],
    }


def way(before: float, after: float, *truths: float) -> Way:
    """Where a number went, by its ratio to each reading of the truth; not decided where the readings disagree."""
    if abs(after - before) < SAME:
        return Way.SAME
    found = {Way.NEARER if off(after, true) < off(before, true) - SAME else Way.FURTHER for true in truths}
    return found.pop() if len(found) == 1 else Way.UNDECIDED


def off(value: float, true: float) -> float:
    """How far a number is from the truth: 0.1 is a tenth, up or down."""
    return abs(math.log(value / true))


def blocks_of(rates: Sequence[float]) -> list[float]:
    """The units of each block of hours."""
    return [math.fsum(rates[hour : hour + BLOCK_H]) for hour in range(0, len(rates), BLOCK_H)]


def counted(found: Iterable[Way]) -> str:
    """Nearer of those that are nearer or further, and beside it how many are neither."""
    count = Counter(found)
    moved = count[Way.NEARER] + count[Way.FURTHER]
    neither = [f"{count[w]} {w.value}" for w in (Way.UNDECIDED, Way.SAME) if count[w]]
    return f"{count[Way.NEARER]}/{moved}" + (f" ({', '.join(neither)})" if neither else "")
