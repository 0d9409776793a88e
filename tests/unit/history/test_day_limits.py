"""Where a day, an event, a reading or a sensor begins to count: just inside and just outside of each limit."""

from __future__ import annotations

from collections import Counter
from dataclasses import MISSING, fields, replace
from datetime import date
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.history.days import DayData, Selection, covered_days, cut_days
from flows.history.duplicates import remove_duplicates
from flows.history.events import LOOP_OFF, OVERRIDES, SUSPENDED, Event, find_events, notes_on
from flows.history.glucose import (
    UNKNOWN_UNIT,
    _as_written,
    _why_not_beside,
    read_glucose,
    sensor_readings_only,
    value_is_a_number,
)
from flows.history.glucose_declared import Reading, is_mmol_only, trusted
from flows.history.glucose_units import units_of
from flows.history.glucose_values import is_error_code, low_left_out_mgdl, upstream_mgdl, value_field
from flows.history.lows import Low, lows
from flows.history.quality import RULES, DayFacts, facts_of, judge_day
from flows.history.quarantine import check_quarantine
from flows.history.records import Changed, Context, Dropped, Quarantined, identity
from flows.history.sensors import one_sensor_at_a_time
from flows.history.travel import _days_by_zone
from flows.history.uploaders import uploader
from flows.values.ledger import Entry, Ledger
from flows.values.local_days import LocalDay
from flows.values.schedule import Schedule
from flows.values.timestamps import iso_utc

MINUTE, HOUR = 60_000, 3_600_000
DAY = LocalDay(date(2026, 5, 13), "UTC")
START = DAY.glucose.start_ms  # 04:00
CONTEXT = Context("UTC", Schedule.constant(1.0), START + 24 * HOUR)
GOOD = DayFacts(288, 1.0, 0.2, 5, 20.0, 3, 150.0, 48, 1, 1)


# ---- days


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({}, []),
        ({"readings": 0}, ["no_readings"]),
        ({"readings": 1}, ["few_readings"]),
        ({"readings": 5, "coverage": 0.1}, ["few_readings"]),
        ({"readings": 6}, []),
        ({"readings": 6, "coverage": 0.1}, ["half_a_day"]),
        ({"coverage": 0.499}, ["half_a_day"]),
        ({"coverage": 0.5}, ["thin"]),
        ({"coverage": 0.699}, ["thin"]),
        ({"coverage": 0.7}, []),
        ({"longest_gap_h": 3.0}, []),
        ({"longest_gap_h": 3.01}, ["gap"]),
        ({"longest_gap_h": 9.0, "coverage": 0.499}, ["half_a_day"]),
        ({"longest_gap_h": 9.0, "coverage": 0.5}, ["thin", "gap"]),
        ({"boluses": 0, "temp_basals": 0}, ["no_insulin"]),
        ({"boluses": 1, "temp_basals": 0}, []),
        ({"boluses": 0, "temp_basals": 1}, []),
        ({"carb_entries": 0}, ["no_carbs"]),
        ({"carb_entries": 1}, []),
        ({"sensors": 0}, []),
        ({"sensors": 2}, ["sensors"]),
        ({"noisy_h": 0.99}, []),
        ({"noisy_h": 1.0}, ["noise"]),
        ({"impossible_steps": 1}, []),
        ({"impossible_steps": 2}, ["impossible_steps"]),
        ({"flat_h": 1.99}, []),
        ({"flat_h": 2.0}, ["flat"]),
        ({"compression_lows": 1}, ["compression_lows"]),
        ({"noisy_h": 12.0}, ["noise"]),
        ({"noisy_h": 12.1}, ["untrusted", "noise"]),
        ({"noisy_h": 8.0, "flat_h": 4.1}, ["untrusted", "noise", "flat"]),
        ({"noisy_h": 12.1, "coverage": 0.499}, ["half_a_day", "noise"]),
    ],
)
def test_a_rule_about_a_day_holds_from_here_on(change: dict[str, Any], rules: list[str]) -> None:
    assert [rule.name for rule in RULES if rule.holds(replace(GOOD, **change))] == rules


def test_the_worst_is_said_first() -> None:
    colour, remarks = judge_day(replace(GOOD, sensors=2, boluses=0, temp_basals=0))
    assert (colour, [r.split()[0] for r in remarks]) == ("red", ["no", "readings"])
    assert judge_day(replace(GOOD, sensors=2))[0] == "amber"
    assert judge_day(GOOD)[0] == "green"


def reading(ms: float, value: Any = 100, device: str = "a", **more: Any) -> dict[str, Any]:
    return {"sgv": value, "date": START + ms, "device": device, **more}


