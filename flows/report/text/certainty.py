"""Repeatability of the numbers, in lines of text: the repetitions, days kept aside, variants."""

from __future__ import annotations

from flows.proposal.agreement import AGREED
from flows.proposal.document import Proposal, Units
from flows.proposal.evidence_document import DecidedBy, StartProbe
from flows.report.repetitions import why_no_more
from flows.report.wording import exact, many
from flows.values.parts import Part
from flows.values.units import MGDL_PER_MMOLL


def certainty(proposal: Proposal) -> list[str]:
    """Lines for the terminal, in the person's units."""
    evidence, how = proposal.evidence, proposal.evidence.repetitions
    lines = [f"Not known: {evidence.why_no_repetitions}."]
    if how is not None:
        lines = [
            f"The run was repeated {many(how.count, 'time')} over resampled days (seed {how.seed}"
            f"{f', ceiling {how.ceiling}' if how.clear is not None else ''}); `agree` is how many move a number the "
            "same way.",
            *([f"{ended[0].upper()}{ended[1:]}."] if (ended := why_no_more(how)) else []),
        ]
        if unsure := [f"{h.hour:02d}:00" for h in evidence.basal if h.agreement and h.agreement.share < AGREED]:
            lines.append(f"No agreement on the basal at {', '.join(unsure)}.")
    mmol = proposal.units is Units.MMOL_PER_L
    lines += [start_probe_sentence(probe, mmol=mmol) for probe in evidence.start_probe]
    return [
        *lines,
        *([evidence.held_out.sentence] if evidence.held_out else []),
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
