"""Run directories as runs leave them, and a clock: what the watch reads."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.pipeline.publish import refusals_recorded, write_manifest
from flows.report.trend.past_runs import RunOutcome
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory
from flows.watch.results import RunResult, WatchedPerson

ADA, BEN = WatchedPerson("block:ada", "ada"), WatchedPerson("block:ben", "ben")
SITE = "https://canary-site.example"


def at(text: str) -> datetime:
    """`11-24 02:00` of 2026, UTC."""
    return datetime.fromisoformat(f"2026-{text}:00+00:00")


def result(
    when: str, outcome: str = "proposal", *, person: WatchedPerson = ADA, code: str = "", **more: Any
) -> RunResult:
    """A run's end without its directory."""
    return RunResult(f"{person.name} {when}", person, at(when), "UTC", RunOutcome(outcome), code, **more)


def refused(when: str, code: str = "site_unauthorized", person: WatchedPerson = ADA) -> RunResult:
    """A run that was refused."""
    return result(when, "refused", person=person, code=code)


def leave_proposal(root: Path, name: str, when: datetime, step: str = "change", **asked: Any) -> Path:
    """A directory with a manifest as the last step of a run writes it."""
    run = RunDirectory.create(root / name, when)
    run.write_json("proposal.json", {"step": {"kind": step}})
    write_manifest(run, _request(asked), when, status="proposal", proposal_sha256="0" * 64)
    return run.path


def leave_refusal(root: Path, name: str, when: datetime, **asked: Any) -> Path:
    """A directory of a run whose site refused the token."""
    run = RunDirectory.create(root / name, when)
    try:
        with refusals_recorded(run, _request(asked), when):
            raise Refused(Reason.SITE_UNAUTHORIZED, what=f"the entries of {SITE}")
    except Refused:
        return run.path


def mark(path: Path, **more: Any) -> None:
    """Change a manifest."""
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, **more}))


def _request(asked: dict[str, Any]) -> AnalysisRequest:
    return AnalysisRequest(**(asked or {"site_block": "ada"}))
