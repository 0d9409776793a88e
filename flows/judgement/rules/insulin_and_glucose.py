"""Safety rules about where the numbers give more or less insulin, and how glucose is there."""

from __future__ import annotations

from flows.judgement.case import AMBER, RED, Case, RuleFinding, finding, more_aggressive
from flows.judgement.rule import CONSENSUS, NEVER, OUR_CHOICE, SafetyRule
from flows.language.catalogue import to_translate
from flows.proposal.agreement import WORTH_A_CHANGE
from flows.proposal.consensus_limits import BELOW_54_PERCENT, BELOW_70_PERCENT, below_70_percent
from flows.proposal.step_case import above_180_percent, shares_after
from flows.proposal.step_limits import OF
from flows.values.sentence import Listed, percent_text
from flows.values.units import HOURS_PER_DAY

LESS = 0.02  # of the day's basal, the ISF or the carb ratio
LARGE_SETTING, LARGE_HOUR = 0.10, 0.15


MORE_INSULIN = to_translate(
    "Glucose was below 70 mg/dL (3.9 mmol/L) for {below_70_percent:.1f} % and below 54 mg/dL (3.0 mmol/L) for "
    "{below_54_percent:.1f} % of the time, and these numbers would give more insulin."
)
MORE_AT_SOME_HOURS = to_translate(
    "Glucose was below 70 mg/dL (3.9 mmol/L) for {below_70_percent:.1f} % and below 54 mg/dL (3.0 mmol/L) for "
    "{below_54_percent:.1f} % of the time, and these numbers would give more insulin at {hours}, though less in the "
    "whole day."
)
RISES = to_translate(
    "The basal would rise at {hours}, and glucose is below 70 mg/dL (3.9 mmol/L) for more than {more_than_percent:g} % "
    "of the time in the {hours_after:g} hours after that."
)


def lows(case: Case) -> RuleFinding | None:
    if case.glucose is None or not more_aggressive(case):
        return None
    deep, low = case.glucose.below_54_percent, below_70_percent(case.glucose)
    rising = _rising(case) if case.for_pump.daily_basal_u < case.current.daily_basal_u else []
    return finding(
        low >= BELOW_70_PERCENT / 2 or deep >= BELOW_54_PERCENT / 2,
        MORE_AT_SOME_HOURS if rising else MORE_INSULIN,
        RED if low >= BELOW_70_PERCENT or deep >= BELOW_54_PERCENT else AMBER,
        below_70_percent=low,
        below_54_percent=deep,
        hours=_named(rising),
    )


def lows_after_rises(case: Case) -> RuleFinding | None:
    if case.glucose is None:
        return None
    glucose = case.glucose
    hours = [hour for hour in _rising(case) if shares_after(glucose, hour)[0] > OF["lows_after"]]
    return finding(
        hours,
        RISES,
        hours=_named(hours),
        more_than_percent=OF["lows_after"],
        hours_after=OF["acts_for"],
    )


def highs(case: Case) -> RuleFinding | None:
    if case.glucose is None or not _less_insulin(case):
        return None
    high = above_180_percent(case.glucose)
    lows_too = below_70_percent(case.glucose) >= BELOW_70_PERCENT
    return finding(
        high > OF["high"] and not lows_too,
        to_translate(
            "Glucose was above 180 mg/dL (10.0 mmol/L) for {above_180_percent:.1f} % of the time, and these numbers "
            "would give less insulin."
        ),
        above_180_percent=high,
    )


def large_single(case: Case) -> RuleFinding | None:
    isf, ratio = case.evidence.isf.change_percent, case.evidence.carb_ratio.change_percent
    hours = [h.hour for h in case.evidence.basal if abs(h.change_percent) >= 100 * LARGE_HOUR]
    single = (
        (abs(isf) >= 100 * LARGE_SETTING, to_translate("ISF {isf_percent:+.0f} %")),
        (abs(ratio) >= 100 * LARGE_SETTING, to_translate("carb ratio {carb_ratio_percent:+.0f} %")),
        (hours, to_translate("basal of {basal_hours:.0f} hours")),
    )
    large = [words for holds, words in single if holds]
    return finding(
        large,
        to_translate("A single setting would change by a large amount ({settings}): go in smaller steps."),
        settings=Listed(large),
        isf_percent=isf,
        carb_ratio_percent=ratio,
        basal_hours=len(hours),
    )


def _rising(case: Case) -> list[int]:
    """The hours whose basal would rise by enough to matter."""
    rates = zip(case.current.basal_u_per_h, case.for_pump.basal_u_per_h, strict=True)
    return [hour for hour, (now, new) in enumerate(rates) if new >= now * (1 + WORTH_A_CHANGE)]


def _less_insulin(case: Case) -> bool:
    """Less basal a day, or a higher ISF or carb ratio."""
    isf = [b.recommended_mgdl_per_u / b.current_mgdl_per_u for b in case.for_pump.isf]
    ratio = [b.recommended_g_per_u / b.current_g_per_u for b in case.for_pump.carb_ratio]
    less_basal = case.for_pump.daily_basal_u < case.current.daily_basal_u * (1 - LESS)
    return less_basal or max(isf) > 1 + LESS or max(ratio) > 1 + LESS


def _named(hours: list[int]) -> str | Listed:
    if len(hours) == HOURS_PER_DAY:
        return Listed([to_translate("all hours")])
    return ", ".join(f"{hour:02d}:00" for hour in hours)


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        "lows",
        to_translate("More insulin although there were lows"),
        f"≥ {BELOW_70_PERCENT / 2:g} % below 70 or ≥ {BELOW_54_PERCENT / 2:g} % below 54 mg/dL, and more insulin",
        f"≥ {BELOW_70_PERCENT:g} % below 70 or ≥ {BELOW_54_PERCENT:g} % below 54 mg/dL, and more insulin",
        CONSENSUS,
        lows,
    ),
    SafetyRule(
        "lows_after_rises",
        to_translate("More basal before hours with lows"),
        f"an hour rises by {percent_text(WORTH_A_CHANGE)} and the {OF['acts_for']:g} hours after it have more than "
        f"{OF['lows_after']:g} % below 70 mg/dL",
        NEVER,
        CONSENSUS,
        lows_after_rises,
    ),
    SafetyRule(
        "highs",
        to_translate("Less insulin although glucose is high"),
        f"more than {OF['high']:g} % above 180 mg/dL, no more than {BELOW_70_PERCENT:g} % below 70, and less insulin",
        NEVER,
        CONSENSUS,
        highs,
    ),
    SafetyRule(
        "large_single",
        to_translate("A large change of a single setting"),
        f"ISF or carb ratio by {percent_text(LARGE_SETTING)}, or an hour's basal by {percent_text(LARGE_HOUR)}",
        NEVER,
        OUR_CHOICE,
        large_single,
    ),
)
