"""A new run and uploads in a browser: days that can be hit, no form sent again, nothing hidden or cut off."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from flows.web.rendering import static_files
from tests.browser.conftest import PHONE, Open, ask
from tests.browser.test_accessible import OPTIONS
from tests.web.conftest import URL, let_in, opened
from tests.web.test_new_run import leave, looked, path_of, shown
from tests.web.test_uploads import GOOD, send

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Route

pytestmark = pytest.mark.browser
WIDE = 1280
TARGET = 44  # px, as WCAG's 2.5.5 has it
CELLS = """() => [...document.querySelectorAll('.calendar label')].map(label => {
  const box = label.getBoundingClientRect();
  const parts = [...label.querySelectorAll('.date, .sign, .words, input')]
    .filter(part => getComputedStyle(part).clipPath === 'none').map(part => part.getBoundingClientRect());
  const inside = parts.every(p => p.left >= box.left - .5 && p.right <= box.right + .5
    && p.top >= box.top - .5 && p.bottom <= box.bottom + .5);
  return { width: box.width, height: box.height, top: box.top, week: label.closest('tr').rowIndex, inside };
})"""

FOCUS = """() => {
  const at = document.activeElement, bar = document.querySelector('.actions.start');
  const box = (at.closest('label') || at).getBoundingClientRect(), top = bar.getBoundingClientRect().top;
  return [at.tagName, bar.contains(at) || bar.compareDocumentPosition(at) & 4 || box.bottom <= top + 1];
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Each as one file with its style inside: after a look, of uploads, of somebody who has nothing but these."""
    (style,) = [content for name, (content, _) in static_files().items() if name.endswith("/page.css")]
    with opened(tmp_path_factory.mktemp("site")) as page:
        (ada,) = page.state.people.all()
        texts = {"new run": shown(let_in(page))}
        send(page, f"/p/{ada.id}/uploads", *GOOD)
        texts["uploads"] = page.get(f"/p/{ada.id}/uploads").text
        texts["not taken"] = send(page, f"/p/{ada.id}/uploads", b"hello").text
        texts["a name"] = page.get("/uploads").text
    return {
        name: re.sub(r'<link rel="(?:stylesheet|icon)"[^>]*>|<script[^>]*></script>', "", text)
        .replace("</head>", f"<style>{style.decode()}</style></head>")
        .encode()
        for name, text in texts.items()
    }


@pytest.fixture
def calendar(pages: dict[str, bytes]) -> bytes:
    """The page after a look."""
    return pages["new run"]


@pytest.mark.parametrize("width", [PHONE, WIDE], ids=["phone", "desk"])
def test_what_has_the_focus_is_not_behind_the_bar(open_page: Open, calendar: bytes, width: int) -> None:
    page = open_page(calendar, width, all_open=True)
    page.emulate_media(reduced_motion="reduce")  # else it is still on its way there
    reached, hidden = 0, []
    for _ in range(100):
        page.keyboard.press("Tab")
        tag, clear = ask(page, FOCUS)
        if tag == "BODY":
            break
        reached += 1
        hidden += [] if clear else [tag]
    assert reached > 40
    assert hidden == []


@pytest.mark.parametrize("posted", [False, True], ids=["asked for", "answer to a form"])
def test_what_was_read_is_shown_and_no_form_is_sent_again(
    browser: BrowserContext, tmp_path: Path, posted: bool
) -> None:
    with opened(tmp_path) as site:
        let_in(site)
        sent: list[str] = []

        def answer(route: Route) -> None:
            asked = route.request
            if asked.method == "POST":
                sent.append(parse_qs(asked.post_data or "")["do"][0])
            got = site.client.request(
                asked.method, urlsplit(asked.url).path, content=asked.post_data_buffer, headers=asked.headers
            )
            route.fulfill(status=got.status_code, headers=dict(got.headers), body=got.content)

        page = browser.new_page()
        try:
            page.route("**/*", answer)
            page.goto(URL + path_of(site))
            if posted:
                page.locator('input[name="range"][value="30"]').check()
                page.locator('button[value="look"]').click()
            leave(site, looked())
            page.wait_for_selector("td.day.green", timeout=6000)
            assert page.locator("[data-day]").count() == (29 if posted else 13)
            assert page.locator("form[data-look]").count() == 0
            page.wait_for_timeout(100)
        finally:
            page.close()
        assert sent == (["look", "update"] if posted else [])
        assert [run for run in site.server.runs if "run_path" in run["parameters"]] == []


@pytest.mark.parametrize(("width", "weeks"), [(PHONE, False), (WIDE, True)], ids=["phone", "desk"])
def test_a_day_can_be_hit_and_read(open_page: Open, calendar: bytes, width: int, weeks: bool) -> None:
    page = open_page(calendar, width)
    cells: list[dict[str, Any]] = ask(page, CELLS)
    assert len(cells) == 14
    assert [cell for cell in cells if min(cell["width"], cell["height"]) < TARGET or not cell["inside"]] == []
    rows = {(cell["week"], cell["top"]) for cell in cells}
    assert len(rows) == (len({week for week, _ in rows}) if weeks else len(cells))


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (WIDE, False)], ids=["phone", "desk"])
@pytest.mark.parametrize("name", ["new run", "uploads", "not taken", "a name"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    open_page: Open, pages: dict[str, bytes], name: str, width: int, dark: bool
) -> None:
    page = open_page(pages[name], width, dark=dark)
    assert ask(page, "() => document.documentElement.scrollWidth") <= width
    found: list[dict[str, Any]] = Axe().run(page, options=OPTIONS).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:5]) for one in found] == []
