"""When a site is left alone and for how long."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies

from flows.errors import Reason
from flows.nightscout.circuit_breaker import (
    DEAD_RUNS,
    FIRST_REST_S,
    LOCKED_RUNS,
    LONGEST_REST_S,
    PROBE_S,
    SiteState,
    after_run,
    before_run,
    without_future,
)

NOW_S = 1_795_385_600.0  # 2026-11-22 22:13:20 UTC
DEAD, LOCKED, FINE = Reason.SITE_UNREACHABLE, Reason.SITE_UNAUTHORIZED, None


@pytest.mark.parametrize(
    ("runs", "resting"),
    [
        ([], False),
        ([DEAD] * (DEAD_RUNS - 1), False),
        ([DEAD] * DEAD_RUNS, True),
        ([DEAD, DEAD, FINE, DEAD], False),
        ([DEAD, DEAD, Reason.NO_PROFILE, DEAD], False),  # the site answered
        ([DEAD, DEAD, Reason.SITE_INCOMPLETE, DEAD], False),
        ([DEAD, Reason.SITE_FAILS, Reason.SITE_BUSY], True),
        ([Reason.SITE_NOT_DATA, Reason.SITE_ASKS_TO_WAIT, Reason.SITE_FAILS], True),
        ([DEAD, Reason.SITE_PAUSED, Reason.SITE_URL, Reason.BASIC_AUTH_FORM, DEAD], False),
        ([LOCKED] * (LOCKED_RUNS - 1), False),
        ([LOCKED] * LOCKED_RUNS, True),
        ([LOCKED, Reason.SITE_FORBIDDEN, Reason.SITE_NOT_FOUND, Reason.SITE_BASIC_AUTH, LOCKED], True),
        ([LOCKED, LOCKED, LOCKED, LOCKED, FINE, LOCKED], False),
        ([LOCKED, LOCKED, DEAD, DEAD], False),
        ([LOCKED, DEAD, DEAD, DEAD], True),
    ],
)
def test_a_site_is_left_alone_after_some_runs_in_a_row(runs: list[Reason | None], resting: bool) -> None:
    state = SiteState()
    for reason in runs:
        state = after_run(state, reason, NOW_S)
    assert bool(state.rest_until_s) is resting
    _, until_s = before_run(state, NOW_S)
    assert until_s == (NOW_S + FIRST_REST_S if resting else None)


def test_the_rest_doubles_up_to_a_day() -> None:
    state, now_s, rests = SiteState(), NOW_S, []
    for _ in range(9):
        state = after_run(state, DEAD, now_s)
        if state.rest_until_s:
            rests.append((state.rest_until_s - now_s) / 3600)
            now_s = state.rest_until_s
            state, until_s = before_run(state, now_s)
            assert until_s is None
    assert rests == [1, 2, 4, 8, 16, 24, 24]
    assert after_run(state, FINE, now_s) == SiteState()


def test_after_a_rest_one_run_may_try_and_the_others_wait_for_it() -> None:
    state = SiteState(dead_runs=3, since_s=NOW_S, reason=DEAD.code, rest_s=3600, rest_until_s=NOW_S)
    trying, until_s = before_run(state, NOW_S)
    assert until_s is None
    assert before_run(trying, NOW_S + 1) == (trying, NOW_S + PROBE_S)
    assert before_run(trying, NOW_S + PROBE_S)[1] is None  # it never told how it ended
    assert before_run(after_run(trying, FINE, NOW_S + 5), NOW_S + 5)[1] is None
    assert before_run(after_run(trying, DEAD, NOW_S + 5), NOW_S + 5)[1] == NOW_S + 5 + 2 * FIRST_REST_S


def test_a_run_that_ignores_the_rest_does_not_lengthen_it() -> None:
    resting = SiteState(dead_runs=3, since_s=NOW_S, reason=DEAD.code, rest_s=3600, rest_until_s=NOW_S + 3600)
    assert after_run(resting, DEAD, NOW_S + 60).rest_until_s == resting.rest_until_s
    assert after_run(resting, FINE, NOW_S + 60) == SiteState()


def test_a_clock_set_back_does_not_make_a_rest_longer_than_a_day() -> None:
    ahead = SiteState(3, 0, NOW_S + 10**7, DEAD.code, 10**7, NOW_S + 10**7, NOW_S + 10**7)
    sane = without_future(ahead, NOW_S)
    assert (sane.rest_s, sane.rest_until_s) == (LONGEST_REST_S, NOW_S + LONGEST_REST_S)
    assert (sane.since_s, sane.probe_until_s) == (NOW_S, NOW_S + PROBE_S)


@hypothesis.given(
    steps=strategies.lists(
        strategies.tuples(strategies.sampled_from([FINE, DEAD, LOCKED, Reason.SITE_PAUSED]), strategies.floats(0, 2e5))
    )
)
def test_whatever_happens_a_site_is_asked_again_within_a_day(steps: list[tuple[Reason | None, float]]) -> None:
    state, now_s = SiteState(), NOW_S
    for reason, passed_s in steps:
        state = after_run(state, reason, now_s)
        now_s += passed_s
        state, until_s = before_run(state, now_s)
        assert until_s is None or now_s < until_s <= now_s + LONGEST_REST_S
