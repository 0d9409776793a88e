"""Every run computes a part of itself a second time by untouched upstream, and believes that one where they differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.local_days import LocalDay
from flows.oref0.docker import DockerEngine
from flows.oref0.engine import Engine, EngineReport, TuneJob
from flows.oref0.node import NodeEngine
from flows.oref0.runtime import runner_script
from flows.oref0.self_check import LEAST_READINGS, READINGS_A_DAY, day_to_check
from flows.oref0.work_dir import copy_openaps_directory
from flows.parity import compare, copy_inputs
from tests.parity.test_faster import copy_of_runner
from tests.people import DAY, ZONE, openaps_directory


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
@pytest.mark.parametrize(
    "engine", [NodeEngine(), pytest.param(DockerEngine(), marks=pytest.mark.docker)], ids=["node", "docker"]
)
def test_a_run_checks_itself(engine: Engine, prepared: TuneJob, tmp_path: Path) -> None:
    report, told, work = run(engine, prepared, tmp_path / "work")
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
def test_the_runner_itself_is_what_the_second_process_runs() -> None:
    assert (runner_script().parent / "self-check.js").is_file()


def lay_out(work: Path, sizes: dict[str, int]) -> list[str]:
    (work / "autotune").mkdir(parents=True, exist_ok=True)
    for date, size in sizes.items():
        (work / "autotune" / f"ns-treatments.{date}.json").write_text("x" * size)
        (work / "autotune" / f"ns-entries.{date}.json").write_text(date)
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


@given(days=st.integers(1, 150), curve=st.booleans())
def test_the_part_of_the_day_grows_with_the_run(
    days: int, curve: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chosen = day_to_check(tmp_path_factory.mktemp("w"), [f"d{n}" for n in range(days)], tune_insulin_curve=curve)
    assert chosen is not None
    if chosen["readings"] is None:
        assert days >= 120
    else:
        first, last = chosen["readings"]
        assert 0 <= first < last <= READINGS_A_DAY
        assert last - first >= LEAST_READINGS
