"""Who is followed: half with right settings, half with wrong ones, in loops and on pumps, in four ways of living.

Kinds, systems and scenes are spread evenly over the people, whatever the seed; the seed says which kind meets which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from benchmarks.bodies.living import Habits, InUse, Scene, System
from benchmarks.bodies.truth import Truth

BASAL_STEP_U_PER_H = 0.05  # the coarsest of today's pumps, and what the product takes where nothing is said
ISF_STEP_MGDL_PER_U, CARB_RATIO_STEP_G_PER_U = 1.0, 0.1


class Start(StrEnum):
    """How the settings of the first day differ from the right ones."""

    RIGHT = "right"
    BASAL_LOW, BASAL_HIGH = "basal x0.8", "basal x1.25"
    RATIO_LOW, RATIO_HIGH = "carb ratio x0.8", "carb ratio x1.25"
    ISF_LOW, ISF_HIGH = "ISF x0.8", "ISF x1.25"
    STRONG, WEAK = "all too strong", "all too weak"


# Factors on basal, ISF and carb ratio.
FACTORS: dict[Start, tuple[float, float, float]] = {
    Start.RIGHT: (1.0, 1.0, 1.0),
    Start.BASAL_LOW: (0.8, 1.0, 1.0),
    Start.BASAL_HIGH: (1.25, 1.0, 1.0),
    Start.RATIO_LOW: (1.0, 1.0, 0.8),
    Start.RATIO_HIGH: (1.0, 1.0, 1.25),
    Start.ISF_LOW: (1.0, 0.8, 1.0),
    Start.ISF_HIGH: (1.0, 1.25, 1.0),
    Start.STRONG: (1.2, 0.8, 0.8),
    Start.WEAK: (0.85, 1.2, 1.2),
}
WRONG = tuple(start for start in Start if start is not Start.RIGHT)
ROLLED = 3
TOO_LITTLE = frozenset({Start.BASAL_LOW, Start.RATIO_HIGH, Start.ISF_HIGH, Start.WEAK})
TOO_MUCH = frozenset({Start.BASAL_HIGH, Start.RATIO_LOW, Start.ISF_LOW, Start.STRONG})


@dataclass(frozen=True)
class Person:
    """One of the drawn people: which, how they live, and how their first settings are wrong."""

    number: int
    habits: Habits
    start: Start


@dataclass(frozen=True)
class Right:
    """The right settings of one person; ISF in both readings, which differ (`benchmarks.bodies.truth`)."""

    basal_u_per_h: tuple[float, ...]
    isf_difference_mgdl_per_u: float
    isf_correction_mgdl_per_u: float
    carb_ratio_g_per_u: float


def plan(count: int, seed: int) -> list[Person]:
    """Who lives how; people of odd number have wrong settings.

    Args:
        count: of people.
        seed: shuffles which kind of wrong setting meets which system and scene; each kind comes once before any twice.
    """
    kinds = np.random.default_rng([seed, len(WRONG)]).permutation(len(WRONG))
    people = []
    for number in range(count):
        pair, wrong = divmod(number, 2)
        again, place = divmod(pair, len(WRONG))
        # Rolled by an odd number: a kind meets the other system the next time, and another scene.
        start = WRONG[kinds[(place + ROLLED * again) % len(WRONG)]] if wrong else Start.RIGHT
        habits = Habits(list(System)[pair % len(System)], list(Scene)[pair // len(System) % len(Scene)])
        people.append(Person(number, habits, start))
    return people


def right_of(truth: Truth, number: int) -> Right:
    """One person's row of the truth."""
    return Right(
        tuple(float(rate) for rate in truth.basal_u_per_h[number]),
        float(truth.isf_difference_mgdl_per_u[number]),
        float(truth.isf_correction_mgdl_per_u[number]),
        float(truth.carb_ratio_g_per_u[number]),
    )


def settings_at(start: Start, right: Right) -> InUse:
    """The right settings moved as a start says, on a pump's steps.

    The ISF that a loop or a calculator means is the one of a correction.
    """
    basal, isf, ratio = FACTORS[start]
    return on_steps(
        [rate * basal for rate in right.basal_u_per_h],
        right.isf_correction_mgdl_per_u * isf,
        right.carb_ratio_g_per_u * ratio,
    )


def on_steps(basal_u_per_h: Sequence[float], isf_mgdl_per_u: float, carb_ratio_g_per_u: float) -> InUse:
    """Settings as a pump takes them; what an hour's rounding leaves goes into the next, so that the day's sum stays."""
    rates, given, wanted = [], 0, 0.0
    for rate in basal_u_per_h:
        wanted += rate / BASAL_STEP_U_PER_H
        steps = max(1, round(wanted) - given)
        given += steps
        rates.append(round(steps * BASAL_STEP_U_PER_H, 4))
    ratio = round(carb_ratio_g_per_u / CARB_RATIO_STEP_G_PER_U) * CARB_RATIO_STEP_G_PER_U
    isf = round(isf_mgdl_per_u / ISF_STEP_MGDL_PER_U) * ISF_STEP_MGDL_PER_U
    return InUse(tuple(rates), round(isf, 3), round(ratio, 3))
