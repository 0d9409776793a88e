"""One value a reading, wherever it is read; and a low that upstream does not get still counts for safety."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.cli.main import main
from flows.errors import Reason, Refused
from flows.history.daily_curves import values_of
from flows.history.days import cut_days
from flows.history.glucose import LowReading, read_glucose
from flows.history.glucose_values import ABOVE_RANGE_MGDL, LOWEST_MGDL, low_left_out_mgdl, upstream_mgdl, upstream_value
from flows.history.lows import lows
from flows.history.quarantine import check_quarantine
from flows.history.records import Context
from flows.nightscout.authentication import Credentials
from flows.oref0.upstream_records import readings_for_upstream
from flows.pipeline.judge import judge
from flows.pipeline.load import load
from flows.pipeline.prepare import HIGHS_LEFT_OUT, LOWS_LEFT_OUT, prepare, prepare_openaps
from flows.proposal.consensus_limits import USUAL, shares_of
from flows.proposal.document import Glucose
from flows.proposal.glucose import _shares as shares_by_band
from flows.proposal.glucose import glucose_of
from flows.settings import AnalysisRequest, InputsMode
from flows.values.ledger import Ledger
from flows.values.local_days import LocalDay, day_range
from flows.values.run_directory import RunDirectory
from flows.values.schedule import Schedule
from tests.people import DAY, ZONE, entries, export_directory, openaps_directory, treatments, write

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
    assert given == (readings_for_upstream(corrected) if inputs is InputsMode.CORRECTED else made)


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
    proposal = json.loads((out / "proposal.json").read_text())
    assert LOWS_LEFT_OUT in proposal["rests_on"]
    assert "curves" not in document  # which `--json` prints; the drawings are in report.html
    ((day, curve),) = [(c["day"], c["mgdl"]) for c in proposal["curves"]]
    assert day == str(DAY)
    assert ("30" in curve.split()) is not codes


# ---- what upstream does not get, in every way into a run


def of_an_export(source: Path, run: RunDirectory, now: datetime, made: list[dict[str, Any]]) -> None:
    request = AnalysisRequest(from_directory=export_directory(source, entries=made), compare=False)
    load(request, run, Credentials(), now)
    prepare(request, run, now)


def of_upstreams_files(source: Path, run: RunDirectory, now: datetime, made: list[dict[str, Any]]) -> None:
    write(openaps_directory(source) / "autotune" / f"ns-entries.{DAY}.json", made)
    prepare_openaps(source, run, ZONE, now)


@pytest.mark.parametrize("way", [of_an_export, of_upstreams_files], ids=lambda f: f.__name__)
def test_lows_and_highs_are_written_down_in_every_way_in(way: Callable[..., None], tmp_path: Path) -> None:
    made = [{**e, "sgv": "HIGH"} if n < 7 else e for n, e in enumerate(low_day())]
    run = RunDirectory.create(tmp_path / "run", datetime.now(UTC))
    way(tmp_path / "data", run, datetime.now(UTC), made)
    assert len(run.read_json(LOWS_LEFT_OUT)) == 9
    assert run.read_json(HIGHS_LEFT_OUT) == [{"date": e["date"]} for e in made[6::-1]]
    prepared = run.read_json("prepared.json")
    assert prepared["left_out_files"] == [LOWS_LEFT_OUT, HIGHS_LEFT_OUT]
    drawn = values_of(prepared["curves"][str(DAY)])
    assert ABOVE_RANGE_MGDL in drawn
    assert min(v for v in drawn if v is not None) == 30
    assert [(d["lows_left_out"], d["highs_left_out"], d["coverage"]) for d in prepared["days"]] == [(9, 7, 1.0)]


@pytest.mark.oref0
@pytest.mark.parametrize("name", [LOWS_LEFT_OUT, HIGHS_LEFT_OUT])
def test_a_file_of_them_that_is_lost_is_refused_and_an_old_run_has_none(name: str, tmp_path: Path) -> None:
    source, out = openaps_directory(tmp_path / "openaps"), tmp_path / "run"
    assert main(["tune", str(source), "--timezone", ZONE, "--resamples", "0", "--out", str(out)]) == 0
    run, request = RunDirectory(out), AnalysisRequest(from_directory=source)
    run.file(name).unlink()
    with pytest.raises(Refused) as refused:
        judge(request, run, datetime.now(UTC))
    assert (refused.value.reason, name in str(refused.value)) == (Reason.FILE_MISSING, True)
    prepared = run.read_json("prepared.json")
    del prepared["left_out_files"]
    run.write_json("prepared.json", prepared)
    assert judge(request, run, datetime.now(UTC))


@pytest.mark.parametrize("text", ["HIGH", "hi", " High "])
def test_the_text_high_is_above_range_and_never_reaches_upstream(text: str) -> None:
    ledger = Ledger()
    high = [{"sgv": text, "date": START + n * 5 * MINUTE, "device": "a"} for n in range(6)]
    beside = [{"sgv": 300, "date": START + (6 + n) * 5 * MINUTE, "device": "a"} for n in range(12)]
    found = read_glucose([*high, *high, *beside], CONTEXT, ledger)
    assert [r["sgv"] for r in found.for_upstream] == [300] * 12
    assert [h.date for h in found.highs_left_out] == [h["date"] for h in high]
    assert (found.lows_left_out, len([e for e in ledger.entries if e.rule == "glucose_high"])) == ([], 12)


def shares(values: dict[float, int], highs: int = 0) -> Glucose:
    """Of readings of these values, on as many days as they need."""
    flat = [value for value, count in values.items() for _ in range(count)]
    days = day_range(DAY, DAY + timedelta(days=(len(flat) + highs) // 280), ZONE)
    step = len(days) * 86_400_000 // (len(flat) + highs + 1)
    start = days[0].glucose.start_ms
    readings = [{"sgv": value, "date": start + n * step} for n, value in enumerate(flat)]
    above = [start + (len(flat) + n) * step for n in range(highs)]
    found = glucose_of(days, [readings], [[]], None, [], above)
    assert found is not None
    return found


def test_high_counts_as_a_reading_above_and_moves_no_mean() -> None:
    as_text, as_number = shares({120: 90}, highs=10), shares({120: 90, 401: 10})
    names = ("readings", "above_250_percent", "above_140_percent", "in_range_70_180_percent", "coverage_percent")
    assert [getattr(as_text, name) for name in names] == [getattr(as_number, name) for name in names]
    assert (as_text.readings, as_text.above_250_percent, as_text.mean_mgdl, as_text.cv_percent) == (100, 10, 120, 0)


@pytest.mark.parametrize(
    ("value", "count", "of", "limit", "beyond"),
    [
        (300, 50, 1000, 250, False),  # 5 % exactly
        (300, 129, 2578, 250, True),  # 5.0039 %
        (300, 128, 2578, 250, False),
        (300, 1001, 20000, 250, True),  # 5.005 %
        (60, 40, 1000, 70, True),  # 4 % exactly
        (60, 79, 1976, 70, False),  # 3.998 %
        (60, 80, 1976, 70, True),
        (50, 10, 1000, 54, True),  # 1 % exactly
        (50, 10, 1003, 54, False),  # 0.997 %
    ],
)
def test_a_limit_is_exceeded_exactly_where_the_readings_exceed_it(
    value: float, count: int, of: int, limit: int, beyond: bool
) -> None:
    found = shares_of(shares({value: count, 120: of - count}))[limit]
    assert found is not None
    (usual,) = [u for u in USUAL if u.mgdl == limit]
    assert usual.exceeded(found) is beyond


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 3000))
def test_the_shares_below_54_and_70_add_up_to_what_the_readings_are(very_low: int, low: int, others: int) -> None:
    values = [50.0] * very_low + [60.0] * low + [100.0] * others
    found = shares_by_band(values)
    below_70 = round(found["below_54"] + found["from_54"], 2)
    for limit in (0.5, 1, 2, 4):
        assert (found["below_54"] >= limit) == (100 * very_low >= limit * len(values))
        assert (below_70 >= limit) == (100 * (very_low + low) >= limit * len(values))


@pytest.mark.parametrize(
    ("signal_h", "low_h", "colour", "says"),
    [(13.5, 2, "amber", "56 %"), (11, 2, "red", "46 %"), (24, 5, "green", "")],
)
@pytest.mark.parametrize("text", ["LOW", "HIGH", 38])
def test_low_and_high_are_hours_with_a_sensor(text: Any, signal_h: float, low_h: float, colour: str, says: str) -> None:
    start = LocalDay(DAY, ZONE).glucose.start_ms
    seen = [e for e in entries() if e["date"] < start + signal_h * 3_600_000]
    made = [{**e, "sgv": text} if 5 <= (e["date"] - start) / 3_600_000 < 5 + low_h else e for e in seen]
    found = read_glucose(made, CONTEXT, Ledger())
    lows_ms, highs_ms = [r.date for r in found.lows_left_out], [r.date for r in found.highs_left_out]
    day = LocalDay(DAY, ZONE)
    (cut,) = cut_days([day], found.for_upstream, treatments(), lows_ms=lows_ms, highs_ms=highs_ms)
    if colour == "green" and text != "HIGH":  # so fast to LOW and back
        colour, says = "amber", "2 steps between readings that glucose cannot make"
    assert (cut.colour, says in "".join(cut.remarks)) == (colour, True)
    assert cut.facts.readings == len(found.for_upstream) == len(seen) - low_h * 12
    assert cut.facts.lows_left_out + cut.facts.highs_left_out == low_h * 12
    assert cut.summary()["lows_left_out"] == (0 if text == "HIGH" else low_h * 12)


@pytest.mark.parametrize(
    ("device_b", "known", "refused"),
    [(40, 100, False), (49, 50, False), (50, 50, True), (3, 3, False), (100, 1, True)],
)
def test_one_stretch_of_unknown_unit_refuses_no_run_that_has_other_readings(
    device_b: int, known: int, refused: bool, tmp_path: Path
) -> None:
    made = entries()
    mine = [{**e, "device": "a"} for e in made[:known]]
    others = [{**e, "sgv": 14, "device": "b"} for e in made[known : known + device_b]]
    ledger = Ledger()
    read_glucose([*mine, *others], CONTEXT, ledger)
    assert len(ledger.quarantined) == device_b
    if refused:
        with pytest.raises(Refused):
            check_quarantine(ledger, known + device_b, 0)
    else:
        assert str(device_b) in check_quarantine(ledger, known + device_b, 0)[0]
