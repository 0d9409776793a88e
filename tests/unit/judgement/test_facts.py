"""Whoever says a reason in another language has every number of its sentence among the facts, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from babel.messages.pofile import read_po

from flows.history.doubts import amber_doubt
from flows.judgement.case import Case, finding
from flows.judgement.stepped import stepped
from flows.judgement.verdict import RULES, judge_case
from flows.judgement.verdict_today import verdict_today
from flows.language.catalogue import CATALOGUES, Language, speaking
from flows.proposal.document import Proposal, VerdictReason
from flows.proposal.step_document import NextStep, StepKind
from flows.settings import AgeGroup
from tests.numbers_said import constant_numbers, numbers_apart
from tests.proposal_case import case, glucose, harmful, settings
from tests.sample_proposals import document, sealed
from tests.unit.judgement import test_limits, test_verdict

MODULES = {rule.name: rule.find.__module__ for rule in RULES if not isinstance(rule.find, partial)}


def after_a_harm(*worse: str) -> Case:
    whole = case()
    harmed = harmful(*worse)
    step = NextStep(
        kind=StepKind.TAKE_BACK,
        daily_basal_current_u=24.0,
        daily_basal_new_u=24.0,
        look_again_after_days=14,
        follow_up=harmed,
    )
    return stepped(whole, step)


def mixed() -> Case:
    """More at night, less in the whole day, with lows."""
    low = glucose(below_54_percent=0.6, from_54_to_69_percent=2.03)
    return case(settings(), settings(basal=[1.23] * 2 + [0.8] * 22), glucose=low)


CASES: list[Callable[[], Case]] = [
    *(make for table in (test_verdict.TABLE, test_limits.TABLE) for _, _, make in table),
    lambda: after_a_harm("below_70", "in_range"),
    mixed,
    lambda: case(days=test_verdict.days(1)),
    lambda: test_limits.half_past(5),
    lambda: case(new=settings(isf=70.0, ratio=8.0, basal=1.37)),
]


def reasons() -> list[VerdictReason]:
    return [reason for make in CASES for reason in judge_case(make()).reasons if reason.rule in MODULES]


def test_every_number_that_a_reason_says_is_among_its_facts() -> None:
    found = reasons()
    apart = {r.sentence: n for r in found if (n := numbers_apart(r.sentence, r.facts, MODULES[r.rule]))}
    assert apart == {}
    assert {reason.rule for reason in found} == set(MODULES)


def test_every_reason_can_be_said_in_another_language_as_it_was_sealed() -> None:
    with (CATALOGUES / "de.po").open("rb") as file:
        known = {message.id for message in read_po(file)}
    for reason in (reason for reason in reasons() if reason.rule != "held_out"):  # whose sentence here is invented
        assert " ".join(map(str, reason.said)) == reason.sentence
        assert reason.title in known
        for one in reason.said:
            listed = [words for by, *each in one.lists.values() for words in (by, *each)]
            words = {each for each in (one.words, *listed) if re.search("[a-z]{2}", re.sub("{[^}]*}", "", each))}
            assert words <= known
            with speaking(Language.GERMAN):
                assert one.as_spoken() != str(one)


def test_facts_are_json_and_come_back_as_they_were() -> None:
    for reason in reasons():
        read = VerdictReason(**json.loads(reason.model_dump_json()))
        assert read == reason
        assert {type(fact) for fact in read.facts.values()} <= {str, float}


def test_a_number_put_into_the_words_would_be_noticed() -> None:
    module, low = MODULES["lows"], 2.63
    drifted = finding(True, f"Below 70 mg/dL for {low} %.")
    right = finding(True, "Below 70 mg/dL for {below_70_percent:.1f} %.", below_70_percent=low)
    assert drifted is not None and numbers_apart(drifted.sentence, drifted.facts, module) == {"2.63"}
    assert right is not None and numbers_apart(right.sentence, right.facts, module) == set()
    assert numbers_apart(right.sentence, {**right.facts, "days": 9.0}, module) == {"days"}
    assert not {"1", "0"} & constant_numbers(module)  # a format is no word


@pytest.mark.parametrize(
    ("make", "rule", "facts"),
    [
        (mixed, "lows", {"below_70_percent": 2.6, "below_54_percent": 0.6, "hours": "00:00, 01:00"}),
        (lambda: test_limits.meals(1, 12.0), "few_points", {"meals": 1.0}),
        (lambda: after_a_harm("below_70"), "last_step", {"case": "below_70", "taken_on": "2026-05-15"}),
        (
            lambda: case(age_group=AgeGroup.PREGNANT, glucose=glucose(below_54_percent=1.0)),
            "beyond_low_limit",
            {"case": "pregnancy", "below_54_percent": 1.0},
        ),
    ],
)
def test_a_fact_is_named_with_its_unit_and_as_exact_as_it_is_said(
    make: Callable[[], Case], rule: str, facts: dict[str, float | str]
) -> None:
    (reason,) = [reason for reason in judge_case(make()).reasons if reason.rule == rule]
    assert facts.items() <= reason.facts.items()


def test_several_doubts_of_a_name_keep_the_facts_of_each() -> None:
    two = [amber_doubt("travel", "On {days:.0f} days.", days=n) for n in (3, 4)]
    other = amber_doubt("travel", "From {zone}.", zone="Asia/Tokyo")
    (reason,) = judge_case(replace(case(), doubts=[*two, other])).reasons
    assert reason.sentence == "On 3 days. On 4 days. From Asia/Tokyo."
    assert reason.facts == {"days": 3.0, "days_2": 4.0, "zone": "Asia/Tokyo"}


def test_what_is_said_today_of_an_old_verdict_has_facts_too() -> None:
    made = document(colour="green", nothing_to_change=True)
    made["glucose"] |= {"below_54_percent": 1.25}
    proposal: Proposal = sealed(made)
    (reason,) = verdict_today(proposal).reasons
    assert reason.facts["below_54_percent"] == 1.25
    assert proposal.verdict.reasons == ()


def test_every_rule_is_looked_at_here_or_is_a_doubt() -> None:
    doubted = {rule.name for rule in RULES if isinstance(rule.find, partial)}
    assert doubted == set(test_verdict.DOUBTS)
