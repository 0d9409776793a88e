"""The one carb ratio and ISF for several: of the person's own meals and points, weighed by day as upstream weighs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.oref0.several_values import (
    LEAST_ISF_POINTS,
    DayInBlocks,
    OneOfSeveral,
    OneValueFrom,
    block_at,
    is_several,
    one_value,
)
from flows.values.parts import Part
from flows.values.schedule import Block, Schedule

RATIOS = Schedule((Block(0, 20.0), Block(360, 10.0), Block(1320, 20.0)))
ISFS = Schedule((Block(0, 60.0), Block(720, 40.0)))


def eaten(*days: tuple[float, float, float]) -> OneOfSeveral:
    """Carbs by block, a tuple a day."""
    made = tuple(DayInBlocks(f"2026-05-{n:02d}", grams, (0, 1, 0), 1) for n, grams in enumerate(days, 1))
    return OneOfSeveral(Part.CARB_RATIO, RATIOS, made)


def seen(*days: tuple[float, float]) -> OneOfSeveral:
    """ISF points by block, a tuple a day."""
    return OneOfSeveral(Part.ISF, ISFS, tuple(DayInBlocks(f"d{n}", points, (0, 0)) for n, points in enumerate(days)))


def test_the_one_ratio_gives_the_insulin_that_the_schedule_gives_for_the_meals() -> None:
    assert eaten((0, 120, 0)).value == 10.0, "the night, in which nobody eats, does not count"
    assert eaten((60, 60, 0)).value == pytest.approx(120 / (60 / 20 + 60 / 10), abs=5e-4)


def test_days_are_weighed_as_upstream_weighs_them() -> None:
    # The last day 1, the one before it 0.8, the first 0.64.
    found = eaten((50, 0, 0), (0, 50, 0), (50, 0, 0))
    assert found.value == pytest.approx((0.64 * 20 + 0.8 * 10 + 1 * 20) / 2.44, abs=5e-4)
    without = eaten((50, 0, 0), (0, 50, 0), (0, 0, 0))
    assert without.value == eaten((50, 0, 0), (0, 50, 0)).value, "a day without carbs moves no carb ratio"


def test_without_carbs_it_is_the_mean_over_the_day_and_not_tuned() -> None:
    for nothing in (eaten(), eaten((0, 0, 0)), eaten((0.5, 0.4, 0))):
        assert (nothing.made_from, nothing.value) == (OneValueFrom.TIME, round(RATIOS.mean(), 3))
        assert nothing.in_use == (False, False, False)
    assert eaten((0, 1, 0)).made_from is OneValueFrom.MEALS


def test_the_one_isf_is_the_mean_over_the_points_of_days_with_enough() -> None:
    few, enough = LEAST_ISF_POINTS - 1, LEAST_ISF_POINTS
    assert (seen((few, 0)).made_from, seen((few, 0)).value) == (OneValueFrom.TIME, 50.0)
    assert (seen((enough, 0)).made_from, seen((enough, 0)).value) == (OneValueFrom.ISF_POINTS, 60.0)
    assert seen((30, 10)).value == 55.0
    assert seen((20, 0), (few, 0), (0, 20)).value == pytest.approx((0.8 * 60 + 40) / 1.8, abs=5e-4)
    assert seen((20, 0), (0, few)).in_use == (True, False)


def test_a_repetition_has_the_value_of_its_own_days() -> None:
    whole = eaten((50, 0, 0), (0, 50, 0))
    assert whole.on(["2026-05-01", "2026-05-01"]).value == 20.0
    assert whole.on(["2026-05-02", "2026-05-01"]).value == pytest.approx((0.8 * 10 + 20) / 1.8, abs=5e-4)
    assert whole.on(["2026-05-02", "2026-05-02"]).in_use == (False, True, False)


def test_it_stays_the_same_through_its_file() -> None:
    one = eaten((50, 20, 0), (0, 50, 1))
    document = json.loads(json.dumps(one.document()))
    assert OneOfSeveral.from_document(document) == one
    assert (document["value"], document["made_from"]) == (one.value, "meals")
    assert one_value([one], Part.CARB_RATIO) is one
    assert one_value([one], Part.ISF) is None


@given(st.lists(st.tuples(*[st.floats(0, 200)] * 3), min_size=1, max_size=20), st.floats(3, 50))
def test_it_lies_within_the_schedule_and_is_the_value_of_equal_blocks(
    days: list[tuple[float, float, float]], ratio: float
) -> None:
    assert 10.0 <= eaten(*days).value <= 20.0
    one = OneOfSeveral(
        Part.CARB_RATIO, Schedule((Block(0, ratio), Block(360, ratio), Block(720, ratio))), eaten(*days).days
    )
    assert one.value == pytest.approx(ratio, abs=1e-3)


@pytest.mark.parametrize(("minutes", "block"), [(0, 0), (359, 0), (360, 1), (1319, 1), (1320, 2), (1439, 2)])
def test_the_block_in_force(minutes: float, block: int) -> None:
    assert block_at(RATIOS, minutes) == block


def test_values_that_upstream_cannot_tell_apart_are_one() -> None:
    assert not is_several(Schedule((Block(0, 10.0), Block(60, 10.004))))
    assert is_several(Schedule((Block(0, 10.0), Block(60, 10.006))))
