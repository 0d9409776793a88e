"""The recommendation as a pump takes it: on its steps, never beyond upstream's caps, the daily basal total kept.

Basals are rounded together (largest remainder), so that 24 roundings do not add up to a different day. ISF and carb
ratio have steps of their own, in the unit the person reads; several blocks keep their shape, scaled by the tuned ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.oref0.caps import Caps
from flows.oref0.several_values import UNMOVED_SHARE, OneOfSeveral, OneValueFrom, block_at, one_value
from flows.profiles.schedule_blocks import clock_text
from flows.proposal.document import BlockRegression, CarbRatioBlock, ForPump, IsfBlock, OneForSeveral, Units, mmoll
from flows.values.parts import Part
from flows.values.schedule import Schedule
from flows.values.units import MGDL_PER_MMOLL

BASAL_STEP_U_PER_H = 0.05  # what the coarsest of today's pumps takes
ISF_STEP = {Units.MG_PER_DL: 1.0, Units.MMOL_PER_L: 0.1}  # in the unit per U; AAPS, Loop and Nightscout show no finer
CARB_RATIO_STEP_G_PER_U = 0.1
# A number on its step counts as within a cap it misses by less than this: floating point, not a choice.
EXACT = 1e-9
LESS = to_translate(
    "On steps of {step:g} U/h within upstream's caps the day has {units:.2f} U less basal than upstream says."
)
MORE = to_translate(
    "On steps of {step:g} U/h within upstream's caps the day has {units:.2f} U more basal than upstream says."
)


def for_pump(
    *,
    basal_now_u_per_h: Sequence[float],
    basal_u_per_h: Sequence[float],
    isf_now_mgdl_per_u: Schedule,
    isf_ratio: float,
    carb_ratio_now_g_per_u: Schedule,
    carb_ratio_ratio: float,
    caps: Caps,
    units: Units,
    basal_step_u_per_h: float = BASAL_STEP_U_PER_H,
    unread: Sequence[Part] = (),
    several: Sequence[OneOfSeveral] = (),
    regressions: Sequence[BlockRegression | None] = (),
) -> ForPump:
    """Round a recommendation.

    Args:
        basal_now_u_per_h, basal_u_per_h: the pump's 24 rates and upstream's.
        isf_now_mgdl_per_u, carb_ratio_now_g_per_u: the source profile's schedules.
        isf_ratio, carb_ratio_ratio: tuned over current, as upstream tuned the one number it knows.
        caps: of the run.
        units: the person's, in which ISF is rounded.
        basal_step_u_per_h: the pump's.
        unread: settings of which the profile has several entries that cannot be read.
        several: settings of which upstream was given one value for several, with what the days have in each block of
            theirs (neighbours of one value are one); a block with nothing in it stays as it is.
        regressions: of several carb ratios what is known of each block by itself: shown, and moves nothing.
    """
    isf_in, carbs_in = one_value(several, Part.ISF), one_value(several, Part.CARB_RATIO)
    rates, remarks = basal_on_steps(basal_now_u_per_h, basal_u_per_h, caps, basal_step_u_per_h)
    factor = MGDL_PER_MMOLL if units is Units.MMOL_PER_L else 1.0
    isf = []
    for block in isf_now_mgdl_per_u.blocks:
        n = block_at(isf_in.schedule, block.minutes) if isf_in else 0
        now = block.value / factor
        new = moved_on_step(now, _ratio_of(isf_in, n, isf_ratio), ISF_STEP[units], caps.isf(now)) * factor
        isf.append(
            IsfBlock(
                start=clock_text(block.minutes),
                current_mgdl_per_u=round(block.value, 3),
                current_mmoll_per_u=mmoll(block.value),
                recommended_mgdl_per_u=round(new, 3),
                recommended_mmoll_per_u=mmoll(new),
                points=round(isf_in.total(n)) if isf_in else None,
            )
        )
    ratios = []
    for block in carb_ratio_now_g_per_u.blocks:
        n = block_at(carbs_in.schedule, block.minutes) if carbs_in else 0
        ratio, limits = _ratio_of(carbs_in, n, carb_ratio_ratio), caps.carb_ratio(block.value)
        ratios.append(
            CarbRatioBlock(
                start=clock_text(block.minutes),
                current_g_per_u=round(block.value, 3),
                recommended_g_per_u=round(moved_on_step(block.value, ratio, CARB_RATIO_STEP_G_PER_U, limits), 3),
                meals=carbs_in.meals_in(n) if carbs_in else None,
                carbs_g=round(carbs_in.total(n), 1) if carbs_in else None,
                regression=regressions[n] if regressions else None,
            )
        )
    return ForPump(
        basal_step_u_per_h=basal_step_u_per_h,
        isf_step=ISF_STEP[units],
        carb_ratio_step_g_per_u=CARB_RATIO_STEP_G_PER_U,
        basal_u_per_h=tuple(rates),
        daily_basal_u=round(math.fsum(rates), 3),
        isf=tuple(isf),
        carb_ratio=tuple(ratios),
        remarks=tuple(remarks),
        unread=tuple(unread),
        one_for_several=tuple(
            OneForSeveral(
                part=one.part,
                made_from=one.made_from,
                factor=1.0 if one.made_from is OneValueFrom.TIME else round(ratio, 4),
                meals=one.meals if one.part is Part.CARB_RATIO else None,
            )
            for one, ratio in ((isf_in, isf_ratio), (carbs_in, carb_ratio_ratio))
            if one is not None
        ),
    )


def _ratio_of(several: OneOfSeveral | None, block: int, ratio: float) -> float:
    """Upstream's ratio for a block; 1 for one in which nothing was seen."""
    return ratio if several is None or several.in_use[block] else 1.0


