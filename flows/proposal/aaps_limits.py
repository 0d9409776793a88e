"""What a receiving system takes at all, by age group: beyond it a profile is refused or, worse, silently limited.

Source: AAPS 3.4 `HardLimits`; AAPS also refuses a basal block below 0.01 U/h.
"""

from __future__ import annotations

from dataclasses import dataclass

from flows.settings import AgeGroup


@dataclass(frozen=True)
class ReceiverLimits:
    """The highest basal in U/h, and the ranges of DIA (h), carb ratio (g/U) and ISF (mg/dL per U)."""

    highest_basal_u_per_h: float
    dia_h: tuple[float, float] = (5.0, 9.0)
    carb_ratio_g_per_u: tuple[float, float] = (2.0, 100.0)
    isf_mgdl_per_u: tuple[float, float] = (2.0, 1000.0)
    lowest_basal_u_per_h: float = 0.01


LIMITS: dict[AgeGroup, ReceiverLimits] = {
    AgeGroup.CHILD: ReceiverLimits(2.0),
    AgeGroup.TEENAGER: ReceiverLimits(5.0),
    AgeGroup.ADULT: ReceiverLimits(10.0),
    AgeGroup.RESISTANT_ADULT: ReceiverLimits(12.0),
    AgeGroup.PREGNANT: ReceiverLimits(25.0, dia_h=(5.0, 10.0), carb_ratio_g_per_u=(0.3, 100.0)),
}
