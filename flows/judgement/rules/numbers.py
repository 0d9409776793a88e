"""Safety rules about the recommended numbers themselves: caps, receivers, human ranges, how much changes at once."""

from __future__ import annotations

from collections.abc import Sequence

from flows.judgement.case import AMBER, RED, Case, RuleFinding, finding
from flows.judgement.rule import CAPS, CURVE, NEVER, OUR_CHOICE, USERS, SafetyRule
from flows.judgement.rules import several
from flows.language.catalogue import to_translate
from flows.oref0.caps import DEFAULT_HIGH, DEFAULT_LOW
from flows.proposal.aaps_limits import AAPS_LIMITS
from flows.proposal.document import ForPump
from flows.proposal.rounding import EXACT
from flows.settings import AgeGroup
from flows.values.sentence import CASE, Listed, percent_text
from flows.values.units import HOURS_PER_DAY, MGDL_PER_MMOLL

# Changing one thing at a time, watched for two or three days (AAPS documentation), means changes of about a tenth.
AMBER_BASAL_CHANGE = 0.10
LARGE_CHANGE = 0.10
JUMP = 1.5
# Half of the hours at a cap: upstream was stopped, not satisfied. Five of six: the amounts say nothing any more.
AT_CAP_AMBER, AT_CAP_RED = 12, 20
HUMAN_ISF_MGDL = (10.0, 400.0)
HUMAN_CARB_RATIO = (3.0, 60.0)
CARB_RATIO_OUTSIDE = to_translate("a carb ratio outside {carb_ratio_low_g_per_u:g}–{carb_ratio_high_g_per_u:g} g/U")
ISF_OUTSIDE = to_translate(
    "an insulin sensitivity outside {isf_low_mgdl_per_u:g}–{isf_high_mgdl_per_u:g} mg/dL/U "
    "({isf_low_mmoll_per_u:.1f}–{isf_high_mmoll_per_u:.0f} mmol/L/U)"
)


AGE_GROUPS = {
    AgeGroup.CHILD: to_translate("child"),
    AgeGroup.TEENAGER: to_translate("teenager"),
    AgeGroup.ADULT: to_translate("adult"),
    AgeGroup.RESISTANT_ADULT: to_translate("resistant-adult"),
    AgeGroup.PREGNANT: to_translate("pregnant"),
}


def within_caps(case: Case) -> RuleFinding | None:
    entered, caps = case.for_pump, case.caps
    limits = [
        *((new, caps.basal(now)) for now, new in zip(case.current.basal_u_per_h, entered.basal_u_per_h, strict=True)),
        *((b.recommended_g_per_u, caps.carb_ratio(b.current_g_per_u)) for b in entered.carb_ratio),
        *((b.recommended_mgdl_per_u, caps.isf(b.current_mgdl_per_u)) for b in entered.isf),
    ]
    slack = 0.0011  # both numbers are rounded to three decimals
    outside = [new for new, (low, high) in limits if not low - slack <= new <= high + slack]
    return finding(
        outside,
        to_translate("{numbers:.0f} of the numbers to enter lie beyond upstream's caps. Please report this."),
        RED,
        numbers=len(outside),
    )


def receiver_takes_it(case: Case) -> RuleFinding | None:
    limits, entered = AAPS_LIMITS[case.age_group], case.for_pump
    lowest, highest = limits.lowest_basal_u_per_h, limits.highest_basal_u_per_h
    refused = (
        (
            "highest_basal",
            max(entered.basal_u_per_h) > highest + EXACT,
            to_translate("a basal of more than {highest_basal_u_per_h:g} U/h"),
        ),
        (
            "lowest_basal",
            min(entered.basal_u_per_h) < lowest,
            to_translate("a basal below {lowest_basal_u_per_h:g} U/h"),
        ),
        ("carb_ratio", _carb_ratio_outside(limits.carb_ratio_g_per_u, entered), CARB_RATIO_OUTSIDE),
        (
            "isf",
            _isf_outside(limits.isf_mgdl_per_u, entered),
            to_translate("an insulin sensitivity beyond its limits"),
        ),
    )
    if wrong := {which: words for which, holds, words in refused if holds}:
        return finding(
            wrong,
            to_translate("AAPS would refuse {settings} (age group: {age_group})."),
            RED,
            settings=Listed(list(wrong.values())),
            case=", ".join(wrong),
            highest_basal_u_per_h=highest,
            lowest_basal_u_per_h=lowest,
            carb_ratio_low_g_per_u=limits.carb_ratio_g_per_u[0],
            carb_ratio_high_g_per_u=limits.carb_ratio_g_per_u[1],
            age_group=Listed([AGE_GROUPS[case.age_group]]),
        )
    low, high = limits.dia_h
    dia_h = case.recommended.dia_h
    if dia_h is not None and not low <= dia_h <= high:
        return finding(
            True,
            to_translate(
                "The duration of insulin action is {dia_h:g} h; AAPS takes {lowest_dia_h:g}–{highest_dia_h:g} h."
            ),
            dia_h=dia_h,
            lowest_dia_h=low,
            highest_dia_h=high,
        )
    starts = [*(b.start for b in case.for_pump.isf), *(b.start for b in case.for_pump.carb_ratio)]
    blocks = [start for start in starts if not start.endswith(":00")]
    return finding(
        blocks,
        to_translate("AAPS takes blocks on the full hour only; this profile has some at {starts}."),
        starts=", ".join(blocks[:4]),
    )


