"""When two records are one event: amounts, instants and ids on either side of what decides it."""

from __future__ import annotations

from typing import Any

import pytest

from flows.history.duplicates import remove_duplicates, unsure_copies
from flows.history.records import Context
from flows.values.ledger import Ledger
from flows.values.timestamps import iso_utc

START_MS = 1_778_644_800_000  # 2026-05-13 04:00, at which a step of two seconds begins
CONTEXT = Context("UTC", None, START_MS)


def treatment(second: float, by: str = "a", **more: Any) -> dict[str, Any]:
    return {"created_at": iso_utc(START_MS + second * 1000), "enteredBy": by, "eventType": "Bolus", **more}


def kept(*records: dict[str, Any]) -> list[tuple[Any, Any]]:
    """What is kept, as insulin and carbs."""
    left = remove_duplicates([(str(n), r) for n, r in enumerate(records)], CONTEXT, Ledger())
    return sorted(((r.get("insulin"), r.get("carbs")) for _, r in left), key=str)


@pytest.mark.parametrize(
    ("field", "one", "other", "same_uploader", "is_one"),
    [
        ("insulin", 1.0, 1.005, False, True),
        ("insulin", 1.0, 1.006, False, False),
        ("insulin", 0.0623, 0.0674, False, True),  # 0.0051 exactly
        ("insulin", 1.0, 1.005, True, True),
        ("insulin", 1.0, 1.006, True, False),
        ("carbs", 20, 20.5, False, True),
        ("carbs", 20, 20.6, False, False),
        ("carbs", 1.99, 2.5, False, True),  # 0.51 exactly
        ("carbs", 20, 20.5, True, False),
        ("carbs", 20, 20.005, True, True),
        ("carbs", 20, 20.006, True, False),
    ],
)
def test_amounts_within_rounding_are_the_same(
    field: str, one: float, other: float, same_uploader: bool, is_one: bool
) -> None:
    records = [treatment(0, **{field: one}), treatment(1, "a" if same_uploader else "b", **{field: other})]
    assert (len(kept(*records)) == 1) is is_one


@pytest.mark.parametrize(
    ("first", "second", "by", "expected"),
    [
        ({"insulin": 1, "carbs": 0}, {"carbs": 0.5}, "b", [(1, 0), (None, 0.5)]),
        ({"insulin": 1}, {"carbs": 0.5}, "b", [(1, None), (None, 0.5)]),
        ({"insulin": 1, "carbs": 10}, {"insulin": 1}, "a", [(1, 10)]),
        ({"insulin": 1, "carbs": 10}, {"carbs": 10}, "a", [(1, 10)]),
        ({"insulin": 1, "carbs": 10}, {"insulin": 1, "carbs": 20}, "a", [(1, 10), (1, 20)]),
        ({"insulin": 1}, {"carbs": 10}, "a", [(1, None), (None, 10)]),
        ({"carbs": 10}, {"insulin": 1, "carbs": 10}, "b", [(1, None), (None, 10)]),
        ({"insulin": 1}, {"insulin": 1, "carbs": 10}, "b", [(1, None), (None, 10)]),
        # 0.0051 U apart exactly
        ({"insulin": 0.0623, "carbs": 10}, {"insulin": 0.0674}, "b", [(0.0623, 10)]),
        ({"insulin": 0.0623, "carbs": 10}, {"insulin": 0.0674, "carbs": 10}, "a", [(0.0623, 10)]),
        ({"insulin": 0.0623, "carbs": 10}, {"insulin": 0.0675, "carbs": 10}, "a", [(0.0623, 10), (0.0675, 10)]),
    ],
)
def test_only_what_another_record_has_is_left_out(
    first: dict[str, Any], second: dict[str, Any], by: str, expected: list[Any]
) -> None:
    """The first stands in an earlier step of two seconds, and is counted before the second."""
    assert kept(treatment(1.9, **first), treatment(2.1, by, **second)) == expected


def test_a_record_without_carbs_has_none_of_another_s() -> None:
    ledger = Ledger()
    records = [treatment(0, insulin=1, carbs=0.5), treatment(1, "b", insulin=2, carbs=0)]
    assert len(remove_duplicates([("0", records[0]), ("1", records[1])], CONTEXT, ledger)) == 2
    assert ledger.entries == []