def moved_on_step(now: float, ratio: float, step: float, limits: tuple[float, float]) -> float:
    """A setting moved by upstream's ratio, on its step; as it is where upstream did not move it."""
    return now if abs(ratio - 1) < UNMOVED_SHARE else on_step(now * ratio, step, *limits)


def on_step(value: float, step: float, low: float, high: float) -> float:
    """The nearest multiple of the step within the caps, three decimals; the capped value itself where there is none."""
    least, most = math.ceil(low / step - EXACT), math.floor(high / step + EXACT)
    if least > most:
        return round(min(max(value, low), high), 3)
    return round(min(max(math.floor(value / step + 0.5), least), most) * step, 3)


def basal_on_steps(
    now: Sequence[float], new: Sequence[float], caps: Caps, step: float
) -> tuple[list[float], list[str]]:
    """24 rates on the pump's step, each one of the two steps around upstream's rate, their sum kept to half a step.

    A rate that no step within its caps comes near to is first brought to the nearest one: what that takes from the
    daily total is said, and not given to other hours, which upstream did not ask it for. A rate whose caps hold no step
    at all stays as it is now.

    Returns:
        The rates, and what had to be decided.
    """
    remarks = []
    bounds = [
        (max(1, math.ceil(low / step - EXACT)), math.floor(high / step + EXACT)) for low, high in map(caps.basal, now)
    ]
    free = [hour for hour, (least, most) in enumerate(bounds) if least <= most]
    kept = [hour for hour in range(len(now)) if hour not in free]
    if kept:
        named = ", ".join(clock_text(h * 60) for h in kept)
        remarks.append(
            translatable(
                "No step of {step:g} U/h lies within upstream's caps at {named}: the basal there stays as it is.",
                step=step,
                named=named,
            )
        )
    if any(abs(n / step - round(n / step)) > 1e-6 for n in now):
        remarks.append(
            translatable(
                "The current rates are not on steps of {step:g} U/h: name your pump's with --basal-step, or its "
                "rounding moves what upstream did not.",
                step=step,
            )
        )
    within = {h: min(max(new[h] / step, bounds[h][0]), bounds[h][1]) for h in free}
    steps = {h: math.floor(within[h] + EXACT) for h in free}
    left = math.floor(math.fsum(within.values()) + 0.5) - sum(steps.values())
    for hour in sorted(free, key=lambda h: (steps[h] - within[h], h))[:left]:  # those that lost most, first
        steps[hour] += 1
    rates = [round(steps[h] * step, 4) if h in steps else now[h] for h in range(len(now))]
    missing_u = math.fsum(new) - math.fsum(rates)
    if abs(missing_u) > step / 2 + EXACT:
        remarks.append(translatable(LESS if missing_u > 0 else MORE, step=step, units=abs(missing_u)))
    return rates, remarks
