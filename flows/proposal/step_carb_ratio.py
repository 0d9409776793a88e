"""The carb ratio of a step: half of upstream's way from a clear change on, within its limits, block by block.

Somebody beyond a low limit is not made to wait for a clear change: a higher ratio goes upstream's whole way then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from flows.proposal.baseline import block_limits
from flows.proposal.rounding import EXACT
from flows.proposal.step_case import StepCase
from flows.proposal.step_document import Because, Kept, Said
from flows.proposal.step_limits import OF
from flows.values.parts import Part


@dataclass(frozen=True)
class CarbRatioStep:
    """The ratio of each block after the step, and why those that stay do."""

    values_g_per_u: tuple[float, ...]
    kept: tuple[Kept, ...]


def carb_ratio_step(case: StepCase) -> CarbRatioStep:
    """The ratios after the step; those in use where there is nothing to do."""
    blocks = case.for_pump.carb_ratio
    change = case.recommended.carb_ratio_g_per_u / case.current.carb_ratio_g_per_u - 1
    if (said := _why_none(case, change)) is not None:
        stays = Kept(part=Part.CARB_RATIO, starts=tuple(b.start for b in blocks), said=said)
        return CarbRatioStep(tuple(b.current_g_per_u for b in blocks), (stays,))
    lower, higher = OF["carb_ratio_step"] / 100, OF["higher_ratio_step"] / 100
    way = OF["low_ratio_way"] if _gives_way_to_lows(case, change) else OF["way"]
    factor = 1 + min(max(way * change, -lower), higher)
    unused = case.for_pump.unused(Part.CARB_RATIO)
    values, kept = [], []
    for block in blocks:
        now = block.current_g_per_u
        new = now if block.start in unused else _towards(case, block.start, now, now * factor)
        values.append(new)
        if new == now:
            reason = Because.NOT_COMPARABLE if block.start in unused else Because.PUMP_STEP
            kept.append(Kept(part=Part.CARB_RATIO, starts=(block.start,), said=Said(because=reason)))
    return CarbRatioStep(tuple(values), tuple(kept))


def _why_none(case: StepCase, change: float) -> Said | None:
    """Why no block moves."""
    facts = {"upstream_percent": round(100 * change, 1)}
    one = case.for_pump.one_of(Part.CARB_RATIO)
    if Part.CARB_RATIO in case.for_pump.untrusted or (one is not None and not one.reliable):
        return Said(because=Because.NOT_COMPARABLE, facts=facts)
    if abs(change) * 100 < _least_change(case, change) - EXACT:
        return Said(because=Because.SMALL, facts=facts)
    shares = {"below_70_percent": case.below_70_percent, "above_180_percent": case.above_180_percent}
    if change < 0 and case.only_reductions:  # a lower ratio is more insulin
        return Said(because=Because.LOWS if case.too_low else Because.UNTOLD_CARBS, facts=facts | shares)
    if change < 0 and case.above_180_percent < OF["lower_ratio_from"]:
        return Said(because=Because.NO_NEED_OF_MORE, facts=facts | shares)
    if change > 0 and case.too_high:
        return Said(because=Because.HIGHS, facts=facts | shares)
    if change > 0 and not case.low_enough_for_less:
        return Said(because=Because.NO_NEED_OF_LESS, facts=facts | shares)
    return None


def _least_change(case: StepCase, change: float) -> float:
    """From which change of upstream's on (%) a ratio moves: one that gives less insulin is not waited for as long."""
    if _gives_way_to_lows(case, change):
        return OF["low_ratio_from"]
    return OF["lower_ratio_change"] if change < 0 else OF["higher_ratio_change"]


def _gives_way_to_lows(case: StepCase, change: float) -> bool:
    """Whether less insulin for carbs is asked for, of somebody beyond a low limit: then a small change is worth it."""
    return change > 0 and case.too_low


def _towards(case: StepCase, start: str, now: float, wanted: float) -> float:
    """The value on the pump's step nearest to what is wanted, not beyond it nor beyond the baseline's limits."""
    step = case.for_pump.carb_ratio_step_g_per_u
    least, most = block_limits(case.baseline.carb_ratio_g_per_u if case.baseline else None, start, now)
    if wanted > now:
        return max(now, round(math.floor(min(wanted, most) / step + EXACT) * step, 3))
    return min(now, round(math.ceil(max(wanted, least) / step - EXACT) * step, 3))
