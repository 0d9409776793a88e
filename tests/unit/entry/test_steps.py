"""The numbers of every device: where a band begins and ends, and what lies just beside a number."""

from __future__ import annotations

import pytest

from flows.entry.pumps import PUMPS
from flows.entry.steps import StepBand, Steps, even, spread
from flows.entry.system import SYSTEMS, entry_system
from flows.proposal.document import Units
from flows.settings import AgeGroup
from tests.unit.entry.cases import adult

# By pump: rates it takes, and rates just beside them that it does not.
TAKES: dict[str, tuple[list[float], list[float]]] = {
    "omnipod": ([0.05, 1.0, 30.0], [0.0, 0.025, 0.04, 1.02, 30.05]),
    "omnipod-5": ([0.05, 30.0], [0.0, 0.03, 30.05]),
    "medtronic": ([0.025, 0.975, 1.0, 1.05, 9.95, 10.0, 10.1, 35.0], [0.02, 1.025, 9.975, 10.05, 35.1]),
    "medtronic-older": ([0.05, 1.05, 35.0], [0.025, 1.025]),
    "medtronic-600-700": ([0.025, 1.05, 10.1], [1.025, 10.05]),
    "tandem": ([0.1, 0.101, 1.234, 15.0], [0.099, 15.001]),
    "dana": ([0.04, 0.29, 1.13], [0.03, 0.045]),
    "dana-r-korean": ([0.1, 0.11], [0.09]),
    "insight": ([0.02, 4.99, 5.0, 5.1], [0.01, 5.05]),
    "combo": ([0.05, 0.06, 0.99, 1.0, 1.05, 10.0, 10.1], [0.04, 1.01, 1.37, 10.05]),
    "ypsopump": ([0.02, 0.99, 1.0, 1.02, 2.0, 2.1, 15.0, 15.5, 40.0], [0.01, 1.01, 1.05, 2.05, 15.1, 40.5]),
    "medtrum": ([0.05, 25.0], [0.03, 25.05]),
    "diaconn": ([0.05, 0.06, 3.0], [0.04, 3.01]),
    "equil": ([0.01, 3.0], [0.005, 3.01]),
    "eopatch": ([0.05, 15.0], [0.06, 15.05]),
}


def test_every_pump_has_its_case() -> None:
    assert set(TAKES) == set(PUMPS)


@pytest.mark.parametrize("name", PUMPS)
def test_a_pump_takes_these_rates_and_not_those_beside_them(name: str) -> None:
    rates = PUMPS[name].basal.enterable
    takes, does_not = TAKES[name]
    assert [rate for rate in takes if not rates.has(rate)] == []
    assert [rate for rate in does_not if rates.has(rate)] == []


APPS_TAKE = [
    ("trio", "carb_ratio", [1.0, 9.9, 50.0], [0.9, 9.95, 50.1]),
    ("iaps", "carb_ratio", [0.1, 50.0], [0.05, 50.1]),
    ("loop", "carb_ratio", [2.0, 150.0], [1.9, 150.1]),
    ("aaps", "carb_ratio", [2.0, 100.0], [1.9, 100.1]),
    ("omnipod-5", "carb_ratio", [1.0, 150.0], [0.9, 150.1]),
    ("medtronic-older", "carb_ratio", [9.0, 10.0], [9.5]),
    ("tandem", "carb_ratio", [9.9, 10.0, 11.0], [10.5]),
    ("trio", "isf", [9.0, 540.0], [8.0, 9.5, 541.0]),
    ("iaps", "isf", [9.0, 540.0], [8.0, 541.0]),
    ("loop", "isf", [10.0, 500.0], [9.0, 501.0]),
    ("aaps", "isf", [2.0, 1000.0], [1.0, 1001.0]),
    ("omnipod-5", "isf", [1.0, 400.0], [0.5, 401.0]),
    ("medtronic", "isf", [511.0], [512.0]),
    ("trio", "dia_h", [5.0, 5.5, 10.0], [4.5, 6.2, 10.5]),
    ("aaps", "dia_h", [5.0, 6.2, 9.0], [4.9, 9.1]),
    ("iaps", "dia_h", [4.0, 6.25], [0.5]),
]


@pytest.mark.parametrize(("name", "setting", "takes", "does_not"), APPS_TAKE)
def test_an_app_takes_these_numbers_and_not_those_beside_them(
    name: str, setting: str, takes: list[float], does_not: list[float]
) -> None:
    numbers = getattr(adult(name), setting)
    assert [value for value in takes if not numbers.has(value)] == []
    assert [value for value in does_not if numbers.has(value)] == []


