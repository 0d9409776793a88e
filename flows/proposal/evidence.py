"""What each recommended number rests on, put together: caps, intervals, agreement, upstream's own words.

Reads nothing; the numbers come from `evidence.json`, from upstream's words and from the recommendation.
"""

from __future__ import annotations

from typing import Any

from flows.language.catalogue import to_translate
from flows.oref0.profile import PumpSettings
from flows.proposal.agreement import UNMOVED, agreed_share, change_percent, way
from flows.proposal.document import Settings, maybe_mmoll, mmoll
from flows.proposal.evidence_document import (
    Agreement,
    BasalEvidence,
    Cap,
    CarbRatioEvidence,
    Evidence,
    HeldOut,
    IsfEvidence,
    Repetitions,
    Scores,
    Variant,
)
from flows.proposal.explanation import Explanation
from flows.proposal.explanation_facts import BasalFacts, Moved
from flows.proposal.insulin_response import InsulinResponse
from flows.proposal.recommendation import ROUNDING, Recommendation
from flows.proposal.start_probe import start_probes
from flows.values.parts import Part
from flows.values.units import HOURS_PER_DAY

NOT_ASKED = to_translate("no repetitions were asked for")
NONE_ENDED = to_translate("none came to its end")


def settings_document(settings: PumpSettings) -> Settings:
    """Upstream's settings in both units of glucose."""
    return Settings(
        isf_mgdl_per_u=settings.isf_mgdl_per_u,
        isf_mmoll_per_u=mmoll(settings.isf_mgdl_per_u),
        carb_ratio_g_per_u=settings.carb_ratio_g_per_u,
        basal_u_per_h=settings.basal_u_per_h,
        daily_basal_u=round(settings.daily_basal_u, 3),
        dia_h=settings.dia_h,
        insulin_peak_min=settings.insulin_peak_min,
    )


def evidence_of(
    recommendation: Recommendation,
    explained: Explanation,
    for_pump_u_per_h: tuple[float, ...],
    response: InsulinResponse | None,
    found: dict[str, Any] | None,
    *,
    deliveries_recorded: bool = True,
) -> Evidence:
    """All evidence of a proposal.

    Args:
        recommendation: current and recommended settings, and the caps of the run.
        explained: what upstream said of itself.
        for_pump_u_per_h: the basals to enter.
        response: see `flows.proposal.insulin_response`.
        found: `evidence.json`; `None` where no repetitions were asked for.
        deliveries_recorded: whether the days have temporary basals.
    """
    spreads = (found or {}).get("settings") or {}
    now = recommendation.current
    starts = {
        Part.BASAL: now.daily_basal_u,
        Part.ISF: now.isf_mgdl_per_u,
        Part.CARB_RATIO: now.carb_ratio_g_per_u,
    }
    how = (found or {}).get("uncertainty")
    return Evidence(
        isf=_isf(recommendation, explained, response, spreads.get("isf")),
        carb_ratio=_carb_ratio(recommendation, explained, spreads.get("carb_ratio")),
        basal=tuple(
            _basal(recommendation, explained, hour, for_pump_u_per_h[hour], (spreads.get("basal") or [None] * 24)[hour])
            for hour in range(HOURS_PER_DAY)
        ),
        repetitions=repetitions_document(how) if how else None,
        why_no_repetitions=None if how else _why_none(found),
        held_out=_held_out((found or {}).get("held_out")),
        sensitivity=tuple(
            Variant(**variant, isf_mmoll_per_u=mmoll(variant["isf_mgdl_per_u"]))
            for variant in (found or {}).get("sensitivity") or []
        ),
        start_probe=start_probes(
            (found or {}).get("start_probe") or [], starts, deliveries_recorded=deliveries_recorded
        ),
    )


def repetitions_document(how: dict[str, Any]) -> Repetitions:
    """The repetitions from `uncertainty` of `evidence.json`; one of an earlier version says nothing of a ceiling."""
    return Repetitions(
        count=how["resamples"],
        failed=how["failed"],
        seed=how["seed"],
        block_days=how["block_days"],
        share=how["share"],
        ceiling=how.get("ceiling"),
        clear=how.get("clear"),
    )


def _why_none(found: dict[str, Any] | None) -> str:
    if found is None:
        return NOT_ASKED
    return str(found["why_not"] or NONE_ENDED).rstrip(".")


def _isf(
    recommendation: Recommendation,
    explained: Explanation,
    response: InsulinResponse | None,
    spread: dict[str, Any] | None,
) -> IsfEvidence:
    now, new = recommendation.current.isf_mgdl_per_u, recommendation.recommended.isf_mgdl_per_u
    low, high = recommendation.caps.isf(now)
    interval = (spread["interval_low"], spread["interval_high"]) if spread else (None, None)
    facts = explained.isf.facts
    return IsfEvidence(
        current_mgdl_per_u=now,
        current_mmoll_per_u=mmoll(now),
        recommended_mgdl_per_u=new,
        recommended_mmoll_per_u=mmoll(new),
        change_percent=change_percent(now, new),
        cap_low_mgdl_per_u=round(low, 3),
        cap_low_mmoll_per_u=mmoll(low),
        cap_high_mgdl_per_u=round(high, 3),
        cap_high_mmoll_per_u=mmoll(high),
        at_cap=stopped_by(facts, now, new, (low, high)),
        interval_low_mgdl_per_u=interval[0],
        interval_low_mmoll_per_u=maybe_mmoll(interval[0]),
        interval_high_mgdl_per_u=interval[1],
        interval_high_mmoll_per_u=maybe_mmoll(interval[1]),
        agreement=_agreement(now, new, spread),
        points=facts.points if facts else None,
        days_too_few_points=facts.days_too_few_points if facts else None,
        insulin_correlation=response.correlation if response else None,
        insulin_correlation_needed=response.needed if response else None,
        explanation=explained.isf.sentences,
        said=explained.isf.said,
    )


