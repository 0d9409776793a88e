"""Upstream's outcome as a recommendation: current and recommended settings, checked against upstream's own caps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.errors import Reason, Refused
from flows.language.translatable import translatable
from flows.oref0.caps import Caps, Limits
from flows.oref0.outcome import UpstreamResult
from flows.oref0.profile import PumpSettings, settings_of

ROUNDING = 0.0015  # upstream rounds to three decimals, before and after the cap


@dataclass(frozen=True)
class Recommendation:
    """What upstream recommends beside what is set now, and how far its caps let it go."""

    current: PumpSettings
    recommended: PumpSettings
    caps: Caps
    warnings: tuple[str, ...]


def recommend(pump: dict[str, Any], outcome: UpstreamResult) -> Recommendation:
    """Set upstream's tuned profile beside the pump's, and hold it to upstream's caps.

    Raises:
        Refused: `BEYOND_CAPS` when ISF or carb ratio lie beyond the caps, which upstream itself enforces last.
    """
    current = settings_of(pump)
    tuned, caps = outcome.tuned, Caps.of(pump)
    _check("insulin sensitivity", tuned.isf_mgdl_per_u, caps.isf(current.isf_mgdl_per_u))
    _check("carb ratio", tuned.carb_ratio_g_per_u, caps.carb_ratio(current.carb_ratio_g_per_u))
    beyond = [
        f"{hour:02d}:00"
        for hour, (now, new) in enumerate(zip(current.basal_u_per_h, tuned.basal_u_per_h, strict=True))
        if not within(new, caps.basal(now))
    ]
    warnings = []
    if beyond:
        # lib/autotune/index.js caps first and smooths hours without data afterwards.
        warnings.append(
            translatable(
                "Upstream's smoothing of hours without data moved the basal at {beyond} beyond its own caps "
                "({low:g}–{high:g} of the pump's); the numbers to enter stay within them.",
                beyond=", ".join(beyond),
                low=caps.low,
                high=caps.high,
            )
        )
    return Recommendation(current, tuned, caps, tuple(warnings))


def within(value: float, limits: Limits) -> bool:
    """Whether upstream's rounding can have made the value of one within the limits."""
    return limits[0] - ROUNDING <= value <= limits[1] + ROUNDING


def _check(field: str, value: float, limits: Limits) -> None:
    if not within(value, limits):
        raise Refused(Reason.BEYOND_CAPS, field=field, cap_low=limits[0], cap_high=limits[1])
