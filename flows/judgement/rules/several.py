"""Safety rules about a setting the profile has several of: what its one value was made from, and what is doubtful."""

from __future__ import annotations

from collections.abc import Sequence

from flows.judgement.case import AMBER, RED, Case, RuleFinding
from flows.judgement.rule import ONE_OF_EACH, SafetyRule
from flows.oref0.several_values import LEAST_ISF_POINTS, LEAST_MEALS, NAMES, different
from flows.proposal.agreement import WORTH_A_CHANGE
from flows.proposal.document import OneForSeveral
from flows.values.parts import Part

MANY = 6  # blocks named in a sentence


def several_isfs(case: Case) -> RuleFinding | None:
    one = case.for_pump.one_of(Part.ISF)
    if one is None or Part.ISF in case.for_pump.untrusted:
        return _untrusted(case, Part.ISF, [b.current_mgdl_per_u for b in case.for_pump.isf])
    if not one.tuned:
        return AMBER, (
            f"The profile has several {NAMES[Part.ISF]}, and no day has {LEAST_ISF_POINTS} points to tune them by: "
            "they stay. The basal was tuned with their mean over the day."
        )
    if not _moves(one):
        return None
    return AMBER, (
        f"The profile has several {NAMES[Part.ISF]}; upstream tuned one in their place, the mean over its points, by "
        f"{_percent(one)}. {_blocks(case, Part.ISF)} It does not know which of them is wrong: right ones change, too."
    )


def several_carb_ratios(case: Case) -> RuleFinding | None:
    one = case.for_pump.one_of(Part.CARB_RATIO)
    if one is None or Part.CARB_RATIO in case.for_pump.untrusted:
        return _untrusted(case, Part.CARB_RATIO, [b.current_g_per_u for b in case.for_pump.carb_ratio])
    if not one.tuned:
        return AMBER, (
            f"The profile has several {NAMES[Part.CARB_RATIO]}, and no carbs are recorded on the days used: they stay. "
            "The basal was tuned with their mean over the day."
        )
    if not one.reliable:
        return AMBER, (
            f"The profile has several {NAMES[Part.CARB_RATIO]}, and only {one.meals} of the {LEAST_MEALS} meals that "
            "it takes to compare them with what upstream tunes: their change is unreliable."
        )
    if not _moves(one):
        return None
    return AMBER, (
        f"The profile has several {NAMES[Part.CARB_RATIO]}; upstream tuned one in their place, which gives the insulin "
        f"they give for the meals of these days, by {_percent(one)}. {_blocks(case, Part.CARB_RATIO)} It does not know "
        "which of them is wrong."
    )


def _untrusted(case: Case, part: Part, values: Sequence[float]) -> RuleFinding | None:
    if part not in case.for_pump.several:
        return None
    count = f"{different(values)} different" if different(values) > 1 else "several"
    unread = " whose times or values cannot be read" if part in case.for_pump.unread else ""
    return RED, (
        f"The profile has {count} {NAMES[part]}{unread}, and upstream tunes one as if it held all day: "
        "the recommendation for them cannot be trusted yet. The basal was tuned with that one, too."
    )


def _moves(one: OneForSeveral) -> bool:
    return round(abs(one.factor - 1), 4) >= WORTH_A_CHANGE


def _percent(one: OneForSeveral) -> str:
    return f"{one.factor - 1:+.0%}"


def _blocks(case: Case, part: Part) -> str:
    starts = case.for_pump.unused(part)
    if not starts:
        return "Each block would change by that."
    more = f" and {len(starts) - MANY} more" if len(starts) > MANY else ""
    what = "points" if part is Part.ISF else "meals"
    return (
        f"Each block with {what} would change by that; those from {', '.join(starts[:MANY])}{more} have none and stay."
    )


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        "several_isfs",
        "The profile has several insulin sensitivities",
        f"the ISF differs between blocks, and is changed by {WORTH_A_CHANGE:.0%} or more, or not tuned: no day has "
        f"{LEAST_ISF_POINTS} points",
        "several cannot be read, or their mean over the day was tuned (an OpenAPS profile, an earlier version)",
        ONE_OF_EACH,
        several_isfs,
    ),
    SafetyRule(
        "several_carb_ratios",
        "The profile has several carb ratios",
        f"the carb ratio differs between blocks, and is changed by {WORTH_A_CHANGE:.0%} or more, rests on fewer than "
        f"{LEAST_MEALS} meals, or is not tuned: no carbs",
        "several cannot be read, or their mean over the day was tuned (an OpenAPS profile, an earlier version)",
        ONE_OF_EACH,
        several_carb_ratios,
    ),
)
