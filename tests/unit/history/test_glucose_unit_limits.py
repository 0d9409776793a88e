"""The unit of readings at the limits of each step that decides it: neighbours, gaps, an hour, the amounts weighed."""

from __future__ import annotations

from typing import Any

import pytest

from flows.history.glucose_declared import Reading
from flows.history.glucose_units import (
    ERROR_CODE,
    _are_near,
    _are_several,
    _are_whole_mmol,
    _as_other_sensors,
    _cheapest,
    _cost,
    _fit,
    _is_mmol,
    _is_possible,
    _known,
    _Meant,
    _name_mgdl,
    _name_mmoll,
    _out_of_reach_mgdl,
    _tied,
    _tied_by_chance,
    units_of,
)

MINUTE = 60_000
MG, MMOL = "mg/dL", "mmol/L"


def meant(place: int, minute: float, value: float, unit: str = MG) -> _Meant:
    return _Meant(place, minute * MINUTE, value, unit, value * (18 if unit == MMOL else 1))


def row(values: list[float], unit: str = MG, first: int = 0, start: float = 0) -> list[_Meant]:
    return [meant(first + n, start + 5 * n, value, unit) for n, value in enumerate(values)]


def units(*readings: tuple[float, float]) -> list[str | None]:
    (found,) = units_of([[Reading(minute * MINUTE, value) for minute, value in readings]])
    return found


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(0, 0.0), (5, 100.0)], [MG, MG]),  # 0 is no code that was divided
        ([(0, 0.0), (5, 100.5)], [MG, MG]),
        ([(0, 5.7), (5, 104.0), (10, 108.0)], [MMOL, MG, MG]),
        ([(0, 108.5), (5, 104.0), (10, 5.7)], [MG, MG, MMOL]),
        ([(0, 5.5), (5, 5.6), (70, 110.0), (75, 108.0), (80, 5.7)], [MMOL, MMOL, MG, MG, MMOL]),
    ],
)
def test_a_reading_in_the_other_unit_is_known_by_the_one_beside_it(
    readings: list[tuple[float, float]], expected: list[str | None]
) -> None:
    assert units(*readings) == expected


@pytest.mark.parametrize(("minutes", "is_near"), [(20, True), (-20, True), (20.01, False)])
def test_readings_twenty_minutes_apart_are_near(minutes: float, is_near: bool) -> None:
    assert _are_near(meant(0, 30, 100), meant(1, 30 + minutes, 100)) is is_near


@pytest.mark.parametrize(
    ("minutes", "mgdl", "out"),
    [(0, 120, 0), (0, 120.5, 0.5), (5, 140, 0), (5, 141, 1), (5, 59, 1), (10, 160.5, 0.5)],
)
def test_glucose_moves_by_four_a_minute_and_twenty(minutes: float, mgdl: float, out: float) -> None:
    assert _out_of_reach_mgdl(meant(0, 0, 100), meant(1, minutes, mgdl)) == pytest.approx(out)
    assert _fit(meant(0, 0, 100), meant(1, minutes, mgdl)) is (out == 0)


def named_mgdl(block: list[_Meant], edges: Any, tied: set[int], declared: set[int]) -> list[str | None]:
    found: list[str | None] = ["?"] * 60
    _name_mgdl(found, block, edges, tied, declared)
    return [found[m.place] for m in block]


FAR = meant(50, 300, 100)


@pytest.mark.parametrize(
    ("block", "edges", "tied", "expected"),
    [
        ([meant(0, 0, 100), meant(1, 60, 22.3)], (None, None), {0}, ["?", MG]),
        ([meant(0, 45, 100), meant(1, 60, 22.3)], (None, None), {0}, ["?", None]),
        ([meant(0, 0, 22.3), meant(1, 60, 100)], (None, meant(9, 5, 100)), {1}, [MG, "?"]),
        ([meant(0, 0, 22.3), meant(1, 15, 100)], (None, None), {1}, [None, "?"]),
        ([meant(0, 0, 22.3)], (None, FAR), set(), [MG]),
        ([meant(0, 0, 22.3)], (None, meant(9, 5, 100)), set(), [None]),
        ([meant(0, 0, 22.3)], (meant(9, -5, 100), None), set(), [None]),
    ],
)
def test_a_low_that_says_so_is_believed_where_nothing_near_contradicts(
    block: list[_Meant], edges: Any, tied: set[int], expected: list[Any]
) -> None:
    assert named_mgdl(block, edges, tied, {0, 1}) == expected


