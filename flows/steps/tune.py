"""Step 3: let upstream compute, in the engine asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date

from flows.local_days import LocalDay
from flows.oref0.docker import DockerEngine
from flows.oref0.engine import Engine, EngineReport, OnDay, TuneJob
from flows.oref0.node import NodeEngine
from flows.oref0.reference import ReferenceEngine
from flows.run_directory import RunDirectory
from flows.settings import AnalysisRequest, EngineName
from flows.steps.prepare import Prepared


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
        run: reads and writes work/*; reads prepared.json; writes engine.json.
        on_day: called when a day is done.

    Raises:
        Refused: an engine's reason.
    """
    prepared = Prepared(**run.read_json("prepared.json"))
    job = TuneJob(
        work=run.work,
        days=tuple(LocalDay(date.fromisoformat(d), prepared.zone) for d in prepared.dates),
        uam_as_basal=request.uam_as_basal,
        tune_insulin_curve=request.tune_insulin_curve,
        timeout_seconds=request.timeout_seconds,
    )
    report = engine_named(request.engine).run(job, on_day)
    run.write_json("engine.json", asdict(report))
    return report
