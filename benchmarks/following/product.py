"""The product on a directory, as `autotune propose --from` runs it, without what costs and changes no number.

Left out: repetitions, the comparison with uncorrected data, the self-check (its numbers are the same bytes), and the
report. Upstream's process is kept warm for the next run. Everything else is the product's own steps, called in order.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.nightscout.credentials import credentials_for
from flows.oref0.engine import TuneJob
from flows.oref0.node import Runner
from flows.pipeline.judge import judge
from flows.pipeline.load import load
from flows.pipeline.prepare import Prepared, prepare
from flows.pipeline.several import read_several
from flows.settings import AgeGroup, AnalysisRequest, Insulin
from flows.values.local_days import LocalDay
from flows.values.run_directory import RunDirectory


@dataclass(frozen=True)
class Answer:
    """The proposal, or the code of the refusal and its sentence."""

    proposal: dict[str, Any] | None
    refusal: str = ""


class Product:
    """Runs one after the other in this process; its runner of upstream lives as long as it does."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._runner: Runner | None = None

    def __enter__(self) -> Product:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def run(self, source: Path, first: date, last: date, now: datetime, scratch: Path) -> Answer:
        """What a person is told who asks at `now` about these days.

        Args:
            source: a directory as `--from` reads it.
            first, last: days from 04:00 to 04:00.
            now: the clock; by it data are recent or old.
            scratch: a new directory for the run.
        """
        request = AnalysisRequest(
            from_directory=source,
            start=first,
            end=last,
            resamples=0,
            compare=False,
            age_group=AgeGroup.ADULT,
            insulin=Insulin.RAPID_ACTING,
        )
        run = RunDirectory.create(scratch, now)
        try:
            load(request, run, credentials_for(request), now)
            self._tune(run, prepare(request, run, now), request)
            judge(request, run, now)
        except Refused as refusal:
            return Answer(None, f"{refusal.reason.code}: {refusal}")
        return Answer(dict(json.loads((run.path / "proposal.json").read_bytes())))

    def _tune(self, run: RunDirectory, prepared: Prepared, request: AnalysisRequest) -> None:
        if read_several(run):
            raise ValueError("the people of a study have one ISF and one carb ratio")
        days = tuple(LocalDay(date.fromisoformat(day), prepared.zone) for day in prepared.dates)
        job = TuneJob(run.work, days, timeout_seconds=request.timeout_seconds, self_check=False)
        if prepared.zone != self._zone:
            raise ValueError(f"the data are of {prepared.zone}, the study of {self._zone}")
        self._runner = self._runner or Runner(self._zone)
        try:
            report = self._runner.run(job, lambda *_: None)
        except BaseException:
            self._end()
            raise
        run.write_json("engine.json", report.document())

    def _end(self) -> None:
        if self._runner is not None:
            with suppress(OSError):
                self._runner.__exit__()
            self._runner = None