@pytest.mark.parametrize(
    ("instants", "coverage", "gap_h"),
    [
        ([0, 140_000], 1 / 288, 23.96),
        ([0, 299_999], 2 / 288, 23.92),
        ([0, 300_000], 2 / 288, 23.92),
        ([n * 300_000 for n in range(144)], 0.5, 12.08),
        ([n * 300_000 for n in range(288)], 1.0, 0.08),
        ([n * 300_000 for n in range(289)], 1.0, 0.08),
        ([1.234567 * HOUR, 24 * HOUR - 1], 2 / 288, 22.77),
    ],
)
def test_coverage_is_counted_by_five_minutes(instants: list[float], coverage: float, gap_h: float) -> None:
    facts = facts_of(DAY, [reading(ms) for ms in instants], [])
    assert facts.coverage == pytest.approx(coverage, abs=1e-9)
    assert facts.longest_gap_h == gap_h
    assert (facts.lows_left_out, facts.highs_left_out, facts.readings) == (0, 0, len(instants))


@pytest.mark.parametrize(
    ("record", "counted"),
    [
        ({"insulin": 0.05}, (1, 0.05, 0, 0)),
        ({"insulin": 0}, (0, 0, 0, 0)),
        ({"insulin": 1.23456}, (1, 1.235, 0, 0)),
        ({"carbs": 0.55}, (0, 0, 1, 0.6)),
        ({"carbs": 0}, (0, 0, 0, 0)),
        ({"insulin": 1, "created_at": iso_utc(START - 1)}, (0, 0, 0, 0)),
    ],
)
def test_what_a_day_holds_is_counted_from_more_than_nothing(record: dict[str, Any], counted: tuple[float, ...]) -> None:
    facts = facts_of(DAY, [], [{"created_at": iso_utc(START), **record}])
    assert (facts.boluses, facts.insulin_u, facts.carb_entries, facts.carbs_g) == pytest.approx(counted)


def test_facts_left_out_of_a_document_are_none() -> None:
    left_out = [f for f in fields(DayFacts) if f.default is not MISSING]
    assert len(left_out) > 8
    assert [getattr(GOOD, f.name) for f in left_out] == [0] * len(left_out)


def test_a_day_s_summary_has_three_decimals() -> None:
    made = DayData(DAY, [], [], replace(GOOD, coverage=0.12345), "green", [], None)
    assert made.summary()["coverage"] == 0.123


FIRST_MS, LAST_MS = 978_307_200_000, 4_102_444_800_000  # 2001 and 2100


@pytest.mark.parametrize(
    ("ms", "read"),
    [
        (FIRST_MS, True),
        (FIRST_MS - 1, False),
        (LAST_MS, True),
        (LAST_MS + 1, False),
        (1_778_666_400, False),  # seconds
        (253_402_300_800_000, False),  # the year 10000
        (-1, False),
        (1e300, False),
    ],
)
def test_a_date_that_nobody_can_have_meant_is_refused_and_makes_no_days(ms: float, read: bool) -> None:
    if read:
        assert len(covered_days([{"date": ms}], "UTC")) == 1
        return
    with pytest.raises(Refused) as caught:
        covered_days([{"date": ms}], "UTC")
    assert caught.value.reason is Reason.GLUCOSE_DATE


@pytest.mark.parametrize(("last_h", "count"), [(0, 1), (23.9, 1), (24, 2), (47.9, 2), (48, 3)])
def test_days_go_from_the_first_reading_to_the_last(last_h: float, count: int) -> None:
    assert len(covered_days([reading(last_h * HOUR), reading(0)], "UTC")) == count


@pytest.mark.parametrize(
    ("weekdays", "why"), [((), None), (("wed",), None), (("thu",), "not one of the days"), (("wed", "thu"), None)]
)
def test_a_day_of_the_week_is_asked_for_or_every_one_is(weekdays: tuple[str, ...], why: str | None) -> None:
    found = Selection(weekdays=frozenset(weekdays)).why_not(DAY, ())
    assert (found is None) if why is None else (found is not None and why in found)


def test_a_day_holds_its_own_hours_of_readings_and_more_of_treatments() -> None:
    entries = [reading(ms) for ms in (24 * HOUR, 24 * HOUR - 1, 0, -1)]
    window = DAY.treatments
    instants = (window.end_ms + 1, window.end_ms, window.start_ms, window.start_ms - 1)
    treatments = [{"created_at": iso_utc(ms), "eventType": "Note"} for ms in instants]
    (day,) = cut_days([DAY], entries, treatments)
    assert [e["date"] - START for e in day.entries] == [24 * HOUR - 1, 0]
    assert [t["created_at"] for t in day.treatments] == [iso_utc(window.end_ms), iso_utc(window.start_ms)]
    assert day.skipped == "only 2 glucose readings"
    assert cut_days([DAY], entries, [], Selection(frozenset({DAY.date})))[0].skipped == "excluded on request"


