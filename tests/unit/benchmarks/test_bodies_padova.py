"""The model of the bundled fixtures, many bodies at once: it is that model, and offers what the others offer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.bodies import padova
from benchmarks.bodies.padova import Padova, at_their_rest, draw_some, read_people
from benchmarks.bodies.truth import carb_ratio, isf_correction, isf_difference

ONE = np.ones(1)
ROUND_NUMBERS = {
    **{"weight_kg": 70, "ib": 100, "vg": 1.8, "vi": 0.05, "vmx": 0.06, "vm0": 5, "km0": 230, "fsnc": 1},
    **{"kabs": 0.2, "kmax": 0.03, "kmin": 0.01, "b": 0.8, "d": 0.2, "k1": 0.06, "k2": 0.09, "p2u": 0.03},
    **{"m1": 0.16, "m2": 0.3, "m4": 0.12, "m30": 0.24, "ki": 0.01, "kp1": 5, "kp2": 0.005, "kp3": 0.014, "f": 0.9},
    **{"ke1": 0.0005, "ke2": 340, "kd": 0.016, "ksc": 0.08, "ka1": 0.003, "ka2": 0.015},
}


@pytest.fixture(scope="module")
def body() -> Padova:
    """An invented one: the virtual people's own numbers stay in their package."""
    return at_their_rest(Padova(**{k: v * ONE for k, v in ROUND_NUMBERS.items()}, resting=ONE))


def test_at_rest_nothing_drifts(body: Padova) -> None:
    three, glucose = body.only([0, 0, 0]), np.array([90.0, 120.0, 200.0])
    state, basal = three.at_rest(glucose)
    later = three.advance(state, basal, np.ones(3), 24 * 60, 5)
    assert np.abs(three.glucose_mgdl(later) - glucose).max() < 0.01
    assert np.abs(three.sensed_mgdl(later) - glucose).max() < 0.01
    with pytest.raises(ValueError, match="no insulin rate"):
        body.at_rest(2000.0)


def test_the_day_moves_the_liver_so_that_the_need_for_basal_goes_with_it(body: Padova) -> None:
    mean, less = body.at_rest(120.0)[1], body.at_rest(120.0, 0.8)[1]
    assert less == pytest.approx(mean / 0.8)


def test_a_meal_arrives_whole_at_five_grams_a_minute(body: Padova) -> None:
    state, basal = body.at_rest(120.0)
    body.eat(state, 60 * ONE)
    later = body.advance(state, basal, ONE, 6)
    assert later[padova.WAITING] == pytest.approx(30_000)
    assert later[[padova.SOLID, padova.LIQUID, padova.GUT]].sum() <= 30_000
    rest, day_after = body.at_rest(120.0)[0], body.advance(later, basal, ONE, 16 * 60, 5)
    assert day_after[[padova.WAITING, padova.SOLID, padova.LIQUID, padova.GUT]].sum() < 1
    assert (body.glucose_mgdl(later) > 120).all()
    assert body.glucose_mgdl(day_after) == pytest.approx(body.glucose_mgdl(rest), abs=5)


def test_a_large_step_is_cut_into_smaller_ones(body: Padova) -> None:
    fast = replace(body, m1=0.5 * ONE, m30=0.8 * ONE)
    state, basal = fast.at_rest(120.0)
    fast.inject(state, 5 * ONE)
    coarse, fine = (fast.glucose_mgdl(fast.advance(state, basal, ONE, 240, step)) for step in (5.0, 0.5))
    assert abs(coarse - fine)[0] < 0.1


def test_exercise_lowers_glucose_mildly(body: Padova) -> None:
    state, basal = body.at_rest(120.0)
    for intensity, lowest, highest in ((0.0, 119.9, 120.1), (0.15, 80, 119)):
        later = body.exercising(intensity * ONE).advance(state, basal, ONE, 45, 5)
        assert lowest < body.glucose_mgdl(later)[0] < highest


def test_doses_are_read_by_the_same_functions(body: Padova) -> None:
    assert 4 < carb_ratio(body, 4)[0] < 25
    assert isf_correction(body, 4)[0] > 1.2 * isf_difference(body, 4)[0] > 8


def test_where_the_package_lacks_it_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(padova, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r"simglucose 0\.2\.11.*make_fixtures"):
        read_people()


def test_it_is_the_model_of_the_fixtures_where_simglucose_is_installed() -> None:
    theirs = pytest.importorskip("simglucose.patient.t1dpatient", reason="needs simglucose")
    names, virtual = read_people()
    number = names.index("adult#007")
    one = virtual.only([number])
    patient = theirs.T1DPatient.withName(names[number])
    state, basal = one.at_rest(120.0)
    still = theirs.T1DPatient.model(0, state[:13, 0], theirs.Action(0, basal[0] / 60), patient._params, 0, 0)
    assert np.abs(still).max() < 1e-9
    patient = theirs.T1DPatient.withName(names[number], init_state=state[:13, 0].copy())
    apart = []
    for minute in range(24 * 60):
        units, grams = {480: (4.0, 60), 500: (0.0, 15), 1080: (5.0, 80)}.get(minute, (0.0, 0))
        patient.step(theirs.Action(grams, basal[0] / 60 + units))
        one.eat(state, grams * ONE)
        one.inject(state, units * ONE)
        state = one.advance(state, basal, ONE, 1)
        apart.append(abs(one.glucose_mgdl(state)[0] - patient.state[3] / patient._params.Vg))
    assert max(apart) < 1  # theirs takes a minute to inject, this one does it at once


def test_drawn_people_are_the_same_for_a_seed_where_simglucose_is_installed() -> None:
    pytest.importorskip("simglucose", reason="needs simglucose")
    some, again = (draw_some(np.random.default_rng(7), 12) for _ in range(2))
    assert np.array_equal(some.vmx, again.vmx)
    assert some.can_rest(120.0).all()
    assert some.weight_kg.min() > 20
