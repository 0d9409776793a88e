"""Safety rules about a setting the profile has several of: what its one value was made from, and what is doubtful."""

from __future__ import annotations

from collections.abc import Sequence

from flows.judgement.case import RED, Case, RuleFinding, finding
from flows.judgement.rule import ONE_OF_EACH, SafetyRule
from flows.language.catalogue import to_translate
from flows.oref0.several_values import LEAST_ISF_POINTS, LEAST_MEALS, different
from flows.proposal.agreement import WORTH_A_CHANGE
from flows.proposal.document import OneForSeveral
from flows.values.parts import Part
from flows.values.sentence import CASE, Listed, percent_text

MANY = 6  # blocks named in a sentence
# By the setting, and whether several values of it are known.
UNTRUSTED = {
    (Part.ISF, True): to_translate(
        "The profile has {different:.0f} different insulin sensitivities, and upstream tunes one as if it held all "
        "day: the recommendation for them cannot be trusted yet. The basal was tuned with that one, too."
    ),
    (Part.ISF, False): to_translate(
        "The profile has several insulin sensitivities, and upstream tunes one as if it held all day: the "
        "recommendation for them cannot be trusted yet. The basal was tuned with that one, too."
    ),
    (Part.CARB_RATIO, True): to_translate(
        "The profile has {different:.0f} different carb ratios, and upstream tunes one as if it held all day: the "
        "recommendation for them cannot be trusted yet. The basal was tuned with that one, too."
    ),
    (Part.CARB_RATIO, False): to_translate(
        "The profile has several carb ratios, and upstream tunes one as if it held all day: the recommendation for "
        "them cannot be trusted yet. The basal was tuned with that one, too."
    ),
}
UNREAD = {
    (Part.ISF, True): to_translate(
        "The profile has {different:.0f} different insulin sensitivities whose times or values cannot be read, and "
        "upstream tunes one as if it held all day: the recommendation for them cannot be trusted yet. The basal was "
        "tuned with that one, too."
    ),
    (Part.ISF, False): to_translate(
        "The profile has several insulin sensitivities whose times or values cannot be read, and upstream tunes one as "
        "if it held all day: the recommendation for them cannot be trusted yet. The basal was tuned with that one, too."
    ),
    (Part.CARB_RATIO, True): to_translate(
        "The profile has {different:.0f} different carb ratios whose times or values cannot be read, and upstream "
        "tunes one as if it held all day: the recommendation for them cannot be trusted yet. The basal was tuned with "
        "that one, too."
    ),
    (Part.CARB_RATIO, False): to_translate(
        "The profile has several carb ratios whose times or values cannot be read, and upstream tunes one as if it "
        "held all day: the recommendation for them cannot be trusted yet. The basal was tuned with that one, too."
    ),
}
UNUSED = {
    Part.ISF: to_translate(
        "Each block with points would change by that; those from {unused_starts} have none and stay."
    ),
    Part.CARB_RATIO: to_translate(
        "Each block with meals would change by that; those from {unused_starts} have none and stay."
    ),
}
MORE_UNUSED = {
    Part.ISF: to_translate(
        "Each block with points would change by that; those from {unused_starts} and {more_blocks:.0f} more have none "
        "and stay."
    ),
    Part.CARB_RATIO: to_translate(
        "Each block with meals would change by that; those from {unused_starts} and {more_blocks:.0f} more have none "
        "and stay."
    ),
}


def several_isfs(case: Case) -> RuleFinding | None:
    one = case.for_pump.one_of(Part.ISF)
    if one is None or Part.ISF in case.for_pump.untrusted:
        return _untrusted(case, Part.ISF, [b.current_mgdl_per_u for b in case.for_pump.isf])
    if not one.tuned:
        return finding(
            True,
            to_translate(
                "The profile has several insulin sensitivities, and no day has {least_points:.0f} points to tune "
                "them by: they stay. The basal was tuned with their mean over the day."
            ),
            least_points=LEAST_ISF_POINTS,
        )
    return finding(
        _moves(one),
        to_translate(
            "The profile has several insulin sensitivities; upstream tuned one in their place, the mean over its "
            "points, by {change_percent:+.0f} %. {blocks} It does not know which of them is wrong: right ones "
            "change, too."
        ),
        change_percent=100 * (one.factor - 1),
        **_blocks(case, Part.ISF),
    )


def several_carb_ratios(case: Case) -> RuleFinding | None:
    one = case.for_pump.one_of(Part.CARB_RATIO)
    if one is None or Part.CARB_RATIO in case.for_pump.untrusted:
        return _untrusted(case, Part.CARB_RATIO, [b.current_g_per_u for b in case.for_pump.carb_ratio])
    if not one.tuned:
        return finding(
            True,
            to_translate(
                "The profile has several carb ratios, and no carbs are recorded on the days used: they stay. The "
                "basal was tuned with their mean over the day."
            ),
        )
    if not one.reliable:
        return finding(
            True,
            to_translate(
                "The profile has several carb ratios, and only {meals:.0f} of the {least_meals:.0f} meals that it "
                "takes to compare them with what upstream tunes: their change is unreliable."
            ),
            meals=one.meals or 0,
            least_meals=LEAST_MEALS,
        )
    return finding(
        _moves(one),
        to_translate(
            "The profile has several carb ratios; upstream tuned one in their place, which gives the insulin they "
            "give for the meals of these days, by {change_percent:+.0f} %. {blocks} It does not know which of them "
            "is wrong."
        ),
        change_percent=100 * (one.factor - 1),
        **_blocks(case, Part.CARB_RATIO),
    )


def _untrusted(case: Case, part: Part, values: Sequence[float]) -> RuleFinding | None:
    is_unread = part in case.for_pump.unread
    return finding(
        part in case.for_pump.several,
        (UNREAD if is_unread else UNTRUSTED)[part, different(values) > 1],
        RED,
        **{"different": different(values)} | ({CASE: "unread"} if is_unread else {}),
    )


def _moves(one: OneForSeveral) -> bool:
    return round(abs(one.factor - 1), 4) >= WORTH_A_CHANGE


def _blocks(case: Case, part: Part) -> dict[str, float | str | Listed]:
    """Which blocks would change: words of their own, and the facts in them."""
    starts = case.for_pump.unused(part)
    if not starts:
        return {"blocks": Listed([to_translate("Each block would change by that.")])}
    words = (MORE_UNUSED if len(starts) > MANY else UNUSED)[part]
    named = ", ".join(starts[:MANY])
    return {"blocks": Listed([words]), "unused_starts": named, "more_blocks": len(starts) - MANY}


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        "several_isfs",
        to_translate("The profile has several insulin sensitivities"),
        f"the ISF differs between blocks, and is changed by {percent_text(WORTH_A_CHANGE)} or more, or not tuned: no "
        f"day has {LEAST_ISF_POINTS} points",
        "several cannot be read, or their mean over the day was tuned (an OpenAPS profile, an earlier version)",
        ONE_OF_EACH,
        several_isfs,
    ),
    SafetyRule(
        "several_carb_ratios",
        to_translate("The profile has several carb ratios"),
        f"the carb ratio differs between blocks, and is changed by {percent_text(WORTH_A_CHANGE)} or more, rests on "
        f"fewer than {LEAST_MEALS} meals, or is not tuned: no carbs",
        "several cannot be read, or their mean over the day was tuned (an OpenAPS profile, an earlier version)",
        ONE_OF_EACH,
        several_carb_ratios,
    ),
)
