"""Before any tuning: what is in the data, which quirks, what would be corrected, how good each day is."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from flows.errors import Refused
from flows.history.uploaders import uploader
from flows.pipeline.prepare import prepare
from flows.profiles.raw_files import RawFiles
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory


def inspect(request: AnalysisRequest, run: RunDirectory, now: datetime) -> dict[str, Any]:
    """Count what was loaded, and do all that `prepare` does without handing anything to upstream.

    Args:
        request: as for a run.
        run: a run directory with raw/; prepare's files are written.
        now: the clock.

    Returns:
        A document of counts, days and rules; where the run would be refused, why.
    """
    raw = RawFiles.open(run)
    entries = [e for e in raw.records("entries") if isinstance(e, dict)]
    treatments = [t for t in raw.records("treatments") if isinstance(t, dict)]
    document: dict[str, Any] = {
        "entries": len(entries),
        "treatments": len(treatments),
        "sensors": _counted(str(e.get("device") or "(none named)") for e in entries),
        "entry_types": _counted(str(e.get("type") or "(none named)") for e in entries),
        "uploaders": _counted(uploader(t) for t in treatments),
        "event_types": _counted(str(t.get("eventType") or "(none named)") for t in treatments),
        "days": [],
        "ledger": {},
        "profile": {},
        "timezone": None,
        "warnings": [],
        "refused": None,
    }
    try:
        prepared = prepare(request, run, now)
    except Refused as refusal:
        return {**document, "refused": f"{refusal.sentence} {refusal.remedy}", "reason_code": refusal.reason.code}
    return {
        **document,
        "days": prepared.days,
        "ledger": prepared.ledger,
        "profile": prepared.profile,
        "timezone": prepared.zone,
        "warnings": prepared.warnings,
    }


def _counted(names: Any) -> dict[str, int]:
    return dict(Counter(names).most_common())
