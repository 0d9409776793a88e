"""How far upstream may move each setting: its caps, which this project repeats and never widens.

Source: oref0@0.7.1 lib/autotune/index.js (`autosens_min`, `autosens_max`, and 3 to 150 for the carb ratio).
"""

from __future__ import annotations

from dataclasses import dataclass

CARB_RATIO_LIMITS_G_PER_U = (3.0, 150.0)
DEFAULT_LOW, DEFAULT_HIGH = 0.7, 1.2

Limits = tuple[float, float]


@dataclass(frozen=True)
class Caps:
    """The run's, as shares of the pump's own setting."""

    low: float
    high: float

    def basal(self, now_u_per_h: float) -> Limits:
        """Lowest and highest rate."""
        return now_u_per_h * self.low, now_u_per_h * self.high

    def isf(self, now: float) -> Limits:
        """Lowest and highest sensitivity, in the unit given: the caps' inverse."""
        return now / self.high, now / self.low

    def carb_ratio(self, now_g_per_u: float) -> Limits:
        """Lowest and highest carb ratio; one that lies beyond upstream's absolute limits goes no further."""
        least, most = CARB_RATIO_LIMITS_G_PER_U
        return (
            min(now_g_per_u, max(least, now_g_per_u * self.low)),
            max(now_g_per_u, min(most, now_g_per_u * self.high)),
        )

    @property
    def wider_than_usual(self) -> bool:
        """Whether the pump profile's own caps let settings go further than upstream's defaults."""
        return self.low < DEFAULT_LOW - 1e-9 or self.high > DEFAULT_HIGH + 1e-9
