"""Any mix of uploaders with known true totals comes out with them; junk never is an unhandled exception."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.history.glucose import read_glucose
from flows.history.records import Context, totals
from flows.history.temp_basals import is_temp_basal
from flows.history.treatments import normalise_treatments
from flows.values.ledger import Ledger
from flows.values.schedule import Schedule
from flows.values.timestamps import iso_utc

ZONE = "Europe/Paris"
CONTEXT = Context(ZONE, Schedule.constant(1.0), 1_800_000_000_000)
START = 1_778_600_000_000
JUNK_DOCUMENTS = 20_000  # generated documents in a CI run

Written = list[dict[str, Any]]


def aaps(ms: int, insulin: float, carbs: float) -> Written:
    common = {"created_at": iso_utc(ms), "date": ms, "isValid": True, "pumpType": "DANA_RS"}
    records: Written = []
    if insulin:
        records.append(
            {**common, "eventType": "Correction Bolus", "insulin": insulin, "isSMB": insulin < 1, "type": "SMB"}
        )
    if carbs:
        records.append({**common, "eventType": "Carb Correction", "carbs": carbs})
    return records


def trio(ms: int, insulin: float, carbs: float) -> Written:
    records: Written = []
    if insulin:
        kind = "SMB" if insulin < 1 else "Bolus"
        records.append({"created_at": iso_utc(ms), "eventType": kind, "insulin": insulin, "enteredBy": "Trio"})
    if carbs:
        records.append({"created_at": iso_utc(ms), "eventType": "Carb Correction", "carbs": carbs, "enteredBy": "Trio"})
    return records


def tconnectsync(ms: int, insulin: float, carbs: float) -> Written:
    record = {"eventType": "Combo Bolus", "insulin": insulin, "carbs": carbs, "enteredBy": "Pump (tconnectsync)"}
    return [{**record, "created_at": iso_utc(ms)}]


def xdrip(ms: int, insulin: float, carbs: float) -> Written:
    record = {"eventType": "<none>", "insulin": insulin or None, "carbs": carbs or None, "enteredBy": "xdrip"}
    return [{**record, "created_at": iso_utc(ms), "timestamp": ms}]


def careportal(ms: int, insulin: float, carbs: float) -> Written:
    local = iso_utc(ms + 7_200_000).replace("Z", "+02:00")
    return [
        {
            "eventType": "Meal Bolus",
            "insulin": str(insulin),
            "carbs": str(carbs),
            "created_at": local,
            "enteredBy": "Mum",
        }
    ]


def loop(ms: int, insulin: float, carbs: float) -> Written:
    common = {"timestamp": iso_utc(ms), "created_at": iso_utc(ms), "enteredBy": "loop://iPhone"}
    records: Written = []
    if insulin:
        records.append(
            {**common, "eventType": "Correction Bolus", "insulin": insulin, "programmed": insulin + 1, "duration": 1.2}
        )
    if carbs:
        records.append({**common, "eventType": "Carb Correction", "carbs": carbs, "absorptionTime": 180})
    return records


def combo(ms: int, insulin: float, carbs: float) -> Written:
    extended = {"relative": insulin / 2, "duration": 60, "splitNow": 50, "splitExt": 50, "enteredinsulin": insulin}
    return [{"eventType": "Combo Bolus", "insulin": insulin / 2, "carbs": carbs, "created_at": iso_utc(ms), **extended}]


WRITERS: list[Callable[[int, float, float], Written]] = [aaps, trio, tconnectsync, xdrip, careportal, loop, combo]
EVENT = st.tuples(
    st.integers(0, 2000),  # minutes since the start
    st.integers(0, 400).map(lambda n: n / 20),  # U
    st.integers(0, 90),  # g
    st.lists(st.sampled_from(WRITERS), min_size=1, max_size=3, unique=True),
)


@settings(max_examples=300)
@given(st.lists(EVENT, max_size=25, unique_by=lambda e: e[0] // 7), st.randoms(use_true_random=False))
def test_any_mix_of_uploaders_comes_out_with_what_was_delivered_and_eaten(
    events: list[tuple[int, float, int, list[Any]]], chance: random.Random
) -> None:
    records: Written = []
    insulin = carbs = 0.0
    for minutes, units, grams, writers in events:
        # A combo's parts lie at other times: with another uploader of the same event they are not comparable.
        writing = [w for w in writers if w is not combo] or [combo]
        insulin += units
        carbs += grams
        for writer in writing:
            records += writer(START + minutes * 7 * 60_000 + (100 if writer is trio else 0), units, grams)
    records += chance.sample(records, k=min(3, len(records)))
    chance.shuffle(records)
    ledger = Ledger()
    found = totals(normalise_treatments(records, CONTEXT, ledger))
    assert not ledger.quarantined
    assert (found.insulin_u, found.carbs_g) == (pytest.approx(insulin, abs=1e-6), pytest.approx(carbs, abs=1e-6))


@settings(max_examples=100)
@given(st.integers(1, 5), st.integers(0, 10**6), st.booleans())
def test_readings_of_any_cadence_and_number_of_uploaders_are_one_every_five_minutes(
    cadence: int, seed: int, second: bool
) -> None:
    chance = random.Random(seed)
    hours = 16
    one = [
        {"type": "sgv", "device": "a", "sgv": 120, "date": START + n * cadence * 60_000 + chance.randrange(4000)}
        for n in range(hours * 60 // cadence)
    ]
    gap = (START + 10 * 3_600_000, START + 12 * 3_600_000)
    other = [{**e, "device": "b", "date": e["date"] + 17_000} for e in one] if second else []
    one = [e for e in one if not gap[0] <= e["date"] < gap[1]]
    mixed = [*one, *other]
    chance.shuffle(mixed)
    kept = read_glucose(mixed, CONTEXT, Ledger()).for_upstream
    steps = [a["date"] - b["date"] for a, b in pairwise(kept)]
    assert min(steps) >= 1.9 * 60_000  # where the gap begins
    twenty = [kept[n]["date"] - kept[n + 4]["date"] for n in range(len(kept) - 4)]
    assert max(abs(ms - 20 * 60_000) for ms in twenty if ms < 30 * 60_000) <= 2.1 * 60_000
    expected = (hours if second else hours - 2) * 60 / max(cadence, 5)
    assert len(kept) >= 0.8 * expected
    assert sum(e["device"] == "a" for e in kept) > sum(e["device"] == "b" for e in kept) or second


def junk(chance: random.Random) -> Any:
    """A document as nobody should write it."""
    odd: list[Any] = [
        None,
        True,
        "",
        "x",
        "1,5",
        "5 U",
        -1,
        0,
        1e308,
        float("nan"),
        float("inf"),
        [],
        {},
        "\u202e",
        "9" * 400,
    ]
    if chance.random() < 0.05:
        return chance.choice(odd)
    good: dict[str, list[Any]] = {
        "eventType": [
            "Temp Basal",
            "Meal Bolus",
            "SMB",
            "Combo Bolus",
            "",
            None,
            "Carb Correction",
            "Temp Basal Start",
        ],
        "created_at": [
            iso_utc(START),
            "2026-05-13T11:00:00",
            START,
            "2026-02-31T00:00:00Z",
            "0000-00-00",
            "2026-05-13",
        ],
        "date": [START, START / 1000, str(START), START + 0.5, 10**30],
        "insulin": [1, "2.5", 0.05, 400],
        "carbs": [10, "45", 0.5],
        "duration": [30, "30", 1_800_000, 0.5, 1e12],
        "rate": [0.5, "1", 120],
        "absolute": [0.5, 0],
        "percent": [-50, 100, 10_000],
        "amount": [0.3, -1],
        "relative": [1, -3, 1e9],
        "enteredinsulin": [5, "6"],
        "splitExt": [40, "60", 1e9],
        "splitNow": [60, "40"],
        "sgv": [100, "100", 5.5, 39, 400, "LOW", 1e9],
        "type": ["sgv", "cal", "mbg", "PRIMING", 5],
        "isValid": [True, False],
        "enteredBy": ["xdrip", "openaps://AndroidAPS", "Mum", 5],
        "insulinInjections": ['[{"insulin":"Lantus","units":"x"}]', "[1]", "{", [None]],
        "device": ["a", "b", 5],
        "_id": ["a", 5, {"$oid": "x"}],
        "durationInMilliseconds": [1_800_000, "x"],
        "utcOffset": [120, "x"],
    }
    fields = chance.sample(sorted(good), k=chance.randrange(len(good)))
    return {f: chance.choice(good[f]) if chance.random() < 0.7 else chance.choice(odd) for f in fields}


@pytest.mark.parametrize("seed", range(4))
def test_twenty_thousand_documents_of_junk_are_all_accounted_for(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(20):
        records = [junk(chance) for _ in range(JUNK_DOCUMENTS // 80)]
        for normalise in (normalise_treatments, lambda *given: read_glucose(*given).for_upstream):
            ledger = Ledger()
            kept = normalise(list(records), CONTEXT, ledger)
            gone = {e.record for e in ledger.entries if e.removed}
            split = sum(len(e.after["records"]) - 1 for e in ledger.entries if "records" in e.after)
            assert len(kept) + len(gone) - split == len(records)
            for record in kept:
                if normalise is normalise_treatments and is_temp_basal(record) and record.get("duration"):
                    assert 0 <= record.get("rate", 0) <= 35 or record.get("amount") is not None
