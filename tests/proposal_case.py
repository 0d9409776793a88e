"""A recommendation that nothing speaks against, and the ways to make it one that something does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flows.judgement.case import Case, DayUsed
from flows.oref0.caps import Caps
from flows.proposal.document import Glucose, GlucoseHour, Settings, Units, mmoll
from flows.proposal.evidence_document import (
    Agreement,
    BasalEvidence,
    CarbRatioEvidence,
    Evidence,
    IsfEvidence,
    Repetitions,
)
from flows.proposal.rounding import for_pump
from flows.proposal.step_case import StepCase
from flows.proposal.step_document import FollowUp, FollowUpVerdict
from flows.values.schedule import Schedule

CAPS = Caps(0.7, 1.2)
SURE = Agreement(moves_up=100, moves_down=0, unchanged=0, share=1.0)
UNSURE = Agreement(moves_up=60, moves_down=40, unchanged=0, share=0.6)


def settings(isf: float = 50.0, ratio: float = 10.0, basal: list[float] | float = 1.0, dia_h: float = 6.0) -> Settings:
    rates = [basal] * 24 if isinstance(basal, float) else basal
    return Settings(
        isf_mgdl_per_u=isf,
        isf_mmoll_per_u=mmoll(isf),
        carb_ratio_g_per_u=ratio,
        basal_u_per_h=tuple(rates),
        daily_basal_u=round(sum(rates), 3),
        dia_h=dia_h,
        insulin_peak_min=75,
    )


def glucose(**changes: Any) -> Glucose:
    hour = {f"{n}_{u}": None for n in ("p5", "p25", "median", "p75", "p95") for u in ("mgdl", "mmoll")}
    usual: dict[str, Any] = {
        "readings": 4000,
        "days": 14,
        "coverage_percent": 98.0,
        "mean_mgdl": 140.0,
        "mean_mmoll": mmoll(140.0),
        "cv_percent": 30.0,
        "below_54_percent": 0.1,
        "from_54_to_69_percent": 1.0,
        "in_range_70_180_percent": 80.0,
        "from_181_to_250_percent": 15.0,
        "above_250_percent": 3.9,
        "lows": 3,
        "rises_after_lows_without_carbs": 0,
        "unannounced_share_percent": 2.0,
        "by_hour": tuple(GlucoseHour(hour=h, readings=0, **hour) for h in range(24)),
    }
    return Glucose(**{**usual, **changes})


def evidence(now: Settings, new: Settings, agreement: Agreement | None = SURE, **changes: Any) -> Evidence:
    def percent(a: float, b: float) -> float:
        return round(100 * (b / a - 1), 1)

    isf = IsfEvidence.model_construct(
        change_percent=percent(now.isf_mgdl_per_u, new.isf_mgdl_per_u),
        agreement=agreement,
        at_cap=None,
        insulin_correlation=0.6,
        insulin_correlation_needed=0.3,
        points=400,
    )
    ratio = CarbRatioEvidence.model_construct(
        change_percent=percent(now.carb_ratio_g_per_u, new.carb_ratio_g_per_u),
        agreement=agreement,
        at_cap=None,
        periods_used=30,
    )
    basal = tuple(
        BasalEvidence.model_construct(
            hour=h, change_percent=percent(a, b), agreement=agreement, at_cap=None, days_without_points=0
        )
        for h, (a, b) in enumerate(zip(now.basal_u_per_h, new.basal_u_per_h, strict=True))
    )
    usual: dict[str, Any] = {
        "isf": isf,
        "carb_ratio": ratio,
        "basal": basal,
        "repetitions": Repetitions(count=100, failed=0, seed=1, block_days=2, share=0.9),
        "why_no_repetitions": None,
        "held_out": None,
        "sensitivity": (),
    }
    return Evidence.model_construct(**{**usual, **changes})


def case(now: Settings | None = None, new: Settings | None = None, **changes: Any) -> Case:
    """Fourteen good days and a small, agreed change, unless `changes` say otherwise."""
    now = now or settings()
    new = new or settings(isf=52.0, ratio=9.9, basal=1.05)
    usual: dict[str, Any] = {
        "current": now,
        "recommended": new,
        "for_pump": for_pump(
            basal_now_u_per_h=now.basal_u_per_h,
            basal_u_per_h=new.basal_u_per_h,
            isf_now_mgdl_per_u=Schedule.constant(now.isf_mgdl_per_u),
            isf_ratio=new.isf_mgdl_per_u / now.isf_mgdl_per_u,
            carb_ratio_now_g_per_u=Schedule.constant(now.carb_ratio_g_per_u),
            carb_ratio_ratio=new.carb_ratio_g_per_u / now.carb_ratio_g_per_u,
            caps=CAPS,
            units=Units.MG_PER_DL,
        ),
        "caps": CAPS,
        "evidence": evidence(now, new),
        "glucose": glucose(),
        "days": [DayUsed("green", 4, 0.0)] * 14,
        "age_days": 0.1,
    }
    return Case(**{**usual, **changes})


def with_hours(found: Evidence, **changes: Any) -> Evidence:
    """The evidence with something changed in every hour; a callable is given the hour."""
    hours = tuple(
        h.model_copy(update={k: v(h.hour) if callable(v) else v for k, v in changes.items()}) for h in found.basal
    )
    return found.model_copy(update={"basal": hours})


def entered(base: Case, **changes: Any) -> Case:
    """The case with other numbers to enter."""
    return replace(base, for_pump=base.for_pump.model_copy(update=changes))


def step_case(whole: Case, **more: Any) -> StepCase:
    """What a step is made from, of a case of upstream's numbers whole."""
    return StepCase(
        current=whole.current,
        recommended=whole.recommended,
        for_pump=whole.for_pump,
        caps=whole.caps,
        glucose=whole.glucose,
        **more,
    )


def harmful(*worse: str) -> FollowUp:
    """A last step that is to be taken back, for these reasons."""
    return FollowUp(
        change="",
        proposal_sha256="",
        taken_on="2026-05-15",
        days_since=8,
        before=None,
        after=None,
        weekdays_paired=7,
        verdict=FollowUpVerdict.TAKE_BACK,
        reasons=worse,
    )
