"""A lost dose is a share of the doses, and its day is not tuned: many readings excuse nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.history.days import cut_days
from flows.history.losses import Loss, kinds_of, losses, lost_on, without_a_time
from flows.history.quarantine import check_quarantine
from flows.history.records import Context, totals
from flows.history.treatments import normalise_treatments
from flows.values.ledger import Entry, Ledger, Totals
from flows.values.local_days import LocalDay
from flows.values.timestamps import iso_utc
from flows.values.units import HOUR_MS
from tests.people import DAY, ZONE, entries, treatments

TODAY = LocalDay(DAY, ZONE)
FOUR_MS = TODAY.glucose.start_ms
NOON_MS = FOUR_MS + 8 * HOUR_MS

KINDS: list[tuple[dict[str, Any] | None, list[str]]] = [
    ({"eventType": "Meal Bolus", "insulin": "5 U", "carbs": "40 g"}, ["insulin", "carbs"]),
    ({"eventType": "Meal Bolus", "insulin": "5 U", "carbs": 0}, ["insulin"]),
    ({"eventType": "Carb Correction", "insulin": None, "carbs": "40 g"}, ["carbs"]),
    ({"eventType": "Combo Bolus", "enteredinsulin": "7 U"}, ["insulin"]),
    ({"eventType": "Temp Basal", "rate": "fast"}, ["temp_basal"]),
    ({"eventType": "Temp Basal Start", "rate": "fast"}, ["temp_basal"]),
    ({"eventType": "Temp Basal", "rate": 1, "insulin": 5}, ["temp_basal", "insulin"]),
    ({"_type": "Bolus", "amount": "5"}, ["insulin"]),
    ({"eventType": "Note", "notes": "insulin"}, []),
    (None, []),
]


@pytest.mark.parametrize(("record", "kinds"), KINDS, ids=[str(k[0]) for k in KINDS])
def test_what_a_record_would_have_given_is_known_without_understanding_it(record: Any, kinds: list[str]) -> None:
    assert kinds_of(record) == kinds


@pytest.mark.parametrize(
    ("after_h", "is_missing"), [(-6.01, False), (-6, True), (0, True), (23.99, True), (24, False)]
)  # fmt: skip
def test_a_dose_is_missing_on_its_day_and_where_it_still_acts(after_h: float, is_missing: bool) -> None:
    found = lost_on(TODAY, [Loss(kind, FOUR_MS + after_h * HOUR_MS) for kind in ("insulin", "carbs", "temp_basal")])
    assert (found.insulin, found.carbs) == (int(is_missing), int(is_missing))
    assert found.temp_basals == int(is_missing and after_h >= 0)


def day_with(lost: list[dict[str, Any]], temp_basals: int = 0) -> Any:
    at = iso_utc(NOON_MS)
    temps = [
        {"eventType": "Temp Basal", "rate": 1, "duration": 5, "created_at": iso_utc(FOUR_MS + n * 0.2 * HOUR_MS)}
        for n in range(temp_basals)
    ]
    ledger = Ledger()
    own = [t for t in treatments() if t["eventType"] != "Temp Basal" or not temp_basals]
    records = [*own, *temps, *({"created_at": at, **record} for record in lost)]
    kept = normalise_treatments(records, Context(ZONE, None, 1_800_000_000_000), ledger)
    (cut,) = cut_days([TODAY], entries(), kept, lost=losses(ledger, ZONE))
    return cut


LOST_BOLUS = {"eventType": "Correction Bolus", "insulin": "5 U"}
LOST_TEMP = {"eventType": "Temp Basal", "rate": 120, "duration": 30}


def test_a_day_that_lost_insulin_or_carbs_is_left_out_and_says_so() -> None:
    assert day_with([]).skipped is None
    assert "1 insulin dose(s) that could not be understood" in day_with([LOST_BOLUS]).skipped
    assert "1 carb entries" in day_with([{"eventType": "Carb Correction", "carbs": "40 g"}]).skipped


@pytest.mark.parametrize(("kept", "colour"), [(18, "red"), (19, "amber")])
def test_a_twentieth_of_the_temporary_basals_may_be_lost(kept: int, colour: str) -> None:
    day = day_with([LOST_TEMP], kept)
    assert day.facts.temp_basals == kept
    assert day.colour == colour


def quarantined(count: int, rule: str = "numbers_as_text") -> Ledger:
    ledger = Ledger()
    for n in range(count):
        ledger.quarantine(Entry(rule, f"#{n}", {}, {}, "its insulin is not a number", removed=True))
    return ledger


@pytest.mark.parametrize(
    ("count", "doses", "is_taken"), [(3, 1, True), (4, 199, False), (4, 200, True), (37, 80, False)]
)
def test_many_readings_excuse_no_lost_dose(count: int, doses: int, is_taken: bool) -> None:
    if is_taken:
        assert check_quarantine(quarantined(count), 100_000, doses)
        return
    with pytest.raises(Refused, match=f"{count} treatments could not be understood") as caught:
        check_quarantine(quarantined(count), 100_000, doses)
    assert caught.value.reason is Reason.NOT_UNDERSTOOD


def test_many_doses_excuse_no_lost_reading() -> None:
    with pytest.raises(Refused, match="4 readings could not be understood"):
        check_quarantine(quarantined(4, "glucose_value"), 100, 100_000)


def test_a_dose_without_a_time_is_told() -> None:
    ledger = Ledger()
    normalise_treatments([{"eventType": "Meal Bolus", "insulin": 5}], Context(ZONE, None, NOON_MS), ledger)
    (note,) = without_a_time(losses(ledger, ZONE))
    assert note.startswith("1 doses name no time")
    assert without_a_time([Loss("insulin", NOON_MS)]) == []
    assert lost_on(LocalDay(DAY + timedelta(days=1), ZONE), [Loss("insulin", None)]).insulin == 0


@pytest.mark.parametrize("lost", [float("nan"), 0.5])
def test_a_book_with_what_is_no_number_does_not_balance(lost: float) -> None:
    with pytest.raises(Refused) as caught:
        Ledger().close_rule("rule", "", Totals(1.0), Totals(1.0 - lost))
    assert caught.value.reason is Reason.BOOKS_DO_NOT_BALANCE


@pytest.mark.parametrize(("amount", "counted"), [(1e9 - 1, 1e9 - 1), (1e9, 0.0), (-1e9, 0.0), (1e308, 0.0)])
def test_garbage_counts_nothing_in_the_books(amount: float, counted: float) -> None:
    combo = {"eventType": "Combo Bolus", "relative": amount, "duration": 60}
    found = totals([{"insulin": amount}, {"carbs": amount}, combo])
    assert (found.insulin_u, found.carbs_g) == (counted + max(counted, 0.0), counted)
    assert totals([{**combo, "relative": 1e300, "duration": 1e300}]) == Totals()
