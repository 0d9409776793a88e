"""The rules that make a history trustworthy, the ledger that accounts for each change, and days that can be tuned."""

from __future__ import annotations

import copy
import random
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import Reason, Refused
from flows.history import glucose as glucose_rules
from flows.history import treatments as treatment_rules
from flows.history.days import covered_days, cut_days
from flows.history.glucose import read_glucose
from flows.history.records import Context, totals
from flows.history.treatments import normalise_treatments
from flows.values.ledger import Entry, Ledger, Totals
from flows.values.local_days import LocalDay
from flows.values.schedule import Block, Schedule
from tests.people import DAY, ZONE, entries, treatments

CONTEXT = Context(ZONE, Schedule((Block(0, 1.0), Block(720, 2.0))), 1_800_000_000_000)
AT = "2026-05-13T09:00:00.000Z"  # 11:00 in Paris
AFTERNOON = "2026-05-13T12:00:00.000Z"
TEMP = {"eventType": "Temp Basal", "created_at": AT, "duration": 30}

CHANGED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("AAPS rate", {**TEMP, "rate": 0.5}, {"rate": 0.5, "absolute": 0.5}),
    ("careportal absolute", {**TEMP, "absolute": 0.5}, {"rate": 0.5, "absolute": 0.5}),
    ("a rate of zero", {**TEMP, "rate": 0}, {"rate": 0, "absolute": 0}),
    ("percent in the morning", {**TEMP, "percent": -30}, {"rate": 0.7, "absolute": 0.7}),
    ("percent in the afternoon", {**TEMP, "created_at": AFTERNOON, "percent": 50}, {"rate": 3.0, "absolute": 3.0}),
    ("percent -100", {**TEMP, "percent": -100}, {"rate": 0.0, "absolute": 0.0}),
    ("Loop's amount", {**TEMP, "amount": 0.25, "rate": 9}, {"amount": 0.25}),
    (
        "ten times the basal, as its own percentage says",
        {**TEMP, "rate": 10, "absolute": 10, "percent": 900},
        {"rate": 10, "absolute": 10},
    ),
    (
        "API v3: 30 s",
        {**TEMP, "rate": 1, "absolute": 1, "duration": 30_000, "durationInMilliseconds": 30_000},
        {"duration": 0.5},
    ),
    (
        "API v3: 1.2 s",
        {**TEMP, "rate": 1, "absolute": 1, "duration": 1200, "durationInMilliseconds": 1200},
        {"duration": 0.02},
    ),
    ("insulin with a decimal comma", {"eventType": "Meal Bolus", "insulin": "1,5", "created_at": AT}, {"insulin": 1.5}),
    ("rate as text", {**TEMP, "rate": "0.5"}, {"rate": 0.5, "absolute": 0.5}),
    ("duration as text", {**TEMP, "rate": 1, "absolute": 1, "duration": "30"}, {"duration": 30}),
    ("Loop's end of a temp basal", {**TEMP, "amount": 0, "duration": 0}, {"rate": 0, "absolute": 0, "amount": None}),
    ("an amount that is null", {**TEMP, "amount": None, "rate": 3}, {"rate": 3, "absolute": 3, "amount": None}),
    (
        "only milliseconds",
        {**TEMP, "duration": None, "durationInMilliseconds": 60_000, "rate": 1, "absolute": 1},
        {"duration": 1},
    ),
    (
        "a pump record inside",
        {"eventType": "Bolus", "created_at": AT, "bolus": {"_type": "Bolus", "amount": 4}},
        {"insulin": 4, "bolus": None, "eventType": "Correction Bolus"},
    ),
    (
        "a pump's own record",
        {"_type": "Bolus", "eventType": "<none>", "amount": 4, "created_at": AT},
        {"insulin": 4, "_type": None, "eventType": "Correction Bolus"},
    ),
    (
        "a meal with a timestamp",
        {"eventType": "Carb Correction", "carbs": 20, "created_at": AT, "timestamp": AT},
        {"timestamp": None},
    ),
    (
        "negative carbs",
        {"eventType": "Meal Bolus", "carbs": -20, "insulin": 3, "created_at": AT},
        {"carbs": None, "insulin": 3},
    ),
    ("the end of a temp basal", {"eventType": "Temp Basal", "created_at": AT}, {}),
    (
        "API v3 duration",
        {**TEMP, "rate": 1, "absolute": 1, "duration": 1_800_000, "durationInMilliseconds": 1_800_000},
        {"duration": 30},
    ),
    ("SMB", {"eventType": "SMB", "insulin": 0.3, "created_at": AT}, {"eventType": "Correction Bolus"}),
    ("Bolus", {"eventType": "Bolus", "insulin": 3, "carbs": 40, "created_at": AT}, {"eventType": "Meal Bolus"}),
    ("empty type", {"eventType": "", "insulin": 3, "created_at": AT}, {"eventType": "Correction Bolus"}),
    ("<none>", {"eventType": "<none>", "insulin": 3, "created_at": AT}, {"eventType": "Correction Bolus"}),
    ("no type", {"insulin": 3, "created_at": AT}, {"eventType": "Correction Bolus"}),
    ("insulin as text", {"eventType": "Meal Bolus", "insulin": "3.5", "created_at": AT}, {"insulin": 3.5}),
    ("carbs as empty text", {"eventType": "Meal Bolus", "insulin": 1, "carbs": "", "created_at": AT}, {"carbs": None}),
    (
        "offset",
        {"eventType": "Note", "created_at": "2026-05-13T11:00:00+02:00"},
        {"created_at": "2026-05-13T11:00:00+02:00"},
    ),
    ("offset without colon", {"eventType": "Note", "created_at": "2026-05-13T11:00:00+0200"}, {"created_at": AT}),
    ("a space", {"eventType": "Note", "created_at": "2026-05-13 09:00:00Z"}, {"created_at": AT}),
    ("no zone", {"eventType": "Note", "created_at": "2026-05-13T11:00:00"}, {"created_at": AT}),
    ("a number", {"eventType": "Note", "created_at": 1_778_662_800_000}, {"created_at": AT}),
    ("only timestamp", {"eventType": "Note", "timestamp": "2026-05-13T09:00:00Z"}, {"created_at": AT}),
    ("only mills", {"eventType": "Note", "mills": 1_778_662_800_000}, {"created_at": AT}),
    ("only date", {"eventType": "Note", "date": 1_778_662_800_000}, {"created_at": AT}),
]


