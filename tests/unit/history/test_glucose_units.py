"""A number below 39 is a low in mg/dL or a value in mmol/L: what is around it decides, and nobody guesses."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.history.glucose import Readings, read_glucose
from flows.history.glucose_declared import Reading
from flows.history.glucose_units import NEAR_MIN, NOISE_MGDL, RATE_MGDL_PER_MIN, units_of
from flows.history.glucose_values import HIGHEST_ERROR_CODE
from flows.history.records import Context
from flows.values.ledger import Ledger
from flows.values.schedule import Schedule

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
SINKING = [60, 45, 38, 30, 22, 13, 25, 38, 44, 80, 110]
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
    ("mg/dL or mmol/L, with readings near", [120, 20.1, 20.3, 121], [120, 121], [], [20.1, 20.3]),
    ("alone, mmol/L if anything", [110.5, *GAP, 5.5, *GAP, 120.5], [110.5, 120.5], [], [5.5]),
    ("alone, in no way converted", [110.5, *GAP, 38.6, *GAP, 120.5], [110.5, 120.5], [38.6], []),
    ("alone, it could be both", [110.5, *GAP, 22.3, *GAP, 120.5], [110.5, 120.5], [], [22.3]),
    ("whole and alone, it could be both", [110, *GAP, 22, 23, *GAP, 120], [110, 120], [], [22, 23]),
    ("alone, led to a number beyond mmol/L", [110, *GAP, 22, 27, 28, *GAP, 120], [110, 120], [22, 27, 28], []),
    ("and not quite", [110, *GAP, 22, 27, 27, *GAP, 120], [110, 120], [], [22, 27, 27]),
    ("and with decimals", [110, *GAP, 27.7, 27.9, *GAP, 120], [110, 120], [27.7, 27.9], []),
    ("nor with decimals", [110, *GAP, 27.7, 27.8, *GAP, 120], [110, 120], [], [27.7, 27.8]),
    ("beyond a gap from the rest in mmol/L", [5.5, 5.7, *GAP, 22.3, *GAP, 120.5], [99, 103, 120.5], [], [22.3]),
    ("nothing but whole ones", [20, 21], [], [], [20, 21]),
    ("code 12 from an uploader of mmol/L", [5.5, 5.6, 0.7, 5.4], [99, 101, 97], [], []),
    ("a row of them", [5.5, 5.6, *[0.7] * 15, 5.4], [99, 101, 97], [], []),
    ("others so, alone", [5.5, *GAP, 0.6, *GAP, 0.3, *GAP, 5.4], [99, 97], [], []),
    ("one among mg/dL", [95, 0.7, 97.5], [95, 97.5], [], []),
    ("as low in truth", [2.2, 1.6, 1.1, 0.7, 0.9, 2.3], [40, 41], [29, 20, 13, 16], []),
    ("just above a code", [5.5, 5.6, 0.8, 5.4], [99, 101, 97], [14], []),
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
        ("mmol", [*[8, 9, 10, 9] * 10, 120], [*[144, 162, 180, 162] * 10, 120]),  # one wrong record says little
        ("mmol", [8, 9, 38, 45], [144, 162, 45]),  # half of them are wrong
        ("mmol", [8, 9, 38, 45, 50], [45, 50]),  # and more
        ("mmol", [*SINKING, *[140] * 20, *[8, 9] * 60], [60, 45, 44, 80, 110, *[140] * 20, *[144, 162] * 60]),
        ("mg/dl", [22.3, 50], [50]),
        ("mg/dl", [15.1, 15.3, 15.2, 15.4] * 6, [272, 275, 274, 277] * 6),  # a median that nobody has
        ("mg/dl", [14.2, 14.3], []),
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
        (14, 54, None, [14]),
        (14, 55, None, []),  # a sensor that is not low itself says nothing of a low
        (14, 92, None, []),
        (14, 212, 252, []),
        (14, 211, None, []),
        (5, 95, None, []),  # an error code in any company
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


PLACES = ["between", "first", "last"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("gap_min", [30, 60, 300])
@pytest.mark.parametrize("high", [[14.0, 14.1, 14.2, 14.3], [13.9, 15.5], [22.2, 22.4], [14, 15], [13], [27]])
def test_high_readings_in_mmol_between_gaps_are_never_lows(high: list[float], gap_min: int, place: str) -> None:
    for count in (1, 2, 11, 12, 29, 30, 31, 60):
        lone = (high * count)[:count]
        gap = [None] * (gap_min // 5 - 1)
        before, after = ([180, 181] * 30 if place != p else [] for p in ("first", "last"))
        found, ledger = read([*before, *gap, *lone, *gap, *after])
        converted = [round(v * 18) for v in lone]
        is_known = count >= 12 and any(v != int(v) for v in lone)
        assert found.lows_left_out == []
        assert for_upstream(found) == [*before, *(converted if is_known else []), *after]
        assert quarantined(ledger) == ([] if is_known else lone)


def whole_mmol(count: int = 100, mean: float = 11, swing: float = 6) -> list[Any]:
    return [round(mean + swing * math.sin(n / 12)) for n in range(count)]


@pytest.mark.parametrize("stray", [39, 40, 45, 60, 120, 400, 45.5, 120.5])
@pytest.mark.parametrize("at", [[100], [0], [50], [30, 60], [95]])
def test_a_number_in_mgdl_makes_no_lows_of_whole_ones_in_mmol(stray: float, at: list[int]) -> None:
    values = whole_mmol()
    for n in at:
        values.insert(n, stray)
    found, ledger = read(values)
    assert found.lows_left_out == []
    assert for_upstream(found) == [stray] * len(at)
    unknown = [v for v in values if v != stray]
    assert quarantined(ledger) == unknown or len(at) > 1  # a row between two may be short


def test_whole_numbers_in_mmol_are_known_where_nothing_else_is_there() -> None:
    values = whole_mmol()
    assert for_upstream(read(values)[0]) == [v * 18 for v in values]
    few = [5, 6, 7, 8, 9, 13, 14] * 6
    found, ledger = read(few)
    assert (for_upstream(found), found.lows_left_out, quarantined(ledger)) == ([], [], few)


def test_half_a_window_in_whole_mmol_is_no_row_of_error_codes() -> None:
    mmol, mgdl = whole_mmol(300, 8.5, 4), [round(150 + 70 * math.sin(n / 20)) for n in range(300)]
    found, ledger = read([*mmol, *mgdl])
    assert for_upstream(found) == mgdl
    assert found.lows_left_out == []
    assert quarantined(ledger) == mmol


@pytest.mark.parametrize(
    ("row", "doubted"),
    [
        ([5, 9, 10, 12] * 3, True),
        (([5, 9, 10, 12] * 3)[:-1], False),  # under an hour
        ([5, 9, 10] * 20, False),  # sensors alternate between some codes
        ([5, 9, 0, 10, 12] * 3, True),
        ([5] * 300, False),
    ],
)
@pytest.mark.parametrize("around", [[100] * 3, [100.5] * 3])
def test_a_long_row_of_several_codes_is_doubted(row: list[Any], doubted: bool, around: list[Any]) -> None:
    found, ledger = read([*around, *row, *around])
    assert for_upstream(found) == [*around, *around]
    assert found.lows_left_out == []
    assert quarantined(ledger) == ([v for v in row if v] if doubted else [])


def test_codes_in_a_true_low_leave_it_a_low() -> None:
    course = [60, 45, 38, 30, 25, 22, 20, *[5, 10, 1, 3] * 3, 22, 30, 45]
    found, ledger = read(course)
    assert [low.mgdl for low in found.lows_left_out] == [v for v in course if 12 < v < 39]
    assert quarantined(ledger) == [v for v in course if v <= 12]
    long_hypo = [60, 45, 38, 30, *[26, 25, 24, 25] * 4, 30, 38, 45]
    found, ledger = read(long_hypo)
    assert [low.mgdl for low in found.lows_left_out] == [v for v in long_hypo if v < 39]


@pytest.mark.parametrize(
    "values",
    [
        whole_mmol(),
        [v + 0.3 for v in whole_mmol()],
        [10 * v for v in whole_mmol()],
        [10 * v + 0.5 for v in whole_mmol()],
        [*whole_mmol(), 120],
    ],
)
@pytest.mark.parametrize("more", [{}, {"units": "mmol"}, {"units": "mg/dl"}])
def test_the_text_low_is_a_low_beside_whatever_numbers(values: list[Any], more: dict[str, Any]) -> None:
    for text, low, high in (("LOW", 5, 0), ("HIGH", 0, 5)):
        found, _ = read([*values, *[text] * 5], **more)
        assert [r.mgdl for r in found.lows_left_out] == [38] * low
        assert [r.date for r in found.highs_left_out] == [START + (len(values) + n) * 5 * MINUTE for n in range(high)]


def test_whole_numbers_of_a_second_sensor_are_no_lows() -> None:
    first = [entry(150, 5 * n, "a") for n in (*range(20), *range(40, 60))]
    second = [entry(14, 5 * n, "b") for n in range(20, 40)]
    ledger = Ledger()
    found = read_glucose([*first, *second], CONTEXT, ledger)
    assert found.lows_left_out == []
    assert {r["device"] for r in found.for_upstream} == {"a"}
    assert (len(ledger.quarantined), ledger.doubts) == (20, 1)


@pytest.mark.parametrize(("gap_min", "doubts"), [(30, 1), (60, 1), (65, 2)])
def test_a_stretch_of_unknown_unit_is_one_doubt(gap_min: int, doubts: int) -> None:
    second = [entry(14, 5 * n, "b") for n in range(3)] + [entry(14, 10 + gap_min + 5 * n, "b") for n in range(3)]
    ledger = Ledger()
    read_glucose([*[entry(150, 600 + n, "a") for n in range(3)], *second], CONTEXT, ledger)
    assert (len(ledger.quarantined), ledger.doubts) == (6, doubts)


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
    assert {e.rule for e in ledger.entries} <= {"glucose_low", "glucose_cadence"}
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


def test_an_hour_of_lows_after_mmol_is_no_jump_of_five_hundred() -> None:
    # No number from 39 on says that there is mg/dL: what glucose cannot do says it.
    written = [2.9, 2.8, 2.7, 2.5, 2.4, 2.3, 2.2, 2.1, 2.0, 1.9, 1.8, 1.8]
    lows = [30.9, 30.4, 30.1, 30.0, 30.3, 30.8, 31.6, 32.6, 33.9, 35.4, 37.1, 38.9]
    (units,) = units_of([[Reading(5 * n * MINUTE, v) for n, v in enumerate(written + lows)]])
    assert units == [MMOLL] * 12 + [MGDL] * 12
    (units,) = units_of([[Reading(5 * n * MINUTE, v) for n, v in enumerate(written)]])
    assert units == [MMOLL] * 12


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
