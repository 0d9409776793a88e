"""The step: half of upstream's way, by need and by hour, within its limits; everything else stays, with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.proposal.document import Glucose, Settings, Units
from flows.proposal.rounding import for_pump
from flows.proposal.step import next_step
from flows.proposal.step_basal import limits_of_hour
from flows.proposal.step_case import StepCase
from flows.proposal.step_document import Baseline, Because, BlockValue, NextStep, StepKind
from flows.proposal.step_limits import LIMITS
from flows.values.parts import Part
from flows.values.schedule import Schedule
from tests.proposal_case import CAPS, glucose, settings


def step_case(now: Settings | None = None, new: Settings | None = None, step: float = 0.05, **changes: Any) -> StepCase:
    """Somebody with a need of more basal, whose basal upstream would raise by a tenth, unless `changes` say else."""
    now, new = now or settings(), new or settings(basal=1.1)
    pump = for_pump(
        basal_now_u_per_h=now.basal_u_per_h,
        basal_u_per_h=new.basal_u_per_h,
        isf_now_mgdl_per_u=Schedule.constant(now.isf_mgdl_per_u),
        isf_ratio=new.isf_mgdl_per_u / now.isf_mgdl_per_u,
        carb_ratio_now_g_per_u=Schedule.constant(now.carb_ratio_g_per_u),
        carb_ratio_ratio=new.carb_ratio_g_per_u / now.carb_ratio_g_per_u,
        caps=CAPS,
        units=Units.MG_PER_DL,
        basal_step_u_per_h=step,
    )
    usual: dict[str, Any] = {"glucose": high()}
    return StepCase(current=now, recommended=new, for_pump=pump, caps=CAPS, **{**usual, **changes})


def high(above: float = 22.0, below: float = 1.0, very_low: float = 0.1, **changes: Any) -> Glucose:
    return glucose(
        from_181_to_250_percent=above - 4,
        above_250_percent=4.0,
        from_54_to_69_percent=round(below - very_low, 2),
        below_54_percent=very_low,
        **changes,
    )


def by_hour(hours: dict[int, dict[str, float]]) -> Glucose:
    made = high(below=2.0)
    rows = [h.model_copy(update={"readings": 168, **hours.get(h.hour, {})}) for h in made.by_hour]
    return made.model_copy(update={"by_hour": tuple(rows)})


def rates(case: StepCase) -> tuple[float, ...]:
    new = {(c.part, c.start): c.new for c in next_step(case).changes}
    return tuple(new.get((Part.BASAL, f"{h:02d}:00"), r) for h, r in enumerate(case.current.basal_u_per_h))


def why(step: NextStep, part: Part) -> set[Because]:
    return {kept.said.because for kept in step.kept if kept.part is part}


def test_a_step_goes_half_of_upstreams_way() -> None:
    step = next_step(step_case())
    assert step.kind is StepKind.CHANGE
    assert step.daily_basal_new_u == pytest.approx(24 * 1.05)
    assert why(step, Part.ISF) == {Because.NOTHING_WANTED}
    assert why(next_step(step_case(new=settings(isf=55.0, basal=1.1))), Part.ISF) == {Because.ISF_NEVER}


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        # what upstream changes: 5 % of the day on
        ({"new": settings(basal=1.0499)}, Because.SMALL),
        ({"new": settings(basal=1.05)}, None),
        ({"new": settings(basal=0.9501), "glucose": high(below=2.0)}, Because.SMALL),
        ({"new": settings(basal=0.95), "glucose": high(below=2.0)}, None),
        # the need of more
        ({"glucose": high(above=19.99)}, Because.NO_NEED_OF_MORE),
        ({"glucose": high(above=20.0)}, None),
        ({"glucose": high(below=2.5)}, Because.NO_NEED_OF_MORE),
        ({"glucose": high(below=2.49)}, None),
        # … which is less where there is room
        ({"glucose": high(above=10.0, below=0.29)}, None),
        ({"glucose": high(above=9.99, below=0.29)}, Because.NO_NEED_OF_MORE),
        ({"glucose": high(above=19.99, below=0.3)}, Because.NO_NEED_OF_MORE),
        # the need of less
        ({"new": settings(basal=0.9), "glucose": high(below=1.99)}, Because.NO_NEED_OF_LESS),
        ({"new": settings(basal=0.9), "glucose": high(below=2.0)}, None),
        # … which is less where less insulin costs little
        ({"new": settings(basal=0.9), "glucose": high(above=4.99, below=1.0)}, None),
        ({"new": settings(basal=0.9), "glucose": high(above=4.99, below=0.99)}, Because.NO_NEED_OF_LESS),
        ({"new": settings(basal=0.9), "glucose": high(above=5.0, below=1.99)}, Because.NO_NEED_OF_LESS),
        ({"new": settings(basal=0.9), "glucose": high(above=25.01, below=3.0)}, Because.HIGHS),
        ({"new": settings(basal=0.9), "glucose": high(above=25.0, below=3.0)}, None),
        ({"new": settings(basal=0.9), "glucose": high(above=30.0, below=4.0)}, None),
        # nothing that adds insulin in lows, or after rises that look like untold carbs
        ({"glucose": high(below=4.0)}, Because.SMALL),
        ({"glucose": high(below=2.0, very_low=1.0)}, Because.SMALL),
        ({"glucose": high(below=2.0, very_low=0.99)}, None),
        ({"glucose": high(rises_after_lows_without_carbs=3)}, Because.SMALL),
        ({"glucose": high(rises_after_lows_without_carbs=2)}, None),
    ],
)
def test_basal_moves_by_need(changes: dict[str, Any], because: Because | None) -> None:
    step = next_step(step_case(**changes))
    assert (step.kind is StepKind.CHANGE) is (because is None)
    if because is not None:
        assert why(step, Part.BASAL) == {because}


@pytest.mark.parametrize(
    ("ratio", "shares", "because"),
    [
        (9.001, {}, Because.SMALL),
        (9.0, {}, None),
        (9.0, {"above": 9.99}, Because.NO_NEED_OF_MORE),
        (9.0, {"above": 10.0}, None),
        (10.599, {"below": 2.0}, Because.SMALL),
        (10.6, {"below": 2.0}, None),
        (10.6, {"below": 1.99}, Because.NO_NEED_OF_LESS),
        (10.6, {"above": 4.99, "below": 1.0}, None),
        (10.6, {"above": 4.99, "below": 0.99}, Because.NO_NEED_OF_LESS),
        (10.6, {"above": 5.0, "below": 1.99}, Because.NO_NEED_OF_LESS),
        (8.5, {"below": 4.0}, Because.LOWS),
        (8.5, {"below": 3.99}, None),
        (8.5, {"rises_after_lows_without_carbs": 3}, Because.UNTOLD_CARBS),
        (11.5, {"above": 25.01}, Because.HIGHS),
        (11.5, {"above": 25.0, "below": 2.0}, None),
        (11.5, {"above": 25.01, "below": 4.0}, None),
        # beyond a low limit a small change is worth it, if it gives less
        (10.3, {"below": 4.0}, None),
        (10.3, {"below": 2.0, "very_low": 1.0}, None),
        (10.299, {"below": 4.0}, Because.SMALL),
        (10.3, {"below": 3.99}, Because.SMALL),
        (10.3, {"rises_after_lows_without_carbs": 3, "below": 2.0}, Because.SMALL),
    ],
)
def test_the_carb_ratio_falls_from_a_tenth_on_and_rises_from_less(
    ratio: float, shares: dict[str, Any], because: Because | None
) -> None:
    step = next_step(step_case(new=settings(ratio=ratio), glucose=high(**shares)))
    moved = [c for c in step.changes if c.part is Part.CARB_RATIO]
    assert bool(moved) is (because is None)
    assert because is None or because in why(step, Part.CARB_RATIO)


@pytest.mark.parametrize(("ratio", "new"), [(9.0, 9.5), (8.0, 9.3), (7.5, 9.3), (11.0, 10.5), (12.0, 10.5)])
def test_half_of_the_way_and_seven_percent_down_or_five_up_at_most(ratio: float, new: float) -> None:
    (change,) = next_step(step_case(new=settings(ratio=ratio), glucose=high(below=2.2))).changes
    assert change.new == new


@pytest.mark.parametrize(("ratio", "new"), [(10.3, 10.3), (10.4, 10.4), (10.5, 10.5), (12.0, 10.5)])
def test_beyond_a_low_limit_a_ratio_goes_the_whole_way_up_and_five_percent_at_most(ratio: float, new: float) -> None:
    (change,) = next_step(step_case(new=settings(ratio=ratio), glucose=high(below=4.0))).changes
    assert change.new == new


def test_a_day_changes_by_five_percent_at_most() -> None:
    assert sum(rates(step_case(new=settings(basal=1.2), step=0.01))) == pytest.approx(24 * 1.05, abs=0.011)


def test_an_hour_changes_by_fourteen_percent_at_most() -> None:
    now = settings(basal=[1.0] * 24)
    new = settings(basal=[1.0] * 12 + [1.4] * 12)
    found = rates(replace(step_case(now, new, step=0.01), caps=replace(CAPS, high=2.0)))
    assert max(found) <= 1.14 + 1e-9


@pytest.mark.parametrize(("share", "rises"), [(4.0, True), (4.1, False)])
def test_an_hour_with_lows_in_the_four_after_it_does_not_rise(share: float, rises: bool) -> None:
    found = rates(step_case(glucose=by_hour({h: {"below_70_percent": share} for h in (1, 2, 3, 4)})))
    assert (found[0] > 1.0) is rises


@pytest.mark.parametrize(("share", "falls"), [(33.0, True), (33.1, False)])
def test_an_hour_with_highs_in_the_four_after_it_does_not_fall(share: float, falls: bool) -> None:
    case = step_case(
        new=settings(basal=0.9), glucose=by_hour({h: {"above_180_percent": share} for h in (1, 2, 3, 4)}), step=0.05
    )
    assert (rates(case)[0] < 1.0) is falls


def test_in_lows_what_falls_is_offered_alone() -> None:
    new = settings(basal=[0.8] * 6 + [1.3] * 18)
    step = next_step(step_case(new=new, glucose=high(below=6.0)))
    assert step.only_reductions
    assert {change.new < change.current for change in step.changes} == {True}
    assert step.said is not None
    assert step.said.because is Because.REDUCTIONS_NOT_ENOUGH


def test_a_half_that_is_less_than_a_pumps_step_waits() -> None:
    now = settings(basal=0.3)
    step = next_step(step_case(now, settings(basal=0.33)))
    assert step.kind is StepKind.WAIT
    assert step.said is not None
    assert step.said.because is Because.PUMP_STEP


BASELINE = Baseline(
    set_at="2026-01-01T00:00:00+00:00",
    basal_u_per_h=(0.95,) * 24,
    isf_mgdl_per_u=(BlockValue(start="00:00", value=50.0),),
    carb_ratio_g_per_u=(BlockValue(start="00:00", value=11.5),),
)


@pytest.mark.parametrize(
    ("of_basal", "daily"), [(0.95, 1.05), (0.90, 1.05), (0.88, 1.0384), (0.86, 1.0148), (1 / 1.18, 1.0), (0.8, 1.0)]
)
def test_no_chain_of_steps_leaves_the_baselines_day(of_basal: float, daily: float) -> None:
    baseline = BASELINE.model_copy(update={"basal_u_per_h": (of_basal,) * 24})
    found = rates(step_case(baseline=baseline, step=0.005))
    assert sum(found) / 24 == pytest.approx(daily, abs=0.0003)


def test_a_carb_ratio_stops_at_the_baselines_limit() -> None:
    case = step_case(new=settings(ratio=7.5), baseline=BASELINE)
    assert [c.new for c in next_step(case).changes] == [9.3]  # 0.8 of 11.5 is 9.2
    tighter = BASELINE.model_copy(update={"carb_ratio_g_per_u": (BlockValue(start="00:00", value=12.0),)})
    assert [c.new for c in next_step(replace(case, baseline=tighter)).changes] == [9.6]


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"days_since_step": 6.99}, Because.COOL_DOWN),
        ({"days_since_step": 7.0}, None),
        ({"taken_back_days_ago": 13.99}, Because.PAUSE),
        ({"taken_back_days_ago": 14.0}, None),
        ({"against": ["too_little_data"]}, Because.DATA),
        ({"glucose": None}, Because.NO_GLUCOSE),
        ({"new": settings(basal=1.1, dia_h=7.0)}, Because.OTHER_CURVE),
    ],
)
def test_a_step_waits(changes: dict[str, Any], because: Because | None) -> None:
    step = next_step(step_case(**changes))
    assert step.kind is (StepKind.WAIT if because else StepKind.CHANGE)
    assert because is None or (step.said is not None and step.said.because is because)


@given(
    now=st.lists(st.integers(2, 60).map(lambda n: n * 0.05), min_size=24, max_size=24),
    factors=st.lists(st.floats(0.7, 1.2), min_size=24, max_size=24),
    above=st.floats(0.0, 60.0),
    below=st.floats(0.0, 12.0),
    of_baseline=st.floats(0.8, 1.2),
)
def test_a_step_never_leaves_its_limits(
    now: list[float], factors: list[float], above: float, below: float, of_baseline: float
) -> None:
    new = settings(basal=[round(rate * factor, 3) for rate, factor in zip(now, factors, strict=True)])
    baseline = BASELINE.model_copy(update={"basal_u_per_h": tuple(rate * of_baseline for rate in now)})
    case = step_case(settings(basal=now), new, glucose=high(above + 4, below, min(below, 0.5)), baseline=baseline)
    found = rates(case)
    for hour, (old, rate) in enumerate(zip(now, found, strict=True)):
        least, most = limits_of_hour(case, hour)
        assert rate == old or least - 1e-9 <= rate <= most + 1e-9
        assert (rate - old) * (new.basal_u_per_h[hour] - old) >= 0
        assert rate <= old or not case.only_reductions
    total, change = sum(now), sum(found) - sum(now)
    assert abs(change) <= 0.05 * total + 0.05
    low, high_ = 0.85 * total * of_baseline, 1.18 * total * of_baseline
    assert change <= 1e-9 or sum(found) <= high_ + 0.05
    assert change >= -1e-9 or sum(found) >= low - 0.05


def test_every_threshold_has_its_source() -> None:
    assert len({limit.name for limit in LIMITS}) == len(LIMITS)
    assert all(limit.what and limit.unit and limit.source for limit in LIMITS)
