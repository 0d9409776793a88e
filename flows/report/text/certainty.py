"""Repeatability of the numbers, in lines of text: the repetitions, days kept aside, variants."""

from __future__ import annotations

from flows.oref0.several_values import KEPT_A_DAY
from flows.proposal.agreement import AGREED
from flows.proposal.document import Proposal, Units
from flows.proposal.evidence_document import DecidedBy, StartProbe
from flows.report.repetitions import why_no_more
from flows.report.rows import SettingRows, setting_rows
from flows.report.wording import exact, many
from flows.values.parts import Part
from flows.values.units import MGDL_PER_MMOLL

KEPT_ASIDE = (
    "These days are shown, and are no test: a few days of the same weeks, scored by upstream's own sorting; whether "
    "the settings would have helped cannot be seen on them."
)
ORDER_MATTERS = (
    "The recommended number lies outside its own interval: upstream takes one day after the other, and the repetitions "
    "draw the days in another order."
)
LATE_DAYS, LEAST_HALVED = 5, 10  # days: of how many the weight is said, and from how many on that of the first half


def certainty(proposal: Proposal) -> list[str]:
    """Lines for the terminal, in the person's units."""
    evidence, how = proposal.evidence, proposal.evidence.repetitions
    lines = [f"Not known: {evidence.why_no_repetitions}."]
    if how is not None:
        lines = [
            f"The run was repeated {many(how.count, 'time')} over resampled days (seed {how.seed}"
            f"{f', ceiling {how.ceiling}' if how.clear is not None else ''}); `agree` is how many move a number the "
            "same way: 94 % is repeatable in 94 of 100, not known to be right.",
            together_sentence(setting_rows(proposal)),
            *([f"{ended[0].upper()}{ended[1:]}."] if (ended := why_no_more(how)) else []),
        ]
        if differing := [f"{h.hour:02d}:00" for h in evidence.basal if h.agreement and h.agreement.share < AGREED]:
            lines.append(f"No agreement on the basal at {', '.join(differing)}.")
    mmol = proposal.units is Units.MMOL_PER_L
    lines += [start_probe_sentence(probe, mmol=mmol) for probe in evidence.start_probe]
    return [
        *lines,
        *([f"{evidence.held_out.sentence} {KEPT_ASIDE}"] if evidence.held_out else []),
        *(
            f"With {other.variant}: ISF {exact(other.isf_mmoll_per_u if mmol else other.isf_mgdl_per_u)} "
            f"{proposal.units.value} per U, carb ratio {exact(other.carb_ratio_g_per_u)} g per U, "
            f"{other.daily_basal_u:.2f} U of basal a day"
            for other in evidence.sensitivity
        ),
    ]


PROBED = {Part.BASAL: ("basal", "U a day"), Part.ISF: ("ISF", "mg/dL/U"), Part.CARB_RATIO: ("carb ratio", "g/U")}
DECIDED = {
    DecidedBy.DAYS: "mostly the days decide it",
    DecidedBy.START: "mostly the present setting decides it, not the days",
    DecidedBy.BOTH: "the days and the present setting decide it together",
}


def start_probe_sentence(probe: StartProbe, *, mmol: bool) -> str:
    """Who decides a number, in one sentence."""
    name, unit = PROBED[probe.part]
    by = 1.0
    if probe.part is Part.ISF and mmol:
        by, unit = MGDL_PER_MMOLL, "mmol/L/U"
    starts, answers = (" and ".join(f"{value / by:.4g}" for value in of) for of in (probe.starts, probe.answers))
    return (
        f"From {starts} {unit} in place of the {name} in use upstream comes to {answers}: {DECIDED[probe.decided_by]}."
    )


def together_sentence(table: SettingRows) -> str:
    """That some of so many settings are repeatable by luck."""
    return (
        f"{len(table.every)} settings were looked at together, so some of those that are repeatable in nine of ten are "
        "so by luck."
    )


def day_weights_sentence(days: int) -> str:
    """How much upstream lets the days count, by where they stand; nothing of a single day.

    Args:
        days: that were used.
    """
    if days < 2:
        return ""
    start = KEPT_A_DAY**days
    weights = []
    if days > LATE_DAYS:
        weights.append(f"the last five weigh {100 * (1 - KEPT_A_DAY**LATE_DAYS):.0f} %")
    if days >= LEAST_HALVED:
        half = days // 2
        weights.append(f"the first {half} weigh {100 * (KEPT_A_DAY ** (days - half) - start):.0f} %")
    weights.append(f"{100 * start:.0f} % is still the setting that the run began with")
    said = ", and ".join([", ".join(weights[:-1]), weights[-1]]) if len(weights) > 1 else weights[0]
    return f"Upstream goes a fifth of the way each day, so late days count more: of these {days} days {said}."
