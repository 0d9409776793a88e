"""The files of a run that the page shows and gives out: opened by name below the runs, no link followed, seals held.

A name from an address is a run directory's or it is nothing; what lies there is read only.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.values.private_files import Damaged, opened_directory, parse_document, read_private
from flows.values.run_directory import RunDirectory
from flows.writeback.approval import run_name

PROPOSAL, MANIFEST, NOTE = "proposal.json", "manifest.json", "applied.json"
# What a run gives out, with its kind; report.pdf is there once somebody had it made.
GIVEN_OUT = {
    "report.html": "text/html; charset=utf-8",
    "report.pdf": "application/pdf",
    "report.csv": "text/csv; charset=utf-8",
    "report.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "report.json": "application/json",
    "report.txt": "text/plain; charset=utf-8",
    PROPOSAL: "application/json",
    MANIFEST: "application/json",
}


def is_run_name(name: str) -> bool:
    """Whether a text from an address can be a run directory's name; never a path."""
    try:
        return bool(run_name(name))
    except Refused:
        return False


def run_of(root: Path, name: str) -> RunDirectory | None:
    """The run directory of a name in an address; `None` where there is none."""
    try:
        known = run_name(name)
        with opened_directory(root, known):
            return RunDirectory(root / known)
    except (Refused, Damaged, OSError):
        return None


def manifest_of(run: RunDirectory) -> dict[str, Any]:
    """The run's manifest; an empty one where it is missing or damaged."""
    try:
        found = parse_document(read_private(run.path, MANIFEST))
    except (Damaged, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def not_as_sealed(run: RunDirectory) -> tuple[str, ...]:
    """The files given out that are not what the run's manifest vouches for: altered, replaced or gone."""
    sealed = _sealed(manifest_of(run))
    return tuple(name for name in GIVEN_OUT if name in sealed and not _is(run, name, sealed[name]))


def content_of(run: RunDirectory, name: str) -> bytes | None:
    """What a file that is given out holds; `None` where there is none, or not what the manifest vouches for."""
    try:
        content = read_private(run.path, name)
    except (Damaged, OSError):
        return None
    vouched = _sealed(manifest_of(run)).get(name)
    return content if vouched in (None, hashlib.sha256(content).hexdigest()) else None


def _sealed(manifest: dict[str, Any]) -> dict[str, Any]:
    found = manifest.get("outputs_sha256")
    return found if isinstance(found, dict) else {}


def _is(run: RunDirectory, name: str, digest: Any) -> bool:
    try:
        return bool(hashlib.sha256(read_private(run.path, name)).hexdigest() == digest)
    except (Damaged, OSError):
        return False