def humanly_possible(case: Case) -> RuleFinding | None:
    (low, high), (low_ratio, high_ratio) = HUMAN_ISF_MGDL, HUMAN_CARB_RATIO
    unusual = (
        (_carb_ratio_outside(HUMAN_CARB_RATIO, case.for_pump), CARB_RATIO_OUTSIDE),
        (_isf_outside(HUMAN_ISF_MGDL, case.for_pump), ISF_OUTSIDE),
    )
    wrong = [words for holds, words in unusual if holds]
    return finding(
        wrong,
        to_translate("Few people have {settings}: check units and entries."),
        settings=Listed(wrong, to_translate(" or ")),
        carb_ratio_low_g_per_u=low_ratio,
        carb_ratio_high_g_per_u=high_ratio,
        isf_low_mgdl_per_u=low,
        isf_high_mgdl_per_u=high,
        isf_low_mmoll_per_u=low / MGDL_PER_MMOLL,
        isf_high_mmoll_per_u=high / MGDL_PER_MMOLL,
    )


def _carb_ratio_outside(limits: tuple[float, float], entered: ForPump) -> bool:
    low, high = limits
    return not all(low <= block.recommended_g_per_u <= high for block in entered.carb_ratio)


def _isf_outside(limits: tuple[float, float], entered: ForPump) -> bool:
    low, high = limits
    return not all(low <= block.recommended_mgdl_per_u <= high for block in entered.isf)


def daily_basal(case: Case) -> RuleFinding | None:
    now, new = case.current.daily_basal_u, case.for_pump.daily_basal_u
    change = case.daily_basal_change
    return finding(
        abs(change) >= AMBER_BASAL_CHANGE,
        to_translate(
            "The daily basal would change by {change_percent:+.0f} %, from {daily_basal_current_u:.2f} to "
            "{daily_basal_new_u:.2f} U: make such a change in steps, each watched for two or three days."
        ),
        change_percent=100 * change,
        daily_basal_current_u=now,
        daily_basal_new_u=new,
    )


def many_at_caps(case: Case) -> RuleFinding | None:
    at = [h.at_cap for h in case.evidence.basal if h.at_cap is not None]
    return finding(
        len(at) >= AT_CAP_AMBER,
        to_translate(
            "{basal_rates:.0f} of 24 basal rates are at upstream's caps, or were limited by them on half of the days: "
            "the data ask for a larger change than upstream may make, so the profile or the data are far off. Find out "
            "why before you continue."
        ),
        RED if len(at) >= AT_CAP_RED else AMBER,
        basal_rates=len(at),
    )


def isf_or_ratio_at_cap(case: Case) -> RuleFinding | None:
    settings = (
        ("isf", to_translate("ISF"), case.evidence.isf),
        ("carb_ratio", to_translate("carb ratio"), case.evidence.carb_ratio),
    )
    at = {which: name for which, name, evidence in settings if evidence.at_cap}
    return finding(
        at,
        to_translate(
            "The {settings} is limited by upstream's cap: the data ask for a larger change, and how large is not "
            "known. A narrow interval there is due to the cap."
        ),
        settings=Listed(list(at.values()), to_translate(" and the ")),
        case=", ".join(at),
    )


def wide_caps(case: Case) -> RuleFinding | None:
    return finding(
        case.caps.wider_than_usual,
        to_translate(
            "The pump profile's own caps ({lowest_factor:g}–{highest_factor:g}) let settings move further than "
            "upstream's usual {usual_lowest_factor:g}–{usual_highest_factor:g}."
        ),
        lowest_factor=case.caps.low,
        highest_factor=case.caps.high,
        usual_lowest_factor=DEFAULT_LOW,
        usual_highest_factor=DEFAULT_HIGH,
    )


def insulin_curve(case: Case) -> RuleFinding | None:
    return finding(
        case.curve_changes,
        to_translate(
            "Upstream recommends another duration or peak of insulin action. All other numbers were tuned under it and "
            "belong to it; a Nightscout profile has no field for the peak."
        ),
    )


