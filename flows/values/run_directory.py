"""Where a run keeps its evidence: one private directory, written atomically, described by its manifest.

Layout: raw/ (as the site or directory gave it), work/ (what upstream reads and writes), uncorrected/ (the same
without our corrections), ledger.json, lows_left_out.json, highs_left_out.json, proposal.json, report.html, report.json,
report.txt, report.csv, report.xlsx, manifest.json. Everything in it may be health data, so the directory is mode 0700.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.values.limits import DIRECTORY
from flows.values.private_files import Damaged, parse_document, read_private
from flows.values.user_directories import runs_root


class RunDirectory:
    """One run's directory. Files are written whole or not at all, readable by their owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path | None, now: datetime, tag: str | None = None) -> RunDirectory:
        """Make a new run directory, mode 0700; an existing one without files will do.

        Args:
            path: where; `None` for a new name under `runs_root()`.
            now: for the name.
            tag: six hexadecimal digits that end a new name, by which who asked for the run finds it; random if `None`.

        Raises:
            Refused: `RUN_DIRECTORY_NOT_EMPTY`; evidence is never overwritten.
        """
        if path is None:
            root = runs_root()
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = root / f"{now:%Y%m%d-%H%M%S}-{tag or secrets.token_hex(3)}"
            if tag and path.exists():  # the same run began twice within a second
                return cls.create(None, now)
        if path.exists() and (not path.is_dir() or any(not p.is_dir() for p in path.rglob("*"))):
            raise Refused(Reason.RUN_DIRECTORY_NOT_EMPTY, path=path)
        run = cls(path.resolve())
        for directory in (run.path, run.raw, run.work):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            directory.chmod(0o700)
        return run

    @property
    def raw(self) -> Path:
        """What was served, before any change."""
        return self.path / "raw"

    @property
    def work(self) -> Path:
        """Upstream's own directory: settings/ and autotune/."""
        return self.path / "work"

    @property
    def uncorrected(self) -> Path:
        """As `work`, with the data as the site served it: what upstream alone would have been given."""
        return self.path / "uncorrected"

    def file(self, name: str) -> Path:
        """A file of the run by its name."""
        return self.path / name

    def write_json(self, name: str, document: Any) -> Path:
        """Write a document atomically, UTF-8, with stable formatting."""
        return write_atomically(self.path / name, dump(document))

    def read_json(self, name: str) -> Any:
        """Read one of the run's documents.

        Raises:
            Refused: `RUN_DAMAGED`: it is missing, or not what a run writes.
        """
        try:
            return parse_document(self.read_bytes(name))
        except Damaged as error:
            raise self.damaged(name, str(error)) from None

    def read_bytes(self, name: str) -> bytes:
        """What one of the run's files holds; no link in the run's directory is followed.

        Raises:
            Refused: `RUN_DAMAGED`.
        """
        try:
            return read_private(self.path, *name.split("/"), largest_bytes=DIRECTORY.size_bytes)
        except (Damaged, OSError) as error:
            detail = str(error) if isinstance(error, Damaged) else f"it cannot be read ({type(error).__name__})"
            raise self.damaged(name, detail) from None

    def damaged(self, name: str, detail: str) -> Refused:
        """The refusal of a file that is not what a run wrote."""
        return Refused(Reason.RUN_DAMAGED, file=name, run=self.path.name, detail=detail)

    def digests(self, keep: Callable[[str], bool]) -> dict[str, str]:
        """The sha256 of every file of the run whose relative name `keep` accepts."""
        names = sorted(str(p.relative_to(self.path).as_posix()) for p in self.path.rglob("*") if p.is_file())
        return {name: sha256(self.path / name) for name in names if keep(name)}


def dump(document: Any) -> bytes:
    """JSON as this project writes its own documents: indented, UTF-8, final newline, never NaN."""
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def json_or_none(file: Path) -> Any:
    """What a JSON file holds; `None` where there is no such file, or it cannot be read or is no JSON."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def write_atomically(path: Path, content: bytes) -> Path:
    """Write the whole file or nothing: a temporary neighbour, fsync, rename; mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    neighbour = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        fd = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        neighbour.replace(path)
    finally:
        neighbour.unlink(missing_ok=True)
    return path


def sha256(path: Path) -> str:
    """The file's sha256, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
