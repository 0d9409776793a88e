"""Local days: cut as GNU date cuts them in upstream's script, and without loss or overlap where the clock changes."""

from __future__ import annotations

import os
import subprocess
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import Reason, Refused
from flows.values.local_days import LONGEST_RANGE_DAYS, LocalDay, canonical_zone, day_of, day_range, utc_offset_min

ZONES = [
    "Europe/Paris",
    "America/New_York",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Etc/GMT+7",
    "UTC",
    "America/St_Johns",
]
DST_DAYS = [
    date(2026, 3, 29),
    date(2025, 10, 26),
    date(2026, 3, 8),
    date(2025, 11, 2),
    date(2026, 4, 5),
    date(2026, 1, 1),
]


@pytest.mark.parametrize("zone", [z for z in ZONES if z != "Africa/Cairo"])
@pytest.mark.parametrize("day", DST_DAYS, ids=str)
def test_upstreams_windows_are_those_gnu_date_computes(zone: str, day: date, gnu_date: bool) -> None:
    def gnu(expression: str) -> int:
        done = subprocess.run(  # noqa: S603
            ["date", f"--date={day} {expression}", "+%s"],  # noqa: S607
            env={**os.environ, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout) * 1000

    local = LocalDay(day, zone)
    assert local.upstream_glucose.start_ms == gnu("+4 hours")
    assert local.upstream_glucose.end_ms == gnu("+28 hours")
    assert local.treatments.start_ms == gnu("-18 hours")
    assert local.treatments.end_ms == gnu("+42 hours")


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_of_days_has_no_gap_and_no_overlap(zone: str) -> None:
    days = day_range(date(2025, 7, 1), date(2026, 7, 1), zone)
    for day, following in pairwise(days):
        assert day.glucose.end_ms == following.glucose.start_ms
        assert 22.5 <= day.length_hours <= 25.5


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 28), "Europe/Paris", 23),
        (date(2025, 10, 25), "Europe/Paris", 25),
        (date(2026, 3, 7), "America/New_York", 23),
        (date(2025, 11, 1), "America/New_York", 25),
        (date(2026, 4, 4), "Australia/Lord_Howe", 24.5),
        (date(2026, 5, 13), "Asia/Kolkata", 24),
    ],
)
def test_a_day_has_the_hours_its_clock_gives_it(day: date, zone: str, hours: float) -> None:
    assert LocalDay(day, zone).length_hours == hours


@given(
    st.integers(1_420_000_000_000, 1_890_000_000_000),
    st.sampled_from(ZONES),
)
def test_every_instant_belongs_to_exactly_the_day_that_holds_it(ms: int, zone: str) -> None:
    day = day_of(ms, zone)
    assert day.glucose.holds(ms)
    assert not LocalDay(day.date - timedelta(days=1), zone).glucose.holds(ms)
    assert not day.next().glucose.holds(ms)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("ETC/GMT+7", "Etc/GMT+7"), ("europe/paris", "Europe/Paris"), (" UTC ", "UTC"), ("us/pacific", "US/Pacific")],
)
def test_a_zone_is_found_whatever_its_case(written: str, canonical: str) -> None:
    assert canonical_zone(written) == canonical


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "GMT+25", "../etc/passwd", "Europe"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(Refused) as caught:
        canonical_zone(name)
    assert caught.value.reason is Reason.UNKNOWN_TIMEZONE


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        day_range(date(2026, 1, 2), date(2026, 1, 1), "UTC")
    assert caught.value.reason is Reason.END_BEFORE_START


def test_offsets_are_minutes_east_of_utc() -> None:
    assert utc_offset_min(1_747_000_000_000, "Asia/Kolkata") == 330
    assert utc_offset_min(1_747_000_000_000, "Etc/GMT+7") == -420


def test_a_range_of_days_has_an_end() -> None:
    first = date(2016, 1, 1)
    last = first + timedelta(days=LONGEST_RANGE_DAYS - 1)
    assert len(day_range(first, last, "UTC")) == LONGEST_RANGE_DAYS
    with pytest.raises(Refused) as caught:
        day_range(first, last + timedelta(days=1), "UTC")
    assert caught.value.reason is Reason.TOO_MANY_DAYS
