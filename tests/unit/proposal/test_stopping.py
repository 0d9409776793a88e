"""When the repetitions are enough: the chance that the ceiling decides otherwise, and which settings decide."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.oref0.profile import PumpSettings
from flows.proposal.agreement import agreed_share, change_percent, is_agreed, way
from flows.proposal.stopping import chance_of_another_decision, deciding, settled

NOW = PumpSettings(50.0, 10.0, (1.0,) * 24, 6.0, 75.0)


def basal(**rates: float) -> PumpSettings:
    hours = {int(name.removeprefix("at_")): rate for name, rate in rates.items()}
    return replace(NOW, basal_u_per_h=tuple(hours.get(hour, 1.0) for hour in range(24)))


@pytest.mark.parametrize(
    ("agreeing", "done", "ceiling", "chance"),
    [
        (1, 1, 2, 1 / 3),  # 2 of 2 is agreed, 1 of 2 is not: the next one disagrees in 1 of 3
        (0, 1, 2, 0.0),
        (2, 2, 4, 2 / 5),  # 3 of 4 is too few: both agree with 3/4 · 4/5
        (9, 9, 10, 0.0),  # 9 of 10 is enough
        (8, 9, 10, 9 / 11),  # 8 of 9 is 0.889: the tenth agrees with 9/11
        (7, 9, 10, 0.0),
        (20, 20, 20, 0.0),
        (18, 19, 20, 0.0),
        (17, 18, 20, 2 / 20 * 3 / 21),  # 18 of 20 is enough: both disagree
        (26, 28, 29, 3 / 30),
    ],
)
def test_the_chance_of_another_decision_by_hand(agreeing: int, done: int, ceiling: int, chance: float) -> None:
    assert chance_of_another_decision(agreeing, done, ceiling) == pytest.approx(chance, abs=1e-12)


@cache
def by_one_more(agreeing: int, done: int, ceiling: int) -> float:
    """The chance that it is agreed at the ceiling: the next repetition agrees with (agreeing + 1) / (done + 2)."""
    if done == ceiling:
        return float(is_agreed(agreeing, done))
    agrees = (agreeing + 1) / (done + 2)
    return agrees * by_one_more(agreeing + 1, done + 1, ceiling) + (1 - agrees) * by_one_more(
        agreeing, done + 1, ceiling
    )


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(n, 90))))
def test_it_is_what_comes_of_one_repetition_after_the_other(case: tuple[int, int, int]) -> None:
    at_ceiling = by_one_more(*case)
    expected = 1 - at_ceiling if is_agreed(*case[:2]) else at_ceiling
    assert chance_of_another_decision(*case) == pytest.approx(expected, abs=1e-9)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(n, 400))))
def test_the_nearer_to_nine_in_ten_the_less_is_known(case: tuple[int, int]) -> None:
    done, ceiling = case
    chances = [chance_of_another_decision(k, done, ceiling) for k in range(done + 1)]
    below = [c for k, c in enumerate(chances) if not is_agreed(k, done)]
    above = [c for k, c in enumerate(chances) if is_agreed(k, done)]
    assert below == sorted(below)
    assert above == sorted(above, reverse=True)
    assert all(0 <= c <= 1 for c in chances)


@pytest.mark.parametrize(
    ("agreeing", "done", "is_settled"),
    [
        (27, 28, True),  # 9.8 %
        (26, 28, False),  # 30.6 %
        (68, 75, True),  # 9.3 %
        (34, 40, True),  # 8.3 %, and not agreed
        (35, 40, False),  # 25.4 %
        (38, 40, True),  # 7.2 %
        (37, 40, False),  # 22.9 %
    ],
)
def test_below_ten_percent_a_setting_is_settled(agreeing: int, done: int, is_settled: bool) -> None:
    assert settled([agreeing], done, 80) is is_settled


@pytest.mark.parametrize(
    ("agreeing", "done", "ceiling", "is_settled"),
    [
        (63, 69, 80, True),  # 9.996 %
        (49, 57, 161, True),  # 9.999 %
        (26, 28, 29, False),  # 10 %
        (49, 52, 121, False),  # 10.001 %
    ],
)
def test_ten_percent_is_too_much(agreeing: int, done: int, ceiling: int, is_settled: bool) -> None:
    assert settled([agreeing], done, ceiling) is is_settled


@pytest.mark.parametrize(("done", "is_settled"), [(19, False), (20, True)])
@pytest.mark.parametrize("nobody", [[], [0]])
def test_twenty_there_are_at_least(done: int, is_settled: bool, nobody: list[int]) -> None:
    assert settled(nobody, done, 1000) is is_settled


def test_one_unsettled_setting_is_enough_to_go_on() -> None:
    assert settled([40, 40, 0], 40, 80)
    assert not settled([40, 37, 0], 40, 80)


# ---- which settings decide


@pytest.mark.parametrize(
    ("new", "keys"),
    [
        (NOW, []),
        (replace(NOW, isf_mgdl_per_u=52.47), []),  # 4.9 %
        (replace(NOW, isf_mgdl_per_u=52.48), ["isf"]),  # shown as 5.0 %
        (replace(NOW, isf_mgdl_per_u=47.52), ["isf"]),
        (replace(NOW, isf_mgdl_per_u=47.53), []),
        (replace(NOW, carb_ratio_g_per_u=10.494), []),
        (replace(NOW, carb_ratio_g_per_u=9.5), ["carb_ratio"]),
        (basal(at_0=1.05, at_7=0.95, at_23=1.049), ["basal_00", "basal_07"]),
        (replace(NOW, dia_h=8.0, insulin_peak_min=55.0), []),
    ],
)
def test_what_changes_by_a_twentieth_decides(new: PumpSettings, keys: list[str]) -> None:
    assert [one.key for one in deciding(NOW, new)] == keys


def test_agreeing_is_moving_the_recommended_way() -> None:
    up, down = deciding(NOW, replace(NOW, isf_mgdl_per_u=55.0, carb_ratio_g_per_u=9.0))
    repeated = [replace(NOW, isf_mgdl_per_u=isf, carb_ratio_g_per_u=9.5) for isf in (50.0, 50.001, 50.0011, 60.0, 49.0)]
    assert (up.agreeing(repeated), down.agreeing(repeated)) == (2, 5)
    assert up.agreeing([]) == 0
    (hour,) = deciding(NOW, basal(at_5=0.9))
    assert hour.agreeing([basal(at_5=0.8), basal(at_4=0.8), basal(at_5=1.2)]) == 1


@pytest.mark.parametrize(
    ("agreeing", "repetitions", "share", "agreed"),
    [(9, 10, 0.9, True), (899, 1000, 0.899, False), (188, 209, 0.9, True), (194, 216, 0.898, False), (1, 1, 1.0, True)],
)
def test_nine_in_ten_is_judged_as_it_is_shown(agreeing: int, repetitions: int, share: float, agreed: bool) -> None:
    assert (agreed_share(agreeing, repetitions), is_agreed(agreeing, repetitions)) == (share, agreed)


@pytest.mark.parametrize(
    ("new", "moved", "percent"),
    [(1.001, 0, 0.1), (1.0011, 1, 0.1), (0.999, 0, -0.1), (0.9989, -1, -0.1), (1.0, 0, 0.0), (1.0495, 1, 5.0)],
)
def test_a_way_and_a_change_of_a_number(new: float, moved: int, percent: float) -> None:
    assert way(1.0, new) == moved
    assert change_percent(1.0, new) == pytest.approx(percent, abs=0.051)
