"""The entry sheet in a browser: boxes ticked by keyboard, one page of paper, hostile texts inert."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from pypdf import PdfReader

from flows.entry.rows import SheetNote
from flows.entry.sheet import entry_sheet
from flows.report.html.entry import sheet_html
from flows.writeback.approval import Scope
from tests import hostile_proposals, sample_proposals
from tests.browser.conftest import DESK, PHONE, Open, ask
from tests.browser.looking import CONTRAST
from tests.unit.entry.cases import adult, schedule, settings

pytestmark = pytest.mark.browser

BASAL = [round(0.7 + 0.05 * (hour % 7), 2) for hour in range(24)]
BOXES = "[...document.querySelectorAll('input[type=checkbox]')]"


def entry_page(*notes: str, hostile: bool = False) -> bytes:
    """Of a person with a rate for each hour, three of them new, for AAPS."""
    new = [round(rate + 0.05 * (hour in (3, 4, 15)), 2) for hour, rate in enumerate(BASAL)]
    made = entry_sheet(settings(schedule(*BASAL), schedule(*new)), adult("aaps"))
    said = tuple(SheetNote("remark", note) for note in notes)
    document = hostile_proposals.hostile() if hostile else sample_proposals.document(step=True)
    return sheet_html(replace(made, notes=(*made.notes, *said)), sample_proposals.sealed(document), Scope.STEP)


def test_each_row_has_a_box_that_is_found_and_ticked_by_keyboard(open_page: Open) -> None:
    page = open_page(entry_page())
    names = ask(page, f"{BOXES}.map(e => e.getAttribute('aria-label'))")
    assert len(names) == len(set(names)) >= 24
    reached = []
    for _ in range(len(names) + 1):
        page.keyboard.press("Tab")
        if ask(page, "document.activeElement.type === 'checkbox'"):
            page.keyboard.press("Space")
            reached.append(ask(page, "document.activeElement.getAttribute('aria-label')"))
            shown = ask(page, "getComputedStyle(document.activeElement)['outline-style']")
            assert shown == "solid"
    assert reached == names
    assert ask(page, f"{BOXES}.every(e => e.checked)")


def test_a_day_of_rates_prints_on_one_page_with_its_boxes(open_page: Open) -> None:
    page = open_page(entry_page(), 703, dark=True, media="print")
    sheets = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True, print_background=True))).pages
    text = sheets[0].extract_text()
    assert [len(sheets), [f"{hour:02d}:00–" in text for hour in (0, 15, 23)]] == [1, [True] * 3]
    assert ask(page, f"{BOXES}.every(e => e.checkVisibility())")


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_hostile_texts_are_texts_only(open_page: Open, width: int) -> None:
    page = open_page(entry_page(*hostile_proposals.HOSTILE.values(), hostile=True), width)
    assert "owned" not in page.title()
    assert ask(page, "document.querySelectorAll('script, img, iframe, link, object, embed, form, [src]').length") == 0
    names = ask(page, "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes].map(a => a.name))")
    assert not [name for name in set(names) if name.startswith("on") or name == "style"]
    assert ask(page, "document.querySelectorAll('style').length") == 1
    assert ask(page, "document.documentElement.scrollWidth") <= width
    assert "{{ 7 * 7 }}" in ask(page, "document.body.innerText")


@pytest.mark.parametrize("dark", [False, True])
def test_texts_stand_out_from_what_is_behind_them(open_page: Open, dark: bool) -> None:
    assert ask(open_page(entry_page(), dark=dark), CONTRAST) == {}
