"""What of a proposal is to be entered into the pump, and what may stay as it is: decided once for every form shown."""

from __future__ import annotations

from dataclasses import dataclass

from flows.proposal.consensus_limits import beyond_limits
from flows.proposal.document import (
    BasalEvidence,
    Cap,
    CarbRatioEvidence,
    Colour,
    IsfBlock,
    IsfEvidence,
    Proposal,
    Units,
)
from flows.proposal.several_values import NAMES, several

Setting = IsfEvidence | CarbRatioEvidence | BasalEvidence
SAME = 1e-9  # floating point, not a choice
STAY, MAY_STAY, AS_NOW = "may stay", "small or unsure: may stay", "as now"
RED = "The verdict is red: these numbers are not for a pump, and none to enter is shown."
NOTHING_BEYOND = (
    "Glucose is outside the consensus limits, and no change of a setting is sure enough to act on: no numbers to enter "
    "are shown. Discuss it with your diabetes team."
)
NOTHING = (
    "No change is sure enough to act on, so no numbers to enter are shown. Keep the settings that are in the pump."
)
SEVERAL = (
    "The profile has several {what}, and what upstream made of them as if they were one cannot be trusted yet: no "
    "numbers to enter are shown."
)
ORDER_MATTERS = (
    "The recommended number lies outside its own interval: upstream takes one day after the other, and the repetitions "
    "draw the days in another order."
)


def to_enter(proposal: Proposal) -> bool:
    """Whether there are numbers to enter at all: the verdict is not red, and something is worth changing."""
    return why_nothing_to_enter(proposal) is None


def why_nothing_to_enter(proposal: Proposal) -> str | None:
    """In one sentence; `None` where numbers are to be entered."""
    if proposal.verdict.colour is Colour.RED:
        return RED
    if untrusted := several(proposal.for_pump):  # sealed before that made a verdict red
        return SEVERAL.format(what=" and ".join(NAMES[part] for part in untrusted))
    if not proposal.verdict.nothing_sure:
        return None
    return NOTHING_BEYOND if beyond_limits(proposal) else NOTHING


def nothing_to_change(proposal: Proposal) -> bool:
    """Whether it may be said that there is nothing to change: never where glucose is beyond a limit as it is."""
    return proposal.verdict.nothing_sure and not beyond_limits(proposal)


# --- sure enough, and large enough -----------------------------------------------------------------------------------


def basal_key(hour: int) -> str:
    """The key of an hour's basal in `verdict.worth_changing`."""
    return f"basal_{hour:02d}"


def worth_changing(proposal: Proposal, key: str) -> bool | None:
    """Whether a setting changes by enough and surely enough; `None` where the document does not say of any."""
    verdict = proposal.verdict
    # A proposal sealed before the list existed has numbers to enter, and none on it.
    if not verdict.worth_changing and not verdict.nothing_sure:
        return None
    return key in verdict.worth_changing


def stays(proposal: Proposal, key: str, now: float, new: float) -> str:
    """The word beside a number to enter: `as now`, `may stay`, or nothing for what is worth changing."""
    if same(now, new):
        return AS_NOW
    return STAY if worth_changing(proposal, key) is False else ""


def unsure_hours(proposal: Proposal) -> list[int]:
    """Hours whose basal to enter is another than now, and may stay."""
    return [
        h.hour
        for h in proposal.evidence.basal
        if stays(proposal, basal_key(h.hour), h.current_u_per_h, h.for_pump_u_per_h) == STAY
    ]


def same(now: float, new: float) -> bool:
    """Whether two numbers of a setting are one."""
    return abs(now - new) < SAME


# --- on the pump's steps ---------------------------------------------------------------------------------------------


def off_step(proposal: Proposal) -> list[str]:
    """The numbers to enter that are on no step, since none lies within upstream's caps: what they are, in order."""
    pump = proposal.for_pump
    found = [
        f"basal at {hour:02d}:00"
        for hour, rate in enumerate(pump.basal_u_per_h)
        if not _on(rate, pump.basal_step_u_per_h)
    ]
    found += [f"ISF from {b.start}" for b in pump.isf if not _on(isf_of(b, proposal.units)[1], pump.isf_step)]
    ratios = [b for b in pump.carb_ratio if not _on(b.recommended_g_per_u, pump.carb_ratio_step_g_per_u)]
    return found + [f"carb ratio from {b.start}" for b in ratios]


def all_on_steps(proposal: Proposal) -> bool:
    """Whether it may be said that every number is on a step: none is off it, and no remark says one was left alone."""
    return not off_step(proposal) and not any("stays as it is" in r for r in proposal.for_pump.remarks)


def isf_of(block: IsfBlock, units: Units) -> tuple[float, float]:
    """A block's sensitivity now and to enter, in the person's unit."""
    if units is Units.MMOL_PER_L:
        return block.current_mmoll_per_u, block.recommended_mmoll_per_u
    return block.current_mgdl_per_u, block.recommended_mgdl_per_u


def _on(value: float, step: float) -> bool:
    return step > 0 and abs(value / step - round(value / step)) < 1e-6


# --- the insulin curve -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OfInsulin:
    """A property of the insulin curve that was tuned too: its name, unit, number now (if known) and recommended."""

    name: str
    field: str
    unit: str
    now: float | None
    recommended: float


def insulin_curve(proposal: Proposal) -> list[OfInsulin]:
    """Duration and peak, where the recommended one differs from the one now; none where the curve was not tuned."""
    now, new = proposal.current, proposal.recommended
    both = (
        ("Duration of insulin action", "duration_of_insulin_action", "h", now.dia_h, new.dia_h),
        ("Peak of insulin action", "peak_of_insulin_action", "min", now.insulin_peak_min, new.insulin_peak_min),
    )
    return [
        OfInsulin(name, field, unit, was, will)
        for name, field, unit, was, will in both
        if will is not None and (was is None or not same(was, will))
    ]


def curve_note(curve: list[OfInsulin]) -> str:
    """What has to be known of settings tuned with another insulin curve."""
    peak = any(part.unit == "min" for part in curve)
    return (
        "ISF, carb ratio and basals were tuned under this new insulin curve: they belong together with it, and are not "
        "for the curve in use now."
        + (" A Nightscout profile has no field for the peak: it is set in the app." if peak else "")
    )


# --- intervals -------------------------------------------------------------------------------------------------------


def cap_decided(cap: Cap | None) -> str:
    """Of a setting at a cap, where an interval that shrank is no certainty."""
    return "" if cap is None else f"{'upper' if cap is Cap.HIGH else 'lower'} cap decided"


def outside_its_interval(found: Setting) -> bool:
    """Whether the recommended number is not within the interval of the repetitions."""
    if isinstance(found, IsfEvidence):
        low, new, high = found.interval_low_mgdl_per_u, found.recommended_mgdl_per_u, found.interval_high_mgdl_per_u
    elif isinstance(found, CarbRatioEvidence):
        low, new, high = found.interval_low_g_per_u, found.recommended_g_per_u, found.interval_high_g_per_u
    else:
        low, new, high = found.interval_low_u_per_h, found.recommended_u_per_h, found.interval_high_u_per_h
    return low is not None and high is not None and not low - SAME <= new <= high + SAME
