"""A sensor under the skin: what it reads of the glucose there, with its error and its gaps.

The error is Vettoretti's for a Dexcom G6 (doi 10.1109/embc.2019.8856790): a factor and an offset that go with the age
of the sensor, and two noises that remember themselves. Gaps: 1.71 a day where something presses on it (Emami 2015);
their length, the warm-up and that a noise's step is five minutes are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.bodies.model import Array, Flags

WORN_DAYS, WARM_UP_MIN, STEP_MIN = 10.0, 120, 5
LOWEST_MGDL, HIGHEST_MGDL = 40.0, 400.0
FACTOR, OFFSET_MGDL = (1.048, -0.033, 0.002), (-6.398, 6.179, -0.448)  # of the days worn: constant, linear, square
NOISES = ((1.220, -0.331, 3.641), (1.34, -0.492, 5.538))  # of the last two values; variance of what is new
SETTLED_AFTER = 60
GAPS_A_DAY, GAP_MIN = 1.71, (10, 41)


@dataclass
class Noise:
    """The noises of some sensors, each as it was last and before."""

    last: Array  # (which noise, which of the last two values, person)

    @classmethod
    def settled(cls, chances: list[np.random.Generator]) -> Noise:
        """Noises that have run for some hours, one for each person."""
        found = cls(np.zeros((len(NOISES), 2, len(chances))))
        found.next(chances, SETTLED_AFTER)
        return found

    def next(self, chances: list[np.random.Generator], count: int) -> Array:
        """Their sum for the next so many readings, mg/dL: a row for each reading."""
        new = np.stack([chance.standard_normal((count, len(NOISES))) for chance in chances], axis=2)
        found = np.empty((count, len(chances)))
        for n in range(count):
            for kind, (by_last, by_before, variance) in enumerate(NOISES):
                last, before = self.last[kind]
                now = by_last * last + by_before * before + np.sqrt(variance) * new[n, kind]
                self.last[kind, 1], self.last[kind, 0] = last.copy(), now
            found[n] = self.last[:, 0].sum(axis=0)
        return found


def read(under_the_skin_mgdl: Array, worn_days: Array, noise_mgdl: Array, gap: Flags) -> Array:
    """What sensors show: whole mg/dL from 40 to 400, nan for no reading."""
    factor, offset = (c + b * worn_days + a * worn_days**2 for c, b, a in (FACTOR, OFFSET_MGDL))
    shown = np.clip(np.round(factor * under_the_skin_mgdl + offset + noise_mgdl), LOWEST_MGDL, HIGHEST_MGDL)
    found: Array = np.where(gap, np.nan, shown)
    return found


def gaps(chance: np.random.Generator, worn_days: Array) -> Flags:
    """In which of a day's readings nothing is shown, for one person."""
    found = worn_days * 24 * 60 < WARM_UP_MIN
    for _ in range(chance.poisson(GAPS_A_DAY)):
        start, length = chance.integers(len(found)), chance.integers(*GAP_MIN)
        found[start : start + max(1, round(length / STEP_MIN))] = True
    return found
