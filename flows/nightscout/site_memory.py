"""What is remembered of one site between runs and processes: small files under a lock, or this process's memory.

What is kept holds no address and no secret: it lies in a private directory named by a hash. Where that directory cannot
be used, the same is kept within this process. Knows nothing of what the files mean.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from flows.values.lock import acquire
from flows.values.private_files import make_private_way
from flows.values.run_directory import write_atomically
from flows.values.user_directories import sites_root

LOCK_PATIENCE_S = 5.0


def site_key(site: str) -> str:
    """What a site is called on disk: the hash of its address, the same for http and https and any spelling of case."""
    parts = urlsplit(site.strip())
    return hashlib.sha256(f"{parts.netloc.lower()}{parts.path.rstrip('/')}".encode()).hexdigest()


@dataclass(frozen=True)
class _Remembered:
    """A site's files in this process; `lock` also orders its threads."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    files: dict[str, bytes] = field(default_factory=dict)


_REMEMBERED: dict[str, _Remembered] = {}
_REMEMBERED_LOCK = threading.Lock()


class SiteMemory:
    """The files of one site. May be shared between threads.

    Args:
        site: its address.
        state_directory: where the files are kept; by default the user's cache directory.
    """

    def __init__(self, site: str, state_directory: Path | None = None) -> None:
        directory, key = state_directory or sites_root(), site_key(site)
        self._directory = directory / key if directory else None
        with _REMEMBERED_LOCK:
            self._process = _REMEMBERED.setdefault(f"{directory}/{key}", _Remembered())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One thread of one process at a time."""
        with self._process.lock:
            held = self._lock()
            try:
                yield
            finally:
                if held is not None:
                    held.release()

    def read(self, name: str) -> bytes | None:
        """A file's bytes, `None` where it was never written."""
        if self._directory is None:
            return self._process.files.get(name)
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return self._process.files.get(name)

    def write(self, name: str, content: bytes, *, durable: bool) -> None:
        """Write a file; one that is not durable is neither synced nor renamed into place, the lock keeps readers away.

        Args:
            name: of the file.
            content: all of it.
            durable: whether it is to outlive a crash; no for what is written often and worth little.
        """
        self._process.files[name] = content
        if self._directory is not None:
            try:
                if durable:
                    write_atomically(self._directory / name, content)
                else:
                    descriptor = os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                    with os.fdopen(descriptor, "wb") as stream:
                        stream.write(content)
            except OSError:
                self._directory = None

    def _lock(self) -> FileLock | None:
        """The lock, held, or `None` where there is none to be had; then only this process is kept in order."""
        if self._directory is None:
            return None
        try:
            make_private_way(self._directory)
            self._directory.chmod(0o700)
            return acquire(self._directory / "lock", LOCK_PATIENCE_S)
        except OSError:  # also where it is held for longer: its holder was stopped, which is no reason to stop too
            self._directory = None
            return None
