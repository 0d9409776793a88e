"""Insulin is what it is: long-acting and automatic basal are no boluses, the insulin that is named is the curve."""

from __future__ import annotations

from typing import Any, cast

import pytest

from flows.errors import Reason, Refused
from flows.history.automatic import check_automatic_basal
from flows.history.doubts import Doubt, doubt_of
from flows.history.insulin_named import insulin_named
from flows.history.long_acting import long_acting_pattern
from flows.history.records import Context
from flows.history.treatments import normalise_treatments
from flows.nightscout.documents import Record
from flows.values.ledger import Ledger
from flows.values.timestamps import iso_utc
from flows.values.units import DAY_MS, HOUR_MS, MINUTE_MS

ZONE = "Asia/Kolkata"
CONTEXT = Context(ZONE, None, 1_800_000_000_000)
START_MS = 1_778_697_000_000  # 2026-05-14 00:00 in Kolkata
AT = iso_utc(START_MS)


def dose(day: float, hour: float, units: float, **more: Any) -> Record:
    at = iso_utc(START_MS + day * DAY_MS + hour * HOUR_MS)
    return {"eventType": "Correction Bolus", "insulin": units, "created_at": at, **more}


# --- long-acting by its words

KEPT, GONE, DOUBTED = "kept", "left out", "quarantined"
WORDS: list[tuple[dict[str, Any], str]] = [
    ({"notes": "Lantus"}, GONE),
    ({"notes": "16 U Tresiba abends"}, GONE),
    ({"notes": "evening dose of Toujeo"}, GONE),
    ({"notes": "my evening dose of Toujeo"}, DOUBTED),  # more words than a label has
    ({"eventType": "Long Acting Insulin"}, GONE),
    ({"eventType": "Long-Acting"}, GONE),
    ({"eventType": "Basal Insulin"}, GONE),
    ({"eventType": "Bolus", "insulinType": "Tresiba"}, GONE),
    ({"insulinType": "Insulin degludec 100"}, GONE),
    ({"isBasalInsulin": True}, GONE),
    ({"notes": "forgot Lantus"}, DOUBTED),
    ({"notes": "correction, I took the Lantus too late again"}, DOUBTED),
    ({"notes": "basal too low?"}, KEPT),
    ({"notes": "phone"}, KEPT),
    ({"insulinType": "Humalog"}, KEPT),
    ({"eventType": "Bolus", "notes": ""}, KEPT),
    ({"eventType": "Meal Bolus", "carbs": 40, "notes": "and Lantus"}, KEPT),
    ({"eventType": "Meal Bolus", "carbs": 0.5, "notes": "and Lantus"}, KEPT),
    ({"carbs": 0, "notes": "Lantus"}, GONE),
]


@pytest.mark.parametrize(("more", "becomes"), WORDS, ids=[str(w[0]) for w in WORDS])
def test_long_acting_insulin_is_known_by_its_words(more: dict[str, Any], becomes: str) -> None:
    ledger = Ledger()
    kept = normalise_treatments([dose(0, 22, 16, **more)], CONTEXT, ledger)
    assert [r["insulin"] for r in kept] == ([16] if becomes == KEPT else [])
    assert bool(ledger.quarantined) is (becomes == DOUBTED)
    assert [e.rule for e in ledger.entries if e.removed] == ([] if becomes == KEPT else ["long_acting"])


# --- and by its pattern alone


def meals(days: int, units: float = 4, **more: Any) -> list[Record]:
    return [{**dose(d, h, units), "carbs": 40, **more} for d in range(days) for h in (8, 13, 19)]


MEALS = meals(5)


def evenings(units: float, days: int, spread_h: float = 0.0) -> list[Record]:
    return [dose(d, 22 + (spread_h if d % 2 else -spread_h), units) for d in range(days)]


