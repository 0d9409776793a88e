"""Which readings are in mmol/L and which in mg/dL, where one sensor's may be in both.

From 39 on a number is mg/dL. Below, it is mmol/L or a low in mg/dL (38.6), and the readings around it decide: glucose
moves by a few mg/dL a minute, and the two meanings are 17 times the number apart. Of all ways to give each reading of a
sensor a unit, the one is taken with the least movement that glucose cannot make and the fewest changes of unit.

Then each stretch needs evidence of its own, or nobody knows its unit: numbers below 39 are mg/dL only where a chain of
readings that fit leads to a number that cannot be mmol/L, and mmol/L only where they fit a reading next to them, or
are many. Neither is the meaning that is left when the other one fails.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from flows.history.glucose_declared import HIGHEST_MMOLL, LONG, MMOL_MEDIAN_BELOW, Reading, is_mmol_only, trusted
from flows.history.glucose_values import HIGHEST_CODE_MMOLL, HIGHEST_ERROR_CODE, LOWEST_MGDL, is_error_code
from flows.profiles.parse import MG_PER_DL, MMOL_PER_L
from flows.values.units import MGDL_PER_MMOLL, MINUTE_MS

# Glucose moves by 4 mg/dL a minute at the most (sensors' steepest arrow is "more than 3"); the rest is noise.
RATE_MGDL_PER_MIN, NOISE_MGDL = 4.0, 20.0
# The two meanings of a number above 12 are 204 mg/dL apart or more: up to 20 minutes never both fit a reading.
NEAR_MIN = 20
OTHER_SENSOR_MGDL = 40.0  # what two sensors of the time may differ by, however long after each other they read
ERROR_CODE = "error code"  # in place of a unit: what an uploader that writes mmol/L made of one
DISTINCT_MMOL = 8  # whole numbers only: a sensor has fewer error codes
DISTINCT_CODES = 3  # as many error codes alternate for an hour; more are glucose in an unknown unit

# What is weighed, in mg/dL of movement that glucose cannot make. A reading in the other unit costs two changes; it is
# 170 out of reach on either side if it is not in that unit, so the exact amounts decide nothing between near readings.
CHANGE_OF_UNIT = 30.0
NO_GLUCOSE = 100.0  # a fraction of 12 or less as mg/dL: more than two changes
A_LOW = 2.0  # each reading below 39 mg/dL: alone between gaps, an hour or two of them are mmol/L
BEYOND_SENSORS = 20.0
A_CODE = 40.0  # among mmol/L, where it does not fit as a reading
A_CODE_IN_MGDL = 0.01  # next to nothing: it only decides that a number which fits in mmol/L is no code


class _Meant(NamedTuple):
    """A reading with the meaning it was given."""

    place: int
    ms: float
    value: float
    unit: str
    mgdl: float


def units_of(sensors: Sequence[Sequence[Reading]]) -> list[list[str | None]]:
    """The unit of each reading: `mg/dL`, `mmol/L`, `ERROR_CODE`, or `None` where it cannot be known.

    Error codes as the sensor writes them are given as `mg/dL`: they are no glucose in any unit.

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
    readings = trusted(readings)
    if all(r.value == int(r.value) and r.declared is None for r in readings):
        if _are_whole_mmol([r.value for r in readings if r.value > 0]):
            return [MMOL_PER_L] * len(readings)
        # Whole numbers may be the codes and lows of any sensor: beside a number from 39 on none is mmol/L.
        meant = [
            _Meant(n, r.ms, r.value, MG_PER_DL, r.value) for n, r in enumerate(readings) if r.value > HIGHEST_ERROR_CODE
        ]
    else:
        meant = _cheapest(readings)
    units: list[str | None] = [ERROR_CODE if 0 < r.value <= HIGHEST_CODE_MMOLL else MG_PER_DL for r in readings]
    declared = {n for n, r in enumerate(readings) if r.declared}
    tied = _tied(meant)
    blocks = [list(block) for _, block in groupby(meant, key=lambda m: m.unit)]
    writes_mmol = any(b[0].unit == MMOL_PER_L and any(m.value != int(m.value) for m in b) for b in blocks)
    for n, block in enumerate(blocks):
        before = blocks[n - 1][-1] if n else None
        after = blocks[n + 1][0] if n + 1 < len(blocks) else None
        if block[0].unit == MG_PER_DL:
            _name_mgdl(units, block, (before, after), tied, declared)
        else:
            _name_mmoll(units, block, (before, after), declared, writes_mmol)
    for m in meant:
        if m.unit == MMOL_PER_L and m.value <= HIGHEST_CODE_MMOLL and m.place not in tied:
            units[m.place] = ERROR_CODE
    _doubt_whole_rows(readings, units, tied & {m.place for m in meant if m.unit == MG_PER_DL})
    return units


