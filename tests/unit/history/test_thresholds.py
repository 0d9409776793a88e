"""Each number of the history's rules that decides something, just below and just above; written out here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.history import boluses, carbs, long_acting, temp_basals
from flows.history.duplicates import remove_duplicates
from flows.history.glucose_declared import _is_wrong
from flows.history.records import Context, Quarantined
from flows.history.sensors import one_sensor_at_a_time
from flows.profiles.schedule_blocks import read_schedule
from flows.values.ledger import Ledger
from flows.values.schedule import Schedule

MINUTE_MS = 60_000
START_MS = 1_777_593_600_000


def context(**more: Any) -> Context:
    return cast(Context, SimpleNamespace(zone="UTC", basal_u_per_h=None, **more))


@pytest.mark.parametrize(("median", "is_wrong"), [(24.9, True), (25.0, False)])
def test_readings_said_to_be_mgdl_are_not_believed_below_a_median_of_25(median: float, is_wrong: bool) -> None:
    assert _is_wrong([15.0, median, 40.0], "mg/dL") is is_wrong


@pytest.mark.parametrize(("minutes", "fills"), [(10, True), (9.9, False)])
def test_another_sensor_fills_a_gap_ten_minutes_from_both_ends(minutes: float, fills: bool) -> None:
    preferred = [0.0, 5.0, 10.0, 31.0, 36.0, 41.0]
    records = [
        (f"{device}-{n}", {"device": device, "date": START_MS + at * MINUTE_MS, "sgv": 100 if device == "a" else 160})
        for device, instants in (("a", preferred), ("b", [10 + minutes]))
        for n, at in enumerate(instants)
    ]
    kept = [name for name, _ in one_sensor_at_a_time(records, Ledger())]
    assert ("b-0" in kept) is fills


@pytest.mark.parametrize(("minutes", "is_gap"), [(20.1, True), (20.0, False)])
def test_more_than_twenty_minutes_are_a_gap(minutes: float, is_gap: bool) -> None:
    preferred = [0.0, 5.0, 5.0 + minutes, 10.0 + minutes]
    records = [
        (f"{device}-{n}", {"device": device, "date": START_MS + at * MINUTE_MS, "sgv": 100 if device == "a" else 160})
        for device, instants in (("a", preferred), ("b", [5 + minutes / 2]))
        for n, at in enumerate(instants)
    ]
    assert ("b-0" in [name for name, _ in one_sensor_at_a_time(records, Ledger())]) is is_gap


def bolus(number: int, second: float, **more: Any) -> tuple[str, dict[str, Any]]:
    at = f"2026-05-01T10:{int(second) // 60:02d}:{second % 60:06.3f}Z"
    return f"bolus-{number}", {"eventType": "Bolus", "insulin": 1.0, "created_at": at, **more}


@pytest.mark.parametrize(("seconds", "is_one"), [(2.0, True), (2.001, False)])
def test_the_same_insulin_and_carbs_within_two_seconds_are_one(seconds: float, is_one: bool) -> None:
    records = [bolus(0, 0.0, carbs=10, enteredBy="a"), bolus(1, seconds, carbs=10, enteredBy="b")]
    assert (len(remove_duplicates(records, context(), Ledger())) == 1) is is_one


def test_a_duplicate_is_found_among_fifty_events_of_the_same_moment() -> None:
    others = [bolus(n, 0.1 + n / 30, insulin=2.0 + n, carbs=20 + n, enteredBy="a") for n in range(45)]
    twin = [bolus(100, 0.0, carbs=10, enteredBy="a"), bolus(101, 1.9, carbs=10, enteredBy="b")]
    kept = [name for name, _ in remove_duplicates([*twin, *others], context(), Ledger())]
    assert len([name for name in kept if name in ("bolus-100", "bolus-101")]) == 1


@pytest.mark.parametrize(("amount", "differs"), [(1.05, False), (1.052, True)])
def test_a_pump_s_amount_may_differ_by_a_step(amount: float, differs: bool) -> None:
    record = {"eventType": "Bolus", "insulin": 1.0, "_type": "Bolus", "amount": amount}
    assert isinstance(boluses.pump_record_is_plain(record, context()), Quarantined) is differs


@pytest.mark.parametrize(("given", "missing"), [(0.95, False), (0.948, True)])
def test_parts_of_a_combo_bolus_may_be_short_of_the_whole_by_a_step(given: float, missing: bool) -> None:
    record = {"eventType": "Combo Bolus", "enteredinsulin": 1.0}
    assert boluses._parts_are_missing(record, given, 0.0) is missing
    exactly = {"eventType": "Combo Bolus", "enteredinsulin": 0.102}  # twice the step
    assert not boluses._parts_are_missing(exactly, 0.051, 0.0)


@pytest.mark.parametrize(("rate", "is_percent"), [(60, True), (50, False), (65, False)])
def test_a_round_rate_above_five_times_the_highest_basal_is_a_percentage(rate: float, is_percent: bool) -> None:
    found = context()
    found = cast(Context, SimpleNamespace(zone="UTC", basal_u_per_h=Schedule.constant(10.0)))
    assert temp_basals._looks_like_percent(rate, found) is is_percent


@pytest.mark.parametrize(("grams", "is_left"), [(0, True), (-1, True)])
def test_no_carbs_are_spread_over_time(grams: float, is_left: bool) -> None:
    record = {"carbs": grams, "duration": 60, "created_at": "2026-05-01T10:00:00Z", "enteredBy": "AndroidAPS"}
    assert (carbs.extended_are_eaten_over_time(record, context()) is None) is is_left
    more = {**record, "carbs": 1}
    assert carbs.extended_are_eaten_over_time(more, context()) is not None


@pytest.mark.parametrize(("value", "is_same"), [(1.0 + 9e-7, True), (1.0 + 2e-6, False)])
def test_two_schedules_are_the_same_within_a_millionth(value: float, is_same: bool) -> None:
    assert read_schedule(1.0, "basal", []).same_as(Schedule.constant(value)) is is_same


@pytest.mark.parametrize("insulin", [0, -0.5, None])
def test_a_long_acting_record_without_insulin_is_left_as_it_is(insulin: float | None) -> None:
    assert long_acting.long_acting_is_no_bolus({"insulin": insulin, "isBasalInsulin": True}, context()) is None
    assert long_acting.long_acting_is_no_bolus({"insulin": 0.1, "isBasalInsulin": True}, context()) is not None
