"""Safety rules about the recommended numbers themselves: caps, receivers, human ranges, how much changes at once."""

from __future__ import annotations

from collections.abc import Sequence

from flows.proposal.case import AMBER, RED, Case, Finding, more_aggressive
from flows.proposal.receiver_limits import LIMITS
from flows.proposal.rounding import EXACT
from flows.proposal.thresholds import (
    AMBER_BASAL_CHANGE,
    AT_CAP_AMBER,
    AT_CAP_RED,
    BELOW_54_PERCENT,
    BELOW_70_PERCENT,
    HUMAN_CARB_RATIO,
    HUMAN_ISF_MGDL,
    JUMP,
    LARGE_CHANGE,
)


def within_caps(case: Case) -> Finding | None:
    pairs = [
        *zip(case.current.basal_u_per_h, case.for_pump.basal_u_per_h, strict=True),
        *((b.current_g_per_u, b.recommended_g_per_u) for b in case.for_pump.carb_ratio),
    ]
    isf = [(b.current_mgdl_per_u, b.recommended_mgdl_per_u) for b in case.for_pump.isf]
    low, high = case.caps.low, case.caps.high
    slack = 0.0011  # both numbers are rounded to three decimals
    outside = [new for now, new in pairs if not now * low - slack <= new <= now * high + slack]
    outside += [new for now, new in isf if not now / high - slack <= new <= now / low + slack]
    if outside:
        return RED, f"{len(outside)} of the numbers to enter lie beyond upstream's caps. Please report this."
    return None


def receiver_takes_it(case: Case) -> Finding | None:
    limits = LIMITS[case.age_group]
    wrong = []
    rates = case.for_pump.basal_u_per_h
    if max(rates) > limits.highest_basal_u_per_h + EXACT:
        wrong.append(f"a basal of more than {limits.highest_basal_u_per_h:g} U/h")
    if min(rates) < limits.lowest_basal_u_per_h:
        wrong.append(f"a basal below {limits.lowest_basal_u_per_h:g} U/h")
    low, high = limits.carb_ratio_g_per_u
    if not all(low <= b.recommended_g_per_u <= high for b in case.for_pump.carb_ratio):
        wrong.append(f"a carb ratio outside {low:g}–{high:g} g/U")
    low, high = limits.isf_mgdl_per_u
    if not all(low <= b.recommended_mgdl_per_u <= high for b in case.for_pump.isf):
        wrong.append("an insulin sensitivity beyond its limits")
    if wrong:
        return RED, f"AAPS would refuse {', '.join(wrong)} (age group: {case.age_group.value})."
    low, high = limits.dia_h
    if case.current.dia_h is not None and not low <= case.current.dia_h <= high:
        return AMBER, (
            f"The profile's duration of insulin action is {case.current.dia_h:g} h; AAPS takes {low:g}–{high:g} h. "
            "Autotune leaves it as it is."
        )
    return None


def humanly_possible(case: Case) -> Finding | None:
    ratios = [b.recommended_g_per_u for b in case.for_pump.carb_ratio]
    isf = [b.recommended_mgdl_per_u for b in case.for_pump.isf]
    wrong = []
    if not all(HUMAN_CARB_RATIO[0] <= r <= HUMAN_CARB_RATIO[1] for r in ratios):
        wrong.append(f"a carb ratio outside {HUMAN_CARB_RATIO[0]:g}–{HUMAN_CARB_RATIO[1]:g} g/U")
    if not all(HUMAN_ISF_MGDL[0] <= s <= HUMAN_ISF_MGDL[1] for s in isf):
        low, high = HUMAN_ISF_MGDL
        wrong.append(
            f"an insulin sensitivity outside {low:g}–{high:g} mg/dL/U ({low / 18:.1f}–{high / 18:.0f} mmol/L/U)"
        )
    return (AMBER, f"Few people have {' or '.join(wrong)}: check units and entries.") if wrong else None


def daily_basal(case: Case) -> Finding | None:
    now, new = case.current.daily_basal_u, case.for_pump.daily_basal_u
    change = new / now - 1
    if abs(change) < AMBER_BASAL_CHANGE:
        return None
    return AMBER, (
        f"The daily basal would change by {change:+.0%}, from {now:.2f} to {new:.2f} U: make such a change in steps, "
        "each watched for two or three days."
    )


def many_at_caps(case: Case) -> Finding | None:
    at = [h.at_cap for h in case.evidence.basal if h.at_cap is not None]
    if len(at) < AT_CAP_AMBER:
        return None
    sentence = (
        f"{len(at)} of 24 basals stop at upstream's caps: the data ask for more than one run may change, so the "
        "profile or the data are far off. Find out why before going on."
    )
    return (RED if len(at) >= AT_CAP_RED else AMBER), sentence


def jumps(case: Case) -> Finding | None:
    def steepest(rates: Sequence[float], hour: int) -> float:
        a, b = rates[hour], rates[(hour + 1) % len(rates)]
        return max(a, b) / min(a, b)

    now, new = case.current.basal_u_per_h, case.for_pump.basal_u_per_h
    hours = [h for h in range(24) if steepest(new, h) > max(JUMP, steepest(now, h)) * (1 + EXACT)]
    if not hours:
        return None
    named = ", ".join(f"{(h + 1) % 24:02d}:00" for h in hours)
    return AMBER, f"The basal would jump by more than half from one hour to the next at {named}."


def several_at_once(case: Case) -> Finding | None:
    changes = {
        "ISF": case.evidence.isf.change_percent,
        "carb ratio": case.evidence.carb_ratio.change_percent,
        "daily basal": 100 * (case.for_pump.daily_basal_u / case.current.daily_basal_u - 1),
    }
    large = [f"{name} {change:+.0f} %" for name, change in changes.items() if abs(change) >= 100 * LARGE_CHANGE]
    if len(large) < 2:
        return None
    return AMBER, f"Several settings would change much at once ({', '.join(large)}): change one thing at a time."


def lows(case: Case) -> Finding | None:
    if case.glucose is None or not more_aggressive(case):
        return None
    deep = case.glucose.below_54_percent
    low = deep + case.glucose.from_54_to_69_percent
    sentence = (
        f"Glucose was below 70 mg/dL (3.9 mmol/L) for {low:.1f} % and below 54 mg/dL (3.0 mmol/L) for {deep:.1f} % of "
        "the time, and these numbers would give more insulin."
    )
    if low >= BELOW_70_PERCENT or deep >= BELOW_54_PERCENT:
        return RED, sentence
    return (AMBER, sentence) if low >= BELOW_70_PERCENT / 2 or deep >= BELOW_54_PERCENT / 2 else None
