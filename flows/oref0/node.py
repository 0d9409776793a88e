"""The `node` engine: the pinned oref0 in one Node.js process, with a scrubbed environment, limits and a deadline."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from flows.errors import Reason, Refused
from flows.oref0.engine import MEMORY_LIMIT_MB, EngineReport, Job, OnDay, TuneJob, follow, node_options
from flows.oref0.runtime import Upstream, ensure_upstream, find_node, runner_script


def scrubbed_environment(zone: str) -> dict[str, str]:
    """All that upstream sees of the environment: the time zone. No secret, no NODE_OPTIONS, no locale."""
    return {"TZ": zone, "LANG": "C.UTF-8", "PATH": os.defpath}


class NodeEngine:
    """Runs `images/oref0/runner` in a process group of its own."""

    name = "node"

    def __init__(self, memory_limit_mb: int = MEMORY_LIMIT_MB, runner: Path | None = None) -> None:
        self.memory_limit_mb = memory_limit_mb
        self.runner = runner

    def run(self, job: TuneJob, on_day: OnDay) -> EngineReport:
        """See `Engine.run`."""
        with Runner(job.zone, self.memory_limit_mb, self.runner) as runner:
            return runner.run(job, on_day)


class Runner:
    """One runner process for jobs of one time zone, one after the other: start-up and warm-up are paid once.

    A job that raises leaves nothing to go on with: make a new one. Upstream's files are compared with the pinned ones
    before the process starts, unless `upstream` says that they have been for this very run.

    Raises:
        Refused: `ENGINE_MISSING`, `UPSTREAM_CHANGED`.
    """

    def __init__(
        self,
        zone: str,
        memory_limit_mb: int = MEMORY_LIMIT_MB,
        script: Path | None = None,
        upstream: Upstream | None = None,
    ) -> None:
        self.memory_limit_mb = memory_limit_mb
        node, upstream = find_node(), upstream or ensure_upstream()
        self._started = EngineReport(engine=NodeEngine.name, upstream_sha256=upstream.sha256)
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            [
                str(node.executable),
                *node_options(memory_limit_mb),
                str(script or runner_script()),
                "--oref0",
                str(upstream.package),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            cwd=tempfile.gettempdir(),
            env=scrubbed_environment(zone),
            start_new_session=True,
            umask=0o077,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        kill_group(self._process)
        self._words.close()

    def run(self, job: Job, on_day: OnDay) -> EngineReport:
        """See `Engine.run`; the job's zone is the runner's. Of trials and comparisons no day is told."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        report = self._started
        with Deadline(job.timeout_seconds, partial(kill_group, self._process)) as deadline:
            with contextlib.suppress(BrokenPipeError):
                stdin.write(json.dumps(job.document(str(job.work.resolve()))) + "\n")
                stdin.flush()
            follow(stdout, report, on_day)
            if not report.finished:
                self._process.wait()
        if deadline.passed:
            raise Refused(Reason.TIMED_OUT, seconds=job.timeout_seconds)
        if not report.finished:
            raise self._broken()
        # What the process said when it started holds for its next job too.
        self._started = EngineReport(
            engine=report.engine,
            node=report.node,
            oref0=report.oref0,
            upstream_sha256=report.upstream_sha256,
            faster=report.faster,
            refused=report.refused,
        )
        return report

    def _broken(self) -> Refused:
        status = self._process.returncode
        self._words.seek(0)
        words = self._words.read()
        if b"heap out of memory" in words or b"Zone Allocation failed" in words:
            return Refused(Reason.OUT_OF_MEMORY, limit=f"{self.memory_limit_mb} MB")
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return Refused(Reason.ENGINE_BROKEN, detail=how)


class Deadline:
    """Ends what runs when its time is over, however deep it hangs."""

    def __init__(self, seconds: float, kill: Callable[[], object]) -> None:
        self.passed = False
        self._kill = kill
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def _end(self) -> None:
        self.passed = True
        self._kill()

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def kill_group(process: subprocess.Popen[str]) -> None:
    """End a process and all it started; no harm when it has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream and not stream.closed:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
