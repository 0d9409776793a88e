"""How several ISF or carb ratios become the one of each that upstream is given, and when a profile has several.

The one is the mean over the day. It makes a right schedule look wrong, since the hours in which nobody eats count as
much as those of the meals. Until upstream is given a number that stands for the schedule, such settings are red and are
not written.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.values.parts import Part
from flows.values.schedule import Schedule
from flows.values.units import MGDL_PER_MMOLL

NAMES = {Part.ISF: "insulin sensitivities", Part.CARB_RATIO: "carb ratios"}
UNMOVED_SHARE = 0.0005  # upstream's three decimals, of a ratio: what differs by less is the same


def one_value(part: Part, schedule: Schedule, notes: list[str]) -> float:
    """What upstream is given for a schedule of ISF (mg/dL per U) or carb ratio (g/U); a note says so of several."""
    one = round(schedule.mean(), 3)
    if len(schedule.distinct) > 1:
        also = {Part.ISF: f"mg/dL per U ({one / MGDL_PER_MMOLL:.3g} mmol/L per U)", Part.CARB_RATIO: "g per U"}
        notes.append(
            f"The profile has several {NAMES[part]}; autotune tunes one: their mean over the day, {one:g} {also[part]}."
        )
    return one


def different(values: Sequence[float]) -> int:
    """How many of the values differ by more than upstream's three decimals can say: a share of `UNMOVED_SHARE`."""
    count, least = 0, 0.0
    for value in sorted(values):
        if not count or value > least * (1 + UNMOVED_SHARE):
            count, least = count + 1, value
    return count
