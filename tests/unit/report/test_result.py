"""The result in about ten lines: nothing of the step is left out, and each line stands in the longer form too."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.proposal.document import Proposal, Units
from flows.proposal.step import next_step
from flows.proposal.step_document import Because, Kept, Said, StepChange
from flows.report.text.result import MOST_REASONS, MOST_ROWS, result
from flows.report.text.step import GIST, WHY, kept_in_short, step_in_words
from flows.report.text.terminal import NOTHING_YET, summary
from flows.report.wording import in_one_unit
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory
from flows.values.units import HOURS_PER_DAY
from tests import sample_proposals
from tests.unit.proposal.test_step import high, step_case
from tests.unit.report.test_trend import apply

NAME = "20261125-215733-a1b2c3"
RUN = RunDirectory(Path("runs") / NAME)


def lines(proposal: Proposal) -> list[str]:
    return result(RUN, proposal, NAME).splitlines()


def with_step(step: Any = None, **changes: Any) -> Proposal:
    step = step or next_step(step_case())
    return sample_proposals.sealed(sample_proposals.document(seed=3)).model_copy(update={"step": step, **changes})


def basal(hour: int, new: float) -> StepChange:
    return StepChange(part=Part.BASAL, start=f"{hour:02d}:00", current=1.0, new=new, upstream=new)


STEPS = {
    "more insulin": step_case(),
    "keep": step_case(glucose=high(3.0, 1.0)),
    "lows": step_case(glucose=high(10.0, 5.0)),
    "wait": step_case(days_since_step=3.0),
    "pause": step_case(taken_back_days_ago=1.0),
}


@pytest.mark.parametrize("units", Units)
@pytest.mark.parametrize("case", STEPS.values(), ids=STEPS)
def test_it_is_about_ten_lines_in_the_person_s_unit_and_of_the_longer_form_s_words(case: Any, units: Units) -> None:
    proposal = with_step(next_step(case), units=units)
    said = lines(proposal)
    assert 7 <= len(said) <= 12
    other = next(unit for unit in Units if unit is not units)
    assert other.value not in "".join(said)
    assert units.value in "".join(said)
    words, longer = step_in_words(proposal), summary(RUN, proposal)
    assert words is not None
    for sentence in (words.what, words.next):
        in_own = in_one_unit(sentence, mmol=units is Units.MMOL_PER_L)
        assert in_own in said
        assert in_own in longer
    assert said[0] == longer.splitlines()[0]
    assert NOTHING_YET in said


def test_the_gist_of_a_reason_is_in_its_sentence() -> None:
    assert set(GIST) == set(Because)
    assert [because for because in Because if GIST[because] not in WHY[because]] == []


def test_what_stays_for_the_same_reason_is_named_together() -> None:
    def kept(part: Part, because: Because, *starts: str) -> Kept:
        return Kept(part=part, starts=starts, said=Said(because=because, facts={"upstream_percent": 1.0}))

    day = [f"{hour:02d}:00" for hour in range(HOURS_PER_DAY)]
    said = kept_in_short(
        [
            kept(Part.BASAL, Because.SMALL, *day[:3], day[5]),
            kept(Part.CARB_RATIO, Because.SMALL, "00:00"),
            kept(Part.ISF, Because.NOTHING_WANTED, "00:00"),
        ]
    )
    assert said == (
        "Stays: basal 00–03, 05–06 and carb ratio (too small to act on); ISF (upstream does not change it)."
    )


@pytest.mark.parametrize("count", [1, MOST_ROWS, MOST_ROWS + 1, HOURS_PER_DAY])
def test_every_number_that_changes_is_there_and_few_have_a_line_each(count: int) -> None:
    changes = tuple(basal(hour, round(1.01 + hour / 100, 2)) for hour in range(count))
    said = lines(with_step(next_step(step_case()).model_copy(update={"changes": changes})))
    at = [line for line in said if line.startswith("  basal") or re.match(r"  +\d\d:", line)]
    numbers = re.findall(r"(\d\d):00–\d\d:00:? 1 → ([\d.]+)", "\n".join(said))
    assert [(int(hour), float(new)) for hour, new in numbers] == [(int(c.start[:2]), c.new) for c in changes]
    assert len(said) <= 19
    assert (len(at) == count + 1) is (count <= MOST_ROWS)  # with the whole day


@pytest.mark.parametrize(
    ("change", "offered"),
    [
        ({}, True),
        ({"site_sha256": None}, False),
        ({"options": {"past": True}}, False),
        ({"step": None}, False),
        ({"step": next_step(step_case(days_since_step=3.0))}, False),
    ],
    ids=["a step", "of a directory", "of a past week", "of an earlier version", "to wait"],
)
def test_applying_is_offered_where_it_can_be(change: dict[str, Any], offered: bool) -> None:
    proposal = with_step().model_copy(update=change)
    assert any(f"`autotune apply {NAME}`" in line for line in lines(proposal)) is offered


def test_what_was_applied_is_not_offered_again(tmp_path: Path) -> None:
    proposal = with_step()
    run = RunDirectory.create(tmp_path / NAME, datetime(2026, 11, 25, tzinfo=UTC))
    run.write_json("proposal.json", {"sha256": proposal.sha256})
    apply(run.path, "2026-11-26T08:00:00+00:00")
    said = result(run, proposal, NAME)
    assert f"`autotune rollback {NAME}` undoes it" in said
    assert "autotune apply" not in said


def test_in_pregnancy_its_own_range_is_said() -> None:
    made = sample_proposals.document(seed=3)
    made["options"] |= {"age_group": "pregnant"}
    made["glucose"] |= {"below_63_percent": 2.5, "above_140_percent": 30.0}
    said = result(RUN, sample_proposals.sealed(made), NAME)
    assert "Glucose: 68 % in range (63–140 mg/dL), 2.5 % below 63, mean" in said


def test_without_glucose_nothing_is_said_of_it() -> None:
    said = result(RUN, sample_proposals.sealed(sample_proposals.document(glucose=False)), NAME)
    assert "Glucose:" not in said


@pytest.mark.parametrize(("count", "more"), [(0, None), (MOST_REASONS, None), (MOST_REASONS + 1, 1)])
def test_reasons_are_their_titles_and_how_many_more(count: int, more: int | None) -> None:
    made = sample_proposals.document()
    made["verdict"]["reasons"] = [made["verdict"]["reasons"][0] | {"title": f"Reason {n}"} for n in range(count)]
    said = [line for line in result(RUN, sample_proposals.sealed(made), NAME).splitlines() if "Reasons:" in line]
    titles = "; ".join(f"Reason {n}" for n in range(min(count, MOST_REASONS)))
    assert said == ([f"Reasons: {titles}{f'; and {more} more' if more else ''}."] if count else [])
