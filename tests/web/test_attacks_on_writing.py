"""Attacks on what writes: lost answers, restarts, names that mean two people, and pages of what is no run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.web.changes import TAKEN_UP_WITHIN, withdraw_what_waits
from flows.web.new_person import name_errors
from flows.web.people import PersonKind
from flows.writeback.approval import APPROVAL_VALID
from tests.web.approving import APPROVE, NAME, Someone, asked, form_of, no_timers, send, someone, words_of
from tests.web.conftest import Page

UNDO = f"/r/{NAME}/undo"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    return no_timers(monkeypatch)


@pytest.fixture
def ada(tmp_path: Path, later: list[Any]) -> Iterator[Someone]:
    with someone(tmp_path) as who:
        yield who


# --- an answer that is lost


def test_an_answer_that_was_lost_is_asked_for_again_and_is_one_run(ada: Someone) -> None:
    ada.page.server.lost = 1
    answer = send(ada.page, name="Ada")
    assert answer.status_code == 303
    (run,) = asked(ada.page)
    assert answer.headers["location"] == f"/c/{run['id'].replace('-', '')}"


@pytest.mark.parametrize(
    ("path", "action", "fields", "deployment"),
    [
        (APPROVE, APPROVE, {"name": "Ada"}, "profile-sync/apply"),
        (APPROVE, f"/r/{NAME}/reject", {}, "profile-sync/apply"),
        (UNDO, UNDO, {}, "profile-rollback/rollback"),
    ],
)
def test_what_may_have_been_asked_for_is_never_said_not_to_be(
    ada: Someone, path: str, action: str, fields: dict[str, Any], deployment: str
) -> None:
    if path == UNDO:
        ada.work(send(ada.page, name="Ada"))
    before = len(asked(ada.page, deployment))
    form = {**form_of(ada.page.get(path).text, action), **fields}
    ada.page.server.lost = 2
    answer = ada.page.client.post(action, data=form, follow_redirects=False)
    assert answer.status_code == 503
    words = words_of(answer.text)
    assert "Whether it was asked for is not known" in words
    assert "Nothing was" not in words
    again = {**form_of(answer.text, action), **fields}
    assert again["form_id"] == form["form_id"]
    answer = ada.page.client.post(action, data=again, follow_redirects=False)
    assert answer.status_code == 303
    assert len(asked(ada.page, deployment)) == before + 1


def test_a_server_that_was_not_reached_was_asked_for_nothing(ada: Someone) -> None:
    form = {**form_of(ada.page.get(APPROVE).text, APPROVE), "name": "Ada"}
    ada.page.server.away = True
    assert "Nothing was written" in words_of(ada.page.client.post(APPROVE, data=form).text)


# --- what waits, and nobody takes up


def test_a_restart_forgets_nothing_that_is_to_be_withdrawn(ada: Someone, later: list[Any]) -> None:
    send(ada.page, name="Ada")
    later.clear()  # as the page's end does
    withdraw_what_waits(ada.page.state, datetime.now(UTC) + timedelta(seconds=40))
    ((seconds, act),) = later
    assert 0 < seconds <= TAKEN_UP_WITHIN.total_seconds() - 39
    act()
    assert asked(ada.page)[0]["state_type"] == "CANCELLED"
    later.clear()
    withdraw_what_waits(ada.page.state, datetime.now(UTC) + APPROVAL_VALID + timedelta(seconds=1))
    assert later == []


def test_what_could_not_be_withdrawn_is_tried_again(ada: Someone, later: list[Any]) -> None:
    send(ada.page, name="Ada")
    ada.page.server.away = True
    later.pop()[1]()
    ada.page.server.away = False
    later.pop()[1]()
    assert asked(ada.page)[0]["state_type"] == "CANCELLED"
    assert later == []


def test_a_worker_that_took_it_up_and_stands_still_is_not_waited_for_once_it_may_not_write(
    ada: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = send(ada.page, name="Ada").headers["location"]
    ada.page.server.state(asked(ada.page)[0]["id"], "PENDING")
    assert "It waits to be taken up" in words_of(ada.page.get(to).text)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + APPROVAL_VALID + timedelta(seconds=1)

    monkeypatch.setattr("flows.web.pages.change.datetime", Later)
    assert "Not written: nothing took it up" in words_of(ada.page.get(to).text)


# --- names


def test_nobody_is_called_as_somebody_else(page: Page) -> None:
    people = page.state.people
    people.bring_up_to_date("https://ada.example", {"ada": "https://a.example", "ben": "https://b.example"})
    added = people.add("Cem", PersonKind.UPLOADS)
    people.change(added.id, name=" BEN")
    assert {one.name: one.site for one in people.all()} == {
        **{"ada": "https://ada.example", "ada 2": "https://a.example", "ben": "https://b.example", " BEN 2": None}
    }


@pytest.mark.parametrize("name", ["Ada B", "ada  b", "ADA B", " Ada B "])
def test_a_name_that_is_typed_alike_is_taken(page: Page, name: str) -> None:
    page.state.people.add("Ada B", PersonKind.UPLOADS)
    assert "name" in name_errors(name, page.state.people.all())


def test_a_saved_site_that_was_seen_before_its_person_was_named_is_one_person(page: Page) -> None:
    people = page.state.people
    people.bring_up_to_date(None, {"ben-2": "https://b.example"})
    added = people.add("Ben", PersonKind.BLOCK, block="ben-2", site="https://b.example")
    assert [(one.id, one.name) for one in people.all() if one.block == "ben-2"] == [(added.id, "Ben")]


# --- what writes is no run that the page cancels


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_run_that_writes_is_not_cancelled_as_a_proposal(ada: Someone, by: str) -> None:
    send(ada.page, name="Ada")
    run = asked(ada.page)[0]
    ada.page.server.state(run["id"], "RUNNING")
    path = f"/r/{run[by]}"
    assert ada.page.get(path).status_code == 404
    ada.page.post(f"{path}/cancel", from_page=APPROVE)
    assert run["state_type"] == "RUNNING"
