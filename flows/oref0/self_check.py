"""Which parts of days untouched upstream computes a second time: chosen by the inputs, so the same for the same run.

Untouched upstream needs as long for one dense day as the other way needs for twenty, so a run checks moments, not
days: each part is a few readings in a row, as many parts as there can be for what they cost. They are spread over the
days and over the hours of the day, so that what is wrong at one time or on one date is met, and what follows the
largest bolus, the longest temp basal and a stop of the basal is among them: where most insulin is reused, most can go
wrong.
docs/performance.md says how many planted faults that finds (`python -m tests.parity.planted`).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.oref0.inputs import has_usable_glucose
from flows.values.numbers import number_or_none, number_or_zero
from flows.values.run_directory import json_or_none
from flows.values.timestamps import instant_ms

PART_READINGS = 7  # of which upstream books all but the first five: so much of a part shows, and costs, anything
PARTS_A_DAY, LEAST_PARTS, MOST_PARTS = 4, 12, 48  # of those that chance chooses
# Where the curve is tuned upstream takes eleven passes over each day (lib/autotune-prep/index.js).
MOST_PARTS_OF_CURVE = 12


@dataclass(frozen=True)
class CheckedPart:
    """Some readings of a day, as a slice of its entries file; `None` for all of them."""

    date: str
    readings: tuple[int, int] | None

    def document(self) -> dict[str, Any]:
        """As `images/oref0/runner/self-check.js` reads it."""
        return {"date": self.date, "readings": list(self.readings) if self.readings else None}


def parts_to_check(work: Path, dates: Sequence[str], *, tune_insulin_curve: bool) -> list[CheckedPart]:
    """The parts of the days of a run, in the order of the days.

    Args:
        work: the work directory; reads autotune/profile*.json and autotune/ns-*.DATE.json.
        dates: the days of the run, each once.
        tune_insulin_curve: whether upstream takes eleven passes over each day.

    Returns:
        None for days without a usable reading: there is nothing to compute twice.
    """
    days = [_Day(work / "autotune", date) for date in dict.fromkeys(dates)]
    days = [day for day in days if day.usable]
    if not days:
        return []
    chance = random.Random(inputs_number(work, dates))
    most = MOST_PARTS_OF_CURVE if tune_insulin_curve else MOST_PARTS
    count = min(most, max(LEAST_PARTS, PARTS_A_DAY * len(days)))
    # Each day once before any comes again, and the places of the parts within their days spread evenly.
    order = [day for _ in range(-(-count // len(days))) for day in chance.sample(days, len(days))][:count]
    places = chance.sample(range(count), count)
    parts = {
        day.part(int((place + chance.random()) / count * day.choices)) for day, place in zip(order, places, strict=True)
    }
    if not tune_insulin_curve:
        parts |= {part for worth in (_bolus_u, _temp_min, _stop_min) if (part := _part_after_most(days, worth))}
    of_date = {date: n for n, date in enumerate(dates)}
    return sorted(parts, key=lambda part: (of_date[part.date], part.readings or (0, 0)))


def part_by_chance(work: Path, date: str, chance: random.Random) -> CheckedPart | None:
    """Any part of a day; `None` for a day without a usable reading."""
    day = _Day(work / "autotune", date)
    return day.part(chance.randrange(day.choices)) if day.usable else None


def inputs_number(work: Path, dates: Sequence[str]) -> int:
    """A number of 128 bits made from what upstream is given: chance that is the same for the same run."""
    digest = hashlib.sha256()
    names = [f"ns-{kind}.{date}.json" for date in dates for kind in ("treatments", "entries")]
    for name in [*names, "profile.pump.json", "profile.json"]:
        file = work / "autotune" / name
        digest.update(hashlib.sha256(file.read_bytes() if file.is_file() else b"").digest())
    return int.from_bytes(digest.digest()[:16], "big")


def part_of_day(usable: Sequence[int], choice: int) -> tuple[int, int] | None:
    """`PART_READINGS` usable readings in a row: a slice of the day's entries; `None`, for all, where there are no more.

    Args:
        usable: where in the day's entries the usable ones are, ascending; at least one.
        choice: which usable one is the first; beyond the last place that leaves enough, that place.
    """
    if len(usable) <= PART_READINGS:
        return None
    first = min(choice, len(usable) - PART_READINGS)
    return usable[first], usable[first + PART_READINGS - 1] + 1


class _Day:
    """The readings and treatments of one day; one that cannot be read has none."""

    def __init__(self, autotune: Path, date: str) -> None:
        self.date = date
        self._treatments = autotune / f"ns-treatments.{date}.json"
        entries = json_or_none(autotune / f"ns-entries.{date}.json")
        self.entries = entries if isinstance(entries, list) else []
        self.usable = [n for n, entry in enumerate(self.entries) if has_usable_glucose(entry)]

    @property
    def choices(self) -> int:
        """How many different parts the day has."""
        return max(1, len(self.usable) - PART_READINGS + 1)

    def part(self, choice: int) -> CheckedPart:
        return CheckedPart(self.date, part_of_day(self.usable, choice))

    def treatments(self) -> list[Any]:
        found = json_or_none(self._treatments)
        return [r for r in found if isinstance(r, dict)] if isinstance(found, list) else []

    def part_after(self, at_ms: float) -> CheckedPart | None:
        """The first readings after an instant, in whichever order they are; `None` where there are none."""
        dates = [(number_or_zero(self.entries[place].get("date")), n) for n, place in enumerate(self.usable)]
        first = sorted((at, n) for at, n in dates if at >= at_ms)[:PART_READINGS]
        return self.part(min(n for _, n in first)) if first else None


def _bolus_u(record: dict[str, Any]) -> float:
    return number_or_zero(record.get("insulin"))


def _temp_min(record: dict[str, Any]) -> float:
    return number_or_zero(record.get("duration")) if record.get("eventType") == "Temp Basal" else 0.0


def _stop_min(record: dict[str, Any]) -> float:
    return _temp_min(record) if number_or_none(record.get("absolute", record.get("rate"))) == 0 else 0.0


def _part_after_most(days: Sequence[_Day], worth: Callable[[dict[str, Any]], float]) -> CheckedPart | None:
    """The readings after the record that is worth most and has some after it; `None` where none is worth anything."""
    found = [
        (amount, day, at[0])
        for day in days
        for record in day.treatments()
        if (amount := worth(record)) > 0 and (at := instant_ms(record.get("created_at"), "UTC"))
    ]
    for _, day, at_ms in sorted(found, key=lambda one: -one[0]):
        if part := day.part_after(at_ms):
            return part
    return None
