"""The thresholds of a step, in one table: how far it goes, what has to be the case for it, when it is taken back.

The policy around upstream's numbers that was tried on simulated people followed for ten weeks (docs/following.md):
upstream's answer applied whole harms, half of it within limits, by need and by hour, does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from flows.proposal.consensus_limits import BELOW_54_PERCENT, BELOW_70_PERCENT

STUDY = "docs/following.md"
CONSENSUS = "International Consensus on Time in Range, Diabetes Care 2019;42:1593"
WATCHED = "AAPS and OpenAPS documentation: one change at a time, watched"


@dataclass(frozen=True)
class StepLimit:
    """A number that decides about a step, its unit, what it does, and where it comes from."""

    name: str
    value: float
    unit: str
    what: str
    source: str


LIMITS: tuple[StepLimit, ...] = (
    StepLimit("way", 0.5, "of upstream's change", "a step goes half of the way", STUDY),
    StepLimit("lower_ratio_change", 10.0, "%", "a carb ratio falls from this change of upstream's on", STUDY),
    StepLimit("higher_ratio_change", 6.0, "%", "and rises from this one on", STUDY),
    StepLimit("carb_ratio_step", 7.0, "%", "and by no more than this", STUDY),
    StepLimit("higher_ratio_step", 5.0, "%", "a higher one by no more than this: fewer lows, and less in range", STUDY),
    StepLimit("lower_ratio_from", 10.0, "% of the time", "a lower carb ratio only with so much above 180 mg/dL", STUDY),
    StepLimit("basal_from", 5.0, "%", "basal is stepped from this change of the day's total on", STUDY),
    StepLimit("basal_step", 5.0, "%", "the day's basal changes by no more than this", STUDY),
    StepLimit("hour_step", 14.0, "%", "an hour's basal changes by no more than this", STUDY),
    StepLimit("more_from_above_180", 20.0, "% of the time", "more basal only with so much above 180 mg/dL", STUDY),
    StepLimit("more_below_70", 2.5, "% of the time", "and less than this below 70 mg/dL", STUDY),
    StepLimit("few_lows", 0.3, "% of the time", "with less than this below 70 mg/dL, where there is room,", STUDY),
    StepLimit("more_with_few_lows", 10.0, "% of the time", "more basal already with so much above 180 mg/dL", STUDY),
    StepLimit(
        "less_from_below_70", 2.0, "% of the time", "less basal, a higher ratio only with so much below 70", STUDY
    ),
    StepLimit(
        "few_highs",
        5.0,
        "% of the time",
        "with less than this above 180 mg/dL, where less insulin costs little,",
        STUDY,
    ),
    StepLimit("less_with_few_highs", 1.0, "% of the time", "already with so much below 70", STUDY),
    StepLimit("low_ratio_from", 3.0, "%", "in lows a carb ratio rises from this change of upstream's on", STUDY),
    StepLimit("low_ratio_way", 1.0, "of upstream's change", "and goes the whole way, by no more than a step", STUDY),
    StepLimit("low_reduction_from", 2.0, "%", "in lows what falls is stepped from this share of the day on", STUDY),
    StepLimit("low", BELOW_70_PERCENT, "% of the time", "from this below 70 mg/dL on nothing adds insulin", CONSENSUS),
    StepLimit("very_low", BELOW_54_PERCENT, "% of the time", "or this below 54 mg/dL", CONSENSUS),
    StepLimit(
        "high", 25.0, "% of the time", "beyond this above 180 mg/dL nothing takes insulin away, but in lows", CONSENSUS
    ),
    StepLimit(
        "lows_after", 4.0, "% of the time", "an hour may not rise with more below 70 in the 4 h after it", CONSENSUS
    ),
    StepLimit("highs_after", 33.0, "% of the time", "nor fall with more above 180 mg/dL there", STUDY),
    StepLimit("acts_for", 4, "h", "for how long an hour's basal is looked at", "the action of rapid insulin"),
    StepLimit("untold_carbs", 3, "rises after lows", "from so many without carbs entered on only reductions", STUDY),
    StepLimit("least_of_baseline", 0.80, "of the baseline", "no value goes below", STUDY),
    StepLimit("most_of_baseline", 1.25, "of the baseline", "nor above", STUDY),
    StepLimit("least_daily_of_baseline", 0.85, "of the baseline", "nor the day's basal below", STUDY),
    StepLimit("most_daily_of_baseline", 1.18, "of the baseline", "nor above", STUDY),
    StepLimit("cool_down", 7, "days", "after a step the next one waits", WATCHED),
    StepLimit("pause", 14, "days", "after one that was taken back", STUDY),
    StepLimit("before", 14, "days", "before a step that the days after it are held against", STUDY),
    StepLimit("low_up", 1.0, "points", "below 70 mg/dL up by more than this,", STUDY),
    StepLimit("low_now", 2.0, "% of the time", "to more than this, takes a step back", STUDY),
    StepLimit("very_low_up", 0.5, "points", "below 54 mg/dL up by more than this,", STUDY),
    StepLimit("very_low_now", 1.0, "% of the time", "to more than this, takes it back", STUDY),
    StepLimit("in_range_down", 4.0, "points", "time in range down by so much takes it back", STUDY),
    StepLimit("noise", 5.7, "points", "a week's time in range differs by so much (sd) with nothing changed", STUDY),
)
OF = {limit.name: limit.value for limit in LIMITS}
