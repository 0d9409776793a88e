"""Every run computes a part of itself a second time by untouched upstream, and believes that one where they differ."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flows.oref0.engine import Engine, EngineReport, SelfCheck, TuneJob
from flows.oref0.node import NodeEngine
from flows.oref0.runtime import runner_script
from flows.oref0.self_check import LEAST_READINGS, READINGS_A_DAY, day_to_check, inputs_number, part_of_day
from flows.oref0.work_dir import copy_openaps_directory
from flows.pipeline.parity import compare, copy_inputs
from flows.values.local_days import LocalDay
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


@pytest.mark.oref0
def test_a_run_checks_itself(prepared: TuneJob, tmp_path: Path) -> None:
    report, told, work = run(NodeEngine(), prepared, tmp_path / "work")
    assert report.check is not None
    assert (report.check.same, report.check.way, report.check.differing) == (True, "faster", ())
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
    file: str, old: str, new: str, prepared: TuneJob, tmp_path: Path
) -> None:
    if file == "faster/insulin.js":
        old, new = "for (const piece of found) all.push(piece)", "for (const piece of found) " + new
    broken = NodeEngine(runner=copy_of_runner(tmp_path, file, old, new))
    *_, exact = run(NodeEngine(), prepared, tmp_path / "exact", exact=True)
    *_, unchecked = run(broken, prepared, tmp_path / "unchecked", self_check=False)
    report, told, work = run(broken, prepared, tmp_path / "work")
    assert bool(compare(exact, unchecked)[1]) is file.startswith("faster/")  # it would have been wrong
    assert report.check is not None
    assert not report.check.same
    assert report.check.differing
    assert report.redone
    assert report.computed()["faster"] is False
    assert report.untouched == {str(d): "asked" for d in prepared.days}
    assert len(report.warnings) == 1
    assert report.days_done == [str(d) for d in prepared.days]
    assert told == report.days_done * 2
    files, differing = compare(exact, work)
    assert (files, differing) == (17, [])


@pytest.mark.oref0
def test_exact_goes_the_untouched_way_and_needs_no_check(prepared: TuneJob, tmp_path: Path) -> None:
    report, _, exact = run(NodeEngine(), prepared, tmp_path / "exact", exact=True)
    *_, default = run(NodeEngine(), prepared, tmp_path / "default")
    assert (report.check, report.redone) == (None, False)
    assert report.untouched == {str(d): "asked" for d in prepared.days}
    assert compare(exact, default) == (17, [])


@pytest.mark.oref0
def test_a_run_that_upstream_stops_leaves_no_check_behind(prepared: TuneJob, tmp_path: Path) -> None:
    copy_inputs(prepared.work, tmp_path / "work")
    (tmp_path / "work" / "autotune" / f"ns-entries.{prepared.days[1]}.json").write_text("[]")
    report = NodeEngine().run(replace(prepared, work=tmp_path / "work"), lambda *_: None)
    assert report.stop is not None
    assert report.stop.date == str(prepared.days[1])
    assert not (tmp_path / "work" / "check").exists()


@pytest.mark.oref0
def test_a_day_with_gaps_is_no_false_alarm(prepared: TuneJob, tmp_path: Path) -> None:
    # 180 readings, and inputs whose chance would choose a part beyond their end if the day were taken to have 288.
    copy_inputs(prepared.work, tmp_path / "work")
    autotune = tmp_path / "work" / "autotune"
    (autotune / f"ns-entries.{DAY}.json").write_text(json.dumps(entries()[:180]))
    treatments = json.loads((autotune / f"ns-treatments.{DAY}.json").read_bytes())
    for attempt in range(100):
        treatments[0]["notes"] = str(attempt)
        (autotune / f"ns-treatments.{DAY}.json").write_text(json.dumps(treatments))
        if (inputs_number(tmp_path / "work", [str(DAY)]) >> 64) % (READINGS_A_DAY - LEAST_READINGS) >= 180:
            break
    else:
        pytest.fail("no inputs were found")
    job = TuneJob(tmp_path / "work", prepared.days[:1])
    report = NodeEngine().run(job, lambda *_: None)
    assert report.check is not None
    assert (report.check.same, report.check.differing, report.redone) == (True, (), False)


def checked(prepared: TuneJob, tmp_path: Path, readings: list[int] | None, runner: Path | None = None) -> list[Any]:
    """The events of a day of which a part is checked."""
    copy_inputs(prepared.work, tmp_path / "work")
    (tmp_path / "work" / "autotune" / f"ns-entries.{DAY}.json").write_text(json.dumps(entries()[:30]))
    document = TuneJob(tmp_path / "work", prepared.days[:1]).document(str(tmp_path / "work"))
    document["check"] = {"date": str(DAY), "readings": readings}
    return run_jobs([document], ZONE, runner)


@pytest.mark.oref0
def test_where_upstream_stops_on_the_part_both_times_nothing_was_compared(prepared: TuneJob, tmp_path: Path) -> None:
    _, _, check, done = checked(prepared, tmp_path, [30, 54])
    assert (check["event"], check["same"], check["differing"]) == ("checked", None, [])
    assert done["event"] == "done"
    report = EngineReport(engine="node", check=SelfCheck(check["date"], check["way"], check["same"]))
    assert report.computed()["check"] == {"date": str(DAY), "same": None}
    assert EngineReport.from_document(report.document()) == report


ONE_SIDE = [
    ("untouched stops", "name === 'untouched' ? '[]' : text", "stopped: no and prep 1"),
    ("faster stops", "name === 'faster' ? '[]' : text", "stopped: prep 1 and no"),
    ("both, with other words", "name === 'faster' ? 'null' : '[]'", f"log.{DAY}.prep.txt"),
]


@pytest.mark.oref0
@pytest.mark.parametrize(("who", "given", "differing"), ONE_SIDE, ids=[row[0] for row in ONE_SIDE])
def test_where_one_of_the_two_stops_it_is_a_difference(
    who: str, given: str, differing: str, prepared: TuneJob, tmp_path: Path
) -> None:
    old, new = "part(text, this.readings) : text", f"({given}) : text"
    runner = copy_of_runner(tmp_path, "self-check.js", old, new)
    events = checked(prepared, tmp_path, [0, 24], runner)
    assert [e["event"] for e in events] == ["start", "day", "checked", "again", "day", "done"]
    assert (events[2]["same"], events[2]["differing"]) == (False, [differing])


@pytest.mark.oref0
def test_the_runner_itself_is_what_the_second_process_runs() -> None:
    assert (runner_script().parent / "self-check.js").is_file()


def lay_out(work: Path, sizes: dict[str, int], readings: int = 60) -> list[str]:
    (work / "autotune").mkdir(parents=True, exist_ok=True)
    for date, size in sizes.items():
        (work / "autotune" / f"ns-treatments.{date}.json").write_text("x" * size)
        (work / "autotune" / f"ns-entries.{date}.json").write_text(
            json.dumps([{"sgv": 100, "device": date}] * readings)
        )
    return list(sizes)


def test_the_same_inputs_check_the_same_day_and_other_inputs_others(tmp_path: Path) -> None:
    dates = lay_out(tmp_path, {f"2026-05-{n:02d}": 100 for n in range(1, 15)})
    chosen = day_to_check(tmp_path, dates, tune_insulin_curve=False)
    assert chosen == day_to_check(tmp_path, dates, tune_insulin_curve=False)
    seen = set()
    for n in range(40):
        (tmp_path / "autotune" / "profile.json").write_text(str(n))
        seen.add(str(day_to_check(tmp_path, dates, tune_insulin_curve=False)))
    assert len(seen) > 20
    assert day_to_check(tmp_path, [], tune_insulin_curve=False) is None


def test_a_day_with_more_treatments_is_checked_more_often(tmp_path: Path) -> None:
    dates = lay_out(tmp_path, {"2026-05-01": 1000, "2026-05-02": 9000})
    count: Counter[str] = Counter()
    for n in range(300):
        (tmp_path / "autotune" / "profile.json").write_text(str(n))
        count[day_to_check(tmp_path, dates, tune_insulin_curve=False)["date"]] += 1  # type: ignore[index]
    assert 0 < count["2026-05-01"] < 80 < 220 < count["2026-05-02"]


@pytest.mark.parametrize(
    ("days", "curve", "readings"),
    [(1, False, 24), (10, False, 24), (11, False, 26), (60, False, 144), (119, False, 285), (120, False, None),
     (1, True, 24), (119, True, 25), (120, True, 26)],
)  # fmt: skip
def test_the_part_of_the_day_grows_with_the_run(days: int, curve: bool, readings: int | None, tmp_path: Path) -> None:
    dates = lay_out(tmp_path, {f"d{n}": 100 for n in range(days)}, readings=READINGS_A_DAY)
    chosen = day_to_check(tmp_path, dates, tune_insulin_curve=curve)
    assert chosen is not None
    part = chosen["readings"]
    assert (part and part[1] - part[0]) == readings


@given(usable=st.lists(st.booleans(), min_size=1, max_size=400), count=st.integers(24, 400), chance=st.integers(0))
def test_the_part_lies_within_the_day_and_has_as_many_usable_readings_as_there_are(
    usable: list[bool], count: int, chance: int
) -> None:
    places = [n for n, good in enumerate(usable) if good]
    assume(places)
    part = part_of_day(places, count, chance)
    first, end = part or [0, len(usable)]
    assert 0 <= first < end <= len(usable)
    assert sum(usable[first:end]) == min(count, len(places))


@given(readings=st.integers(1, 400), salt=st.integers(0, 10**6))
def test_no_day_is_too_short_for_its_part(readings: int, salt: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    work = tmp_path_factory.mktemp("w")
    lay_out(work, {"d": salt % 100})
    (work / "autotune" / "profile.json").write_text(str(salt))
    (work / "autotune" / "ns-entries.d.json").write_text(json.dumps([{"sgv": 100}] * readings))
    chosen = day_to_check(work, ["d"], tune_insulin_curve=False)
    assert chosen is not None
    part = chosen["readings"]
    if readings <= LEAST_READINGS:
        assert part is None
    else:
        assert 0 <= part[0] < part[1] <= readings
        assert part[1] - part[0] == LEAST_READINGS


def test_every_reading_of_a_day_can_be_checked() -> None:
    parts = [part_of_day(list(range(26)), 24, chance) for chance in range(3)]
    assert parts == [[0, 24], [1, 25], [2, 26]]


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
    lay_out(tmp_path, {"bad": 9000, "good": 1, "worse": 9000})
    for date in ("bad", "worse"):
        file = tmp_path / "autotune" / f"ns-entries.{date}.json"
        file.unlink() if content is None else file.write_bytes(content)
    chosen = day_to_check(tmp_path, ["bad", "good", "worse"], tune_insulin_curve=False)
    assert chosen is not None
    assert chosen["date"] == "good"
    assert day_to_check(tmp_path, ["bad", "worse"], tune_insulin_curve=False) is None


def test_the_lowest_usable_reading_is_one(tmp_path: Path) -> None:
    dates = lay_out(tmp_path, {"d": 1})
    (tmp_path / "autotune" / "ns-entries.d.json").write_text('[{"sgv": 39}]')
    assert day_to_check(tmp_path, dates, tune_insulin_curve=False) == {"date": "d", "readings": None}
