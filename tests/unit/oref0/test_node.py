"""The node engine: its environment, its time zone, its limits, and what it says when they are met."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.oref0 import node as node_module
from flows.oref0.engine import TuneJob
from flows.oref0.node import NodeEngine
from flows.oref0.reference import ReferenceEngine
from flows.oref0.work_dir import copy_openaps_directory
from flows.values.local_days import LocalDay
from tests.people import DAY, ZONE, openaps_directory

pytestmark = pytest.mark.oref0


@pytest.fixture
def job(tmp_path: Path) -> TuneJob:
    copy_openaps_directory(openaps_directory(tmp_path / "openaps"), tmp_path / "work")
    return TuneJob(tmp_path / "work", (LocalDay(DAY, ZONE),), timeout_seconds=120)


def script(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "runner.js"
    file.write_text(text)
    return file


def test_upstream_sees_no_secret_and_no_option_of_ours(
    job: TuneJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_API_SECRET", "canary")
    monkeypatch.setenv("NODE_OPTIONS", "--require=/nonexistent.js")
    seen = tmp_path / "seen.json"
    runner = script(tmp_path, f"require('fs').writeFileSync({str(seen)!r}, JSON.stringify(process.env))")
    with pytest.raises(Refused):
        NodeEngine(runner=runner).run(job, lambda *_: None)
    assert "canary" not in seen.read_text()
    assert "NODE_OPTIONS" not in seen.read_text()
    assert ZONE in seen.read_text()


@pytest.mark.parametrize("engine", [NodeEngine(), ReferenceEngine()], ids=["node", "reference"])
def test_a_zone_node_does_not_know_is_refused_before_anything_is_computed(
    engine: NodeEngine, job: TuneJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Node takes ETC/GMT+7 for UTC without a word.
    monkeypatch.setattr(node_module, "scrubbed_environment", lambda zone: {"TZ": "ETC/GMT+7", "PATH": os.defpath})
    with pytest.raises(Refused) as caught:
        engine.run(job, lambda *_: None)
    assert caught.value.reason is Reason.TIMEZONE_DIFFERS_IN_NODE
    assert not list((job.work / "autotune").glob("newprofile.*"))


def test_a_hanging_process_is_killed_with_all_it_started(job: TuneJob, tmp_path: Path) -> None:
    mark = f"autotune-test-{os.getpid()}"
    runner = script(
        tmp_path,
        f"require('child_process').spawn('sleep', ['600'], {{argv0: '{mark}'}}); setInterval(() => {{}}, 1000)",
    )
    began = time.monotonic()
    with pytest.raises(Refused) as caught:
        NodeEngine(runner=runner).run(replace(job, timeout_seconds=1), lambda *_: None)
    assert caught.value.reason is Reason.TIMED_OUT
    assert time.monotonic() - began < 10
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if _reads(p, mark)]


def _reads(file: Path, mark: str) -> bool:
    try:
        return mark.encode() in file.read_bytes()
    except OSError:
        return False


def test_a_process_out_of_memory_is_a_typed_refusal(job: TuneJob, tmp_path: Path) -> None:
    runner = script(tmp_path, "const kept = []; for (;;) kept.push(new Array(1e5).fill({}))")
    with pytest.raises(Refused) as caught:
        NodeEngine(memory_limit_mb=32, runner=runner).run(job, lambda *_: None)
    assert caught.value.reason is Reason.OUT_OF_MEMORY


@pytest.mark.parametrize(
    "text",
    ["process.exit(0)", "process.exit(3)", "process.kill(process.pid, 'SIGSEGV')", "throw new Error('180 mg/dL')"],
)
def test_an_engine_that_ends_without_an_answer_is_broken(text: str, job: TuneJob, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        NodeEngine(runner=script(tmp_path, text)).run(job, lambda *_: None)
    assert caught.value.reason is Reason.ENGINE_BROKEN
    assert "180" not in str(caught.value)


def test_upstream_stopping_is_reported_with_day_and_step(job: TuneJob) -> None:
    (job.work / "autotune" / f"ns-entries.{DAY}.json").write_text("[]")
    for engine in (NodeEngine(), ReferenceEngine()):
        report = engine.run(job, lambda *_: None)
        assert report.stop is not None
        assert (report.stop.date, report.stop.stage, report.stop.status) == (str(DAY), "prep", 1)


def test_the_curve_option_that_upstream_leaves_broken_does_not_reach_the_next_day(tmp_path: Path) -> None:
    # Upstream replaces console.error while it tunes the curve.
    copy_openaps_directory(openaps_directory(tmp_path / "openaps", days=2), tmp_path / "work")
    first = LocalDay(DAY, ZONE)
    job = TuneJob(tmp_path / "work", (first, first.next()), tune_insulin_curve=True)
    report = NodeEngine().run(job, lambda *_: None)
    assert report.days_done == [str(first), str(first.next())]
    for day in report.days_done:
        assert "insulinEndTime" in (job.work / "autotune" / f"log.{day}.prep.txt").read_text()
