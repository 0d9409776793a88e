"""The baseline as text: what the limits of all changes count from, with how low and how high each may be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from flows.language.catalogue import phrase, to_translate, translated
from flows.proposal.baseline import day_limits, value_limits
from flows.proposal.step_document import Baseline, BlockValue
from flows.report.wording import setting
from flows.values.units import HOURS_PER_DAY, MGDL_PER_MMOLL

NONE_YET = to_translate(
    "There is no baseline yet: the first change that is applied makes the settings before it the baseline."
)

BY_HAND = to_translate("Baseline of {at} UTC, set by hand; in brackets how far changes may go:")
BY_A_CHANGE = to_translate(
    "Baseline of {at} UTC, set by the first change that was applied; in brackets how far changes may go:"
)


def baseline_text(baseline: Baseline | None) -> str:
    """When and how it was set, and each value with its limits."""
    if baseline is None:
        return translated(NONE_YET)
    rates = baseline.basal_u_per_h
    total = math.fsum(baseline.basal_u_per_h)
    least, most = day_limits(baseline, total)
    return "\n".join(
        [
            phrase(BY_HAND if baseline.by_hand else BY_A_CHANGE, at=baseline.set_at[:16].replace("T", " ")),
            *(phrase("  Basal {times} {rate} U/h", times=times, rate=rate) for times, rate in _basal(rates)),
            phrase("  Basal a day {total} ({least}–{most}) U", **_as_set(total=total, least=least, most=most)),
            *_isf(baseline.isf_mgdl_per_u),
            *(
                phrase("  Carb ratio {time} {ratio} g/U", time=block.start, ratio=_with_limits(block.value))
                for block in baseline.carb_ratio_g_per_u
            ),
        ]
    )


def _as_set(**values: float) -> dict[str, str]:
    return {name: setting(value) for name, value in values.items()}


def _basal(rates_u_per_h: Sequence[float]) -> Iterator[tuple[str, str]]:
    """From when to when, and the rate with its limits."""
    for rate, hours in groupby(range(HOURS_PER_DAY), key=lambda hour: rates_u_per_h[hour]):
        together = list(hours)
        yield f"{together[0]:02d}:00–{together[-1] + 1:02d}:00", _with_limits(rate)


def _isf(blocks: Sequence[BlockValue]) -> Iterator[str]:
    for block in blocks:
        value, least, most = (mgdl / MGDL_PER_MMOLL for mgdl in (block.value, *value_limits(block.value)))
        yield phrase(
            "  ISF {time} {mgdl} mg/dL/U, {value:.2f} ({least:.2f}–{most:.2f}) mmol/L/U",
            time=block.start,
            mgdl=_with_limits(block.value),
            value=value,
            least=least,
            most=most,
        )


def _with_limits(value: float) -> str:
    least, most = value_limits(value)
    return f"{setting(value)} ({setting(least)}–{setting(most)})"
