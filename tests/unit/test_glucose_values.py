"""One value a reading, wherever it is read; and a low that upstream does not get still counts for safety."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.cli import main
from flows.history.glucose import LowReading, read_glucose
from flows.history.glucose_values import LOWEST_MGDL, low_left_out_mgdl, upstream_mgdl, upstream_value
from flows.history.lows import lows
from flows.history.records import Context
from flows.ledger import Ledger
from flows.local_days import LocalDay
from flows.nightscout.authentication import Credentials
from flows.profiles.schedule import Schedule
from flows.proposal.glucose import glucose_of
from flows.run_directory import RunDirectory
from flows.settings import AnalysisRequest, InputsMode
from flows.steps.load import load
from flows.steps.prepare import LOWS_LEFT_OUT, prepare
from tests.people import DAY, ZONE, entries, export_directory

CONTEXT = Context(ZONE, Schedule.constant(1.0), 1_800_000_000_000)
START, MINUTE = 1_778_600_000_000, 60_000
DIFFER, SAME, EMPTY, NONE, NO_NUMBER = "differ", "the same", "is empty", None, "is not a number"


def read(fields: dict[str, Any], around: float = 100) -> tuple[list[dict[str, Any]], list[LowReading], Ledger]:
    """A reading among others of its sensor, as upstream gets it."""
    ledger = Ledger()
    others = [{"sgv": around, "date": START + n * 5 * MINUTE, "device": "a"} for n in range(-6, 7) if n]
    found = read_glucose([{"date": START, "device": "a", **fields}, *others], CONTEXT, ledger)
    return [r for r in found.for_upstream if r["date"] == START], found.lows_left_out, ledger


BOTH: list[tuple[dict[str, Any], float | None, str | None]] = [
    ({"sgv": 100, "glucose": 100}, 100, NONE),
    ({"sgv": 100, "glucose": 100.0}, 100, NONE),
    ({"sgv": 100}, 100, NONE),
    ({"glucose": 100}, 100, NONE),
    ({"sgv": 100, "glucose": 200}, 100, DIFFER),
    ({"sgv": 100, "glucose": "200"}, 100, DIFFER),
    ({"sgv": 100, "glucose": "100"}, 100, SAME),
    ({"sgv": 100.4, "glucose": 100}, 100.4, SAME),
    ({"sgv": 100, "glucose": 101.5}, 100, SAME),
    ({"sgv": 100, "glucose": 101.6}, 100, DIFFER),
    ({"sgv": 100, "glucose": 5.6}, 100, SAME),
    ({"sgv": 100, "glucose": 11.1}, 100, DIFFER),
    ({"sgv": 5.6, "glucose": 101}, 101, NONE),
    ({"sgv": 5.6, "glucose": 102}, 101, SAME),
    ({"sgv": 5.6, "glucose": 5.6}, 101, SAME),
    ({"sgv": 5.6, "glucose": 180}, 101, DIFFER),
    ({"sgv": 5, "glucose": 90}, 90, NONE),  # no error code: `glucose` says what it is
    ({"sgv": 100, "glucose": None}, 100, EMPTY),
    ({"sgv": 100, "glucose": ""}, 100, EMPTY),
    ({"sgv": 100, "glucose": 0}, 100, EMPTY),
    ({"sgv": 100, "glucose": "high"}, 100, NO_NUMBER),
    ({"sgv": 100, "glucose": True}, 100, NO_NUMBER),
    ({"sgv": 100, "glucose": [1]}, 100, NO_NUMBER),
    ({"sgv": 100, "glucose": float("nan")}, 100, NO_NUMBER),
    ({"sgv": 100, "glucose": 10**400}, 100, NO_NUMBER),
    ({"sgv": None, "glucose": 100}, 100, EMPTY),
    ({"sgv": "", "glucose": 100}, 100, EMPTY),
    ({"sgv": 0, "glucose": 100}, 100, EMPTY),
    ({"sgv": 38, "glucose": 200}, None, DIFFER),  # a low stays one
    ({"sgv": "LOW", "glucose": 200}, None, DIFFER),
    ({"sgv": 5, "glucose": 200}, None, DIFFER),  # an error code too
]


@pytest.mark.parametrize(("fields", "expected", "said"), BOTH, ids=[json.dumps(b[0]) for b in BOTH])
def test_one_value_of_a_reading_reaches_upstream(
    fields: dict[str, Any], expected: float | None, said: str | None
) -> None:
    kept, _, ledger = read(fields)
    assert [upstream_value(r) for r in kept] == ([] if expected is None else [expected])
    assert all(r[name] == expected for r in kept for name in ("sgv", "glucose") if name in r)
    noted = [e for e in ledger.entries if e.rule == "glucose_beside_sgv"]
    assert len(noted) == (said is not None)
    if said is not None:
        (entry,) = noted
        assert said in entry.reason
        assert entry.before.keys() == {"sgv", "glucose"}
        assert len(entry.after) == 1


@pytest.mark.parametrize(
    "record",
    [
        {"type": "mbg", "mbg": 100, "glucose": 100},
        {"mbg": 100, "glucose": 100},
        {"mbg": 100, "glucose": 100, "sgv": None},
        {"eventType": "BG Check", "glucose": 100, "glucoseType": "Finger"},
        {"type": "sgv", "glucose": 100, "sgv": 100, "glucoseType": "Finger"},
        {"glucose": 100, "glucoseType": "Manual"},
        {"type": "Manual", "glucose": 100},
    ],
)
def test_a_finger_prick_is_no_sensor_reading(record: dict[str, Any]) -> None:
    kept, _, ledger = read(record)
    assert kept == []
    assert [e.rule for e in ledger.entries] == ["not_a_sensor_reading"]
    assert not ledger.quarantined


def test_a_copy_that_differs_changes_nothing_that_upstream_computes_with() -> None:
    plain = entries()
    doubled = [{**e, "glucose": min(2 * e["sgv"], 390)} for e in plain]
    agreeing = [{**e, "glucose": e["sgv"]} for e in plain]
    ledger = Ledger()
    assert read_glucose(doubled, CONTEXT, ledger).for_upstream == plain
    assert ledger.rules["glucose_beside_sgv"]["records"] == len(plain)
    ledger = Ledger()
    assert read_glucose(agreeing, CONTEXT, ledger).for_upstream == agreeing
    assert ledger.entries == []


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.one_of(
                st.none(),
                st.sampled_from([0, 5, 5.5, 12, 13, 38, 38.6, 39, 100, 100.5, 400, "", "0", "100", "5.5", "LOW", "x"]),
                st.floats(-5, 1100),
            )
            for name in ("sgv", "glucose")
        },
    )
)
def test_whatever_the_two_fields_hold_upstream_gets_one_number(fields: dict[str, Any]) -> None:
    kept, left_out, ledger = read(fields)
    for record in kept:
        found = [record[name] for name in ("sgv", "glucose") if name in record]
        assert found and all(type(v) in (int, float) and v == found[0] >= LOWEST_MGDL for v in found)
    assert len(kept) + sum(e.removed for e in ledger.entries) == 1
    assert not (kept and left_out)


# ---- lows


@pytest.mark.parametrize(
    ("value", "mgdl"),
    [
        *[(code, None) for code in range(13)],
        (12.0, None),
        (12.1, 12.1),
        (13, 13),
        (38, 38),
        (38.6, 38.6),
        (38.9, 38.9),
        (39, None),  # upstream gets it
        (39.0, None),
        ("LOW", 38),
        (" low", 38),
        ("Lo", 38),
        ("38", 38),
        ("5", None),
        ("HIGH", None),
        ("LOWER", None),
        (None, None),
        (-20, None),
        (True, None),
        (float("nan"), None),
    ],
)
def test_a_low_that_upstream_does_not_get_is_no_error_code(value: Any, mgdl: float | None) -> None:
    assert low_left_out_mgdl(value) == mgdl
    kept, left_out, _ = read({"sgv": value}, around=45)
    assert [low.mgdl for low in left_out] == ([] if mgdl is None else [mgdl])
    assert bool(kept) == (value == 39)


@pytest.mark.parametrize(
    ("record", "mgdl"),
    [
        ({"sgv": 38.9}, None),
        ({"sgv": 39}, 39),
        ({"glucose": 40, "sgv": 100}, 40),
        ({"glucose": 0, "sgv": 100}, 100),
        ({"glucose": None, "sgv": 100}, 100),
        ({}, None),
        ({"sgv": "LOW"}, None),
    ],
)
def test_what_upstream_takes_is_known_in_one_place(record: dict[str, Any], mgdl: float | None) -> None:
    assert upstream_mgdl(record) == mgdl


def test_lows_of_a_fast_sensor_or_of_a_second_one_are_not_counted_twice() -> None:
    def every(minutes: int, value: float, device: str, shift: int = 0) -> list[dict[str, Any]]:
        times = range(0, 60, minutes)
        return [{"sgv": value, "date": START + m * MINUTE + shift, "device": device} for m in times]

    for records in (every(1, 38, "a"), [*every(5, 38, "a"), *every(5, 37, "b", 20_000)], [*every(5, 38, "a")] * 2):
        found = read_glucose(records, CONTEXT, Ledger())
        assert found.for_upstream == []
        assert len(found.lows_left_out) == pytest.approx(12, abs=1)
    both = [*every(5, 90, "a"), {**every(5, 90, "a")[-1], "date": START + 60 * MINUTE}, *every(5, 37, "b", 20_000)]
    assert read_glucose(both, CONTEXT, Ledger()).lows_left_out == []  # where the sensor with most readings says 90


def test_an_episode_may_lie_wholly_below_what_upstream_gets() -> None:
    readings = [{"sgv": 90, "date": START + n * 5 * MINUTE} for n in (0, 1, 5, 6, 7)]
    left_out = [(START + n * 5 * MINUTE, 38.0) for n in (2, 3, 4)]
    assert lows(readings, [], "UTC") == []
    (found,) = lows(readings, [], "UTC", left_out)
    assert (found.nadir_mgdl, found.very_lows, found.rise_mgdl) == (38, 1, 52)


def test_lows_left_out_are_in_the_shares_of_the_days_used_only() -> None:
    day = LocalDay(DAY, ZONE)
    start = day.glucose.start_ms
    readings = [{"sgv": 100, "date": start + n * 5 * MINUTE} for n in range(90)]
    mine = [(start + n * 5 * MINUTE, 38.0) for n in range(90, 100)]
    others = [(start - 5 * MINUTE, 38.0), (day.glucose.end_ms, 38.0)]
    found = glucose_of([day], [readings], [[]], None, [*mine, *others])
    assert found is not None
    assert (found.readings, found.below_54_percent, found.in_range_70_180_percent, found.lows) == (100, 10, 90, 1)


def low_day(codes: bool = False) -> list[dict[str, Any]]:
    """A day with an hour and a half far down, as an uploader writes it that averages; or error codes in its place."""
    made: list[dict[str, Any]] = entries()[::-1]
    course: list[Any] = [60.3, 51.2, 44.8, 38.6, 36.1, 33.4, "LOW", "LOW", 30.2, 33.7, 37.4, 38, 44.2, 52.6, 61.3, 70.1]
    for n, value in enumerate([5] * 16 if codes else course):
        made[100 + n]["sgv"] = value
    return made[::-1]


@pytest.mark.parametrize("inputs", list(InputsMode))
def test_lows_reach_who_judges_and_never_upstream(inputs: InputsMode, tmp_path: Path) -> None:
    made = low_day()
    source = export_directory(tmp_path / "data", entries=made)
    now = datetime.now(UTC)
    run = RunDirectory.create(tmp_path / "run", now)
    request = AnalysisRequest(from_directory=source, inputs=inputs, compare=False)
    load(request, run, Credentials(), now)
    prepare(request, run, now)
    left_out = run.read_json(LOWS_LEFT_OUT)
    assert [low["mgdl"] for low in left_out] == [38.6, 36.1, 33.4, 38, 38, 30.2, 33.7, 37.4, 38]
    given = json.loads((run.work / "autotune" / f"ns-entries.{DAY}.json").read_text())
    corrected = [e for e in made if not isinstance(e["sgv"], str) and e["sgv"] >= 39]
    assert given == (corrected if inputs is InputsMode.CORRECTED else made)


@pytest.mark.oref0
@pytest.mark.parametrize(("codes", "percent", "episodes"), [(False, 4.51, 1), (True, 0.0, 0)])
def test_the_verdict_counts_lows_and_no_error_codes(
    codes: bool, percent: float, episodes: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = export_directory(tmp_path / "data", entries=low_day(codes)), tmp_path / "run"
    options = ["--no-prefect", "--resamples", "0", "--no-compare", "--json", "--out", str(out)]
    assert main(["propose", "--from", str(source), *options]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["glucose"]["below_54_percent"] == percent
    assert document["glucose"]["lows"] == episodes
    assert LOWS_LEFT_OUT in json.loads((out / "proposal.json").read_text())["rests_on"]
