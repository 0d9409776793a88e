"""Safety rules about a setting the profile has several of: what its one value was made from, and what is doubtful."""

from __future__ import annotations

from collections.abc import Sequence

from flows.judgement.case import RED, Case, RuleFinding, finding
from flows.judgement.rule import ONE_OF_EACH, SafetyRule
from flows.oref0.several_values import LEAST_ISF_POINTS, LEAST_MEALS, NAMES, different
from flows.proposal.agreement import WORTH_A_CHANGE
from flows.proposal.document import OneForSeveral
from flows.values.parts import Part
from flows.values.sentence import CASE, percent_text

MANY = 6  # blocks named in a sentence


def several_isfs(case: Case) -> RuleFinding | None:
    one = case.for_pump.one_of(Part.ISF)
    if one is None or Part.ISF in case.for_pump.untrusted:
        return _untrusted(case, Part.ISF, [b.current_mgdl_per_u for b in case.for_pump.isf])
    if not one.tuned:
        return finding(
            True,
            f"The profile has several {NAMES[Part.ISF]}, and no day has {{least_points:.0f}} points to tune them by: "
            "they stay. The basal was tuned with their mean over the day.",
            least_points=LEAST_ISF_POINTS,
        )
    words, facts = _blocks(case, Part.ISF)
    return finding(
        _moves(one),
        f"The profile has several {NAMES[Part.ISF]}; upstream tuned one in their place, the mean over its points, by "
        f"{{change_percent:+.0f}} %. {words} It does not know which of them is wrong: right ones change, too.",
        change_percent=100 * (one.factor - 1),
        **facts,
    )


def several_carb_ratios(case: Case) -> RuleFinding | None:
    one = case.for_pump.one_of(Part.CARB_RATIO)
    if one is None or Part.CARB_RATIO in case.for_pump.untrusted:
        return _untrusted(case, Part.CARB_RATIO, [b.current_g_per_u for b in case.for_pump.carb_ratio])
    if not one.tuned:
        return finding(
            True,
            f"The profile has several {NAMES[Part.CARB_RATIO]}, and no carbs are recorded on the days used: they stay. "
            "The basal was tuned with their mean over the day.",
        )
    if not one.reliable:
        return finding(
            True,
            f"The profile has several {NAMES[Part.CARB_RATIO]}, and only {{meals:.0f}} of the {{least_meals:.0f}} "
            "meals that it takes to compare them with what upstream tunes: their change is unreliable.",
            meals=one.meals or 0,
            least_meals=LEAST_MEALS,
        )
    words, facts = _blocks(case, Part.CARB_RATIO)
    return finding(
        _moves(one),
        f"The profile has several {NAMES[Part.CARB_RATIO]}; upstream tuned one in their place, which gives the insulin "
        f"they give for the meals of these days, by {{change_percent:+.0f}} %. {words} It does not know which of them "
        "is wrong.",
        change_percent=100 * (one.factor - 1),
        **facts,
    )


def _untrusted(case: Case, part: Part, values: Sequence[float]) -> RuleFinding | None:
    count = "{different:.0f} different" if different(values) > 1 else "several"
    is_unread = part in case.for_pump.unread
    unread = " whose times or values cannot be read" if is_unread else ""
    return finding(
        part in case.for_pump.several,
        f"The profile has {count} {NAMES[part]}{unread}, and upstream tunes one as if it held all day: "
        "the recommendation for them cannot be trusted yet. The basal was tuned with that one, too.",
        RED,
        **{"different": different(values)} | ({CASE: "unread"} if is_unread else {}),
    )


def _moves(one: OneForSeveral) -> bool:
    return round(abs(one.factor - 1), 4) >= WORTH_A_CHANGE


def _blocks(case: Case, part: Part) -> tuple[str, dict[str, float | str]]:
    """Which blocks would change: the words, and the facts in them."""
    starts = case.for_pump.unused(part)
    if not starts:
        return "Each block would change by that.", {}
    more = " and {more_blocks:.0f} more" if len(starts) > MANY else ""
    what = "points" if part is Part.ISF else "meals"
    words = f"Each block with {what} would change by that; those from {{unused_starts}}{more} have none and stay."
    return words, {"unused_starts": ", ".join(starts[:MANY]), "more_blocks": len(starts) - MANY}


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        "several_isfs",
        "The profile has several insulin sensitivities",
        f"the ISF differs between blocks, and is changed by {percent_text(WORTH_A_CHANGE)} or more, or not tuned: no "
        f"day has {LEAST_ISF_POINTS} points",
        "several cannot be read, or their mean over the day was tuned (an OpenAPS profile, an earlier version)",
        ONE_OF_EACH,
        several_isfs,
    ),
    SafetyRule(
        "several_carb_ratios",
        "The profile has several carb ratios",
        f"the carb ratio differs between blocks, and is changed by {percent_text(WORTH_A_CHANGE)} or more, rests on "
        f"fewer than {LEAST_MEALS} meals, or is not tuned: no carbs",
        "several cannot be read, or their mean over the day was tuned (an OpenAPS profile, an earlier version)",
        ONE_OF_EACH,
        several_carb_ratios,
    ),
)