# ---- events


def event(minute: float, kind: Any, **more: Any) -> dict[str, Any]:
    return {"eventType": kind, "created_at": iso_utc(START + minute * MINUTE), **more}


END = event(600, "Note", notes="the end")


def found(*records: dict[str, Any]) -> list[tuple[str, float]]:
    return [(e.group.plural.split()[0], round(e.duration_min, 6)) for e in find_events([*records, END], "UTC")]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (event(0, "Temporary Target", duration=0), []),
        (event(0, "Temporary Target"), []),
        (event(0, "Temporary Target", duration=0.5), [("temporary", 0.5)]),
        (event(0, "Temporary Target", duration=1), [("temporary", 1)]),
        (event(0, "Exercise", duration=0), [("exercises", 0)]),
        (event(0, "Exercise", duration=-5), [("exercises", 0)]),
        (event(0, "Exercise", duration=10_080), [("exercises", 10_080)]),
        (event(0, "Exercise", duration=10_081), [("exercises", 0.168017)]),
        (event(0, "Exercise", duration=600_000), [("exercises", 10)]),  # milliseconds
        (event(0, "Exercise", duration=30, originalDuration=600_000), [("exercises", 30)]),
        (event(0, None, notes="Pump Suspended"), [("suspended", 600)]),
        (event(0, "Announcement", notes="Pump Suspended"), [("suspended", 600)]),
        (event(0, "Correction Bolus", notes="Pump Suspended"), []),
        (event(0, "OpenAPS Offline", duration=0), []),
        (event(0, "OpenAPS Offline", duration=1), [("suspended", 1)]),
        (event(0, "OpenAPS Offline", duration=30, reason="DISABLE_LOOP"), [("times", 30)]),
        (event(0, "OpenAPS Offline", duration=0, mode="DISCONNECTED_PUMP"), [("suspended", 600)]),
        (event(0, "OpenAPS Offline", duration=9, mode="SUSPENDED_BY_USER", reason="RESUME"), [("times", 9)]),
        (event(0, "OpenAPS Offline", duration=9, mode="CLOSED_LOOP"), []),
        (event(0, "OpenAPS Offline", duration=30, originalDuration=0), [("suspended", 30)]),
        (event(0, "OpenAPS Offline", duration=30, originalDuration=1), [("suspended", 0.000017)]),
        (event(0, "OpenAPS Offline", duration=30, originalDuration=600_000), [("suspended", 10)]),
        (event(0, "OpenAPS Offline", durationInMilliseconds=600_000), [("suspended", 10)]),
        (event(0, "Override", duration=30), [("overrides", 30)]),
        (event(0, "Override"), [("overrides", 0)]),
        (event(0, "Override", durationType="indefinite"), [("overrides", 600)]),
        (event(0, "Exercise", durationType="indefinite"), [("exercises", 0)]),
    ],
)
def test_an_event_lasts_as_long_as_it_says(record: dict[str, Any], expected: list[tuple[str, float]]) -> None:
    assert found(record) == expected


@pytest.mark.parametrize(
    ("first", "second", "minutes"),
    [
        (event(0, "Suspend Pump"), event(30, "Resume Pump"), 30),
        (event(0, "Suspend Pump"), event(30, "Note", notes="Pump Resumed"), 30),
        (event(0, "Suspend Pump", duration=20), event(30, "Resume Pump"), 20),
        (event(0, "Suspend Pump", duration=40), event(30, "Resume Pump"), 30),
        (event(0, "Suspend Pump"), event(30, "OpenAPS Offline", mode="CLOSED_LOOP"), 600),
        (event(0, "OpenAPS Offline", mode="DISCONNECTED_PUMP"), event(30, "OpenAPS Offline", mode="CLOSED_LOOP"), 30),
        (event(0, "OpenAPS Offline", mode="DISCONNECTED_PUMP"), event(30, "Resume Pump"), 30),
        (event(0, "Override", durationType="indefinite"), event(30, "Resume Pump"), 600),
        (event(0, "Override", durationType="indefinite"), event(30, "Temporary Override", duration=5), 30),
        (event(0, "Suspend Pump"), event(30, "Note", notes="lunch"), 600),
    ],
)
def test_an_event_without_end_goes_on_to_what_ends_it(
    first: dict[str, Any], second: dict[str, Any], minutes: float
) -> None:
    assert found(first, second)[0][1] == minutes


