"""A service runs once for a directory and once for a port, and its processes end with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from flows.cli.exit_code import ExitCode
from flows.cli.main import main
from flows.errors import Reason, Refused
from flows.orchestration import serve
from flows.orchestration.service_settings import ServiceSettings
from tests.conftest import ROOT

WAITS = "import time; print('here', flush=True); time.sleep(60)"
SERVED = f"""
import threading
from flows.orchestration import served
threading.Thread(target=served._end_with_the_service, daemon=True).start()
{WAITS}
"""
RUN = f"""
import os, threading
from flows.orchestration.run_entrypoint import end_with
threading.Thread(target=end_with, args=(os.getppid(), threading.Event(), 0.05), daemon=True).start()
print(os.getpid(), flush=True)
{WAITS}
"""


def service(state: Path, port: int) -> serve.LocalService:
    return serve.LocalService(ServiceSettings(state, state / "runs", port, {}, page_port=free_port()), lambda _: None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port() -> int:
    return free_port()


def test_a_directory_has_one_service(tmp_path: Path, port: int) -> None:
    with FileLock(tmp_path / "lock"), pytest.raises(Refused) as refused:
        service(tmp_path, port).run()
    assert refused.value.reason is Reason.SERVICE_RUNNING
    assert str(tmp_path) in refused.value.sentence


def test_a_port_has_one_service(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = int(other.getsockname()[1])
        with pytest.raises(Refused) as refused:
            service(tmp_path, taken).run()
    assert refused.value.reason is Reason.SERVICE_PORT
    assert str(taken) in refused.value.sentence
    serve.refuse_taken(taken)  # it is free again
    FileLock(tmp_path / "lock").acquire(timeout=0)  # and so is the directory


def test_the_signal_handlers_of_before_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    ended = service(tmp_path, 1)
    with ended._signals():
        os.kill(os.getpid(), signal.SIGTERM)
        assert ended.stop.wait(5)
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_runs_have_a_private_place_before_the_first_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = service(tmp_path / "state", free_port())
    runs = made.settings.runs
    seen = []
    monkeypatch.setattr(made, "_serve", lambda: seen.append(runs.stat().st_mode & 0o777) or 0)
    assert made.run() == 0
    assert seen == [0o700]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_what_is_no_port_is_said(
    port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOTUNE_PORT", port)
    assert main(["serve", "--state", str(tmp_path), "--directory", str(tmp_path)]) == ExitCode.USAGE
    assert f"{port!r} is no port" in capsys.readouterr().err


def test_nothing_is_started_without_a_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> None:
        raise Refused(Reason.ENGINE_MISSING, what="a Node.js", detail="none was found", remedy="Install one.")

    monkeypatch.setattr("flows.oref0.runtime.find_node", none)
    assert main(["serve", "--state", str(tmp_path / "state"), "--directory", str(tmp_path)]) == ExitCode.REFUSED
    assert "a Node.js" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_process_of_the_service_ends_when_the_service_was_killed() -> None:
    child = subprocess.Popen([sys.executable, "-c", SERVED], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdin is not None and child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(10) == -signal.SIGTERM
    finally:
        child.kill()
        child.wait()


def test_a_run_ends_when_its_worker_was_killed() -> None:
    between = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {RUN!r}])"
    worker = subprocess.Popen([sys.executable, "-c", between], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert worker.stdout is not None
        run = int(worker.stdout.readline())
        assert worker.stdout.readline() == b"here\n"
        gone = threading.Thread(target=worker.stdout.read)  # at its end when both have ended
        worker.kill()
        gone.start()
        gone.join(10)
        assert not gone.is_alive(), f"the run {run} goes on"
    finally:
        worker.kill()
        worker.wait()