_Edges = tuple[_Meant | None, _Meant | None]  # the readings of another stretch before and after one


def _tied(meant: Sequence[_Meant]) -> set[int]:
    """Places of the readings from which readings that fit, one by one, lead to a number whose unit is beyond doubt."""
    chains: list[list[_Meant]] = []
    for m in meant:
        if chains and _fit(chains[-1][-1], m) and _are_linked(chains[-1][-1], m):
            chains[-1].append(m)
        else:
            chains.append([m])
    return {m.place for chain in chains if any(_is_beyond_doubt(m) for m in chain) for m in chain}


def _are_linked(one: _Meant, next_one: _Meant) -> bool:
    # A row of codes in mmol/L comes within reach of the last reading, by nothing but the time that it lasts.
    return next_one.place == one.place + 1 or min(one.value, next_one.value) > HIGHEST_CODE_MMOLL


def _is_beyond_doubt(m: _Meant) -> bool:
    return m.value > HIGHEST_MMOLL if m.unit == MG_PER_DL else is_mmol_only(m.value)


def _name_mgdl(
    units: list[str | None], block: Sequence[_Meant], edges: _Edges, tied: set[int], declared: set[int]
) -> None:
    """Decide on a stretch that fits best in mg/dL: what leads to no certain number is a low by no means."""
    runs = [list(run) for _, run in groupby(block, key=lambda m: m.place in tied)]
    for n, run in enumerate(runs):
        if run[0].place in tied:
            continue
        before = runs[n - 1][-1] if n else edges[0]
        after = runs[n + 1][0] if n + 1 < len(runs) else edges[1]
        beside = [(m, other) for m, other in ((run[0], before), (run[-1], after)) if other and _are_near(m, other)]
        unit = None
        if len(run) < LONG and not beside and all(m.place in declared for m in run):
            unit = MG_PER_DL  # so it says itself, and nothing contradicts it
        elif len(run) >= LONG and _has_decimals(run):
            as_mmol = [m._replace(unit=MMOL_PER_L, mgdl=m.value * MGDL_PER_MMOLL) for m in run]
            ends = [(as_mmol[0 if m is run[0] else -1], other) for m, other in beside]
            steps = [*pairwise(as_mmol), *ends]
            unit = MMOL_PER_L if all(_fit(a, b) for a, b in steps if _are_near(a, b)) else None
        for m in run:
            units[m.place] = unit


def _name_mmoll(
    units: list[str | None], block: Sequence[_Meant], edges: _Edges, declared: set[int], writes_mmol: bool
) -> None:
    """Decide on a stretch that fits best in mmol/L: as a whole, and on what lies beyond a gap at its ends alone."""
    is_declared = any(m.place in declared for m in block)
    if not writes_mmol and not is_declared:
        for m in block:  # mmol/L has decimals; these are codes, or nobody knows
            units[m.place] = MG_PER_DL if is_error_code(m.value) else None
        return
    beside = [(m, other) for m, other in ((block[0], edges[0]), (block[-1], edges[1])) if other]
    is_known = is_declared or _is_mmol(block, beside)
    for m in block:
        units[m.place] = MMOL_PER_L if is_known else None
    pieces: list[list[_Meant]] = []
    for m in block:
        if pieces and _are_near(pieces[-1][-1], m):
            pieces[-1].append(m)
        else:
            pieces.append([m])
    for piece in (pieces[0], pieces[-1]):
        ends = [(m, other) for m, other in beside if m in piece]
        if not ends or any(m.place in declared or is_mmol_only(m.value) for m in piece):
            continue
        if not any(_fit(m, other) for m, other in ends) and not (len(piece) >= LONG and _has_decimals(piece)):
            for m in piece:
                units[m.place] = None


