"""What AAPS takes at all, by age group: beyond it a profile is refused or, worse, silently limited.

Source: AAPS 3.4, core/interfaces `HardLimits` (DIA up to 10 h and carb ratios from 0.3 in pregnancy only) and
core/objects `ProfileSealed.isValid`, which also refuses a basal block below 0.01 U/h.
"""

from __future__ import annotations

from dataclasses import dataclass

from flows.settings import AgeGroup


@dataclass(frozen=True)
class AapsLimits:
    """The highest basal in U/h, and the ranges of DIA (h), carb ratio (g/U), ISF (mg/dL per U) and targets (mg/dL)."""

    highest_basal_u_per_h: float
    dia_h: tuple[float, float] = (5.0, 9.0)
    carb_ratio_g_per_u: tuple[float, float] = (2.0, 100.0)
    isf_mgdl_per_u: tuple[float, float] = (2.0, 1000.0)
    lowest_basal_u_per_h: float = 0.01
    target_low_mgdl: tuple[float, float] = (80.0, 180.0)
    target_high_mgdl: tuple[float, float] = (90.0, 200.0)


AAPS_LIMITS: dict[AgeGroup, AapsLimits] = {
    AgeGroup.CHILD: AapsLimits(2.0),
    AgeGroup.TEENAGER: AapsLimits(5.0),
    AgeGroup.ADULT: AapsLimits(10.0),
    AgeGroup.RESISTANT_ADULT: AapsLimits(12.0),
    AgeGroup.PREGNANT: AapsLimits(25.0, dia_h=(5.0, 10.0), carb_ratio_g_per_u=(0.3, 100.0)),
}
