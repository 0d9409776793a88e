"""The trend page in a browser: on which screen, with which aids, and with hostile names in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.language.catalogue import Language, speaking
from flows.report.trend.history import trend
from flows.report.trend.html import trend_page
from flows.report.trend.past_runs import find_runs
from tests.browser.conftest import DESK, PHONE, Open, ask
from tests.browser.test_report_page import CONTRAST, STRUCTURE
from tests.proposal_documents import refused_run
from tests.unit.report.test_trend import apply, at, made

pytestmark = pytest.mark.browser

HOSTILE = "</style></title><script>document.title='owned'</script><img src=x onerror=document.title='owned'>\u202e"
GERMAN = "in German"
PEOPLE: dict[str, dict[str, Any]] = {
    "mg/dL": {},
    "mmol/L": {"units": "mmol/L"},
    "red": {"colour": "red"},
    "hostile": {"name": HOSTILE + "x" * 10_000},
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    made_of = {name: page_of(tmp_path_factory.mktemp("runs"), person) for name, person in PEOPLE.items()}
    with speaking(Language.GERMAN):
        return {**made_of, GERMAN: page_of(tmp_path_factory.mktemp("runs"), {})}


def page_of(root: Path, person: dict[str, Any]) -> bytes:
    """Runs of some months, two of them applied, one refused."""
    for n in range(12):
        changes = {**person, "in_range": 62.0 + n}
        made(root, n, first=date.fromordinal(date(2026, 3, 1).toordinal() + 7 * n), **changes)
    apply(root / "run-003", at(date(2026, 4, 5), 12))
    apply(root / "run-007", at(date(2026, 5, 3), 12), activate=False, parts=["isf"])
    run = refused_run(root, "run-099", at(date(2026, 6, 10)))
    if person.get("name"):
        text = (
            (run / "manifest.json").read_text().replace("There is", HOSTILE.replace("\u202e", "\\u202e") + "There is")
        )
        (run / "manifest.json").write_text(text)
    return trend_page(trend(find_runs(root), root))


@pytest.mark.parametrize("name", [*PEOPLE, GERMAN])
def test_a_phone_never_scrolls_sideways_and_the_page_has_its_names(
    open_page: Open, pages: dict[str, bytes], name: str
) -> None:
    for width in (PHONE, DESK):
        page = open_page(pages[name], width=width, all_open=True)
        assert ask(page, "document.documentElement.scrollWidth") <= width
        wider = "[...document.querySelectorAll('.application .scroll')].filter(e => e.scrollWidth > e.clientWidth)"
        assert ask(page, f"{wider}.length") == 0, "before and after stand side by side"
    # A refused run's sentence takes the place of all its numbers.
    assert [found for found in ask(page, STRUCTURE) if "colspan" not in found and not found.startswith("row")] == []
    assert "owned" not in page.title()
    assert ask(page, "document.querySelectorAll('script, img, iframe, link, object, embed, form, [src]').length") == 0
    assert ask(page, "document.querySelectorAll('style').length") == 1


@pytest.mark.parametrize("how", [{}, {"dark": True}, {"media": "print"}], ids=["light", "dark", "print"])
def test_texts_stand_out_from_what_is_behind_them(
    open_page: Open, pages: dict[str, bytes], how: dict[str, Any]
) -> None:
    for name in ("mmol/L", "red"):
        assert ask(open_page(pages[name], all_open=True, **how), CONTRAST) == {}


def test_the_unit_is_chosen_by_keyboard(open_page: Open, pages: dict[str, bytes]) -> None:
    page = open_page(pages["mmol/L"])
    cells = "[...document.querySelectorAll('.runs tbody tr td:nth-child(3)')].map(e => e.innerText)"
    assert "2.78" in ask(page, cells)[1]
    page.keyboard.press("Tab"), page.keyboard.press("Tab"), page.keyboard.press("ArrowLeft")
    assert ask(page, "document.activeElement.id") == "unit-mgdl"
    assert "50.0" in ask(page, cells)[1]


def test_a_red_verdict_gives_nothing_to_type(open_page: Open, pages: dict[str, bytes]) -> None:
    page = open_page(pages["red"])
    card = ask(page, "document.querySelector('.verdict').innerText")
    assert "not to be used" in card
    assert "54.2" not in card
    assert "54.2" in ask(open_page(pages["mg/dL"]), "document.querySelector('.verdict').innerText")
