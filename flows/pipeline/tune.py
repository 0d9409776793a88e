"""Step 3: let upstream compute, in the engine asked for; beside it, what it would have said without the corrections."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.oref0.docker import DockerEngine
from flows.oref0.engine import Engine, EngineReport, OnDay, TuneJob
from flows.oref0.inputs import check_work_dir
from flows.oref0.node import NodeEngine
from flows.oref0.outcome import read_outcome
from flows.oref0.reference import ReferenceEngine
from flows.pipeline.prepare import Prepared
from flows.pipeline.several import count_isf_points
from flows.settings import AnalysisRequest, EngineName
from flows.values.local_days import LocalDay
from flows.values.run_directory import RunDirectory
from flows.values.units import SECOND_MS


def engine_named(name: EngineName) -> Engine:
    """The engine of that name."""
    engines: dict[EngineName, Callable[[], Engine]] = {
        EngineName.NODE: NodeEngine,
        EngineName.DOCKER: DockerEngine,
        EngineName.REFERENCE: ReferenceEngine,
    }
    return engines[name]()


def tune(request: AnalysisRequest, run: RunDirectory, on_day: OnDay) -> EngineReport:
    """Let upstream compute, day after day.

    Args:
        request: engine, options, time limit.
        run: reads and writes work/*, uncorrected/* and several_values.json; reads prepared.json; writes engine.json,
            uncorrected.json.
        on_day: called when a day is done.

    Raises:
        Refused: an engine's reason.
    """
    prepared = Prepared(**run.read_json("prepared.json"))

    def once_more(work: Path) -> EngineReport:
        return engine_named(request.engine).run(
            replace(_job(request, work, prepared), self_check=False), lambda *_: None
        )

    count_isf_points(run, prepared.dates, prepared.zone, once_more)
    with ThreadPoolExecutor(max_workers=1) as beside:
        other: Future[dict[str, Any]] | None = None
        if (run.uncorrected / "autotune").is_dir():
            other = beside.submit(_without_correction, request, run.uncorrected, prepared)
        report = engine_named(request.engine).run(_job(request, run.work, prepared), on_day)
        run.write_json("engine.json", report.document())
        if other is not None:
            run.write_json("uncorrected.json", other.result())
    return report


def _job(request: AnalysisRequest, work: Path, prepared: Prepared) -> TuneJob:
    return TuneJob(
        work=work,
        days=tuple(LocalDay(date.fromisoformat(d), prepared.zone) for d in prepared.dates),
        uam_as_basal=request.uam_as_basal,
        tune_insulin_curve=request.tune_insulin_curve,
        timeout_seconds=request.timeout_seconds,
        exact=request.exact,
    )


def _without_correction(request: AnalysisRequest, work: Path, prepared: Prepared) -> dict[str, Any]:
    """What upstream makes of the same days as they were served: its settings, or why it would have given none."""
    now_ms = datetime.now(UTC).timestamp() * SECOND_MS
    try:
        check_work_dir(work, prepared.dates, now_ms=now_ms, zone=prepared.zone)
        report = engine_named(request.engine).run(
            replace(_job(request, work, prepared), self_check=False), lambda *_: None
        )
        outcome = read_outcome(work, prepared.dates, report)
    except Refused as refusal:
        return {"recommended": None, "reason": refusal.sentence, "reason_code": refusal.reason.code}
    return {"recommended": outcome.tuned.document(), "reason": None, "reason_code": None}