@pytest.mark.parametrize(
    ("values", "declared", "unit"),
    [
        ([22.3] * 11, True, MG),
        ([22.3] * 11, False, None),
        ([22.3] * 12, True, MMOL),  # an hour of them is no low, whatever it says
        ([22.3] * 12, False, MMOL),
        ([22] * 12, False, None),
    ],
)
def test_an_hour_with_decimals_is_mmol(values: list[float], declared: bool, unit: str | None) -> None:
    block = row(values)
    found = named_mgdl(block, (None, None), set(), {m.place for m in block} if declared else set())
    assert set(found) == {unit}


UP, DOWN = [10.0, 12.2, *[12.3] * 10], [*[12.3] * 10, 12.2, 10.0]


@pytest.mark.parametrize(
    ("values", "before", "after", "unit"),
    [
        (UP, 145, None, MMOL),  # within reach of the first, not of the second
        (UP, 100, None, None),
        (DOWN, None, 145, MMOL),
        (DOWN, None, 100, None),
    ],
)
def test_an_hour_in_mmol_fits_what_stands_beside_it(values: list[float], before: Any, after: Any, unit: Any) -> None:
    edges = (before and meant(40, -5, before), after and meant(41, 60, after))
    assert set(named_mgdl(row(values), edges, set(), set())) == {unit}


def named_mmoll(block: list[_Meant], edges: Any, declared: set[int], *, writes: bool = True) -> list[str | None]:
    found: list[str | None] = ["?"] * 60
    _name_mmoll(found, block, edges, declared, writes)
    return [found[m.place] for m in block]


BEGINNING = row([5.5, 5.6], MMOL)


@pytest.mark.parametrize(
    ("end", "edge", "declared", "expected"),
    [
        ([meant(2, 120, 22.3, MMOL)], FAR, set(), [None]),
        ([meant(2, 120, 22.3, MMOL)], FAR, {2}, [MMOL]),
        ([meant(2, 120, 22.3, MMOL)], None, set(), [MMOL]),  # nothing else beyond it
        ([meant(2, 120, 11.5, MMOL)], FAR, set(), [MMOL]),
        ([meant(2, 120, 20.1, MMOL)], meant(50, 125, 362), set(), [MMOL]),
        (row([22.3] * 11, MMOL, 2, 120), FAR, set(), [None] * 11),
        (row([22.3] * 12, MMOL, 2, 120), FAR, set(), [MMOL] * 12),
        (row([22.0] * 12, MMOL, 2, 120), FAR, set(), [None] * 12),
    ],
)
def test_what_lies_beyond_a_gap_needs_evidence_of_its_own(
    end: list[_Meant], edge: Any, declared: set[int], expected: list[str | None]
) -> None:
    assert named_mmoll([*BEGINNING, *end], (None, edge), declared) == [MMOL, MMOL, *expected]


@pytest.mark.parametrize(
    ("values", "declared", "expected"), [([5, 20], set(), [MG, None]), ([5, 20], {0}, [MMOL, MMOL])]
)
def test_whole_numbers_of_a_sensor_without_decimals_are_codes_or_unknown(
    values: list[float], declared: set[int], expected: list[str | None]
) -> None:
    assert named_mmoll(row(values, MMOL), (None, None), declared, writes=False) == expected


NEAR = 300  # mg/dL within five minutes, out of reach


@pytest.mark.parametrize(
    ("values", "beside", "is_known"),
    [
        ([5.5], None, False),
        ([5.5, 5.6], None, True),
        ([22.3, 22.4], None, False),
        ([22.3] * 12, None, True),
        ([22.0] * 12, None, False),
        ([5.5] * 11, NEAR, False),
        ([5.5] * 12, NEAR, True),
        ([22.3] * 12, NEAR, False),
        ([5.5], 100, True),
    ],
)
def test_a_stretch_is_mmol_by_what_it_holds_or_fits(values: list[float], beside: float | None, is_known: bool) -> None:
    block = row(values, MMOL)
    ends = [] if beside is None else [(block[0], meant(50, -5, beside))]
    assert _is_mmol(block, ends) is is_known


# ---- rows of whole numbers


