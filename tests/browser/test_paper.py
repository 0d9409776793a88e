"""The report on paper, from the text of each page of its PDF: two pages, the first enough to agree or not."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from pypdf import PdfReader

from flows.language.catalogue import Language, speaking
from flows.proposal.document import Proposal, VerdictReason
from flows.report.first_screen import first_screen
from flows.report.html.report import report_html
from tests import sample_proposals
from tests.browser.conftest import Open, ask
from tests.browser.test_first_screen import PEOPLE

pytestmark = pytest.mark.browser

LONG = (
    "Glucose rose after lows without carbs entered on 4 days, and upstream takes that for missing insulin: more is "
    "recommended there than is needed. Enter what treats a low, or leave those days out (--exclude "
    "2026-03-20,2026-03-22,2026-03-25,2026-03-27), and look again when a week of such days is there, since a setting "
    "that was raised for that reason makes more lows, each of which is treated."
)
ROWS = """() => [...document.querySelectorAll('tbody tr, .rates li, .reasons li')].filter(e => e.checkVisibility())
  .map(e => [e.closest('section').getAttribute('aria-labelledby'), e.innerText])"""


def with_reasons(proposal: Proposal, count: int) -> Proposal:
    """As many reasons as a proposal can have in a bad month, each of them long."""
    reasons = tuple(
        VerdictReason(
            rule=f"rule_{n}", title=f"Reason {n} of many", colour="amber", sentence=f"{n}: {LONG}", source="x"
        )
        for n in range(count)
    )
    verdict = proposal.verdict.model_copy(update={"reasons": reasons})
    return proposal.model_copy(update={"verdict": verdict})


PRINTED = {
    **PEOPLE,
    "mmol/L, blocks, 30 days": sample_proposals.proposal(step=True, colour="green", units="mmol/L", blocks=4, days=30),
    "eight blocks": sample_proposals.proposal(blocks=8),
    "six long reasons": with_reasons(PEOPLE["carb ratio in blocks, mmol/L"], 6),
    "six long reasons, every hour's basal": with_reasons(PEOPLE["carb ratio and every hour's basal"], 5),
    "ten long reasons": with_reasons(PEOPLE["carb ratio in blocks, mmol/L"], 10),
    "ten long reasons, every hour's basal": with_reasons(PEOPLE["carb ratio and every hour's basal"], 10),
}


def without_spaces(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.fixture(autouse=True)
def spoken_as_asked(request: pytest.FixtureRequest) -> Iterator[None]:
    """The language of the test's parameters, for what it looks for as well."""
    with speaking(request.node.callspec.params.get("language", Language.ENGLISH)):
        yield


IN_GERMAN = ("carb ratio in blocks, mmol/L", "six long reasons, every hour's basal")
CASES = {
    **{name: (proposal, Language.ENGLISH) for name, proposal in PRINTED.items()},
    **{f"{name}, in German": (PRINTED[name], Language.GERMAN) for name in IN_GERMAN},
}


@pytest.mark.parametrize(("proposal", "language"), CASES.values(), ids=CASES)
def test_the_first_page_is_enough_and_no_row_is_split(open_page: Open, proposal: Proposal, language: Language) -> None:
    page = open_page(report_html(proposal), width=703, media="print")
    assert ask(page, "document.documentElement.lang") == language.value
    rows = [(section, without_spaces(text)) for section, text in ask(page, ROWS)]
    printed = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True, print_background=True))).pages
    assert 1 <= len(printed) <= 2
    pages = [without_spaces(sheet.extract_text()) for sheet in printed]
    screen = first_screen(proposal)
    needed = [screen.glucose, screen.keep, screen.look_again, *(f"{row.now} → {row.new}" for row in screen.rows)]
    needed += [reason.title for reason in proposal.verdict.reasons]
    assert [text for text in needed if without_spaces(text) not in pages[0]] == []
    assert rows or not proposal.glucose
    for section, row in rows:
        assert sum(row in text for text in pages) >= 1, f"{row} is split"
        assert section != "h-pump" or row in pages[0], f"{row} is not on the first page"