def test_an_event_is_no_longer_than_a_week() -> None:
    late = event(8 * 24 * 60, "Note")
    (one,) = find_events([event(0, "Suspend Pump"), late], "UTC")
    assert one.duration_min == 7 * 24 * 60


def test_notes_count_each_kind_and_its_days() -> None:
    made = [Event(SUSPENDED, START, 0), Event(SUSPENDED, START, 24 * 60), Event(LOOP_OFF, START, 0)]
    notes = notes_on(made, "UTC")
    assert [note.split(":")[0].split("(")[1] for note in notes] == ["2, days touched", "1, days touched"]
    assert "days touched: 2)" in notes[0] and "days touched: 1)" in notes[1]
    assert [d.date.day for d in Event(OVERRIDES, START, 24 * 60 - 0.001).days("UTC")] == [13]


# ---- one event once


def treatment(second: float, by: str, **more: Any) -> dict[str, Any]:
    return {"created_at": iso_utc(START + second * 1000), "enteredBy": by, "eventType": "Bolus", **more}


def without_repetitions(*records: dict[str, Any]) -> list[tuple[Any, Any]]:
    kept = remove_duplicates([(str(n), r) for n, r in enumerate(records)], CONTEXT, Ledger())
    return sorted(((r.get("insulin"), r.get("carbs")) for _, r in kept), key=str)


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        ({"carbs": 10}, {"carbs": 20}, [(None, 10), (None, 20)]),
        ({"insulin": 1}, {"insulin": 2}, [(1, None), (2, None)]),
        ({"insulin": 0, "carbs": 10}, {"insulin": 0, "carbs": 20}, [(0, 10), (0, 20)]),
        ({"insulin": 1, "carbs": 0}, {"insulin": 2, "carbs": 0}, [(1, 0), (2, 0)]),
        ({"insulin": 0.5, "carbs": 10}, {"insulin": 0.5}, [(0.5, 10)]),
        ({"insulin": 1, "carbs": 0.5}, {"carbs": 0.5}, [(1, 0.5)]),
        ({"insulin": 1, "carbs": 10}, {"insulin": 1, "carbs": 20}, [(1, 10), (None, 20)]),
        ({"insulin": 1, "carbs": 10}, {"insulin": 2, "carbs": 10}, [(1, 10), (2, None)]),
        ({"insulin": 1, "carbs": 10}, {"insulin": 1, "carbs": 10}, [(1, 10)]),
        ({}, {}, [(None, None), (None, None)]),
    ],
)
def test_two_uploaders_write_one_event_together(one: Any, other: Any, kept: list[Any]) -> None:
    assert without_repetitions(treatment(0, "a", **one), treatment(1, "b", **other)) == kept


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        ({"enteredBy": "a"}, {"enteredBy": "a"}, 1),
        ({"enteredBy": "a", "id": 1}, {"enteredBy": "a", "id": 2}, 2),
        ({"enteredBy": "a", "id": 1}, {"enteredBy": "a", "id": 1}, 1),
        ({"enteredBy": "a", "id": 1}, {"enteredBy": "a"}, 1),
        ({"enteredBy": "a", "id": 1}, {"enteredBy": "b", "id": 2}, 1),
    ],
)
def test_one_uploader_s_own_ids_tell_two_events_apart(first: Any, second: Any, count: int) -> None:
    records = [treatment(n, "x", insulin=1, **{}) | more for n, more in enumerate((first, second))]
    assert len(without_repetitions(*records)) == count


def test_of_one_moment_the_event_that_upstream_counts_is_kept() -> None:
    named = treatment(1, "b", insulin=1) | {"eventType": "Correction Bolus"}
    kept = remove_duplicates([("0", treatment(0, "a", insulin=1)), ("1", named)], CONTEXT, Ledger())
    assert [r["eventType"] for _, r in kept] == ["Correction Bolus"]


@pytest.mark.parametrize(("between", "count"), [(49, 50), (50, 52)])
def test_the_last_fifty_of_two_seconds_are_looked_at(between: int, count: int) -> None:
    others = [treatment(0.001 * n, "a", insulin=2 + n, carbs=1) for n in range(1, between + 1)]
    twins = [treatment(0, "a", insulin=1, carbs=1), treatment(1.9, "b", insulin=1, carbs=1)]
    assert len(without_repetitions(*twins, *others)) == count


# ---- readings


