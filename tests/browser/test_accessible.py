"""What axe-core finds on each page: nothing, in light and dark, on a phone and on a desk."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from flows.report.html.report import report_html
from tests import sample_proposals
from tests.browser.conftest import DESK, PHONE, Open
from tests.browser.test_entry_page import entry_page
from tests.browser.test_first_screen import PEOPLE
from tests.browser.test_trend_page import page_of

pytestmark = pytest.mark.browser

# Without reading style sheets anew: a page loads nothing.
OPTIONS = {"resultTypes": ["violations"], "preload": False}
REPORTS = {
    "a step": PEOPLE["carb ratio and every hour's basal"],
    "red, mmol/L, blocks": sample_proposals.proposal(step=True, colour="red", units="mmol/L", blocks=3),
    "on target": PEOPLE["keep, on target"],
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {
        **{name: report_html(proposal) for name, proposal in REPORTS.items()},
        "trend": page_of(tmp_path_factory.mktemp("runs"), {}),
        "entry": entry_page(),
    }


LIGHT, DARK = False, True
LOOKS = [
    *(("a step", width, dark) for width, dark in ((PHONE, DARK), (DESK, LIGHT))),
    ("red, mmol/L, blocks", DESK, LIGHT),
    ("on target", PHONE, DARK),
    *(("trend", width, dark) for width, dark in ((PHONE, DARK), (DESK, LIGHT))),
    *(("entry", width, dark) for width, dark in ((PHONE, LIGHT), (DESK, DARK))),
]


@pytest.mark.parametrize(("name", "width", "dark"), LOOKS)
def test_axe_finds_nothing(open_page: Open, pages: dict[str, bytes], name: str, width: int, dark: bool) -> None:
    page = open_page(pages[name], width, dark=dark, all_open=True)
    found: list[dict[str, Any]] = Axe().run(page, options=OPTIONS).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:5]) for one in found] == []


def test_axe_finds_what_is_wrong(open_page: Open, pages: dict[str, bytes]) -> None:
    wrong = pages["entry"].replace(b'aria-label="', b'data-label="', 1)
    found = Axe().run(open_page(wrong), options=OPTIONS).response["violations"]
    assert [one["id"] for one in found] == ["label"]
