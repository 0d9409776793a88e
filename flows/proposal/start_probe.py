"""Who decides a number, the days or the setting it starts from: upstream's answer from other present settings.

Every setting of one kind is given times 0.8 and times 1.25, on the same days. It explains a number and selects none:
holding what the start decides gave nobody more safety (docs/following.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from flows.proposal.evidence_document import DecidedBy, StartProbe
from flows.values.parts import Part

# Of the slope: 0 where the days alone decide, 1 where the start does; between a third and two thirds both do.
DAYS_UP_TO, START_FROM = 0.35, 0.65
OF_PART = {Part.BASAL: "daily_basal_u", Part.ISF: "isf_mgdl_per_u", Part.CARB_RATIO: "carb_ratio_g_per_u"}


def start_probes(
    found: Sequence[Mapping[str, Any]], now: Mapping[Part, float], *, deliveries_recorded: bool
) -> tuple[StartProbe, ...]:
    """A probe for each part of which upstream came to the end from two starts.

    Args:
        found: `start_probe` of evidence.json.
        now: the present setting of each part, in the units of `StartProbe`.
        deliveries_recorded: whether there are temporary basals. Without, upstream takes the basal that it is given for
            what was delivered, and its answer from another one means nothing.
    """
    probes = []
    for part, name in OF_PART.items():
        answers = {float(one["factor"]): float(one[name]) for one in found if one["part"] == part}
        if len(answers) < 2 or (part is Part.BASAL and not deliveries_recorded):
            continue
        low, high = min(answers), max(answers)
        slope = round(math.log(answers[high] / answers[low]) / math.log(high / low), 2)
        factors = sorted(answers)
        probes.append(
            StartProbe(
                part=part,
                starts=tuple(round(now[part] * factor, 3) for factor in factors),
                answers=tuple(round(answers[factor], 3) for factor in factors),
                slope=slope,
                decided_by=decided_by(slope),
            )
        )
    return tuple(probes)


def decided_by(slope: float) -> DecidedBy:
    """By the slope of the logarithm of the answer on that of the start."""
    if slope <= DAYS_UP_TO:
        return DecidedBy.DAYS
    return DecidedBy.START if slope >= START_FROM else DecidedBy.BOTH