@pytest.mark.parametrize(
    "combo",
    [
        {"relative": 2, "duration": 60},
        {"enteredinsulin": 2, "splitNow": 100, "splitExt": 0},
        {"insulin": 1, "relative": 2, "duration": 60},
    ],
)
def test_a_combo_bolus_counts_once_however_it_is_given(combo: dict[str, Any]) -> None:
    records = [treatment(second, by) | {"eventType": "Combo Bolus", **combo} for second, by in ((0, "a"), (1, "b"))]
    assert len(kept(*records)) == 1


@pytest.mark.parametrize(("seconds", "is_one"), [(2.0, True), (2.001, False)])
@pytest.mark.parametrize(
    ("change", "is_alike"),
    [
        ({}, True),
        ({"rate": 1.005}, True),
        ({"rate": 1.006}, False),
        ({"rate": None}, False),
        ({"duration": 30.006}, False),
        ({"amount": 1}, False),
    ],
)
def test_temporary_basals_are_one_within_two_seconds_and_rounding(
    seconds: float, is_one: bool, change: dict[str, Any], is_alike: bool
) -> None:
    temp = {"eventType": "Temp Basal", "rate": 1.0, "duration": 30}
    assert (len(kept(treatment(0) | temp, treatment(seconds) | temp | change)) == 1) is (is_one and is_alike)


def test_rates_that_differ_by_the_whole_rounding_are_the_same() -> None:
    temp = {"eventType": "Temp Basal", "duration": 30}
    assert len(kept(treatment(0) | temp | {"rate": 0.0623}, treatment(0) | temp | {"rate": 0.0674})) == 1


@pytest.mark.parametrize(("between", "count"), [(49, 50), (50, 52)])
def test_a_temporary_basal_is_looked_for_among_the_last_fifty(between: int, count: int) -> None:
    temp = {"eventType": "Temp Basal", "duration": 30}
    others = [treatment(0.001 * n) | temp | {"rate": 2.0 + n} for n in range(1, between + 1)]
    twins = [treatment(0) | temp | {"rate": 1.0}, treatment(1.9) | temp | {"rate": 1.0}]
    assert len(kept(*twins, *others)) == count


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ({"pumpId": 7, "pumpSerial": "x"}, {"pumpId": 7, "pumpSerial": "x"}, 1),
        ({"pumpId": 7, "pumpSerial": "x"}, {"pumpId": 7, "pumpSerial": "y"}, 2),
        ({"pumpId": 7, "id": 1}, {"pumpId": 7, "id": 2}, 1),
        ({"id": 1, "pumpSerial": "x"}, {"id": 1, "pumpSerial": "y"}, 1),
        ({"uuid": 1}, {"uuid": 2}, 2),
        ({"identifier": "1"}, {"identifier": "2"}, 2),
        ({"identifier": "1", "_id": "1"}, {"identifier": "2", "_id": "2"}, 1),
        ({"uuid": "1", "_id": "1"}, {"uuid": "2", "_id": "2"}, 2),
        ({"uuid": ""}, {"uuid": ""}, 1),
        ({"_id": "1"}, {"_id": "2"}, 1),
    ],
)
def test_an_app_s_own_ids_tell_two_events_apart_unless_one_is_the_same(
    one: dict[str, Any], other: dict[str, Any], count: int
) -> None:
    assert len(kept(treatment(0, insulin=1, **one), treatment(1, insulin=1, **other))) == count


COMBO = {"eventType": "Combo Bolus", "relative": 2, "duration": 60}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"insulin": 1}, {"insulin": 1, "carbs": 10}, [(1, 10)]),
        ({"carbs": 10, "notes": "x"}, {"carbs": 10, "duration": 60}, [(None, 10)]),
        # What says as much as the other: the earlier one is kept whole.
        ({"carbs": 10, "duration": 60}, {"insulin": 1, "carbs": 10, "duration": 2.4}, [(1, None), (None, 10)]),
        ({"insulin": 1, "carbs": 10, "duration": 2.4}, {"carbs": 10, "duration": 60}, [(1, 10)]),
        ({"insulin": 2, "carbs": 10}, COMBO, [(2, 10)]),
        (COMBO, {"insulin": 2, "carbs": 10}, [(None, 10), (None, None)]),
    ],
)
def test_of_one_step_the_record_that_says_most_is_kept_whole(
    first: dict[str, Any], second: dict[str, Any], expected: list[Any]
) -> None:
    assert kept(treatment(0) | first, treatment(1, "b") | second) == expected


