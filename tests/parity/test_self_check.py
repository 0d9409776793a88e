"""Every run computes a part of itself a second time by untouched upstream, and believes that one where they differ."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flows.oref0.engine import Engine, EngineReport, SelfCheck, TuneJob
from flows.oref0.node import NodeEngine
from flows.oref0.self_check import (
    LEAST_PARTS,
    MOST_PARTS,
    MOST_PARTS_OF_CURVE,
    PART_READINGS,
    CheckedPart,
    part_by_chance,
    part_of_day,
    parts_to_check,
)
from flows.oref0.work_dir import copy_openaps_directory
from flows.pipeline.parity import compare, copy_inputs
from flows.values.local_days import LocalDay
from flows.values.timestamps import iso_utc
from tests.parity.fuzz import run_jobs
from tests.parity.test_faster import copy_of_runner
from tests.people import DAY, ZONE, entries, openaps_directory


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> TuneJob:
    base = tmp_path_factory.mktemp("person")
    copy_openaps_directory(openaps_directory(base / "openaps", days=3), base / "work")
    first = LocalDay(DAY, ZONE)
    return TuneJob(base / "work", (first, first.next(), first.next().next()))


def run(engine: Engine, prepared: TuneJob, work: Path, **changes: bool) -> tuple[EngineReport, list[str], Path]:
    """The report, the days as they were told, and the work directory."""
    copy_inputs(prepared.work, work)
    told: list[str] = []
    report = engine.run(replace(prepared, work=work, **changes), lambda date, *_: told.append(date))
    return report, told, work


@pytest.fixture(scope="module")
def exact(prepared: TuneJob, tmp_path_factory: pytest.TempPathFactory) -> tuple[EngineReport, Path]:
    """The run that upstream's own code computed; what others came to is held against it."""
    report, _, work = run(NodeEngine(), prepared, tmp_path_factory.mktemp("exact") / "work", exact=True)
    return report, work


@pytest.mark.oref0
def test_a_run_checks_itself(prepared: TuneJob, tmp_path: Path) -> None:
    report, told, work = run(NodeEngine(), prepared, tmp_path / "work")
    assert report.check is not None
    assert (report.check.same, report.check.way, report.check.differing) == (True, "faster", ())
    assert report.check.compared == report.check.parts >= LEAST_PARTS
    assert (report.redone, report.untouched, report.warnings) == (False, {}, [])
    assert told == [str(d) for d in prepared.days]
    assert sorted(p.name for p in work.iterdir()) == ["autotune", "settings"]
    assert EngineReport.from_document(report.document()) == report


@pytest.mark.oref0
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("faster/history-window.js", "6 * 60 * 60", "3 * 60 * 60"),
        ("faster/insulin.js", "all.push(piece)", "all.push({ ...piece, insulin: piece.insulin * 1.01 })"),
        ("self-check.js", "'run.js'", "'missing.js'"),
    ],
    ids=["a wrong acceleration", "a slightly wrong number", "no second process"],
)
def test_where_the_check_differs_every_day_is_upstreams_own(
    file: str, old: str, new: str, prepared: TuneJob, exact: tuple[EngineReport, Path], tmp_path: Path
) -> None:
    if file == "faster/insulin.js":
        old, new = "for (const piece of found) all.push(piece)", "for (const piece of found) " + new
    broken = NodeEngine(runner=copy_of_runner(tmp_path, file, old, new))
    *_, unchecked = run(broken, prepared, tmp_path / "unchecked", self_check=False)
    report, told, work = run(broken, prepared, tmp_path / "work")
    assert bool(compare(exact[1], unchecked)[1]) is file.startswith("faster/")  # it would have been wrong
    assert report.check is not None
    assert not report.check.same
    assert report.check.differing
    assert report.redone
    assert report.computed()["faster"] is False
    assert report.untouched == {str(d): "asked" for d in prepared.days}
    assert len(report.warnings) == 1
    assert report.days_done == [str(d) for d in prepared.days]
    assert told == report.days_done * 2
    assert compare(exact[1], work) == (17, [])


