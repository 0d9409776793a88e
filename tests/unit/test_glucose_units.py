"""A number below 39 is a low in mg/dL or a value in mmol/L: what is around it decides, and nobody guesses."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.history.glucose import Readings, read_glucose
from flows.history.glucose_units import NEAR_MIN, NOISE_MGDL, RATE_MGDL_PER_MIN, Reading, units_of
from flows.history.glucose_values import HIGHEST_ERROR_CODE
from flows.history.records import Context
from flows.ledger import Ledger
from flows.profiles.schedule import Schedule

CONTEXT = Context("Europe/Paris", Schedule.constant(1.0), 1_800_000_000_000)
START, MINUTE = 1_778_600_000_000, 60_000
GAP: list[Any] = [None] * 12  # an hour without readings
MGDL, MMOLL, UNKNOWN = "mg/dL", "mmol/L", None


def entry(value: Any, minute: float, device: str = "a", **more: Any) -> dict[str, Any]:
    return {"type": "sgv", "sgv": value, "date": START + int(minute * MINUTE), "device": device, **more}


def read(values: list[Any], **more: Any) -> tuple[Readings, Ledger]:
    """One reading every five minutes; `None` is none."""
    ledger = Ledger()
    made = [entry(v, 5 * n, **more) for n, v in enumerate(values) if v is not None]
    return read_glucose(made, CONTEXT, ledger), ledger


def for_upstream(found: Readings) -> list[float]:
    return [record["sgv"] for record in reversed(found.for_upstream)]


def quarantined(ledger: Ledger) -> list[Any]:
    return [e.before["sgv"] for e in ledger.quarantined]


FALLING = [80.4, 61.2, 48.7, 38.6, 37.2, 41.9, 55.3]
HYPO = [80, 61, 48, 38.6, 36.2, 30.1, 25.4, 22.7, 21.9, 24.2, 27.3, 30.6, 33.3, 41]
# name, values, what upstream gets, the lows left out, what is quarantined
ONE_SENSOR: list[tuple[str, list[Any], list[float], list[float], list[float]]] = [
    ("decimals in a low", FALLING, [80.4, 61.2, 48.7, 41.9, 55.3], [38.6, 37.2], []),
    ("a long hypo with decimals", HYPO, [80, 61, 48, 41], HYPO[3:13], []),
    ("data begin in a low", [36.2, 33.1, 37.4, 41.0, 50.2], [41.0, 50.2], [36.2, 33.1, 37.4], []),
    ("data end in a low", [60.5, 44.1, 31.7, 24.4], [60.5, 44.1], [31.7, 24.4], []),
    ("nothing but lows", [38.6, 37.1, 36.4], [], [38.6, 37.1, 36.4], []),
    ("a sensor pressed in sleep", [150.2, 148.4, 38.6, 37.9, 147.1], [150.2, 148.4, 147.1], [38.6, 37.9], []),
    ("one mmol/L among mg/dL", [100, 102, 5.8, 104, 101], [100, 102, 104, 104, 101], [], []),
    ("a high one", [398.2, 400.1, 22.3, 399.5], [398.2, 400.1, 401, 399.5], [], []),
    ("a low one", [45, 43, 2.3, 42, 44], [45, 43, 41, 42, 44], [], []),
    ("a low one below 39", [45, 42, 2.1, 41, 44], [45, 42, 41, 44], [38], []),
    ("it fits in neither unit", [240.2, 241, 3.3, 240, 239], [240.2, 241, 240, 239], [], [3.3]),
    ("mg/dL or mmol/L, with readings near", [120, 20.1, 20.3, 121], [120, 121], [20.1, 20.3], []),
    ("alone, mmol/L if anything", [110.5, *GAP, 5.5, *GAP, 120.5], [110.5, 120.5], [], [5.5]),
    ("alone, in no way converted", [110.5, *GAP, 38.6, *GAP, 120.5], [110.5, 120.5], [38.6], []),
    ("alone, the harmless side", [110.5, *GAP, 22.3, *GAP, 120.5], [110.5, 120.5], [22.3], []),
    ("two that agree", [110.5, *GAP, 5.5, 5.7, *GAP, 120.5], [110.5, 99, 103, 120.5], [], []),
    ("no other reading at all", [22.3], [], [], [22.3]),
    ("nor here", [5.5], [], [], [5.5]),
    ("a hypo in mmol/L", [5.1, 3.0, 2.4, 2.1, 2, 1.9, 2.2, 3.6], [92, 54, 43, 40, 65], [38, 36, 34], []),
    ("a switch in a low", [61, 45, 38.6, 36.1, 1.9, 1.8, 2.2, 2.7], [61, 45, 40, 49], [38.6, 36.1, 34, 32], []),
    ("and back", [3.4, 2.3, 2.0, 35.5, 34.8, 39.1, 52.3], [61, 41, 39.1, 52.3], [36, 35.5, 34.8], []),
    ("error codes in mg/dL", [100.5, 5, 9, 12, 1, 0, 102.5], [100.5, 102.5], [], []),
    ("error codes in mmol/L", [6.5, 6.4, 1, 12, 6.3, 6.2], [117, 115, 113, 112], [], []),
    ("whole ones in mmol/L", [6.9, 7, 7.1, *GAP, 15.9, 16, 16.1], [124, 126, 128, 286, 288, 290], [], []),
    ("whole lows", [60, 45, 38, 22, 13, 38, 44], [60, 45, 44], [38, 22, 13, 38], []),
    ("high in mmol/L", [11.5, *GAP, 26.4, 28.2, 29.0, 28.1, 26.4], [207, 475, 508, 522, 506, 475], [], []),
]


@pytest.mark.parametrize(("name", "values", "expected", "lows", "unknown"), ONE_SENSOR, ids=[c[0] for c in ONE_SENSOR])
def test_what_is_around_a_number_tells_its_unit(
    name: str, values: list[Any], expected: list[float], lows: list[float], unknown: list[float]
) -> None:
    found, ledger = read(values)
    assert for_upstream(found) == expected
    assert [low.mgdl for low in found.lows_left_out] == lows
    assert quarantined(ledger) == unknown
    assert len(expected) + sum(e.removed for e in ledger.entries) == len([v for v in values if v is not None])


@pytest.mark.parametrize(
    ("units", "values", "expected"),
    [
        ("mmol", [22.3], [401]),
        ("mmol/l", [5, 6], [90, 108]),  # whole, and yet no error codes
        ("mmol", [120, 48.2, 38.6, 25.6, 45], [120, 48.2, 45]),  # 120 contradicts it
        ("mmol", [38.6], []),  # beyond what any sensor shows in mmol/L
        ("mg/dl", [22.3, 50], [50]),
        ("mg/dl", [5.5, 5.6, 7.7], [99, 101, 139]),  # 5.5 contradicts it
        ("", [5.5, 5.6], [99, 101]),
        (3, [5.5, 5.6], [99, 101]),
    ],
)
def test_a_unit_that_the_record_names_decides_unless_the_sensor_contradicts_it(
    units: Any, values: list[Any], expected: list[float]
) -> None:
    assert for_upstream(read(values, units=units)[0]) == expected


@pytest.mark.parametrize(
    ("value", "other", "expected", "lows"),
    [
        (5.5, 101, 99, []),  # as the other sensor, in mmol/L
        (22.3, 400, 401, []),
        (22.3, 45, None, [22.3]),  # as the other, in mg/dL
        (5.5, 250, None, []),
        (22.3, 200, None, []),
    ],
)
def test_a_sensor_with_one_reading_is_held_against_the_others(
    value: float, other: float, expected: float | None, lows: list[float]
) -> None:
    records = [entry(other, 5 * n, "b") for n in (*range(6), *range(12, 20))]
    found = read_glucose([*records, entry(value, 43)], CONTEXT, Ledger())
    alone = [r["sgv"] for r in found.for_upstream if r["device"] == "a"]
    assert alone == ([] if expected is None else [expected])
    assert [low.mgdl for low in found.lows_left_out] == lows


@pytest.mark.parametrize(("off", "unit"), [(-40, MMOLL), (40, MMOLL), (-41, UNKNOWN), (41, UNKNOWN)])
def test_a_converted_reading_is_within_reach_of_one_beside_it(off: int, unit: str | None) -> None:
    assert NOISE_MGDL + 5 * RATE_MGDL_PER_MIN == 40  # in five minutes: the noise and 4 mg/dL a minute
    beside = 11.5 * 18 + off
    (units,) = units_of([[Reading(5 * n * MINUTE, v) for n, v in enumerate([beside, 11.5, beside])]])
    assert units == [MGDL, unit, MGDL]


@pytest.mark.parametrize(("minutes", "unit"), [(NEAR_MIN, MMOLL), (NEAR_MIN + 1, UNKNOWN)])
def test_only_what_is_near_says_anything_of_a_single_reading(minutes: int, unit: str | None) -> None:
    values = [(0, 103.0), (minutes, 5.5), (2 * minutes, 97.0)]
    (units,) = units_of([[Reading(START + at * MINUTE, v) for at, v in values]])
    assert units == [MGDL, unit, MGDL]


def test_never_do_both_meanings_fit_a_reading_that_is_near() -> None:
    apart = 17 * HIGHEST_ERROR_CODE
    assert apart > 2 * (NOISE_MGDL + RATE_MGDL_PER_MIN * NEAR_MIN)


@pytest.mark.parametrize(("readings", "unit"), [(11, UNKNOWN), (12, MMOLL)])
def test_numbers_that_could_be_both_need_an_hour_where_nothing_else_is_known(readings: int, unit: str | None) -> None:
    (units,) = units_of([[Reading(START + 5 * n * MINUTE, 15.1 + n / 10) for n in range(readings)]])
    assert units == [unit] * readings


# ---- properties


@st.composite
def curves(draw: st.DrawFn, least: float = 30, most: float = 300) -> tuple[list[float], int]:
    """A day or part of one, no faster than 3 mg/dL a minute, and the minutes between readings."""
    step = draw(st.sampled_from([5, 5, 3, 15]))
    low = draw(st.floats(least, most - 40))
    high = draw(st.floats(low + 40, most))
    half, phase = (high - low) / 2, draw(st.floats(0, 2 * math.pi))
    period = max(half * 2 * math.pi / 3, draw(st.floats(60, 900)))
    count = draw(st.integers(24, 150))
    return [low + half * (1 + math.sin(n * step * 2 * math.pi / period + phase)) for n in range(count)], step


@settings(max_examples=60, deadline=None)
@given(curves(), st.sampled_from([1, 2]))
def test_no_reading_in_mgdl_is_ever_multiplied(curve: tuple[list[float], int], decimals: int) -> None:
    values, step = [round(v, decimals) for v in curve[0]], curve[1]
    ledger = Ledger()
    found = read_glucose([entry(v, step * n) for n, v in enumerate(values)], CONTEXT, ledger)
    assert {e.rule for e in ledger.entries} <= {"glucose_low", "one_sensor"}
    low = [e.before["sgv"] for e in ledger.entries if e.rule == "glucose_low"]
    assert low == [v for v in values if v < 39]
    assert bool(found.lows_left_out) == any(v < 39 for v in values)


@settings(max_examples=60, deadline=None)
@given(curves())
def test_every_reading_in_mmol_comes_back_within_its_rounding(curve: tuple[list[float], int]) -> None:
    values, step = curve
    (units,) = units_of([[Reading(step * n * MINUTE, round(v / 18, 1)) for n, v in enumerate(values)]])
    assert units == [MMOLL] * len(values)
    found = read_glucose([entry(round(v / 18, 1), step * n) for n, v in enumerate(values)], CONTEXT, Ledger())
    true = {START + step * n * MINUTE: v for n, v in enumerate(values)}
    back = {r["date"]: r["sgv"] for r in found.for_upstream} | {low.date: low.mgdl for low in found.lows_left_out}
    assert back.keys() == true.keys() or (step < 5 and back.keys() < true.keys())
    assert all(abs(value - true[at]) <= 0.05 * 18 + 0.5 for at, value in back.items())


@settings(max_examples=60, deadline=None)
@given(curves(), st.lists(st.integers(60, 240), min_size=1, max_size=12), st.booleans())
def test_a_sensor_may_change_its_unit_every_hour(
    curve: tuple[list[float], int], minutes: list[int], first: bool
) -> None:
    values, step = curve
    ends = [sum(minutes[: n + 1]) for n in range(len(minutes))]
    true = [MMOLL if sum(n * step >= end for end in ends) % 2 != first else MGDL for n in range(len(values))]
    written = [round(v / 18, 1) if unit == MMOLL else round(v, 1) for v, unit in zip(values, true, strict=True)]
    (units,) = units_of([[Reading(step * n * MINUTE, v) for n, v in enumerate(written)]])
    # A whole number up to 12 may be taken for an error code, where a stretch begins: it is lost, and never wrong.
    wrong = [(v, t, u) for v, t, u in zip(written, true, units, strict=True) if u != t]
    assert all(v == int(v) and v <= HIGHEST_ERROR_CODE and (t, u) == (MMOLL, MGDL) for v, t, u in wrong)
