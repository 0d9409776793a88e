"""Drawn bodies a clinic would recognise as people: how much insulin, how much of it as basal, which settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.bodies.days import CARBS_G_PER_KG
from benchmarks.bodies.model import Array, Bodies, Family, Flags
from benchmarks.bodies.truth import READ_AFTER_H, TARGET_MGDL, Truth, carb_ratio, isf_difference


@dataclass(frozen=True)
class Limits:
    """What people need, from and to; beyond it a drawn body is an accident of drawing. Ours."""

    basal_u_per_h: tuple[float, float] = (0.35, 2.0)
    dose_u_per_kg: tuple[float, float] = (0.35, 1.0)  # a day
    basal_share: tuple[float, float] = (0.35, 0.65)
    carb_ratio_g_per_u: tuple[float, float] = (4.0, 25.0)
    isf_mgdl_per_u: tuple[float, float] = (12.0, 80.0)  # of the reading as a difference


LIMITS = {
    Family.OHSU: Limits(),
    Family.CAMBRIDGE: Limits(),
    # The virtual people of this model need more of their insulin as basal, and a unit does less in them within 4 h.
    Family.PADOVA: Limits(basal_share=(0.35, 0.80), isf_mgdl_per_u=(7.0, 80.0)),
}


@dataclass(frozen=True)
class People:
    """Some people of one family: bodies, each one's course through the day, and the right settings. Rows are people."""

    family: Family
    bodies: Bodies
    course: Array
    truth: Truth

    def __len__(self) -> int:
        return len(self.bodies)

    def only(self, which: list[int]) -> People:
        """Some of them."""
        return People(self.family, self.bodies.only(which), self.course[which], self.truth.only(which))


def looks_like_a_person(family: Family, bodies: Bodies) -> Flags:
    """Which of some bodies, all of which rest at 120 mg/dL, need what people need."""
    _, basal = bodies.at_rest(TARGET_MGDL)
    ratio, isf = carb_ratio(bodies, READ_AFTER_H), isf_difference(bodies, READ_AFTER_H)
    a_day = 24 * basal + CARBS_G_PER_KG * bodies.weight_kg / ratio
    limits = LIMITS[family]
    return (
        _within(basal, limits.basal_u_per_h)
        & _within(ratio, limits.carb_ratio_g_per_u)
        & _within(isf, limits.isf_mgdl_per_u)
        & _within(a_day / bodies.weight_kg, limits.dose_u_per_kg)
        & _within(24 * basal / a_day, limits.basal_share)
    )


def _within(value: Array, limits: tuple[float, float]) -> Flags:
    found: Flags = (value >= limits[0]) & (value <= limits[1]) & np.isfinite(value)
    return found
