"""Runs under way, as Prefect's server has them: asked once every two seconds for each run, whoever watches it.

Truth is the run's state on the server; steps are its tasks, counts its progress artifacts. Knows no page.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flows.web.prefect_server import PrefectServer, ServerAway, ServerRun
from flows.web.state import PageState

EVERY_S = 2.0
FORGOTTEN_AFTER_S = 600.0
POSTPONED = "Postponed"
MOST_POSTPONED = 12  # times half an hour: as long as a run may wait for readings
BEGUN = ["RUNNING", "PENDING", "CANCELLING", "PAUSED"]
STEPS = (
    "load-nightscout-data",
    "prepare-work-dir",
    "run-autotune-analysis",
    "assess-recommendation",
    "validate-recommendation",
    "publish-report",
)
BARS = {"run-autotune-analysis": "autotune-days", "assess-recommendation": "autotune-repetitions"}
_RUN_NAME = re.compile(r"\d{8}-\d{6}-([0-9a-f]{6})")
_OF = re.compile(r"\(of (\d+)\)$")


@dataclass(frozen=True)
class RunStep:
    """A step of a run: `name` of `STEPS`, whether it is "done", "now" or "to come", how long, how far.

    `done` of `of` are days or repetitions, `percent` of them; `began` is when it began.
    """

    name: str
    state: str
    seconds: float | None = None
    began: datetime | None = None
    percent: float | None = None
    of: int | None = None

    @property
    def done(self) -> int | None:
        """How many of them are done."""
        return None if self.of is None or self.percent is None else round(self.percent * self.of / 100)


@dataclass(frozen=True)
class WatchedRun:
    """A run as it was seen last. `run` is `None` where the server knows none; `worker` whether one listens."""

    run: ServerRun | None
    steps: tuple[RunStep, ...] = ()
    worker: bool = True
    heard_at: float = 0.0
    away: str = ""

    @property
    def heard_s(self) -> float:
        """How long ago the server answered."""
        return time.monotonic() - self.heard_at


@dataclass
class _Seen:
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked_at: float = 0.0
    found: WatchedRun | None = None


class WatchedRuns:
    """What is known of each run that somebody looks at.

    Args:
        server: Prefect's.
        clock: in seconds, for tests.
    """

    def __init__(self, server: PrefectServer, clock: Callable[[], float] = time.monotonic) -> None:
        self._server, self._clock = server, clock
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}

    def see(self, name: str) -> WatchedRun:
        """A run by its own name, its directory's, or its id; at most every two seconds the server is asked."""
        now = self._clock()
        with self._lock:
            self._seen = {key: seen for key, seen in self._seen.items() if now - seen.asked_at < FORGOTTEN_AFTER_S}
            seen = self._seen.setdefault(name, _Seen(asked_at=now - EVERY_S))
        with seen.lock:
            if seen.found is None or self._clock() - seen.asked_at >= EVERY_S:
                seen.asked_at = self._clock()
                seen.found = self._ask(name, seen.found)
            return seen.found

    def forget(self, name: str) -> None:
        """Ask anew at the next look: something was just changed."""
        with self._lock:
            self._seen.pop(name, None)

    def _ask(self, name: str, before: WatchedRun | None) -> WatchedRun:
        try:
            run = self._run(name)
            steps = self._steps(run) if run is not None and not run.waiting else ()
            worker = run is None or not run.waiting or self._worker_listens(run)
        except ServerAway as away:
            if before is None:
                return WatchedRun(None, heard_at=self._clock(), away=away.why)
            return WatchedRun(before.run, before.steps, before.worker, before.heard_at, away.why)
        return WatchedRun(run, steps, worker, self._clock())

    def _run(self, name: str) -> ServerRun | None:
        run = self._any_run(name)
        return None if run is None or "proposal_id" in run.request else run  # one that writes has a page of its own

    def _any_run(self, name: str) -> ServerRun | None:
        with suppress(ValueError):
            return self._server.run(UUID(name))
        names = [name, *(f"{name} (postponed {n})" for n in range(1, MOST_POSTPONED + 1))]
        found = self._server.runs(names=names)
        if found:
            return max(found, key=lambda run: names.index(run.name) if run.name in names else 0)
        tagged = _RUN_NAME.fullmatch(name)  # a run that names its directory itself ends it with its own id
        begun = self._server.runs(states=BEGUN, limit=200) if tagged else []
        return next((run for run in begun if tagged and run.id.hex.startswith(tagged[1])), None)

    def _worker_listens(self, run: ServerRun) -> bool:
        deployment = self._server.get(f"/deployments/{run.deployment_id}") if run.deployment_id else None
        pool = deployment.get("work_pool_name") if deployment else None
        return pool is None or self._server.worker_listens(str(pool))

    def _steps(self, run: ServerRun) -> tuple[RunStep, ...]:
        parent = {"flow_runs": {"parent_flow_run_id": {"any_": [str(run.id)]}}, "limit": 10}
        within = [str(run.id), *(str(found["id"]) for found in self._server.post("/flow_runs/filter", parent))]
        question = {"flow_runs": {"id": {"any_": within}}, "limit": 50}
        tasks = {str(task.get("name")): task for task in self._server.post("/task_runs/filter", question)}
        bars = self._bars(run)
        begun = [_task_of(step, tasks) for step in STEPS]
        last = max((n for n, task in enumerate(begun) if task is not None or BARS.get(STEPS[n]) in bars), default=-1)
        made = []
        for n, (step, task) in enumerate(zip(STEPS, begun, strict=True)):
            ended = task is not None and task.get("state_type") == "COMPLETED"
            state = "to come" if n > last else "done" if n < last or ended else "now"
            percent, of = bars.get(BARS.get(step, ""), (None, None))
            seconds = task.get("total_run_time") if task and state == "done" else None
            began = task.get("start_time") if task else None
            made.append(
                RunStep(
                    step,
                    state,
                    float(seconds) if isinstance(seconds, int | float) else None,
                    datetime.fromisoformat(began) if isinstance(began, str) else None,
                    percent,
                    of,
                )
            )
        return tuple(made)

    def _bars(self, run: ServerRun) -> dict[str, tuple[float, int | None]]:
        """Progress artifacts by key: percent, and of how many."""
        question = {
            "artifacts": {"flow_run_id": {"any_": [str(run.id)]}, "type": {"any_": ["progress"]}},
            "sort": "UPDATED_DESC",
            "limit": 20,
        }
        found: dict[str, tuple[float, int | None]] = {}
        for artifact in self._server.post("/artifacts/filter", question):
            if isinstance(artifact.get("data"), int | float):
                of = _OF.search(str(artifact.get("description") or ""))
                found.setdefault(str(artifact.get("key")), (float(artifact["data"]), int(of[1]) if of else None))
        return found


def _task_of(step: str, tasks: dict[str, Any]) -> dict[str, Any] | None:
    """The task run of a step, which has its name and some characters behind."""
    return next((task for name, task in tasks.items() if name == step or name.startswith(f"{step}-")), None)


def watched_runs(page: PageState) -> WatchedRuns:
    """The runs that the page watches."""
    if "watched runs" not in page.rooms:
        page.rooms["watched runs"] = WatchedRuns(page.server)
    found: WatchedRuns = page.rooms["watched runs"]
    return found