@pytest.mark.parametrize(
    ("record", "is_one"),
    [
        ({"sgv": 100}, True),
        ({"type": "sgv", "sgv": 100}, True),
        ({"type": "SGV", "glucose": 100}, True),
        ({"type": "cal", "sgv": 100}, False),
        ({"type": "sgv"}, False),
        ({"mbg": 100}, False),
        ({"mbg": 100, "glucose": 100}, False),
        ({"mbg": 100, "sgv": 100}, True),
        ({"eventType": "BG Check", "glucose": 100}, False),
        ({"eventType": "BG Check", "sgv": 100}, True),
        ({"glucose": 100, "glucoseType": "Finger"}, False),
        ({"glucose": 100, "glucoseType": "Sensor"}, True),
    ],
)
def test_only_a_sensor_s_readings_are_read(record: dict[str, Any], is_one: bool) -> None:
    assert isinstance(sensor_readings_only(record, CONTEXT), Dropped) is not is_one


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (-0.1, Quarantined),
        (0, type(None)),
        (1000, type(None)),
        (1000.5, Quarantined),
        ("100", Changed),
        ("LOW", type(None)),
        ("HIGH", type(None)),
        ("sun", Quarantined),
        (None, Dropped),
    ],
)
def test_a_reading_s_value_is_a_number_up_to_a_thousand(value: Any, verdict: type) -> None:
    assert type(value_is_a_number({"sgv": value}, CONTEXT)) is verdict


@pytest.mark.parametrize(
    ("value", "beside", "declared"),
    [
        (5.5, 99, "mmol/L"),
        (5.5, 97.5, "mmol/L"),
        (5.5, 97.4, None),
        (5.5, 100.5, "mmol/L"),
        (5.5, 100.6, None),
        (0, 0.5, None),
        ("LOW", 0.5, None),
        (0.5, 9, "mmol/L"),
        (0.05, 0.04, None),
        (0.05, 0.05, None),
        (5.5, None, None),
    ],
)
def test_the_same_value_in_mgdl_beside_it_declares_mmol(value: Any, beside: Any, declared: str | None) -> None:
    assert _as_written({"date": START, "sgv": value, "glucose": beside}).declared == declared


@pytest.mark.parametrize(
    ("unit", "more", "declared"),
    [("mmol", None, "mmol/L"), (None, "mg/dl", "mg/dL"), ("mmol", "mg/dl", "mmol/L"), (None, None, None)],
)
def test_a_record_declares_its_unit_in_either_field(unit: Any, more: Any, declared: Any) -> None:
    assert _as_written({"date": START, "sgv": 5.5, "units": unit, "unit": more}).declared == declared


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        (99, None),
        ("99", "the same, written otherwise"),
        (100.5, "the same, written otherwise"),
        (100.6, "differ"),
        (97.5, "the same, written otherwise"),
        (97.4, "differ"),
        (5.5, "the same, written otherwise"),
        (0, "is empty"),
        ("", "is empty"),
        ("sun", "not a number"),
    ],
)
def test_what_stands_beside_a_value_is_the_same_or_goes(beside: Any, said: str | None) -> None:
    why = _why_not_beside({"sgv": 99, "glucose": beside}, "sgv", "glucose")
    assert (why is None) if said is None else (why is not None and said in why)


@pytest.mark.parametrize(
    ("value", "mgdl"),
    [
        ("LOW", 38),
        ("lo", 38),
        ("HIGH", None),
        (0, None),
        (12, None),
        (12.5, 12.5),
        (13, 13),
        (38.9, 38.9),
        (39, None),
        (0.5, 0.5),
        (-0.5, None),
        (-1, None),
        (None, None),
    ],
)
def test_a_low_that_upstream_does_not_get_is_below_39(value: Any, mgdl: float | None) -> None:
    assert low_left_out_mgdl(value) == mgdl


@pytest.mark.parametrize(
    ("value", "is_code"), [(0, True), (1, True), (12, True), (12.0, True), (11.5, False), (13, False)]
)
def test_a_sensor_s_codes_are_whole_and_up_to_twelve(value: float, is_code: bool) -> None:
    assert is_error_code(value) is is_code


@pytest.mark.parametrize(
    ("value", "is_mmol"),
    [(0.7, False), (0.75, True), (5.5, True), (5, False), (11.9, True), (12, False), (12.5, False)],
)
def test_a_fraction_between_the_codes_is_mmol_only(value: float, is_mmol: bool) -> None:
    assert is_mmol_only(value) is is_mmol


@pytest.mark.parametrize(
    ("record", "mgdl", "field"),
    [
        ({"sgv": 39}, 39, "sgv"),
        ({"sgv": 38.9}, None, "sgv"),
        ({"sgv": 100, "glucose": 120}, 120, "sgv"),
        ({"sgv": 100, "glucose": 0}, 100, "sgv"),
        ({"sgv": 0, "glucose": 120}, 120, "glucose"),
        ({"sgv": 0, "glucose": 0}, None, "sgv"),
        ({"sgv": None, "glucose": 0}, None, "glucose"),
        ({"sgv": "", "glucose": 120}, 120, "glucose"),
        ({"sgv": "0", "glucose": 120}, 120, "glucose"),
        ({"sgv": "LOW", "glucose": 120}, 120, "sgv"),
        ({}, None, "sgv"),
    ],
)
def test_upstream_takes_glucose_before_sgv(record: dict[str, Any], mgdl: float | None, field: str) -> None:
    assert upstream_mgdl(record) == mgdl
    assert value_field(record) == field


