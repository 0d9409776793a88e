"""Which days are used: quality rules, events, exclusions, clocks, and where a nightly run goes on from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.history.days import Selection, covered_days, cut_days
from flows.history.events import KINDS, LOOP_OFF, SUSPENDED, EventGroup, find_events, notes_on
from flows.history.quality import RULES, DayFacts, judge_day
from flows.nightscout.authentication import Credentials
from flows.pipeline.load import load
from flows.pipeline.prepare import prepare, prepare_openaps
from flows.settings import AnalysisRequest, EventKind, InputsMode
from flows.values.local_days import LocalDay, day_range
from flows.values.run_directory import RunDirectory
from flows.values.timestamps import iso_utc
from flows.values.units import HOUR_MS
from tests.people import (
    DAY,
    ZONE,
    entries,
    export_directory,
    openaps_directory,
    profile_document,
    treatments,
    write,
)

GOOD = DayFacts(288, 1.0, 0.2, 5, 20.0, 3, 150.0, 48, 1, 1)
NOON = LocalDay(DAY, ZONE).glucose.start_ms + 8 * 3_600_000


@pytest.mark.parametrize(
    ("change", "colour", "words"),
    [
        ({}, "green", ""),
        ({"readings": 0, "coverage": 0.0}, "red", "no glucose readings"),
        ({"readings": 5, "coverage": 0.02}, "red", "only 5"),
        ({"readings": 100, "coverage": 0.35}, "red", "35 %"),
        ({"coverage": 0.6}, "amber", "60 %"),
        ({"longest_gap_h": 4.0}, "amber", "4.0 h in a row"),
        ({"boluses": 0, "temp_basals": 0}, "red", "no bolus"),
        ({"boluses": 0}, "green", ""),
        ({"carb_entries": 0, "carbs_g": 0.0}, "amber", "no carbs"),
        ({"sensors": 2}, "amber", "2 sensors"),
    ],
)
def test_a_day_has_the_colour_its_facts_give_it(change: dict[str, Any], colour: str, words: str) -> None:
    found, remarks = judge_day(replace(GOOD, **change))
    assert found == colour
    assert words in "".join(remarks)


def test_every_quality_rule_says_why_it_is_there() -> None:
    assert len({r.name for r in RULES}) == len(RULES)
    assert all(r.why for r in RULES)


def test_every_kind_of_event_can_be_excluded_by_name() -> None:
    assert {kind.name for kind in KINDS} == {k.value for k in EventKind}


EVENTS = [
    {"eventType": "Temporary Override", "created_at": iso_utc(NOON), "duration": 60},
    {"eventType": "Exercise", "created_at": iso_utc(NOON), "duration": 2 * 1440},
    {"eventType": "Temporary Target", "created_at": iso_utc(NOON), "duration": 0},
    {"eventType": "Temporary Target", "created_at": iso_utc(NOON), "duration": 1_800_000},
    {"eventType": "Suspend Pump", "created_at": iso_utc(NOON), "duration": "odd"},
    {"eventType": "Note", "created_at": iso_utc(NOON)},
]


def test_events_are_found_with_the_days_they_touch() -> None:
    found = find_events(EVENTS, ZONE)
    assert [(e.kind, e.duration_min) for e in found] == [
        ("override", 60),
        ("exercise", 2880),
        ("temp-target", 30),
        ("suspend", 0),
    ]
    hour = 3_600_000
    open_ended = [
        {"eventType": "Temporary Override", "created_at": iso_utc(NOON), "durationType": "indefinite"},
        {"eventType": "Temporary Override", "created_at": iso_utc(NOON + 30 * hour), "duration": 10},
        {"eventType": "Note", "_type": "PumpSuspend", "created_at": iso_utc(NOON)},
        {"eventType": "Resume Pump", "created_at": iso_utc(NOON + 48 * hour)},
    ]
    assert [(e.kind, e.duration_min) for e in find_events(open_ended, ZONE)] == [
        ("override", 1800),
        ("suspend", 2880),
        ("override", 10),
    ]
    assert [d.date for d in found[1].days(ZONE)] == [DAY + timedelta(days=n) for n in range(3)]
    notes = " ".join(notes_on(found, ZONE))
    assert "Exercises (1, days touched: 3)" in notes
    assert "--exclude-events override" in notes


def offline(after_h: float, **fields: Any) -> dict[str, Any]:
    return {"eventType": "OpenAPS Offline", "created_at": iso_utc(NOON + after_h * HOUR_MS), **fields}


def note(after_h: float, text: str, event_type: str = "Note") -> dict[str, Any]:
    return {"eventType": event_type, "notes": text, "created_at": iso_utc(NOON + after_h * HOUR_MS)}


END = {"eventType": "Note", "created_at": iso_utc(NOON + 100 * HOUR_MS)}
PERMANENT = {"duration": 2147483647, "durationInMilliseconds": 128849018820000}
SUSPENSIONS: list[tuple[str, list[dict[str, Any]], list[tuple[EventGroup, float]]]] = [
    ("off, then closed", [offline(0, mode="DISABLED_LOOP", **PERMANENT), offline(1, mode="CLOSED_LOOP", duration=0)],
     [(LOOP_OFF, 60)]),
    ("off with a duration of 0", [offline(0, mode="DISABLED_LOOP", duration=0), offline(2, mode="CLOSED_LOOP_LGS")],
     [(LOOP_OFF, 120)]),
    ("off, then the pump away, then open",
     [offline(0, mode="DISABLED_LOOP", **PERMANENT), offline(1, mode="DISCONNECTED_PUMP", duration=120),
      offline(1.5, mode="OPEN_LOOP")],
     [(LOOP_OFF, 60), (SUSPENDED, 30)]),
    ("away for its own time", [offline(0, mode="DISCONNECTED_PUMP", originalDuration=1_800_000, duration=30),
                               offline(9, mode="CLOSED_LOOP")], [(SUSPENDED, 30)]),
    ("until the data end", [offline(90, mode="SUSPENDED_BY_USER", **PERMANENT)], [(LOOP_OFF, 600)]),
    ("a week at most", [note(-200, "PumpSuspend")], [(SUSPENDED, 7 * 1440)]),
    ("a mode of a later version", [offline(0, mode="HIBERNATED", duration=15)], [(SUSPENDED, 15)]),
    ("AAPS before 3.4", [offline(0, reason="DISABLE_LOOP", duration=120), offline(1, duration=0)], [(LOOP_OFF, 60)]),
    ("AAPS before 3.4, pump", [offline(0, reason="DISCONNECT_PUMP", duration=60)], [(SUSPENDED, 60)]),
    ("only the loop going on", [offline(0, duration=0)], []),
    ("only closed", [offline(0, mode="CLOSED_LOOP", **PERMANENT)], []),
    ("Trio's notes", [note(0, "PumpSuspend"), note(4, "PumpResume")], [(SUSPENDED, 240)]),
    ("notes with spaces", [note(0, "Pump suspend"), note(4, "Pump resume", "Announcement")], [(SUSPENDED, 240)]),
    ("a note of another type", [note(0, "PumpSuspend", "Site Change")], []),
    ("a sentence about it", [note(0, "I think pump suspend was on")], []),
    ("resumed before its time", [{**note(0, ""), "eventType": "Suspend Pump", "duration": 600}, note(1, "PumpResume")],
     [(SUSPENDED, 60)]),
    ("milliseconds", [{**note(0, ""), "eventType": "Suspend Pump", "duration": 3_600_000}], [(SUSPENDED, 60)]),
]  # fmt: skip


@pytest.mark.parametrize(("what", "records", "found"), SUSPENSIONS, ids=[s[0] for s in SUSPENSIONS])
def test_a_suspension_lasts_until_what_ends_it(
    what: str, records: list[dict[str, Any]], found: list[tuple[EventGroup, float]]
) -> None:
    events = find_events([*records, END], ZONE)
    assert [(e.group, e.duration_min) for e in events] == found
    assert all("--exclude-events suspend" in note for note in notes_on(events, ZONE))
    assert len(notes_on(events, ZONE)) == len({group.plural for group, _ in found})


def test_days_are_left_out_on_request_and_say_so() -> None:
    made, events = entries(days=7), treatments(days=7)
    days = covered_days(made, ZONE)
    selection = Selection(frozenset({DAY}), frozenset({"wed", "thu", "fri"}))  # DAY is a Wednesday
    cut = cut_days(days, made, events, selection, {date(2026, 5, 15)})
    assert [d.skipped and d.skipped.split()[0] for d in cut] == ["excluded", None, "an", *["not"] * 4]


def thinned() -> list[dict[str, Any]]:
    """Three days, newest first: all readings of the first, two thirds of the second, a quarter of the third."""
    keep = (lambda n: n % 4 == 0, lambda n: n % 3 < 2, lambda n: True)
    return [e for n, e in enumerate(entries(days=3)) if keep[n // 288](n)]


def prepared_of_an_export(base: Path, inputs: InputsMode = InputsMode.UPSTREAM) -> RunDirectory:
    source = export_directory(base / "data", days=3, entries=thinned())
    request, now = AnalysisRequest(from_directory=source, inputs=inputs, compare=False), datetime.now(UTC)
    run = RunDirectory.create(base / "run", now)
    load(request, run, Credentials(), now)
    prepare(request, run, now)
    return run


def prepared_of_upstreams_files(base: Path) -> RunDirectory:
    """Each with a reading at the very end, which upstream's script asks for and which is the next day's."""
    source = openaps_directory(base / "openaps", days=3)
    for day in day_range(DAY, DAY + timedelta(days=2), ZONE):
        mine = [e for e in thinned() if day.glucose.holds(e["date"])]
        last = {**mine[0], "date": day.upstream_glucose.end_ms}
        write(source / "autotune" / f"ns-entries.{day}.json", [last, *mine])
    now = datetime.now(UTC)
    run = RunDirectory.create(base / "run", now)
    prepare_openaps(source, run, ZONE, now)
    return run


@pytest.mark.parametrize("prepared_of", [prepared_of_an_export, prepared_of_upstreams_files], ids=lambda f: f.__name__)
def test_a_day_taken_as_served_is_judged_and_still_used(
    prepared_of: Callable[[Path], RunDirectory], tmp_path: Path
) -> None:
    run = prepared_of(tmp_path)
    prepared = run.read_json("prepared.json")
    assert prepared["dates"] == [f"{DAY + timedelta(days=n)}" for n in range(3)]
    assert all((run.work / "autotune" / f"ns-entries.{day}.json").is_file() for day in prepared["dates"])
    found = [(d["status"], d["reason"], d["quality"], d["readings"], d["remarks"]) for d in prepared["days"]]
    assert found == [
        ("used", None, "green", 288, []),
        ("used", None, "amber", 192, ["glucose for 67 % of the day"]),
        ("used", None, "red", 72, ["glucose for 25 % of the day only (at least 50 % is needed)"]),
    ]
    assert [(d["boluses"], d["carb_entries"], d["temp_basals"]) for d in prepared["days"]] == [(7, 3, 48)] * 3


def test_the_same_day_is_left_out_where_data_are_corrected(tmp_path: Path) -> None:
    run = prepared_of_an_export(tmp_path, InputsMode.CORRECTED)
    found = [(d["status"], d["quality"], d["readings"]) for d in run.read_json("prepared.json")["days"]]
    assert found == [("used", "green", 288), ("used", "amber", 192), ("skipped", "red", 72)]


def propose(*arguments: str | Path) -> int:
    return main(["propose", "--no-prefect", "--json", "--resamples", "0", *map(str, arguments)])


@pytest.mark.oref0
def test_exclusions_reach_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = [*treatments(days=4), EVENTS[0]]
    export_directory(tmp_path / "data", days=4, entries=entries(days=4), treatments=events)
    arguments = ["--from", tmp_path / "data", "--exclude-events", "override", "--exclude", "2026-05-15..2026-05-15"]
    assert propose(*arguments, "--out", tmp_path / "run") == 0
    days = json.loads(capsys.readouterr().out)["days"]
    assert [(d["date"], d["reason"]) for d in days if d["reason"]] == [
        ("2026-05-13", "an event of an excluded kind"),
        ("2026-05-15", "excluded on request"),
    ]


def test_too_few_good_days_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    thin = [e for n, e in enumerate(entries(days=4)) if n < 288 or n % 4 == 0]
    export_directory(tmp_path / "data", days=4, entries=thin, treatments=treatments(days=4))
    assert propose("--from", tmp_path / "data", "--out", tmp_path / "run") == 3
    assert json.loads(capsys.readouterr().out)["reason_codes"] == ["too_few_good_days"]


@pytest.mark.oref0
def test_a_nightly_run_goes_on_from_the_last_one_until_the_profile_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_directory(tmp_path / "data", days=3)

    def night(name: str) -> tuple[dict[str, Any], Path]:
        assert propose("--from", tmp_path / "data", "--start-from", "previous", "--out", tmp_path / "runs" / name) == 0
        return dict(json.loads(capsys.readouterr().out)), tmp_path / "runs" / name

    first, first_run = night("1")
    second, second_run = night("2")
    assert any("no earlier run" in w for w in first["warnings"])
    assert first["verdict"]["colour"] == "amber"
    assert "continues_previous" in {r["rule"] for r in second["verdict"]["reasons"]}
    assert any("goes on from the run 1" in w for w in second["warnings"])
    start = second_run / "work" / "autotune" / f"profile.{DAY}.json"
    assert start.read_bytes() == (first_run / "work" / "autotune" / "profile.json").read_bytes()
    assert second["current"] == first["current"], "the caps stay those of the source profile"
    assert second["recommended"] != first["recommended"]
    changed = profile_document(startDate="2026-02-01T00:00:00Z")
    changed["store"]["Default"]["carbratio"] = [{"time": "00:00", "value": 11}]
    (tmp_path / "data" / "profile.json").write_text(json.dumps([changed]))
    third, third_run = night("3")
    assert any("has changed" in w for w in third["warnings"])
    assert third["current"]["carb_ratio_g_per_u"] == 11
    red = json.loads((third_run / "proposal.json").read_text())
    red["verdict"]["colour"] = "red"  # which nobody may apply, so nobody goes on from it
    (third_run / "proposal.json").write_text(json.dumps(red))
    fourth, _ = night("4")
    assert not any("goes on from the run 3" in w for w in fourth["warnings"])


@pytest.mark.oref0
def test_hours_before_the_oldest_profile_are_of_unknown_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = profile_document(startDate="2026-05-14T10:00:00Z")  # 12:00 in Paris
    export_directory(tmp_path / "data", days=3, profile=[late])
    assert propose("--from", tmp_path / "data", "--out", tmp_path / "run") == 0
    prepared = json.loads((tmp_path / "run" / "prepared.json").read_text())
    found = [(d["unknown_profile_hours"], d["other_profile_hours"]) for d in prepared["days"]]
    assert found == [(24.0, 0.0), (8.0, 0.0), (0.0, 0.0)]
    reasons = {r["rule"]: r for r in json.loads(capsys.readouterr().out)["verdict"]["reasons"]}
    assert reasons["other_profile"]["colour"] == "amber"
    assert reasons["other_profile"]["sentence"].startswith("For 44 % of the time")


@pytest.mark.oref0
def test_the_report_says_what_the_corrections_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost = [
        {k: v for k, v in t.items() if k != "absolute"} | {"enteredBy": "openaps://AndroidAPS"} if "rate" in t else t
        for t in treatments(days=2)
    ]
    export_directory(tmp_path / "data", entries=entries(days=2), treatments=lost)
    assert propose("--from", tmp_path / "data", "--out", tmp_path / "run") == 0
    document = json.loads(capsys.readouterr().out)
    assert any("instead of" in line for line in document["changed_by_correction"])
    uncorrected = json.loads((tmp_path / "run" / "uncorrected.json").read_text())
    assert propose("--from", tmp_path / "data", "--inputs", "upstream", "--out", tmp_path / "bare") == 0
    bare = json.loads(capsys.readouterr().out)["recommended"]
    assert {k: bare[k] for k in uncorrected["recommended"]} == uncorrected["recommended"]


@pytest.mark.oref0
def test_data_upstream_would_have_died_of_is_said_to_be_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mmol = [{**e, "sgv": round(e["sgv"] / 18, 1)} for e in entries()]
    export_directory(tmp_path / "data", entries=mmol)
    assert propose("--from", tmp_path / "data", "--out", tmp_path / "run") == 0
    assert "no result" in json.loads(capsys.readouterr().out)["changed_by_correction"][0]


def test_an_inspection_tells_what_is_there_without_tuning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_directory(tmp_path / "data", days=2, treatments=[*treatments(days=2), *treatments(days=2)])
    assert main(["inspect", "--from", str(tmp_path / "data")]) == 0
    shown = capsys.readouterr().out
    assert "counted once" in shown
    assert "2026-05-13  green" in shown
    assert main(["inspect", "--from", str(tmp_path / "data"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["event_types"]["Meal Bolus"] == 24
    assert document["refused"] is None
    export_directory(tmp_path / "data", profile=[])
    assert main(["inspect", "--from", str(tmp_path / "data")]) == 3
    assert "would be refused" in capsys.readouterr().out
