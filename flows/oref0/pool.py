"""Many jobs, one runner a core: subjects, resampled days and variants share start-up and warm-up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import islice
from pathlib import Path
from queue import Empty, LifoQueue

from flows.errors import Refused
from flows.oref0.engine import EngineReport, Job
from flows.oref0.node import Runner
from flows.oref0.runtime import ensure_upstream

JobResult = EngineReport | Refused


class RunnerPool:
    """Up to `size` runner processes, each kept for the next job of its time zone.

    A job that ends in a refusal ends its runner with it, never another job: the next one gets a new process. Upstream's
    files are compared with the pinned ones once, when the pool is made: it serves one run.

    Raises:
        Refused: `ENGINE_MISSING`, `UPSTREAM_CHANGED`.
    """

    def __init__(self, size: int | None = None, script: Path | None = None) -> None:
        self._upstream = ensure_upstream()
        self.size = size or os.cpu_count() or 1
        self._script = script
        self._idle: LifoQueue[tuple[str, Runner]] = LifoQueue()
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="oref0-runner")
        self.started = 0

    def __enter__(self) -> RunnerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        with suppress(Empty):
            while True:
                self._idle.get_nowait()[1].__exit__()

    def run_all(self, jobs: Iterable[Callable[[], Job]]) -> Iterator[tuple[int, JobResult]]:
        """Run jobs and give each one's number and report, or its refusal, as they end.

        Args:
            jobs: what makes each job, called when a runner is free for it: no more work directories are laid out
                than are worked on.
        """
        waiting = enumerate(jobs)
        running: dict[Future[JobResult], int] = {}
        while True:
            for number, job in islice(waiting, self.size - len(running)):
                running[self._threads.submit(self._run, job)] = number
            if not running:
                return
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield running.pop(future), future.result()

    def run_on_each(self, make: Callable[[int], Job]) -> list[JobResult]:
        """Run a job on each of the idle processes, which know what they have done; `make` is told which it is."""
        kept = []
        with suppress(Empty):
            while True:
                kept.append(self._idle.get_nowait())
        jobs = [self._threads.submit(self._run_on, *one, make(n)) for n, one in enumerate(kept)]
        return [job.result() for job in jobs]

    def _run(self, make: Callable[[], Job]) -> JobResult:
        job = make()
        return self._run_on(job.zone, self._runner(job.zone), job)

    def _run_on(self, zone: str, runner: Runner, job: Job) -> JobResult:
        try:
            report = runner.run(job, lambda *_: None)
        except Refused as refusal:
            runner.__exit__()
            return refusal
        except BaseException:
            runner.__exit__()
            raise
        self._idle.put((zone, runner))
        return report

    def _runner(self, zone: str) -> Runner:
        with suppress(Empty):
            kept, runner = self._idle.get_nowait()
            if kept == zone:
                return runner
            runner.__exit__()
        self.started += 1
        return Runner(zone, script=self._script, upstream=self._upstream)
