"""What decides in a life of the benchmarks, each limit just below and just above."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.bodies import clinic, dosing
from benchmarks.bodies.dosing import Memory
from benchmarks.bodies.hovorka import Hovorka
from benchmarks.bodies.model import Family
from benchmarks.bodies.outcome import outcome
from benchmarks.bodies.parameters import mean_body
from benchmarks.bodies.sensor import Noise, gaps, read

ONE = np.ones(1)
YES = np.ones(1, bool)
ISF, CARB_RATIO = 40 * ONE, 10 * ONE


def remembered(*readings: float, net_u: float = 0.0, told_g: float = 0.0) -> Memory:
    """A memory with these readings, the newest last, and a dose or a meal of five minutes ago."""
    memory = Memory.empty(1)
    memory.passed(net_u * ONE, told_g * ONE)
    for reading in readings:
        memory.read(reading * ONE)
    return memory


def test_a_dose_acts_over_six_hours_most_of_it_in_the_first_three() -> None:
    left = [float(dosing._insulin_left(np.array([minutes]))[0]) for minutes in (0, 75, 180, 355, 360, 600)]
    assert left[0] == 1
    assert 0.6 < left[1] < 0.8
    assert 0.15 < left[2] < 0.3
    assert 0 < left[3] < 0.01
    assert left[4] == pytest.approx(0)
    assert left[5] == pytest.approx(0)


@pytest.mark.parametrize(
    ("memory", "rate"),
    [
        (remembered(110.0), 1.0),  # at the target the schedule
        (remembered(130.0), 2.0),  # 20 mg/dL above: half a unit, in half an hour
        (remembered(400.0), 4.0),  # four times the schedule at most
        (remembered(100.0), 0.5),
        (remembered(75.0), 0.0),  # 1 - 2 * 35 / 40 is below nothing
        (remembered(110.0, net_u=0.5), 0.05),  # it will take 20 mg/dL away, a little less within four hours
        (remembered(110.0, told_g=40.0), 2.33),  # a sixth of it by half an hour
    ],
)
def test_a_loop_brings_the_lowest_it_predicts_to_its_target(memory: Memory, rate: float) -> None:
    assert dosing.wanted_by_loop(memory, ONE, ISF, CARB_RATIO)[0] == pytest.approx(rate, abs=0.15)


def test_a_loop_stops_when_low_or_going_low_and_wants_nothing_without_a_reading() -> None:
    # So high a sensitivity that a low reading by itself takes little off the rate.
    weak = 400 * ONE
    for readings, stops in (((74.9,), True), ((75.0,), False), ((99, 94, 89, 84), True), ((101, 96, 91, 86), False)):
        rate = dosing.wanted_by_loop(remembered(*readings), ONE, weak, CARB_RATIO)[0]
        assert bool(rate == 0) is stops, readings
    assert np.isnan(dosing.wanted_by_loop(remembered(np.nan), ONE, ISF, CARB_RATIO)[0])


@pytest.mark.parametrize(
    ("running", "wanted", "same_hour", "next_rate"),
    [
        (1.0, 1.14, True, 1.0),
        (1.0, 1.16, True, 1.16),
        (1.3, 1.4, False, 1.4),
        (0.1, 0.0, True, 0.0),  # nothing is another thing than little
        (1.5, 1.01, True, 1.0),  # the schedule itself
        (1.5, np.nan, True, 1.0),
    ],
)
def test_a_loop_leaves_a_rate_that_is_about_right(
    running: float, wanted: float, same_hour: bool, next_rate: float
) -> None:
    assert dosing.kept_or_changed(running * ONE, wanted * ONE, ONE, same_hour)[0] == next_rate


@pytest.mark.parametrize(
    ("now", "on_board", "meal", "correction"),
    [
        (150.0, 0.0, 5.0, 0.0),
        (152.0, 0.0, 6.05, 0.0),
        (180.0, 0.0, 6.75, 0.0),
        (182.0, 0.0, 6.8, 1.8),
        (182.0, 1.0, 5.8, 0.8),
        (182.0, 9.0, 5.0, 0.0),
        (np.nan, 0.0, 5.0, 0.0),
    ],
)
def test_a_person_corrects_at_a_meal_above_150_and_else_above_180(
    now: float, on_board: float, meal: float, correction: float
) -> None:
    memory = remembered(now, net_u=on_board)
    assert dosing.meal_bolus(memory, 50 * ONE, ISF, CARB_RATIO, YES)[0] == pytest.approx(meal, abs=0.051)
    assert dosing.correction_bolus(memory, ISF, YES)[0] == pytest.approx(correction, abs=0.051)
    assert dosing.meal_bolus(memory, 50 * ONE, ISF, CARB_RATIO, ~YES)[0] == 5.0  # a loop corrects by itself
    assert dosing.meal_bolus(memory, 0 * ONE, ISF, CARB_RATIO, YES)[0] == 0
    assert dosing.correction_bolus(memory, ISF, ~YES)[0] == 0


@pytest.mark.parametrize(
    ("readings", "felt", "eats"),
    [
        ((65.0,), 90.0, False),
        ((64.0,), 90.0, True),
        ((85.0, 80.0, 75.0, 70.0), 90.0, False),  # to 55
        ((86.0, 80.0, 75.0, 70.0), 90.0, True),  # to 54
        ((np.nan,), 64.0, True),
        ((np.nan,), 66.0, False),
    ],
)
def test_a_person_eats_against_a_low_and_a_coming_one(readings: tuple[float, ...], felt: float, eats: bool) -> None:
    assert bool(dosing.needs_rescue(remembered(*readings), felt * ONE)[0]) is eats


def test_a_sensor_shows_whole_numbers_from_40_to_400_and_its_age() -> None:
    def shown(mgdl: float, worn: float = 5.0, gap: bool = False) -> float:
        return float(read(mgdl * ONE, worn * ONE, 0 * ONE, np.array([gap]))[0])

    assert (shown(20.0), shown(500.0)) == (40.0, 400.0)
    assert shown(120.0) == round((1.048 - 0.165 + 0.05) * 120 - 6.398 + 30.895 - 11.2)
    assert shown(120.0, worn=0.0) < shown(120.0)
    assert np.isnan(shown(120.0, gap=True))


def test_a_sensor_warms_up_and_has_gaps_and_its_noise_is_eight() -> None:
    chance = np.random.default_rng(1)
    worn = np.arange(288) * 5 / 1440
    first, later = gaps(chance, worn), [gaps(chance, worn + 1) for _ in range(200)]
    assert first[:24].all()
    assert 0.02 < np.mean(later) < 0.04
    noise = Noise.settled([np.random.default_rng(n) for n in range(200)]).next(
        [np.random.default_rng([n, 1]) for n in range(200)], 288
    )
    assert 7 < noise.std() < 9


@pytest.mark.parametrize(
    ("glucose", "gri"), [(53, 3.0), (54, 2.4), (69, 2.4), (70, 0), (180, 0), (181, 0.8), (250, 0.8), (251, 1.6)]
)
def test_the_risk_index_weighs_lows_over_highs(glucose: float, gri: float) -> None:
    found = outcome(np.array([glucose] + [120] * 99, dtype=float))
    assert found.gri == pytest.approx(gri)
    assert found.in_range == pytest.approx(100 if gri == 0 else 99)
    assert found.below_70 == pytest.approx(1 if glucose < 70 else 0)
    assert outcome(np.array([120.0, np.nan])).in_range == 100


def test_a_clinic_recognises_the_mean_person_and_no_accident_of_drawing() -> None:
    def recognised(**changed: float) -> bool:
        body: Hovorka = mean_body(Family.OHSU)
        body = replace(body, **{name: getattr(body, name) * by for name, by in changed.items()})
        return bool(clinic.looks_like_a_person(Family.OHSU, body)[0])

    assert recognised()
    assert not recognised(st=0.3, sd=0.3, se=0.3)  # far too much insulin
    assert not recognised(weight_kg=0.25)
    limits = clinic._within(np.array([3.99, 4.0, 25.0, 25.01, np.inf, np.nan]), (4.0, 25.0))
    assert limits.tolist() == [False, True, True, False, False, False]