def _is_mmol(block: Sequence[_Meant], beside: Sequence[tuple[_Meant, _Meant]]) -> bool:
    """Whether a stretch is mmol/L for sure: by a reading beside it that it fits, or by what it holds itself.

    Args:
        block: successive readings.
        beside: its first and its last, each with the reading beside it, of the other unit.
    """
    if any(_fit(m, other) for m, other in beside):
        return True
    only_mmol = any(is_mmol_only(m.value) for m in block)
    if any(_are_near(m, other) for m, other in beside):
        return only_mmol and len(block) >= LONG
    return (len(block) >= LONG and _has_decimals(block)) or (only_mmol and len(block) > 1)


def _has_decimals(block: Sequence[_Meant]) -> bool:
    return any(m.value != int(m.value) for m in block)


_Row = list[tuple[int, Reading]]  # readings with their places


def _doubt_whole_rows(readings: Sequence[Reading], units: list[str | None], tied: set[int]) -> None:
    """Whole small numbers for an hour, of several values, are no row of error codes: nobody knows their unit."""

    def is_whole_and_small(item: tuple[int, Reading]) -> bool:
        n, r = item
        return r.value <= HIGHEST_MMOLL and r.value == int(r.value) and units[n] != MMOL_PER_L

    real = [(n, r) for n, r in enumerate(readings) if r.value > 0]
    rows = [(is_row, list(row)) for is_row, row in groupby(real, key=is_whole_and_small)]
    by_chance = _tied_by_chance(rows, tied)
    for is_row, row in rows:
        for is_loose, part in groupby(row, key=lambda item: item[0] not in tied or item[0] in by_chance):
            loose = list(part)
            if is_row and is_loose and (_are_several(loose) or loose[0][0] in by_chance):
                for n, _ in loose:
                    units[n] = None


def _tied_by_chance(rows: Sequence[tuple[bool, _Row]], tied: set[int]) -> set[int]:
    """Places of whole mmol/L beside stray numbers in mg/dL, which they happen to reach.

    An hour of numbers that move as mmol/L does, and lead to mg/dL at one end only; and what lies on the other side of
    the stray numbers.
    """
    found: set[int] = set()
    for ordered in (rows, rows[::-1]):
        strays, before = LONG, set[int]()
        for is_row, row in ordered:
            if not is_row:
                strays = len(row)
                continue
            places = {n for n, _ in row}
            at_both_ends = row[0][0] in tied and row[-1][0] in tied
            beside_others = strays < LONG and bool(found & before)
            if _moves_as_mmol([r for _, r in row]) and (beside_others or (_are_several(row) and not at_both_ends)):
                found |= places
            before = places
    return found


def _are_several(row: _Row) -> bool:
    return len(row) >= LONG and len({r.value for _, r in row}) > DISTINCT_CODES


def _moves_as_mmol(row: Sequence[Reading]) -> bool:
    meant = [_Meant(n, r.ms, r.value, MMOL_PER_L, r.value * MGDL_PER_MMOLL) for n, r in enumerate(row)]
    return all(_fit(a, b) for a, b in pairwise(meant) if _are_near(a, b))


def _are_whole_mmol(values: Sequence[float]) -> bool:
    return (
        bool(values)
        and max(values) < LOWEST_MGDL
        and statistics.median(values) < MMOL_MEDIAN_BELOW
        and len(set(values)) >= DISTINCT_MMOL
    )


def _cheapest(readings: Sequence[Reading]) -> list[_Meant]:
    """The cheapest way to give each reading a unit (Viterbi's algorithm); error codes are left out of it."""
    costs: dict[str, tuple[float, _Meant | None]] = {MG_PER_DL: (0.0, None), MMOL_PER_L: (0.0, None)}
    ways: list[dict[str, tuple[str, _Meant | None]]] = []
    change = CHANGE_OF_UNIT if _may_be_in_both(readings) else math.inf
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