def declared(*values: tuple[float, str | None]) -> list[Reading]:
    return [Reading(n * 5 * MINUTE, value, unit) for n, (value, unit) in enumerate(values)]


MG, MMOL = "mg/dL", "mmol/L"


@pytest.mark.parametrize(
    ("readings", "believed"),
    [
        ([(27.8, MMOL)], 1),
        ([(27.9, MMOL)], 0),
        ([(5.5, MMOL), (100, MMOL)], 1),  # one of two is not most of them
        ([(5.5, MMOL), (100, MMOL), (101, MMOL)], 0),
        ([(100, MG), (5.5, MG), (101, MG)], 2),
        ([(100, MG), (5.5, MG), (5.6, MG)], 0),
        ([(24.9, MG)], 0),
        ([(25.0, MG)], 1),
        ([(100, None)], 0),
    ],
)
def test_a_unit_is_believed_unless_most_of_its_numbers_contradict(readings: Any, believed: int) -> None:
    assert sum(r.declared is not None for r in trusted(declared(*readings))) == believed


@pytest.mark.parametrize(
    ("before", "after", "is_believed"), [(12, 1, False), (1, 12, False), (12, 0, True), (0, 12, True), (6, 7, False)]
)
def test_the_twelve_on_either_side_are_asked(before: int, after: int, is_believed: bool) -> None:
    far = [(100.0, MG)] * 40
    readings = declared(*far, *[(5.5, MG)] * before, (38.0, MG), *[(5.5, MG)] * after, *far)
    assert (trusted(readings)[40 + before].declared is not None) is is_believed


@pytest.mark.parametrize(("between_min", "doubts"), [(60, 1), (60.1, 2), (5, 1)])
def test_readings_of_unknown_unit_an_hour_apart_are_one_doubt(between_min: float, doubts: int) -> None:
    ledger = Ledger()
    records = [reading(0, 22), reading(between_min * MINUTE, 22)]
    read_glucose(records, CONTEXT, ledger)
    assert (ledger.doubts, len(ledger.quarantined)) == (doubts, 2)


@pytest.mark.parametrize(
    ("first", "is_believed"),
    [
        ([(38.0, MG), *[(5.5, MG)] * 12], False),
        ([(100.0, MG), (38.0, MG), *[(5.5, MG)] * 6, *[(100.0, MG)] * 6], True),  # six of fourteen
        ([(5.5, MG), (38.0, MG), *[(5.5, MG)] * 6, *[(100.0, MG)] * 6], False),  # seven of them
    ],
)
def test_at_the_beginning_fewer_are_asked(first: list[tuple[float, str | None]], is_believed: bool) -> None:
    found = trusted(declared(*first, *[(100.0, MG)] * 40))
    (low,) = [r for r in found if r.value == 38.0]
    assert (low.declared is not None) is is_believed


@pytest.mark.parametrize(("value", "is_believed"), [(38.9, False), (39.0, True)])
def test_from_39_on_a_number_needs_no_unit(value: float, is_believed: bool) -> None:
    readings = declared(*[(100.0, MG)] * 40, *[(5.5, MG)] * 12, (value, MG), *[(5.5, MG)] * 12, *[(100.0, MG)] * 40)
    assert (trusted(readings)[52].declared is not None) is is_believed


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([4, 5, 6, 7, 8, 9, 10, 11], MMOL),
        ([4, 5, 6, 7, 8, 9, 10], MG),
        ([0, 4, 5, 6, 7, 8, 9, 10], MG),  # 0 is no reading
        ([1, 4, 5, 6, 7, 8, 9, 10], MMOL),
        ([24, 24, 25, 25, 26, 27, 28, 29, 30, 31, 32], MG),  # a median of 25 or more
        ([20, 21, 22, 23, 24, 24, 30, 31, 32, 38], MMOL),
        ([4, 5, 6, 7, 8, 9, 10, 11, 39], MG),
    ],
)
def test_eight_whole_numbers_are_mmol(values: list[float], unit: str | None) -> None:
    (units,) = units_of([[Reading(n * 5 * MINUTE, float(v)) for n, v in enumerate(values)]])
    assert units[-1] == unit


# ---- sensors