@pytest.mark.parametrize(
    ("other", "combo", "rest"),
    [
        ({"insulin": 1}, {"insulin": 1, "duration": 30}, [(0.0, 2.0, 30.0)]),
        ({"insulin": 1}, {"insulin": 1, "duration": 15}, [(0.0, 2.0, 15.0)]),
        ({"insulin": 0.0623}, {"relative": 0.0674}, []),  # 0.0051 U apart exactly
        ({"insulin": 0.0623}, {"relative": 0.0675}, [(None, 0.0675, 60)]),
    ],
)
def test_of_a_combo_bolus_what_no_other_record_has_stays_over_time(
    other: dict[str, Any], combo: dict[str, Any], rest: list[Any]
) -> None:
    records = [treatment(1.9, carbs=10, **other), treatment(2.1, "b") | COMBO | combo]
    _, *left = remove_duplicates([(str(n), r) for n, r in enumerate(records)], CONTEXT, Ledger())
    assert [(r.get("insulin"), r.get("relative"), r.get("duration")) for _, r in left] == rest


# ---- copies that nobody can be sure of


def doubt(*records: dict[str, Any]) -> str:
    found = unsure_copies(records, "UTC")
    assert [(d.name, d.colour) for d in found] in ([], [("same_event_unsure", "amber")])
    return found[0].sentence if found else ""


@pytest.mark.parametrize(
    ("one", "other", "second", "by", "is_doubted"),
    [
        ({"insulin": 1}, {"insulin": 1}, 0, "a", True),
        ({"insulin": 1}, {"insulin": 1}, 2, "a", True),
        ({"insulin": 1}, {"insulin": 1}, 2.001, "a", False),
        ({"insulin": 1}, {"insulin": 2}, 0, "a", False),
        ({"insulin": 1}, {"insulin": 1}, 0, "b", False),
        ({"carbs": 10}, {"carbs": 10}, 0, "a", True),
        ({"carbs": 10}, {"carbs": 20}, 0, "a", False),
        ({"insulin": 1, "carbs": 10}, {"insulin": 1, "carbs": 10}, 0, "a", True),
        ({"notes": "x"}, {"notes": "x"}, 0, "a", False),
    ],
)
def test_equal_amounts_of_one_uploader_and_instant_are_a_doubt(
    one: dict[str, Any], other: dict[str, Any], second: float, by: str, is_doubted: bool
) -> None:
    assert bool(doubt(treatment(0, **one), treatment(second, by, **other))) is is_doubted


@pytest.mark.parametrize(("between", "is_doubted"), [(19, True), (20, False)])
def test_a_copy_is_looked_for_among_the_last_twenty(between: int, is_doubted: bool) -> None:
    others = [treatment(0.01 * n, insulin=1 + n) for n in range(1, between + 1)]
    assert bool(doubt(treatment(0, insulin=1), *others, treatment(1, insulin=1))) is is_doubted


@pytest.mark.parametrize(
    ("groups", "end"),
    [
        (1, "(3 at 2026-05-13 04:00)"),
        (3, "(3 at 2026-05-13 04:00, 3 at 2026-05-13 04:01, 3 at 2026-05-13 04:02)"),
        (4, "(3 at 2026-05-13 04:00, 3 at 2026-05-13 04:01, 3 at 2026-05-13 04:02 and 1 more times)"),
        (5, "(3 at 2026-05-13 04:00, 3 at 2026-05-13 04:01, 3 at 2026-05-13 04:02 and 2 more times)"),
    ],
)
def test_the_first_three_are_named_and_all_are_counted(groups: int, end: str) -> None:
    records = [treatment(60 * n + second, insulin=1) for n in range(groups) for second in (0, 1, 2)]
    said = doubt(*records)
    assert said.startswith(f"{3 * groups} records")
    assert f"{end}: all are counted" in said
