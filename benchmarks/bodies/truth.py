"""Which settings are right for a body: its basal by hour, its insulin sensitivity in two readings, its carb ratio.

What a setting means is a choice. Insulin sensitivity read as a difference (glucose with and without a unit) and as a
correction (what brings 200 mg/dL to 120) differ by up to a factor of two, since the body itself brings high glucose
down; what a loop's or a calculator's setting means is nearer the second. Both are told, and only what holds for both is
a fact.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from benchmarks.bodies.model import Array, Bodies

HOURS = 24
TARGET_MGDL, HIGH_MGDL = 120.0, 200.0
READ_AFTER_H = 4  # where nothing else is said; a clinic reads after three to five hours
MEAL_G = 60.0
NEVER_BEYOND_U = 30.0
MOVED_U_PER_H, WEIGHT_OF_BENDS = 0.02, 20.0
STEP_MIN = 5.0  # of the computation


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

    def only(self, which: list[int]) -> Truth:
        """Of some of them."""
        return Truth(**{f.name: getattr(self, f.name)[which] for f in fields(self)})


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
    rest, basal = bodies.at_rest(TARGET_MGDL)
    dosed = rest.copy()
    bodies.inject(dosed, np.full(len(bodies), units))
    fallen: Array = (TARGET_MGDL - _after(bodies, dosed, basal, hours)) / units
    return fallen


def isf_correction(bodies: Bodies, hours: float) -> Array:
    """80 mg/dL by the units that bring 200 mg/dL to 120 in so many hours, on the basal that holds 120."""
    _, basal = bodies.at_rest(TARGET_MGDL)
    high, _ = bodies.at_rest(HIGH_MGDL)
    return (HIGH_MGDL - TARGET_MGDL) / _dose(bodies, high, basal, hours)


def carb_ratio(bodies: Bodies, hours: float, carbs_g: float = MEAL_G) -> Array:
    """g a unit: a meal at 120 mg/dL by the units that bring 120 back in so many hours."""
    eaten, basal = bodies.at_rest(TARGET_MGDL)
    bodies.eat(eaten, np.full(len(bodies), carbs_g))
    return carbs_g / _dose(bodies, eaten, basal, hours)


def right_basal(bodies: Bodies, course: Array, rounds: int = 4) -> Array:
    """The rate (U/h) for each hour of the day that holds 120 mg/dL through the body's own course without meals.

    An hour by itself is weak and late: neighbours stand for each other. A small weight on bends keeps the solution
    smooth; what is sure is the day's sum and its course over a few hours. What an hour's rate does is found once, the
    rounds after it use it as it is: near rest it hardly changes.
    """
    _, rest = bodies.at_rest(TARGET_MGDL)
    count, hours = len(bodies), np.eye(HOURS)
    rates: Array = rest[:, None] / course
    bends = np.roll(hours, 1, axis=1) - 2 * hours + np.roll(hours, -1, axis=1)
    # Each body as it is and with each hour's rate moved: one lane of the same computation each.
    moves = np.vstack((np.zeros((1, HOURS)), MOVED_U_PER_H * hours))
    lanes = bodies.only([n for n in range(count) for _ in moves])
    tried = np.repeat(rates, len(moves), axis=0) + np.tile(moves, (count, 1))
    found = _fasting_day(lanes, np.repeat(course, len(moves), axis=0), tried).reshape(count, len(moves), HOURS)
    slopes = np.swapaxes(found[:, 1:] - found[:, :1], 1, 2) / MOVED_U_PER_H
    normal = np.swapaxes(slopes, 1, 2) @ slopes + WEIGHT_OF_BENDS * bends.T @ bends
    now = found[:, 0]
    for left in reversed(range(rounds)):
        wanted = np.swapaxes(slopes, 1, 2) @ (TARGET_MGDL - now)[:, :, None]
        wanted -= WEIGHT_OF_BENDS * (bends.T @ bends @ rates[:, :, None])
        rates = np.maximum(0.0, rates + np.linalg.solve(normal, wanted)[:, :, 0])
        if left:
            now = _fasting_day(bodies, course, rates)
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
    return bodies.glucose_mgdl(bodies.advance(state, basal, np.ones(len(bodies)), hours * 60, STEP_MIN))


def _dose(bodies: Bodies, state: Array, basal: Array, hours: float) -> Array:
    """The units after which glucose is 120 mg/dL so many hours later; more units give less.

    Each round tries nine doses within what is left of the interval, all at once, and leaves a tenth of it.
    """
    lanes = bodies.only([n for n in range(len(bodies)) for _ in range(9)])
    start, flow = np.repeat(state, 9, axis=1), np.repeat(basal, 9)
    low, width = np.zeros(len(bodies)), NEVER_BEYOND_U
    for _ in range(6):  # to 0.00003 U
        tried = low[:, None] + width * np.arange(1, 10) / 10.0
        dosed = start.copy()
        lanes.inject(dosed, tried.ravel())
        above = _after(lanes, dosed, flow, hours) > TARGET_MGDL
        width /= 10.0
        low = low + width * above.reshape(tried.shape).sum(axis=1)
    dose: Array = low + 0.5 * width
    return dose


def _fasting_day(bodies: Bodies, course: Array, rates: Array) -> Array:
    """Glucose in the middle of each hour of the third of three days without meals at these rates."""
    state, _ = bodies.at_rest(TARGET_MGDL)
    found = np.empty((len(bodies), HOURS))
    for day in range(3):
        for hour in range(HOURS):
            for half in range(2):
                state = bodies.advance(state, rates[:, hour], course[:, hour], 30, STEP_MIN)
                if day == 2 and half == 0:
                    found[:, hour] = bodies.glucose_mgdl(state)
    return found
