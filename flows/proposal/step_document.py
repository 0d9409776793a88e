"""The step as a document: the one thing to do now, what stays and why, the baseline, whether the last step helped.

A part of the proposal's schema (`flows.proposal.document`). Reasons are ids with facts, so that they can be said in any
language; `flows.report.text.step` has the sentences. Knows nothing of how a step comes about.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from flows.proposal.evidence_document import Hourly, StrictModel
from flows.values.parts import Part

Clock = Annotated[str, Field(pattern=r"^\d\d:\d\d$")]


class StepKind(StrEnum):
    """What to do now: change some settings a little, keep them all, wait, or take the last step back."""

    CHANGE, KEEP, WAIT, TAKE_BACK = "change", "keep", "wait", "take-back"


class Because(StrEnum):
    """Why a setting stays, or why there is nothing to do now; the sentences are in `flows.report.text.step`."""

    ISF_NEVER = "isf_never"
    SMALL = "small"
    NO_NEED_OF_MORE = "no_need_of_more"
    NO_NEED_OF_LESS = "no_need_of_less"
    LOWS = "lows"
    HIGHS = "highs"
    UNTOLD_CARBS = "untold_carbs"
    LOWS_AFTER = "lows_after"
    HIGHS_AFTER = "highs_after"
    BASELINE = "baseline"
    PUMP_STEP = "pump_step"
    NOT_COMPARABLE = "not_comparable"
    OTHER_CURVE = "other_curve"
    DATA = "data"
    NO_GLUCOSE = "no_glucose"
    COOL_DOWN = "cool_down"
    PAUSE = "pause"
    LAST_STEP_HARMED = "last_step_harmed"
    NOTHING_WANTED = "nothing_wanted"
    REDUCTIONS_NOT_ENOUGH = "reductions_not_enough"


class Watch(StrEnum):
    """What to look at after the step."""

    LOWS, HIGHS, NIGHTS, AFTER_MEALS = "lows", "highs", "nights", "after_meals"


class Said(StrictModel):
    """A sentence as its id and the facts in it; facts hold numbers in the units their names say, or clock times."""

    because: Because
    facts: dict[str, float | str] = Field(default_factory=dict)


class StepChange(StrictModel):
    """A number that the step changes: from when on, what it is, what it becomes, and what upstream said."""

    part: Part
    start: Clock
    current: float = Field(description="U/h for basal, g/U for the carb ratio.")
    new: float
    upstream: float


class Kept(StrictModel):
    """Settings of a part that stay as they are, from when on each, and why."""

    part: Part
    starts: tuple[Clock, ...]
    said: Said


class BlockValue(StrictModel):
    """One block of a schedule."""

    start: Clock
    value: float


class Baseline(StrictModel):
    """The settings that the limits of all steps count from, until a person sets others.

    Of the first change that was applied, or set by hand. It stands in the journal and in the marker of the profile
    document on the site; where neither has one the settings in use are it.
    """

    set_at: str = Field(description="ISO 8601, UTC.")
    by_hand: bool = False
    basal_u_per_h: Hourly
    isf_mgdl_per_u: tuple[BlockValue, ...]
    carb_ratio_g_per_u: tuple[BlockValue, ...]


class FollowUpVerdict(StrEnum):
    """Whether the last step helped, by what glucose says."""

    BETTER, UNCLEAR, TAKE_BACK, NOT_KNOWN = "better", "unclear", "take-back", "not-known"


class GlucoseShares(StrictModel):
    """Shares of the readings of some days, in percent."""

    days: int
    below_54_percent: float
    below_70_percent: float
    in_range_70_180_percent: float
    above_180_percent: float


class FollowUp(StrictModel):
    """The days since the last step against the fourteen before it."""

    change: str = Field(description="Its name in the journal it was made with; empty where somebody else changed it.")
    proposal_sha256: str = Field(description="Of the proposal that was applied; empty where somebody else changed it.")
    run: str = Field(default="", description="The run of that proposal, for `autotune rollback`, where it is known.")
    taken_on: str = Field(description="The local day on which the step came into force.")
    days_since: int
    before: GlucoseShares | None
    after: GlucoseShares | None
    weekdays_paired: int = Field(description="Weekdays that both sides have; only they are compared, from four on.")
    verdict: FollowUpVerdict
    reasons: tuple[str, ...] = Field(description="below_70, below_54, in_range: what got worse beyond its limit.")


class NextStep(StrictModel):
    """What to do now. `settings_*` are all numbers after it, also of what stays."""

    kind: StepKind
    said: Said | None = Field(default=None, description="Why there is nothing to change now; absent for a change.")
    changes: tuple[StepChange, ...] = ()
    kept: tuple[Kept, ...] = ()
    only_reductions: bool = Field(default=False, description="Whatever would give more insulin was held back.")
    daily_basal_current_u: float
    daily_basal_new_u: float
    watch: tuple[Watch, ...] = ()
    look_again_after_days: int
    baseline: Baseline | None = None
    baseline_is_in_use: bool = Field(default=False, description="No baseline is known: the settings in use are it.")
    follow_up: FollowUp | None = None
