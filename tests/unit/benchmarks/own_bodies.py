"""People of one's own for `benchmarks.following --bodies`: nobody's glucose, made in no time, the same for a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.bodies.living import Habits, InUse, Lived
from benchmarks.bodies.truth import Truth

STEP_MS, STEPS_A_DAY = 300_000, 288
MEALS_H = (8, 13, 19)


@dataclass(frozen=True)
class People:
    truth: Truth

    def __len__(self) -> int:
        return len(self.truth.basal_u_per_h)


def drawn_people(seed: int, count: int) -> People:
    chance = np.random.default_rng(seed)
    basal = np.tile(chance.uniform(0.5, 1.5, (count, 1)), (1, 24))
    isf = chance.uniform(30, 50, count)
    return People(Truth(basal, isf, 2 * isf, chance.uniform(6, 12, count)))


class Living:
    """Glucose wanders around a level that the day's basal decides; the wandering is the person's, not the lane's."""

    def __init__(
        self, people: People, habits: Sequence[Habits], lanes: Sequence[int], seed: int, first_day: date, zone: str
    ) -> None:
        self.right = people.truth.basal_u_per_h.sum(axis=1)
        self.habits, self.lanes, self.seed, self.day, self.zone = habits, lanes, seed, first_day, ZoneInfo(zone)

    def live(self, in_use: Sequence[InUse], days: int) -> list[Lived]:
        start = round(datetime.combine(self.day, time(), self.zone).timestamp() * 1000)
        lived = [self._one(lane, settings, start, days) for lane, settings in zip(self.lanes, in_use, strict=True)]
        self.day += timedelta(days=days)
        return lived

    def _one(self, lane: int, settings: InUse, start: int, days: int) -> Lived:
        chance = np.random.default_rng([self.seed, lane, self.day.toordinal()])
        ms = start + STEP_MS * np.arange(days * STEPS_A_DAY)
        slow = np.convolve(chance.normal(0, 12, len(ms) + 23), np.ones(24) / 5, "valid")
        level = 150 - 300 * (sum(settings.basal_u_per_h) / self.right[lane] - 1)
        glucose = np.clip(np.round(level + slow), 45, 390).astype(float)
        hours = (ms - start) // 3_600_000 % 24
        basal = np.array(settings.basal_u_per_h)[hours.astype(int)]
        at = [start + 86_400_000 * day + 3_600_000 * hour for day in range(days) for hour in MEALS_H]
        boluses: list[Any] = [(ms, round(50 / settings.carb_ratio_g_per_u, 1), "meal") for ms in at]
        meals: list[Any] = [(ms, 50.0, 50.0) for ms in at]
        return Lived(lane, self.habits[lane], settings, ms, glucose, glucose, basal, boluses, meals)
