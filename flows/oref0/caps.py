"""How far upstream may move each setting: its caps, which this project repeats and never widens.

Source: oref0@0.7.1 lib/autotune/index.js (`autosens_min`, `autosens_max`, and 3 to 150 for the carb ratio).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_LOW, DEFAULT_HIGH = 0.7, 1.2
UPSTREAM_CARB_RATIO_G_PER_U = (3.0, 150.0)
# oref0's own documented range for autosens; AAPS ships 1.2 and lets it be set to 2.0 at most.
WIDEST_CAPS = (0.5, 2.0)

Limits = tuple[float, float]


@dataclass(frozen=True)
class Caps:
    """The run's, as shares of the pump's own setting."""

    low: float = DEFAULT_LOW
    high: float = DEFAULT_HIGH

    @classmethod
    def of(cls, pump: Mapping[str, Any]) -> Caps:
        """A pump profile's own, or upstream's where it has none; `TypeError` or `ValueError` for what is no number."""
        return cls(float(pump.get("autosens_min", DEFAULT_LOW)), float(pump.get("autosens_max", DEFAULT_HIGH)))

    def basal(self, now_u_per_h: float) -> Limits:
        """Lowest and highest rate."""
        return now_u_per_h * self.low, now_u_per_h * self.high

    def isf(self, now: float) -> Limits:
        """Lowest and highest sensitivity, in the unit given: the caps' inverse."""
        return now / self.high, now / self.low

    def carb_ratio(self, now_g_per_u: float) -> Limits:
        """Lowest and highest carb ratio; one that lies beyond upstream's absolute limits goes no further."""
        least, most = UPSTREAM_CARB_RATIO_G_PER_U
        least, most = min(least, now_g_per_u), max(most, now_g_per_u)
        return max(least, now_g_per_u * self.low), min(most, now_g_per_u * self.high)

    @property
    def wider_than_usual(self) -> bool:
        """Whether the pump profile's own caps let settings go further than upstream's defaults."""
        return self.low < DEFAULT_LOW - 1e-9 or self.high > DEFAULT_HIGH + 1e-9
