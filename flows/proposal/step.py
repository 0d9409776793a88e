"""One thing to do now: a small step towards upstream's numbers, where it is needed and nothing speaks against it.

Upstream's answer is not changed; a step is what of it a person should do tonight. The thresholds, with their source,
are in `flows.proposal.step_limits`; how it does by those who follow it is in docs/following.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

from flows.profiles.schedule_blocks import clock_text
from flows.proposal.step_basal import BasalStep, basal_step
from flows.proposal.step_carb_ratio import CarbRatioStep, carb_ratio_step
from flows.proposal.step_case import StepCase
from flows.proposal.step_document import (
    Because,
    FollowUpVerdict,
    Kept,
    NextStep,
    Said,
    StepChange,
    StepKind,
    Watch,
)
from flows.proposal.step_limits import OF
from flows.values.parts import Part

NOTHING_WANTED = Said(because=Because.NOTHING_WANTED)
# What a person may do tonight is another thing than what would be wanted: these only put a step off.
WAITING = (Because.PUMP_STEP, Because.DATA, Because.NO_GLUCOSE, Because.COOL_DOWN, Because.PAUSE, Because.OTHER_CURVE)


def next_step(case: StepCase) -> NextStep:
    """What to do now."""
    if case.follow_up is not None and case.follow_up.verdict is FollowUpVerdict.TAKE_BACK:
        return _none(case, StepKind.TAKE_BACK, Said(because=Because.LAST_STEP_HARMED))
    if (said := _why_wait(case)) is not None:
        return _none(case, StepKind.WAIT, said)
    basal, ratio = basal_step(case), carb_ratio_step(case)
    changes = (*_basal_changes(case, basal), *_carb_ratio_changes(case, ratio))
    kept = (*_kept_basal(case, basal.kept), *ratio.kept, _isf_stays(case))
    if not changes:
        return _none(case, *_no_changes(case, kept), kept=kept)
    daily = math.fsum(basal.rates_u_per_h)
    return NextStep(
        kind=StepKind.CHANGE,
        said=_more_is_needed(case),
        changes=changes,
        kept=kept,
        only_reductions=case.only_reductions,
        daily_basal_current_u=case.current.daily_basal_u,
        daily_basal_new_u=round(daily, 3),
        watch=_watch(changes),
        look_again_after_days=int(OF["cool_down"]),
        baseline=case.baseline,
        baseline_is_in_use=case.baseline is None,
        follow_up=case.follow_up,
    )


def _why_wait(case: StepCase) -> Said | None:
    """What puts every step off."""
    now, new = case.current, case.recommended
    if case.glucose is None:
        return Said(because=Because.NO_GLUCOSE)
    if case.against:
        return Said(because=Because.DATA, facts={"rules": ", ".join(case.against)})
    if (now.dia_h, now.insulin_peak_min) != (new.dia_h, new.insulin_peak_min):
        return Said(because=Because.OTHER_CURVE)
    if case.taken_back_days_ago is not None and case.taken_back_days_ago < OF["pause"]:
        return Said(because=Because.PAUSE, facts={"days_left": math.ceil(OF["pause"] - case.taken_back_days_ago)})
    if case.days_since_step is not None and case.days_since_step < OF["cool_down"]:
        return Said(because=Because.COOL_DOWN, facts={"days_left": math.ceil(OF["cool_down"] - case.days_since_step)})
    return None


def _no_changes(case: StepCase, kept: Sequence[Kept]) -> tuple[StepKind, Said]:
    """Keep, or wait where something is wanted that a pump cannot be set to yet."""
    if case.too_low:
        return StepKind.KEEP, Said(because=Because.REDUCTIONS_NOT_ENOUGH)
    waits = next((k.said for k in kept if k.said.because in WAITING), None)
    return (StepKind.WAIT, waits) if waits else (StepKind.KEEP, Said(because=Because.NOTHING_WANTED))


def _more_is_needed(case: StepCase) -> Said | None:
    """In lows a step is small beside what is needed: it is said that it alone will hardly do it."""
    return Said(because=Because.REDUCTIONS_NOT_ENOUGH) if case.too_low else None


def _none(case: StepCase, kind: StepKind, said: Said, kept: Sequence[Kept] = ()) -> NextStep:
    left = said.facts.get("days_left")
    return NextStep(
        kind=kind,
        said=said,
        kept=tuple(kept),
        only_reductions=case.only_reductions,
        daily_basal_current_u=case.current.daily_basal_u,
        daily_basal_new_u=case.current.daily_basal_u,
        look_again_after_days=int(left) if isinstance(left, float | int) else int(OF["cool_down"]),
        baseline=case.baseline,
        baseline_is_in_use=case.baseline is None,
        follow_up=case.follow_up,
    )


def _basal_changes(case: StepCase, basal: BasalStep) -> list[StepChange]:
    now, new = case.current.basal_u_per_h, case.recommended.basal_u_per_h
    return [
        StepChange(part=Part.BASAL, start=clock_text(60 * hour), current=a, new=rate, upstream=new[hour])
        for hour, (a, rate) in enumerate(zip(now, basal.rates_u_per_h, strict=True))
        if rate != a
    ]


def _carb_ratio_changes(case: StepCase, ratio: CarbRatioStep) -> list[StepChange]:
    return [
        StepChange(
            part=Part.CARB_RATIO,
            start=block.start,
            current=block.current_g_per_u,
            new=new,
            upstream=block.recommended_g_per_u,
        )
        for block, new in zip(case.for_pump.carb_ratio, ratio.values_g_per_u, strict=True)
        if new != block.current_g_per_u
    ]


def _kept_basal(case: StepCase, kept: Mapping[int, Said]) -> list[Kept]:
    """Hours that stay, those with one reason together."""
    by_reason = sorted(kept.items(), key=lambda item: (item[1].because, item[0]))
    found = []
    for _, items in groupby(by_reason, key=lambda item: item[1].because):
        together = list(items)
        starts = tuple(clock_text(60 * hour) for hour, _ in together)
        found.append(Kept(part=Part.BASAL, starts=starts, said=together[0][1]))
    return found


def _isf_stays(case: StepCase) -> Kept:
    change = case.recommended.isf_mgdl_per_u / case.current.isf_mgdl_per_u - 1
    starts = tuple(block.start for block in case.for_pump.isf)
    facts = {"upstream_percent": round(100 * change, 1)}
    said = Said(because=Because.ISF_NEVER, facts=facts) if facts["upstream_percent"] else NOTHING_WANTED
    return Kept(part=Part.ISF, starts=starts, said=said)


def _watch(changes: Sequence[StepChange]) -> tuple[Watch, ...]:
    more = any((c.new > c.current) == (c.part is Part.BASAL) for c in changes)
    less = any((c.new < c.current) == (c.part is Part.BASAL) for c in changes)
    night = any(c.part is Part.BASAL and c.start < "07:00" for c in changes)
    meals = any(c.part is Part.CARB_RATIO for c in changes)
    wanted = ((more, Watch.LOWS), (less, Watch.HIGHS), (night, Watch.NIGHTS), (meals, Watch.AFTER_MEALS))
    return tuple(watch for holds, watch in wanted if holds)