Row = list[tuple[int, Reading]]


def whole(values: list[float], first: int) -> Row:
    return [(first + n, Reading((first + n) * 5.0 * MINUTE, float(v))) for n, v in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "are_several"),
    [([4, 5, 6, 7] * 3, True), ([4, 5, 6] * 4, False), ([4, 5, 6, 7] * 2 + [4, 5, 6], False)],
)
def test_an_hour_of_four_values_is_no_row_of_codes(values: list[float], are_several: bool) -> None:
    assert _are_several(whole(values, 0)) is are_several


HOUR = [4, 5, 6, 7, 6, 5, 4, 5, 6, 7, 6, 5]


@pytest.mark.parametrize(
    ("strays", "tied", "found"),
    [
        (1, {16}, {"first", "last"}),
        (11, {26}, {"first", "last"}),
        (12, {27}, {"last"}),  # too many to be strays
        (1, {5, 16}, set()),  # certain at both ends
        (1, set(), {"first", "last"}),
    ],
)
def test_whole_mmol_is_found_on_both_sides_of_strays(strays: int, tied: set[int], found: set[str]) -> None:
    first, between = whole([5, 5, 6, 6], 0), whole([100.0] * strays, 4)
    last = whole(HOUR, 4 + strays)
    places = _tied_by_chance([(True, first), (False, between), (True, last)], tied)
    names = {"first": {n for n, _ in first}, "last": {n for n, _ in last}}
    assert places == set().union(*(names[name] for name in found))


def test_a_row_that_does_not_move_as_mmol_is_not_found() -> None:
    assert _tied_by_chance([(True, whole([4, 20, 5, 22] * 3, 0))], set()) == set()


# ---- what is weighed


def cost(value: float, unit: str, last: _Meant | None = None) -> tuple[float, bool]:
    amount, found = _cost(1, Reading(5 * MINUTE, value), unit, last)
    return round(amount, 6), found is not None


@pytest.mark.parametrize(
    ("value", "unit", "last", "expected"),
    [
        (0, MG, None, (0.01, False)),
        (0, MMOL, None, (0.01, False)),
        (0.5, MG, None, (0.01, False)),
        (0.7, MG, None, (0.01, False)),
        (12, MG, None, (0.01, False)),
        (0.8, MG, None, (100, True)),
        (11.5, MG, None, (100, True)),
        (12.5, MG, None, (2, True)),
        (38.9, MG, None, (2, True)),
        (39, MG, None, (0, True)),
        (5.5, MMOL, None, (0, True)),
        (27.8, MMOL, None, (0, True)),
        (27.9, MMOL, None, (20, True)),
        (0.5, MMOL, None, (0, True)),
        (5, MMOL, meant(0, 0, 100), (0, True)),
        (5, MMOL, meant(0, 0, 131), (40, False)),
        (5, MMOL, meant(0, 0, 130.5), (40, False)),
        (0.7, MMOL, meant(0, 0, 100), (40, False)),
        (5.5, MMOL, meant(0, 0, 140), (1, True)),
        (100, MG, meant(0, 0, 141), (1, True)),
    ],
)
def test_each_meaning_has_its_price(value: float, unit: str, last: _Meant | None, expected: tuple[float, bool]) -> None:
    assert cost(value, unit, last) == expected


def cheapest(*readings: tuple[float, float]) -> list[str]:
    return [m.unit for m in _cheapest([Reading(minute * MINUTE, value) for minute, value in readings])]


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(0, 5.0)], [MMOL]),
        ([(0, 13.5), (5, 15.97222)], [MG, MG]),  # two lows, or half a mg/dL more out of reach
        ([(0, 5.5), (5, 39.0)], [MMOL, MG]),
        ([(0, 132.4), (5, 12.5)], [MG, MG]),
        ([(0, 133.2), (5, 12.5)], [MG, MMOL]),
        ([(5 * n, 22.3) for n in range(15)] + [(300, 100.0)], [MG] * 16),  # as much as a change of unit
        ([(5 * n, 22.3) for n in range(16)] + [(300, 100.0)], [MMOL] * 16 + [MG]),
        # Up to the fifth, five lows and a change cost what two values beyond sensors do: nothing is changed.
        ([(300 * n, 34.0 if n in (3, 4) else 22.3) for n in range(60)] + [(18000, 100.0)], [MMOL] * 60 + [MG]),
    ],
)
def test_the_cheapest_way_is_taken(readings: list[tuple[float, float]], expected: list[str]) -> None:
    assert cheapest(*readings) == expected


