"""The service that has the nights: `autotune serve` as a process of its own, and what can happen to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from flows.orchestration.processes import with_setting
from tests.conftest import ROOT

UP_SECONDS = 240


def until(what: Callable[[], Any], seconds: float, or_else: Callable[[], str]) -> Any:
    """Wait for something.

    Raises:
        TimeoutError: it did not come; with what `or_else` says.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.3)
    raise TimeoutError(or_else())


class Serve:
    """`autotune serve` in a directory of its own; no Docker is in its PATH."""

    name = "serve"

    def __init__(self, base: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.base, self.runs, self.state, self.log = base, base / "runs", base / "state", base / "log"
        (base / "empty").mkdir(parents=True)
        (base / ".env").write_text("AUTOTUNE_POLL_SECONDS=1\nAUTOTUNE_ALLOWED_SITES=http://127.0.0.1\n", "utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def api(self) -> str:
        """Of its Prefect server."""
        return f"http://127.0.0.1:{self.port}/api"

    def start(self) -> None:
        """Start it, and wait until it says that it runs."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AUTOTUNE_", "PREFECT_"))}
        environment = {**kept, "PATH": str(self.base / "empty"), "PYTHONPATH": str(ROOT)}
        environment |= {"AUTOTUNE_STATE": str(self.base / "sites")}
        command = [sys.executable, "-m", "flows.cli", "serve", "--port", str(self.port)]
        command += ["--state", str(self.state), "--runs", str(self.runs)]
        with self.log.open("ab") as said:
            self.process = subprocess.Popen(
                command, cwd=self.base, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        began = self.log.read_text("utf-8").count("The service runs")
        until(lambda: self.log.read_text("utf-8").count("The service runs") > began, UP_SECONDS, self.said)

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8")[-4000:]

    def kill(self, what: str) -> None:
        """Kill its `server` or its `worker`; it starts them again."""
        for pid in with_setting("PREFECT_HOME", str(self.state / "prefect")):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                if "flows.orchestration.served" in words and what in words:
                    os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(90)
