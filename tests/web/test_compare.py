"""Two runs beside each other."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from flows.web.people import PersonKind
from tests.hostile_proposals import HOSTILE
from tests.sample_proposals import document
from tests.web import runs
from tests.web.conftest import Page
from tests.web.looks import first_words, nothing_inline

A, B = "20261127-043000-aaaaaa", "20261128-043000-bbbbbb"


def shown(page: Page, first: str = A, second: str = B, status: int = 200) -> str:
    answer = page.get(f"/compare/{first}/{second}")
    assert answer.status_code == status
    nothing_inline(answer.text)
    return answer.text


def put_two(page: Page, **of_second: object) -> None:
    root = page.state.settings.runs
    runs.put(root, runs.step_of(run=A, made=datetime.now(UTC) - timedelta(days=1)))
    runs.put(root, runs.step_of(run=B, **of_second))  # type: ignore[arg-type]


def section(text: str, title: str) -> tuple[str, str]:
    """What differs in a section, and what is the same."""
    found = re.search(rf"<section[^>]*>\s*<h2[^>]*>{title}</h2>(.*?)</section>", text, re.DOTALL)
    assert found
    different, _, same = found[1].partition("<details")
    return different, same


def test_what_differs_comes_first(page: Page) -> None:
    put_two(page, basal=0.9, seal_with={"options": {"days": 14, "insulin": "ultra-rapid", "site": runs.SITE}})
    text = shown(page)
    assert "≠" in section(text, "Settings")[0]
    assert "ISF, in force" in section(text, "Settings")[1]
    options = section(text, "Options")
    assert "ultra-rapid" in options[0]
    assert "<bdi>days</bdi>" in options[1]
    assert runs.SITE not in text
    assert re.findall(r"<h2[^>]*>(\w+)</h2>", text) == ["Verdict", "Settings", "Options", "Glucose", "Days"]


def test_the_days_that_differ_are_counted(page: Page) -> None:
    days = [{**day, "status": "used", "reason": None} for day in document()["days"]]
    days[1] |= {"status": "skipped", "reason": "glucose for 41 % of the day only (at least 50 % is needed)"}
    put_two(page, seal_with={"days": days[:-1]})
    different, same = section(shown(page), "Days")
    assert "The days differ in 3 of 14." in different
    assert "left out: <bdi>glucose for 41 %" in different
    assert "not looked at" in different
    assert same.count("<tr>") == 12


def test_the_same_twice_says_so(page: Page) -> None:
    put_two(page)
    text = shown(page)
    assert "Both looked at the same days." in section(text, "Days")[0]
    assert section(text, "Glucose")[0].strip().endswith("The same in both.</p>")


@pytest.mark.parametrize("order", [(A, B), (B, A)])
def test_the_older_one_is_first(page: Page, order: tuple[str, str]) -> None:
    put_two(page)
    assert re.findall(r'href="/r/([^"]+)"', shown(page, *order)) == [A, B]


def test_runs_of_two_people_are_said_to_be(page: Page) -> None:
    page.state.people.add("Ben", PersonKind.BLOCK, block="ben", site="https://ben.example")
    runs.put(page.state.settings.runs, runs.step_of(run=A))
    runs.put(page.state.settings.runs, runs.step_of("https://ben.example", run=B))
    text = first_words(shown(page))
    assert "not runs of the same person" in text


def test_a_run_without_a_proposal_cannot_be_compared(page: Page) -> None:
    put_two(page)
    assert "Choose two different runs" in shown(page, A, A, 404)
    assert "cannot be compared" in shown(page, A, "20261128-043000-zzzzzz", 404)
    runs.alter(page.state.settings.runs / B, timezone="Europe/Paris")
    assert "U/h" not in shown(page, A, B, 404)


@pytest.mark.parametrize(
    ("a", "b", "to"),
    [
        (A, B, f"/compare/{A}/{B}"),
        ("", B, f"/compare/-/{B}"),
        ("..", "../..", "/compare/-/-"),
        ("https://evil.example", "//evil.example", "/compare/-/-"),
    ],
)
def test_a_form_leads_to_the_comparison_and_nowhere_else(page: Page, a: str, b: str, to: str) -> None:
    answer = page.get("/compare", params={"a": a, "b": b}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, to)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_markup_stays_text(page: Page, text: str) -> None:
    harmless = text.replace("\ud800", "")
    days = document()["days"]
    days[0] |= {"date": harmless, "status": "skipped", "reason": harmless}
    put_two(page, seal_with={"options": {harmless: harmless, "list": [harmless], "site": runs.SITE}, "days": days})
    found = shown(page)
    assert "<script>document" not in found
    assert "<img" not in found
