"""Accidents inside the process that writes: it dies, the disk is full, the clock jumps. Installed in a child only."""

from __future__ import annotations

import builtins
import errno
import mmap
import os
import signal
import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.chaos.case import Case
from tests.writing import Clock


class Accidents:
    """Counts instants and writes; at those of the case, the accident.

    Args:
        kill: the instant at which the process kills itself, 0 for none.
        case: for the disk and the share of a torn write.
    """

    def __init__(self, kill: int, case: Case) -> None:
        self.kill = kill
        self.case = case
        self.instants = 0
        self.writes = 0

    def instant(self) -> None:
        self.instants += 1
        if self.instants == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, send: Callable[[Any], int], data: Any) -> int:
        """A write: may die before, with a part of it done, and after; the disk may be full."""
        self.instant()
        self.writes += 1
        at = self.case.disk
        full = at and (self.writes == at or (self.case.disk_stays and self.writes > at))
        if full and self.case.disk_short and len(data) > 1:
            return send(data[: len(data) // 2])
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.instants + 1 == self.kill and len(data) > 1:
            send(data[: min(max(1, int(len(data) * self.case.tear)), len(data) - 1)])
        self.instant()
        done = send(data)
        self.instant()
        return done

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            self.instant()
            result = function(*arguments, **named)
            self.instant()
            return result

        return wrapped

    def install(self) -> None:
        """Put them in place of what the journal and the run directory are written with."""
        write, fdopen = os.write, os.fdopen
        os.write = lambda descriptor, data: self.write(lambda part: write(descriptor, part), data)  # type: ignore[assignment]

        def opened(descriptor: int, mode: str = "r", *more: Any, **named: Any) -> Any:
            stream = fdopen(descriptor, mode, *more, **named)
            return Written(stream, self) if mode == "wb" else stream

        os.fdopen = opened  # type: ignore[assignment]
        for name in ("fsync", "replace", "rename", "mkdir"):
            setattr(os, name, self.around(getattr(os, name)))
        assert builtins.open is not os.fdopen


class Written:
    """A file that is written through `Accidents.write`, at once."""

    def __init__(self, stream: Any, accidents: Accidents) -> None:
        self.stream = stream
        self.accidents = accidents

    def write(self, data: bytes) -> int:
        rest = data
        while rest:  # as a buffered stream: a short write goes on until it is done or fails
            rest = rest[self.accidents.write(self._put, rest) :]
        return len(data)

    def _put(self, part: bytes) -> int:
        done = self.stream.write(part)
        self.stream.flush()
        return int(done)

    def __enter__(self) -> Written:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class SharedClock(Clock):
    """The real time and what was slept in any process: a site's clock goes on while a process of ours waits."""

    def __init__(self) -> None:
        self.shared = mmap.mmap(-1, 8)
        super().__init__()

    @property
    def ahead(self) -> timedelta:  # type: ignore[override]
        return timedelta(seconds=struct.unpack("d", self.shared[:8])[0])

    @ahead.setter
    def ahead(self, ahead: timedelta) -> None:
        self.shared[:8] = struct.pack("d", ahead.total_seconds())


class JumpingClock:
    """This computer's clock: `base`, and from a reading on ahead of it."""

    def __init__(self, base: Clock, at: int, jump_s: int) -> None:
        self.base, self.at, self.jump_s = base, at, jump_s
        self.readings = 0

    def now(self) -> datetime:
        self.readings += 1
        jumped = self.at and self.readings >= self.at
        return self.base.now() + timedelta(seconds=self.jump_s if jumped else 0)

    def sleep(self, seconds: float) -> None:
        self.base.sleep(seconds)
