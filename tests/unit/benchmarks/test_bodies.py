"""The second family of bodies behaves as published, and what is called right for one is right in it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bodies.model import Bodies, Family, together
from benchmarks.bodies.parameters import draw, mean_body
from benchmarks.bodies.truth import carb_ratio, day_course, isf_correction, isf_difference, right_basal

ONE = np.ones(1)
HOVORKA = (Family.OHSU, Family.CAMBRIDGE)
every_family = pytest.mark.parametrize("family", HOVORKA)


def course_of(bodies: Bodies, state: np.ndarray, basal: np.ndarray, hours: int) -> np.ndarray:
    """Glucose every five minutes."""
    found = []
    for _ in range(hours * 12):
        state = bodies.advance(state, basal, np.ones(len(bodies)), 5, 5)
        found.append(bodies.glucose_mgdl(state))
    return np.array(found)


@every_family
def test_at_rest_nothing_drifts(family: Family) -> None:
    body = mean_body(family)
    state, basal = body.at_rest(120.0)
    later = body.advance(state, basal, ONE, 2 * 24 * 60, 5)
    assert abs(body.glucose_mgdl(later)[0] - 120) < 0.01
    assert abs(body.sensed_mgdl(later)[0] - 120) < 0.01


def test_the_mean_person_of_2004_rests_where_the_published_one_does() -> None:
    rates = [mean_body(Family.OHSU).at_rest(glucose)[1][0] for glucose in (90.0, 120.0, 160.0, 200.0)]
    assert [round(rate, 2) for rate in rates] == [1.07, 1.01, 0.94, 0.78]
    assert not mean_body(Family.OHSU).can_rest(600.0)[0]
    with pytest.raises(ValueError, match="no insulin rate"):
        mean_body(Family.OHSU).at_rest(600.0)


def test_without_insulin_glucose_is_at_369_after_twelve_hours() -> None:
    body = mean_body(Family.OHSU)
    state, _ = body.at_rest(120.0)
    assert body.glucose_mgdl(body.advance(state, 0 * ONE, ONE, 12 * 60))[0] == pytest.approx(369, abs=0.5)


@every_family
def test_a_minute_is_a_step_small_enough(family: Family) -> None:
    body = mean_body(family)
    state, basal = body.at_rest(120.0)
    body.inject(state, 5 * ONE)
    body.eat(state, 60 * ONE)
    coarse, fine = (body.glucose_mgdl(body.advance(state, basal, ONE, 240, step)) for step in (1.0, 0.25))
    assert abs(coarse - fine)[0] < 0.01


@every_family
def test_a_unit_and_ten_grams_do_what_they_do_in_people(family: Family) -> None:
    body = mean_body(family)
    state, basal = body.at_rest(120.0)
    dosed, eaten = state.copy(), state.copy()
    body.inject(dosed, ONE)
    body.eat(eaten, 10 * ONE)
    falls, rises = 120 - course_of(body, dosed, basal, 8)[:, 0], course_of(body, eaten, basal, 6)[:, 0] - 120
    assert 14 < falls.max() < 36
    assert 200 <= 5 * (falls.argmax() + 1) <= 350
    assert 27 < rises.max() < 54
    assert rises[-1] > 10


@every_family
def test_drawn_people_are_the_same_for_a_seed_and_stand_the_tests(family: Family) -> None:
    people, again, others = draw(family, 7, 12), draw(family, 7, 12), draw(family, 8, 12)
    assert np.array_equal(people.st, again.st)
    assert not np.array_equal(people.st, others.st)
    assert np.array_equal(draw(family, 7, 3).st, people.st[:3])
    ones = np.ones(12)
    starved = people.advance(people.at_rest(120.0)[0], 0 * ones, ones, 12 * 60, 5)
    flooded = people.advance(people.at_rest(160.0)[0], 15 * ones, ones, 12 * 60, 5)
    assert people.glucose_mgdl(starved).min() > 300
    assert people.glucose_mgdl(flooded).max() < 100
    # No counter-regulation: far too much insulin ends near nothing, never below.
    assert people.glucose_mgdl(flooded).min() >= 0


def test_what_is_right_holds_what_it_is_said_to_hold() -> None:
    people = together([draw(family, 7, 1) for family in HOVORKA])
    course = day_course(np.random.default_rng(7), 2)
    assert course.mean(axis=1) == pytest.approx(1)
    basal = right_basal(people, course, rounds=2)
    state, _ = people.at_rest(120.0)
    fasting = []
    for hour in range(72):
        state = people.advance(state, basal[:, hour % 24], course[:, hour % 24], 60, 5)
        fasting.append(people.glucose_mgdl(state))
    assert np.abs(np.array(fasting[48:]) - 120).max() < 0.5
    # More in all hours ends far lower: a day's sum is what can be seen.
    more, _ = people.at_rest(120.0)
    for hour in range(24):
        more = people.advance(more, 1.2 * basal[:, hour], course[:, hour], 60, 5)
    assert people.glucose_mgdl(more).max() < 105

    rest, flat = people.at_rest(120.0)
    ratio = carb_ratio(people, 4)
    people.eat(rest, np.full(2, 60.0))
    people.inject(rest, 60.0 / ratio)
    assert people.glucose_mgdl(people.advance(rest, flat, np.ones(2), 240, 5)) == pytest.approx(120, abs=0.1)
    # The two readings of one word: a factor between them that no data resolve.
    assert (isf_correction(people, 4) > 1.2 * isf_difference(people, 4)).all()
