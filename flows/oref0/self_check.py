"""Which day of a run untouched upstream computes a second time: from the inputs alone, so the same run checks the same.

A whole dense day takes untouched upstream as long as twenty take the other way. So that the check ends with the run it
checks, and nobody has a reason to leave it out, a run of less than `WHOLE_DAY_FROM_DAYS` days checks a part of a day:
so many of the readings that day has.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any

from flows.oref0.inputs import has_usable_glucose
from flows.values.run_directory import json_or_none

READINGS_A_DAY = 288
LEAST_READINGS = 24  # two hours
WHOLE_DAY_FROM_DAYS = 120
CURVE_PASSES = 11  # lib/autotune-prep/index.js, where the curve is tuned


def day_to_check(work: Path, dates: list[str], *, tune_insulin_curve: bool) -> dict[str, Any] | None:
    """The job's `check` as `images/oref0/runner/self-check.js` reads it.

    A day is the likelier the larger its treatments file: where most insulin is, most is reused. A day without a usable
    reading is not taken: there is nothing to compute twice.

    Args:
        work: the work directory; reads autotune/profile*.json and autotune/ns-*.DATE.json.
        dates: the days of the run.
        tune_insulin_curve: whether upstream takes eleven passes over each day.

    Returns:
        `date`, and `readings` as a slice of the day's entries or `None` for all; `None` where no day can be checked.
    """
    number = inputs_number(work, dates)
    passes = CURVE_PASSES if tune_insulin_curve else 1
    count = max(LEAST_READINGS, READINGS_A_DAY * len(dates) // (WHOLE_DAY_FROM_DAYS * passes))
    left = [(date, 1 + _size(work / "autotune" / f"ns-treatments.{date}.json")) for date in dates]
    while left:
        ends = list(accumulate(weight for _, weight in left))
        date, _ = left.pop(bisect_right(ends, number % ends[-1]))
        if usable := _usable_readings(work / "autotune" / f"ns-entries.{date}.json"):
            whole = count >= READINGS_A_DAY
            return {"date": date, "readings": None if whole else part_of_day(usable, count, number >> 64)}
    return None


def part_of_day(usable: list[int], count: int, chance: int) -> list[int] | None:
    """`count` usable readings in a row, as a slice of all the day's entries; `None`, for all, where there are no more.

    Args:
        usable: where in the day's entries the usable ones are, ascending; at least one.
        count: how many are wanted.
        chance: a number that decides which.
    """
    if len(usable) <= count:
        return None
    first = chance % (len(usable) - count + 1)
    return [usable[first], usable[first + count - 1] + 1]


def _usable_readings(file: Path) -> list[int]:
    entries = json_or_none(file)
    return [n for n, entry in enumerate(entries) if has_usable_glucose(entry)] if isinstance(entries, list) else []


def inputs_number(work: Path, dates: list[str]) -> int:
    """A number of 128 bits made from what upstream is given: chance that is the same for the same run."""
    digest = hashlib.sha256()
    names = [f"ns-{kind}.{date}.json" for date in dates for kind in ("treatments", "entries")]
    for name in [*names, "profile.pump.json", "profile.json"]:
        file = work / "autotune" / name
        digest.update(hashlib.sha256(file.read_bytes() if file.is_file() else b"").digest())
    return int.from_bytes(digest.digest()[:16], "big")


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0
