"""What a day brings to a person whatever the settings are: meals, counting, exercise, moods of the body and the sensor.

All of it is drawn by seed, person and day, so that every lane of a person has the same day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from benchmarks.bodies.model import Array, Flags
from benchmarks.bodies.sensor import STEP_MIN, WORN_DAYS, Noise, gaps

DAY_MIN = 1440
CARBS_G_PER_KG = 2.4
# When (minute of the day), by how much it moves (min), which share of the day's carbs, with which chance it is eaten.
MEALS = ((450, 50, 0.26, 0.85), (765, 50, 0.32, 0.90), (960, 40, 0.12, 0.50), (1140, 50, 0.40, 1.00))
SIZE_SD, COUNT_SD, MOST_MISCOUNT = 0.25, 0.15, 0.4
LEAST_TOLD_G = 5.0
UNTOLD_SHARE = (0.15, 0.25)
DAY_SD = 0.1  # of the logarithm of a day's sensitivity
# Wilinska 2010: rates go up and down by 5 % about every three hours, each day anew.
WOBBLE, WOBBLE_MIN, WOBBLE_MIN_SPREAD = 0.05, 180.0, 15.0
EXERCISE_CHANCE, EXERCISE_MIN, EXERCISE_AT, EXERCISE_INTENSITY = 3 / 7, 45, (960, 1110), (0.08, 0.15)


class Scene(StrEnum):
    """What of a person's life the data do not tell."""

    CLEAN = "clean"  # all is told, carbs are counted with an error
    UNANNOUNCED = "unannounced"  # 15 to 25 % of the meals are neither told nor bolused for
    UNTOLD_LOW_CARBS = "untold low carbs"  # what is eaten against a low is never entered
    EXERCISE = "exercise"  # three walks a week, nowhere in the data


@dataclass(frozen=True)
class Meal:
    """Carbs eaten at a step of the day, and how many were counted; None where nobody was told."""

    step: int
    true_g: float
    told_g: float | None


@dataclass(frozen=True)
class Day:
    """A day of all people: arrays have a row for each five minutes and a column for each person."""

    sensitivity: Array  # what the day makes of it: the day's factor and the wobble, without the body's own course
    intensity: Array  # of exercise
    noise_mgdl: Array
    worn_days: Array
    gap: Flags
    corrects: Array  # a number from 0 to 1: whether a person looks and corrects
    meals: list[list[Meal]]  # of each person


@dataclass
class Calendar:
    """Makes the days, one after the other; only the sensors' noise remembers the day before.

    Attributes:
        seed: of all chances; a person's number and the day's go with it.
        weights_kg: of each person.
        scenes: of each person.
    """

    seed: int
    weights_kg: Array
    scenes: list[Scene]
    noise: Noise = field(init=False)
    worn_days: list[float] = field(init=False)  # of the sensors, at the very beginning
    untold_share: list[float] = field(init=False)

    def __post_init__(self) -> None:
        chances = [np.random.default_rng([self.seed, n]) for n in range(len(self.scenes))]
        self.worn_days = [chance.uniform(0.0, WORN_DAYS) for chance in chances]
        self.untold_share = [chance.uniform(*UNTOLD_SHARE) for chance in chances]
        self.noise = Noise.settled(chances)

    def day(self, number: int, local_min: Array) -> Day:
        """The day of that number.

        Args:
            number: 0 for the first; they are asked for in order.
            local_min: the minute of the local day at each of its steps (276 to 300 of them).
        """
        # Two for each person: what is drawn for the sensor is the same whatever a scene draws.
        people = range(len(self.scenes))
        sensors, lives = ([np.random.default_rng([self.seed, n, number, kind]) for n in people] for kind in (0, 1))
        steps = len(local_min)
        worn: Array = (np.array(self.worn_days) + number + np.arange(steps)[:, None] * (STEP_MIN / DAY_MIN)) % WORN_DAYS
        return Day(
            sensitivity=np.stack([_mood(chance, steps) for chance in lives], axis=1),
            meals=[self._meals(n, lives[n], local_min) for n in people],
            corrects=np.stack([chance.random(steps) for chance in lives], axis=1),
            intensity=np.stack([self._intensity(n, lives[n], local_min) for n in people], axis=1),
            noise_mgdl=self.noise.next(sensors, steps),
            worn_days=worn,
            gap=np.stack([gaps(sensors[n], worn[:, n]) for n in people], axis=1),
        )

    def _meals(self, person: int, chance: np.random.Generator, local_min: Array) -> list[Meal]:
        found = []
        for at, spread, share, likely in MEALS:
            eaten, when = chance.random() < likely, at + chance.uniform(-spread, spread)
            size = share * CARBS_G_PER_KG * self.weights_kg[person] * np.exp(chance.normal(0.0, SIZE_SD))
            counted = 1.0 + np.clip(chance.normal(0.0, COUNT_SD), -MOST_MISCOUNT, MOST_MISCOUNT)
            told = chance.random() >= self.untold_share[person] or self.scenes[person] is not Scene.UNANNOUNCED
            if eaten:
                true_g = float(round(size))
                told_g = max(LEAST_TOLD_G, float(round(true_g * counted))) if told else None
                found.append(Meal(int(np.argmax(local_min >= when)), true_g, told_g))
        return found

    def _intensity(self, person: int, chance: np.random.Generator, local_min: Array) -> Array:
        likely, start, strength = chance.random(), chance.uniform(*EXERCISE_AT), chance.uniform(*EXERCISE_INTENSITY)
        if self.scenes[person] is not Scene.EXERCISE or likely >= EXERCISE_CHANCE:
            return np.zeros(len(local_min))
        moving = (local_min >= start) & (local_min < start + EXERCISE_MIN)
        return np.where(moving, strength, 0.0)


def _mood(chance: np.random.Generator, steps: int) -> Array:
    factor = np.exp(chance.normal(0.0, DAY_SD))
    period = WOBBLE_MIN + chance.uniform(-WOBBLE_MIN_SPREAD, WOBBLE_MIN_SPREAD)
    phase = chance.uniform(0.0, 2 * np.pi)
    found: Array = factor * (1.0 + WOBBLE * np.sin(2 * np.pi * STEP_MIN * np.arange(steps) / period + phase))
    return found