def kept(*instants: float, device: str = "a", others: tuple[float, ...] = ()) -> Counter[str]:
    records = [
        (f"{d}{m}", reading(m * MINUTE, 160 if d == "z" else 100, d))
        for d, ms in ((device, instants), ("z", others))
        for m in ms
    ]
    newest_first = sorted(records, key=lambda item: -item[1]["date"])
    return Counter(name[0] for name, _ in one_sensor_at_a_time(newest_first, Ledger()))


@pytest.mark.parametrize(
    ("instants", "count"),
    [
        ((0, 5, 10), 3),
        ((0, 3.9, 7.8), 3),  # a sensor of four minutes
        ((0, 2.4, 4.8), 2),  # faster: one nearest to each five minutes
        ((0, 1, 2, 2.4), 1),
        ((0, 1, 2, 2.8), 2),
        ((0, 1, 5, 9), 3),
        ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 3),
    ],
)
def test_a_sensor_is_thinned_to_five_minutes(instants: tuple[float, ...], count: int) -> None:
    assert kept(*instants)["a"] == count


@pytest.mark.parametrize(
    ("gap_min", "other", "count"),
    [
        (20.1, 10, 1),
        (20.1, 10.05, 1),
        (20.1, 10.2, 0),  # less than ten minutes from its end
        (20.1, 9.9, 0),
        (20, 10, 0),  # no gap
        (40, -2, 0),
        (40, 20, 1),
    ],
)
def test_another_sensor_fills_what_is_left_open(gap_min: float, other: float, count: int) -> None:
    assert kept(-10, -5, 0, gap_min, gap_min + 5, others=(other,))["z"] == count


@pytest.mark.parametrize(("other", "count"), [(-10, 1), (-9.9, 0), (20, 1), (19.9, 0)])
def test_before_and_after_the_preferred_sensor_another_counts(other: float, count: int) -> None:
    assert kept(0, 5, 10, others=(other,))["z"] == count


# ---- books and clocks


def doubts(count: int, of_glucose: bool = False) -> Ledger:
    ledger = Ledger()
    for n in range(count):
        entry = Entry(UNKNOWN_UNIT if of_glucose else "numbers_as_text", f"#{n}", {}, {}, f"reason {n}", removed=True)
        ledger.quarantine(entry, same_doubt=of_glucose and n > 0)
    return ledger


@pytest.mark.parametrize(
    ("count", "records", "is_taken"),
    [
        (3, 10, True),
        (4, 10, False),
        (4, 199, False),
        (4, 200, True),
        (5, 200, False),
        (20, 1000, True),
        (21, 1000, False),
    ],
)
def test_two_percent_and_three_records_may_be_doubted(count: int, records: int, is_taken: bool) -> None:
    if is_taken:
        (note,) = check_quarantine(doubts(count), 0, records)
        assert note.startswith(f"{count} records")
        assert note.count("reason") == 3
    else:
        with pytest.raises(Refused) as refusal:
            check_quarantine(doubts(count), 100 * records, records)
        assert refusal.value.reason is Reason.NOT_UNDERSTOOD
    assert check_quarantine(doubts(0), records, 0) == []


@pytest.mark.parametrize(("entries", "is_taken"), [(40, False), (41, True)])
def test_a_stretch_is_one_doubt_where_most_readings_are_known(entries: int, is_taken: bool) -> None:
    try:
        check_quarantine(doubts(20, of_glucose=True), entries, 0)
    except Refused:
        assert not is_taken
    else:
        assert is_taken


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"pumpType": "x"}, "AndroidAPS"),
        ({"pumpSerial": "x"}, "AndroidAPS"),
        ({"isSMB": False}, "AndroidAPS"),
        ({"enteredBy": " "}, "unknown"),
        ({"enteredBy": 5}, "unknown"),
        ({"enteredBy": "me"}, "careportal: me"),
        ({"enteredBy": "My AAPS"}, "AndroidAPS"),
        ({"key600": "x"}, "Medtronic 600"),
        ({"syncIdentifier": "x"}, "Loop"),
        ({"enteredBy": 5, "app": "xDrip"}, "xDrip+"),
    ],
)
def test_an_uploader_gives_itself_away(record: dict[str, Any], name: str) -> None:
    assert uploader(record) == name


@pytest.mark.parametrize(
    ("record", "name"),
    [({"_id": "a", "identifier": "b"}, "a#7"), ({"identifier": "b"}, "b#7"), ({}, "#7"), (None, "#7")],
)
def test_a_record_is_named_by_its_id_and_place(record: Any, name: str) -> None:
    assert identity(record, 7) == name


# ---- lows


