"""Safety rules about how repeatable the numbers are: repetitions, days kept aside, variants, the self-check."""

from __future__ import annotations

from flows.judgement.case import AMBER, Case, RuleFinding, agreed, finding, worth_changing
from flows.judgement.rule import NEVER, OUR_CHOICE, SMOOTHING, SafetyRule
from flows.language.catalogue import to_translate
from flows.proposal.agreement import AGREED, WORTH_A_CHANGE
from flows.proposal.insulin_response import CLEARLY_ABOVE_SD
from flows.proposal.step_document import StepKind
from flows.proposal.stopping import LEAST_REPETITIONS
from flows.values.sentence import Listed, percent_text, without_facts

UNSURE_HOURS_SHARE = 1 / 3
FAILED_SHARE = 0.1
# A meal a day for a week; upstream itself leaves ISF alone on days with fewer than ten points.
FEW_MEALS, FEW_ISF_POINTS = 7, 50
EMPTY_HOURS_SHARE = 0.5
VARIANT_CHANGE = 0.10
# Chance that keeps to the range shows as little: two invented people of it are 90 and 94 % in range, and must be told.
EVEN_IN_RANGE_PERCENT = 95.0


def known_certainty(case: Case) -> RuleFinding | None:
    if case.step is not None and not case.step.changes:
        return None  # how repeatable numbers are is no matter where none of them is to be used
    if (done := case.evidence.repetitions) is None:
        why = case.evidence.why_no_repetitions or to_translate("it was not asked for")
        words = to_translate("The repeatability of the numbers is not known ({why}).")
        return finding(True, words, why=Listed([without_facts(why)]))
    return finding(
        done.count < LEAST_REPETITIONS or done.failed > FAILED_SHARE * (done.count + done.failed),
        to_translate(
            "The numbers' repeatability is not well known: {repetitions:.0f} repetitions completed, {failed:.0f} "
            "failed."
        ),
        repetitions=done.count,
        failed=done.failed,
    )


RATIO_FROM_ONE = to_translate("the carb ratio from {meals:.0f} meal")
RATIO_FROM = to_translate("the carb ratio from {meals:.0f} meals")


def few_points(case: Case) -> RuleFinding | None:
    isf, ratio = case.evidence.isf, case.evidence.carb_ratio
    points, meals = isf.points, ratio.periods_used
    rested = (
        (isf.change_percent, points, FEW_ISF_POINTS, to_translate("ISF from {points:.0f} data points")),
        (ratio.change_percent, meals, FEW_MEALS, RATIO_FROM_ONE if meals == 1 else RATIO_FROM),
    )
    large = [on for on in rested if abs(on[0]) >= 100 * WORTH_A_CHANGE]
    few = [words for _, count, least, words in large if count is not None and count < least]
    words = to_translate("Large change from few data: {settings}.")
    listed = Listed(few, to_translate(" and "))
    return finding(few, words, settings=listed, points=points or 0, meals=meals or 0)


def agreement(case: Case) -> RuleFinding | None:
    unsure = {
        which: name
        for which, name, change, agreement in (
            ("isf", to_translate("ISF"), case.evidence.isf.change_percent, case.evidence.isf.agreement),
            (
                "carb_ratio",
                to_translate("carb ratio"),
                case.evidence.carb_ratio.change_percent,
                case.evidence.carb_ratio.agreement,
            ),
        )
        if abs(change) >= 100 * WORTH_A_CHANGE and not agreed(agreement)
    }
    moved = [h for h in case.evidence.basal if abs(h.change_percent) >= 100 * WORTH_A_CHANGE]
    hours = [h for h in moved if not agreed(h.agreement)]
    if hours and len(hours) > UNSURE_HOURS_SHARE * len(moved):
        unsure["basal"] = to_translate(
            "the basal of {basal_hours:.0f} of {basal_hours_that_change:.0f} hours that change"
        )
    return finding(
        unsure,
        to_translate(
            "The change depends on which days are used: {settings}. Fewer than nine in ten repetitions agree."
        ),
        settings=Listed(list(unsure.values())),
        case=", ".join(unsure),
        basal_hours=len(hours),
        basal_hours_that_change=len(moved),
    )


def insulin_unseen(case: Case) -> RuleFinding | None:
    if _kept_in_range(case):
        return None
    isf = case.evidence.isf
    found, needed = isf.insulin_correlation, isf.insulin_correlation_needed
    return finding(
        found is not None and needed is not None and found <= needed,
        to_translate(
            "A response of glucose to the recorded insulin could not be seen: glucose follows it no better than the "
            "same insulin at other times. An insulin sensitivity computed from these days is not reliable. Check for "
            "missing or duplicate insulin records, wrong times, or an inaccurate sensor."
        ),
    )


def _kept_in_range(case: Case) -> bool:
    """Whether nothing is to follow from the number, and glucose is so even that it has next to nothing to show."""
    keeps = case.step is not None and case.step.kind is StepKind.KEEP
    return keeps and case.glucose is not None and case.glucose.in_range_70_180_percent >= EVEN_IN_RANGE_PERCENT


NAMES = {"isf": to_translate("ISF"), "carb_ratio": to_translate("carb ratio")}


