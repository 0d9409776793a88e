"""The units that records name themselves, and when they are not believed.

Uploaders write `units` from a setting that need not be that of the numbers. One wrong record says little about the
others; most of them, or most around a reading, do.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from flows.history.glucose_values import HIGHEST_CODE_MMOLL, HIGHEST_ERROR_CODE, LOWEST_MGDL
from flows.profiles.parse import MG_PER_DL, MMOL_PER_L

HIGHEST_MMOLL = 27.8  # no sensor shows more than 500 mg/dL
LONG = 12  # readings: an hour of them; nobody is below 28 mg/dL for so long
MMOL_MEDIAN_BELOW = 25.0  # no person's readings have a median of 25 mg/dL


class Reading(NamedTuple):
    """A reading as written: when, the number, and the unit the record itself names."""

    ms: float
    value: float
    declared: str | None = None


def is_mmol_only(value: float) -> bool:
    """Whether a number can be nothing but mmol/L: no code, which is whole, and no mg/dL that anybody lives with."""
    return HIGHEST_CODE_MMOLL < value < HIGHEST_ERROR_CODE and value != int(value)


def trusted(readings: Sequence[Reading]) -> list[Reading]:
    """The readings of one sensor, oldest first, without the units that are not to be believed.

    A record's unit is not believed where its own number contradicts it, where most of the sensor's numbers of that
    unit do, or where most do among the `LONG` before and after it. From 39 on a number needs no unit to be believed.
    """
    doubtful: set[int] = set()
    for unit in (MG_PER_DL, MMOL_PER_L):
        named = [n for n, r in enumerate(readings) if r.declared == unit]
        values = [readings[n].value for n in named]
        if _is_wrong(values, unit):
            doubtful.update(named)
            continue
        for at, n in enumerate(named):
            around = values[max(0, at - LONG) : at + LONG + 1]
            if _contradicts(values[at], unit) or (values[at] < LOWEST_MGDL and _is_wrong(around, unit)):
                doubtful.add(n)
    return [r._replace(declared=None) if n in doubtful else r for n, r in enumerate(readings)]


def _is_wrong(values: Sequence[float], unit: str) -> bool:
    if not values:
        return False
    if 2 * sum(_contradicts(value, unit) for value in values) > len(values):
        return True
    return unit == MG_PER_DL and statistics.median(values) < MMOL_MEDIAN_BELOW


def _contradicts(value: float, unit: str) -> bool:
    return value > HIGHEST_MMOLL if unit == MMOL_PER_L else is_mmol_only(value)
