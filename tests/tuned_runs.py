"""Small runs up to the step that tunes, made in a directory: for tests of what comes after it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.nightscout.authentication import Credentials
from flows.pipeline.load import load
from flows.pipeline.prepare import prepare
from flows.pipeline.tune import tune
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory
from tests.people import export_directory


def tuned_run(base: Path, days: int, **options: Any) -> tuple[AnalysisRequest, RunDirectory]:
    """The run of an invented person, without the comparison with the data as served."""
    now = datetime.now(UTC)
    request = AnalysisRequest(from_directory=export_directory(base / "data", days=days), compare=False, **options)
    run = RunDirectory.create(base / "run", now)
    load(request, run, Credentials(), now)
    prepare(request, run, now)
    tune(request, run, lambda *_: None)
    return request, run
