"""Run directories as the page finds them: sealed proposals with their files, refused runs, damaged ones."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.pipeline.publish import report_document, write_pages
from flows.proposal.document import Proposal
from flows.proposal.sealed import seal
from flows.values.run_directory import RunDirectory
from tests.sample_proposals import sealed, stepped

SITE = "https://ada.example"
NAME = "20261128-043000-aaaaaa"


def step_of(site: str | None = SITE, *, run: str = NAME, made: datetime | None = None, **case: Any) -> Proposal:
    """A sealed proposal with a step that may be written."""
    at = made or datetime.now(UTC) - timedelta(hours=1)
    seal_with = {
        "proposal_id": run,
        "created_at": at.isoformat(timespec="seconds"),
        "site_sha256": hashlib.sha256(site.encode()).hexdigest() if site else None,
        "options": {"days": 14, "insulin": "rapid-acting", "site": site},
        **case.pop("seal_with", {}),
    }
    return stepped(**{"basal": 1.15, "shares": HIGH, "seal_with": seal_with, **case})


HIGH = {
    **{"below_54_percent": 0.1, "from_54_to_69_percent": 0.6, "in_range_70_180_percent": 62.0},
    **{"from_181_to_250_percent": 30.0, "above_250_percent": 7.3},
}


def put(
    root: Path,
    proposal: Proposal | dict[str, Any],
    *,
    files: bool = False,
    served: tuple[dict[str, Any], ...] = (),
    **options: Any,
) -> Path:
    """A finished run of a proposal; with `files` also its report in every form, as a run writes them.

    Args:
        root: the directory of runs.
        proposal: of the run of its name.
        files: whether its reports are there too.
        served: the profile documents that its site served.
        options: of the run, beside the proposal's.
    """
    whole = proposal if isinstance(proposal, Proposal) else sealed(proposal)
    made = Proposal.model_validate(seal(whole.model_dump(mode="json")))  # every field is in what is sealed
    document = made.model_dump(mode="json")
    run = RunDirectory(root / made.proposal_id)
    run.path.mkdir(mode=0o700, parents=True)
    run.raw.mkdir(mode=0o700)
    run.write_json("proposal.json", document)
    run.write_json("raw/index.json", {"files": [{"file": "profile.json", "kind": "profile"}]})
    run.write_json("raw/profile.json", list(served))
    if files:
        run.file("report.txt").write_text("as upstream prints it\n")
        run.write_json("report.json", report_document(run, document))
        write_pages(run, made)
    manifest = {
        "schema_version": 1,
        "status": "proposal",
        "written_at": made.created_at,
        "proposal_sha256": made.sha256,
        "options": {**made.options, **options},
        "outputs_sha256": run.digests(lambda name: name != "manifest.json"),
    }
    run.write_json("manifest.json", manifest)
    return run.path


def put_refused(
    root: Path, name: str, code: str = "site_unauthorized", *, status: str = "refused", **options: Any
) -> Path:
    """A run that ended without a proposal."""
    run = RunDirectory(root / name)
    run.path.mkdir(mode=0o700, parents=True)
    reasons = {"reasons": ["The site refused the token."], "reason_codes": [code]}
    manifest = {
        "status": status,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **(reasons if status == "refused" else {"error": "KeyError"}),
        "options": {"site": SITE, "from_directory": None, "profile": None, **options},
    }
    run.write_json("manifest.json", manifest)
    return run.path


def alter(run: Path, **changes: Any) -> None:
    """Change a sealed proposal without sealing it anew."""
    document = json.loads((run / "proposal.json").read_text())
    (run / "proposal.json").write_text(json.dumps({**document, **changes}))
