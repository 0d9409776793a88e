"""What a verdict must not say: more insulin without the hours, a cause nobody established, rest where it waits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.history.quality import RULES as QUALITY
from flows.judgement.case import Case
from flows.judgement.stepped import stepped
from flows.judgement.verdict import RULES, judge_case
from flows.proposal.document import Colour
from flows.proposal.step import next_step
from flows.proposal.step_document import StepKind
from tests.proposal_case import case, evidence, glucose, settings, step_case

NOW = settings()
LOW = glucose(below_54_percent=0.6, from_54_to_69_percent=2.0)


def sentence(made: Case, rule: str) -> str:
    return next(reason.sentence for reason in judge_case(made).reasons if reason.rule == rule)


def test_where_the_day_falls_the_hours_that_rise_are_named_and_not_the_whole() -> None:
    mixed = settings(basal=[1.2] * 2 + [0.8] * 22)
    said = sentence(case(NOW, mixed, glucose=LOW), "lows")
    assert said.endswith("would give more insulin at 00:00, 01:00, though less in the whole day.")


def test_where_the_day_rises_more_insulin_is_said_of_all() -> None:
    said = sentence(case(NOW, settings(basal=1.2), glucose=LOW), "lows")
    assert said.endswith("these numbers would give more insulin.")


def test_where_no_hour_rises_lows_speak_against_nothing() -> None:
    fewer = judge_case(case(NOW, settings(basal=0.8), glucose=LOW))
    assert "lows" not in {reason.rule for reason in fewer.reasons}


def test_insulin_whose_effect_could_not_be_seen_is_not_called_chance() -> None:
    found = evidence(NOW, settings(isf=60.0))
    isf = found.isf.model_copy(update={"insulin_correlation": 0.2, "insulin_correlation_needed": 0.3})
    said = sentence(case(NOW, settings(isf=60.0), evidence=found.model_copy(update={"isf": isf})), "insulin_unseen")
    assert "could not be seen" in said
    assert "chance" not in said


@pytest.mark.parametrize(
    ("basal", "days_since_step", "above", "kind", "said"),
    [
        (1.0, None, 4.99, StepKind.KEEP, False),
        (1.0, None, 5.01, StepKind.KEEP, True),
        (1.2, 3.0, 4.99, StepKind.WAIT, True),
        (1.2, None, 22.0, StepKind.CHANGE, True),
    ],
)
def test_insulin_whose_effect_could_not_be_seen_is_no_reservation_where_glucose_is_even_and_all_stays(
    basal: float, days_since_step: float | None, above: float, kind: StepKind, said: bool
) -> None:
    """Even glucose of right settings shows no response: with that alone no right person would be told in green."""
    even = glucose(
        below_54_percent=0.0,
        from_54_to_69_percent=0.0,
        in_range_70_180_percent=100 - above,
        from_181_to_250_percent=above,
        above_250_percent=0.0,
    )
    whole = case(NOW, settings(basal=basal, isf=60.0), glucose=even)
    isf = whole.evidence.isf.model_copy(update={"insulin_correlation": 0.2, "insulin_correlation_needed": 0.3})
    whole = replace(whole, evidence=whole.evidence.model_copy(update={"isf": isf}))
    step = next_step(step_case(whole, days_since_step=days_since_step))
    assert step.kind is kind
    assert ("insulin_unseen" in {reason.rule for reason in judge_case(stepped(whole, step)).reasons}) is said


def test_what_looks_like_compression_is_not_said_to_be_it() -> None:
    [rule] = [rule for rule in QUALITY if rule.name == "compression_lows"]
    said = rule.says(type("Facts", (), {"compression_lows": 2})())
    assert "look like compression" in said
    assert "untreated lows may look the same" in said


@pytest.mark.parametrize("name", ["site_failure", "illness", "boluses_missing", "untold_meals"])
def test_a_situation_is_named_by_what_it_looks_like(name: str) -> None:
    [title] = [rule.title for rule in RULES if rule.name == name]
    assert any(word in title.lower() for word in ("look like", "probably", "may"))


def test_who_waits_is_not_told_that_nothing_is_to_change() -> None:
    whole = case(NOW, settings(basal=1.2), glucose=glucose(from_181_to_250_percent=18.1))
    step = next_step(step_case(whole, days_since_step=3.0))
    verdict = judge_case(stepped(whole, step))
    assert step.kind is StepKind.WAIT
    assert verdict.colour is Colour.GREEN
    assert not verdict.nothing_to_change
    assert verdict.headline == "Wait: no step tonight."
