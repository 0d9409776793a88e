"""The verdict of a step: about what it changes, and about the person; not about what it leaves as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flows.judgement.case import Case
from flows.judgement.stepped import stepped
from flows.judgement.verdict import against_steps, judge_case
from flows.proposal.document import Colour, Verdict
from flows.proposal.step import next_step
from flows.proposal.step_document import FollowUpVerdict, NextStep, StepKind
from tests.proposal_case import UNSURE, case, evidence, glucose, harmful, settings, step_case

NOW, WHOLE = settings(), settings(isf=70.0, ratio=8.0, basal=1.2)
NEEDS_MORE = {"from_181_to_250_percent": 18.1, "from_54_to_69_percent": 0.9}


def both(new: Any = WHOLE, steps: dict[str, Any] | None = None, **changes: Any) -> tuple[Verdict, NextStep, Verdict]:
    """The verdict of all, the step, and its verdict."""
    whole: Case = case(NOW, new, **{"glucose": glucose(**NEEDS_MORE), **changes})
    told = judge_case(whole)
    step = next_step(step_case(whole, against=against_steps(told), **(steps or {})))
    return told, step, judge_case(stepped(whole, step))


def rules(verdict: Verdict) -> set[str]:
    return {reason.rule for reason in verdict.reasons}


def test_a_step_is_judged_by_what_it_changes() -> None:
    told, step, verdict = both(settings(isf=70.0, basal=1.2))
    assert step.kind is StepKind.CHANGE
    assert {"daily_basal", "several_at_once", "large_single"} <= rules(told)
    assert not rules(verdict)
    assert verdict.colour is Colour.GREEN
    assert set(verdict.worth_changing) == {f"basal_{hour:02d}" for hour in range(24)}
    assert not verdict.nothing_to_change


def test_green_exists_where_there_is_nothing_to_do() -> None:
    told, step, verdict = both(settings(isf=70.0, ratio=9.5), glucose=glucose())
    assert (step.kind, verdict.colour) == (StepKind.KEEP, Colour.GREEN)
    assert verdict.nothing_to_change
    assert told.colour is not Colour.GREEN


@pytest.mark.parametrize(
    "beyond",
    [{"below_54_percent": 5.0, "from_54_to_69_percent": 15.0}, {"above_250_percent": 80.0}, {"below_54_percent": 1.0}],
)
def test_nobody_beyond_a_limit_is_told_that_nothing_is_to_change(beyond: dict[str, float]) -> None:
    for new in (NOW, WHOLE, settings(ratio=12.0, basal=0.8)):
        _, _, verdict = both(new, glucose=glucose(**beyond))
        assert verdict.colour is not Colour.GREEN
        assert not verdict.nothing_to_change
        assert "nothing to change" not in verdict.headline.lower()


def test_a_step_whose_direction_is_not_repeatable_says_so() -> None:
    unsure = evidence(NOW, settings(basal=1.2), UNSURE)
    _, step, verdict = both(settings(basal=1.2), evidence=unsure)
    assert step.kind is StepKind.CHANGE
    assert "low_agreement" in rules(verdict)


def test_how_repeatable_numbers_are_is_no_matter_where_none_is_used() -> None:
    unsure = evidence(NOW, WHOLE, UNSURE, repetitions=None)
    _, step, verdict = both(evidence=unsure, glucose=glucose(rises_after_lows_without_carbs=3))
    assert step.kind is StepKind.KEEP
    assert not {"low_agreement", "certainty_unknown"} & rules(verdict)


def test_untold_carbs_do_not_forbid_what_takes_insulin_away() -> None:
    many = glucose(rises_after_lows_without_carbs=7, from_54_to_69_percent=4.5)
    told, step, verdict = both(settings(basal=[0.8] * 6 + [1.2] * 18), glucose=many)
    assert told.colour is Colour.RED
    assert step.kind is StepKind.CHANGE
    assert all(change.new < change.current for change in step.changes)
    assert verdict.colour is Colour.AMBER


@pytest.mark.parametrize("days", [2, 3])
def test_data_that_forbid_steps_make_it_wait(days: int) -> None:
    whole = case().days[:days]
    told, step, verdict = both(days=whole)
    assert (step.kind is StepKind.WAIT) is (days < 3)
    assert (verdict.colour is Colour.RED) is (days < 3)
    assert "too_little_data" in rules(told)


def test_a_last_step_that_harmed_is_said_first() -> None:
    harmed = harmful("below_70")
    _, step, verdict = both(steps={"follow_up": harmed})
    assert (step.kind, step.changes) == (StepKind.TAKE_BACK, ())
    assert "last_step" in rules(verdict)
    assert verdict.headline.startswith("Take the last step back, to be safe")
    fine = harmed.model_copy(update={"verdict": FollowUpVerdict.UNCLEAR, "reasons": ()})
    assert "last_step" not in rules(both(steps={"follow_up": fine})[2])


def test_the_numbers_of_a_step_are_those_to_enter() -> None:
    whole = case(NOW, WHOLE, glucose=glucose(**NEEDS_MORE))
    step = next_step(step_case(whole))
    entered = stepped(whole, step).for_pump
    assert entered.daily_basal_u == pytest.approx(step.daily_basal_new_u)
    assert entered.isf[0].recommended_mgdl_per_u == entered.isf[0].current_mgdl_per_u
    assert entered.carb_ratio[0].recommended_g_per_u == 9.3
    assert replace(whole, for_pump=entered) != whole