def _carb_ratio(
    recommendation: Recommendation, explained: Explanation, spread: dict[str, Any] | None
) -> CarbRatioEvidence:
    now, new = recommendation.current.carb_ratio_g_per_u, recommendation.recommended.carb_ratio_g_per_u
    low, high = recommendation.caps.carb_ratio(now)
    facts = explained.carb_ratio.facts
    return CarbRatioEvidence(
        current_g_per_u=now,
        recommended_g_per_u=new,
        change_percent=change_percent(now, new),
        cap_low_g_per_u=round(low, 3),
        cap_high_g_per_u=round(high, 3),
        at_cap=stopped_by(facts, now, new, (low, high)),
        interval_low_g_per_u=spread["interval_low"] if spread else None,
        interval_high_g_per_u=spread["interval_high"] if spread else None,
        agreement=_agreement(now, new, spread),
        periods_used=facts.periods_used if facts else None,
        periods_ignored=facts.periods_ignored if facts else None,
        carbs_g=facts.carbs_g if facts else None,
        insulin_u=facts.insulin_u if facts else None,
        explanation=explained.carb_ratio.sentences,
        said=explained.carb_ratio.said,
    )


def _basal(
    recommendation: Recommendation,
    explained: Explanation,
    hour: int,
    for_pump_u_per_h: float,
    spread: dict[str, Any] | None,
) -> BasalEvidence:
    now, new = recommendation.current.basal_u_per_h[hour], recommendation.recommended.basal_u_per_h[hour]
    low, high = recommendation.caps.basal(now)
    facts = explained.basal[hour].facts
    return BasalEvidence(
        hour=hour,
        current_u_per_h=now,
        recommended_u_per_h=new,
        for_pump_u_per_h=for_pump_u_per_h,
        change_percent=change_percent(now, new),
        cap_low_u_per_h=round(low, 4),
        cap_high_u_per_h=round(high, 4),
        at_cap=stopped_by(facts, now, new, (low, high)),
        interval_low_u_per_h=spread["interval_low"] if spread else None,
        interval_high_u_per_h=spread["interval_high"] if spread else None,
        agreement=_agreement(now, new, spread),
        points=facts.points if facts else None,
        days_without_points=facts.days_without_points if facts else None,
        days_missing=explained.days_smoothed[hour],  # of this run; upstream's own count goes on from run to run
        total_deviation_mgdl=facts.total_deviation_mgdl if facts else None,
        total_deviation_mmoll=maybe_mmoll(facts.total_deviation_mgdl if facts else None),
        explanation=explained.basal[hour].sentences,
        said=explained.basal[hour].said,
    )


def stopped_by(facts: Moved | None, now: float, new: float, limits: tuple[float, float]) -> Cap | None:
    """The cap a number stands at, or that stopped it on at least half of the days.

    Upstream caps where a number is to go and then goes a fifth of the way, or smooths it afterwards: so it seldom
    stands at its cap exactly, and is decided by it all the same (oref0@0.7.1 lib/autotune/index.js).
    """
    if facts is None:
        low, high = limits
        if abs(new - now) <= UNMOVED:
            return None
        return Cap.HIGH if new >= high - ROUNDING else Cap.LOW if new <= low + ROUNDING else None
    if facts.at_cap is not None:
        return facts.at_cap
    held = facts.days_held_at_cap if isinstance(facts, BasalFacts) else 0
    low_days, high_days = facts.days_capped_low, facts.days_capped_high
    if (not low_days and not high_days) or 2 * (max(low_days, high_days) + held) < facts.days:
        return None
    return Cap.HIGH if high_days >= low_days else Cap.LOW


def _agreement(now: float, new: float, spread: dict[str, Any] | None) -> Agreement | None:
    if spread is None:
        return None
    up, down, unmoved = spread["moves_up"], spread["moves_down"], spread["unchanged"]
    same = {1: up, -1: down, 0: unmoved}[way(now, new)]
    share = agreed_share(same, up + down + unmoved)
    return Agreement(moves_up=up, moves_down=down, unchanged=unmoved, share=share)


def _held_out(found: dict[str, Any] | None) -> HeldOut | None:
    if found is None:
        return None
    return HeldOut(
        **{**found, "days": tuple(found["days"]), "old": _scores(found["old"]), "new": _scores(found["new"])}
    )


def _scores(found: dict[str, Any]) -> Scores:
    return Scores(
        **found,
        mean_absolute_deviation_mmoll=maybe_mmoll(found["mean_absolute_deviation_mgdl"]),
        rms_deviation_mmoll=maybe_mmoll(found["rms_deviation_mgdl"]),
    )
