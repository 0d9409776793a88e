"""The site's pages of results in a browser: axe-core finds nothing, and a phone never scrolls sideways."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from flows.web.index import index_of
from flows.web.people import PersonKind
from flows.web.rendering import static_files
from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.test_accessible import OPTIONS
from tests.web import runs
from tests.web.conftest import let_in, opened

pytestmark = pytest.mark.browser
BEFORE, REFUSED = "20261127-043000-bbbbbb", "20261129-043000-cccccc"
NAMES = ("people", "person", "report", "compare", "choice", "refused")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Each as one file, its style inside, without its script: the browser of these tests has no network."""
    (style,) = [content for name, (content, _) in static_files().items() if name.endswith("/page.css")]
    with opened(tmp_path_factory.mktemp("site")) as page:
        let_in(page)
        root = page.state.settings.runs
        runs.put(root, runs.step_of(run=BEFORE, basal=0.9, made=datetime.now(UTC) - timedelta(days=1)))
        runs.put(root, runs.step_of(), files=True)
        ben = page.state.people.add("Ben", PersonKind.BLOCK, block="ben", site="https://ben.example")
        runs.put_refused(root, REFUSED, site=ben.site)
        index_of(page.state).renew()
        (ada,) = [person for person in page.state.people.all() if person.id != ben.id]
        paths = (
            *("/", f"/p/{ada.id}", f"/r/{runs.NAME}", f"/compare/{BEFORE}/{runs.NAME}"),
            *(f"/r/{runs.NAME}/entry", f"/r/{REFUSED}"),
        )
        texts = [page.get(path).text for path in paths]
    return {
        name: re.sub(r'<link rel="(?:stylesheet|icon)"[^>]*>|<script[^>]*></script>', "", text)
        .replace("</head>", f"<style>{style.decode()}</style></head>")
        .encode()
        for name, text in zip(NAMES, texts, strict=True)
    }


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESK, False)], ids=["phone", "desk"])
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    open_page: Open, pages: dict[str, bytes], name: str, width: int, dark: bool
) -> None:
    page = open_page(pages[name], width, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found: list[dict[str, Any]] = Axe().run(page, options=OPTIONS).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:5]) for one in found] == []