def _may_be_in_both(readings: Sequence[Reading]) -> bool:
    """Whether a sensor's readings may be in two units: without a number from 39 on all its mg/dL would be lows.

    So it is one unit then, unless glucose cannot have made the step from a number that is certainly mmol/L.
    """
    if any(r.value >= LOWEST_MGDL for r in readings):
        return True
    mmoll = [
        _Meant(n, r.ms, r.value, MMOL_PER_L, r.value * MGDL_PER_MMOLL) for n, r in enumerate(readings) if r.value > 0
    ]
    return any(
        (is_mmol_only(a.value) or is_mmol_only(b.value)) and _are_near(a, b) and not _fit(a, b) and not _has_code(a, b)
        for a, b in pairwise(mmoll)
    )


def _has_code(*readings: _Meant) -> bool:
    return any(is_error_code(r.value) or r.value <= HIGHEST_CODE_MMOLL for r in readings)


def _is_possible(reading: Reading, unit: str) -> bool:
    if reading.value >= LOWEST_MGDL:
        return unit == MG_PER_DL
    return reading.declared in (None, unit)


def _cost(index: int, reading: Reading, unit: str, last: _Meant | None) -> tuple[float, _Meant | None]:
    value = reading.value
    if value <= 0 or (unit == MG_PER_DL and (is_error_code(value) or value <= HIGHEST_CODE_MMOLL)):
        return A_CODE_IN_MGDL, None
    meant = _Meant(index, reading.ms, value, unit, value * (MGDL_PER_MMOLL if unit == MMOL_PER_L else 1))
    cost = _out_of_reach_mgdl(meant, last) if last else 0.0
    if unit == MMOL_PER_L:
        if (is_error_code(value) or value <= HIGHEST_CODE_MMOLL) and cost > 0:
            return A_CODE, None
        return cost + (BEYOND_SENSORS if value > HIGHEST_MMOLL else 0.0), meant
    if value < LOWEST_MGDL:
        cost += NO_GLUCOSE if is_mmol_only(value) else A_LOW
    return cost, meant


def _out_of_reach_mgdl(one: _Meant, other: _Meant) -> float:
    minutes = abs(one.ms - other.ms) / MINUTE_MS
    return max(0.0, abs(one.mgdl - other.mgdl) - NOISE_MGDL - RATE_MGDL_PER_MIN * minutes)


def _are_near(one: _Meant, other: _Meant) -> bool:
    return abs(one.ms - other.ms) <= NEAR_MIN * MINUTE_MS


def _fit(one: _Meant, other: _Meant) -> bool:
    return _are_near(one, other) and _out_of_reach_mgdl(one, other) == 0


def _known(readings: Sequence[Reading], units: Sequence[str | None]) -> list[tuple[float, float]]:
    """Instant and glucose of the readings whose unit is known."""
    return [
        (r.ms, r.value * (MGDL_PER_MMOLL if unit == MMOL_PER_L else 1))
        for r, unit in zip(readings, units, strict=True)
        if unit == MMOL_PER_L or (unit == MG_PER_DL and r.value > HIGHEST_ERROR_CODE)
    ]


def _as_other_sensors(reading: Reading, known: Sequence[tuple[float, float]]) -> str | None:
    """The unit in which a reading is what another sensor or uploader read at the time."""
    if is_error_code(reading.value):
        return None
    at = bisect.bisect_left(known, (reading.ms, 0.0))
    near = [mgdl for ms, mgdl in known[max(0, at - 1) : at + 1] if abs(ms - reading.ms) <= NEAR_MIN * MINUTE_MS]
    fitting = [
        unit
        for unit, factor in ((MG_PER_DL, 1), (MMOL_PER_L, MGDL_PER_MMOLL))
        if any(abs(reading.value * factor - mgdl) <= OTHER_SENSOR_MGDL for mgdl in near)
        and not (unit == MG_PER_DL and is_mmol_only(reading.value))
    ]
    return fitting[0] if len(fitting) == 1 else None
