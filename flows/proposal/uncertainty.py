"""How repeatable a recommended number is: the interval and the agreement of the repetitions over resampled days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flows.oref0.profile import PumpSettings
from flows.proposal.agreement import way

SHARE = 0.9  # of the repetitions that an interval holds


@dataclass(frozen=True)
class Spread:
    """Of one setting, in its own unit: where nine of ten repetitions lie, and which way they move it."""

    interval_low: float
    interval_high: float
    moves_up: int
    moves_down: int
    unchanged: int

    @property
    def repetitions(self) -> int:
        """How many there were."""
        return self.moves_up + self.moves_down + self.unchanged


def spread(current: float, repeated: Sequence[float]) -> Spread:
    """The spread of one number over the repetitions; `repeated` is not empty."""
    ways = [way(current, value) for value in repeated]
    up, down = ways.count(1), ways.count(-1)
    tail = (1 - SHARE) / 2
    return Spread(
        interval_low=round(quantile(repeated, tail), 3),
        interval_high=round(quantile(repeated, 1 - tail), 3),
        moves_up=up,
        moves_down=down,
        unchanged=len(repeated) - up - down,
    )


def spreads(current: PumpSettings, repeated: Sequence[PumpSettings]) -> dict[str, Any]:
    """Every setting's spread as `evidence.json` holds it: `isf` (mg/dL/U), `carb_ratio` (g/U), `basal` (24, U/h)."""
    return {
        "isf": asdict(spread(current.isf_mgdl_per_u, [r.isf_mgdl_per_u for r in repeated])),
        "carb_ratio": asdict(spread(current.carb_ratio_g_per_u, [r.carb_ratio_g_per_u for r in repeated])),
        "basal": [
            asdict(spread(rate, [r.basal_u_per_h[hour] for r in repeated]))
            for hour, rate in enumerate(current.basal_u_per_h)
        ],
    }


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies, interpolated between neighbours."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
