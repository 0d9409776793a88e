"""How runs ended, from their directories, for notices: whose, when, and how; no number of a person's data.

Reads manifest.json, and of a new proposal its step. Writes nothing.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.nightscout.site_memory import site_key
from flows.proposal.step_document import StepKind
from flows.report.trend.past_runs import RunOutcome
from flows.settings import of_past, site_url
from flows.values.local_days import canonical_zone
from flows.values.run_directory import json_or_none
from flows.writeback.applied import instant

BLOCK_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


@dataclass(frozen=True, order=True)
class WatchedPerson:
    """Who is told of: `key` tells people apart, `name` stands in notices. Neither is a site's address."""

    key: str
    name: str


@dataclass(frozen=True)
class RunResult:
    """How one run ended; `code` says why there is no proposal: a `Reason.code`, or empty for a fault of ours."""

    run: str
    person: WatchedPerson
    at: datetime
    zone: str
    outcome: RunOutcome
    code: str = ""
    take_back: bool = False


def person_of(site_block: Any, site: Any) -> WatchedPerson | None:
    """The person of a run's request: by the block's name, else by the site; `None` where it names neither."""
    if isinstance(site_block, str) and BLOCK_NAME.fullmatch(site_block):
        return WatchedPerson(f"block:{site_block}", site_block)
    if not isinstance(site, str) or not site.strip():
        return None
    try:
        key = site_key(site_url(site))
    except (Refused, ValueError):
        key = hashlib.sha256(site.encode("utf-8", "replace")).hexdigest()
    return WatchedPerson(f"site:{key}", f"site {key[:6]}")


class RunResults:
    """The ended runs under a directory. A manifest that was read is not read again while it stays as it is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[int, RunResult | None]] = {}

    def read(self) -> tuple[RunResult, ...]:
        """All of them, the oldest first; those of past weeks, and of data in a directory, are nobody's night."""
        found: dict[str, tuple[int, RunResult | None]] = {}
        directories: list[Path] = []
        with suppress(OSError):
            directories = [d for d in self.root.iterdir() if not d.name.startswith(".")]
        for directory in directories:
            try:
                changed = (directory / "manifest.json").stat().st_mtime_ns
            except OSError:  # not ended, or no run
                continue
            known = self._known.get(directory.name)
            found[directory.name] = known if known and known[0] == changed else (changed, _read(directory))
        self._known = found
        results = [result for _, result in found.values() if result is not None]
        return tuple(sorted(results, key=lambda r: (r.at, r.run)))


def _read(directory: Path) -> RunResult | None:
    manifest = json_or_none(directory / "manifest.json")
    options = manifest.get("options") if isinstance(manifest, dict) else None
    if not isinstance(options, dict) or of_past(options):
        return None
    person, at = person_of(options.get("site_block"), options.get("site")), instant(manifest.get("written_at"))
    if person is None or at is None or manifest.get("status") not in set(RunOutcome):
        return None
    outcome = RunOutcome(manifest["status"])
    codes = manifest.get("reason_codes") if outcome is RunOutcome.REFUSED else None
    return RunResult(
        run=directory.name,
        person=person,
        at=at,
        zone=_zone(options.get("timezone")),
        outcome=outcome,
        code=str(codes[0]) if isinstance(codes, list) and codes else "",
        take_back=outcome is RunOutcome.PROPOSAL and _takes_back(directory),
    )


def _takes_back(directory: Path) -> bool:
    proposal = json_or_none(directory / "proposal.json")
    step = proposal.get("step") if isinstance(proposal, dict) else None
    return isinstance(step, dict) and step.get("kind") == StepKind.TAKE_BACK


def _zone(name: Any) -> str:
    try:
        return canonical_zone(name) if isinstance(name, str) else "UTC"
    except Refused:
        return "UTC"
