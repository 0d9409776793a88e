"""Glucose as the consensus counts it, from what a sensor showed. Knows nothing of settings or policies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

# Diabetes Care 2019;42:1593. Time below 70 is below 54 and 54-69 together.
VERY_LOW_MGDL, LOW_MGDL, HIGH_MGDL, VERY_HIGH_MGDL = 54.0, 70.0, 180.0, 250.0
# The glycemia risk index (Klonoff 2022): what a percent of the readings in each of four ranges weighs.
RISK = {"below_54": 3.0, "from_54_to_69": 2.4, "from_181_to_250": 0.8, "above_250": 1.6}


@dataclass(frozen=True)
class Score:
    """How many readings of some days lay in each range; percentages are of `readings`."""

    readings: int
    below_54: int
    from_54_to_69: int
    from_181_to_250: int
    above_250: int

    @property
    def below_54_percent(self) -> float:
        """Time below 54 mg/dL."""
        return self._percent(self.below_54)

    @property
    def below_70_percent(self) -> float:
        """Time below 70 mg/dL, below 54 with it."""
        return self._percent(self.below_54 + self.from_54_to_69)

    @property
    def from_181_to_250_percent(self) -> float:
        """Time from 181 to 250 mg/dL."""
        return self._percent(self.from_181_to_250)

    @property
    def above_250_percent(self) -> float:
        """Time above 250 mg/dL."""
        return self._percent(self.above_250)

    @property
    def above_180_percent(self) -> float:
        """Time above 180 mg/dL, above 250 with it."""
        return self._percent(self.from_181_to_250 + self.above_250)

    @property
    def in_range_percent(self) -> float:
        """Time from 70 to 180 mg/dL."""
        outside = self.below_54 + self.from_54_to_69 + self.from_181_to_250 + self.above_250
        return self._percent(self.readings - outside)

    @property
    def risk_index(self) -> float:
        """The glycemia risk index: 0 is best; where it would pass 100 it is 100."""
        return min(100.0, sum(weight * self._percent(getattr(self, name)) for name, weight in RISK.items()))

    def _percent(self, count: int) -> float:
        return 100.0 * count / self.readings


def score(sensed_mgdl: npt.NDArray[np.float64]) -> Score:
    """Count readings; a missing one (nan) counts nowhere.

    Raises:
        ValueError: there is no reading.
    """
    seen = sensed_mgdl[~np.isnan(sensed_mgdl)]
    if not len(seen):
        raise ValueError("there is no reading to score")
    return Score(
        readings=len(seen),
        below_54=int(np.sum(seen < VERY_LOW_MGDL)),
        from_54_to_69=int(np.sum((seen >= VERY_LOW_MGDL) & (seen < LOW_MGDL))),
        from_181_to_250=int(np.sum((seen > HIGH_MGDL) & (seen <= VERY_HIGH_MGDL))),
        above_250=int(np.sum(seen > VERY_HIGH_MGDL)),
    )


def together(scores: Iterable[Score]) -> Score:
    """One score of several stretches of days."""
    them = list(scores)
    return Score(**{f.name: sum(getattr(one, f.name) for one in them) for f in fields(Score)})
