"""The proposal as a document: every number a person is shown, with its unit in its name, versioned and sealed.

`docs/schemas/proposal-3.json` is made from these models. Glucose-related numbers stand in both units, so that what is
shown in either is in the document. Knows nothing of how the numbers come about.
"""

from __future__ import annotations

import math
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from flows.history.daily_curves import NO_READING, QUARTERS, values_of
from flows.oref0.several_values import LEAST_MEALS, OneValueFrom, different
from flows.proposal.evidence_document import Evidence, Hourly, StrictModel
from flows.proposal.step_document import Clock, NextStep
from flows.values.parts import Part
from flows.values.sentence import Worded
from flows.values.units import HOURS_PER_DAY, MGDL_PER_MMOLL

SCHEMA_VERSION = 3
READABLE_VERSIONS = (2, 3)  # of an earlier one every number can be shown; nothing of it is written to a site


class Colour(StrEnum):
    """Of a verdict and of each reason for it."""

    GREEN, AMBER, RED = "green", "amber", "red"


class Units(StrEnum):
    """Of glucose, as the source profile names them: what the person reads."""

    MG_PER_DL, MMOL_PER_L = "mg/dL", "mmol/L"


class GlucoseLimit(StrEnum):
    """Which of the consensus' limits glucose is beyond: too often too low, too often too high."""

    LOW, HIGH = "low", "high"


class Settings(StrictModel):
    """Basal by hour of the local day, one ISF, one carb ratio: what upstream tunes, unrounded."""

    isf_mgdl_per_u: float
    isf_mmoll_per_u: float
    carb_ratio_g_per_u: float
    basal_u_per_h: Hourly
    daily_basal_u: float
    dia_h: float | None
    insulin_peak_min: float | None


class IsfBlock(StrictModel):
    """A block of the source profile's ISF schedule, and what it becomes: scaled by the tuned ratio, then rounded."""

    start: Clock
    current_mgdl_per_u: float
    current_mmoll_per_u: float
    recommended_mgdl_per_u: float
    recommended_mmoll_per_u: float
    points: int | None = Field(default=None, description="Upstream's ISF points in it, where the profile has several.")


class BlockRegression(StrictModel):
    """What the meal windows say of one carb ratio by itself: as evidence, upstream recommends no such number.

    `insulin_factor` is the insulin that the windows took over what the block's ratio gives for their carbs; low and
    high hold nine of ten. Above 1 more was needed: a lower ratio.
    """

    windows: int
    insulin_factor: float
    insulin_factor_low: float
    insulin_factor_high: float


class CarbRatioBlock(StrictModel):
    """A block of the source profile's carb ratio schedule, and what it becomes."""

    start: Clock
    current_g_per_u: float
    recommended_g_per_u: float
    meals: int | None = Field(default=None, description="Eaten in it on the days used, where the profile has several.")
    carbs_g: float | None = Field(default=None, description="Of those meals.")
    regression: BlockRegression | None = Field(default=None, description="From 8 meal windows in the block on.")


class OneForSeveral(StrictModel):
    """How the one value that stands for several of a setting was made, and the factor that each block in use gets.

    Made from the meals or the points in each block it is comparable with the schedule; `time` is the mean over the day,
    for want of them, and then the setting is not tuned.
    """

    part: Part
    made_from: OneValueFrom
    factor: float = Field(description="Recommended over current, of the one value; 1 where the setting is not tuned.")
    meals: int | None = Field(default=None, description="On the days used; of the carb ratio.")

    @property
    def tuned(self) -> bool:
        """Whether the blocks get upstream's factor."""
        return self.made_from is not OneValueFrom.TIME

    @property
    def reliable(self) -> bool:
        """Whether it rests on enough."""
        return self.tuned and (self.meals is None or self.meals >= LEAST_MEALS)


