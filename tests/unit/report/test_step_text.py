"""The step in words: every reason has its sentence, and every fact it names."""

from __future__ import annotations

import pytest

from flows.proposal.step import next_step
from flows.proposal.step_document import Because, FollowUpVerdict, Watch
from flows.report.text.step import HELPED, WATCHING, WHY, change_lines, what_to_do, why
from tests.unit.proposal.test_step import high, step_case


def test_every_id_has_its_sentence() -> None:
    assert (set(WHY), set(WATCHING), set(HELPED)) == (set(Because), set(Watch), set(FollowUpVerdict))


@pytest.mark.parametrize("below", [1.0, 2.2, 3.0, 6.0])
@pytest.mark.parametrize("above", [10.0, 22.0, 30.0])
def test_what_is_said_has_its_facts(below: float, above: float) -> None:
    step = next_step(step_case(glucose=high(above, below)))
    for said in (*(kept.said for kept in step.kept), *([step.said] if step.said else [])):
        assert why(said)


def test_neighbouring_hours_are_one_line() -> None:
    step = next_step(step_case())
    assert change_lines(step) == ["basal 00:00–24:00: 1 → 1.05 U/h ▲", "basal a day: 24.00 → 25.20 U"]
    assert what_to_do(step) == "Step: change the basal a little."