@pytest.mark.parametrize(("what", "record", "expected"), CHANGED, ids=[c[0] for c in CHANGED])
def test_a_treatment_becomes_what_upstream_understands(
    what: str, record: dict[str, Any], expected: dict[str, Any]
) -> None:
    ledger = Ledger()
    (result,) = normalise_treatments([copy.deepcopy(record)], CONTEXT, ledger)
    assert {k: result.get(k) for k in expected} == expected
    assert {k: v for k, v in result.items() if k not in expected} == {
        k: v for k, v in record.items() if k not in expected and k in result
    }
    changed = any(record.get(k) != v or type(record.get(k)) is not type(v) for k, v in expected.items())
    assert bool(ledger.entries) is changed


QUARANTINED: list[tuple[str, Any]] = [
    ("null", None),
    ("a text", "bolus"),
    ("insulin that is no number", {"eventType": "Meal Bolus", "insulin": "5 U", "created_at": AT}),
    ("a comma that may part thousands", {"eventType": "Meal Bolus", "insulin": "1,500", "created_at": AT}),
    ("negative insulin", {"eventType": "Meal Bolus", "insulin": -1, "created_at": AT}),
    ("400 U", {"eventType": "Meal Bolus", "insulin": 400, "created_at": AT}),
    ("2 kg of carbs", {"eventType": "Meal Bolus", "carbs": 2000, "created_at": AT}),
    ("no time", {"eventType": "Meal Bolus", "insulin": 1}),
    ("a time that is none", {"eventType": "Meal Bolus", "insulin": 1, "created_at": "noon"}),
    ("an impossible date", {"eventType": "Meal Bolus", "insulin": 1, "created_at": "2026-02-31T00:00:00Z"}),
    ("a rate of many times the basal", {**TEMP, "rate": 30, "percent": -70}),
    ("a round rate that its percentage is not", {**TEMP, "rate": 20, "absolute": 20, "percent": 900}),
    ("a rate said to be a percentage", {**TEMP, "rate": 30, "temp": "percent"}),
    ("rate and absolute that differ", {**TEMP, "rate": 0.5, "absolute": 3}),
    (
        "a pump record that differs",
        {"eventType": "Correction Bolus", "insulin": 2, "created_at": AT, "bolus": {"_type": "Bolus", "amount": 4}},
    ),
    (
        "a combo that is not whole",
        {"eventType": "Combo Bolus", "enteredinsulin": 10, "insulin": 4, "splitExt": 60, "created_at": AT},
    ),
    ("a combo without a number", {"eventType": "Combo Bolus", "enteredinsulin": "7,5 U", "created_at": AT}),
    ("a rate that is a percentage", {**TEMP, "rate": 120}),
    ("a temp basal of nothing", TEMP),
    ("a temp basal of weeks", {**TEMP, "rate": 1, "duration": 1_800_000}),
    ("a negative duration", {**TEMP, "rate": 1, "duration": -30}),
    ("an amount in no time", {**TEMP, "amount": 1, "duration": 0}),
    ("an impossible amount", {**TEMP, "amount": 90}),
]


