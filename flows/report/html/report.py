"""The report a person decides with: one self-contained HTML file of a proposal document, and of nothing else.

Every number on it is a field of the document, rounded to the decimals shown, and settings not rounded at all; only
clock times, marks of axes and the consensus' targets are not of it. Times are local clock times.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from typing import Any, TypeVar

from markupsafe import Markup

from flows.judgement.verdict_today import verdict_today
from flows.proposal.consensus_limits import age_group, limits_for, shares_of
from flows.proposal.document import Proposal
from flows.report import entering
from flows.report.html.page import page
from flows.report.svg import figures
from flows.report.wording import fixed, harmless_all, isolated, number
from flows.settings import AgeGroup
from flows.values.units import HOURS_PER_DAY, MGDL_PER_MMOLL

T = TypeVar("T")
MOST_LINES = 60  # of a list of unknown length; the rest is in proposal.json
RATIO_UNITS = (("g_per_u", "g/U", 1),)
ISF_UNITS = (("mgdl_per_u", "mg/dL/U", 1), ("mmoll_per_u", "mmol/L/U", 2))

# The consensus' targets for adults with type 1 (Diabetes Care 2019;42:1593); each holds for all on its side. 250 mg/dL
# are 13.89 mmol/L: a reading of 13.9 is above it, though the consensus writes 13.9 for the edge.
TARGETS = (
    ("above_250_percent", "very-high", "above 250", "above 13.89", "under 5 %"),
    ("from_181_to_250_percent", "high", "181–250", "10.1–13.89", "all above the range under 25 %"),
    ("in_range_70_180_percent", "in-range", "70–180", "3.9–10.0", "over 70 %"),
    ("from_54_to_69_percent", "low", "54–69", "3.0–3.8", "all below the range under 4 %"),
    ("below_54_percent", "very-low", "below 54", "below 3.0", "under 1 %"),
)
WORDS = {
    "green": "Green: may be discussed as it stands",
    "amber": "Amber: discuss with care",
    "red": "Red: not to be used",
}
NOTHING = "Green: nothing to change"
LETTERS = {"green": "G", "amber": "A", "red": "R"}


def report_html(proposal: Proposal) -> bytes:
    """The report as one HTML file, in the proposal's own unit until the reader chooses the other."""
    verdict = verdict_today(proposal)
    document = harmless_all({**proposal.model_dump(mode="json"), "verdict": verdict.model_dump(mode="json")})
    colour, evidence, pump = document["verdict"]["colour"], document["evidence"], document["for_pump"]
    repetitions = evidence["repetitions"]
    to_enter = entering.to_enter(proposal)
    curve = entering.insulin_curve(proposal)
    share = percent(repetitions["share"]) if repetitions else ""
    return page(
        "report.html",
        d=document,
        units=document["units"],
        evidence=evidence,
        pump=pump,
        to_enter=to_enter,
        nothing_to_enter=entering.why_nothing_to_enter(proposal),
        word=NOTHING if entering.nothing_to_change(proposal) and colour == "green" else WORDS[colour],
        headline=verdict.headline,
        words=WORDS,
        share=share,
        segments=segments(pump_rates(proposal)),
        unsure=[clock(hour) for hour in entering.unsure_hours(proposal)],
        stays=lambda key, now, new: entering.stays(proposal, key, now, new),
        says_what_is_sure=entering.worth_changing(proposal, "") is not None,
        off_step=entering.off_step(proposal),
        all_on_steps=entering.all_on_steps(proposal),
        curve=curve,
        curve_note=entering.curve_note(curve),
        outside=outside_their_intervals(proposal),
        e=entering,
        hours=range(HOURS_PER_DAY),
        basal_plot=figures.basal(evidence["basal"], for_pump=to_enter),
        isf_plot=figures.between_caps(evidence["isf"], "Insulin sensitivity", "isf", ISF_UNITS, share),
        ratio_plot=figures.between_caps(evidence["carb_ratio"], "Carb ratio", "ratio", RATIO_UNITS, share),
        block_plots=_block_plots(pump) if to_enter else [],
        deviation_plot=figures.deviations(evidence["basal"]),
        glucose_plot=figures.glucose_of_the_day(document["glucose"]["by_hour"]) if document["glucose"] else None,
        range_plot=figures.time_in_range(document["glucose"]) if document["glucose"] else None,
        targets=targets(proposal),
        in_pregnancy=in_pregnancy(proposal),
        letters=LETTERS,
        first=first,
        maybe_number=maybe_number,
        facts=facts,
        clock=clock,
        fixed=fixed,
    )


