"""The case of a step: the same person and data, and of the numbers only what the step changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from flows.judgement.case import Case
from flows.proposal.agreement import change_percent
from flows.proposal.document import ForPump, Settings
from flows.proposal.evidence_document import BasalEvidence, CarbRatioEvidence, Evidence, IsfEvidence
from flows.proposal.step_document import NextStep
from flows.values.parts import Part

EvidenceT = TypeVar("EvidenceT", IsfEvidence, CarbRatioEvidence, BasalEvidence)


def stepped(case: Case, step: NextStep) -> Case:
    """The case that the verdict of a step is about.

    Whether upstream was stopped by its caps, and what it says under other options, is about sizes that a step does not
    have; how repeatable the direction is stays known of what the step changes.
    """
    pump = case.for_pump.after_step(case.current.basal_u_per_h, step)
    return replace(
        case, recommended=_settings(case, pump), for_pump=pump, evidence=_evidence(case, pump, step), step=step
    )


def _settings(case: Case, pump: ForPump) -> Settings:
    ratio = _carb_ratio_factor(pump)
    return case.current.model_copy(
        update={
            "basal_u_per_h": pump.basal_u_per_h,
            "daily_basal_u": pump.daily_basal_u,
            "carb_ratio_g_per_u": round(case.current.carb_ratio_g_per_u * ratio, 3),
        }
    )


def _carb_ratio_factor(pump: ForPump) -> float:
    """Of the block that changes most."""
    factors = [b.recommended_g_per_u / b.current_g_per_u for b in pump.carb_ratio]
    return max(factors, key=lambda factor: abs(factor - 1))


def _evidence(case: Case, pump: ForPump, step: NextStep) -> Evidence:
    found, now = case.evidence, case.current.basal_u_per_h
    parts = {change.part for change in step.changes}
    hours = {int(change.start[:2]) for change in step.changes if change.part is Part.BASAL}
    return found.model_copy(
        update={
            "isf": _still(found.isf),
            "carb_ratio": _moved(found.carb_ratio, _carb_ratio_factor(pump))
            if Part.CARB_RATIO in parts
            else _still(found.carb_ratio),
            "basal": tuple(
                _moved(h, pump.basal_u_per_h[h.hour] / now[h.hour]) if h.hour in hours else _still(h)
                for h in found.basal
            ),
            "sensitivity": (),
        }
    )


def _still(of: EvidenceT) -> EvidenceT:
    return of.model_copy(update={"change_percent": 0.0, "at_cap": None, "agreement": None})


def _moved(of: EvidenceT, factor: float) -> EvidenceT:
    return of.model_copy(update={"change_percent": change_percent(1.0, factor), "at_cap": None})