PATTERNS: list[tuple[str, list[Record], bool]] = [
    ("every evening", [*MEALS, *evenings(16, 5)], True),
    ("three of five", [*MEALS, *evenings(16, 3)], True),
    ("two of five", [*MEALS, *evenings(16, 2)], False),
    ("an hour and a half apart", [*MEALS, *evenings(16, 5, 1.4)], True),
    ("at any hour", [*MEALS, *[dose(d, 3 + 4 * d, 16) for d in range(5)]], False),
    ("no larger than the others", [*MEALS, *evenings(5.9, 5)], False),
    ("half as large again", [*MEALS, *evenings(6, 5)], True),
    ("small", [{**m, "insulin": 1} for m in MEALS] + evenings(2.9, 5), False),
    ("large enough", [{**m, "insulin": 1} for m in MEALS] + evenings(3, 5), True),
    ("never equal", [*MEALS, *[dose(d, 22, 14 + d) for d in range(5)]], False),
    ("twice a day", [*MEALS, *evenings(16, 5), *evenings(16, 5, 1.0)], False),
    ("with carbs an hour before", [*MEALS, *evenings(16, 5),
                                   *[{**dose(d, 21.1, 0), "carbs": 20} for d in range(5)]], False),
    ("nothing else", evenings(16, 5), True),
    ("with carbs exactly an hour before", [*MEALS, *evenings(16, 5),
                                           *[{**dose(d, 21, 0), "carbs": 0.5} for d in range(5)]], False),
    ("with carbs 60.6 min before", [*MEALS, *evenings(16, 5),
                                    *[{**dose(d, 21 - 0.01, 0), "carbs": 20} for d in range(5)]], True),
    ("with carbs exactly an hour later", [*MEALS, *evenings(16, 5),
                                          *[{**dose(d, 23, 0), "carbs": 20} for d in range(5)]], False),
    ("beside records of no carbs", [*MEALS, *evenings(16, 5),
                                    *[{**dose(d, 22, 1), "carbs": 0} for d in range(5)]], True),
    ("carbs without insulin are no other boluses", [*MEALS, *evenings(5.9, 5),
     *[{**dose(d, h, 0), "carbs": 20} for d in range(5) for h in (9, 10, 11, 14, 15, 16)]], False),
    ("0.05 U apart", [*MEALS, *[dose(d, 22, 16 + 0.05 * (d % 2)) for d in range(4)]], True),
    ("0.06 U apart", [*MEALS, *[dose(d, 22, 16 + 0.06 * (d % 2)) for d in range(4)]], False),
    ("on two of two days", [*meals(2), *evenings(16, 2)], False),
    ("on three of three days", [*meals(3), *evenings(16, 3)], True),
    ("on four of seven days", [*meals(7), *evenings(16, 4)], False),
    ("on four of six days", [*meals(6), *evenings(16, 4)], True),
    ("days of small boluses count", [*meals(7, 0.5), *evenings(16, 4)], False),
    ("a pump", [*MEALS, *evenings(16, 5), {**dose(1, 1, 0), "eventType": "Temp Basal", "duration": 30, "rate": 1}],
     False),
]  # fmt: skip


HOURS = [  # the usual hour, and that of one day
    (22, 23.5, True), (22, 23.55, False), (23.5, 22, True), (23.55, 22, False),
    (21.5, 23, True), (21.45, 23, False), (23, 21.5, True), (23, 21.45, False),
    (23.5, 24.75, True), (0.75, -0.5, True),
]  # fmt: skip
PATTERNS += [
    (
        f"once at {other} h instead of {usual} h, on day {day}",
        [*meals(3), *(dose(d, other if d == day else usual, 16) for d in range(3))],
        is_doubted,
    )
    for day in (0, 2)
    for usual, other, is_doubted in HOURS
]


@pytest.mark.parametrize(("what", "records", "is_doubted"), PATTERNS, ids=[p[0] for p in PATTERNS])
def test_one_large_equal_dose_a_day_at_one_hour_is_named(what: str, records: list[Record], is_doubted: bool) -> None:
    normalised = normalise_treatments(records, CONTEXT, Ledger())
    found = long_acting_pattern(normalised, ZONE)
    assert [(d.name, d.colour) for d in found] == ([("long_acting_pattern", "amber")] if is_doubted else [])
    assert not any(str(t.get("insulin")) in d.sentence for d in found for t in records if t["insulin"] == 16)


# --- the insulin that the data name

NAMED: list[tuple[str, list[dict[str, Any]], str | None, str | None, int]] = [
    ("none", [{}], None, None, 0),
    ("Fiasp", [{"insulinType": "Fiasp"}], None, "ultra-rapid", 0),
    ("Lyumjev, asked for", [{"insulinType": "Lyumjev"}], "ultra-rapid", "ultra-rapid", 0),
    ("Fiasp, rapid asked for", [{"insulinType": "Fiasp"}], "rapid-acting", "ultra-rapid", 1),
    ("Humalog", [{"insulinType": "Humalog"}], None, "rapid-acting", 0),
    ("NovoRapid", [{"insulinType": "Novo-Rapid"}], None, "rapid-acting", 0),
    ("a name nobody knows", [{"insulinType": "Homebrew"}], None, None, 0),
    ("AAPS's label", [{"iCfg": {"insulinLabel": "Fiasp", "insulinPeakTime": 3_300_000}}], None, "ultra-rapid", 0),
    ("AAPS's peak of 64 min", [{"iCfg": {"insulinPeakTime": 64 * MINUTE_MS}}], None, "ultra-rapid", 0),
    ("AAPS's peak of 65 min", [{"iCfg": {"insulinPeakTime": 65 * MINUTE_MS}}], None, "rapid-acting", 0),
    ("xDrip+'s injections", [{"insulinInjections": '[{"insulin": "Fiasp", "units": 4}]'}], None, "ultra-rapid", 0),
    (
        "one injection of nothing",
        [{"insulinInjections": [{"insulin": "Humalog U-200", "units": 0}, {"insulin": "Fiasp", "units": 0.5}]}],
        None,
        "ultra-rapid",
        0,
    ),
    ("no insulin", [{"insulinType": "Fiasp", "insulin": 0}], None, None, 0),
    ("half a unit", [{"insulinType": "Fiasp", "insulin": 0.5}], None, "ultra-rapid", 0),
    ("a temporary basal of unknown amount", [{"eventType": "Temp Basal", "insulinType": "Fiasp"}], None, None, 0),
    ("changed in the middle", [{"insulinType": "Fiasp"}, {"insulinType": "Humalog"}], None, "ultra-rapid", 1),
    ("a pen in between", [{"insulinType": "Humalog"}] * 9 + [{"insulinType": "Fiasp"}], None, "rapid-acting", 0),
    ("two pens in between", [{"insulinType": "Humalog"}] * 8 + [{"insulinType": "Fiasp"}], None, "rapid-acting", 1),
    ("human insulin", [{"insulinType": "Humulin R"}], None, None, 1),
    ("inhaled", [{"insulinType": "Afrezza"}], None, None, 1),
    ("Humulin R of five times the strength", [{"insulinType": "Humulin R U-500"}], None, None, 2),
    ("Humalog of twice the strength", [{"insulinType": "Humalog 200 units/ml"}], None, "rapid-acting", 1),
    ("long-acting beside it", [{"insulinType": "Humalog"}, {"insulinType": "Lantus"}], None, "rapid-acting", 0),
    ("deleted", [{"insulinType": "Fiasp", "isValid": False}], None, None, 0),
]


