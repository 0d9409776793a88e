"""A person's page: today, what was applied and what came of it, the settings in force, the runs."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from flows.proposal.document import Proposal
from flows.web.index import index_of
from flows.web.people import PersonKind
from tests.hostile_proposals import HOSTILE
from tests.web import runs
from tests.web.conftest import Page
from tests.web.looks import first_words, nothing_inline
from tests.web.test_index import applied

DAY = timedelta(days=1)


def shown(page: Page, more: str = "", status: int = 200) -> str:
    index_of(page.state).renew()
    (ada,) = page.state.people.all()
    answer = page.get(f"/p/{ada.id}{more}")
    assert answer.status_code == status
    nothing_inline(answer.text)
    return answer.text


def name(days_ago: int) -> str:
    return f"20260101-0430{days_ago:02d}-aaaaaa"


def made(days_ago: int) -> Proposal:
    return runs.step_of(run=name(days_ago), made=datetime.now(UTC) - days_ago * DAY)


def test_it_says_how_it_is_today_and_lists_the_runs_newest_first(page: Page) -> None:
    root = page.state.settings.runs
    for days_ago in (3, 1, 0):
        runs.put(root, made(days_ago))
    runs.put_refused(root, "20260101-043002-bbbbbb")
    text = shown(page)
    assert "One small step waits: " in first_words(text)
    table = text[text.index("<tbody>") :]
    assert re.findall(r'href="/r/([^"]+)"', table) == ["20260101-043002-bbbbbb", name(0), name(1), name(3)]
    assert "the site refused the token" in table


def test_thirty_runs_are_shown_and_the_older_behind_them(page: Page) -> None:
    for days_ago in range(33):
        runs.put_refused(page.state.settings.runs, name(days_ago))
    first, second = shown(page), shown(page, "?older=1")
    assert (first.count('<th scope="row"'), second.count('<th scope="row"')) == (30, 3)
    assert "?older=1#h-runs" in first
    assert "older=" not in second[second.index("h-runs") :].split("newer")[1]


def test_two_runs_are_chosen_and_compared_without_a_script(page: Page) -> None:
    for days_ago in (1, 0):
        runs.put(page.state.settings.runs, made(days_ago))
    text = shown(page)
    assert re.findall(r'name="(\w)" value="([^"]+)" checked', text) == [("b", name(0)), ("a", name(1))]
    assert '<form method="get" action="/compare">' in text


def test_what_was_applied_is_told_with_what_came_of_it(page: Page) -> None:
    root = page.state.settings.runs
    run = runs.put(root, made(1))
    runs.put(root, made(0))
    applied(run, json.loads((run / "proposal.json").read_text())["sha256"])
    text = shown(page)
    assert "Before and after what was applied" in text
    assert re.search(r"Applied \d{4}-\d\d-\d\d", text)
    assert "1 change so far" in first_words(text)


@pytest.mark.parametrize(
    ("treatments", "says"),
    [
        ([], "active since"),
        ([{"eventType": "Profile Switch", "profile": "Workdays", "created_at": "2026-11-03T10:00:00Z"}], "3 Nov 2026"),
        ([{"eventType": "Profile Switch", "profile": "Other", "created_at": "2026-11-03T10:00:00Z"}], None),
    ],
)
def test_the_settings_in_force_and_since_when(page: Page, treatments: list[dict[str, str]], says: str | None) -> None:
    body = {
        "basal": [{"time": "00:00", "value": 0.8}],
        "sens": [{"time": "00:00", "value": 54}],
        "carbratio": [{"time": "00:00", "value": 10}],
        "units": "mg/dL",
    }
    profiles = {"_id": "1", "startDate": "2026-10-01T00:00:00Z", "defaultProfile": "Workdays"}
    store = {"Workdays": body, "Other": body}
    run = runs.put(page.state.settings.runs, runs.step_of(), served=({**profiles, "store": store},))
    files = [{"file": f"{kind}.json", "kind": kind} for kind in ("profile", "treatments")]
    (run / "raw" / "index.json").write_text(json.dumps({"files": files}))
    (run / "raw" / "treatments.json").write_text(json.dumps(treatments))
    text = first_words(shown(page))
    assert "Settings in force" in text
    assert "10.0 g/U" in re.sub(r"\s+", " ", text)
    assert ("active since" in text) == (says is not None)
    assert (says or "") in text


def test_the_whole_trend_is_a_page_of_its_own(page: Page) -> None:
    for days_ago in (2, 0):
        runs.put(page.state.settings.runs, made(days_ago))
    text = shown(page, "/trend")
    assert "Basal of each hour" in text
    assert text.count("<svg") > 20


def test_a_person_without_runs(page: Page) -> None:
    assert "No run yet." in first_words(shown(page))
    (ada,) = page.state.people.all()
    assert page.get(f"/p/{ada.id}/trend", follow_redirects=False).headers["location"] == f"/p/{ada.id}"


@pytest.mark.parametrize("person", ["zzzzzz", "a'--", "%00", "a" * 300])
@pytest.mark.parametrize("more", ["", "/trend"])
def test_an_address_of_nobody_says_so(page: Page, person: str, more: str) -> None:
    answer = page.get(f"/p/{person}{more}")
    assert answer.status_code == 404


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_markup_in_names_of_people_and_profiles_stays_text(page: Page, text: str) -> None:
    harmless = text.replace("\ud800", "")
    runs.put(page.state.settings.runs, runs.step_of(seal_with={"profile": {"name": harmless, "units": "mg/dL"}}))
    (ada,) = page.state.people.all()
    page.state.people.change(ada.id, name=harmless)
    for path in ("", "/trend"):
        found = shown(page, path)
        assert "<script>document" not in found
        assert "<img" not in found


def test_uploads_of_several_directories_are_one_history(page: Page) -> None:
    for person in page.state.people.all():
        page.state.people.remove(person.id)
    dora = page.state.people.add("Dora", PersonKind.UPLOADS)
    for days_ago in (1, 0):
        directory = page.state.settings.uploads / dora.id / str(days_ago)
        proposal = runs.step_of(None, run=name(days_ago), made=datetime.now(UTC) - days_ago * DAY)
        runs.put(page.state.settings.runs, proposal, from_directory=str(directory))
    assert shown(page).count('<th scope="row"') >= 2
    assert "Dora" in shown(page, "/trend")