class ForPump(StrictModel):
    """The recommendation as it can be entered: every number on its step and within upstream's caps.

    `basal_u_per_h` keeps the daily total (largest remainder). ISF is on its step in the profile's own unit; the other
    unit's number is that one converted. The source profile's blocks are kept where it has several.
    """

    basal_step_u_per_h: float
    isf_step: float = Field(description="In the source profile's own unit per U.")
    carb_ratio_step_g_per_u: float
    basal_u_per_h: Hourly
    daily_basal_u: float
    isf: tuple[IsfBlock, ...]
    carb_ratio: tuple[CarbRatioBlock, ...]
    remarks: tuple[str, ...]
    unread: tuple[Part, ...] = Field(
        default=(),
        description="Settings of which the profile has several entries that cannot be read: one number stands for all.",
    )
    one_for_several: tuple[OneForSeveral, ...] = Field(
        default=(),
        description="Of each setting with several values; missing where their mean over the day was tuned.",
    )

    def after_step(self, now_u_per_h: Hourly, step: NextStep) -> ForPump:
        """The numbers after a step in the place of upstream's: what it does not change stays as it is now.

        Args:
            now_u_per_h: the basal in use.
            step: that was chosen from these numbers.
        """
        new = {(change.part, change.start): change.new for change in step.changes}
        rates = tuple(new.get((Part.BASAL, f"{h:02d}:00"), rate) for h, rate in enumerate(now_u_per_h))
        isf = tuple(
            b.model_copy(
                update={
                    "recommended_mgdl_per_u": b.current_mgdl_per_u,
                    "recommended_mmoll_per_u": b.current_mmoll_per_u,
                }
            )
            for b in self.isf
        )
        ratios = tuple(
            b.model_copy(update={"recommended_g_per_u": new.get((Part.CARB_RATIO, b.start), b.current_g_per_u)})
            for b in self.carb_ratio
        )
        daily = round(math.fsum(rates), 3)
        return self.model_copy(
            update={
                "basal_u_per_h": rates,
                "daily_basal_u": daily,
                "isf": isf,
                "carb_ratio": ratios,
                "remarks": (),
            }
        )

    def one_of(self, part: Part) -> OneForSeveral | None:
        """How the one value of a part was made, where the profile has several of it."""
        return next((one for one in self.one_for_several if one.part is part), None)

    def unused(self, part: Part) -> tuple[str, ...]:
        """The starts of the blocks that stay, since nothing was in them, while upstream's factor moves the others."""
        one = self.one_of(part)
        if one is None or not one.tuned:
            return ()
        amounts = (
            [(b.start, b.points) for b in self.isf]
            if part is Part.ISF
            else [(b.start, b.meals) for b in self.carb_ratio]
        )
        return tuple(start for start, amount in amounts if not amount)

    @property
    def untrusted(self) -> tuple[Part, ...]:
        """Of `several` those whose one value is not comparable with the schedule, or cannot be read."""
        return tuple(part for part in self.several if part in self.unread or self.one_of(part) is None)

    @property
    def several(self) -> tuple[Part, ...]:
        """The parts of which the profile that was tuned has blocks with different values; its own values count.

        Several entries that could not be read count as different.
        """
        values = {
            Part.ISF: [b.current_mgdl_per_u for b in self.isf],
            Part.CARB_RATIO: [b.current_g_per_u for b in self.carb_ratio],
        }
        return tuple(part for part, found in values.items() if different(found) > 1 or part in self.unread)


class VerdictReason(StrictModel):
    """One rule that found something: its colour, what it says, and where its threshold comes from."""

    rule: str
    title: str = Field(default="", description="In a few words without any number: for places others may see.")
    colour: Colour
    sentence: str
    source: str
    facts: dict[str, float | str] = Field(
        default_factory=dict, description="The numbers in the sentence by name, to say it in another language."
    )
    said: tuple[Worded, ...] = Field(default=(), description="The sentence as the words of the catalogue and facts.")


class Verdict(StrictModel):
    """The worst colour of all rules. Red cannot be applied.

    `nothing_to_change`: nothing is repeatable enough to act on, and glucose is within the consensus' limits as it is.
    """

    colour: Colour
    nothing_to_change: bool
    beyond_limits: tuple[GlucoseLimit, ...] = Field(
        default=(), description="Limits of the consensus that glucose is beyond as it is, whatever would change."
    )
    worth_changing: tuple[str, ...] = Field(
        default=(),
        description="What changes by enough, and repeatably: isf, carb_ratio, daily_basal, basal_00 … basal_23.",
    )
    headline: str
    reasons: tuple[VerdictReason, ...]
    rules_checked: tuple[str, ...]

    @property
    def nothing_certain(self) -> bool:
        """Whether nothing in it is repeatable enough to act on; beyond a limit that does not mean nothing to change."""
        # Verdicts sealed before the list existed have an empty one; of those beyond a limit none has.
        return self.nothing_to_change or (bool(self.beyond_limits) and not self.worth_changing)


class GlucoseHour(StrictModel):
    """Readings of one hour of the local day over all days used, without "HIGH"; `None` where there are too few."""

    hour: int
    readings: int
    p5_mgdl: float | None
    p25_mgdl: float | None
    median_mgdl: float | None
    p75_mgdl: float | None
    p95_mgdl: float | None
    p5_mmoll: float | None
    p25_mmoll: float | None
    median_mmoll: float | None
    p75_mmoll: float | None
    p95_mmoll: float | None
    below_70_percent: float | None = Field(default=None, description="Of the readings of the hour.")
    above_180_percent: float | None = Field(default=None, description='Of the readings of the hour, with "HIGH".')