@pytest.mark.parametrize(("what", "more", "chosen", "curve", "doubts"), NAMED, ids=[n[0] for n in NAMED])
def test_the_insulin_named_in_the_data_is_the_curve(
    what: str, more: list[dict[str, Any]], chosen: str | None, curve: str | None, doubts: int
) -> None:
    found = insulin_named([dose(n, 8, 4, **m) for n, m in enumerate(more)], chosen)
    assert found.curve == curve
    assert len(found.doubts) == doubts
    assert {d.name for d in found.doubts} <= {"other_insulin"}


PEAKS: list[tuple[str, list[float | None], float | None]] = [
    ("none", [None, None], None),
    ("one", [45.0, 45.0], 45),
    ("nine of ten", [45.0] * 9 + [75.0], 45),
    ("eight of ten", [45.0] * 8 + [75.0] * 2, None),
    ("mostly not said", [None, None, 45.0], None),
]


@pytest.mark.parametrize(("what", "peaks", "found"), PEAKS, ids=[p[0] for p in PEAKS])
def test_the_peak_that_the_doses_name_is_taken(what: str, peaks: list[float | None], found: float | None) -> None:
    records = [
        dose(n, 8, 4, insulinType="Lyumjev", iCfg={"insulinPeakTime": p * MINUTE_MS} if p else None)
        for n, p in enumerate(peaks)
    ]
    named = insulin_named(records, None)
    assert (named.curve, named.peak_min) == ("ultra-rapid", found)


def test_temporary_basals_weigh_what_they_delivered() -> None:
    temp = {"eventType": "Temp Basal", "created_at": AT, "duration": 30, "amount": 30, "insulinType": "Fiasp"}
    found = insulin_named([temp, dose(0, 8, 3, insulinType="Humalog")], None)
    assert (found.curve, found.doubts) == ("ultra-rapid", ())


# --- a pump's basal written as boluses


def automatic(a_day: int, units: float, temp_basals: int = 0) -> list[Record]:
    boluses = [dose(d, 5 + 18 * n / a_day, units) for d in range(3) for n in range(a_day)]
    temps = [{"eventType": "Temp Basal", "created_at": AT, "duration": 30, "rate": 1} for _ in range(temp_basals)]
    return [*boluses, *temps]


@pytest.mark.parametrize(
    ("a_day", "units", "temp_basals", "is_refused"),
    [
        (288, 0.08, 0, True),
        (40, 0.49, 0, True),
        (39, 0.49, 0, False),
        (40, 0.5, 0, False),
        (288, 0.08, 2, True),
        (288, 0.08, 3, False),  # one a day
        (288, 0.08, 4, False),
        (15, 0.1, 0, False),
    ],
)
def test_automatic_basal_as_boluses_is_refused(a_day: int, units: float, temp_basals: int, is_refused: bool) -> None:
    records = automatic(a_day, units, temp_basals)
    if not is_refused:
        check_automatic_basal(records, ZONE)
        return
    with pytest.raises(Refused, match="counted twice") as caught:
        check_automatic_basal(records, ZONE)
    assert caught.value.reason is Reason.AUTOMATIC_BASAL


def test_records_without_insulin_are_no_automatic_basal() -> None:
    check_automatic_basal([*automatic(39, 0.49), *(dose(d, 12, 0) for d in range(3))], ZONE)


@pytest.mark.parametrize(("colour", "read"), [("red", "red"), ("amber", "amber"), ("of a later version", "amber")])
def test_a_doubt_is_read_from_its_document(colour: str, read: str) -> None:
    assert doubt_of({"name": "x", "colour": colour, "sentence": "y"}) == Doubt("x", cast(Any, read), "y")