@pytest.mark.oref0
def test_exact_goes_the_untouched_way_and_needs_no_check(
    prepared: TuneJob, exact: tuple[EngineReport, Path], tmp_path: Path
) -> None:
    report, work = exact
    *_, default = run(NodeEngine(), prepared, tmp_path / "default")
    assert (report.check, report.redone) == (None, False)
    assert report.untouched == {str(d): "asked" for d in prepared.days}
    assert compare(work, default) == (17, [])


@pytest.mark.oref0
def test_a_run_that_upstream_stops_is_checked_up_to_there(prepared: TuneJob, tmp_path: Path) -> None:
    copy_inputs(prepared.work, tmp_path / "work")
    (tmp_path / "work" / "autotune" / f"ns-entries.{prepared.days[1]}.json").write_text("[]")
    report = NodeEngine().run(replace(prepared, work=tmp_path / "work"), lambda *_: None)
    assert report.stop is not None
    assert report.stop.date == str(prepared.days[1])
    assert report.check is not None
    assert (report.check.same, report.redone) == (True, False)


def checked(
    prepared: TuneJob, tmp_path: Path, parts: Sequence[tuple[int, int] | None], runner: Path | None = None
) -> list[Any]:
    """The events of a day of which parts are checked."""
    copy_inputs(prepared.work, tmp_path / "work")
    (tmp_path / "work" / "autotune" / f"ns-entries.{DAY}.json").write_text(json.dumps(entries()[:30]))
    document = TuneJob(tmp_path / "work", prepared.days[:1]).document(str(tmp_path / "work"))
    document["check"] = [{"date": str(DAY), "readings": part and list(part)} for part in parts]
    return run_jobs([document], ZONE, runner)


@pytest.mark.oref0
def test_where_upstream_stops_on_every_part_both_times_nothing_was_compared(prepared: TuneJob, tmp_path: Path) -> None:
    _, _, check, done = checked(prepared, tmp_path, [(30, 54), (31, 40)])
    assert check == {
        "event": "checked", "job": "tune", "same": None, "differing": [], "parts": 2, "compared": 0, "way": "untouched",
    }  # fmt: skip
    assert done["event"] == "done"
    report = EngineReport(engine="node", check=SelfCheck(None, (), 2, 0))
    assert report.computed()["check"] == {"same": None, "parts": 2, "compared": 0}
    assert EngineReport.from_document(report.document()) == report


@pytest.mark.oref0
def test_parts_that_can_be_compared_are_beside_those_that_cannot(prepared: TuneJob, tmp_path: Path) -> None:
    *_, check, done = checked(prepared, tmp_path, [(0, 12), (31, 40), None])
    assert (check["same"], check["parts"], check["compared"]) == (True, 3, 2)
    assert done["event"] == "done"


OTHER_FOR_ONE = "process.argv.includes('--exact')"
ONE_SIDE = [
    ("untouched stops", f"{OTHER_FOR_ONE} ? '[]' : glucose", "stopped: no and prep 1"),
    ("faster stops", f"{OTHER_FOR_ONE} ? glucose : '[]'", "stopped: prep 1 and no"),
    ("both, with other words", f"{OTHER_FOR_ONE} ? '[]' : 'null'", "words"),
]


@pytest.mark.oref0
@pytest.mark.parametrize(("who", "given", "differing"), ONE_SIDE, ids=[row[0] for row in ONE_SIDE])
def test_where_one_of_the_two_stops_it_is_a_difference(
    who: str, given: str, differing: str, prepared: TuneJob, tmp_path: Path
) -> None:
    old, new = "if (!part.readings) return { treatments, glucose }", f"return {{ treatments, glucose: {given} }}"
    runner = copy_of_runner(tmp_path, "self-check.js", old, new)
    events = checked(prepared, tmp_path, [(0, 24)], runner)
    assert [e["event"] for e in events] == ["start", "day", "checked", "again", "day", "done"]
    assert (events[2]["same"], events[2]["differing"]) == (False, [f"{DAY}: {differing}"])


@pytest.mark.oref0
def test_a_part_begins_from_what_the_run_had_on_that_day(prepared: TuneJob, tmp_path: Path) -> None:
    # An acceleration that keeps the first rates it ever saw: right on the first day, and on each day by itself.
    first = "function ratesOf(schedule) {"
    runner = copy_of_runner(tmp_path, "faster/basal-lookup.js", first, first + " if (known[0]) return known[0].rates;")
    report, *_ = run(NodeEngine(runner=runner), prepared, tmp_path / "work")
    assert report.check is not None
    assert report.redone
    assert not any(what.startswith(str(prepared.days[0])) for what in report.check.differing)


