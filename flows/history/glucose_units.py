"""Which readings are in mmol/L and which in mg/dL, where one sensor's may be in both.

From 39 on a number is mg/dL. Below, it is mmol/L or a low in mg/dL (38.6), and the readings around it decide: glucose
moves by a few mg/dL a minute, and the two meanings are 17 times the number apart. Of all ways to give each reading of a
sensor a unit, the one is taken with the least movement that glucose cannot make and the fewest changes of unit. Then
each stretch in another unit has to fit a reading next to it, or to be long; otherwise nobody knows its unit.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from flows.history.glucose_values import HIGHEST_ERROR_CODE, LOWEST_MGDL, is_error_code
from flows.profiles.parse import MG_PER_DL, MGDL_PER_MMOLL, MMOL_PER_L

MINUTE_MS = 60_000
# Glucose moves by 4 mg/dL a minute at the most (sensors' steepest arrow is "more than 3"); the rest is noise.
RATE_MGDL_PER_MIN, NOISE_MGDL = 4.0, 20.0
# The two meanings of a number above 12 are 204 mg/dL apart or more: up to 20 minutes never both fit a reading.
NEAR_MIN = 20
HIGHEST_MMOLL = 27.8  # no sensor shows more than 500 mg/dL
LONG = 12  # readings: an hour of them; nobody is below 28 mg/dL for so long
DISTINCT_MMOL = 8  # whole numbers only: a sensor has fewer error codes
MMOL_MEDIAN_BELOW = 25.0  # no person's readings have a median of 25 mg/dL

# What is weighed, in mg/dL of movement that glucose cannot make. A reading in the other unit costs two changes; it is
# 170 out of reach on either side if it is not in that unit, so the exact amounts decide nothing between near readings.
CHANGE_OF_UNIT = 30.0
NO_GLUCOSE = 100.0  # a fraction of 12 or less as mg/dL: more than two changes
A_LOW = 2.0  # each reading below 39 mg/dL: alone between gaps, an hour or two of them are mmol/L
BEYOND_SENSORS = 20.0
A_CODE = 40.0  # among mmol/L, where it does not fit as a reading
A_CODE_IN_MGDL = 0.01  # next to nothing: it only decides that a number which fits in mmol/L is no code


class Reading(NamedTuple):
    """A reading as written: when, the number, and the unit the record itself names."""

    ms: float
    value: float
    declared: str | None = None


class _Meant(NamedTuple):
    """A reading with the meaning it was given."""

    place: int
    ms: float
    value: float
    unit: str
    mgdl: float


def units_of(sensors: Sequence[Sequence[Reading]]) -> list[list[str | None]]:
    """The unit of each reading: `mg/dL`, `mmol/L`, or `None` where it cannot be known.

    Error codes are given as `mg/dL`: they are no glucose in any unit.

    Args:
        sensors: the readings of each sensor, oldest first.
    """
    units = [_units_of_one(readings) for readings in sensors]
    known = [_known(readings, found) for readings, found in zip(sensors, units, strict=True)]
    for n, (readings, found) in enumerate(zip(sensors, units, strict=True)):
        if None in found:
            others = sorted(pair for m, pairs in enumerate(known) if m != n for pair in pairs)
            units[n] = [u or _as_other_sensors(r, others) for r, u in zip(readings, found, strict=True)]
    return units


def _units_of_one(readings: Sequence[Reading]) -> list[str | None]:
    readings = _trusted(readings)
    if all(r.value == int(r.value) and r.declared is None for r in readings):
        unit = MMOL_PER_L if _are_whole_mmol([r.value for r in readings if r.value > 0]) else MG_PER_DL
        return [unit] * len(readings)
    units: list[str | None] = [MG_PER_DL] * len(readings)
    meant = _cheapest(readings)
    declared = {n for n, r in enumerate(readings) if r.declared}
    blocks = [list(block) for _, block in groupby(meant, key=lambda m: m.unit)]
    writes_mmol = any(b[0].unit == MMOL_PER_L and any(m.value != int(m.value) for m in b) for b in blocks)
    for n, block in enumerate(blocks):
        edges = [(block[0], blocks[n - 1][-1])] if n else []
        edges += [(block[-1], blocks[n + 1][0])] if n + 1 < len(blocks) else []
        is_declared = any(m.place in declared for m in block)
        is_known, unit = is_declared or _is_known(block, edges), block[0].unit
        if unit == MMOL_PER_L and not writes_mmol and not is_declared:
            is_known, unit = True, MG_PER_DL  # mmol/L has decimals; these are codes and lows
        for m in block:
            units[m.place] = unit if is_known else None
    for before, m, after in zip([None, *meant], meant, [*meant[1:], None], strict=False):
        if m.unit == MG_PER_DL and m.value < HIGHEST_ERROR_CODE and not any(_fit(m, o) for o in (before, after) if o):
            units[m.place] = None
    return units


def _trusted(readings: Sequence[Reading]) -> list[Reading]:
    """Readings without the units they name where a reading of the sensor contradicts what it names itself."""
    wrong = {r.declared for r in readings if r.declared == MMOL_PER_L and r.value >= LOWEST_MGDL}
    wrong |= {r.declared for r in readings if r.declared == MG_PER_DL and _is_mmol_only(r.value)}
    return [
        r._replace(declared=None)
        if r.declared in wrong or (r.declared == MMOL_PER_L and r.value > HIGHEST_MMOLL)
        else r
        for r in readings
    ]


def _are_whole_mmol(values: Sequence[float]) -> bool:
    return (
        bool(values)
        and max(values) < LOWEST_MGDL
        and statistics.median(values) < MMOL_MEDIAN_BELOW
        and len(set(values)) >= DISTINCT_MMOL
    )


def _is_mmol_only(value: float) -> bool:
    # Neither a code, which is whole, nor glucose in mg/dL, which nobody lives with.
    return 0 < value < HIGHEST_ERROR_CODE and value != int(value)


def _cheapest(readings: Sequence[Reading]) -> list[_Meant]:
    """The cheapest way to give each reading a unit (Viterbi's algorithm); error codes are left out of it."""
    costs: dict[str, tuple[float, _Meant | None]] = {MG_PER_DL: (0.0, None), MMOL_PER_L: (0.0, None)}
    ways: list[dict[str, tuple[str, _Meant | None]]] = []
    # Without a number from 39 on a sensor writes one unit: two would need all its mg/dL to be lows.
    change = CHANGE_OF_UNIT if any(r.value >= LOWEST_MGDL for r in readings) else math.inf
    for index, reading in enumerate(readings):
        reached: dict[str, tuple[float, _Meant | None]] = {}
        way: dict[str, tuple[str, _Meant | None]] = {}
        for unit in (MG_PER_DL, MMOL_PER_L):
            if not _is_possible(reading, unit):
                continue
            for before, (cost, last) in costs.items():
                more, meant = _cost(index, reading, unit, last)
                total = cost + more + (change if before != unit and index else 0.0)
                if unit not in reached or (total, before != unit) < (reached[unit][0], way[unit][0] != unit):
                    reached[unit] = (total, meant or last)
                    way[unit] = (before, meant)
        costs = reached
        ways.append(way)
    unit = min(costs, key=lambda u: costs[u][0]) if ways else MG_PER_DL
    found: list[_Meant] = []
    for way in reversed(ways):
        unit, meant = way[unit]
        if meant is not None:
            found.append(meant)
    return found[::-1]


def _is_possible(reading: Reading, unit: str) -> bool:
    if reading.value >= LOWEST_MGDL:
        return unit == MG_PER_DL
    return reading.declared in (None, unit)


def _cost(index: int, reading: Reading, unit: str, last: _Meant | None) -> tuple[float, _Meant | None]:
    value = reading.value
    if value <= 0 or (unit == MG_PER_DL and is_error_code(value)):
        return A_CODE_IN_MGDL, None
    meant = _Meant(index, reading.ms, value, unit, value * (MGDL_PER_MMOLL if unit == MMOL_PER_L else 1))
    cost = _out_of_reach_mgdl(meant, last) if last else 0.0
    if unit == MMOL_PER_L:
        if is_error_code(value) and cost > 0:
            return A_CODE, None
        return cost + (BEYOND_SENSORS if value > HIGHEST_MMOLL else 0.0), meant
    if value < LOWEST_MGDL:
        cost += NO_GLUCOSE if _is_mmol_only(value) else A_LOW
    return cost, meant


def _out_of_reach_mgdl(one: _Meant, other: _Meant) -> float:
    minutes = abs(one.ms - other.ms) / MINUTE_MS
    return max(0.0, abs(one.mgdl - other.mgdl) - NOISE_MGDL - RATE_MGDL_PER_MIN * minutes)


def _are_near(one: _Meant, other: _Meant) -> bool:
    return abs(one.ms - other.ms) <= NEAR_MIN * MINUTE_MS


def _fit(one: _Meant, other: _Meant) -> bool:
    return _are_near(one, other) and _out_of_reach_mgdl(one, other) == 0


def _is_known(block: Sequence[_Meant], edges: Sequence[tuple[_Meant, _Meant]]) -> bool:
    """Whether the unit of a stretch is sure: by a reading beside it that it fits, or by what it holds itself.

    Args:
        block: successive readings of one unit.
        edges: its first and its last, each with the reading beside it, of the other unit.
    """
    if any(m.value >= LOWEST_MGDL for m in block) or any(_fit(m, other) for m, other in edges):
        return True
    if block[0].unit == MG_PER_DL:
        return not edges  # a sensor that wrote nothing but lows
    only_mmol = any(_is_mmol_only(m.value) for m in block)
    if any(_are_near(m, other) for m, other in edges):
        return only_mmol and len(block) >= LONG
    return len(block) >= LONG or (only_mmol and len(block) > 1)


def _known(readings: Sequence[Reading], units: Sequence[str | None]) -> list[tuple[float, float]]:
    """Instant and glucose of the readings whose unit is known."""
    return [
        (r.ms, r.value * (MGDL_PER_MMOLL if unit == MMOL_PER_L else 1))
        for r, unit in zip(readings, units, strict=True)
        if unit == MMOL_PER_L or (unit == MG_PER_DL and r.value > HIGHEST_ERROR_CODE)
    ]


def _as_other_sensors(reading: Reading, known: Sequence[tuple[float, float]]) -> str | None:
    """The unit in which a reading is what another sensor or uploader read at the time."""
    at = bisect.bisect_left(known, (reading.ms, 0.0))
    near = [pair for pair in known[max(0, at - 1) : at + 1] if abs(pair[0] - reading.ms) <= NEAR_MIN * MINUTE_MS]
    reach = NOISE_MGDL + RATE_MGDL_PER_MIN * NEAR_MIN
    fitting = [
        unit
        for unit, factor in ((MG_PER_DL, 1), (MMOL_PER_L, MGDL_PER_MMOLL))
        if any(abs(reading.value * factor - mgdl) <= reach for _, mgdl in near)
        and not (unit == MG_PER_DL and _is_mmol_only(reading.value))
    ]
    return fitting[0] if len(fitting) == 1 else None
