"""The glucose metrics are the consensus' own, whatever the order of the readings; hours are the local clock's."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.proposal.document import Glucose
from flows.proposal.glucose import LEAST_READINGS_OF_AN_HOUR, glucose_of
from flows.values.local_days import LocalDay

DAY = LocalDay(date(2026, 5, 13), "Europe/Paris")
MINUTE = 60_000


def readings(values: list[float], every_min: int = 5, start_ms: float | None = None) -> list[dict[str, Any]]:
    start = DAY.glucose.start_ms if start_ms is None else start_ms
    return [{"date": start + n * every_min * MINUTE, "sgv": v} for n, v in enumerate(values)]


def found(values: list[float], **options: Any) -> Glucose:
    made = glucose_of([DAY], [readings(values, **options)], [[]], 12.5)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("mgdl", "band"),
    [
        (53.9, "below_54_percent"),
        (54, "from_54_to_69_percent"),
        (69.9, "from_54_to_69_percent"),
        (70, "in_range_70_180_percent"),
        (180, "in_range_70_180_percent"),
        (181, "from_181_to_250_percent"),
        (250, "from_181_to_250_percent"),
        (251, "above_250_percent"),
    ],
)
def test_a_reading_is_counted_in_its_band(mgdl: float, band: str) -> None:
    assert getattr(found([mgdl] * 10), band) == 100.0


@pytest.mark.parametrize(
    ("mgdl", "below_63", "above_140"), [(62.9, 100.0, 0.0), (63, 0.0, 0.0), (140, 0.0, 0.0), (140.1, 0.0, 100.0)]
)
def test_a_reading_is_counted_by_pregnancys_limits(mgdl: float, below_63: float, above_140: float) -> None:
    made = found([mgdl] * 10)
    assert (made.below_63_percent, made.above_140_percent) == (below_63, above_140)


@given(st.lists(st.integers(39, 400), min_size=1, max_size=288), st.randoms())
def test_the_shares_make_a_whole_and_the_order_does_not_matter(values: list[int], chance: Any) -> None:
    records = readings(list(map(float, values)))
    first = glucose_of([DAY], [records], [[]], None)
    assert first is not None
    shares = (
        *(first.below_54_percent, first.from_54_to_69_percent, first.in_range_70_180_percent),
        *(first.from_181_to_250_percent, first.above_250_percent),
    )
    assert sum(shares) == pytest.approx(100, abs=0.05)
    assert first.mean_mmoll == pytest.approx(first.mean_mgdl / 18, abs=0.004)
    chance.shuffle(records)
    assert glucose_of([DAY], [records], [[]], None) == first


def test_hours_are_the_local_clocks_and_need_an_hours_readings() -> None:
    made = found([100.0] * LEAST_READINGS_OF_AN_HOUR + [200.0] * (LEAST_READINGS_OF_AN_HOUR - 1))
    assert (made.by_hour[4].median_mgdl, made.by_hour[4].median_mmoll) == (100.0, 5.556)
    assert (made.by_hour[5].readings, made.by_hour[5].median_mgdl) == (LEAST_READINGS_OF_AN_HOUR - 1, None)
    assert made.by_hour[3].readings == 0


def test_error_codes_and_what_is_no_reading_are_left_out() -> None:
    records = [*readings([38.0, 100.0]), {"date": "soon", "sgv": 100}, {"sgv": 100}, {"date": 1, "sgv": None}]
    made = glucose_of([DAY], [records], [[]], None)
    assert made is not None
    assert (made.readings, made.mean_mgdl) == (1, 100.0)
    assert glucose_of([DAY], [[]], [[]], None) is None
    assert glucose_of([], [], [], None) is None


def test_a_full_day_is_covered_wholly_also_where_the_clock_changes() -> None:
    spring = LocalDay(date(2026, 3, 28), "Europe/Paris")  # 23 hours, 04:00 to 04:00
    records = readings([120.0] * 276, start_ms=spring.glucose.start_ms)
    made = glucose_of([spring], [records], [[]], None)
    assert made is not None
    assert made.coverage_percent == 100.0


def test_lows_and_rises_nobody_entered_carbs_for_are_counted() -> None:
    course = [*[110.0] * 6, 100.0, 95.0, 88.0, 82.0, 76.0, 71.0, *[60.0] * 6, *[130.0] * 20]
    assert (found(course).lows, found(course).rises_after_lows_without_carbs) == (1, 1)
    eaten = [{"created_at": "2026-05-13T03:10:00.000Z", "carbs": 15}]
    made = glucose_of([DAY], [readings(course)], [eaten], None)
    assert made is not None
    assert (made.lows, made.rises_after_lows_without_carbs) == (1, 0)


def test_a_sudden_low_at_night_counts_as_a_low_and_not_as_untold_carbs() -> None:
    course = [*[110.0] * 228, *[60.0] * 6, *[130.0] * 20]  # from 23:00
    slowly = [*[110.0] * 228, 100.0, 90.0, 82.0, 75.0, 71.0, *[60.0] * 6, *[130.0] * 20]
    assert [(m.lows, m.rises_after_lows_without_carbs) for m in (found(course), found(slowly))] == [(1, 0), (1, 1)]
