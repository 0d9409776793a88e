"""The study of decisions counts what it says it counts, and the same every time."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest

from benchmarks.decided import (
    CEILINGS,
    POOL,
    Decided,
    OneRun,
    by_person,
    by_rule,
    decided,
    decisions,
    random_draws,
    written,
)
from flows.oref0.profile import PumpSettings
from flows.proposal.resampling import Batch
from flows.proposal.stopping import deciding

NOW = PumpSettings(50.0, 10.0, (1.0,) * 24, 6.0, 75.0)
NEW = replace(NOW, isf_mgdl_per_u=60.0, carb_ratio_g_per_u=9.0)
DECIDES = deciding(NOW, NEW)
DAYS = range(14)


def by_days(batch: Batch[int]) -> list[PumpSettings | None]:
    """ISF rises unless a repetition begins with day 0; the carb ratio falls where it begins with an even day."""
    return [
        replace(NOW, isf_mgdl_per_u=55.0 if one[0] else 45.0, carb_ratio_g_per_u=9.0 if one[0] % 2 == 0 else 11.0)
        for one in batch
    ]


def test_what_was_drawn_before_is_drawn_again() -> None:
    assert random_draws(range(7), 2, 1) == ((1, 2, 4, 5, 6, 0, 6), (6, 0, 0, 1, 2, 3, 0))
    assert random_draws(range(5), 2, 1) == ((1, 4, 0, 2, 0), (3, 3, 3, 3, 1))
    assert len(random_draws(DAYS, 100, 3)) == 100
    assert random_draws(DAYS, 100, 3) != random_draws(DAYS, 100, 4)


@pytest.mark.parametrize(
    ("up", "down", "agreed"), [(9, 1, [True, False]), (8, 1, [False, False]), (10, 0, [True, False])]
)
def test_a_decision_is_whether_nine_in_ten_agree(up: int, down: int, agreed: list[bool]) -> None:
    settings = [replace(NOW, isf_mgdl_per_u=60.0)] * up + [NOW] * down
    assert decisions(DECIDES, settings) == agreed


def test_a_person_s_runs_are_held_against_a_pool_of_their_own() -> None:
    asked: list[Batch[int]] = []

    def compute(batch: Batch[int]) -> list[PumpSettings | None]:
        asked.append(batch)
        return by_days(batch)

    found = decided("one", DAYS, DECIDES, 5, 1, compute)
    assert [len(batch) for batch in asked[:2]] == [POOL, POOL]
    assert asked[0] != asked[1]
    assert {len(batch) for batch in asked[2:]} <= {14, 10, 2}
    assert (found.person, found.decisions) == ("one", 2)
    assert set(found.runs) == {"100 at random", *(f"balanced, ceiling {n}" for n in CEILINGS)}
    assert {len(runs) for runs in found.runs.values()} == {5}
    assert {run.repetitions for run in found.runs["100 at random"]} == {100}
    for ceiling in CEILINGS:
        # Of fourteen equally frequent days one: 13 of 14 agree on ISF in every batch, as of all repetitions.
        assert {run.differing for run in found.runs[f"balanced, ceiling {ceiling}"]} == {0}
        assert {run.repetitions for run in found.runs[f"balanced, ceiling {ceiling}"]} <= set(range(28, ceiling + 1))
    assert decided("one", DAYS, DECIDES, 5, 1, by_days) == found
    assert decided("other", DAYS, DECIDES, 5, 1, by_days) != found


def test_a_run_differs_by_what_the_pool_decides_otherwise() -> None:
    calls = iter([[replace(NEW)] * POOL, [NOW] * POOL])

    def compute(batch: Batch[int]) -> list[PumpSettings | None]:
        return list(next(calls, [NEW] * len(batch)))

    found = decided("one", DAYS, DECIDES, 3, 1, compute)
    # Of the pools the first agrees on both settings, the second on none; all that is balanced agrees on both.
    assert found.runs["100 at random"] == [OneRun(100, 2)] * 3
    assert found.runs["balanced, ceiling 80"] == [OneRun(28, 0), OneRun(28, 2), OneRun(28, 0)]


def test_what_has_no_result_is_left_out() -> None:
    def compute(batch: Batch[int]) -> list[PumpSettings | None]:
        return [None if one[0] == 3 else settings for one, settings in zip(batch, by_days(batch), strict=True)]

    found = decided("one", DAYS, DECIDES, 2, 1, compute)
    assert all(run.repetitions < 100 for run in chain(*(found.runs[f"balanced, ceiling {n}"] for n in CEILINGS)))


PEOPLE = (
    Decided("a", 3, {"x": [OneRun(100, 0), OneRun(100, 2)], "y": [OneRun(28, 0), OneRun(41, 0)]}),
    Decided("b", 0, {"x": [OneRun(100, 0), OneRun(100, 0)], "y": [OneRun(28, 0), OneRun(28, 0)]}),
)


def test_runs_and_decisions_are_counted_over_all_people() -> None:
    assert by_rule(PEOPLE)[1:] == [
        ["x", "100", "25 % (1 of 4)", "33.3 % (2 of 6)", "–"],
        ["y", "31", "0 % (0 of 4)", "0.0 % (0 of 6)", "-25 ± 25"],
    ]
    assert by_person(PEOPLE)[1:] == [["a", "3", "50 % (100)", "0 % (34)"], ["b", "0", "0 % (100)", "0 % (28)"]]
    assert written(PEOPLE).startswith("2 people, 3 decisions, 2 runs of each person")


def test_of_nobody_who_decides_anything_there_is_no_share() -> None:
    assert by_rule(PEOPLE[:1])[2][-1] == "-50"
    assert by_rule(PEOPLE[1:])[1] == ["x", "100", "0 % (0 of 2)", "–", "–"]
