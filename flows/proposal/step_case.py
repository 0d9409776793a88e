"""What a step is decided from, and how glucose stands in the hours after an hour's basal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.oref0.caps import Caps
from flows.proposal.consensus_limits import below_70_percent
from flows.proposal.document import ForPump, Glucose, Settings
from flows.proposal.step_document import Baseline, FollowUp
from flows.proposal.step_limits import OF
from flows.values.units import HOURS_PER_DAY


@dataclass(frozen=True)
class StepCase:
    """Upstream's numbers, what they would be entered as, glucose, and what happened before.

    Attributes:
        current, recommended: unrounded.
        for_pump: upstream's numbers on the pump's steps.
        caps: of the run.
        glucose: of the days used.
        baseline: that limits count from; the settings in use where it is `None`.
        follow_up: of the last step, if there was one in the last weeks.
        days_since_step: since the last step came into force; `None` where there is none known.
        taken_back_days_ago: since the last one was rolled back.
        against: ids of the safety rules about the data that forbid any step.
    """

    current: Settings
    recommended: Settings
    for_pump: ForPump
    caps: Caps
    glucose: Glucose | None
    baseline: Baseline | None = None
    follow_up: FollowUp | None = None
    days_since_step: float | None = None
    taken_back_days_ago: float | None = None
    against: Sequence[str] = ()

    @property
    def below_70_percent(self) -> float:
        """Of the time."""
        return below_70_percent(self.glucose) if self.glucose else 0.0

    @property
    def below_54_percent(self) -> float:
        """Of the time."""
        return self.glucose.below_54_percent if self.glucose else 0.0

    @property
    def above_180_percent(self) -> float:
        """Of the time."""
        return above_180_percent(self.glucose) if self.glucose else 0.0

    @property
    def too_low(self) -> bool:
        """Glucose is beyond a low limit of the consensus: nothing may add insulin."""
        return self.below_70_percent >= OF["low"] or self.below_54_percent >= OF["very_low"]

    @property
    def untold_carbs(self) -> bool:
        """So many rises after lows without carbs entered that upstream's wish for more basal cannot be trusted."""
        return self.glucose is not None and self.glucose.rises_after_lows_without_carbs >= OF["untold_carbs"]

    @property
    def only_reductions(self) -> bool:
        """Nothing may add insulin."""
        return self.too_low or self.untold_carbs

    @property
    def too_high(self) -> bool:
        """So much is high that nothing may take insulin away, unless there are lows as well."""
        return self.above_180_percent > OF["high"] and not self.too_low

    @property
    def high_enough_for_more_basal(self) -> bool:
        """There is so much high glucose that more basal is worth it: less of it where there is room for it."""
        few = self.below_70_percent < OF["few_lows"]
        enough = self.above_180_percent >= OF["more_with_few_lows" if few else "more_from_above_180"]
        return enough and self.below_70_percent < OF["more_below_70"]

    @property
    def low_enough_for_less(self) -> bool:
        """There are so many lows that less insulin is worth it: fewer of them where it hardly costs anything."""
        few = self.above_180_percent < OF["few_highs"]
        return self.below_70_percent >= OF["less_with_few_highs" if few else "less_from_below_70"]

    def after(self, hour: int) -> tuple[float, float]:
        """The shares (percent) below 70 and above 180 mg/dL in the hours in which an hour's basal acts."""
        return shares_after(self.glucose, hour) if self.glucose else (0.0, 0.0)


def above_180_percent(glucose: Glucose) -> float:
    """The share of readings above 180 mg/dL."""
    return round(glucose.from_181_to_250_percent + glucose.above_250_percent, 2)


def shares_after(glucose: Glucose, hour: int) -> tuple[float, float]:
    """The shares (percent) of readings below 70 and above 180 mg/dL in the hours in which an hour's basal acts."""
    later = [glucose.by_hour[(hour + n) % HOURS_PER_DAY] for n in range(1, int(OF["acts_for"]) + 1)]
    readings = sum(h.readings for h in later)
    if not readings:
        return 0.0, 0.0
    low = sum(h.readings * (h.below_70_percent or 0.0) for h in later) / readings
    high = sum(h.readings * (h.above_180_percent or 0.0) for h in later) / readings
    return low, high
