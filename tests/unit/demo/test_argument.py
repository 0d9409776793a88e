"""What the demonstration says beside its result: the truth of its person, and what following did, as it was counted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.following.document import put_counts
from benchmarks.following.lanes import Policy
from flows.demo.argument import COUNTS, argument_lines, followed_lines
from flows.proposal.document import Proposal
from flows.proposal.step_document import NextStep, StepChange, StepKind
from flows.values.parts import Part
from tests.conftest import ROOT
from tests.demo import PERSON
from tests.proposal_documents import proposal
from tests.unit.benchmarks.test_following import followed, glucose

TRUTH = json.loads((PERSON / "truth.json").read_text("utf-8"))


def cells(made: dict[str, Any], step: NextStep | None, setting: str) -> list[str]:
    found = Proposal.model_validate(made).model_copy(update={"step": step})
    (line,) = (line for line in argument_lines(found, TRUTH) if line.strip().startswith(setting))
    return line.split("]")[1].split()


def test_each_setting_stands_beside_upstreams_the_steps_and_the_true_one() -> None:
    change = StepChange(part=Part.CARB_RATIO, start="00:00", current=10.0, new=9.5, upstream=9.1)
    step = NextStep(
        kind=StepKind.CHANGE,
        changes=(change,),
        daily_basal_current_u=19.2,
        daily_basal_new_u=19.8,
        look_again_after_days=7,
    )
    assert cells(proposal(), step, "basal") == ["19.20", "20.40", "19.80", "20.45"]
    assert cells(proposal(), step, "ISF") == ["50.0", "54.2", "50.0", "24–40"]
    assert cells(proposal(), step, "carb ratio") == ["10.0", "9.1", "9.5", "13–20"]


def test_a_proposal_without_a_step_has_none_in_the_table() -> None:
    assert cells(proposal(), None, "carb ratio") == ["10.0", "9.1", "–", "13–20"]


def test_counts_are_added_over_studies_and_a_family_is_counted_once(tmp_path: Path) -> None:
    file = tmp_path / "counts.json"
    harmed, well = followed(0, ours=glucose(low=4.0, high=20.0)), followed(1)
    policies = (Policy.KEEP, Policy.OURS)
    for name, people in (("padova, seed 1", [harmed]), ("ohsu, seed 1", [harmed, well]), ("padova, seed 2", [well])):
        put_counts(file, name, 10, people, policies)
    studies = json.loads(file.read_text("utf-8"))
    assert [study["study"] for study in studies] == ["ohsu, seed 1", "padova, seed 2"]
    for study in studies:  # the twins stand for another policy here
        study["policies"]["upstream"] = study["policies"]["keep"]
    said = " ".join(followed_lines(studies))
    assert said.startswith("3 simulated people followed the steps of 10 weeks: 1 of 3 ended with 4 % or more below 70")
    assert "1 of 3 lost more than 3 points" in said
    assert "With every number of upstream's entered instead: 0 of 3, and 0 of 3." in said
    assert followed_lines([]) == []


def test_what_ships_is_what_the_studys_document_says() -> None:
    document = (ROOT / "docs" / "following.md").read_text("utf-8")
    for study in json.loads(COUNTS.read_text("utf-8")):
        section = document[document.index(f"### {study['study']}\n") :]
        for claim, words in (("pushed_low", "end there"), ("loses_much", "do; the lowest")):
            for policy, counts in study["policies"].items():
                count = counts[claim]
                of = f"{count['failing']} of {count['people']} {words}"
                row = re.search(rf"^\| {policy} \| {count['people']} \| {re.escape(of)}", section, re.MULTILINE)
                assert row is not None, (study["study"], policy, of)
