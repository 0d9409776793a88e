"""One process at a time holds a lock, also beside a process of an earlier version, which called `flock` itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flows.values.lock import acquire

fcntl = pytest.importorskip("fcntl")

EARLIER = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
try:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit("held")
print("mine", flush=True)
sys.stdin.read()
"""


def earlier_version(file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", EARLIER, str(file)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_lock_that_an_earlier_version_holds_is_waited_for(tmp_path: Path) -> None:
    with earlier_version(tmp_path / "lock") as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(TimeoutError):
            acquire(tmp_path / "lock", 0.1)
        other.kill()
    acquire(tmp_path / "lock", 5).release()


def test_an_earlier_version_waits_for_ours_and_the_file_stays(tmp_path: Path) -> None:
    held = acquire(tmp_path / "lock", 0)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    with earlier_version(tmp_path / "lock") as other:
        assert other.communicate()[1] == "held\n"
    held.release()
    assert (tmp_path / "lock").exists()
    with earlier_version(tmp_path / "lock") as other:
        assert other.communicate("")[0] == "mine\n"
