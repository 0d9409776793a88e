"""What a person reads after a run, in another language: every word of it is of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.language.catalogue import Language, speaking
from flows.proposal.document import Proposal
from flows.report.html.page import environment
from flows.report.text.result import glucose_line, result
from flows.report.text.run_page import page_markdown, settings_table
from flows.report.text.terminal import summary
from flows.report.wording import in_one_unit
from flows.values.run_directory import RunDirectory
from tests import sample_proposals
from tests.unit.language.pseudo import bracketed, outside

RUN = RunDirectory(Path("runs") / "20261125-215733-a1b2c3")
NAME = RUN.path.name
# Commands, files and names, and what is named the same in each language.
TYPED = (
    *(f"autotune show {NAME}", f"autotune apply {NAME}", "autotune apply runs/", NAME, "report.html", "report.txt"),
    *("mg/dL", "mmol/L", "-v", "runs\\/", r"runs\/", "runs/", "sha256", "proposal_id"),
)


def data(proposal: Proposal) -> tuple[str, ...]:
    """What stands in the document as it is; its reasons are said by words of their own."""
    verdict = proposal.verdict
    names = (str(proposal.profile.get("name")), proposal.sha256, proposal.timezone, proposal.proposal_id)
    return (*TYPED, *names, verdict.headline, *(r.title for r in verdict.reasons), *(r.rule for r in verdict.reasons))


def proposals() -> Iterator[Proposal]:
    yield from (sample_proposals.proposal(colour=colour) for colour in ("green", "amber", "red"))
    yield from (sample_proposals.proposal(units="mmol/L"), sample_proposals.stepped())


@pytest.mark.parametrize("proposal", proposals(), ids=["green", "amber", "red", "mmol", "stepped"])
def test_every_word_of_the_result_is_of_the_catalogue(proposal: Proposal) -> None:
    with bracketed():
        assert outside(result(RUN, proposal, NAME), *data(proposal)) == []


@pytest.mark.parametrize("proposal", proposals(), ids=["green", "amber", "red", "mmol", "stepped"])
def test_every_word_of_the_long_form_is_of_the_catalogue(proposal: Proposal) -> None:
    stored = (  # of earlier versions: said by their words where the catalogue still has them
        *proposal.warnings,
        *proposal.to_enter.remarks,
        *(in_one_unit(reason.sentence, mmol=False) for reason in proposal.verdict.reasons),
        *(rule["description"] for rule in proposal.ledger["rules"].values()),
        *([proposal.evidence.held_out.sentence] if proposal.evidence.held_out else []),
        *("corrected", "oref", "autotune recover", "ISF", "--only isf"),
    )
    with bracketed():
        assert outside(summary(RUN, proposal), *data(proposal), *stored) == []


@pytest.mark.parametrize("proposal", proposals(), ids=["green", "amber", "red", "mmol", "stepped"])
def test_every_word_of_the_run_s_page_is_of_the_catalogue(proposal: Proposal) -> None:
    document = json.loads(proposal.model_dump_json())
    with bracketed():
        for others in (False, True):
            page = page_markdown(RUN.path, document, others_see_it=others)
            assert outside(page.replace("\\", ""), *data(proposal)) == []
        said = " ".join(" ".join([*row, *row.values()]) for row in settings_table(document))
        assert outside(said, *data(proposal), "ISF") == []


def test_glucose_is_said_with_the_decimal_mark_and_the_form_for_the_count() -> None:
    with speaking(Language.GERMAN):
        (line,) = glucose_line(sample_proposals.proposal(units="mmol/L"))
    assert "im Zielbereich (3,9–10,0 mmol/L)" in line
    assert line.endswith("Tagen.")


def test_a_template_that_was_compiled_in_one_language_speaks_another() -> None:
    template = environment().from_string("{{ 'U/h'|said }} {{ '1.5'|decimal }}")
    assert template.render() == "U/h 1.5"
    with speaking(Language.GERMAN):
        assert template.render() == "IE/h 1,5"
