"""Our runner gives the bytes of upstream's own commands: over clock changes, half-hour zones and both options.

The container has the bytes of the runner: `test_container_engine.py`.
"""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.nightscout.authentication import Credentials
from flows.oref0.engine import Engine, TuneJob
from flows.oref0.node import NodeEngine
from flows.oref0.profile import PumpSettings, settings_of
from flows.oref0.reference import ReferenceEngine
from flows.pipeline.load import load
from flows.pipeline.parity import compare, copy_inputs
from flows.pipeline.prepare import prepare
from flows.settings import AnalysisRequest, InputsMode
from flows.values.local_days import LocalDay
from flows.values.run_directory import RunDirectory
from tests.conftest import ROOT

pytestmark = pytest.mark.oref0

FIXTURES = ROOT / "fixtures"


@dataclass(frozen=True)
class Case:
    """A person, the days, and what is different."""

    person: str
    start: str | None = None
    end: str | None = None
    zone: str | None = None
    uam_as_basal: bool = False
    tune_insulin_curve: bool = False
    inputs: InputsMode = InputsMode.CORRECTED

    def __str__(self) -> str:
        options = [self.zone, self.uam_as_basal and "uam", self.tune_insulin_curve and "curve"]
        return "-".join([self.person, self.start or "all", *(str(o) for o in options if o), self.inputs.value])


CASES = [
    # spring and autumn clock changes, in corrected days and in upstream's own overlapping ones
    Case("aaps_closed_loop", "2026-03-28", "2026-03-29"),
    Case("loop_temp_basal", "2025-11-01", "2025-11-02"),
    Case("careportal_mdi", "2026-05-06", "2026-05-07"),
    Case("aaps_closed_loop", "2026-03-28", "2026-03-29", inputs=InputsMode.UPSTREAM),
    Case("loop_temp_basal", "2025-11-01", "2025-11-02", inputs=InputsMode.UPSTREAM),
    Case("aaps_closed_loop", "2026-03-24", "2026-03-24", zone="Asia/Kolkata"),
    Case("loop_temp_basal", "2025-10-27", "2025-10-28", uam_as_basal=True),
    Case("careportal_mdi", "2026-05-06", "2026-05-07", uam_as_basal=True),
    Case("careportal_mdi", "2026-05-06", "2026-05-06", tune_insulin_curve=True),
]


def prepared_job(case: Case, base: Path) -> TuneJob:
    """The work directory of a case, as the steps lay it out."""
    request = AnalysisRequest(
        from_directory=FIXTURES / case.person,
        timezone=case.zone,
        start=date.fromisoformat(case.start) if case.start else None,
        end=date.fromisoformat(case.end) if case.end else None,
        inputs=case.inputs,
    )
    now = datetime.now(UTC)
    run = RunDirectory.create(base / "run", now)
    load(request, run, Credentials(), now)
    prepared = prepare(request, run, now)
    return TuneJob(
        work=run.work,
        days=tuple(LocalDay(date.fromisoformat(d), prepared.zone) for d in prepared.dates),
        uam_as_basal=case.uam_as_basal,
        tune_insulin_curve=case.tune_insulin_curve,
    )


def computed(engine: Engine, job: TuneJob, work: Path) -> Path:
    """The work directory after an engine has computed it from the job's inputs."""
    copy_inputs(job.work, work)
    report = engine.run(TuneJob(work, job.days, job.uam_as_basal, job.tune_insulin_curve), lambda *_: None)
    assert report.stop is None
    assert report.days_done == [str(d) for d in job.days]
    if not isinstance(engine, ReferenceEngine):
        assert report.check is not None
        assert report.check.same
        assert not report.redone
    return work


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], tuple[TuneJob, Path]]:
    """What upstream's own commands make of a case; computed once for all that is compared with it."""

    @functools.cache
    def made(case: Case) -> tuple[TuneJob, Path]:
        base = tmp_path_factory.mktemp("upstream")
        job = prepared_job(case, base)
        return job, computed(ReferenceEngine(), job, base / "reference")

    return made


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_runner_gives_the_bytes_of_upstreams_commands(
    case: Case, upstream: Callable[[Case], tuple[TuneJob, Path]], tmp_path: Path
) -> None:
    job, reference = upstream(case)
    files, differing = compare(reference, computed(NodeEngine(), job, tmp_path / "ours"))
    assert files >= 5 * len(job.days)
    assert differing == []


@pytest.mark.parametrize("person", ["aaps_closed_loop", "loop_temp_basal", "careportal_mdi"])
def test_every_wrong_setting_moves_toward_the_truth(person: str, tmp_path: Path) -> None:
    job = prepared_job(Case(person), tmp_path)
    work = computed(NodeEngine(), job, tmp_path / "ours")
    truth = json.loads((FIXTURES / person / "truth.json").read_text())
    configured = settings_of(json.loads((job.work / "settings" / "pumpprofile.json").read_text()))
    tuned = settings_of(json.loads((work / "autotune" / "profile.json").read_text()))

    def error(settings: PumpSettings) -> dict[str, float]:
        hours = zip(settings.basal_u_per_h, truth["basal_u_per_h"], strict=True)
        return {
            "basal": sum(abs(a - b) for a, b in hours),
            "isf": abs(settings.isf_mgdl_per_u - truth["isf_mgdl_per_u"]),
            "carb_ratio": abs(settings.carb_ratio_g_per_u - truth["carb_ratio_g_per_u"]),
        }

    before, after = error(configured), error(tuned)
    wrong = [k for k, v in truth["wrong_on_purpose"].items() if v["state"] != "right"]
    assert wrong
    assert {k: after[k] < before[k] for k in wrong} == dict.fromkeys(wrong, True)


def test_comparing_sees_a_single_byte(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "autotune").mkdir(parents=True)
        (tmp_path / name / "autotune" / "newprofile.2026-01-01.json").write_text("{}\n")
    (tmp_path / "b" / "autotune" / "profile.json").write_text("{}")
    assert compare(tmp_path / "a", tmp_path / "b") == (2, ["profile.json"])
    shutil.copy(tmp_path / "b" / "autotune" / "profile.json", tmp_path / "a" / "autotune" / "profile.json")
    assert compare(tmp_path / "a", tmp_path / "b") == (2, [])
