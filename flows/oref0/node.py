"""The `node` engine: the pinned oref0 in one Node.js process, with a scrubbed environment, limits and a deadline."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from flows.errors import Reason, Refused
from flows.oref0.engine import MEMORY_LIMIT_MB, EngineReport, OnDay, TuneJob, follow
from flows.oref0.runtime import ensure_oref0, find_node, runner_script


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
        node, oref0 = find_node(), ensure_oref0()
        report = EngineReport(engine=self.name)
        with tempfile.TemporaryFile() as words:
            process = subprocess.Popen(
                [
                    str(node.executable),
                    f"--max-old-space-size={self.memory_limit_mb}",
                    str(self.runner or runner_script()),
                    "--oref0",
                    str(oref0),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                cwd=job.work,
                env=scrubbed_environment(job.zone),
                start_new_session=True,
                umask=0o077,
                text=True,
                encoding="utf-8",
            )
            deadline = Deadline(process, job.timeout_seconds)
            try:
                with deadline:
                    assert process.stdin is not None and process.stdout is not None
                    with contextlib.suppress(BrokenPipeError):
                        process.stdin.write(json.dumps(job.document(str(job.work))) + "\n")
                        process.stdin.close()
                    follow(process.stdout, report, on_day)
                    process.wait()
            finally:
                kill_group(process)
            if deadline.passed:
                raise Refused(Reason.TIMED_OUT, seconds=job.timeout_seconds)
            if not report.finished:
                words.seek(0)
                raise self._broken(process.returncode, words.read())
        return report

    def _broken(self, status: int, words: bytes) -> Refused:
        if b"heap out of memory" in words or b"Zone Allocation failed" in words:
            return Refused(Reason.OUT_OF_MEMORY, limit=f"{self.memory_limit_mb} MB")
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return Refused(Reason.ENGINE_BROKEN, detail=how)


class Deadline:
    """Kills a process group when its time is over, however deep it hangs."""

    def __init__(self, process: subprocess.Popen[str], seconds: float) -> None:
        self.passed = False
        self._process = process
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def _end(self) -> None:
        self.passed = True
        kill_group(self._process)

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