def weakly_tuned(case: Case) -> RuleFinding | None:
    found = [key for key in worth_changing(case) if key in NAMES]
    return finding(
        found,
        to_translate(
            "Treat the {settings} with caution: which of upstream's numbers come nearer to the truth depends on the "
            "simulated body (docs/coverage.md), and where one setting is wrong another moves for it."
        ),
        settings=Listed([NAMES[key] for key in found], to_translate(" and the ")),
        case=", ".join(found),
    )


def hours_without_data(case: Case) -> RuleFinding | None:
    hours = [
        f"{h.hour:02d}:00"
        for h in case.evidence.basal
        if h.days_without_points is not None
        and h.days_without_points > EMPTY_HOURS_SHARE * len(case.days)
        and abs(h.change_percent) >= 100 * WORTH_A_CHANGE
    ]
    return finding(
        hours,
        to_translate(
            "On more than half of the days upstream had no data for {hours} and smoothed the basal there (20 % towards "
            "the neighbouring hours)."
        ),
        hours=", ".join(hours),
    )


def held_out(case: Case) -> RuleFinding | None:
    found = case.evidence.held_out
    if found is None or found.better is not False or not worth_changing(case):
        return None
    return RuleFinding(AMBER, found.sentence, found.facts, (found.said,) if found.said else ())


def variants(case: Case) -> RuleFinding | None:
    differing: list[str] = []
    lists: dict[str, Listed] = {}
    for n, other in enumerate(case.evidence.sensitivity, 1):
        changes = (
            (to_translate("ISF"), other.isf_mgdl_per_u, case.recommended.isf_mgdl_per_u),
            (to_translate("carb ratio"), other.carb_ratio_g_per_u, case.recommended.carb_ratio_g_per_u),
            (to_translate("daily basal"), other.daily_basal_u, case.recommended.daily_basal_u),
        )
        names = [name for name, value, ours in changes if abs(value / ours - 1) > VARIANT_CHANGE]
        if names:
            differing.append(f"{{with_{n}}}: {{settings_{n}}}")
            lists |= {f"with_{n}": Listed([with_variant(other.variant)]), f"settings_{n}": Listed(names)}
    return finding(
        differing,
        to_translate("The result depends on the options ({variants}): the numbers differ by more than 10 %."),
        variants=Listed(differing, "; "),
        **lists,
    )


def with_variant(variant: str) -> str:
    """A run from other days or with another option, as words of the catalogue where it is one of today's."""
    known = (
        to_translate("with unannounced rises as basal"),
        to_translate("with unannounced rises not as basal"),
        to_translate("with last 7 days"),
    )
    said = f"with {variant}"
    return said if said in known else without_facts(said)


def self_check(case: Case) -> RuleFinding | None:
    return finding(
        case.recomputed_exactly,
        to_translate(
            "The self-check found a difference; all was computed again by upstream alone. Please report this."
        ),
    )


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        "certainty_unknown",
        to_translate("The repeatability of the numbers is not known"),
        f"no repetitions, fewer than {LEAST_REPETITIONS}, or more than a tenth failed",
        NEVER,
        OUR_CHOICE,
        known_certainty,
    ),
    SafetyRule(
        "low_agreement",
        to_translate("Result depends on which days are used"),
        f"less than {percent_text(AGREED)} of the repetitions move ISF, carb ratio or a third of the changing hours "
        "the same way",
        NEVER,
        OUR_CHOICE,
        agreement,
    ),
    SafetyRule(
        "weakly_tuned",
        to_translate("Treat ISF and carb ratio with caution"),
        "ISF or carb ratio is among what would change",
        NEVER,
        to_translate("docs/coverage.md: simulated people of two families"),
        weakly_tuned,
    ),
    SafetyRule(
        "few_points",
        to_translate("Large change from few data"),
        f"ISF or carb ratio changes from fewer than {FEW_ISF_POINTS} points or {FEW_MEALS} meals",
        NEVER,
        OUR_CHOICE,
        few_points,
    ),
    SafetyRule(
        "hours_without_data",
        to_translate("Basal changes in hours without data"),
        "a basal rate changes in an hour without data on most days",
        NEVER,
        SMOOTHING,
        hours_without_data,
    ),
    SafetyRule(
        "insulin_unseen",
        to_translate("A response of glucose to insulin could not be seen"),
        f"in upstream's ISF points glucose and insulin are correlated by no more than {CLEARLY_ABOVE_SD:g} standard "
        "deviations above the same insulin shifted in time; silent where the step keeps every setting "
        f"and {EVEN_IN_RANGE_PERCENT:g} % is in range",
        NEVER,
        OUR_CHOICE,
        insulin_unseen,
    ),
    SafetyRule(
        "held_out",
        to_translate("No better fit on days kept aside"),
        "the new settings fit the days kept aside no better than the old ones",
        NEVER,
        OUR_CHOICE,
        held_out,
    ),
    SafetyRule(
        "depends_on_choices",
        to_translate("Result depends on the options"),
        f"a variant differs by more than {percent_text(VARIANT_CHANGE)}",
        NEVER,
        OUR_CHOICE,
        variants,
    ),
    SafetyRule(
        "self_check",
        to_translate("The self-check found a difference"),
        "the self-check found a difference",
        NEVER,
        OUR_CHOICE,
        self_check,
    ),
)