@pytest.mark.oref0
def test_rates_are_compared_where_no_reading_shows_them(prepared: TuneJob, tmp_path: Path) -> None:
    at_once = "const rate = upstream(schedule, now);"
    late = at_once.replace("now)", "minute >= 660 && minute < 720 ? new Date(now.getTime() - 43200000) : now)")
    runner = copy_of_runner(tmp_path, "faster/basal-lookup.js", at_once, late)
    events = checked(prepared, tmp_path, [(0, 24)], runner)
    assert events[2]["differing"] == [f"{DAY}: rates"]


@pytest.mark.oref0
def test_an_earlier_version_s_check_is_read(prepared: TuneJob) -> None:
    old = {"date": "2026-05-01", "way": "faster", "same": False, "differing": ["profile.json"]}
    report = EngineReport.from_document(EngineReport(engine="node").document() | {"check": old, "redone": True})
    assert report.check == SelfCheck(False, ("profile.json",), date="2026-05-01")
    assert len(report.warnings) == 1


def lay_out(work: Path, readings: dict[str, int], treatments: dict[str, Any] | None = None) -> list[str]:
    (work / "autotune").mkdir(parents=True, exist_ok=True)
    for date, count in readings.items():
        records = [{"sgv": 100, "device": date, "date": 1e12 + n * 3e5} for n in range(count)]
        (work / "autotune" / f"ns-entries.{date}.json").write_text(json.dumps(records))
        given = (treatments or {}).get(date, [])
        (work / "autotune" / f"ns-treatments.{date}.json").write_text(json.dumps(given))
    return list(readings)


def chosen(work: Path, dates: list[str], curve: bool = False) -> list[CheckedPart]:
    return parts_to_check(work, dates, tune_insulin_curve=curve)


def test_the_same_inputs_check_the_same_parts_and_other_inputs_others(tmp_path: Path) -> None:
    dates = lay_out(tmp_path, {f"2026-05-{n:02d}": 288 for n in range(1, 15)})
    assert chosen(tmp_path, dates) == chosen(tmp_path, dates)
    seen = set()
    for n in range(40):
        (tmp_path / "autotune" / "profile.json").write_text(str(n))
        seen.add(tuple(chosen(tmp_path, dates)))
    assert len(seen) == 40
    assert chosen(tmp_path, []) == []


@pytest.mark.parametrize(
    ("days", "curve", "parts"),
    [(1, False, LEAST_PARTS), (3, False, LEAST_PARTS), (4, False, 16), (11, False, 44), (12, False, MOST_PARTS),
     (90, False, MOST_PARTS), (1, True, MOST_PARTS_OF_CURVE), (30, True, MOST_PARTS_OF_CURVE)],
)  # fmt: skip
def test_a_longer_run_has_more_parts(days: int, curve: bool, parts: int, tmp_path: Path) -> None:
    dates = lay_out(tmp_path, {f"d{n:02d}": 288 for n in range(days)})
    found = chosen(tmp_path, dates, curve)
    assert len(found) == parts
    assert [part.date for part in found] == sorted(part.date for part in found)
    each = Counter(part.date for part in found)
    assert len(each) == min(days, parts)
    assert max(each.values()) - min(each.values()) <= 1
    assert all(part.readings and part.readings[1] - part.readings[0] == PART_READINGS for part in found)


def test_the_parts_come_from_all_hours_of_the_day(tmp_path: Path) -> None:
    dates = lay_out(tmp_path, {f"d{n:02d}": 288 for n in range(14)})
    for n in range(20):
        (tmp_path / "autotune" / "profile.json").write_text(str(n))
        found = chosen(tmp_path, dates)
        starts = sorted(part.readings[0] for part in found if part.readings)
        widest = 2 * (288 - PART_READINGS + 1) / MOST_PARTS
        assert all(b - a < widest + 1 for a, b in pairwise([0, *starts, 288 - PART_READINGS]))


def at(reading: float) -> str:
    return iso_utc(1e12 + reading * 3e5)


