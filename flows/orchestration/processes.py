"""Processes of this machine that belong to a service: found by a setting in their environment, and ended.

A worker that is killed leaves the processes of its runs behind, and a service that is killed all of them; who started
them cannot end them any more. Where there is no /proc none is found.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
LOOK_S = 0.1


def with_setting(name: str, value: str) -> set[int]:
    """Those whose environment has exactly this setting, but for this process itself."""
    wanted = f"{name}={value}".encode()
    return {pid for pid in _all() if pid != os.getpid() and wanted in _read(pid, "environ").split(b"\0")}


def family(roots: Iterable[int]) -> set[int]:
    """These processes and everything they started, as far as who started it is still there."""
    children: dict[int, list[int]] = {}
    for pid in _all():
        children.setdefault(_parent(pid), []).append(pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def end(pids: Iterable[int], patience_s: float) -> None:
    """Ask them to end, and kill those that are still there after some seconds."""
    left = set(pids)
    _send(left, signal.SIGTERM)
    until = time.monotonic() + patience_s
    while left and time.monotonic() < until:
        time.sleep(LOOK_S)
        left = {pid for pid in left if _alive(pid)}
    _send(left, signal.SIGKILL)


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _all() -> list[int]:
    return [int(entry.name) for entry in PROC.glob("[0-9]*")]


def _alive(pid: int) -> bool:
    state = _read(pid, "stat").rpartition(b")")[2].split()
    return bool(state) and state[0] not in (b"Z", b"X")


def _parent(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(b")")[2].split()  # the name before it may hold anything
    return int(fields[1]) if len(fields) > 1 else 0


def _read(pid: int, what: str) -> bytes:
    try:
        return (PROC / str(pid) / what).read_bytes()
    except OSError:  # it has just ended, or is another user's
        return b""
