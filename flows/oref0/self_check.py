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
WHOLE_DAY_FROM_DAYS = 90
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
    digest = hashlib.sha256()
    weights = []
    for date in dates:
        treatments = _content(work / "autotune" / f"ns-treatments.{date}.json")
        weights.append(1 + len(treatments))
        for content in (treatments, _content(work / "autotune" / f"ns-entries.{date}.json")):
            digest.update(hashlib.sha256(content).digest())
    for name in ("profile.pump.json", "profile.json"):
        digest.update(_content(work / "autotune" / name))
    number = int.from_bytes(digest.digest()[:16], "big")
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


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""
