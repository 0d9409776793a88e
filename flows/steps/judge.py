"""Step 5: read what upstream wrote, refuse what is no result, seal the proposal."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from flows.oref0.engine import EngineReport
from flows.oref0.outcome import read_outcome
from flows.proposal.recommendation import SCHEMA_VERSION, recommend, seal
from flows.run_directory import RunDirectory
from flows.settings import AnalysisRequest
from flows.steps.prepare import Prepared
from flows.steps.raw_files import json_object


def judge(request: AnalysisRequest, run: RunDirectory, now: datetime) -> str:
    """Read what upstream wrote, refuse what is no result, and write `proposal.json`.

    Returns:
        The proposal's sha256.

    Raises:
        Refused: an `UPSTREAM_…`, `RECOMMENDATION_INVALID` or `BEYOND_CAPS` reason.
    """
    prepared = Prepared(**run.read_json("prepared.json"))
    engine = EngineReport.from_document(run.read_json("engine.json"))
    outcome = read_outcome(run.work, prepared.dates, engine)
    pump = json_object((run.work / "settings" / "pumpprofile.json").read_bytes(), "settings/pumpprofile.json")
    recommendation = recommend(pump, outcome)
    empty = [d.date for d in outcome.days if d.empty]
    warnings = [*engine.warnings, *prepared.warnings, *recommendation.warnings]
    if empty:
        warnings.append(
            f"Upstream found nothing to learn from on {', '.join(empty)}; it moved the basals by smoothing only."
        )
    by_date = {d.date: asdict(d) for d in outcome.days}
    document = {
        "schema_version": SCHEMA_VERSION,
        "created_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "timezone": prepared.zone,
        "inputs": request.inputs.value,
        "profile": prepared.profile,
        "current": recommendation.current.document(),
        "recommended": recommendation.recommended.document(),
        "without_correction": run.read_json("uncorrected.json") if run.file("uncorrected.json").is_file() else None,
        "evidence": run.read_json("evidence.json") if run.file("evidence.json").is_file() else None,
        "untuned_days_per_hour": list(recommendation.untuned_days),
        "days": [{**day, **by_date.get(day["date"], {})} for day in prepared.days],
        "warnings": warnings,
        "ledger": prepared.ledger,
        "engine": engine.computed(),
        "rests_on": run.digests(lambda n: n.startswith(("work/settings/", "work/autotune/"))),
    }
    sealed = seal(document)
    run.write_json("proposal.json", sealed)
    return str(sealed["sha256"])
