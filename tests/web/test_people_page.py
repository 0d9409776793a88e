"""The first page: who is on it, in which order, and what each card says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from flows.language.catalogue import Language
from flows.web.index import index_of
from flows.web.people import PersonKind
from tests.hostile_proposals import HOSTILE
from tests.web import runs
from tests.web.conftest import Page
from tests.web.looks import first_words, nothing_inline

BEN, CEM = "https://ben.example", "https://cem.example"


def shown(page: Page) -> str:
    index_of(page.state).renew()
    answer = page.get("/")
    assert answer.status_code == 200
    nothing_inline(answer.text)
    return answer.text


def test_it_names_everybody(page: Page) -> None:
    assert ">ada<" in shown(page)


def test_what_a_page_loads_is_there_and_kept(page: Page) -> None:
    for path in re.findall(r'(?:href|src)="(/s/[^"]+)"', page.get("/").text):
        answer = page.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


def test_first_what_waits_then_who_has_no_result_then_by_name(page: Page) -> None:
    for name, site in (("Ben", BEN), ("Cem", CEM), ("Aaron", "https://aaron.example")):
        page.state.people.add(name, PersonKind.BLOCK, block=name.lower(), site=site)
    root = page.state.settings.runs
    runs.put(root, runs.step_of(CEM, run="20261128-043000-cccccc"))
    runs.put(root, runs.step_of(BEN, run="20261127-043000-bbbbbb", made=datetime.now(UTC) - timedelta(days=3)))
    runs.put_refused(root, "20261128-043000-bbbbbb", site=BEN)
    text = shown(page)
    assert re.findall(r'<h2 id="n-[^>]*><a [^>]*><bdi>(\w+)', text) == ["Cem", "Ben", "Aaron", "ada"]
    assert "One small step waits: basal" in text
    assert "The site refused the token." in text


@pytest.mark.parametrize(
    ("made", "says", "waits"),
    [
        (timedelta(hours=1), "One small step waits", True),
        (timedelta(hours=50), "One small step", False),
    ],
)
def test_a_step_waits_as_long_as_it_may_be_approved(page: Page, made: timedelta, says: str, waits: bool) -> None:
    runs.put(page.state.settings.runs, runs.step_of(made=datetime.now(UTC) - made))
    text = shown(page)
    assert says in text
    assert ("waits:" in text) == waits
    assert (">Look at it<" in text) == waits


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("refused", "No result yet. The site refused the token."),
        ("failed", "No result yet. The run failed with an internal error."),
    ],
)
def test_a_run_without_a_result_says_why(page: Page, status: str, says: str) -> None:
    run = runs.put_refused(page.state.settings.runs, "20261128-043000-aaaaaa", status=status)
    text = shown(page)
    assert says in first_words(text)
    assert f'href="/r/{run.name}"' in text


def test_a_proposal_altered_after_sealing_is_shown_as_none(page: Page) -> None:
    runs.alter(runs.put(page.state.settings.runs, runs.step_of()), timezone="Europe/Paris")
    text = shown(page)
    assert "No result yet. Its files do not match their seal." in first_words(text)
    assert "waits:" not in text


def test_nobody_is_offered_a_beginning(page: Page) -> None:
    for person in page.state.people.all():
        page.state.people.remove(person.id)
    text = shown(page)
    assert 'href="/try"' in text
    assert "Nobody is here yet" in text


def test_runs_of_nobody_stand_last(page: Page) -> None:
    run = runs.put(page.state.settings.runs, runs.step_of(None), from_directory="/data/export")
    text = shown(page)
    assert f'href="/r/{run.name}"' in text[text.index("Other runs") :]


def test_it_says_that_prefect_is_away_and_what_runs(page: Page) -> None:
    run = SimpleNamespace(name="20261128-103000-aaaaaa", state_name="Running")
    page.state.rooms["snapshot"] = SimpleNamespace(
        away_since=datetime.now(UTC),
        running_of=lambda person: [run],
        next_run_of=lambda person: datetime.now(UTC) + timedelta(days=2),
    )
    text = first_words(shown(page))
    assert "Prefect does not answer since" in text
    assert "A run is under way: running" in text
    assert "Next run: " in text


def test_it_says_that_the_index_is_not_there_yet_or_cannot_be_renewed(page: Page) -> None:
    index = index_of(page.state)
    index.end()
    index.renewed_at = None
    assert "Still looking through the runs" in page.get("/").text
    index.unreadable = True
    assert "cannot be read now" in page.get("/").text
    index.unreadable, index.renewed_at = False, datetime.now(UTC) - timedelta(minutes=2)
    assert "were last looked at" in page.get("/").text


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_with_markup_is_only_a_name(page: Page, name: str) -> None:
    page.state.people.add(name.replace("\ud800", ""), PersonKind.UPLOADS)
    text = shown(page)
    assert "<script>document" not in text
    assert "<img" not in text


def test_the_unit_is_the_persons_then_the_proposals(page: Page) -> None:
    runs.put(page.state.settings.runs, runs.step_of(units="mmol/L"))
    assert 'id="unit-mmoll" checked' in shown(page)
    (ada,) = page.state.people.all()
    page.state.people.change(ada.id, units="mg/dL")
    assert 'id="unit-mgdl" checked' in shown(page)


def test_cards_speak_the_language_that_was_chosen_on_the_page(page: Page) -> None:
    runs.put(page.state.settings.runs, runs.step_of())
    assert "Above target." in shown(page)
    page.state.rooms["preferences"].language = Language.GERMAN
    text = shown(page)
    assert "Ein kleiner Schritt wartet: Basal" in text
    assert "Above target." not in text
