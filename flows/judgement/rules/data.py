"""Safety rules about the data: too little, too old, meals and lows nobody entered, another profile in force."""

from __future__ import annotations

from flows.judgement.case import AMBER, RED, Case, RuleFinding, finding, more_aggressive
from flows.judgement.rule import CONSENSUS, NEVER, OUR_CHOICE, USERS, SafetyRule
from flows.language.catalogue import to_translate
from flows.values.sentence import percent_text
from flows.values.units import HOURS_PER_DAY

# AAPS and OpenAPS advise a week or more; two days are too few to show whether days agree.
FEW_DAYS, TOO_FEW_DAYS = 7, 3
AMBER_DAYS_SHARE = 1 / 3
AGED_DAYS = 14.0
OTHER_PROFILE_AMBER, OTHER_PROFILE_RED = 0.2, 0.5
# International Consensus on Time in Range, Diabetes Care 2019;42:1593.
LOW_COVERAGE_PERCENT = 70.0
# Two rises may be the liver's or the sensor's; as many as every second day shape what upstream learns.
UNLOGGED_LOWS_AMBER, UNLOGGED_LOWS_RED_PER_DAY = 3, 0.5
AMBER_UNANNOUNCED_PERCENT, RED_UNANNOUNCED_PERCENT = 20.0, 40.0


FEW = to_translate(
    "{good_days:.0f} good days are few: at least {advised_days:.0f} are advised before settings are changed."
)
TOO_FEW = to_translate("{good_days:.0f} good days are too few to tune settings from: take at least {advised_days:.0f}.")
ONE_DAY = to_translate("{good_days:.0f} good day is too few to tune settings from: take at least {advised_days:.0f}.")


def enough_days(case: Case) -> RuleFinding | None:
    count = sum(day.colour != "red" for day in case.days)
    too_few = ONE_DAY if count == 1 else TOO_FEW
    words, colour = (too_few, RED) if count < TOO_FEW_DAYS else (FEW, AMBER)
    return finding(count < FEW_DAYS, words, colour, good_days=count, advised_days=FEW_DAYS)


def coverage(case: Case) -> RuleFinding | None:
    if case.glucose is None:
        return finding(True, to_translate("There are no glucose readings to compare the recommendation with."), RED)
    return finding(
        case.glucose.coverage_percent < LOW_COVERAGE_PERCENT,
        to_translate(
            "Glucose is known for {coverage_percent:.0f} % of the time; the consensus on CGM metrics asks for "
            "{asked_percent:g} %."
        ),
        coverage_percent=case.glucose.coverage_percent,
        asked_percent=LOW_COVERAGE_PERCENT,
    )


def good_days(case: Case) -> RuleFinding | None:
    amber = sum(day.colour in ("amber", "red") for day in case.days)
    return finding(
        amber > AMBER_DAYS_SHARE * len(case.days),
        to_translate("Of {days_used:.0f} days used {amber_days:.0f} are amber or red: see the remarks on each."),
        days_used=len(case.days),
        amber_days=amber,
    )


def continues_previous(case: Case) -> RuleFinding | None:
    return finding(
        case.continues_previous,
        to_translate(
            "The run continues from an earlier result: the numbers are further from the profile than these days alone "
            "would move them. Repetitions and days kept aside begin with the profile, so a number may lie outside its "
            "interval."
        ),
    )


def old_data(case: Case) -> RuleFinding | None:
    return finding(
        case.age_days > AGED_DAYS,
        to_translate("The last day used is {days_ago:.0f} days ago: needs may have changed since."),
        days_ago=case.age_days,
    )


def other_profile(case: Case) -> RuleFinding | None:
    hours = sum(day.other_profile_hours + day.unknown_profile_hours for day in case.days)
    share = hours / (HOURS_PER_DAY * len(case.days)) if case.days else 0.0
    return finding(
        share >= OTHER_PROFILE_AMBER,
        to_translate(
            "For {other_profile_percent:.0f} % of the time other settings were in force than those that are tuned, or "
            "it is not known which."
        ),
        RED if share >= OTHER_PROFILE_RED else AMBER,
        other_profile_percent=100 * share,
    )