def jumps(case: Case) -> RuleFinding | None:
    def steepest(rates: Sequence[float], hour: int) -> float:
        a, b = rates[hour], rates[(hour + 1) % len(rates)]
        return max(a, b) / min(a, b)

    now, new = case.current.basal_u_per_h, case.for_pump.basal_u_per_h
    hours = [h for h in range(HOURS_PER_DAY) if steepest(new, h) > max(JUMP, steepest(now, h)) * (1 + EXACT)]
    named = ", ".join(f"{(h + 1) % HOURS_PER_DAY:02d}:00" for h in hours)
    words = to_translate("The basal would jump by more than half from one hour to the next at {hours}.")
    return finding(hours, words, hours=named)


def several_at_once(case: Case) -> RuleFinding | None:
    changes: dict[str, tuple[str, float]] = {
        "isf_percent": (to_translate("ISF {isf_percent:+.0f} %"), case.evidence.isf.change_percent),
        "carb_ratio_percent": (
            to_translate("carb ratio {carb_ratio_percent:+.0f} %"),
            case.evidence.carb_ratio.change_percent,
        ),
        "daily_basal_percent": (
            to_translate("daily basal {daily_basal_percent:+.0f} %"),
            100 * case.daily_basal_change,
        ),
    }
    large = {fact: change for fact, (_, change) in changes.items() if abs(change) >= 100 * LARGE_CHANGE}
    words = [changes[fact][0] for fact in large]
    if case.curve_changes:
        words.append(to_translate("insulin curve"))
    return finding(
        len(words) > 1,
        to_translate("Several settings would change by a large amount at once ({settings}): change one at a time."),
        settings=Listed(words),
        **large | ({CASE: "insulin_curve"} if case.curve_changes else {}),
    )


RULES: tuple[SafetyRule, ...] = (
    SafetyRule(
        "upstream_caps",
        to_translate("A number exceeds upstream's caps"),
        NEVER,
        "a number to enter lies beyond the profile's own caps",
        CAPS,
        within_caps,
    ),
    SafetyRule(
        "receiver_limits",
        to_translate("AAPS might not take these settings"),
        "duration of insulin action outside what AAPS takes",
        "basal, ISF or carb ratio outside what AAPS takes for the age group",
        "AAPS 3.4 HardLimits",
        receiver_takes_it,
    ),
    SafetyRule(
        "human_range",
        to_translate("Unusual values"),
        f"ISF outside {HUMAN_ISF_MGDL[0]:g}–{HUMAN_ISF_MGDL[1]:g} mg/dL/U, carb ratio outside "
        f"{HUMAN_CARB_RATIO[0]:g}–{HUMAN_CARB_RATIO[1]:g} g/U",
        NEVER,
        OUR_CHOICE,
        humanly_possible,
    ),
    *several.RULES,
    SafetyRule(
        "daily_basal",
        to_translate("Large change of the daily basal"),
        f"the daily basal changes by {percent_text(AMBER_BASAL_CHANGE)} or more",
        NEVER,
        USERS,
        daily_basal,
    ),
    SafetyRule(
        "several_at_once",
        to_translate("Large changes of several settings at once"),
        f"two or more change by {percent_text(LARGE_CHANGE)}",
        NEVER,
        USERS,
        several_at_once,
    ),
    SafetyRule(
        "many_at_caps",
        to_translate("Many basal rates limited by upstream's caps"),
        f"{AT_CAP_AMBER} or more basal rates are at a cap, or were limited by it on half of the days",
        f"{AT_CAP_RED} or more",
        OUR_CHOICE,
        many_at_caps,
    ),
    SafetyRule(
        "jumps",
        to_translate("Large basal steps between hours"),
        "a basal step of more than half that was not there",
        NEVER,
        OUR_CHOICE,
        jumps,
    ),
    SafetyRule(
        "at_cap",
        to_translate("ISF or carb ratio limited by upstream's cap"),
        "ISF or carb ratio is at its cap, or was limited by it on half of the days",
        NEVER,
        CAPS,
        isf_or_ratio_at_cap,
    ),
    SafetyRule(
        "wide_caps",
        to_translate("The profile's caps are wider than usual"),
        f"autosens_min or autosens_max beyond {DEFAULT_LOW:g}–{DEFAULT_HIGH:g}",
        NEVER,
        CAPS,
        wide_caps,
    ),
    SafetyRule(
        "insulin_curve",
        to_translate("The insulin curve would change too"),
        "duration or peak of insulin action changes",
        NEVER,
        CURVE,
        insulin_curve,
    ),
)
