"""The baseline: what the limits of all steps count from, so that no chain of nights, machines or people runs away.

Of the first change that was applied, or set by hand. Each value may lie at 0.8 to 1.25 of it, the day's basal at 0.85
to 1.18 (`flows.proposal.step_limits`); further only after a person has set another baseline.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from flows.proposal.rounding import EXACT
from flows.proposal.step_document import Baseline, BlockValue
from flows.proposal.step_limits import OF
from flows.values.parts import Part

LimitPair = tuple[float, float]


def value_limits(of: float) -> LimitPair:
    """How low and how high a value may be, of the baseline's."""
    return OF["least_of_baseline"] * of, OF["most_of_baseline"] * of


def hour_limits(baseline: Baseline | None, hour: int, now_u_per_h: float) -> LimitPair:
    """Of an hour's basal; counted from the rate in use where no baseline is known."""
    return value_limits(now_u_per_h if baseline is None else baseline.basal_u_per_h[hour])


def day_limits(baseline: Baseline | None, now_u: float) -> LimitPair:
    """Of the day's basal."""
    of = now_u if baseline is None else math.fsum(baseline.basal_u_per_h)
    return OF["least_daily_of_baseline"] * of, OF["most_daily_of_baseline"] * of


def block_limits(blocks: Sequence[BlockValue] | None, start: str, now: float) -> LimitPair:
    """Of a block of the carb ratio or the ISF: of the baseline's value at the block's start."""
    if not blocks:
        return value_limits(now)
    return value_limits([b.value for b in blocks if b.start <= start][-1] if blocks[0].start <= start else now)


def further_beyond(baseline: Baseline, now: Baseline, new: Baseline, slack: Mapping[Part, float]) -> list[str]:
    """Which new settings lie beyond the limits, and further than they do now; named without numbers.

    Args:
        baseline: that counts.
        now, new: the settings in use, and those that are to come.
        slack: by how much each part may lie beyond.
    """
    found = []
    for hour, pair in enumerate(zip(now.basal_u_per_h, new.basal_u_per_h, strict=True)):
        if _further(hour_limits(baseline, hour, pair[0]), *pair, slack[Part.BASAL]):
            found.append(f"the basal of {hour:02d}:00")
    day = math.fsum(now.basal_u_per_h), math.fsum(new.basal_u_per_h)
    if _further(day_limits(baseline, day[0]), *day, slack[Part.BASAL]):
        found.append("the basal of the day")
    for part, name, of, before, after in (
        (Part.ISF, "insulin sensitivity", baseline.isf_mgdl_per_u, now.isf_mgdl_per_u, new.isf_mgdl_per_u),
        (Part.CARB_RATIO, "carb ratio", baseline.carb_ratio_g_per_u, now.carb_ratio_g_per_u, new.carb_ratio_g_per_u),
    ):
        for block in after:
            in_use = _at(before, block.start)
            if _further(block_limits(of, block.start, in_use), in_use, block.value, slack[part]):
                found.append(f"the {name} of {block.start}")
    return found


def _at(blocks: Sequence[BlockValue], start: str) -> float:
    """The value in force at a time of the day."""
    return [b.value for b in blocks if b.start <= start][-1]


def _further(limits: LimitPair, now: float, new: float, slack: float) -> bool:
    return _beyond(limits, new, slack) > _beyond(limits, now, slack) + EXACT


def _beyond(limits: LimitPair, value: float, slack: float) -> float:
    """By how much a value lies beyond the limits, and a slack more."""
    return max(limits[0] - slack - value, value - limits[1] - slack, 0.0)
