"""The basal of a step: half of upstream's way, by need and by hour, within its limits, on the pump's steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from flows.proposal.baseline import day_limits, hour_limits
from flows.proposal.rounding import EXACT
from flows.proposal.step_case import StepCase
from flows.proposal.step_document import Because, Said
from flows.proposal.step_limits import OF
from flows.values.units import HOURS_PER_DAY


@dataclass(frozen=True)
class BasalStep:
    """24 rates after the step, and why each hour that stays does."""

    rates_u_per_h: tuple[float, ...]
    kept: Mapping[int, Said]


def basal_step(case: StepCase) -> BasalStep:
    """The rates after the step; those in use where there is nothing to do."""
    now = case.current.basal_u_per_h
    if (said := _why_none(case)) is not None:
        return BasalStep(tuple(now), dict.fromkeys(range(HOURS_PER_DAY), said))
    wanted, kept = {}, {}
    for hour in range(HOURS_PER_DAY):
        move = OF["way"] * (case.recommended.basal_u_per_h[hour] - now[hour])
        said = _why_not(case, hour, move)
        if said is None:
            wanted[hour] = _within_an_hour(case, hour, move)
        else:
            kept[hour] = said
    wanted = _within_a_day(case, wanted)
    moves = _on_steps(case, wanted)
    for hour, move in wanted.items():
        if not moves.get(hour):
            kept[hour] = Said(because=Because.BASELINE if abs(move) < EXACT else Because.PUMP_STEP)
    rates = tuple(round(rate + moves[hour], 4) if moves.get(hour) else rate for hour, rate in enumerate(now))
    return BasalStep(rates, kept)


def _why_none(case: StepCase) -> Said | None:
    """Why no hour moves: too little changes in all, or there is no need."""
    now, new = case.current.basal_u_per_h, case.recommended.basal_u_per_h
    change = 100 * (math.fsum(new) / math.fsum(now) - 1)
    less = 100 * math.fsum(min(b - a, 0.0) for a, b in zip(now, new, strict=True)) / math.fsum(now)
    facts = {"upstream_percent": round(change, 1)}
    if case.only_reductions:
        # What rises is held back hour by hour; what falls is wanted, whatever upstream's total does.
        return Said(because=Because.SMALL, facts=facts) if less > EXACT - OF["low_reduction_from"] else None
    if abs(change) < OF["basal_from"] - EXACT:
        return Said(because=Because.SMALL, facts=facts)
    shares = {"below_70_percent": case.below_70_percent, "above_180_percent": case.above_180_percent}
    if change > 0:
        return None if case.high_enough_for_more_basal else Said(because=Because.NO_NEED_OF_MORE, facts=facts | shares)
    if case.too_high:
        return Said(because=Because.HIGHS, facts=facts | shares)
    return None if case.low_enough_for_less else Said(because=Because.NO_NEED_OF_LESS, facts=facts | shares)


def _why_not(case: StepCase, hour: int, move: float) -> Said | None:
    """Why an hour's rate stays, though others move."""
    if abs(move) < EXACT:
        return Said(because=Because.NOTHING_WANTED)
    low, high = case.after(hour)
    if move > 0 and case.only_reductions:
        return Said(because=Because.LOWS if case.too_low else Because.UNTOLD_CARBS)
    if move > 0 and low > OF["lows_after"]:
        return Said(because=Because.LOWS_AFTER, facts={"below_70_percent": round(low, 1)})
    if move < 0 and high > OF["highs_after"]:
        return Said(because=Because.HIGHS_AFTER, facts={"above_180_percent": round(high, 1)})
    return None


def _within_an_hour(case: StepCase, hour: int, move: float) -> float:
    """The move within an hour's own limits; 0 where the baseline leaves nothing."""
    now = case.current.basal_u_per_h[hour]
    least, most = limits_of_hour(case, hour)
    return min(max(now + move, min(least, now)), max(most, now)) - now


def limits_of_hour(case: StepCase, hour: int) -> tuple[float, float]:
    """How low and how high an hour's rate may go: the step's own limit, upstream's caps, the baseline."""
    now = case.current.basal_u_per_h[hour]
    share = OF["hour_step"] / 100
    limits = [(now * (1 - share), now * (1 + share)), case.caps.basal(now), hour_limits(case.baseline, hour, now)]
    return max(low for low, _ in limits), min(high for _, high in limits)


def _within_a_day(case: StepCase, moves: Mapping[int, float]) -> dict[int, float]:
    """The moves, those that go the day's way made smaller together until the day's total is within its limits."""
    daily = case.current.daily_basal_u
    total = math.fsum(moves.values())
    share = OF["basal_step"] / 100
    least, most = day_limits(case.baseline, daily)
    room = min(daily * share, max(most - daily, 0.0)) if total > 0 else min(daily * share, max(daily - least, 0.0))
    if abs(total) <= room:
        return dict(moves)
    same = math.fsum(m for m in moves.values() if m * total > 0)
    factor = max(0.0, 1 - (abs(total) - room) / abs(same))
    return {hour: move * factor if move * total > 0 else move for hour, move in moves.items()}


def _on_steps(case: StepCase, moves: Mapping[int, float]) -> dict[int, float]:
    """The moves in whole steps of the pump, up and down apart: their sums are kept, to half a step."""
    step = case.for_pump.basal_step_u_per_h
    return {
        hour: round(way * count * step, 4)
        for way in (1, -1)
        for hour, count in _whole_steps(case, {h: m * way / step for h, m in moves.items() if m * way > 0}, way).items()
    }


def _whole_steps(case: StepCase, wanted: Mapping[int, float], way: int) -> dict[int, int]:
    """How many steps each hour goes; largest remainders first where its limits and upstream's number leave room."""
    steps = {hour: math.floor(count + EXACT) for hour, count in wanted.items()}
    left = math.floor(math.fsum(wanted.values()) + 0.5 - EXACT) - sum(steps.values())
    for hour in sorted(wanted, key=lambda h: (steps[h] - wanted[h], h)):
        if left > 0 and _has_room(case, hour, way * (steps[hour] + 1)):
            steps[hour] += 1
            left -= 1
    return steps


def _has_room(case: StepCase, hour: int, steps: int) -> bool:
    """Whether a rate so many steps from now is within an hour's limits and not beyond where upstream would go."""
    step, now = case.for_pump.basal_step_u_per_h, case.current.basal_u_per_h[hour]
    least, most = limits_of_hour(case, hour)
    rate, upstream = now + steps * step, case.recommended.basal_u_per_h[hour]
    beyond = abs(rate - now) > abs(upstream - now) + step / 2
    return least - EXACT <= rate <= most + EXACT and rate > EXACT and not beyond