@pytest.mark.parametrize(("what", "record"), QUARANTINED, ids=[q[0] for q in QUARANTINED])
def test_what_cannot_be_understood_is_quarantined_with_its_reason(what: str, record: Any) -> None:
    ledger = Ledger()
    assert normalise_treatments([record], CONTEXT, ledger) == []
    assert len(ledger.quarantined) == 1
    assert ledger.quarantined[0].reason


def test_deleted_and_empty_records_are_dropped_without_a_doubt() -> None:
    ledger = Ledger()
    deleted = {"eventType": "Meal Bolus", "insulin": 5, "created_at": AT, "isValid": False}
    as_text = {"eventType": "Meal Bolus", "insulin": 3, "created_at": AT, "isValid": "false"}
    assert normalise_treatments([deleted, as_text], CONTEXT, ledger) == []
    assert not ledger.quarantined
    assert ledger.rules["deleted"]["change"]["insulin_u"] == -8


def test_an_event_from_two_uploaders_is_counted_once() -> None:
    pump = {"_id": "a", "eventType": "Correction Bolus", "insulin": 4, "carbs": None, "created_at": AT}
    phone = {"_id": "b", "eventType": "Meal Bolus", "insulin": 4, "carbs": 0, "created_at": "2026-05-13T11:00:01+02:00"}
    later = {"_id": "c", "eventType": "Correction Bolus", "insulin": 4, "created_at": "2026-05-13T09:05:00Z"}
    ledger = Ledger()
    kept = normalise_treatments([pump, phone, later], CONTEXT, ledger)
    assert [r["_id"] for r in kept] == ["c", "a"]
    assert ledger.rules["duplicate"]["change"]["insulin_u"] == -4


def test_two_equal_entries_with_ids_of_their_own_are_two() -> None:
    first = {"_id": "a", "eventType": "Carb Correction", "carbs": 20, "created_at": AT, "syncIdentifier": "x"}
    second = {**first, "_id": "b", "syncIdentifier": "y"}
    assert len(normalise_treatments([first, second], CONTEXT, Ledger())) == 2
    again = {**first, "_id": "c"}
    assert len(normalise_treatments([first, again], CONTEXT, Ledger())) == 1


def test_readings_of_both_units_from_one_sensor_are_told_apart() -> None:
    made = entries()
    for share in (0.3, 0.6):
        mixed = [
            {**e, "sgv": round(e["sgv"] / 18 + 0.01, 2)} if n < share * len(made) else e for n, e in enumerate(made)
        ]
        result = read_glucose(mixed, CONTEXT, Ledger()).for_upstream
        assert max(r["sgv"] for r in result) < 400
        assert len(result) >= 0.95 * len(made)


def test_a_day_of_faster_readings_is_thinned_although_the_others_are_not() -> None:
    slow = [{"type": "sgv", "sgv": 120, "device": "a", "date": 1_778_600_000_000 + n * 300_000} for n in range(7 * 288)]
    last = slow[-1]["date"]
    fast = [{**slow[0], "date": last + (n + 1) * 60_000} for n in range(1440)]
    twice = [{**e, "date": e["date"] + 1000} for e in slow[:100]]
    result = read_glucose([*slow, *fast, *twice], CONTEXT, Ledger()).for_upstream
    assert len(result) == pytest.approx(8 * 288, abs=2)


