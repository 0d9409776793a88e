"""Which settings are right for a body: its basal by hour, its insulin sensitivity in two readings, its carb ratio.

What a setting means is a choice. Insulin sensitivity read as a difference (glucose with and without a unit) and as a
correction (what brings 200 mg/dL to 120) differ by up to a factor of two, since the body itself brings high glucose
down; what a loop's or a calculator's setting means is nearer the second. Both are told, and only what holds for both is
a fact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.bodies.hovorka import Array, Bodies, advance, at_rest, eat, glucose_mgdl, inject

HOURS = 24
TARGET_MGDL, HIGH_MGDL = 120.0, 200.0
READ_AFTER_H = 4  # where nothing else is said; a clinic reads after three to five hours
MEAL_G = 60.0
NEVER_BEYOND_U = 30.0
STEP_U_PER_H, WEIGHT_OF_BENDS = 0.02, 20.0


@dataclass(frozen=True)
class Truth:
    """The right settings of some bodies; a row is a body.

    Attributes:
        basal_u_per_h: for each hour of the day, so that glucose stays at 120 mg/dL without meals.
        isf_difference_mgdl_per_u: by how much a unit lowers 120 mg/dL, against none, after 4 h.
        isf_correction_mgdl_per_u: 80 mg/dL by what brings 200 to 120 in 4 h.
        carb_ratio_g_per_u: 60 g by what brings 120 back to 120 in 4 h.
    """

    basal_u_per_h: Array
    isf_difference_mgdl_per_u: Array
    isf_correction_mgdl_per_u: Array
    carb_ratio_g_per_u: Array


def right_settings(bodies: Bodies, course: Array) -> Truth:
    """Find them.

    Args:
        bodies: whose.
        course: sensitivity by hour, a row for each body; its mean is 1. Doses are read at its mean.
    """
    return Truth(
        right_basal(bodies, course),
        isf_difference(bodies, READ_AFTER_H),
        isf_correction(bodies, READ_AFTER_H),
        carb_ratio(bodies, READ_AFTER_H),
    )


def isf_difference(bodies: Bodies, hours: float, units: float = 1.0) -> Array:
    """mg/dL that a unit lowers glucose by, against none, so many hours after a dose at rest at 120 mg/dL."""
    rest, basal = at_rest(bodies, TARGET_MGDL)
    dosed = rest.copy()
    inject(dosed, np.full(len(bodies), units))
    fallen: Array = (TARGET_MGDL - _after(bodies, dosed, basal, hours)) / units
    return fallen


def isf_correction(bodies: Bodies, hours: float) -> Array:
    """80 mg/dL by the units that bring 200 mg/dL to 120 in so many hours, on the basal that holds 120."""
    _, basal = at_rest(bodies, TARGET_MGDL)
    high, _ = at_rest(bodies, HIGH_MGDL)

    def glucose(units: Array) -> Array:
        dosed = high.copy()
        inject(dosed, units)
        return _after(bodies, dosed, basal, hours)

    return (HIGH_MGDL - TARGET_MGDL) / _dose(glucose, len(bodies))


def carb_ratio(bodies: Bodies, hours: float, carbs_g: float = MEAL_G) -> Array:
    """g a unit: a meal at 120 mg/dL by the units that bring 120 back in so many hours."""
    rest, basal = at_rest(bodies, TARGET_MGDL)
    eaten = rest.copy()
    eat(bodies, eaten, np.full(len(bodies), carbs_g))

    def glucose(units: Array) -> Array:
        dosed = eaten.copy()
        inject(dosed, units)
        return _after(bodies, dosed, basal, hours)

    return carbs_g / _dose(glucose, len(bodies))


def right_basal(bodies: Bodies, course: Array, rounds: int = 3) -> Array:
    """The rate (U/h) for each hour of the day that holds 120 mg/dL through the body's own course without meals.

    An hour by itself is weak and late: neighbours stand for each other. A small weight on bends keeps the solution
    smooth; what is sure is the day's sum and its course over a few hours.
    """
    _, rest = at_rest(bodies, TARGET_MGDL)
    rates: Array = np.tile(rest[:, None], (1, HOURS)) / course.mean(axis=1, keepdims=True)
    bends = np.roll(np.eye(HOURS), 1, axis=1) - 2 * np.eye(HOURS) + np.roll(np.eye(HOURS), -1, axis=1)
    # Each body as it is and with each hour's rate moved: one lane of the same computation each.
    moves = np.vstack((np.zeros((1, HOURS)), STEP_U_PER_H * np.eye(HOURS)))
    lanes, courses = bodies.repeated(len(moves)), np.repeat(course, len(moves), axis=0)
    for _ in range(rounds):
        tried = np.repeat(rates, len(moves), axis=0) + np.tile(moves, (len(bodies), 1))
        found = _fasting_day(lanes, courses, tried).reshape(len(bodies), len(moves), HOURS)
        for n, (now, *moved) in enumerate(found):
            slopes = (np.array(moved) - now).T / STEP_U_PER_H
            normal = slopes.T @ slopes + WEIGHT_OF_BENDS * bends.T @ bends
            wanted = slopes.T @ (TARGET_MGDL - now) - WEIGHT_OF_BENDS * bends.T @ (bends @ rates[n])
            rates[n] = np.maximum(0.0, rates[n] + np.linalg.solve(normal, wanted))
    return rates


def day_course(chance: np.random.Generator, count: int) -> Array:
    """How sensitivity goes through the day, a row for each body, mean 1: less at dawn, a little in the evening.

    Ours: no group of people has such a course in common (Hinshaw 2013: no difference in the mean), so each has its own.
    """
    hours: Array = np.arange(HOURS, dtype=np.float64) + 0.5
    dawn, evening = (np.exp(-0.5 * (_hours_apart(hours, at) / 2.5) ** 2) for at in (5.5, 18.5))
    a, b = chance.uniform(0.0, 0.25, count), chance.uniform(-0.08, 0.08, count)
    course = 1.0 / (1.0 + a[:, None] * dawn + b[:, None] * evening)
    found: Array = course / course.mean(axis=1, keepdims=True)
    return found


def _hours_apart(hours: Array, at: float) -> Array:
    apart: Array = np.abs(hours - at)
    nearest: Array = np.minimum(apart, HOURS - apart)
    return nearest


def _after(bodies: Bodies, state: Array, basal: Array, hours: float) -> Array:
    return glucose_mgdl(bodies, advance(bodies, state, basal, np.ones(len(bodies)), round(hours * 60)))


def _dose(glucose: Callable[[Array], Array], count: int) -> Array:
    """The units after which glucose is 120 mg/dL; more units give less."""
    low, high = np.zeros(count), np.full(count, NEVER_BEYOND_U)
    for _ in range(30):
        middle = 0.5 * (low + high)
        above = glucose(middle) > TARGET_MGDL
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    dose: Array = 0.5 * (low + high)
    return dose


def _fasting_day(bodies: Bodies, course: Array, rates: Array) -> Array:
    """Glucose in the middle of each hour of the third of three days without meals at these rates."""
    state, _ = at_rest(bodies, TARGET_MGDL)
    found = np.empty((len(bodies), HOURS))
    for day in range(3):
        for hour in range(HOURS):
            for half in range(2):
                state = advance(bodies, state, rates[:, hour], course[:, hour], 30)
                if day == 2 and half == 0:
                    found[:, hour] = glucose_mgdl(bodies, state)
    return found
