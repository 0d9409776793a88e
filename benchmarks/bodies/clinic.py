"""Drawn bodies a clinic would recognise as people: how much insulin, how much of it as basal, which settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.bodies.days import CARBS_G_PER_KG
from benchmarks.bodies.model import Array, Bodies, Family, Flags
from benchmarks.bodies.truth import READ_AFTER_H, TARGET_MGDL, Truth, carb_ratio, isf_difference

# Ours: what adults with type 1 diabetes on a pump have; beyond it a drawn body is an accident of drawing.
DOSE_U_PER_KG, BASAL_SHARE, CARB_RATIO, BASAL_U_PER_H = (0.35, 1.0), (0.35, 0.65), (4.0, 25.0), (0.35, 2.0)
ISF = (12.0, 80.0)  # of the reading as a difference


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


def looks_like_a_person(bodies: Bodies) -> Flags:
    """Which of some bodies, all of which rest at 120 and at 200 mg/dL, need what people need."""
    _, basal = bodies.at_rest(TARGET_MGDL)
    ratio, isf = carb_ratio(bodies, READ_AFTER_H), isf_difference(bodies, READ_AFTER_H)
    a_day = 24 * basal + CARBS_G_PER_KG * bodies.weight_kg / ratio
    found = _within(basal, BASAL_U_PER_H) & _within(ratio, CARB_RATIO) & _within(isf, ISF)
    found &= _within(a_day / bodies.weight_kg, DOSE_U_PER_KG) & _within(24 * basal / a_day, BASAL_SHARE)
    return found


def _within(value: Array, limits: tuple[float, float]) -> Flags:
    found: Flags = (value >= limits[0]) & (value <= limits[1]) & np.isfinite(value)
    return found