@pytest.mark.parametrize(
    ("value", "declared", "unit", "is_possible"),
    [(39.0, MMOL, MMOL, False), (39.0, MMOL, MG, True), (38.9, MMOL, MG, False), (38.9, None, MG, True)],
)
def test_from_39_on_a_number_is_mgdl(value: float, declared: str | None, unit: str, is_possible: bool) -> None:
    assert _is_possible(Reading(0, value, declared), unit) is is_possible


@pytest.mark.parametrize(
    ("values", "is_mmol"),
    [
        ([21, 22, 23, 24, 25, 27, 28, 29], True),
        ([21, 22, 23, 24, 26, 27, 28, 29], False),  # a median of 25
        ([4, 5, 6, 7, 8, 9, 10, 10], False),
        ([4, 5, 6, 7, 8, 9, 10, 38], True),
        ([4, 5, 6, 7, 8, 9, 10, 39], False),
        ([], False),
    ],
)
def test_whole_numbers_are_mmol_from_eight_values_on(values: list[float], is_mmol: bool) -> None:
    assert _are_whole_mmol(values) is is_mmol


@pytest.mark.parametrize(
    ("block", "tied"),
    [
        (row([22, 27, 28]), {0, 1, 2}),
        (row([22, 27, 27]), set()),
        ([meant(0, 0, 22), meant(1, 21, 28)], {1}),
        ([meant(0, 0, 5.5, MMOL), meant(1, 5, 5, MMOL)], {0, 1}),
        ([meant(0, 0, 0.7, MMOL), meant(2, 5, 5.5, MMOL)], {2}),  # not one after the other, and a code
        ([meant(0, 0, 0.7, MMOL), meant(1, 5, 0.8, MMOL)], {0, 1}),
        ([meant(0, 0, 0.8, MMOL), meant(2, 5, 0.9, MMOL)], {0, 2}),
    ],
)
def test_a_chain_leads_to_a_number_beyond_doubt(block: list[_Meant], tied: set[int]) -> None:
    assert _tied(block) == tied


# ---- other sensors


@pytest.mark.parametrize(
    ("value", "others", "unit"),
    [
        (22.3, [(0, 62.3)], MG),
        (22.3, [(0, 62.4)], None),
        (22.3, [(20, 400)], MMOL),
        (22.3, [(-20, 441.4)], MMOL),
        (22.3, [(20.1, 400)], None),
        (22.3, [(0, 441.5)], None),
        (5.5, [(0, 40)], None),
        (5, [(0, 90)], None),
        (13, [(-1, 200), (0, 53)], None),  # it fits both
        (22.3, [(-1, 400), (19, 200)], MMOL),
        (22.3, [(0, 62.3), (30, 400)], MG),
        (22.3, [(-2, 60), (-1, 400), (19, 900)], MMOL),  # the last before and the next
        (22.3, [(0, 62.3), (1, 400)], MG),
        (22.3, [(-30, 400), (-10, 60), (30, 400)], MG),
    ],
)
def test_another_sensor_s_reading_of_the_time_tells_the_unit(
    value: float, others: list[tuple[float, float]], unit: str | None
) -> None:
    assert _as_other_sensors(Reading(0, value), [(m * MINUTE, mgdl) for m, mgdl in sorted(others)]) == unit


def test_only_readings_of_a_known_unit_tell_others() -> None:
    readings = [Reading(n, v) for n, v in enumerate([5.5, 12.0, 12.5, 100.0, 22.3, 0.7])]
    assert _known(readings, [MMOL, MG, MG, MG, None, ERROR_CODE]) == [(0, 99.0), (2, 12.5), (3, 100.0)]


@pytest.mark.parametrize(("apart_min", "unit"), [(0, MMOL), (20, MMOL), (21, None)])
def test_a_lonely_reading_is_known_by_another_sensor(apart_min: float, unit: str | None) -> None:
    lonely = [Reading(0, 22.3)]
    other = [Reading((apart_min + 5 * n) * MINUTE, 400.0) for n in range(3)]
    assert units_of([lonely, other])[0] == [unit]
    assert units_of([other, lonely])[1] == [unit]
