"""Nothing that a page shows is forgotten in the catalogue: with every text of it in brackets, no word lies outside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from gettext import NullTranslations
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import pytest

from flows.judgement.headline import headline, headline_of_step
from flows.language import catalogue
from flows.language.catalogue import Language, speaking
from flows.proposal.document import Colour, GlucoseLimit, Proposal
from flows.proposal.step_document import StepKind
from flows.report.html.report import report_html
from flows.report.trend.history import trend
from flows.report.trend.html import trend_page
from flows.report.trend.past_runs import find_runs
from flows.report.wording import headline_in_spoken
from tests import sample_proposals
from tests.proposal_documents import refused_run
from tests.unit.report.test_first_screen import LOWS_AND_HIGHS, MANY_HIGHS, ON_TARGET
from tests.unit.report.test_trend import START, apply, at, made

LETTERS = re.compile(r"[^\W\d_]{2,}")
# What is the same in every language: units, names, what a program reads.
DATA = re.compile(
    r"mg/dL|mmol/L|sha256|oref0|Node|Nightscout|autotune|AAPS|OpenAPS|min\b|Diabetes Care|Europe/\w+|UTC"
    r"|(?:\w+\.?,? )?\d+\.? (?:Jan|Feb|März|Apr|Mai|Juni|Juli|Aug|Sep|Okt|Nov|Dez)\w*\.?(?: \d{4})?|\bhttps?://\S+|\b[\w@./-]+\.(?:js|json|md|txt|html)\b"
)
SAID_IN = ("title", "aria-label", "alt", "data-label")
SKIPPED = {"style", "code", "bdi", "script", "head"}
VOID = {"meta", "input", "br", "wbr", "link", "img", "rect", "circle", "path", "line"}


class Bracketed(NullTranslations):
    """A language whose every text is the English one in brackets."""

    def gettext(self, message: str) -> str:
        return message if message in FORMS else f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


FORMS = {"EEEE d MMMM", "EEE d MMM", "d MMM y", "y-MM-dd"}  # of dates: no texts


class Texts(HTMLParser):
    """The texts of a page in their order, those for people who cannot see it too; data is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if not SKIPPED & set(self.open):
            self.texts += [value for name, value in attrs if name in SAID_IN and value]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not SKIPPED & set(self.open):
            self.texts.append(data)


def outside(page: bytes) -> list[str]:
    """The words that lie in no brackets; a sentence may reach over several elements, so depth is counted over all."""
    found = Texts()
    found.feed(page.decode())
    depth, words = 0, []
    for text in found.texts:
        free = ""
        for char in text:
            free += " " if depth or char == "⟦" else char
            depth += {"⟦": 1, "⟧": -1}.get(char, 0)
        words += [free.strip()] if LETTERS.search(DATA.sub("", free)) else []
    assert depth == 0
    return words


@pytest.fixture
def bracketed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(catalogue, "translations", lambda _: Bracketed())
    with speaking(Language.GERMAN):
        yield


PEOPLE: dict[str, Callable[[], Proposal]] = {
    "with a step": lambda: sample_proposals.proposal(step=True),
    "more insulin, blocks": lambda: sample_proposals.stepped(basal=1.12, ratio=8.7, shares=MANY_HIGHS),
    "less insulin": lambda: sample_proposals.stepped(basal=0.9, shares=LOWS_AND_HIGHS, units="mmol/L"),
    "keeps": lambda: sample_proposals.stepped(shares=ON_TARGET),
    "before steps": lambda: sample_proposals.proposal(blocks=4),
    "without anything": lambda: sample_proposals.proposal(colour="red", glucose=False, evidence=False),
}


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE)
def test_every_text_of_the_report_is_of_the_catalogue(person: Callable[[], Proposal]) -> None:
    assert outside(report_html(person())) == []


@pytest.mark.usefixtures("bracketed")
def test_every_text_of_the_trend_is_of_the_catalogue(tmp_path: Path) -> None:
    for n in range(4):
        made(tmp_path, n, first=START.fromordinal(START.toordinal() + 7 * n), in_range=62.0 + n)
    apply(tmp_path / "run-002", at(START.fromordinal(START.toordinal() + 16), 12), parts=["isf"])
    refused_run(tmp_path, "run-099", at(START.fromordinal(START.toordinal() + 60)))
    assert outside(trend_page(trend(find_runs(tmp_path), tmp_path))) == []


def test_every_headline_is_of_the_catalogue() -> None:
    step = sample_proposals.proposal(step=True).step
    assert step is not None
    beyond: tuple[tuple[GlucoseLimit, ...], ...] = ((), (GlucoseLimit.LOW,))
    said = {headline(colour, nothing, limits) for colour in Colour for nothing in (False, True) for limits in beyond}
    for kind, only, colour, limits in product(StepKind, (False, True), Colour, beyond):
        of_kind = step.model_copy(update={"kind": kind, "only_reductions": only})
        said.add(headline_of_step(colour, of_kind, limits))
    with speaking(Language.GERMAN):
        for one in said:
            english = {part for part in re.split(r"(?<=\.) ", one) if part in headline_in_spoken(one)}
            assert english == set(), one


def test_a_forgotten_word_is_found() -> None:
    assert outside("<p>⟦One <b>two⟧</b> 5 mg/dL</p>".encode()) == []
    assert outside("<p>⟦One⟧ two <bdi>three</bdi></p><a title='four'>⟦five⟧</a>".encode()) == ["two", "four"]


def test_what_an_earlier_version_said_is_marked_as_english() -> None:
    made = sample_proposals.document()
    made["verdict"]["reasons"][0] |= {"title": "An earlier title", "sentence": "Said without words beside it."}
    proposal = sample_proposals.sealed(made)
    english = '<bdi lang="en">Said without words beside it.</bdi>'
    assert english not in report_html(proposal).decode()
    with speaking(Language.GERMAN):
        assert english in report_html(proposal).decode()
