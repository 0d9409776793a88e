"""The baseline: what the limits of all steps count from, so that no chain of nights, machines or people runs away.

Of the first change that was applied, or set by hand. Each value may lie at 0.8 to 1.25 of it, the day's basal at 0.85
to 1.18 (`flows.proposal.step_limits`); further only after a person has set another baseline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from flows.proposal.rounding import EXACT
from flows.proposal.step_document import Baseline, BlockValue
from flows.proposal.step_limits import OF

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


def beyond(
    baseline: Baseline,
    basal_u_per_h: Sequence[float] | None,
    isf_mgdl_per_u: Sequence[BlockValue],
    carb_ratio_g_per_u: Sequence[BlockValue],
    slack: float = EXACT,
) -> list[str]:
    """Which of these settings lie further from the baseline than any chain of steps may go, named without numbers.

    Args:
        baseline: that counts.
        basal_u_per_h: 24 rates; `None` where the basal is not what is asked about.
        isf_mgdl_per_u, carb_ratio_g_per_u: blocks; empty where they are not.
        slack: a pump's step is no choice: what lies beyond by less is within.
    """
    found = []
    if basal_u_per_h is not None:
        outside = [
            h for h, rate in enumerate(basal_u_per_h) if not _within(hour_limits(baseline, h, rate), rate, slack)
        ]
        found += [f"the basal of {hour:02d}:00" for hour in outside]
        total = math.fsum(basal_u_per_h)
        if not _within(day_limits(baseline, total), total, slack):
            found.append("the basal of the day")
    for name, blocks, of in (
        ("insulin sensitivity", isf_mgdl_per_u, baseline.isf_mgdl_per_u),
        ("carb ratio", carb_ratio_g_per_u, baseline.carb_ratio_g_per_u),
    ):
        wrong = [b.start for b in blocks if not _within(block_limits(of, b.start, b.value), b.value, slack)]
        found += [f"the {name} of {start}" for start in wrong]
    return found


def _within(limits: LimitPair, value: float, slack: float) -> bool:
    return limits[0] - slack <= value <= limits[1] + slack
