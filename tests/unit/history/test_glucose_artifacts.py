"""What is no glucose is told by its course, just below and just above each threshold; nothing is removed for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flows.history.glucose_artifacts import Curve, compression_lows, flat_hours, impossible_steps, noisy_hours
from flows.history.quality import doubtful_glucose
from flows.values.timestamps import iso_utc

MINUTE = 60_000
NIGHT = datetime(2026, 5, 13, 2, tzinfo=UTC).timestamp() * 1000


def of(values: list[float], every_min: float = 5, start: float = NIGHT) -> Curve:
    return [(start + n * every_min * MINUTE, v) for n, v in enumerate(values)]


@pytest.mark.parametrize(("noise", "hours"), [(2, 0), (3, 1), (4, 1), ("3", 1), (None, 0), ("heavy", 0), (True, 0)])
def test_readings_that_oref0_would_not_dose_from_are_noisy(noise: Any, hours: float) -> None:
    assert noisy_hours([{"date": NIGHT + n * 5 * MINUTE, "noise": noise} for n in range(12)]) == hours


@pytest.mark.parametrize(("count", "hours"), [(1, 0.08), (2, 0.17), (3, 0.25)])
def test_noisy_hours_have_two_decimals(count: int, hours: float) -> None:
    assert noisy_hours([{"date": NIGHT + n * 5 * MINUTE, "noise": 3} for n in range(count)]) == hours


def test_noise_of_a_fast_sensor_is_counted_in_hours_too() -> None:
    assert noisy_hours([{"date": NIGHT + n * MINUTE, "noise": 4} for n in range(60)]) == 1


@pytest.mark.parametrize(
    ("values", "every_min", "count"),
    [
        ([100, 160, 100], 5, 0),
        ([100, 160.1, 100], 5, 2),
        ([100, 161, 162], 5, 1),
        ([160, 100, 160], 5, 0),
        ([161, 100, 161], 5, 2),
        ([100, 161, 100], 7.5, 2),
        ([100, 161, 100], 7.6, 0),
    ],
)
def test_steps_glucose_cannot_make_are_counted(values: list[float], every_min: float, count: int) -> None:
    assert impossible_steps(of(values, every_min)) == count


@pytest.mark.parametrize(
    ("values", "hours"),
    [
        ([120.0] * 12, 0),
        ([120.0] * 13, 1),
        ([120.0] * 25, 2),
        ([120.0, 121.0] * 25, 0),
        ([398.9] * 25, 2),
        ([399.0] * 25, 0),  # above what the sensor can show
        ([401.0] * 25, 0),
        ([40.0] * 25, 0),
        ([40.9] * 25, 0),
        ([41.0] * 25, 2),
        ([120.0] * 13 + [130.0] + [120.0] * 13, 2),
    ],
)
def test_an_hour_of_one_value_is_a_stuck_sensor(values: list[float], hours: float) -> None:
    assert flat_hours(of(values)) == hours


@pytest.mark.parametrize(("gap_min", "hours"), [(20, 2.33), (20.1, 2)])
def test_a_stuck_sensor_is_not_seen_across_a_gap(gap_min: float, hours: float) -> None:
    first = of([120.0] * 13)
    second = of([120.0] * 13, start=first[-1][0] + gap_min * MINUTE)
    assert flat_hours([*first, *second]) == hours


def low(fall: float = 40, rise: float = 40, minutes: int = 30, start: float = NIGHT, top: float = 95) -> Curve:
    """A night at `top` with a sudden low: down by `fall` within 15 minutes, up by `rise`."""
    floor = top - fall
    values = [float(top)] * 12 + [top - fall / 3, top - 2 * fall / 3] + [floor] * (minutes // 5)
    return of([*values, floor + rise / 3, floor + 2 * rise / 3, *[floor + rise] * 12], start=start)


def given(minutes: float, **more: Any) -> dict[str, Any]:
    return {"created_at": iso_utc(NIGHT + minutes * MINUTE), **more}


def test_a_sudden_low_at_night_that_comes_back_is_compression() -> None:
    assert compression_lows(low(), [], "UTC") == 1
    assert compression_lows([*low(), *low(start=NIGHT + 4 * 60 * MINUTE)], [], "UTC") == 2


@pytest.mark.parametrize(
    ("fall", "rise", "count"), [(30, 30, 1), (29.9, 40, 0), (40, 29.9, 0), (25, 60, 0), (60, 60, 1)]
)
def test_both_ways_are_sudden(fall: float, rise: float, count: int) -> None:
    assert compression_lows(low(fall, rise), [], "UTC") == count


@pytest.mark.parametrize(("floor", "count"), [(69.9, 1), (70, 0)])
def test_what_is_not_below_70_is_no_low(floor: float, count: int) -> None:
    assert compression_lows(low(105 - floor, 105 - floor, top=105), [], "UTC") == count


@pytest.mark.parametrize(("minutes", "count"), [(15, 1), (15.1, 0)])
def test_what_is_sudden_takes_no_more_than_a_quarter_of_an_hour(minutes: float, count: int) -> None:
    high, floor = of([95.0] * 12), NIGHT + (55 + minutes) * MINUTE
    falling = [(NIGHT + 62 * MINUTE, 80.0), *of([65.0] * 6, start=floor)]
    assert compression_lows([*high, *falling, *of([80.0, 95.0], start=floor + 30 * MINUTE)], [], "UTC") == count


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([], 0),
        ([69, 39, 39, 39, 70, 95], 0),  # nobody knows what was before
        ([70, 39, 39, 39, 70, 95], 1),
        ([95, 39, 39, 39, 69], 0),  # nor what came after
        ([95, 39, 39, 39, 70], 1),
    ],
)
def test_a_low_lies_between_readings_that_are_none(values: list[float], count: int) -> None:
    assert compression_lows(of(values), [], "UTC") == count


@pytest.mark.parametrize(
    ("minutes", "count"),
    [(-180.1, 0), (-180, 1), (165, 1), (165.1, 0)],  # from the day's first reading to its last
)
def test_a_bolus_is_compared_with_those_of_the_day(minutes: float, count: int) -> None:
    day = [*of([95.0] * 36, start=NIGHT - 180 * MINUTE), *low()]
    treatments = [given(60, insulin=0.9), given(minutes, insulin=8.2)]
    assert compression_lows(day, treatments, "UTC") == count


@pytest.mark.parametrize(("hour", "count"), [(21.9, 0), (22, 1), (23, 1), (7.9, 1), (8, 0), (12, 0)])
def test_only_by_night(hour: float, count: int) -> None:
    midnight = datetime(2026, 5, 13, tzinfo=UTC).timestamp() * 1000
    assert (
        compression_lows(low(start=midnight + (hour * 60 - 65) * MINUTE), [], "UTC") == count
    )  # it begins 65 min later


@pytest.mark.parametrize(("zone", "count"), [("UTC", 1), ("Asia/Tokyo", 0), ("America/New_York", 1)])
def test_night_is_the_person_s_own(zone: str, count: int) -> None:
    assert compression_lows(low(), [], zone) == count


@pytest.mark.parametrize(("minutes", "count"), [(110, 1), (115, 0)])
def test_a_low_of_more_than_two_hours_is_none(minutes: int, count: int) -> None:
    assert compression_lows(low(minutes=minutes), [], "UTC") == count


@pytest.mark.parametrize(
    ("treatments", "count"),
    [
        ([], 1),
        ([given(60, carbs=15)], 0),
        ([given(4, carbs=15)], 1),
        ([given(5, carbs=15)], 0),
        ([given(6, carbs=15)], 0),
        ([given(164, carbs=15)], 0),
        ([given(165, carbs=15)], 0),
        ([given(166, carbs=15)], 1),
        ([given(60, carbs=0)], 1),
        ([given(60, carbs=0.5)], 0),
        ([given(60, insulin=1.0)], 0),
        ([given(60, insulin=0.9), given(150, insulin=8.2)], 1),  # a tenth of the day's, or less
        ([given(60, insulin=0.9), given(150, insulin=8.1)], 0),
        ([given(-116, insulin=1.0)], 1),  # more than three hours before
        ([given(-115, insulin=1.0)], 0),
        ([given(65, insulin=1.0)], 0),  # with its first reading
        ([given(66, insulin=1.0)], 1),
        ([given(75, insulin=1.0)], 1),  # after it
    ],
)
def test_insulin_and_carbs_explain_a_low(treatments: list[dict[str, Any]], count: int) -> None:
    assert compression_lows(low(), treatments, "UTC") == count


def test_what_is_left_out_of_upstream_shows_the_fall_all_the_same() -> None:
    assert compression_lows(low(57, 57), [], "UTC") == 1


@pytest.mark.parametrize(
    ("name", "value"), [("noisy_h", 1.0), ("impossible_steps", 2), ("flat_h", 2.0), ("compression_lows", 1)]
)
def test_the_verdict_knows_the_days_by_name(name: str, value: float) -> None:
    fine: dict[str, Any] = {
        **{"date": "2026-05-12", "status": "used", "readings": 288, "coverage": 1.0, "longest_gap_h": 0.2},
        **{"boluses": 5, "insulin_u": 20.0, "carb_entries": 3, "carbs_g": 150.0, "temp_basals": 48},
        **{"sensors": 1, "uploaders": 1},
    }
    assert doubtful_glucose([fine]) == []
    skipped = {**fine, "status": "skipped", name: value}
    (doubt,) = doubtful_glucose([fine, skipped, {**fine, "date": "2026-05-13", name: value}])
    assert (doubt.name, doubt.colour) == ("doubtful_glucose", "amber")
    assert "1 of 2 days" in doubt.sentence and "--exclude 2026-05-13" in doubt.sentence
