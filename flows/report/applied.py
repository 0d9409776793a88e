"""Whether and when a run's proposal was applied: the one place that knows how that is recorded in a run directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

YEARS = range(1990, 2200)  # others would leave the calendar in some time zone


@dataclass(frozen=True)
class Applied:
    """A proposal that was written to the site.

    Attributes:
        at: when it was activated, else written (UTC).
        activated: whether this program made it the active profile; if not, when it was used is not known.
        undone_at: when it was rolled back, if it was.
    """

    at: datetime
    activated: bool
    undone_at: datetime | None


def read_applied(run: Path, proposal_sha256: str) -> Applied | None:
    """What the run directory's `applied.json` says of this proposal; `None` where it was not applied."""
    try:
        document = json.loads((run / "applied.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("proposal_sha256") != proposal_sha256:
        return None
    at = instant(document.get("applied_at"))
    if at is None:
        return None
    return Applied(at, document.get("activated") is True, instant(document.get("rolled_back_at")))


def instant(value: Any) -> datetime | None:
    """A point in time of our days from ISO 8601 text with its offset; `None` for anything else."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None and found.year in YEARS else None
