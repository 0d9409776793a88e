"""What is written is what was shown, once, to the right person, now or not at all: the page that approves."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.writeback.approval import APPROVAL_VALID
from tests.proposals import profile_document
from tests.web.approving import (
    APPROVE,
    NAME,
    Someone,
    asked,
    form_of,
    looked_at,
    no_timers,
    run_of_step,
    send,
    someone,
    words_of,
)
from tests.web.conftest import Page
from tests.web.looks import nothing_inline
from tests.web.runs import SITE, alter


@pytest.fixture
def ada(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Someone]:
    no_timers(monkeypatch)
    with someone(tmp_path) as who:
        yield who


def test_the_page_shows_every_number_before_and_after(ada: Someone) -> None:
    text = ada.page.get(APPROVE).text
    nothing_inline(text)
    words = words_of(text)
    assert "On the site now: Day , read today" in words
    assert "Same settings as the run used ✓" in words
    for change in ada.made.step.changes if ada.made.step else ():
        assert f"{change.current:g}" in words
        assert f"{change.new:g}" in words
    assert "Written as Autotune" in words
    assert "Day stays as it is" in words
    assert "▼" in words
    assert text.count('class="after-line"') == 2 * text.count('class="change-drawing"') > 0
    assert text.count('class="now-line"') == text.count('class="after-line"')
    assert "Type Ada to confirm" in words


def test_what_was_shown_is_what_is_asked_for_and_written(ada: Someone) -> None:
    before = datetime.now(UTC)
    answer = send(ada.page, name=" ADA ")
    (run,) = asked(ada.page)
    request = run["parameters"]["request"]
    assert (answer.status_code, answer.headers["location"]) == (303, f"/c/{run['id'].replace('-', '')}")
    assert (request["proposal_id"], request["sha256"], request["decision"]) == (NAME, ada.made.sha256, "approve")
    assert (request["what"], request["only"], request["activate"], request["although_unsure"]) == (
        "step",
        [],
        False,
        False,
    )
    until = datetime.fromisoformat(request["approved_until"])
    assert before + APPROVAL_VALID <= until <= datetime.now(UTC) + APPROVAL_VALID
    assert len(request["seen_profile_sha256"]) == len(request["seen_site_sha256"]) == 64
    ada.work(answer)
    (_, written) = ada.site.database.profiles
    tuned = written["store"][next(name for name in written["store"] if name.startswith("Autotune"))]
    assert [(e["time"], e["value"]) for e in tuned["basal"]] != [
        (e["time"], e["value"]) for e in written["store"]["Day"]["basal"]
    ]


@pytest.mark.parametrize("name", ["", " ", "Ad", "Ada B", "Ben", "ada.example", "Адa"])
def test_a_wrong_name_writes_nothing(ada: Someone, name: str) -> None:
    answer = send(ada.page, name=name, switch="1")
    assert (answer.status_code, asked(ada.page)) == (422, [])
    assert "type the name as it stands here, Ada" in answer.text
    assert 'name="switch" value="1" checked' in answer.text


@pytest.mark.parametrize(
    ("called", "typed"),
    [("José", "Jose\u0301"), ("Straße", "STRASSE"), ("Ada  Byron", "ada byron"), ("Ärztin", "ärztin")],
)
def test_a_name_is_the_same_however_it_is_typed(ada: Someone, called: str, typed: str) -> None:
    ada.page.state.people.change(ada.page.state.people.all()[0].id, name=called)
    assert send(ada.page, name=typed).status_code == 303


@pytest.mark.parametrize("field", ["proposal_sha256", "profile_sha256", "site_sha256"])
@pytest.mark.parametrize("value", ["", "0" * 64, None])
def test_a_hidden_field_that_was_tampered_with_writes_nothing(ada: Someone, field: str, value: str | None) -> None:
    form = {**form_of(ada.page.get(APPROVE).text, APPROVE), "name": "Ada", field: value}
    answer = ada.page.client.post(
        APPROVE, data={k: v for k, v in form.items() if v is not None}, follow_redirects=False
    )
    assert (answer.status_code, asked(ada.page)) == (409, [])
    assert "Nothing was written" in answer.text


@pytest.mark.parametrize("choice", [{"what": "reductions"}, {"what": "parts", "part": ["cr"]}, {"what": "parts"}])
def test_a_choice_that_was_tampered_with_writes_nothing(ada: Someone, choice: dict[str, Any]) -> None:
    answer = send(ada.page, name="Ada", **choice)
    assert (answer.status_code, asked(ada.page)) == (409, [])


def test_a_double_click_is_one_run_and_another_choice_another(ada: Someone) -> None:
    form = {**form_of(ada.page.get(APPROVE).text, APPROVE), "name": "Ada"}
    first, second = (ada.page.client.post(APPROVE, data=form, follow_redirects=False) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert len(asked(ada.page)) == 1
    other = ada.page.client.post(APPROVE, data={**form, "switch": "1"}, follow_redirects=False)
    assert other.headers["location"] != first.headers["location"]


def test_of_two_browsers_that_approve_at_once_one_writes(ada: Someone) -> None:
    one, other = (form_of(ada.page.get(APPROVE).text, APPROVE) for _ in range(2))
    answers = [ada.page.client.post(APPROVE, data={**f, "name": "Ada"}, follow_redirects=False) for f in (one, other)]
    pages = [ada.page.get(ada.work(answer)).text for answer in answers]
    assert len(ada.site.database.profiles) == 2
    assert "Written and read back: today" in pages[0]
    assert "There was nothing to do" in pages[1]
    assert "It was done by another change: today" in pages[1]


def test_who_comes_second_is_told_that_it_was_written(ada: Someone) -> None:
    stale = form_of(ada.page.get(APPROVE).text, APPROVE)
    ada.work(send(ada.page, name="Ada"))
    late = ada.page.client.post(APPROVE, data={**stale, "name": "Ada"}, follow_redirects=False)
    assert late.status_code == 409
    words = words_of(ada.page.get(APPROVE).text)
    assert "It was written to the site: today" in words
    assert "Write it" not in words


def edited(document: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    changed["store"]["Day"]["basal"][0]["value"] = 0.55
    return changed


def test_a_site_that_changed_since_the_run_is_not_written_to(ada: Someone) -> None:
    looked_at(ada.page, edited(ada.site.database.profiles[0]))
    words = words_of(ada.page.get(APPROVE).text)
    assert "Not the settings that the run used" in words
    assert "This may not be written now" in words
    assert "Run again from today's settings" in words
    assert "Type Ada" not in words


def test_a_site_that_changed_since_it_was_shown_is_shown_anew(ada: Someone) -> None:
    form = form_of(ada.page.get(APPROVE).text, APPROVE)
    looked_at(ada.page, edited(ada.site.database.profiles[0]))
    answer = ada.page.client.post(APPROVE, data={**form, "name": "Ada"}, follow_redirects=False)
    assert (answer.status_code, asked(ada.page)) == (409, [])
    assert "not the ones that were shown" in answer.text


def test_a_site_that_changed_after_the_form_was_sent_is_not_written_to(ada: Someone) -> None:
    answer = send(ada.page, name="Ada")
    document = ada.site.database.profiles[0]
    ada.site.database.profiles[0] = edited(document)
    words = words_of(ada.page.get(ada.work(answer)).text)
    assert "Nothing was written." in words
    assert "The site's settings are not the ones that were shown" in words
    assert len(ada.site.database.profiles) == 1


def test_a_proposal_that_changed_on_disk_is_not_written(ada: Someone) -> None:
    form = form_of(ada.page.get(APPROVE).text, APPROVE)
    alter(ada.page.state.settings.runs / NAME, created_at="2026-11-28T05:00:00+00:00")
    answer = ada.page.client.post(APPROVE, data={**form, "name": "Ada"}, follow_redirects=False)
    assert answer.status_code in (404, 409)
    assert asked(ada.page) == []


def test_no_worker_and_nothing_is_queued(ada: Someone) -> None:
    ada.page.server.ready = {"autotune"}
    answer = send(ada.page, name="Ada")
    assert (answer.status_code, asked(ada.page)) == (503, [])
    assert "an approval is not queued" in answer.text
    ada.page.server.away = True
    form = form_of(answer.text, APPROVE)
    away = ada.page.client.post(APPROVE, data={**form, "name": "Ada"}, follow_redirects=False)
    assert (away.status_code, "Prefect&#39;s server does not answer" in away.text) == (503, True)


def test_what_gives_less_insulin_and_parts_can_be_chosen(ada: Someone) -> None:
    words = words_of(ada.page.get(f"{APPROVE}?what=parts&part=cr").text)
    assert "Carb ratio" in words
    assert "Not written, as it is: Basal, Insulin sensitivity (ISF)" in words
    answer = send(ada.page, f"{APPROVE}?what=parts&part=cr", name="Ada", unsure="1")
    assert answer.status_code == 303
    (run,) = asked(ada.page)
    assert (run["parameters"]["request"]["what"], run["parameters"]["request"]["only"]) == ("all", ["cr"])
    ada.work(answer)
    assert len(ada.site.database.profiles) == 2
    assert "Choose at least one part" in ada.page.get(f"{APPROVE}?what=parts").text


def test_a_rejection_is_written_down_and_nothing_else(ada: Someone) -> None:
    answer = send(ada.page, action=f"/r/{NAME}/reject")
    assert answer.status_code == 303
    (run,) = asked(ada.page)
    assert run["parameters"]["request"]["decision"] == "reject"
    words = words_of(ada.page.get(ada.work(answer)).text)
    assert "Written down: rejected" in words
    assert len(ada.site.database.profiles) == 1


AGO = timedelta(days=3)


@pytest.mark.parametrize(
    ("made", "source", "said", "way"),
    [
        ({"created_at": datetime.now(UTC) - AGO}, {}, "Run again from today's settings", "New run"),
        ({"colour": "red"}, {}, "Keep the settings you have", "Back"),
        ({"step": "keep"}, {}, "Keep the settings you have", "Back"),
        ({"step": "take-back"}, {}, "Undo the last change first", "Back"),
        ({"factor": 1.0, "step": None}, {}, "Run again", "New run"),
        ({}, {"enteredBy": "Loop", "loopSettings": {}}, "Type the step in yourself", "Type it in yourself"),
    ],
    ids=["old", "red", "keep", "take back", "earlier version", "app that only reports"],
)
def test_where_nothing_may_be_written_there_is_no_button_but_why_and_a_way_out(
    page: Page, made: dict[str, Any], source: dict[str, Any], said: str, way: str
) -> None:
    run_of_step(page.state.settings.runs, SITE, profile_document(**source), **made)
    text = page.get(APPROVE).text
    nothing_inline(text)
    words = words_of(text)
    assert "This may not be written now" in words
    assert said in words
    assert way in words
    assert 'class="write"' not in text
    answer = page.client.post(APPROVE, data={"name": "ada", "form_token": form_token(text)}, follow_redirects=False)
    assert (answer.status_code, asked(page)) == (409, [])


def form_token(text: str) -> str:
    return text.partition('name="form_token" value="')[2].partition('"')[0]


def test_a_run_of_nobody_is_not_written(page: Page) -> None:
    run_of_step(page.state.settings.runs, "https://carl.example", profile_document())
    words = words_of(page.get(APPROVE).text)
    assert "of nobody whom this page knows" in words
    assert "Type" not in words


@pytest.mark.parametrize("path", [APPROVE, "/r/..%2f..%2fetc/approve", f"/r/{NAME}/undo", "/c/abc", f"/c/{'0' * 32}"])
def test_what_is_not_there_is_not_found(page: Page, path: str) -> None:
    assert page.get(path).status_code == 404


def test_while_the_site_is_asked_nothing_can_be_written_and_then_the_runs_copy_is_gone_by(page: Page) -> None:
    run_of_step(page.state.settings.runs, SITE, profile_document())
    text = page.get(APPROVE).text
    nothing_inline(text)
    assert "Asking the site what it has now" in text
    assert "data-reload" in text
    assert '<button class="first">Write it' not in text
    with page.state.store.writing() as connection:
        connection.execute("UPDATE looks SET asked_at = asked_at - 6")
    words = words_of(page.get(APPROVE).text)
    assert "As the run read it" in words
    assert "held against the site once more" in words
    assert "Write it" in words
    assert len(asked(page, "site-look/look")) == 1


def test_secrets_and_numbers_are_in_no_parameter(ada: Someone) -> None:
    send(ada.page, name="Ada")
    (run,) = asked(ada.page)
    request = dict(run["parameters"]["request"])
    assert set(request) == {
        *("proposal_id", "sha256", "decision", "what", "only", "hours", "name", "overwrite", "activate"),
        *("although_unsure", "max_age_h", "approved_until", "seen_profile_sha256", "seen_site_sha256"),
    }
    assert "Ada" not in json.dumps(run["parameters"])