def _block_plots(pump: dict[str, Any]) -> list[Markup]:
    drawn = (("isf", "Insulin sensitivity", ISF_UNITS), ("carb_ratio", "Carb ratio", RATIO_UNITS))
    return [
        figures.blocks(pump[field], what, f"{field.replace('_', '-')}-blocks", units)
        for field, what, units in drawn
        if len(pump[field]) > 1
    ]


# --- for the template ------------------------------------------------------------------------------------------------


def targets(proposal: Proposal) -> list[tuple[str, str, str, float | None, str]]:
    """Of each range of glucose its colour, its name in mg/dL and mmol/L, the share (if known) and what is aimed at.

    In pregnancy that is what the verdict judges by, and has ranges of its own.
    """
    if (glucose := proposal.glucose) is None:
        return []
    ranges = [(css, mgdl, mmoll, getattr(glucose, field), aim) for field, css, mgdl, mmoll, aim in TARGETS]
    if not in_pregnancy(proposal):
        return ranges
    limits = {f"{limit.word} {limit.mgdl}": limit for limit in limits_for(AgeGroup.PREGNANT)}
    allowed = {name: limit.allowed for name, limit in limits.items()}
    shares, shown = shares_of(glucose), {mgdl for _, mgdl, *_ in ranges}
    more = [
        ("", name, f"{limit.word} {limit.mgdl / MGDL_PER_MMOLL:.1f}", shares.get(limit.mgdl), limit.allowed)
        for name, limit in limits.items()
        if name not in shown
    ]
    return [*((css, mgdl, mmoll, share, allowed.get(mgdl, "")) for css, mgdl, mmoll, share, _ in ranges), *more]


def in_pregnancy(proposal: Proposal) -> bool:
    """Whether pregnancy's limits hold."""
    return age_group(proposal.options) is AgeGroup.PREGNANT


def pump_rates(proposal: Proposal) -> list[tuple[float, float, str]]:
    """Of each hour the basal to enter, the one now, and the word beside them."""
    return [
        (
            hour.for_pump_u_per_h,
            hour.current_u_per_h,
            entering.stays(proposal, entering.basal_key(hour.hour), hour.current_u_per_h, hour.for_pump_u_per_h),
        )
        for hour in proposal.evidence.basal
    ]


def segments(rates: Sequence[T]) -> list[tuple[str, T]]:
    """Basal as a pump is given it: the local time from which each rate, and what is said of it, holds."""
    return [(clock(h), rate) for h, rate in enumerate(rates) if h == 0 or rate != rates[h - 1]]


def outside_their_intervals(proposal: Proposal) -> set[str]:
    """The keys of settings whose recommended number is not within its own interval."""
    evidence = proposal.evidence
    every: list[tuple[str, entering.Setting]] = [("isf", evidence.isf), ("carb_ratio", evidence.carb_ratio)]
    found = {key for key, part in every if entering.outside_its_interval(part)}
    return found | {entering.basal_key(h.hour) for h in evidence.basal if entering.outside_its_interval(h)}


def clock(hour: int) -> str:
    """An hour as a local clock time."""
    return f"{hour:02d}:00"


def percent(share: float) -> str:
    """A share of one as a percentage."""
    return f"{fixed(share * 100, 0)} %"


def first(values: Any) -> list[Any]:
    """The beginning of a list of unknown length, or of the pairs of a dictionary; nothing of anything else."""
    if isinstance(values, dict):
        values = list(values.items())
    return list(islice(values, MOST_LINES)) if isinstance(values, list) else []


def maybe_number(value: Any, decimals: int, unit: str = "", *, sign: bool = False) -> Markup:
    """A number from a part of the document without fixed form; what is none is shown as the text it is."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return number(value, decimals, unit, sign=sign)
    return isolated(value, 40)


def facts(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """A part without fixed form as names and texts, nested names joined by a dot; nothing is left out but `None`."""
    if not isinstance(value, dict):
        return [] if value is None else [(prefix, value if isinstance(value, str) else json.dumps(value))]
    rows: list[tuple[str, str]] = []
    for key, inner in value.items():
        rows += facts(inner, f"{prefix}.{key}" if prefix else str(key))
    return rows[:MOST_LINES]
