"""The baseline as text: what the limits of all changes count from, with how low and how high each may be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from flows.proposal.baseline import day_limits, value_limits
from flows.proposal.step_document import Baseline, BlockValue
from flows.report.wording import setting
from flows.values.units import HOURS_PER_DAY, MGDL_PER_MMOLL

NONE_YET = "There is no baseline yet: the first change that is applied makes the settings before it the baseline."


def baseline_text(baseline: Baseline | None) -> str:
    """When and how it was set, and each value with its limits."""
    if baseline is None:
        return NONE_YET
    how = "by hand" if baseline.by_hand else "by the first change that was applied"
    total = math.fsum(baseline.basal_u_per_h)
    least, most = day_limits(baseline, total)
    return "\n".join(
        [
            f"Baseline of {baseline.set_at[:16].replace('T', ' ')} UTC, set {how}; in brackets how far changes may go:",
            *(f"  Basal {line} U/h" for line in _basal(baseline.basal_u_per_h)),
            f"  Basal a day {setting(total)} ({setting(least)}–{setting(most)}) U",
            *(f"  ISF {line}" for line in _isf(baseline.isf_mgdl_per_u)),
            *(f"  Carb ratio {b.start} {_with_limits(b.value)} g/U" for b in baseline.carb_ratio_g_per_u),
        ]
    )


def _basal(rates_u_per_h: Sequence[float]) -> Iterator[str]:
    for rate, hours in groupby(range(HOURS_PER_DAY), key=lambda hour: rates_u_per_h[hour]):
        together = list(hours)
        yield f"{together[0]:02d}:00–{together[-1] + 1:02d}:00 {_with_limits(rate)}"


def _isf(blocks: Sequence[BlockValue]) -> Iterator[str]:
    for block in blocks:
        value, least, most = (f"{mgdl / MGDL_PER_MMOLL:.2f}" for mgdl in (block.value, *value_limits(block.value)))
        yield f"{block.start} {_with_limits(block.value)} mg/dL/U, {value} ({least}–{most}) mmol/L/U"


def _with_limits(value: float) -> str:
    least, most = value_limits(value)
    return f"{setting(value)} ({setting(least)}–{setting(most)})"
