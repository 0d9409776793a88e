"""How often a run was repeated, and why not more, in every form that shows it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flows.proposal.document import Proposal
from flows.proposal.evidence_document import Repetitions
from flows.report.html.report import report_html
from flows.report.repetitions import why_no_more
from flows.report.text.certainty import certainty
from tests import sample_proposals

CLEAR = "clear: more repetitions would hardly change a decision"
AT_CEILING = "at the ceiling: more repetitions might change a decision"
EVERY = "every draw of these days there is"
USUAL = {"seed": 7, "block_days": 2, "share": 0.9}


def with_repetitions(**changes: Any) -> Proposal:
    document = sample_proposals.document()
    document["evidence"]["repetitions"] = {**USUAL, **changes}
    return sample_proposals.sealed(document)


@pytest.mark.parametrize(
    ("count", "failed", "ceiling", "clear", "told"),
    [
        (56, 0, 80, True, CLEAR),
        (79, 0, 80, True, CLEAR),
        (80, 0, 80, False, AT_CEILING),
        (78, 2, 80, False, AT_CEILING),
        (216, 0, 216, True, EVERY),
        (215, 1, 216, True, EVERY),
        (100, 0, None, None, ""),  # of an earlier version
    ],
)
def test_it_says_why_there_are_no_more(
    count: int, failed: int, ceiling: int | None, clear: bool | None, told: str
) -> None:
    how = Repetitions(count=count, failed=failed, ceiling=ceiling, clear=clear, **USUAL)
    assert why_no_more(how) == told
    assert how.every_draw is (told == EVERY)
    proposal = with_repetitions(count=count, failed=failed, ceiling=ceiling, clear=clear)
    said = certainty(proposal)
    assert f"repeated {count} times over resampled days (seed 7{f', ceiling {ceiling}' if ceiling else ''});" in said[0]
    assert (f"{told.capitalize()}." in said) is bool(told)
    page = re.sub("<[^>]+>", "", report_html(proposal).decode())
    (note,) = re.findall(r"Repetitions over resampled days: .*", page)
    ended = f" ({told}), ceiling: {ceiling}" if told else ""
    assert note == f"Repetitions over resampled days: {count}{ended}, without a result: {failed}, " + (
        "days in a block: 2, seed: 7."
    )


def test_nothing_is_said_of_a_run_that_was_not_repeated() -> None:
    assert why_no_more(None) == ""


def test_a_proposal_of_an_earlier_version_has_neither() -> None:
    found = with_repetitions(count=100, failed=0).evidence.repetitions
    assert found is not None
    assert (found.ceiling, found.clear, found.every_draw) == (None, None, False)
