"""The report's first screen in a browser: all of it seen without scrolling, in few words, with ways to the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.language.catalogue import Language, speaking
from flows.proposal.document import Proposal
from flows.proposal.step_document import FollowUpVerdict
from flows.report import pdf
from flows.report.first_screen import first_screen
from flows.report.html.report import report_html
from flows.report.wording import in_one_unit
from tests import sample_proposals
from tests.browser.conftest import PHONE, Open, ask
from tests.conftest import chromium
from tests.unit.report.test_first_screen import LOWS_AND_HIGHS, MANY_HIGHS, ON_TARGET, follow_up

pytestmark = pytest.mark.browser

MOST_WORDS = 120
PARTS = [".verdict h2", ".range svg", ".figures", ".step", ".verdict > p", ".verdict"]
PEOPLE: dict[str, Proposal] = {
    "carb ratio": sample_proposals.proposal(step=True),
    "carb ratio in blocks, mmol/L": sample_proposals.proposal(step=True, units="mmol/L", blocks=4),
    "carb ratio and every hour's basal": sample_proposals.stepped(basal=1.12, ratio=8.7, shares=MANY_HIGHS),
    "a reduction, lows and highs": sample_proposals.stepped(basal=0.9, shares=LOWS_AND_HIGHS, units="mmol/L"),
    "keep, on target": sample_proposals.stepped(shares=ON_TARGET),
    "take back": sample_proposals.stepped(shares=ON_TARGET, follow_up=follow_up(FollowUpVerdict.TAKE_BACK)),
    "wait": sample_proposals.stepped(days_since_step=3.5, follow_up=follow_up(FollowUpVerdict.UNCLEAR)),
    "before steps": sample_proposals.proposal(),
    "before steps, red, no glucose": sample_proposals.proposal(colour="red", glucose=False),
}
WORDS_DOWN_TO = """bottom => {
  let words = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (parent.closest('.vh, .skip, desc, title') || !parent.checkVisibility()) continue;
    const range = new Range();
    range.selectNodeContents(walker.currentNode);
    const box = range.getBoundingClientRect();
    if (box.width && box.top < bottom)
      words += walker.currentNode.textContent.split(/\\s+/).filter(w => /[\\p{L}\\p{N}]/u.test(w)).length;
  }
  return words;
}"""


@pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE)
def test_all_that_has_to_be_known_is_seen_without_scrolling_and_in_few_words(open_page: Open, person: Proposal) -> None:
    for width, height in ((1280, 800), (390, 844)):
        page = open_page(report_html(person), width=width)
        page.set_viewport_size({"width": width, "height": height})
        seen = ask(
            page,
            """parts => Object.fromEntries(parts.map(
              part => [part, Math.max(0, ...[...document.querySelectorAll(part)].filter(e => e.checkVisibility())
                .map(e => e.getBoundingClientRect().bottom))]))""",
            PARTS,
        )
        assert all(bottom <= height for bottom in seen.values()), seen
        assert all(seen[part] for part in (".verdict h2", ".step", ".verdict > p"))
        assert bool(seen[".range svg"]) is bool(seen[".figures"]) is (person.glucose is not None)
        assert ask(page, WORDS_DOWN_TO, seen[".verdict"]) <= MOST_WORDS
        if person.step is not None:
            said = ask(page, "document.querySelector('.verdict').innerText")
            assert all(word in said for word in ("Keep ", "Look again in "))
            assert all(f"{row.new} {row.unit}" in said for row in first_screen(person).rows)


IN_GERMAN = ("carb ratio and every hour's basal", "carb ratio in blocks, mmol/L", "a reduction, lows and highs", "wait")


@pytest.mark.parametrize("name", IN_GERMAN)
def test_in_german_it_is_as_short(open_page: Open, name: str) -> None:
    person = PEOPLE[name]
    with speaking(Language.GERMAN):
        html, rows = report_html(person), [f"{row.new} {row.unit}" for row in first_screen(person).rows]
    for width, height in ((1280, 800), (390, 844)):
        page = open_page(html, width=width)
        page.set_viewport_size({"width": width, "height": height})
        assert ask(page, "document.documentElement.lang") == "de"
        assert ask(page, "document.documentElement.scrollWidth") <= width
        bottom = ask(page, "document.querySelector('.verdict').getBoundingClientRect().bottom")
        assert bottom <= height
        assert ask(page, WORDS_DOWN_TO, bottom) <= MOST_WORDS
        said = ask(page, "document.querySelector('.verdict').innerText")
        assert all(word in said for word in ("Beibehalten:", "Wieder prüfen in ", "im Zielbereich"))
        assert all(row in said for row in rows)
        assert not re.search(r"\d\.\d", said)
        assert "IE" in said or not rows
    page = open_page(html, width=PHONE, all_open=True)
    assert ask(page, "document.documentElement.scrollWidth") <= PHONE


def test_in_german_the_unit_chosen_is_shown(open_page: Open) -> None:
    with speaking(Language.GERMAN):
        page = open_page(report_html(PEOPLE["carb ratio and every hour's basal"]))
    page.click("label[for=unit-mmoll]")
    assert "über 10,0 mmol/L" in (said := ask(page, "document.querySelector('.verdict').innerText"))
    assert "180 mg/dL" not in said
    page.click("label[for=unit-mgdl]")
    assert "über 180 mg/dL" in (said := ask(page, "document.querySelector('.verdict').innerText"))
    assert "10,0 mmol/L" not in said


def test_a_link_opens_what_is_folded(open_page: Open) -> None:
    page = open_page(report_html(PEOPLE["carb ratio"]))
    assert ask(page, "document.querySelectorAll('details.fold[open]').length") == 0
    for part in ("evidence", "rules", "data", "origin"):
        page.click(f"nav a[href='#{part}']")
        assert ask(page, "part => document.querySelector('#' + part).checkVisibility()", part)


def test_each_reason_stands_once_and_no_rule_id_before_the_rules(open_page: Open) -> None:
    proposal = PEOPLE["carb ratio"]
    page = open_page(report_html(proposal), all_open=True)
    text = ask(page, "document.body.innerText")
    for reason in proposal.verdict.reasons:
        assert text.count(in_one_unit(reason.sentence, mmol=False)) == 1
        assert text.count(reason.rule) == 2  # where it found something, and among all that were checked
        assert text.index("Where it comes from") > text.index(reason.rule) > text.index("Rules what was checked")


def test_the_systems_browser_makes_the_pdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "NAMES", (chromium(),))
    made = pdf.write_pdf(PEOPLE["carb ratio"], tmp_path / "report.pdf").read_bytes()
    assert len(re.findall(rb"/MediaBox", made)) == 2
    with speaking(Language.GERMAN):
        german = pdf.write_pdf(PEOPLE["carb ratio"], tmp_path / "report.pdf").read_bytes()
    assert len(re.findall(rb"/MediaBox", german)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["report.pdf"]
