"""How repeatable each number of a proposal is, as a document: what the repetitions, variants and days kept aside say.

A part of the proposal's schema (`flows.proposal.document`). Knows nothing of how the numbers come about.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from flows.values.parts import Part
from flows.values.sentence import Worded
from flows.values.units import HOURS_PER_DAY


class Cap(StrEnum):
    """Which of upstream's caps a number stands at, or was stopped by on at least half of the days."""

    LOW, HIGH = "low", "high"


class StrictModel(BaseModel):
    """A part of the document: no key that is not declared, no NaN, and errors that quote no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


Hourly = Annotated[tuple[float, ...], Field(min_length=HOURS_PER_DAY, max_length=HOURS_PER_DAY)]


class Agreement(StrictModel):
    """How the repetitions over resampled days move a number, and how many of them (0–1) move it as recommended."""

    moves_up: int
    moves_down: int
    unchanged: int
    share: float


class IsfEvidence(StrictModel):
    """The insulin sensitivity, and what it rests on."""

    current_mgdl_per_u: float
    current_mmoll_per_u: float
    recommended_mgdl_per_u: float
    recommended_mmoll_per_u: float
    change_percent: float
    cap_low_mgdl_per_u: float
    cap_low_mmoll_per_u: float
    cap_high_mgdl_per_u: float
    cap_high_mmoll_per_u: float
    at_cap: Cap | None
    interval_low_mgdl_per_u: float | None
    interval_low_mmoll_per_u: float | None
    interval_high_mgdl_per_u: float | None
    interval_high_mmoll_per_u: float | None
    agreement: Agreement | None
    points: int | None
    days_too_few_points: int | None = Field(description="Days on which upstream left it alone for want of points.")
    insulin_correlation: float | None = Field(
        default=None, description="Of the change insulin explains and the change there was, over those points: -1 to 1."
    )
    insulin_correlation_needed: float | None = Field(
        default=None,
        description="What that correlation has to exceed: 3.5 standard deviations above those with the person's own "
        "insulin shifted in time.",
    )
    explanation: tuple[str, ...]
    said: tuple[Worded, ...] = Field(default=(), description="Each of the explanation as words and facts.")


class CarbRatioEvidence(StrictModel):
    """The carb ratio, and what it rests on: upstream's meal periods, used and ignored."""

    current_g_per_u: float
    recommended_g_per_u: float
    change_percent: float
    cap_low_g_per_u: float
    cap_high_g_per_u: float
    at_cap: Cap | None
    interval_low_g_per_u: float | None
    interval_high_g_per_u: float | None
    agreement: Agreement | None
    periods_used: int | None
    periods_ignored: int | None
    carbs_g: float | None
    insulin_u: float | None
    explanation: tuple[str, ...]
    said: tuple[Worded, ...] = Field(default=(), description="Each of the explanation as words and facts.")


class BasalEvidence(StrictModel):
    """The basal of one hour, and what it rests on."""

    hour: int = Field(ge=0, lt=HOURS_PER_DAY)
    current_u_per_h: float
    recommended_u_per_h: float
    for_pump_u_per_h: float
    change_percent: float
    cap_low_u_per_h: float
    cap_high_u_per_h: float
    at_cap: Cap | None
    interval_low_u_per_h: float | None
    interval_high_u_per_h: float | None
    agreement: Agreement | None
    points: int | None
    days_without_points: int | None = Field(
        default=None, description="Days on which upstream had no data points of its own for the hour."
    )
    days_missing: int = Field(
        description="Days the hour came out unchanged and was smoothed: no data, at its cap, no need."
    )
    total_deviation_mgdl: float | None = Field(description="Of all days: above zero glucose rose unexplained.")
    total_deviation_mmoll: float | None
    explanation: tuple[str, ...]
    said: tuple[Worded, ...] = Field(default=(), description="Each of the explanation as words and facts.")


class Repetitions(StrictModel):
    """How the intervals came about; `share` of the repetitions lies in each."""

    count: int
    failed: int
    seed: int
    block_days: int
    share: float
    ceiling: int | None = Field(
        default=None, description="How many there may be; all draws of the days there are, of up to six days."
    )
    clear: bool | None = Field(
        default=None, description="Whether more would hardly change a decision; false: stopped at the ceiling."
    )

    @property
    def every_draw(self) -> bool:
        """Whether all draws of the days that there are were computed: then no more can change anything."""
        return self.clear is True and self.count + self.failed == self.ceiling


class Scores(StrictModel):
    """What one set of settings leaves unexplained on days kept aside; `None` where there was nothing to score."""

    mean_absolute_deviation_mgdl: float | None
    mean_absolute_deviation_mmoll: float | None
    rms_deviation_mgdl: float | None
    rms_deviation_mmoll: float | None
    carb_ratio_residual_u: float | None


class HeldOut(StrictModel):
    """The check on days that were not tuned on."""

    days: tuple[str, ...]
    basal_points: int
    meals: int
    old: Scores
    new: Scores
    better: bool | None
    sentence: str
    facts: dict[str, float | str] = Field(
        default_factory=dict, description="The numbers in the sentence by name, to say it in another language."
    )
    said: Worded | None = Field(default=None, description="The sentence as words of the catalogue and facts.")


class Variant(StrictModel):
    """What upstream recommends from other days or with another option."""

    variant: str
    isf_mgdl_per_u: float
    isf_mmoll_per_u: float
    carb_ratio_g_per_u: float
    basal_u_per_h: Hourly
    daily_basal_u: float


class DecidedBy(StrEnum):
    """Who decides a number: the days, the setting it starts from, or both."""

    DAYS, START, BOTH = "days", "start", "both"


class StartProbe(StrictModel):
    """One kind of setting tuned from other present settings, on the same days.

    `slope` is of the logarithm of the answer on that of the start: 0 where the days alone decide, 1 where the start
    does. It explains a number and selects none. Basal is of the day, ISF in mg/dL per U, the carb ratio in g per U.
    """

    part: Part
    starts: tuple[float, ...]
    answers: tuple[float, ...]
    slope: float
    decided_by: DecidedBy


class Evidence(StrictModel):
    """What every number rests on, and how repeatable it is."""

    isf: IsfEvidence
    carb_ratio: CarbRatioEvidence
    basal: Annotated[tuple[BasalEvidence, ...], Field(min_length=HOURS_PER_DAY, max_length=HOURS_PER_DAY)]
    repetitions: Repetitions | None
    why_no_repetitions: str | None
    held_out: HeldOut | None
    sensitivity: tuple[Variant, ...]
    start_probe: tuple[StartProbe, ...] = ()
