"""What is counted in upstream's words of each setting, over all days: what the sentences of an explanation say."""

from __future__ import annotations

from dataclasses import dataclass

from flows.proposal.evidence_document import Cap

# Upstream rounds a setting to three decimals: two numbers that differ by less than half of the last one are the same.
HALF_A_LAST_DECIMAL = 0.0005


@dataclass(frozen=True)
class Moved:
    """What every setting has: days looked at, where it went, how far from its caps, days it wanted beyond them.

    `cap_low_percent` and `cap_high_percent` are how far below and above the pump's setting upstream may go.
    `started_from_previous`: the run started from an earlier recommendation that had another value than the pump.
    """

    days: int
    current: float
    recommended: float
    at_cap: Cap | None
    past_cap: bool
    cap_low_percent: int
    cap_high_percent: int
    days_capped_low: int
    days_capped_high: int
    days_up: int
    days_down: int
    started_from_previous: bool

    @property
    def moved(self) -> bool:
        """Whether it is another number than the pump's, at upstream's three decimals."""
        return abs(self.recommended - self.current) > HALF_A_LAST_DECIMAL


@dataclass(frozen=True)
class IsfFacts(Moved):
    """Days upstream's points asked for a higher or lower sensitivity, and days they could not.

    `data_counts_percent`: how much the data decides beside the pump's setting (`autotune_isf_adjustmentFraction`).
    """

    points: int
    days_too_few_points: int
    days_rising_under_insulin: int
    days_borrowed_rises: int
    days_borrowed_meals: int
    data_counts_percent: int


@dataclass(frozen=True)
class CarbRatioFacts(Moved):
    """Days meals took less (`days_up`) or more insulin (`days_down`) than the ratio of that day gives."""

    periods_used: int
    periods_ignored: int
    carbs_g: float
    insulin_u: float
    days_without_meals: int


@dataclass(frozen=True)
class BasalFacts(Moved):
    """An hour's basal. Upstream moves it for the glucose of the three hours after it, which the `after` facts count.

    `days_up` and `days_down`: days those three hours asked for more or less insulin. `days_missing`: no change of its
    own and so smoothed, because there was no point after it, because it stood at its cap, or for no difference.
    """

    hour: int
    points: int
    total_deviation_mgdl: float
    days_missing: int
    days_without_points: int
    days_held_at_cap: int
    points_after: int
    unannounced_after: int