def data_as_served(case: Case) -> RuleFinding | None:
    if not case.corrected:
        return finding(
            True,
            to_translate("The data were taken as the site served them: what upstream misreads is in these numbers."),
        )
    return finding(
        case.quarantined,
        to_translate("{records:.0f} records could not be understood and are missing; see ledger.json."),
        records=case.quarantined,
    )


def unlogged_lows(case: Case) -> RuleFinding | None:
    count = case.glucose.rises_after_lows_without_carbs if case.glucose else 0
    many = count >= UNLOGGED_LOWS_RED_PER_DAY * len(case.days)
    # What such rises do is to ask for more insulin: where a step takes only away, they do not speak against it.
    harmless = case.step is not None and not more_aggressive(case)
    return finding(
        count >= UNLOGGED_LOWS_AMBER,
        to_translate(
            "{rises:.0f} times glucose rose after a low and no carbs were entered within the hour. If they were eaten, "
            "upstream takes the rise for missing basal and raises it in the hours before the low. Enter them, or leave "
            "those days out."
        ),
        RED if many and not harmless else AMBER,
        rises=count,
    )


def unannounced(case: Case) -> RuleFinding | None:
    share = case.glucose.unannounced_share_percent if case.glucose else None
    without = sum(day.carb_entries == 0 for day in case.days)
    if share is not None and share >= AMBER_UNANNOUNCED_PERCENT:
        return finding(
            True,
            to_translate(
                "{unannounced_percent:.0f} % of the readings rose faster than the entered carbs explain: upstream "
                "attributes meals that are not entered to basal or sensitivity."
            ),
            RED if share >= RED_UNANNOUNCED_PERCENT else AMBER,
            unannounced_percent=share,
        )
    return finding(
        without > len(case.days) / 2,
        to_translate(
            "On {days_without_carbs:.0f} of {days_used:.0f} days no carbs were entered: upstream then attributes meals "
            "to basal."
        ),
        days_without_carbs=without,
        days_used=len(case.days),
    )


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        "too_little_data",
        to_translate("Few days"),
        f"fewer than {FEW_DAYS} days",
        f"fewer than {TOO_FEW_DAYS} days",
        USERS,
        enough_days,
        forbids_steps=True,
    ),
    SafetyRule(
        "coverage",
        to_translate("Large gaps in the glucose data"),
        f"glucose for less than {LOW_COVERAGE_PERCENT:g} % of the time",
        "none",
        CONSENSUS,
        coverage,
        forbids_steps=True,
    ),
    SafetyRule(
        "amber_days",
        to_translate("Many days are amber"),
        f"more than {percent_text(AMBER_DAYS_SHARE)} of the days are amber",
        NEVER,
        OUR_CHOICE,
        good_days,
    ),
    SafetyRule(
        "old_data",
        to_translate("The data are old"),
        f"the last day is more than {AGED_DAYS:g} days ago",
        NEVER,
        OUR_CHOICE,
        old_data,
    ),
    SafetyRule(
        "other_profile",
        to_translate("Another profile was active"),
        f"other settings in force for ≥ {percent_text(OTHER_PROFILE_AMBER)} of the time",
        f"≥ {percent_text(OTHER_PROFILE_RED)}",
        USERS,
        other_profile,
        forbids_steps=True,
    ),
    SafetyRule(
        "unlogged_lows",
        to_translate("Lows probably treated without a carb entry"),
        f"≥ {UNLOGGED_LOWS_AMBER} rises after lows without carbs entered",
        f"as many as {UNLOGGED_LOWS_RED_PER_DAY:g} a day",
        USERS,
        unlogged_lows,
    ),
    SafetyRule(
        "unannounced_meals",
        to_translate("Meals probably not entered"),
        f"≥ {AMBER_UNANNOUNCED_PERCENT:g} % of points unannounced, or most days without carbs",
        f"≥ {RED_UNANNOUNCED_PERCENT:g} %",
        USERS,
        unannounced,
        forbids_steps=True,
    ),
    SafetyRule(
        "data_as_served",
        to_translate("Data uncorrected or incomplete"),
        "inputs upstream, or records quarantined",
        NEVER,
        OUR_CHOICE,
        data_as_served,
    ),
    SafetyRule(
        "continues_previous",
        to_translate("The run continues from an earlier result"),
        "the start profile is not the pump's",
        NEVER,
        OUR_CHOICE,
        continues_previous,
    ),
)
