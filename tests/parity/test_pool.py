"""Many jobs share a few processes, and none of them notices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.oref0.engine import EngineReport, TuneJob
from flows.oref0.node import NodeEngine
from flows.oref0.pool import RunnerPool
from flows.oref0.work_dir import copy_openaps_directory
from flows.pipeline.parity import compare, copy_inputs
from flows.values.local_days import LocalDay
from tests.people import DAY, ZONE, openaps_directory

pytestmark = pytest.mark.oref0


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> TuneJob:
    base = tmp_path_factory.mktemp("person")
    copy_openaps_directory(openaps_directory(base / "openaps", days=2), base / "work")
    first = LocalDay(DAY, ZONE)
    return TuneJob(base / "work", (first, first.next()), self_check=False)


def copied(prepared: TuneJob, work: Path) -> TuneJob:
    copy_inputs(prepared.work, work)
    return replace(prepared, work=work)


def test_jobs_of_a_pool_have_the_bytes_of_jobs_of_their_own(prepared: TuneJob, tmp_path: Path) -> None:
    alone = copied(prepared, tmp_path / "alone")
    NodeEngine().run(alone, lambda *_: None)
    reversed_days = replace(prepared, days=prepared.days[::-1])
    NodeEngine().run(copied(reversed_days, tmp_path / "reversed"), lambda *_: None)
    with RunnerPool(2) as pool:
        jobs = [
            lambda n=n: copied(reversed_days if n % 2 else prepared, tmp_path / f"job{n}")  # type: ignore[misc]
            for n in range(7)
        ]
        reports = dict(pool.run_all(jobs))
        assert pool.started == 2
    assert sorted(reports) == list(range(7))
    for n, report in reports.items():
        assert isinstance(report, EngineReport)
        assert report.days_done == [str(d) for d in (reversed_days if n % 2 else prepared).days]
        assert report.oref0 == "0.7.1"
        like = tmp_path / ("reversed" if n % 2 else "alone")
        assert compare(like, tmp_path / f"job{n}")[1] == []


def test_a_job_that_breaks_its_runner_takes_no_other_with_it(prepared: TuneJob, tmp_path: Path) -> None:
    def broken() -> TuneJob:
        job = copied(prepared, tmp_path / "broken")
        (job.work / "autotune" / "profile.json").unlink()
        return job

    with RunnerPool(1) as pool:
        found = dict(pool.run_all([broken, lambda: copied(prepared, tmp_path / "whole")]))
        assert pool.started == 2
    assert isinstance(found[0], Refused)
    assert found[0].reason is Reason.ENGINE_BROKEN
    assert isinstance(found[1], EngineReport)
    assert found[1].finished


def test_a_job_of_another_zone_has_a_process_of_its_own(prepared: TuneJob, tmp_path: Path) -> None:
    kolkata = replace(prepared, days=tuple(LocalDay(d.date, "Asia/Kolkata") for d in prepared.days))
    with RunnerPool(1) as pool:
        jobs = [lambda: copied(prepared, tmp_path / "a"), lambda: copied(kolkata, tmp_path / "b")]
        found = dict(pool.run_all(jobs))
        assert pool.started == 2
    assert all(isinstance(r, EngineReport) and r.finished for r in found.values())
    assert compare(tmp_path / "a", tmp_path / "b")[1]
