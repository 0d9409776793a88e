"""Step 5: read what upstream wrote, refuse what is no result, weigh it, round it, seal the proposal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from flows.errors import Reason, Refused
from flows.history.doubts import doubt_of
from flows.history.lows import untold_rise_mgdl
from flows.judgement.case import Case, DayUsed
from flows.judgement.stepped import stepped
from flows.judgement.verdict import against_steps, judge_case
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.oref0.engine import EngineReport
from flows.oref0.outcome import DayOutcome, read_outcome, starts_elsewhere
from flows.oref0.profile import PumpSettings
from flows.oref0.runtime import lock_digest
from flows.oref0.several_values import OneOfSeveral, one_value
from flows.pipeline.last_change import FILE as LAST_CHANGE
from flows.pipeline.last_change import read_last_change
from flows.pipeline.prepare import HIGHS_LEFT_OUT, LOWS_LEFT_OUT, Prepared, served_records
from flows.pipeline.several import FILE as SEVERAL
from flows.pipeline.several import read_several
from flows.profiles.raw_files import json_object
from flows.proposal.block_regression import regressions
from flows.proposal.corrections import changed_by_correction
from flows.proposal.document import BlockRegression, DailyCurve, DayOfRun, Proposal, Settings, Units, WithoutCorrection
from flows.proposal.evidence import evidence_of, settings_document
from flows.proposal.explanation import explain
from flows.proposal.glucose import glucose_of, whole_of
from flows.proposal.insulin_response import insulin_response
from flows.proposal.recommendation import recommend
from flows.proposal.rounding import for_pump
from flows.proposal.sealed import seal
from flows.proposal.step import next_step
from flows.proposal.step_case import StepCase
from flows.settings import AgeGroup, AnalysisRequest, InputsMode
from flows.values.local_days import LocalDay
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory
from flows.values.schedule import Block, Schedule
from flows.values.units import SECOND_MS, SECONDS_PER_DAY

LEFT_OUT = (LOWS_LEFT_OUT, HIGHS_LEFT_OUT)
RESTS_ON = (*LEFT_OUT, SEVERAL, LAST_CHANGE)

OF_BACKFILL = to_translate(
    "This run is of days gone by, made later by a backfill: it is for the trend only, and cannot be applied. It says "
    "what those days would have been told, not what to do now."
)


def judge(request: AnalysisRequest, run: RunDirectory, now: datetime) -> str:
    """Read what upstream wrote, refuse what is no result, and write `proposal.json`.

    Args:
        request: options; the pump's step and the age group for the rules.
        run: reads prepared.json, lows_left_out.json, highs_left_out.json, source_profile.json, engine.json,
            several_values.json, evidence.json, uncorrected.json and work/*.
        now: the clock.

    Returns:
        The proposal's sha256.

    Raises:
        Refused: an `UPSTREAM_…`, `RECOMMENDATION_INVALID` or `BEYOND_CAPS` reason; `FILE_MISSING` where the lows or
            highs that the run wrote down are not there any more.
    """
    prepared = Prepared(**run.read_json("prepared.json"))
    engine = EngineReport.from_document(run.read_json("engine.json"))
    outcome = read_outcome(run.work, prepared.dates, engine)
    pump = json_object((run.work / "settings" / "pumpprofile.json").read_bytes(), "settings/pumpprofile.json")
    recommendation = recommend(pump, outcome)
    source = run.read_json("source_profile.json")
    units = Units(source["units"])
    current, recommended = (settings_document(s) for s in (recommendation.current, recommendation.recommended))
    several = read_several(run)
    entered = for_pump(
        basal_now_u_per_h=current.basal_u_per_h,
        basal_u_per_h=recommended.basal_u_per_h,
        isf_now_mgdl_per_u=_schedule(source["isf_mgdl_per_u"]),
        isf_ratio=recommended.isf_mgdl_per_u / current.isf_mgdl_per_u,
        carb_ratio_now_g_per_u=_schedule(source["carb_ratio_g_per_u"]),
        carb_ratio_ratio=recommended.carb_ratio_g_per_u / current.carb_ratio_g_per_u,
        caps=recommendation.caps,
        units=units,
        basal_step_u_per_h=request.basal_step_u_per_h,
        unread=[Part(name) for name in source.get("unread", ())],
        several=several,
        regressions=_regressions(run.work, prepared, one_value(several, Part.CARB_RATIO), current),
    )
    explained = explain(run.work, prepared.dates, prepared.zone, recommendation.current, recommendation.recommended)
    found = _maybe(run, "evidence.json")
    evidence = evidence_of(
        recommendation,
        explained,
        entered.basal_u_per_h,
        insulin_response(run.work, prepared.dates),
        found,
        deliveries_recorded=any(day.get("temp_basals") for day in prepared.days),
    )
    days = [LocalDay(date.fromisoformat(d), prepared.zone) for d in prepared.dates]
    glucose = glucose_of(
        days,
        [served_records(run.work / "autotune" / f"ns-entries.{d}.json") for d in prepared.dates],
        [served_records(run.work / "autotune" / f"ns-treatments.{d}.json") for d in prepared.dates],
        explained.unannounced_share_percent,
        [(low["date"], low["mgdl"]) for low in _left_out(run, prepared, LOWS_LEFT_OUT)],
        [high["date"] for high in _left_out(run, prepared, HIGHS_LEFT_OUT)],
        whole_of(days, [float(d["coverage"]) for d in prepared.days if d["status"] == "used"]),
        untold_rise_mgdl(current.isf_mgdl_per_u, current.carb_ratio_g_per_u),
    )
    case = Case(
        current=current,
        recommended=recommended,
        for_pump=entered,
        caps=recommendation.caps,
        evidence=evidence,
        glucose=glucose,
        days=_days_used(prepared),
        age_days=(now.timestamp() - days[-1].glucose.end_ms / SECOND_MS) / SECONDS_PER_DAY,
        age_group=request.age_group or AgeGroup.ADULT,
        age_group_known=request.age_group is not None,
        insulin_known=prepared.insulin_known,
        corrected=request.inputs is InputsMode.CORRECTED,
        quarantined=int(prepared.ledger.get("quarantined") or 0),
        recomputed_exactly=engine.redone or _differed(found),
        continues_previous=starts_elsewhere(run.work, prepared.dates[0]),
        doubts=[doubt_of(doubt) for doubt in prepared.doubts],
        profiles_known="in_force" in prepared.profile,
    )
    whole = judge_case(case)
    recent = read_last_change(run, prepared.zone)
    step = next_step(
        StepCase(
            current=current,
            recommended=recommended,
            for_pump=entered,
            caps=recommendation.caps,
            glucose=glucose,
            baseline=recent.baseline,
            follow_up=recent.follow_up,
            days_since_step=recent.days_since,
            taken_back_days_ago=recent.days_back,
            against=against_steps(whole),
        )
    )
    verdict = judge_case(stepped(case, step))
    proposal = Proposal(
        proposal_id=run.path.name,
        created_at=now.astimezone(UTC).isoformat(timespec="seconds"),
        timezone=prepared.zone,
        inputs=request.inputs.value,
        units=units,
        site_sha256=hashlib.sha256(request.site.encode()).hexdigest() if request.site else None,
        profile=prepared.profile,
        current=current,
        recommended=recommended,
        for_pump=entered,
        verdict=verdict,
        verdict_of_all=whole,
        step=step,
        evidence=evidence,
        glucose=glucose,
        without_correction=_without_correction(recommended, units, _maybe(run, "uncorrected.json")),
        days=tuple(_day(day, outcome.days) for day in prepared.days),
        curves=tuple(DailyCurve(day=date.fromisoformat(day), mgdl=curve) for day, curve in prepared.curves.items()),
        warnings=(
            *([OF_BACKFILL] if request.past else []),
            *engine.warnings,
            *prepared.warnings,
            *recommendation.warnings,
            *_nothing_learnt(outcome.days),
        ),
        ledger=prepared.ledger,
        engine=engine.computed(),
        upstream=_upstream(engine),
        options=request.options(),
        rests_on=run.digests(lambda n: n in RESTS_ON or n.startswith(("work/settings/", "work/autotune/"))),
    )
    sealed = seal(proposal.model_dump(mode="json"))
    run.write_json("proposal.json", sealed)
    return str(sealed["sha256"])


def _regressions(
    work: Path, prepared: Prepared, ratios: OneOfSeveral | None, current: Settings
) -> list[BlockRegression | None]:
    """Block by block what the meal windows say of several carb ratios; nothing of one."""
    if ratios is None:
        return []
    return regressions(work, prepared.dates, prepared.zone, ratios.schedule, current.isf_mgdl_per_u)


def _schedule(blocks: Sequence[Mapping[str, Any]]) -> Schedule:
    return Schedule(tuple(Block(int(b["minutes"]), float(b["value"])) for b in blocks))


def _upstream(engine: EngineReport) -> dict[str, str]:
    """What computed it, by digest: of the packages as they ran, and of the lock they were installed by."""
    ran = {"packages_sha256": engine.upstream_sha256} if engine.upstream_sha256 else {}
    try:
        return {**ran, "lock_sha256": lock_digest()}
    except Refused:  # a foreign engine, and no upstream installed beside it
        return ran


def _differed(evidence: dict[str, Any] | None) -> bool:
    """Whether untouched upstream gave something else for a part of a repetition, a variant or a probe."""
    check = (evidence or {}).get("self_check")
    return check is not None and check["same"] is False


def _maybe(run: RunDirectory, name: str) -> Any:
    return run.read_json(name) if run.file(name).is_file() else None


def _left_out(run: RunDirectory, prepared: Prepared, name: str) -> list[dict[str, Any]]:
    """The readings of a file that upstream is not given; a run of before such files were written has none."""
    found = _maybe(run, name)
    if found is None and name in prepared.left_out_files:
        raise Refused(Reason.FILE_MISSING, file=name, remedy="Start the run again: without it lows would not count.")
    return found or []


def _days_used(prepared: Prepared) -> list[DayUsed]:
    return [
        DayUsed(
            d.get("quality"),
            d.get("carb_entries"),
            float(d.get("other_profile_hours") or 0.0),
            float(d.get("unknown_profile_hours") or 0.0),
        )
        for d in prepared.days
        if d["status"] == "used"
    ]


def _day(day: dict[str, Any], outcomes: Sequence[DayOutcome]) -> DayOfRun:
    found = next((asdict(o) for o in outcomes if o.date == day["date"]), {})
    return DayOfRun(**{**day, **found})


def _nothing_learnt(outcomes: Sequence[DayOutcome]) -> list[str]:
    empty = ", ".join(o.date for o in outcomes if o.empty)
    return (
        [
            translatable(
                "Upstream found nothing to learn from on {empty}; it moved the basals by smoothing only.", empty=empty
            )
        ]
        if empty
        else []
    )


def _without_correction(recommended: Settings, units: Units, found: dict[str, Any] | None) -> WithoutCorrection | None:
    if found is None:
        return None
    other = found["recommended"]
    document = settings_document(TypeAdapter(PumpSettings).validate_python(other)) if other is not None else None
    return WithoutCorrection(
        recommended=document,
        reason=found["reason"],
        reason_code=found["reason_code"],
        changed=tuple(changed_by_correction(recommended, document, found["reason"], units)),
    )
