"""The recommendation on a pump's steps: daily total kept, caps never passed, the shape of several blocks kept."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.oref0.caps import Caps
from flows.oref0.several_values import DayInBlocks, OneOfSeveral, without_repeats
from flows.proposal.document import BlockRegression, ForPump, Units
from flows.proposal.rounding import basal_on_steps, for_pump, on_step
from flows.values.parts import Part
from flows.values.schedule import Block, Schedule

CAPS = Caps(0.7, 1.2)
STEPS = (0.005, 0.01, 0.025, 0.05, 0.1)
rates = st.lists(st.integers(10, 4000).map(lambda n: n / 1000), min_size=24, max_size=24)
ratios = st.lists(st.floats(0.7, 1.2), min_size=24, max_size=24)


@given(rates, ratios, st.sampled_from(STEPS))
def test_every_rate_is_a_step_next_to_upstreams_and_within_its_caps(
    now: list[float], moved: list[float], step: float
) -> None:
    new = [round(a * b, 3) for a, b in zip(now, moved, strict=True)]
    rounded, _ = basal_on_steps(now, new, CAPS, step)
    for current, wanted, rate in zip(now, new, rounded, strict=True):
        assert rate > 0
        if math.floor(current * 1.2 / step + 1e-9) < max(1, math.ceil(current * 0.7 / step - 1e-9)):
            assert rate == current  # no step of the pump's lies within the caps
            continue
        assert rate / step == pytest.approx(round(rate / step), abs=1e-6)
        assert current * 0.7 - 1e-9 <= rate <= current * 1.2 + 1e-9
        assert abs(rate - wanted) <= step + 0.0006


@given(rates, ratios, st.sampled_from(STEPS))
def test_the_daily_total_is_kept_or_the_difference_is_said(now: list[float], moved: list[float], step: float) -> None:
    new = [round(a * b, 3) for a, b in zip(now, moved, strict=True)]
    rounded, remarks = basal_on_steps(now, new, CAPS, step)
    said = [r for r in remarks if "U less basal" in r or "U more basal" in r]
    assert (abs(sum(rounded) - sum(new)) > step / 2 + 1e-9) == bool(said)


@given(rates, st.sampled_from(STEPS))
def test_away_from_the_caps_the_total_is_always_kept_to_half_a_step(now: list[float], step: float) -> None:
    now = [n + 5 * step for n in now]  # so that the caps are at least a step away
    rounded, remarks = basal_on_steps(now, now, CAPS, step)
    assert abs(sum(rounded) - sum(now)) <= step / 2 + 1e-9
    assert not [r for r in remarks if "basal than upstream" in r]


@given(rates, st.sampled_from(STEPS))
def test_rates_on_their_step_stay(now: list[float], step: float) -> None:
    on_it = [max(1, round(n / step)) * step for n in now]
    rounded, remarks = basal_on_steps(on_it, on_it, CAPS, step)
    assert rounded == pytest.approx(on_it)
    assert remarks == []


def test_the_hours_that_lose_most_are_rounded_up() -> None:
    now = [1.0] * 24
    new = [1.01] * 12 + [1.04] * 12
    rounded, _ = basal_on_steps(now, new, CAPS, 0.05)
    assert rounded == [1.0] * 12 + [1.05] * 12  # 24.6 U both ways


@pytest.mark.parametrize(
    ("value", "step", "low", "high", "expected"),
    [
        (30.823, 1.0, 18.3, 31.4, 31.0),
        (31.4, 1.0, 18.3, 31.4, 31.0),  # 31.4 is the cap: never 32
        (9.96, 0.1, 8.0, 9.95, 9.9),
        (2.5, 1.0, 2.0, 4.0, 3.0),  # halves go up
        (0.34, 1.0, 0.3, 0.5, 0.34),  # no step within the caps: as it is
        (0.9, 1.0, 0.3, 0.5, 0.5),
    ],
)
def test_a_number_goes_to_its_nearest_step_within_the_caps(
    value: float, step: float, low: float, high: float, expected: float
) -> None:
    assert on_step(value, step, low, high) == expected


def pump(units: Units, isf: Schedule, isf_ratio: float = 1.1, ratio: float = 0.9) -> ForPump:
    return for_pump(
        basal_now_u_per_h=[1.0] * 24,
        basal_u_per_h=[1.1] * 24,
        isf_now_mgdl_per_u=isf,
        isf_ratio=isf_ratio,
        carb_ratio_now_g_per_u=Schedule((Block(0, 10.0), Block(720, 8.0))),
        carb_ratio_ratio=ratio,
        caps=CAPS,
        units=units,
    )


def test_several_blocks_keep_their_shape() -> None:
    made = pump(Units.MG_PER_DL, Schedule((Block(0, 40.0), Block(390, 60.0))))
    assert [(b.start, b.current_mgdl_per_u, b.recommended_mgdl_per_u) for b in made.isf] == [
        ("00:00", 40.0, 44.0),
        ("06:30", 60.0, 66.0),
    ]
    assert [(b.start, b.recommended_g_per_u) for b in made.carb_ratio] == [("00:00", 9.0), ("12:00", 7.2)]


def of_several(part: Part, schedule: Schedule, *amounts: float, ratio: float) -> ForPump:
    """Both schedules alike; on one day there was so much in each block of one of them."""
    one = OneOfSeveral(part, schedule, (DayInBlocks("d", amounts, tuple(int(a > 0) for a in amounts), 7),))
    return for_pump(
        basal_now_u_per_h=[1.0] * 24,
        basal_u_per_h=[1.0] * 24,
        isf_now_mgdl_per_u=schedule,
        isf_ratio=ratio,
        carb_ratio_now_g_per_u=schedule,
        carb_ratio_ratio=ratio,
        caps=CAPS,
        units=Units.MG_PER_DL,
        several=[one],
        regressions=[BLOCK, None] if part is Part.CARB_RATIO else [],
    )


BLOCK = BlockRegression(windows=8, insulin_factor=1.1, insulin_factor_low=1.0, insulin_factor_high=1.2)
TWO = Schedule((Block(0, 40.0), Block(390, 60.0)))


def test_a_block_without_meals_stays_whatever_upstream_changes() -> None:
    made = of_several(Part.CARB_RATIO, TWO, 60.0, 0.0, ratio=0.9)
    assert [(b.recommended_g_per_u, b.meals, b.carbs_g) for b in made.carb_ratio] == [(36.0, 1, 60.0), (60.0, 0, 0.0)]
    assert [b.regression for b in made.carb_ratio] == [BLOCK, None], "and what is known of a block moves nothing"
    one = made.one_of(Part.CARB_RATIO)
    assert one is not None
    assert (one.factor, one.meals, one.tuned, one.reliable) == (0.9, 7, True, True)
    assert (made.unused(Part.CARB_RATIO), made.several, made.untrusted) == (
        ("06:30",),
        (Part.ISF, Part.CARB_RATIO),
        (Part.ISF,),  # which in this test nobody made one of
    )
    without = of_several(Part.CARB_RATIO, TWO, 0.0, 0.0, ratio=0.9)
    assert [b.recommended_g_per_u for b in without.carb_ratio] == [40.0, 60.0], "without any meals nothing is tuned"
    assert without.one_for_several[0].factor == 1.0
    assert without.unused(Part.CARB_RATIO) == ()


def test_how_a_schedule_is_cut_changes_nothing() -> None:
    cut = Schedule((Block(0, 40.0), Block(120, 40.0), Block(390, 60.0), Block(900, 60.0)))
    one = OneOfSeveral(Part.CARB_RATIO, without_repeats(cut), (DayInBlocks("d", (60.0, 0.0), (1, 0), 7),))
    made = for_pump(
        basal_now_u_per_h=[1.0] * 24,
        basal_u_per_h=[1.0] * 24,
        isf_now_mgdl_per_u=Schedule.constant(50.0),
        isf_ratio=1.0,
        carb_ratio_now_g_per_u=cut,
        carb_ratio_ratio=0.9,
        caps=CAPS,
        units=Units.MG_PER_DL,
        several=[one],
        regressions=[BLOCK, None],
    )
    assert [b.recommended_g_per_u for b in made.carb_ratio] == [36.0, 36.0, 60.0, 60.0]
    assert [b.meals for b in made.carb_ratio] == [1, 1, 0, 0]
    assert without_repeats(cut) == TWO
    assert without_repeats(TWO) == TWO


def test_a_block_without_points_keeps_its_isf() -> None:
    made = of_several(Part.ISF, TWO, 0.0, 10.0, ratio=1.1)
    assert [(b.recommended_mgdl_per_u, b.points) for b in made.isf] == [(40.0, 0), (66.0, 10)]
    assert made.unused(Part.ISF) == ("00:00",)
    few = of_several(Part.ISF, TWO, 0.0, 9.0, ratio=1.1)
    assert [b.recommended_mgdl_per_u for b in few.isf] == [40.0, 60.0]


def test_isf_is_on_its_step_in_the_persons_unit() -> None:
    (block,) = pump(Units.MMOL_PER_L, Schedule.constant(50.4)).isf  # 2.8 mmol/L per U
    assert (block.current_mmoll_per_u, block.recommended_mmoll_per_u) == (2.8, 3.1)
    assert block.recommended_mgdl_per_u == pytest.approx(3.1 * 18)


@given(st.floats(5, 500), st.floats(1 / 1.2, 1 / 0.7), st.sampled_from(list(Units)))
def test_isf_never_passes_its_caps(isf: float, ratio: float, units: Units) -> None:
    (block,) = pump(units, Schedule.constant(isf), isf_ratio=ratio).isf
    assert isf / 1.2 - 0.001 <= block.recommended_mgdl_per_u <= isf / 0.7 + 0.001


def test_blocks_never_pass_upstreams_own_limits_of_the_carb_ratio() -> None:
    made = for_pump(
        basal_now_u_per_h=[1.0] * 24,
        basal_u_per_h=[1.0] * 24,
        isf_now_mgdl_per_u=Schedule.constant(50.0),
        isf_ratio=1.0,
        carb_ratio_now_g_per_u=Schedule((Block(0, 3.0), Block(480, 2.5), Block(720, 9.0), Block(960, 140.0))),
        carb_ratio_ratio=0.7,
        caps=CAPS,
        units=Units.MG_PER_DL,
    )
    assert [b.recommended_g_per_u for b in made.carb_ratio] == [3.0, 2.5, 6.3, 98.0]
    more = CAPS.carb_ratio(140.0), CAPS.carb_ratio(160.0)
    assert more == ((98.0, 150.0), (pytest.approx(112.0), 160.0))


def test_what_upstream_did_not_move_stays_to_the_decimal() -> None:
    made = pump(Units.MMOL_PER_L, Schedule((Block(0, 47.0), Block(720, 46.0))), isf_ratio=1.0, ratio=1.0)
    assert [b.recommended_mgdl_per_u for b in made.isf] == [47.0, 46.0]
    assert [b.recommended_g_per_u for b in made.carb_ratio] == [10.0, 8.0]


def test_rates_that_are_not_on_the_pumps_step_are_told_of() -> None:
    _, remarks = basal_on_steps([0.275] * 24, [0.28] * 24, CAPS, 0.05)
    assert any("--basal-step" in r for r in remarks)
    assert not basal_on_steps([0.275] * 24, [0.275] * 24, CAPS, 0.025)[1]