def test_the_same_id_is_no_duplicate() -> None:
    first = {"_id": "same", **TEMP, "rate": 1, "absolute": 1}
    second = {**first, "created_at": AFTERNOON}
    assert len(normalise_treatments([first, second], CONTEXT, Ledger())) == 2


GLUCOSE: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    ("a reading", {"type": "sgv", "sgv": 100, "date": 1_778_662_800_000}, {"sgv": 100}),
    ("no type", {"sgv": 100, "date": 1_778_662_800_000}, {"sgv": 100}),
    ("glucose instead of sgv", {"glucose": 100, "date": 1_778_662_800_000}, {"glucose": 100}),
    ("value as text", {"type": "sgv", "sgv": "100", "date": 1_778_662_800_000}, {"sgv": 100.0}),
    ("date as text", {"type": "sgv", "sgv": 100, "date": "1778662800000"}, {"date": 1_778_662_800_000}),
    ("date in seconds", {"type": "sgv", "sgv": 100, "date": 1_778_662_800}, {"date": 1_778_662_800_000}),
    ("no date", {"type": "sgv", "sgv": 100, "dateString": AT}, {"date": 1_778_662_800_000}),
    (
        "a fraction of a millisecond",
        {"type": "sgv", "sgv": 100, "date": 1_778_662_800_000.5},
        {"date": 1_778_662_800_000.5},
    ),
    ("a clamp at 400", {"type": "sgv", "sgv": 400, "date": 1_778_662_800_000}, {"sgv": 400}),
    ("an error code", {"type": "sgv", "sgv": 5, "date": 1_778_662_800_000}, None),
    ("null", {"type": "sgv", "sgv": None, "date": 1_778_662_800_000}, None),
    ("a calibration", {"type": "cal", "slope": 1, "date": 1_778_662_800_000}, None),
    ("a finger prick", {"type": "mbg", "mbg": 100, "date": 1_778_662_800_000}, None),
    ("deleted", {"type": "sgv", "sgv": 100, "date": 1_778_662_800_000, "isValid": False}, None),
    ("no time", {"type": "sgv", "sgv": 100}, None),
    ("garbage", {"type": "sgv", "sgv": "high", "date": 1_778_662_800_000}, None),
]
SURROUNDING = [{"type": "sgv", "sgv": 120, "date": 1_778_600_000_000 + n * 300_000} for n in range(5)]


