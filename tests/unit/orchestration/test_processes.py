"""Processes are found by a setting of theirs, with what they started, and ended; no other is touched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.orchestration import processes

pytestmark = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this system has no /proc")

Starting = Callable[[str, str], "subprocess.Popen[bytes]"]
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
HERE = "print('here', flush=True); input()"


@pytest.fixture
def start() -> Iterator[Starting]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(mark: str, code: str = HERE) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", code]
        environment = {**os.environ, "MARK": mark}
        child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(child)
        assert child.stdout is not None and child.stdout.readline() == b"here\n"
        return child

    yield begin
    for child in started:
        child.kill()
        child.communicate()


def test_they_are_known_by_the_whole_setting(start: Starting) -> None:
    mine, _ = start("one", HERE), start("one-more", HERE)
    assert processes.with_setting("MARK", "one") == {mine.pid}
    assert processes.with_setting("MARK", "nobody") == set()


def test_a_family_is_whoever_was_started_by_one_of_it(start: Starting) -> None:
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HERE!r}])"
    parent, other = start("family", inner), start("family", HERE)
    found = processes.family([parent.pid])
    assert parent.pid in found
    assert found < processes.with_setting("MARK", "family")
    assert len(found) == 2
    assert other.pid not in found


@pytest.mark.parametrize(("before", "seconds", "status"), [("", 20.0, -15), (STUBBORN, 0.3, -9)])
def test_one_that_does_not_end_is_killed(start: Starting, before: str, seconds: float, status: int) -> None:
    child, other = start("end", before + HERE), start("other", HERE)
    began = time.monotonic()
    processes.end([child.pid], seconds)
    assert child.wait(10) == status
    assert time.monotonic() - began < 10
    assert other.poll() is None


def test_one_that_is_gone_is_no_trouble(start: Starting) -> None:
    child = start("gone", HERE)
    child.communicate(b"\n")
    processes.end([child.pid], 5)