def low(*readings: tuple[float, float], **treatment: Any) -> list[Low]:
    entries = [{"sgv": value, "date": START + minute * MINUTE} for minute, value in readings]
    return lows(entries, [{"created_at": iso_utc(START), **treatment}], "UTC")


AFTER = [(20.0, 120.0), (25.0, 120.0), (30.0, 120.0), (35.0, 120.0)]


@pytest.mark.parametrize(
    ("readings", "spans"),
    [
        ([(0, 69), (5, 69), (10, 69), (15, 70), *AFTER], [(0, 15)]),
        ([(0, 69), (5, 69), (10, 69), (14, 120), *AFTER], [(0, 14)]),  # a minute early
        ([(0, 69), (5, 69), (10, 69), (13.9, 120), *AFTER], []),
        ([(0, 60), (2, 90), (5, 69), (10, 69), (15, 69), *AFTER], [(5, 20)]),  # two minutes apart are two
        ([(0, 60), (1.9, 70), (5, 69), (10, 69), *AFTER], [(0, 20)]),  # and nearer ones are averaged
    ],
)
def test_an_episode_begins_and_ends_at_a_reading(readings: Any, spans: list[tuple[float, float]]) -> None:
    found = low(*readings)
    assert [((e.start_ms - START) / MINUTE, (e.end_ms - START) / MINUTE) for e in found] == spans


def test_a_low_and_its_rise_have_one_decimal() -> None:
    (found,) = low((0, 60.16), (5, 60.16), (10, 60.16), (15, 120.37), *AFTER)
    assert (found.nadir_mgdl, found.rise_mgdl) == (60.2, 60.2)
    (found,) = low((0, 60.16), (5, 60.16), (10, 60.16), (15, 100.0), (20, 100.0), (25, 100.0))
    assert (found.nadir_mgdl, found.rise_mgdl) == (60.2, 39.8)


@pytest.mark.parametrize(("minute", "rise"), [(70, 40), (70.1, 15)])
def test_a_rise_is_within_an_hour_of_the_lowest_reading(minute: float, rise: float) -> None:
    (found,) = low((0, 60), (5, 60), (10, 60), (15, 75), (minute, 100))
    assert found.rise_mgdl == rise


@pytest.mark.parametrize(("grams", "is_entered"), [(0, False), (0.5, True), (-5, False)])
def test_any_carbs_explain_a_rise(grams: float, is_entered: bool) -> None:
    (found,) = low((0, 60), (5, 60), (10, 60), (15, 120), *AFTER, carbs=grams)
    assert found.carbs_entered is is_entered


def test_a_reading_without_a_time_is_none() -> None:
    entries: list[Any] = [{"sgv": 60, "date": at} for at in (True, "soon", None)]
    assert lows(entries, [], "UTC") == []


# ---- what is left out of upstream's readings


def test_a_low_between_two_readings_is_thinned_as_they_are() -> None:
    found = read_glucose([reading(0, 39), reading(MINUTE, 38.5), reading(5 * MINUTE, 45)], CONTEXT, Ledger())
    assert found.lows_left_out == []
    found = read_glucose([reading(0, 39), reading(5 * MINUTE, 38.5), reading(10 * MINUTE, 45)], CONTEXT, Ledger())
    assert [one.mgdl for one in found.lows_left_out] == [38.5]


@pytest.mark.parametrize(("values", "is_closed"), [([41, 38.6, 42], False), ([5.5, 5.6], True), ([100, 5.6], True)])
def test_the_unit_s_books_are_closed_where_one_changed(values: list[float], is_closed: bool) -> None:
    ledger = Ledger()
    read_glucose([reading(5 * n * MINUTE, value) for n, value in enumerate(values)], CONTEXT, ledger)
    assert ("glucose_unit" in ledger.rules) is is_closed


@pytest.mark.parametrize(("minute", "spans"), [(30, [(0, 35)]), (30.5, [(0, 15)])])
def test_more_than_twenty_minutes_without_a_reading_end_an_episode(
    minute: float, spans: list[tuple[float, float]]
) -> None:
    found = low((0, 69), (5, 69), (10, 69), (minute, 69), (35, 120), (40, 120), (45, 120), (50, 120))
    assert [((e.start_ms - START) / MINUTE, (e.end_ms - START) / MINUTE) for e in found] == spans


def test_a_zone_half_an_hour_away_is_another_one() -> None:
    day = LocalDay(date(2026, 5, 13), "Asia/Karachi")
    begins = day.glucose.start_ms
    zones = [(begins - HOUR, "Asia/Karachi"), (begins + 12.0 * HOUR, "Asia/Kolkata")]
    assert _days_by_zone(zones, [day], Counter()) == {day.date}