@pytest.mark.parametrize(("what", "record", "expected"), GLUCOSE, ids=[g[0] for g in GLUCOSE])
def test_a_reading_becomes_what_upstream_understands(
    what: str, record: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    ledger = Ledger()
    kept = [r for r in read_glucose([record, *SURROUNDING], CONTEXT, ledger).for_upstream if r not in SURROUNDING]
    if expected is None:
        assert kept == []
        assert len(ledger.entries) == 1
    else:
        assert {k: kept[0][k] for k in expected} == expected


def test_readings_in_mmol_are_converted_together() -> None:
    readings = [{**e, "sgv": round(e["sgv"] / 18, 1)} for e in entries()]
    ledger = Ledger()
    result = read_glucose(readings, CONTEXT, ledger).for_upstream
    assert ledger.rules["glucose_unit"]["records"] == len(readings)
    assert all(abs(a["sgv"] - b["sgv"]) <= 1 for a, b in zip(result, entries(), strict=True))


def test_one_uploader_in_mmol_among_others_is_converted_alone() -> None:
    made = entries()
    mixed = [
        {**e, "sgv": round(e["sgv"] / 18, 1), "device": "mmol"} if n % 288 < 100 else e for n, e in enumerate(made)
    ]
    ledger = Ledger()
    result = read_glucose(mixed, CONTEXT, ledger).for_upstream
    assert ledger.rules["glucose_unit"]["records"] == 100
    true = {e["date"]: e["sgv"] for e in made}
    assert len(result) >= len(made) - 1  # the step from one sensor to the other
    assert all(abs(r["sgv"] - true[r["date"]]) <= 1 for r in result)


def test_a_sensors_error_codes_are_not_taken_for_mmol() -> None:
    broken = [
        {"type": "sgv", "sgv": 5 + n % 3, "date": 1_778_600_000_000 + n * 300_000, "device": "b"} for n in range(50)
    ]
    ledger = Ledger()
    assert read_glucose(broken, CONTEXT, ledger).for_upstream == []
    assert "glucose_unit" not in ledger.rules


def test_a_reading_served_twice_is_one() -> None:
    ledger = Ledger()
    assert len(read_glucose([*entries(), *entries()], CONTEXT, ledger).for_upstream) == len(entries())
    assert ledger.rules["glucose_duplicate"]["change"]["readings"] == -len(entries())


def test_books_that_do_not_balance_stop_the_run() -> None:
    ledger = Ledger()
    ledger.note(Entry("rule", "#1", {}, {}, "because", Totals(insulin_u=-1)))
    with pytest.raises(Refused) as caught:
        ledger.close_rule("rule", "a rule", Totals(insulin_u=5), Totals(insulin_u=3))
    assert caught.value.reason is Reason.BOOKS_DO_NOT_BALANCE


def test_a_record_that_vanishes_without_an_entry_stops_the_run() -> None:
    with pytest.raises(Refused) as caught:
        Ledger().close_account("treatments", loaded=5, passed=4, since=0)
    assert caught.value.reason is Reason.BOOKS_DO_NOT_BALANCE


def test_rules_have_names_of_their_own_and_say_where_they_come_from() -> None:
    rules = [*treatment_rules.RULES, *glucose_rules.RULES]
    assert len({r.name for r in rules}) == len(rules)
    assert all(r.description and r.source and r.apply.__doc__ for r in rules)


@given(st.integers(0, 10**6))
def test_order_and_repetition_never_change_the_result(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    records = treatments()
    shuffled = [*records, *chance.choices([r for r in records if "insulin" in r], k=5)]
    chance.shuffle(shuffled)
    expected = normalise_treatments(records, CONTEXT, Ledger())
    result = normalise_treatments(shuffled, CONTEXT, Ledger())
    assert totals(result) == totals(expected)
    assert result == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["created_at", "timestamp", "date", "mills", "insulin", "carbs", "duration", "rate", "absolute", "percent"]
FIELDS += ["amount", "sgv", "type", "isValid", "eventType", "enteredBy", "_id", "dateString", "durationInMilliseconds"]
VALUES = JSON | st.sampled_from(["Temp Basal", "Meal Bolus", AT, "1.5", "", 1_778_662_800_000, 30, -1, 0, False])


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8) | JSON, max_size=6))
def test_no_document_is_an_unhandled_exception_and_none_vanishes(records: list[Any]) -> None:
    for normalise in (normalise_treatments, lambda *given: read_glucose(*given).for_upstream):
        ledger = Ledger()
        kept = normalise(copy.deepcopy(records), CONTEXT, ledger)
        removed = {e.record for e in ledger.entries if e.removed}
        assert len(kept) + len(removed) == len(records)


def test_days_are_cut_at_four_and_poor_days_say_why() -> None:
    made = entries(days=3)
    second = LocalDay(date(2026, 5, 14), ZONE)
    third = LocalDay(date(2026, 5, 15), ZONE)
    thin = [e for e in made if not second.glucose.holds(e["date"])]
    thin = [e for i, e in enumerate(thin) if not third.glucose.holds(e["date"]) or i % 3 == 0]
    days = covered_days(thin, ZONE)
    assert [str(d) for d in days] == ["2026-05-13", "2026-05-14", "2026-05-15"]
    first, middle, last = cut_days(days, thin, treatments(days=3))
    assert first.skipped is None
    assert len(first.entries) == 288
    assert middle.skipped == "no glucose readings"
    assert last.skipped is not None
    assert "of the day only" in last.skipped
    window = days[0].treatments
    assert {r["created_at"] for r in first.treatments} == {
        r["created_at"] for r in treatments(days=3) if window.start_ms <= _ms(r) <= window.end_ms
    }


def test_a_reading_at_four_belongs_to_the_new_day_only() -> None:
    boundary = LocalDay(DAY, ZONE).glucose.end_ms
    made = [*entries(days=2), {"type": "sgv", "sgv": 100, "date": boundary}]
    made.sort(key=lambda e: -e["date"])
    first, second = cut_days(covered_days(made, ZONE), made, [])
    assert not any(e["date"] == boundary for e in first.entries)
    assert any(e["date"] == boundary for e in second.entries)


def _ms(record: dict[str, Any]) -> float:
    return treatment_rules.at(record, ZONE)
