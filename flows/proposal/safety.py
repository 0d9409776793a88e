"""Whether a person should act on a recommendation: named rules, each with its threshold and its source.

Green: nothing speaks against it. Amber: read this first. Red: it cannot be applied. `RULES` is the whole list; the
report and docs/safety.md are made from it. Upstream's numbers are never changed here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flows.proposal import about_certainty as certainty
from flows.proposal import about_data as data
from flows.proposal import about_glucose as glucose
from flows.proposal import about_numbers as numbers
from flows.proposal.caps import DEFAULT_HIGH, DEFAULT_LOW
from flows.proposal.case import AMBER, RED, Case, Finding, worth_changing
from flows.proposal.consensus import HIGH, LOW, RULE_OF, exceeded, shares_of, sides
from flows.proposal.document import Colour, Reason, Verdict
from flows.proposal.headline import headline
from flows.proposal.thresholds import (
    ABOVE_140_PERCENT,
    ABOVE_250_PERCENT,
    AGED_DAYS,
    AGREED,
    AMBER_BASAL_CHANGE,
    AMBER_DAYS_SHARE,
    AMBER_UNANNOUNCED_PERCENT,
    AT_CAP_AMBER,
    AT_CAP_RED,
    BELOW_54_PERCENT,
    BELOW_63_PERCENT,
    BELOW_70_PERCENT,
    FEW_DAYS,
    FEW_ISF_POINTS,
    FEW_MEALS,
    FEW_REPETITIONS,
    HUMAN_CARB_RATIO,
    HUMAN_ISF_MGDL,
    LARGE_CHANGE,
    LOW_CORRELATION,
    LOW_COVERAGE_PERCENT,
    OTHER_PROFILE_AMBER,
    OTHER_PROFILE_RED,
    RED_UNANNOUNCED_PERCENT,
    TOO_FEW_DAYS,
    UNLOGGED_LOWS_AMBER,
    UNLOGGED_LOWS_RED_PER_DAY,
    VARIANT_CHANGE,
)


@dataclass(frozen=True)
class SafetyRule:
    """A rule: what it finds in a few words, when it is amber or red, and where the threshold comes from."""

    name: str
    title: str
    amber: str
    red: str
    source: str
    find: Callable[[Case], Finding | None]


def judge_case(case: Case) -> Verdict:
    """Apply every rule; the verdict has the worst colour found."""
    reasons = []
    for rule in RULES:
        if (found := rule.find(case)) is not None:
            reasons.append(
                Reason(rule=rule.name, title=rule.title, colour=found[0], sentence=found[1], source=rule.source)
            )
    reasons.sort(key=lambda r: r.colour is not RED)
    worst = RED if any(r.colour is RED for r in reasons) else AMBER if reasons else Colour.GREEN
    worth = worth_changing(case)
    beyond = sides(exceeded(shares_of(case.glucose), case.age_group))
    return Verdict(
        colour=worst,
        nothing_to_change=not worth and not beyond,
        beyond_limits=beyond,
        worth_changing=tuple(worth),
        headline=headline(worst, not worth, beyond),
        reasons=tuple(reasons),
        rules_checked=tuple(r.name for r in RULES if case.profiles_known or r.name != "other_profile"),
    )


OUR_CHOICE = "this project's choice, reasoned in docs/safety.md"
CONSENSUS = "International Consensus on Time in Range, Diabetes Care 2019;42:1593"
USERS = "AAPS and OpenAPS documentation on autotune"
CAPS = "oref0@0.7.1 lib/autotune/index.js (autosens_min, autosens_max)"
ONE_OF_EACH = "oref0@0.7.1 lib/autotune/index.js (one ISF, one carb ratio)"
SMOOTHING = "oref0@0.7.1 lib/autotune/index.js (hours without data)"
CURVE = "oref0@0.7.1 lib/autotune/index.js (diaDeviations, peakDeviations)"
NEVER = "–"

RULES: tuple[SafetyRule, ...] = (
    # --- glucose as it is
    SafetyRule(
        RULE_OF[LOW],
        "Glucose is too often too low",
        f"≥ {BELOW_70_PERCENT:g} % below 70 or ≥ {BELOW_54_PERCENT:g} % below 54 mg/dL; in pregnancy "
        f"≥ {BELOW_63_PERCENT:g} % below 63 or ≥ {BELOW_54_PERCENT:g} % below 54",
        NEVER,
        CONSENSUS,
        glucose.beyond_low_limit,
    ),
    SafetyRule(
        RULE_OF[HIGH],
        "Glucose is too often very high",
        f"> {ABOVE_250_PERCENT:g} % above 250 mg/dL; in pregnancy also > {ABOVE_140_PERCENT:g} % above 140",
        NEVER,
        CONSENSUS,
        glucose.beyond_high_limit,
    ),
    # --- the numbers
    SafetyRule(
        "upstream_caps",
        "A number lies beyond upstream's caps",
        NEVER,
        "a number to enter lies beyond the profile's own caps",
        CAPS,
        numbers.within_caps,
    ),
    SafetyRule(
        "receiver_limits",
        "AAPS might not take these settings",
        "duration of insulin action outside what AAPS takes",
        "basal, ISF or carb ratio outside what AAPS takes for the age group",
        "AAPS 3.4 HardLimits",
        numbers.receiver_takes_it,
    ),
    SafetyRule(
        "human_range",
        "Values that few people have",
        f"ISF outside {HUMAN_ISF_MGDL[0]:g}–{HUMAN_ISF_MGDL[1]:g} mg/dL/U, carb ratio outside "
        f"{HUMAN_CARB_RATIO[0]:g}–{HUMAN_CARB_RATIO[1]:g} g/U",
        NEVER,
        OUR_CHOICE,
        numbers.humanly_possible,
    ),
    SafetyRule(
        "several_isfs",
        "The profile has several insulin sensitivities",
        NEVER,
        "the ISF differs between blocks of the profile, or several cannot be read",
        ONE_OF_EACH,
        numbers.several_isfs,
    ),
    SafetyRule(
        "several_carb_ratios",
        "The profile has several carb ratios",
        NEVER,
        "the carb ratio differs between blocks of the profile, or several cannot be read",
        ONE_OF_EACH,
        numbers.several_carb_ratios,
    ),
    SafetyRule(
        "lows",
        "More insulin although there were lows",
        f"≥ {BELOW_70_PERCENT / 2:g} % below 70 or ≥ {BELOW_54_PERCENT / 2:g} % below 54 mg/dL, and more insulin",
        f"≥ {BELOW_70_PERCENT:g} % below 70 or ≥ {BELOW_54_PERCENT:g} % below 54 mg/dL, and more insulin",
        CONSENSUS,
        numbers.lows,
    ),
    SafetyRule(
        "daily_basal",
        "The daily basal would change much",
        f"the daily basal changes by {AMBER_BASAL_CHANGE:.0%} or more",
        NEVER,
        USERS,
        numbers.daily_basal,
    ),
    SafetyRule(
        "several_at_once",
        "Several settings would change much at once",
        f"two or more change by {LARGE_CHANGE:.0%}",
        NEVER,
        USERS,
        numbers.several_at_once,
    ),
    SafetyRule(
        "many_at_caps",
        "Many basals stop at upstream's caps",
        f"{AT_CAP_AMBER} or more basals stand at a cap, or were stopped there on half of the days",
        f"{AT_CAP_RED} or more",
        OUR_CHOICE,
        numbers.many_at_caps,
    ),
    SafetyRule(
        "jumps",
        "The basal would jump from hour to hour",
        "a basal step of more than half that was not there",
        NEVER,
        OUR_CHOICE,
        numbers.jumps,
    ),
    SafetyRule(
        "at_cap",
        "Upstream's cap decided ISF or carb ratio",
        "ISF or carb ratio stands at its cap, or was stopped by it on half of the days",
        NEVER,
        CAPS,
        numbers.isf_or_ratio_at_cap,
    ),
    SafetyRule(
        "wide_caps",
        "The profile's own caps are wide",
        f"autosens_min or autosens_max beyond {DEFAULT_LOW:g}–{DEFAULT_HIGH:g}",
        NEVER,
        CAPS,
        numbers.wide_caps,
    ),
    SafetyRule(
        "insulin_curve",
        "The insulin's action would change too",
        "duration or peak of insulin action changes",
        NEVER,
        CURVE,
        numbers.insulin_curve,
    ),
    # --- the data
    SafetyRule(
        "too_little_data",
        "Few days",
        f"fewer than {FEW_DAYS} days",
        f"fewer than {TOO_FEW_DAYS} days",
        USERS,
        data.enough_days,
    ),
    SafetyRule(
        "coverage",
        "Much glucose is missing",
        f"glucose for less than {LOW_COVERAGE_PERCENT:g} % of the time",
        "none",
        CONSENSUS,
        data.coverage,
    ),
    SafetyRule(
        "amber_days",
        "Many days are amber",
        f"more than {AMBER_DAYS_SHARE:.0%} of the days are amber",
        NEVER,
        OUR_CHOICE,
        data.good_days,
    ),
    SafetyRule(
        "old_data",
        "The data are old",
        f"the last day is more than {AGED_DAYS:g} days ago",
        NEVER,
        OUR_CHOICE,
        data.old_data,
    ),
    SafetyRule(
        "other_profile",
        "Another profile was in force",
        f"other settings in force for ≥ {OTHER_PROFILE_AMBER:.0%} of the time",
        f"≥ {OTHER_PROFILE_RED:.0%}",
        USERS,
        data.other_profile,
    ),
    SafetyRule(
        "unlogged_lows",
        "Lows seem to have been treated without an entry",
        f"≥ {UNLOGGED_LOWS_AMBER} rises after lows without carbs entered",
        f"as many as {UNLOGGED_LOWS_RED_PER_DAY:g} a day",
        USERS,
        data.unlogged_lows,
    ),
    SafetyRule(
        "unannounced_meals",
        "Meals seem not to have been entered",
        f"≥ {AMBER_UNANNOUNCED_PERCENT:g} % of points unannounced, or most days without carbs",
        f"≥ {RED_UNANNOUNCED_PERCENT:g} %",
        USERS,
        data.unannounced,
    ),
    SafetyRule(
        "data_as_served",
        "The data are not corrected, or not whole",
        "inputs upstream, or records quarantined",
        NEVER,
        OUR_CHOICE,
        data.data_as_served,
    ),
    SafetyRule(
        "goes_on",
        "The run goes on from an earlier result",
        "the start profile is not the pump's",
        NEVER,
        OUR_CHOICE,
        data.goes_on,
    ),
    # --- how sure it is
    SafetyRule(
        "certainty_unknown",
        "How sure the numbers are is not known",
        f"no repetitions, fewer than {FEW_REPETITIONS}, or more than a tenth failed",
        NEVER,
        OUR_CHOICE,
        certainty.known_certainty,
    ),
    SafetyRule(
        "low_agreement",
        "Other days would say otherwise",
        f"less than {AGREED:.0%} of the repetitions move ISF, carb ratio or a third of the changing hours the same way",
        NEVER,
        OUR_CHOICE,
        certainty.agreement,
    ),
    SafetyRule(
        "weakly_tuned",
        "ISF and carb ratio deserve doubt",
        "ISF or carb ratio is among what would change",
        NEVER,
        "docs/coverage.md: 21 synthetic people",
        certainty.weakly_tuned,
    ),
    SafetyRule(
        "few_points",
        "Much is concluded from little",
        f"ISF or carb ratio changes from fewer than {FEW_ISF_POINTS} points or {FEW_MEALS} meals",
        NEVER,
        OUR_CHOICE,
        certainty.few_points,
    ),
    SafetyRule(
        "hours_without_data",
        "Hours change that had no data",
        "a basal changes that had no data on most days",
        NEVER,
        SMOOTHING,
        certainty.hours_without_data,
    ),
    SafetyRule(
        "insulin_unseen",
        "Glucose hardly follows the insulin",
        f"glucose and insulin have a correlation below {LOW_CORRELATION:g} in upstream's ISF points",
        NEVER,
        OUR_CHOICE,
        certainty.insulin_unseen,
    ),
    SafetyRule(
        "held_out",
        "Days kept aside are explained no better",
        "days kept aside are explained no better",
        NEVER,
        OUR_CHOICE,
        certainty.held_out,
    ),
    SafetyRule(
        "depends_on_choices",
        "The numbers depend on a choice",
        f"a variant differs by more than {VARIANT_CHANGE:.0%}",
        NEVER,
        OUR_CHOICE,
        certainty.variants,
    ),
    SafetyRule(
        "self_check",
        "The self-check found a difference",
        "the self-check found a difference",
        NEVER,
        OUR_CHOICE,
        certainty.self_check,
    ),
)