MMOL = [
    ("trio", [0.5, 29.9], [0.4, 0.55]),
    ("iaps", [0.1, 30.0], [30.1]),
    ("loop", [0.6, 27.7], [0.5, 27.8]),
    ("aaps", [0.2, 55.5], [0.1, 55.6]),
]


@pytest.mark.parametrize(("name", "takes", "does_not"), MMOL)
def test_a_person_in_mmol_is_given_tenths(name: str, takes: list[float], does_not: list[float]) -> None:
    numbers = entry_system(name, Units.MMOL_PER_L, AgeGroup.ADULT).isf
    assert numbers is not None
    assert [value for value in takes if not numbers.has(value)] == []
    assert [value for value in does_not if numbers.has(value)] == []


AGE_GROUPS = [("child", 2.0), ("teenager", 5.0), ("adult", 10.0), ("resistant-adult", 12.0), ("pregnant", 25.0)]


@pytest.mark.parametrize(("group", "greatest"), AGE_GROUPS)
def test_aaps_has_the_limits_of_the_age_group(group: str, greatest: float) -> None:
    system = entry_system("aaps", Units.MG_PER_DL, AgeGroup(group))
    assert system.basal.greatest == greatest
    assert system.carb_ratio is not None
    assert system.carb_ratio.has(0.3) is (group == "pregnant")


TOGETHER = [
    # An app's editor and the pump: only what both have.
    ("aaps", "medtronic", [0.05, 0.15, 1.05], [0.025, 0.975, 1.02]),
    ("aaps", "omnipod", [0.05], [0.04, 0.06]),
    ("aaps", "dana", [0.04, 3.01], [0.03]),
    ("trio", "dana", [0.04, 3.0], [3.01]),
    ("trio", "medtronic", [0.025, 0.975, 1.05], [1.025]),
    ("loop", None, [0.05, 10.0], [0.025, 10.05]),
    ("iaps", "omnipod", [0.05, 30.0], [0.025]),
]


@pytest.mark.parametrize(("app", "pump", "takes", "does_not"), TOGETHER)
def test_an_app_offers_what_its_pump_takes_too(
    app: str, pump: str | None, takes: list[float], does_not: list[float]
) -> None:
    rates = entry_system(app, Units.MG_PER_DL, AgeGroup.ADULT, pump).basal
    assert [rate for rate in takes if not rates.has(rate)] == []
    assert [rate for rate in does_not if rates.has(rate)] == []


def test_a_number_between_two_has_both_beside_it() -> None:
    numbers = Steps(0.02, 40.0, (StepBand(0.01, 1.0), StepBand(0.02, 2.0), StepBand(0.1))).enterable
    assert (numbers.down(1.05), numbers.up(1.05), numbers.nearest(1.05)) == (1.04, 1.06, 1.06)
    assert (numbers.down(1.0), numbers.up(1.0)) == (1.0, 1.0)
    assert (numbers.down(0.995), numbers.up(0.995), numbers.nearest(0.994)) == (0.99, 1.0, 0.99)
    assert (numbers.down(0.01), numbers.up(0.01), numbers.up(40.1)) == (None, 0.02, None)
    assert [round(numbers.step_at(at), 3) for at in (0.02, 0.5, 1.01, 1.99, 2.05, 40.0)] == [
        0.01,
        0.01,
        0.02,
        0.02,
        0.1,
        0.1,
    ]


def test_the_noise_of_a_conversion_makes_no_other_number() -> None:
    numbers = even(0.05, 0.05, 30.0).enterable
    assert numbers.has(0.1 + 0.2)
    assert numbers.down(0.30000000000000004) == numbers.up(0.29999999999999993) == 0.3
    assert not numbers.has(0.3001)


@pytest.mark.parametrize(
    ("count", "found"),
    [(0, []), (1, [2]), (2, [1, 3]), (4, [0, 1, 2, 3]), (3, [0, 2, 3])],
)
def test_a_choice_is_spread_evenly(count: int, found: list[int]) -> None:
    assert spread(count, range(4)) == found


def test_every_system_has_a_source_and_the_three_settings() -> None:
    for name in SYSTEMS:
        system = adult(name)
        assert all(system.sources)
        assert len({screen.part for screen in system.screens if screen.part}) == 3
