"""Which day of a run untouched upstream computes a second time: from the inputs alone, so the same run checks the same.

A whole dense day takes untouched upstream as long as twenty take the other way. So that the check ends with the run it
checks, and nobody has a reason to leave it out, a run of less than `WHOLE_DAY_FROM_DAYS` days checks a part of a day.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

READINGS_A_DAY = 288
LEAST_READINGS = 24  # two hours
WHOLE_DAY_FROM_DAYS = 120
CURVE_PASSES = 11  # lib/autotune-prep/index.js, where the curve is tuned


def day_to_check(work: Path, dates: list[str], *, tune_insulin_curve: bool) -> dict[str, Any] | None:
    """The job's `check` as `images/oref0/runner/self-check.js` reads it.

    A day is the likelier the larger its treatments file: where most insulin is, most is reused.

    Args:
        work: the work directory; reads autotune/profile*.json and autotune/ns-*.DATE.json.
        dates: the days of the run.
        tune_insulin_curve: whether upstream takes eleven passes over each day.

    Returns:
        `date`, and `readings` as a slice of the day's entries or `None` for all; `None` where there is no day.
    """
    if not dates:
        return None
    weights = [1 + _size(work / "autotune" / f"ns-treatments.{date}.json") for date in dates]
    number = inputs_number(work, dates)
    at, date = number % sum(weights), dates[-1]
    for date, weight in zip(dates, weights, strict=True):  # noqa: B007 - the day it stops at
        if at < weight:
            break
        at -= weight
    passes = CURVE_PASSES if tune_insulin_curve else 1
    count = max(LEAST_READINGS, READINGS_A_DAY * len(dates) // (WHOLE_DAY_FROM_DAYS * passes))
    if count >= READINGS_A_DAY:
        return {"date": date, "readings": None}
    first = (number >> 64) % (READINGS_A_DAY - count)
    return {"date": date, "readings": [first, first + count]}


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
