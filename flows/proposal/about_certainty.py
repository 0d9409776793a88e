"""Safety rules about how sure the numbers are: repetitions, days kept aside, variants, the self-check."""

from __future__ import annotations

from flows.proposal.case import AMBER, Case, Finding, agreed, worth_changing
from flows.proposal.thresholds import (
    EMPTY_HOURS_SHARE,
    FAILED_SHARE,
    FEW_ISF_POINTS,
    FEW_MEALS,
    FEW_REPETITIONS,
    LOW_CORRELATION,
    NEARER_CARB_RATIO,
    NEARER_DAILY_BASAL,
    NEARER_ISF,
    UNSURE_HOURS_SHARE,
    VARIANT_CHANGE,
    WORTH_A_CHANGE,
)


def known_certainty(case: Case) -> Finding | None:
    done = case.evidence.repetitions
    if done is None:
        why = case.evidence.why_no_repetitions or "it was not asked for"
        return AMBER, f"How sure the numbers are is not known ({why})."
    if done.count < FEW_REPETITIONS or done.failed > FAILED_SHARE * (done.count + done.failed):
        return AMBER, (
            f"How sure the numbers are is hardly known: {done.count} repetitions came to their end, "
            f"{done.failed} did not."
        )
    return None


def few_points(case: Case) -> Finding | None:
    few = []
    isf, ratio = case.evidence.isf, case.evidence.carb_ratio
    if isf.points is not None and isf.points < FEW_ISF_POINTS and abs(isf.change_percent) >= 100 * WORTH_A_CHANGE:
        few.append(f"ISF from {isf.points} data points")
    meals = ratio.periods_used
    if meals is not None and meals < FEW_MEALS and abs(ratio.change_percent) >= 100 * WORTH_A_CHANGE:
        few.append(f"the carb ratio from {meals} meal{'' if meals == 1 else 's'}")
    return (AMBER, f"Much is concluded from little: {' and '.join(few)}.") if few else None


def agreement(case: Case) -> Finding | None:
    unsure = [
        name
        for name, change, agreement in (
            ("ISF", case.evidence.isf.change_percent, case.evidence.isf.agreement),
            ("carb ratio", case.evidence.carb_ratio.change_percent, case.evidence.carb_ratio.agreement),
        )
        if abs(change) >= 100 * WORTH_A_CHANGE and not agreed(agreement)
    ]
    moved = [h for h in case.evidence.basal if abs(h.change_percent) >= 100 * WORTH_A_CHANGE]
    hours = [h for h in moved if not agreed(h.agreement)]
    if hours and len(hours) > UNSURE_HOURS_SHARE * len(moved):
        unsure.append(f"the basal of {len(hours)} of {len(moved)} hours that change")
    if not unsure:
        return None
    return (
        AMBER,
        f"Other days would move it another way: {', '.join(unsure)}. Fewer than nine in ten repetitions agree.",
    )


def insulin_unseen(case: Case) -> Finding | None:
    found = case.evidence.isf.insulin_correlation
    if found is None or found >= LOW_CORRELATION:
        return None
    return AMBER, (
        "Glucose hardly follows the recorded insulin: what is learned from these days about insulin sensitivity is "
        "chance. Look for missing or doubled insulin records, wrong times, or a sensor that was off."
    )


def weakly_tuned(case: Case) -> Finding | None:
    names = {"isf": "ISF", "carb_ratio": "carb ratio"}
    found = [names[key] for key in worth_changing(case) if key in names]
    if not found:
        return None
    (isf, of_isf), (ratio, of_ratio), (basal, of_basal) = NEARER_ISF, NEARER_CARB_RATIO, NEARER_DAILY_BASAL
    return AMBER, (
        f"Doubt the {' and the '.join(found)}: of invented people whose true settings are known, upstream brought a "
        f"wrong ISF nearer in {isf} of {of_isf} and a wrong carb ratio in {ratio} of {of_ratio}, the daily basal in "
        f"{basal} of {of_basal}. Change the basal first."
    )


def hours_without_data(case: Case) -> Finding | None:
    used = len(case.days)
    hours = [
        f"{h.hour:02d}:00"
        for h in case.evidence.basal
        if h.days_without_points is not None
        and h.days_without_points > EMPTY_HOURS_SHARE * used
        and abs(h.change_percent) >= 100 * WORTH_A_CHANGE
    ]
    if not hours:
        return None
    return AMBER, (
        f"On more than half of the days upstream had no data for {', '.join(hours)} and drew the basal there a fifth "
        "of the way to its neighbours."
    )


def held_out(case: Case) -> Finding | None:
    found = case.evidence.held_out
    if found is None or found.better is not False or not worth_changing(case):
        return None
    return AMBER, found.sentence


def variants(case: Case) -> Finding | None:
    differing = []
    for other in case.evidence.sensitivity:
        changes = (
            ("ISF", other.isf_mgdl_per_u, case.recommended.isf_mgdl_per_u),
            ("carb ratio", other.carb_ratio_g_per_u, case.recommended.carb_ratio_g_per_u),
            ("daily basal", other.daily_basal_u, case.recommended.daily_basal_u),
        )
        names = [name for name, value, ours in changes if abs(value / ours - 1) > VARIANT_CHANGE]
        if names:
            differing.append(f"with {other.variant}: {', '.join(names)}")
    if not differing:
        return None
    return AMBER, f"The numbers depend on a choice ({'; '.join(differing)}): they differ by more than a tenth."


def self_check(case: Case) -> Finding | None:
    if not case.redone:
        return None
    return AMBER, "The self-check found a difference; all was computed again by upstream alone. Please report this."
