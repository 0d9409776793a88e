"""The service that has the nights, `autotune serve` or the stack of `docker compose`, and what can happen to it."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from http import HTTPStatus
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Protocol

from flows.orchestration.processes import with_setting
from tests.conftest import ROOT
from tests.e2e.conftest import running_stack

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


class NightService(Protocol):
    """What has the nights.

    Attributes:
        runs: the directories of its runs, as they were when they were fetched.
        host: by which it reaches a site of this machine.
    """

    runs: Path
    host: str

    @property
    def api(self) -> str:
        """Of its Prefect server."""

    def start(self) -> None:
        """Start it, and wait until it runs."""

    def said(self) -> str:
        """The end of its log."""

    def kill(self, what: str) -> None:
        """Kill its `server`, its `worker` or its `database`, and see to it that it comes back as it does by itself."""

    def fetch(self) -> None:
        """Bring the directories of its runs to `runs`."""

    def stop(self) -> None:
        """End it."""


class Serve:
    """`autotune serve` in a directory of its own; no Docker is in its PATH."""

    host = "127.0.0.1"

    def __init__(self, base: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.page_port = int(probe.getsockname()[1])
        self.base, self.runs, self.state, self.log = base, base / "runs", base / "state", base / "log"
        (base / "empty").mkdir(parents=True)
        (base / ".env").write_text("AUTOTUNE_POLL_SECONDS=1\nAUTOTUNE_ALLOWED_SITES=http://127.0.0.1\n", "utf-8")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AUTOTUNE_", "PREFECT_"))}
        self.environment = {**kept, "PATH": str(base / "empty"), "PYTHONPATH": str(ROOT)}
        self.environment |= {"AUTOTUNE_STATE": str(base / "sites")}
        self.command = [sys.executable, "-m", "flows.cli", "serve", "--port", str(self.port)]
        self.command += ["--page-port", str(self.page_port), "--state", str(self.state), "--runs", str(self.runs)]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def api(self) -> str:
        """Of its Prefect server."""
        return f"http://127.0.0.1:{self.port}/api"

    def start(self) -> None:
        """Start it, and wait until it says that it runs."""
        with self.log.open("ab") as said:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.base,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        began = self.log.read_text("utf-8").count("The service runs")
        until(lambda: self.log.read_text("utf-8").count("The service runs") > began, UP_SECONDS, self.said)

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8")[-4000:]

    def kill(self, what: str) -> None:
        """Kill its `server` or its `worker`; it starts them again."""
        os.kill(self.children()[what], signal.SIGKILL)

    def children(self) -> dict[str, int]:
        """Its own processes by what they are."""
        found = {}
        for pid in with_setting("PREFECT_HOME", str(self.state / "prefect")):
            with suppress(OSError, ValueError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                what, *more = words[words.index("flows.orchestration.served") + 1 :]
                found["apply-worker" if "autotune-apply" in more else what] = pid
        return found

    def answers(self) -> bool:
        """Whether its server is well."""
        with suppress(OSError), urllib.request.urlopen(f"{self.api}/health", timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
        return False

    def fetch(self) -> None:
        """They are there."""

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(90)


class Compose:
    """The stack of `docker compose`, each run a process of the worker's container."""

    def __init__(self, base: Path) -> None:
        base.mkdir(parents=True)
        self.base, self.runs = base, base / "runs"
        self._running = ExitStack()
        bridge = subprocess.run(
            ["docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", "bridge"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        self.host = str(ip_network(bridge.stdout.strip())[1])  # not every engine names the gateway, which is this

    @property
    def api(self) -> str:
        """Of its Prefect server."""
        return self._stack.api

    def start(self) -> None:
        """Build and start it."""
        self._stack = self._running.enter_context(running_stack(self.base, profiles=""))

    def said(self) -> str:
        """The end of its log."""
        return self._stack.compose("logs", "--no-color", "--tail", "60", check=False)

    def kill(self, what: str) -> None:
        """Kill a container, and start what is not there, as the engine does when the machine is started again."""
        self._stack.compose("kill", what)
        time.sleep(2)
        self._stack.compose("up", "--detach", "--wait", "--wait-timeout", "300", seconds=UP_SECONDS)

    def fetch(self) -> None:
        """Copy them out of the worker's volume."""
        self.runs.mkdir(exist_ok=True)
        container = self._stack.compose("ps", "--quiet", "worker").strip()
        packed = subprocess.run(
            ["docker", "exec", container, "tar", "-C", "/runs", "--exclude", "./.*", "-cf", "-", "."],
            capture_output=True,
            timeout=120,
            check=True,
        )
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(self.runs, filter="data")

    def stop(self) -> None:
        """Take it down with its volumes."""
        self._running.close()
