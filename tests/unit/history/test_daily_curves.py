"""The curve of each day: quarters by the local clock, lows kept, gaps left."""

from __future__ import annotations

from datetime import date

import pytest

from flows.history.daily_curves import QUARTERS, daily_curves, values_of
from flows.history.glucose import HighReading, LowReading, Readings
from flows.history.glucose_values import ABOVE_RANGE_MGDL
from flows.values.local_days import LocalDay
from tests.people import DAY, MINUTE, ZONE

START = LocalDay(DAY, ZONE).glucose.start_ms


def curve(
    *seen: tuple[float, float], lows: tuple[tuple[float, float], ...] = (), highs: tuple[float, ...] = ()
) -> list[int | None]:
    """The curve of `DAY`, from minutes after 04:00 and mg/dL."""
    given = [{"date": START + at * MINUTE, "sgv": mgdl} for at, mgdl in seen]
    readings = Readings(
        given,
        [LowReading(START + at * MINUTE, mgdl) for at, mgdl in lows],
        [HighReading(START + at * MINUTE) for at in highs],
        [],
    )
    return values_of(daily_curves(readings, [str(DAY)], ZONE)[str(DAY)])


def test_each_quarter_has_its_middle_reading_and_where_there_is_none_a_gap() -> None:
    found = curve((0, 100), (5, 140), (10, 110), (15, 120), (45, 130))
    assert found[:5] == [110, 120, None, 130, None]
    assert len(found) == QUARTERS


@pytest.mark.parametrize(("lowest", "shown"), [(69, 69), (70, 90)])
def test_a_low_is_not_averaged_away(lowest: float, shown: int) -> None:
    assert curve((0, 95), (5, lowest), (10, 90))[0] == shown


def test_what_upstream_does_not_get_is_in_the_curve() -> None:
    found = curve((0, 100), (5, 32), lows=((15, 32.4),), highs=(30,))
    assert found[:4] == [100, 32, ABOVE_RANGE_MGDL, None]


def test_a_reading_of_before_four_is_of_the_day_before() -> None:
    assert curve((-1, 100), (24 * 60, 100)) == [None] * QUARTERS
    assert curve((24 * 60 - 1, 100))[-1] == 100


@pytest.mark.parametrize(("day", "spring"), [("2026-03-28", True), ("2026-10-24", False)])
def test_a_day_with_a_change_of_the_clock_keeps_to_the_clock(day: str, spring: bool) -> None:
    window = LocalDay(date.fromisoformat(day), ZONE).glucose
    given = [{"date": ms, "sgv": 100} for ms in range(window.start_ms, window.end_ms, 5 * MINUTE)]
    found = values_of(daily_curves(Readings(given, [], [], []), [day], ZONE)[day])
    at_two = 4 * (24 + 2 - 4)
    assert found[:at_two] == [100] * at_two
    assert found[at_two : at_two + 4] == [None if spring else 100] * 4
    assert found[at_two + 4 :] == [100] * 4
