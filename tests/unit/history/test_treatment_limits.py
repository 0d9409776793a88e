"""Where each rule over one treatment begins and ends to hold: a record just inside, and one just outside.

Each rule is asked alone, for `normalise_treatments` would let the next rule hide what this one did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flows.history import boluses, carbs, long_acting, temp_basals
from flows.history.records import (
    Changed,
    Context,
    Dropped,
    Quarantined,
    RecordVerdict,
    Rule,
    Split,
    extended_insulin_u,
    keep_if,
    run_rules,
    totals,
)
from flows.values.ledger import Ledger, Totals
from flows.values.schedule import Block, Schedule

AT = "2026-05-13T09:00:00.000Z"
AT_MS = 1_778_662_800_000
COMBO: dict[str, Any] = {"eventType": "Combo Bolus", "created_at": AT, "duration": 60}
TEMP: dict[str, Any] = {"eventType": "Temp Basal", "created_at": AT, "duration": 30}
AAPS_CARBS: dict[str, Any] = {"enteredBy": "AndroidAPS", "created_at": AT, "duration": 60, "carbs": 20}
KEPT, DROPPED, DOUBTED = "kept", "dropped", "doubted"


def context(basal: float | None = 1.0) -> Context:
    return Context("UTC", None if basal is None else Schedule.constant(basal), AT_MS)


def answer(verdict: RecordVerdict, record: dict[str, Any]) -> Any:
    """`KEPT`, `DROPPED`, `DOUBTED`, the fields that changed (`None`: gone), or a list of records."""
    if isinstance(verdict, Changed):
        after = verdict.record
        return {k: after.get(k) for k in {**record, **after} if after.get(k, "no") != record.get(k, "no")}
    if isinstance(verdict, Split):
        return list(verdict.records)
    return {type(None): KEPT, Dropped: DROPPED, Quarantined: DOUBTED}[type(verdict)]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"carbs": -500.5}, DOUBTED),
        ({"carbs": -500}, {"carbs": None}),
        ({"carbs": -0.5}, {"carbs": None}),
        ({"carbs": 0}, KEPT),
        ({"carbs": 0.5}, KEPT),
        ({"carbs": 500}, KEPT),
        ({"carbs": 500.5}, DOUBTED),
        ({"insulin": -0.05}, DOUBTED),
        ({"insulin": 0}, KEPT),
        ({"insulin": 0.05}, KEPT),
        ({"insulin": 100}, KEPT),
        ({"insulin": 100.05}, DOUBTED),
        ({**COMBO, "relative": 100}, KEPT),
        ({**COMBO, "relative": 100.05}, DOUBTED),
        ({**COMBO, "relative": 0}, KEPT),
        ({**COMBO, "relative": 0.5}, KEPT),
        ({**COMBO, "relative": -0.5}, DOUBTED),
        ({**COMBO, "enteredinsulin": -0.5}, DOUBTED),
        ({**COMBO, "enteredinsulin": 0.5}, KEPT),
        ({**COMBO, "enteredinsulin": 100}, KEPT),
        ({**COMBO, "enteredinsulin": 100.05}, DOUBTED),
    ],
)
def test_amounts_from_nothing_to_the_largest_are_possible(record: dict[str, Any], expected: Any) -> None:
    assert answer(boluses.amounts_are_possible(record, context()), record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"type": "PRIMING", "insulin": 0.3}, DROPPED),
        ({"eventType": "Cannula Fill", "insulin": 0.3}, DROPPED),
        ({"eventType": "Cannula Fill", "insulin": 0}, KEPT),
        ({"eventType": "Correction Bolus", "insulin": 0.3}, KEPT),
        ({"type": "PRIMING", "insulin": 0.3, "carbs": 0}, DROPPED),
        ({"type": "PRIMING", "insulin": 0.3, "carbs": 0.5}, {"insulin": None}),
    ],
)
def test_insulin_that_fills_a_tube_leaves_the_carbs_beside_it(record: dict[str, Any], expected: Any) -> None:
    assert answer(boluses.priming_is_not_delivered(record, context()), record) == expected


@pytest.mark.parametrize(("carbs", "expected"), [(0, DROPPED), (0.5, {"insulin": None})])
def test_the_carbs_beside_long_acting_insulin_stay(carbs: float, expected: Any) -> None:
    record = {"insulin": 16, "insulinType": "Tresiba", "carbs": carbs}
    assert answer(long_acting.long_acting_is_no_bolus(record, context()), record) == expected


@pytest.mark.parametrize(
    ("insulin", "lantus", "expected"),
    [
        (2.0, [0], KEPT),
        (2.0, [0.5], {"insulin": 1.5}),
        (5.0, [1.2344], {"insulin": 3.766}),
        (2.0, [1.999], {"insulin": 0.001}),
        (2.0, [1.9996], DROPPED),
        (2.0, [2.0], DROPPED),
        (0.8, [0.1] * 8, DROPPED),  # which add up to a little less
    ],
)
def test_long_acting_insulin_is_taken_from_what_was_injected(
    insulin: float, lantus: list[float], expected: Any
) -> None:
    injections = [{"insulin": "Lantus", "units": units} for units in lantus]
    record = {"insulin": insulin, "insulinInjections": injections}
    assert answer(long_acting.long_acting_is_no_bolus(record, context()), record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({**COMBO, "insulin": 4}, KEPT),
        ({**COMBO, "enteredinsulin": 6}, {"insulin": 6}),  # no split: all at once
        ({**COMBO, "enteredinsulin": 6, "splitNow": 100}, {"insulin": 6}),
        ({**COMBO, "enteredinsulin": 6, "splitNow": 60}, DOUBTED),  # and the other 40 %
        ({**COMBO, "enteredinsulin": 1, "splitExt": 40}, DOUBTED),
        ({**COMBO, "enteredinsulin": 6, "insulin": 5.9}, DOUBTED),
        ({**COMBO, "enteredinsulin": 6, "insulin": 1, "isEmulatingTempBasal": True}, KEPT),
        ({"eventType": "Meal Bolus", "enteredinsulin": 6, "insulin": 1}, KEPT),
        ({**COMBO, "relative": 1, "duration": 1441}, DOUBTED),
        ({**COMBO, "relative": 1, "created_at": None}, DOUBTED),
    ],
)
def test_a_combo_bolus_without_an_extended_part(record: dict[str, Any], expected: Any) -> None:
    assert answer(boluses.extended_is_delivered_over_time(record, context()), record) == expected


@pytest.mark.parametrize(
    ("record", "at_once", "parts"),
    [
        ({"relative": 0.5}, None, [0.5 / 12] * 12),
        ({"relative": 1, "duration": 1440}, None, [24 / 288] * 288),
        ({"relative": 60, "duration": 2}, None, [2.0]),
        ({"relative": 60, "duration": 8}, None, [4.0, 4.0]),
        ({"relative": 1, "insulin": 0}, None, [1 / 12] * 12),
        ({"relative": 1, "insulin": 0.5}, 0.5, [1 / 12] * 12),
        ({"relative": 1, "insulin": 0, "carbs": 0.5}, 0, [1 / 12] * 12),
        ({"enteredinsulin": 6, "insulin": 3.58, "splitNow": 60, "splitExt": 40}, 3.58, [0.2] * 12),
        ({"enteredinsulin": 6, "splitNow": 60, "splitExt": 40}, 3.6, [0.2] * 12),
        ({"enteredinsulin": 6, "splitNow": 0, "splitExt": 100}, None, [0.5] * 12),
        ({"enteredinsulin": 6, "splitNow": 50, "relative": 3}, 3, [0.25] * 12),
        ({"enteredinsulin": 6, "splitNow": 0, "relative": 6}, None, [0.5] * 12),
    ],
)
def test_an_extended_part_is_given_every_five_minutes(
    record: dict[str, Any], at_once: float | None, parts: list[float]
) -> None:
    found = answer(boluses.extended_is_delivered_over_time({**COMBO, **record}, context()), record)
    assert isinstance(found, list)
    head = [r for r in found if r["created_at"] == AT]
    spread = [r for r in found if r["created_at"] != AT]
    assert [r["insulin"] for r in head] == pytest.approx([] if at_once is None else [at_once])
    assert [r["insulin"] for r in spread] == pytest.approx(parts)
    assert {r["eventType"] for r in spread} == {"Correction Bolus"}


def test_a_part_stands_in_the_middle_of_its_time() -> None:
    found = answer(boluses.extended_is_delivered_over_time({**COMBO, "relative": 1, "duration": 10}, context()), {})
    assert [r["created_at"][11:19] for r in found] == ["09:02:30", "09:07:30"]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"bolus": {"_type": "Bolus", "amount": 4}}, {"bolus": None, "insulin": 4}),
        ({"bolus": {"_type": "Bolus", "amount": 4}, "insulin": 4}, {"bolus": None}),
        ({"bolus": {"_type": "BolusWizard", "amount": 4}}, KEPT),
        ({"bolus": "4"}, KEPT),
        ({"_type": "Bolus", "amount": 0}, {"_type": None}),
        ({"_type": "Bolus", "amount": 0, "insulin": 4}, {"_type": None}),
        ({"_type": "Bolus", "amount": 0.05}, {"_type": None, "insulin": 0.05}),
        ({"_type": "Bolus", "amount": 100}, {"_type": None, "insulin": 100}),
        ({"_type": "Bolus", "amount": 100.05}, DOUBTED),
        ({"_type": "Bolus", "amount": -0.05}, DOUBTED),
        ({"_type": "Bolus", "amount": 0.102, "insulin": 0.051}, {"_type": None}),  # the step exactly
        ({"_type": "Bolus", "amount": 0.103, "insulin": 0.051}, DOUBTED),
    ],
)
def test_a_pump_s_own_record_gives_its_amount(record: dict[str, Any], expected: Any) -> None:
    assert answer(boluses.pump_record_is_plain(record, context()), record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"eventType": "SMB", "insulin": 0}, KEPT),
        ({"eventType": "SMB", "insulin": 0.05}, {"eventType": "Correction Bolus"}),
        ({"eventType": "SMB", "insulin": 0.05, "carbs": 0}, {"eventType": "Correction Bolus"}),
        ({"eventType": "SMB", "insulin": 0.05, "carbs": 0.5}, {"eventType": "Meal Bolus"}),
        ({"eventType": "Snack Bolus", "insulin": 0.05}, KEPT),
        ({"eventType": "SMB", "insulin": 0.05, "enteredBy": "xdrip"}, KEPT),
        ({**TEMP, "insulin": 0.05}, DOUBTED),
    ],
)
def test_insulin_goes_under_a_counted_event_type(record: dict[str, Any], expected: Any) -> None:
    assert answer(boluses.insulin_is_counted(record, context()), record) == expected


@pytest.mark.parametrize(
    ("more", "grams"),
    [
        ({"duration": -1}, None),
        ({"duration": 29.9}, None),
        ({"duration": 30}, [10, 10]),
        ({"duration": 44.9}, [10, 10]),
        ({"duration": 45}, [7, 6, 7]),
        ({"duration": 720, "carbs": 48}, [1] * 48),
        ({"duration": 720.1}, DOUBTED),
        ({"duration": 59_999}, DOUBTED),
        ({"duration": 60_000}, None),  # a minute in milliseconds
        ({"duration": 1_800_000}, [10, 10]),
        ({"carbs": 0.5}, [0.5]),
        ({"carbs": 1.5}, [1.5]),
        ({"carbs": 2}, [1, 1]),
        ({"eventType": "Temp Basal"}, None),
        ({"eventType": "Combo Bolus"}, None),
        ({"enteredBy": "me", "insulin": 0}, [5, 5, 5, 5]),
        ({"enteredBy": "me", "insulin": 0.5}, None),
        ({"created_at": None}, DOUBTED),
    ],
)
def test_carbs_with_a_duration_are_eaten_by_the_quarter_of_an_hour(more: dict[str, Any], grams: Any) -> None:
    record = {**AAPS_CARBS, **more}
    found = answer(carbs.extended_are_eaten_over_time(record, context()), record)
    assert ([r["carbs"] for r in found] if isinstance(found, list) else found) == (KEPT if grams is None else grams)


@pytest.mark.parametrize("insulin", [0, 0.5])
def test_the_insulin_beside_extended_carbs_stays_one_record(insulin: float) -> None:
    record = {**AAPS_CARBS, "insulin": insulin}
    found = answer(carbs.extended_are_eaten_over_time(record, context()), record)
    assert [r["insulin"] for r in found if "insulin" in r] == ([insulin] if insulin else [])
    assert [r["created_at"][11:16] for r in found if r["carbs"]] == ["09:00", "09:15", "09:30", "09:45"]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"carbs": 0.5, "timestamp": AT}, {"timestamp": None}),
        ({"carbs": 0, "timestamp": AT, "enteredBy": "me"}, KEPT),
        ({"carbs": 0, "timestamp": AT, "enteredBy": "xdrip"}, {"timestamp": None, "carbs": None}),
        ({"carbs": 5, "timestamp": AT, "enteredBy": "xdrip"}, {"timestamp": None}),
    ],
)
def test_only_carbs_lose_what_upstream_compares(record: dict[str, Any], expected: Any) -> None:
    assert answer(carbs.carbs_are_not_a_repetition(record, context()), record) == expected


API_V3 = {"identifier": "a", "srvModified": 1}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"duration": None, "durationInMilliseconds": 0}, KEPT),
        ({"duration": None, "durationInMilliseconds": 0.6}, {"duration": 0.6 / 60_000}),
        ({"duration": None, "durationInMilliseconds": 60_000}, {"duration": 1}),
        ({"duration": None, "durationInMilliseconds": True}, KEPT),
        ({"duration": None, "durationInMilliseconds": "60000"}, KEPT),
        ({"duration": -0.5}, DOUBTED),
        ({"duration": 0}, KEPT),
        ({"duration": 0.5}, KEPT),
        ({"duration": 1440}, KEPT),
        ({"duration": 1440.5}, DOUBTED),
        ({"duration": 60_000, "durationInMilliseconds": 60_000}, {"duration": 1}),
        ({"duration": 0.6, "durationInMilliseconds": 0.6}, {"duration": 0.6 / 60_000}),
        ({"duration": 0, "durationInMilliseconds": 0}, KEPT),
        ({"duration": 59_999, "durationInMilliseconds": 59_999}, {"duration": 59_999 / 60_000}),
        ({"duration": 60_000, "durationInMilliseconds": 30_000}, DOUBTED),
        ({"duration": 30, "durationInMilliseconds": 1_800_000}, KEPT),
        ({"duration": 60_000}, DOUBTED),
        ({"duration": 1_800_000, **API_V3}, {"duration": 30}),
        ({"duration": 86_400_000, **API_V3}, {"duration": 1440}),
        ({"duration": 86_460_000, **API_V3}, DOUBTED),
        ({"duration": 1_800_000, "identifier": "a"}, DOUBTED),
        ({"duration": 1_800_000, "srvModified": 1}, DOUBTED),
        ({"duration": 9_000, "eventType": "Note"}, KEPT),
        ({"duration": 9_000, "eventType": "Combo Bolus"}, DOUBTED),
    ],
)
def test_a_duration_is_minutes_up_to_a_day(more: dict[str, Any], expected: Any) -> None:
    record = {**TEMP, **more}
    assert answer(temp_basals.duration_in_minutes(record, context()), record) == expected


BOTH = {"rate": 1, "absolute": 1}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({**BOTH, "eventType": "Note", "rate": 99}, KEPT),
        ({**BOTH, "duration": None, "rate": 99}, KEPT),
        (BOTH, KEPT),
        ({"rate": -0.1}, DOUBTED),
        ({"rate": 0}, {"absolute": 0}),
        ({"rate": 0.5}, {"absolute": 0.5}),
        ({"absolute": 35}, {"rate": 35}),
        ({"rate": 35.1}, DOUBTED),
        ({"rate": 0.102, "absolute": 0.051}, KEPT),  # the step exactly
        ({"rate": 0.103, "absolute": 0.051}, DOUBTED),
        ({"temp": "percent", "rate": 1}, DOUBTED),
        ({"temp": "absolute", "rate": 1}, {"absolute": 1}),
        ({"temp": "percent", "percent": -100}, {"rate": 0, "absolute": 0}),
        ({"percent": -100.5}, DOUBTED),
        ({"percent": 500}, {"rate": 6, "absolute": 6}),
        ({"percent": 500.5}, DOUBTED),
        ({"percent": 3.33333}, {"rate": 1.0333, "absolute": 1.0333}),
        ({"duration": 0}, KEPT),
        ({"duration": 1}, DOUBTED),
        ({"duration": 0, "amount": 0}, {"amount": None, "rate": 0, "absolute": 0}),
        ({"duration": 0, "amount": 0.5}, DOUBTED),
        ({"duration": 1, "amount": 0.5}, KEPT),
        ({"amount": 0}, KEPT),
        ({"amount": -0.05}, DOUBTED),
        ({"amount": 0.05}, KEPT),
        ({"amount": 17.5}, KEPT),
        ({"amount": 17.55}, DOUBTED),
    ],
)
def test_a_temporary_basal_has_one_possible_rate(more: dict[str, Any], expected: Any) -> None:
    record = {**TEMP, **more}
    assert answer(temp_basals.has_its_rate(record, context()), record) == expected


@pytest.mark.parametrize(
    ("rate", "highest", "is_percent"),
    [
        (10, 1.0, True),
        (20, 1.0, True),
        (9, 1.0, False),
        (15, 1.0, False),
        (10, 2.0, False),
        (20, 3.9, True),
        (10, 0.1, True),
        (10, 0.0, False),  # nothing to compare it with
        (10, None, False),
    ],
)
def test_a_rate_looks_like_a_percentage(rate: float, highest: float | None, is_percent: bool) -> None:
    assert temp_basals._looks_like_percent(rate, context(highest)) is is_percent


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({**TEMP, "amount": None}, {"amount": None}),
        ({**TEMP, "amount": 0}, KEPT),
        (TEMP, KEPT),
        ({"eventType": "Note", "amount": None}, KEPT),
    ],
)
def test_an_amount_that_is_null_is_none(record: dict[str, Any], expected: Any) -> None:
    assert answer(temp_basals.null_amount_is_none(record, context()), record) == expected


@pytest.mark.parametrize(("minute", "rate"), [(89, 1.0), (90, 2.0)])
def test_the_scheduled_basal_is_that_of_the_local_minute(minute: int, rate: float) -> None:
    basal = Schedule((Block(0, 1.0), Block(90, 2.0)))
    midnight_ms = AT_MS - 9 * 3_600_000
    found = Context("UTC", basal, AT_MS).scheduled_basal(midnight_ms + minute * 60_000)
    assert found == rate


@pytest.mark.parametrize(
    ("more", "units"),
    [
        ({"relative": 0.5}, 0.5),
        ({"relative": 0.5, "duration": 0.6}, 0.005),
        ({"relative": 0, "enteredinsulin": 6, "splitExt": 40}, 2.4),
        ({"enteredinsulin": 6, "splitExt": 40, "duration": 0.5}, 2.4),
        ({"enteredinsulin": 6, "splitExt": 40, "duration": 0}, 0),
        ({"enteredinsulin": 6, "splitExt": 40, "duration": -1}, 0),
        ({"relative": 0.5, "isEmulatingTempBasal": True}, 0),
        ({"relative": 0.5, "eventType": "Extended Bolus"}, 0.5),
        ({"relative": 0.5, "eventType": "Meal Bolus"}, 0),
    ],
)
def test_extended_insulin_is_counted_as_its_uploader_writes_it(more: dict[str, Any], units: float) -> None:
    assert extended_insulin_u({**COMBO, **more}) == pytest.approx(units)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], Totals(0.0, 0.0, 0)),
        ([None], Totals(0.0, 0.0, 0)),
        ([{"sgv": 100}, {"glucose": 100}, {"sgv": 1, "glucose": 1}], Totals(0.0, 0.0, 3)),
        ([{"glucose": 100, "eventType": "BG Check"}], Totals(0.0, 0.0, 0)),
        ([{"insulin": 2, "carbs": 30}, {**COMBO, "relative": 1}], Totals(3.0, 30.0, 0)),
    ],
)
def test_totals_count_boluses_carbs_and_readings(records: list[Any], expected: Totals) -> None:
    assert totals(records) == expected


def noted(apply: Callable[[dict[str, Any], Context], RecordVerdict]) -> tuple[list[str], Ledger]:
    ledger = Ledger()
    found = run_rules([("a", {"carbs": 1})], [Rule("r", "d", "s", apply)], context(), ledger)
    return [name for name, _ in found], ledger


def test_parts_are_counted_from_one_and_a_rule_that_changes_nothing_has_no_books() -> None:
    names, ledger = noted(lambda r, _: Split((r, r), "why"))
    assert names == ["a.1", "a.2"]
    assert len(ledger.rules) == 1
    assert noted(lambda _r, _c: None)[1].rules == {}
    assert keep_if([("a", {})], ("r", "d"), lambda _n, _r: None, untouched := Ledger()) == [("a", {})]
    assert untouched.rules == {}
    assert keep_if([("a", {})], ("r", "d"), lambda _n, _r: "why", left := Ledger()) == []
    again = Ledger()
    keep_if([("a", {"carbs": 10})], ("r", "d"), lambda _n, _r: "why", again)
    assert keep_if([("b", {"carbs": 5})], ("r", "d"), lambda _n, _r: None, again) == [("b", {"carbs": 5})]
    assert len(left.rules) == 1