class Glucose(StrictModel):
    """The consensus metrics of the days used (Diabetes Care 2019;42:1593); shares in percent of readings.

    Lows below 39 mg/dL and readings above what the sensor can measure ("HIGH") are among them, although upstream does
    not get them. A share with an upper limit is rounded up, one with a limit it must stay below is rounded down: it is
    beyond the limit exactly where the readings are.
    """

    readings: int
    days: int
    coverage_percent: float
    mean_mgdl: float = Field(description='Without the readings above what the sensor can measure ("HIGH").')
    mean_mmoll: float = Field(description='Without the readings above what the sensor can measure ("HIGH").')
    cv_percent: float = Field(description='Without the readings above what the sensor can measure ("HIGH").')
    below_54_percent: float
    from_54_to_69_percent: float
    in_range_70_180_percent: float
    from_181_to_250_percent: float
    above_250_percent: float
    below_63_percent: float | None = Field(default=None, description="For pregnancy, whose range is 63-140 mg/dL.")
    above_140_percent: float | None = Field(default=None, description="For pregnancy, whose range is 63-140 mg/dL.")
    lows: int = Field(description="Episodes of 15 minutes or more below 70 mg/dL.")
    rises_after_lows_without_carbs: int
    unannounced_share_percent: float | None = Field(
        description="Of upstream's data points, those it took for unannounced rises."
    )
    by_hour: Annotated[tuple[GlucoseHour, ...], Field(min_length=HOURS_PER_DAY, max_length=HOURS_PER_DAY)]


class DailyCurve(StrictModel):
    """Glucose of one day, for a drawing: a text of 96 numbers in mg/dL, one for each quarter of an hour from 04:00 on.

    By the local clock; `-` where there is no reading. Of the readings of a quarter it is the lowest where that is below
    70 mg/dL, and the middle one elsewhere. A text, since as a list it would be six times as long.
    """

    day: date
    mgdl: Annotated[
        str, Field(pattern=rf"^(?:\d{{1,4}}|{NO_READING})(?: (?:\d{{1,4}}|{NO_READING})){{{QUARTERS - 1}}}$")
    ]

    @property
    def values_mgdl(self) -> list[int | None]:
        """The numbers; `None` where there is no reading."""
        return values_of(self.mgdl)


class DayOfRun(BaseModel):
    """A day asked for: used or left out and why, how good it is, what upstream found on it. More keys may follow."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, hide_input_in_errors=True)
    date: str
    status: str
    reason: str | None
    quality: str | None = None


class WithoutCorrection(StrictModel):
    """What upstream would have recommended from the data as they were served."""

    recommended: Settings | None
    reason: str | None
    reason_code: str | None
    changed: tuple[str, ...]


class Proposal(StrictModel):
    """A sealed recommendation; `sha256` is over the canonical JSON of everything else."""

    schema_version: Literal[2, 3] = 3
    proposal_id: str = Field(description="The run directory's name.")
    created_at: str
    timezone: str
    inputs: str
    units: Units
    site_sha256: str | None = Field(description="Of the site's address; `None` for a directory.")
    profile: dict[str, Any] = Field(description="Identity of the source profile: name, document id, start date, hash.")
    current: Settings
    recommended: Settings
    for_pump: ForPump
    verdict: Verdict = Field(description="Of the person and the step; of all of upstream's numbers before version 3.")
    verdict_of_all: Verdict | None = Field(
        default=None, description="Of upstream's numbers whole, for who writes all of them, or some by name."
    )
    step: NextStep | None = Field(default=None, description="What to do now. Before version 3 there is none.")
    evidence: Evidence
    glucose: Glucose | None
    without_correction: WithoutCorrection | None
    days: tuple[DayOfRun, ...]
    curves: tuple[DailyCurve, ...] = Field(
        default=(), description="Of each day asked for, also of those left out. Before they were kept there are none."
    )
    warnings: tuple[str, ...]
    ledger: dict[str, Any]
    engine: dict[str, Any]
    upstream: dict[str, str] = Field(
        default_factory=dict,
        description="The sha256 of upstream's code as it ran, and of the lock it was installed by.",
    )
    options: dict[str, Any]
    rests_on: dict[str, str] = Field(
        description="The sha256 of every file upstream read and wrote, and of the lows it was not given."
    )
    sha256: str = ""

    @property
    def whole_verdict(self) -> Verdict:
        """Of upstream's numbers whole."""
        return self.verdict_of_all or self.verdict

    @property
    def to_enter(self) -> ForPump:
        """All settings once the step was taken, as they are entered; upstream's whole where there is no step yet."""
        return self.for_pump if self.step is None else self.for_pump.after_step(self.current.basal_u_per_h, self.step)


def mmoll(mgdl: float) -> float:
    """A glucose number in mmol/L, to three decimals."""
    return round(mgdl / MGDL_PER_MMOLL, 3)


def maybe_mmoll(mgdl: float | None) -> float | None:
    """`mmoll`, of a number that may be missing."""
    return None if mgdl is None else mmoll(mgdl)
