"""How several ISF or carb ratios become the one of each that upstream is given, and when a profile has several.

Upstream weighs days by 0.8 and 0.2 (oref0@0.7.1 lib/autotune/index.js): a day before k others that moved a setting
weighs 0.8^k. Each day it compares all carbs with all insulin, and takes the median of its ISF points. So the one carb
ratio is that which gives the insulin of the person's own meals, and the one ISF the mean over upstream's own points. A
mean over the hours of the day counts the night, in which nobody eats: right settings looked wrong by it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from flows.language.catalogue import to_translate
from flows.values.parts import Part
from flows.values.schedule import Block, Schedule

NAMES = {Part.ISF: to_translate("insulin sensitivities"), Part.CARB_RATIO: to_translate("carb ratios")}
UNMOVED_SHARE = 0.0005  # upstream's three decimals, of a ratio: what differs by less is the same
KEPT_A_DAY = 0.8  # lib/autotune/index.js: newCR = 0.8 * carbRatio + 0.2 * fullNewCR, and so newISF
LEAST_MEALS = 7  # a carb ratio from fewer is not relied on
LEAST_CARBS_G = 1.0  # lib/autotune-prep/categorize.js: smaller entries are no meal
LEAST_ISF_POINTS = 10  # lib/autotune/index.js: on a day with fewer the ISF stays


class OneValueFrom(StrEnum):
    """What the one value for upstream is made from; from the hours of the day (`TIME`) means: it is not tuned."""

    MEALS, ISF_POINTS, TIME = "meals", "isf_points", "time"


@dataclass(frozen=True)
class DayInBlocks:
    """What a day has in each block of a schedule: `amounts` are g of carbs or ISF points, `meals` how often was eaten.

    A meal that reaches from one block into the next is one of both; `all_meals` counts it once.
    """

    date: str
    amounts: tuple[float, ...]
    meals: tuple[int, ...] = ()
    all_meals: int = 0


@dataclass(frozen=True)
class OneOfSeveral:
    """One setting that a profile has several of: its schedule (mg/dL per U, or g/U), and what the days have in it.

    Attributes:
        start_ratio: of the value to start from over that of the pump's profile; 1 unless an earlier run is continued.
    """

    part: Part
    schedule: Schedule
    days: tuple[DayInBlocks, ...] = ()
    start_ratio: float = 1.0

    def on(self, dates: Sequence[str]) -> OneOfSeveral:
        """The same over these days, in this order, each as often as it is named."""
        by_date = {day.date: day for day in self.days}
        return replace(self, days=tuple(by_date[d] for d in dates if d in by_date))

    @property
    def made_from(self) -> OneValueFrom:
        """What the one value is made from."""
        if not self._days_that_count:
            return OneValueFrom.TIME
        return OneValueFrom.MEALS if self.part is Part.CARB_RATIO else OneValueFrom.ISF_POINTS

    @property
    def value(self) -> float:
        """The one value for upstream, to its three decimals."""
        days = self._days_that_count
        if not days:
            return round(self.schedule.mean(), 3)
        weights = [KEPT_A_DAY**k for k in range(len(days))][::-1]
        weighed = (w * self._of(day) for w, day in zip(weights, days, strict=True))
        return round(math.fsum(weighed) / math.fsum(weights), 3)

    @property
    def in_use(self) -> tuple[bool, ...]:
        """For each block whether anything was in it on the days that count: else nothing is known of it."""
        columns = zip(*(day.amounts for day in self._days_that_count), strict=True)
        return tuple(any(column) for column in columns) or (False,) * len(self.schedule.blocks)

    @property
    def meals(self) -> int:
        """How often was eaten, on all days."""
        return sum(day.all_meals for day in self.days)

    def total(self, block: int) -> float:
        """The amount in a block on all days that count."""
        return math.fsum(day.amounts[block] for day in self._days_that_count)

    def meals_in(self, block: int) -> int:
        """How often was eaten in a block, on all days."""
        return sum(day.meals[block] for day in self.days)

    @property
    def _days_that_count(self) -> list[DayInBlocks]:
        least = LEAST_CARBS_G if self.part is Part.CARB_RATIO else LEAST_ISF_POINTS
        return [day for day in self.days if sum(day.amounts) >= least]

    def _of(self, day: DayInBlocks) -> float:
        pairs = list(zip(day.amounts, (b.value for b in self.schedule.blocks), strict=True))
        if self.part is Part.CARB_RATIO:  # all carbs over the insulin that the schedule gives for them
            return math.fsum(g for g, _ in pairs) / math.fsum(g / ratio for g, ratio in pairs)
        return math.fsum(n * isf for n, isf in pairs) / math.fsum(n for n, _ in pairs)

    def document(self) -> dict[str, Any]:
        """For JSON documents."""
        return {
            "part": self.part.value,
            "schedule": [asdict(b) for b in self.schedule.blocks],
            "days": [asdict(day) for day in self.days],
            "start_ratio": self.start_ratio,
            "made_from": self.made_from.value,
            "value": self.value,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> OneOfSeveral:
        """From what `document` made."""
        return cls(
            part=Part(document["part"]),
            schedule=Schedule(tuple(Block(**b) for b in document["schedule"])),
            days=tuple(
                DayInBlocks(d["date"], tuple(d["amounts"]), tuple(d["meals"]), d["all_meals"]) for d in document["days"]
            ),
            start_ratio=document["start_ratio"],
        )


def is_several(schedule: Schedule) -> bool:
    """Whether a schedule has values that differ, as a proposal holds them."""
    return different([round(b.value, 3) for b in schedule.blocks]) > 1


def without_repeats(schedule: Schedule) -> Schedule:
    """The same schedule with one block for neighbours of one value: how it is cut changes nothing."""
    kept: list[Block] = []
    for block in schedule.blocks:
        if not kept or block.value != kept[-1].value:
            kept.append(block)
    return Schedule(tuple(kept))


def block_at(schedule: Schedule, minutes: float) -> int:
    """Which block of a schedule is in force so many minutes after midnight."""
    return max(n for n, block in enumerate(schedule.blocks) if block.minutes <= minutes)


def one_value(several: Iterable[OneOfSeveral], part: Part) -> OneOfSeveral | None:
    """The one of a part; `None` where the profile has one value of it."""
    return next((one for one in several if one.part is part), None)


def different(values: Sequence[float]) -> int:
    """How many of the values differ by more than upstream's three decimals can say: a share of `UNMOVED_SHARE`."""
    count, least = 0, 0.0
    for value in sorted(values):
        if not count or value > least * (1 + UNMOVED_SHARE):
            count, least = count + 1, value
    return count
