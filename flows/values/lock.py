"""A lock between processes that ends with the process that holds it: `flock` on Unix, as in all versions before."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

PAUSE_S = 0.02


def acquire(file: Path, patience_s: float) -> FileLock:
    """The lock of a file, held: the caller releases it. The file stays.

    Args:
        file: made with mode 0600 where it is not there; its directory is.
        patience_s: how long to wait for whoever holds it.

    Raises:
        TimeoutError: it is held by another for longer than that.
        OSError: the file system has no locks; then there is none, and no weaker kind is taken.
    """
    lock = FileLock(file, timeout=patience_s, poll_interval=PAUSE_S, mode=0o600, fallback_to_soft=False)
    lock.acquire()
    return lock