WORTH_CHECKING = [
    ("the largest bolus", [{"created_at": at(40), "insulin": 2}, {"created_at": at(100), "insulin": 9}], 100),
    ("the longest temp basal", [{"created_at": at(60), "eventType": "Temp Basal", "duration": 120, "rate": 1}], 60),
    ("a stop", [{"created_at": at(70.5), "eventType": "Temp Basal", "duration": 30, "absolute": 0, "rate": 0},
                {"created_at": at(20), "eventType": "Temp Basal", "duration": 29, "rate": 0}], 71),
    ("near the end", [{"created_at": at(283), "insulin": 2}], 288 - PART_READINGS),
    ("one with nothing after it is passed over", [{"created_at": at(300), "insulin": 9},
                                                   {"created_at": at(50), "insulin": 1}], 50),
]  # fmt: skip


@pytest.mark.parametrize(("what", "records", "first"), WORTH_CHECKING, ids=[row[0] for row in WORTH_CHECKING])
@pytest.mark.parametrize("newest_first", [False, True])
def test_the_readings_after_what_matters_most_are_checked(
    what: str, records: list[Any], first: int, newest_first: bool, tmp_path: Path
) -> None:
    dates = lay_out(tmp_path, {f"d{n:02d}": 288 for n in range(30)}, {"d07": records})
    if newest_first:
        file = tmp_path / "autotune" / "ns-entries.d07.json"
        file.write_text(json.dumps(json.loads(file.read_bytes())[::-1]))
        first = 288 - first - PART_READINGS
    assert CheckedPart("d07", (first, first + PART_READINGS)) in chosen(tmp_path, dates)


@given(usable=st.lists(st.booleans(), min_size=1, max_size=400), choice=st.integers(0, 400))
def test_the_part_lies_within_the_day_and_has_as_many_usable_readings_as_there_are(
    usable: list[bool], choice: int
) -> None:
    places = [n for n, good in enumerate(usable) if good]
    assume(places)
    first, end = part_of_day(places, choice) or (0, len(usable))
    assert 0 <= first < end <= len(usable)
    assert sum(usable[first:end]) == min(PART_READINGS, len(places))


@pytest.mark.parametrize("readings", [1, PART_READINGS, PART_READINGS + 1, 288])
def test_every_reading_of_a_day_can_be_checked(readings: int, tmp_path: Path) -> None:
    lay_out(tmp_path, {"d": readings})
    chance = random.Random(1)
    parts = [part_by_chance(tmp_path, "d", chance) for _ in range(3000)]
    seen = {n for part in parts if part for n in range(*(part.readings or (0, readings)))}
    assert seen == set(range(readings))


NOTHING_USABLE: list[tuple[str, bytes | None]] = [
    ("no file", None),
    ("empty", b""),
    ("cut off", b'[{"sgv": 100}'),
    ("no text", b"\xff\xfe\x00"),
    ("no list", b'{"sgv": 100}'),
    ("null", b"null"),
    ("no readings", b"[]"),
    ("nulls", b"[null, null]"),
    ("numbers", b"[100, 100]"),
    ("calibrations", b'[{"mbg": 100}]'),
    ("below 39", b'[{"sgv": 38}, {"sgv": 38.9}, {"glucose": 12}]'),
]


@pytest.mark.parametrize(("what", "content"), NOTHING_USABLE, ids=[row[0] for row in NOTHING_USABLE])
def test_a_day_without_a_usable_reading_is_not_chosen(what: str, content: bytes | None, tmp_path: Path) -> None:
    lay_out(tmp_path, {"bad": 60, "good": 60, "worse": 60})
    for date in ("bad", "worse"):
        file = tmp_path / "autotune" / f"ns-entries.{date}.json"
        file.unlink() if content is None else file.write_bytes(content)
    assert {part.date for part in chosen(tmp_path, ["bad", "good", "worse"])} == {"good"}
    assert chosen(tmp_path, ["bad", "worse"]) == []


def test_the_lowest_usable_reading_is_one(tmp_path: Path) -> None:
    dates = lay_out(tmp_path, {"d": 1})
    (tmp_path / "autotune" / "ns-entries.d.json").write_text('[{"sgv": 39}]')
    assert chosen(tmp_path, dates) == [CheckedPart("d", None)]
