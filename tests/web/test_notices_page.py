"""*Send a test* has the worker send it, and says what came of it, never more."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from flows.watch.addresses import NoticeAddress, NoticeAddresses, NoticesTest, sent_test
from tests.web.conftest import Page

AT = "/settings/notices"


def sent(page: Page) -> str:
    """Ask for a test; its page."""
    answer = page.post(AT, {"form_id": "f1" * 16}, from_page=AT)
    assert answer.status_code == 303
    return str(answer.headers["location"])


def message(*answers: tuple[str, str | None], not_understood: tuple[int, ...] = ()) -> str:
    return NoticesTest(answers, not_understood).message()


def test_the_settings_lead_to_it_and_it_is_sent_once(page: Page) -> None:
    assert f'href="{AT}"' in page.get("/settings").text
    assert sent(page) == sent(page)
    (run,) = page.server.runs
    assert run["parameters"] == {}
    assert run["deployment_id"] == page.server.deployments["notices-test/notices-test"]


@pytest.mark.parametrize(
    ("kind", "said", "there", "absent"),
    [
        ("COMPLETED", message(("ntfy", None), ("webhook", None)), ["Every address", "webhook: sent"], "not sent"),
        ("FAILED", message(("ntfy", None), ("JSON", "it answered 5")), ["JSON: not sent (it answered 5)"], "Every"),
        ("FAILED", message(("ntfy", None), not_understood=(3,)), ["Not every address", "Line 3"], "Every address took"),
        ("FAILED", message(), ["no address is set"], "took it"),
        # What its state does not say was not sent, whatever its kind.
        ("COMPLETED", "", ["not known to have been sent"], "took it"),
        ("FAILED", "Refused: a file is missing", ["not known to have been sent"], "file is missing"),
        ("CRASHED", '{"addresses": 1}', ["not known to have been sent"], "took it"),
        ("CANCELLED", "", ["Nothing was sent"], "took it"),
        ("SCHEDULED", "", ["Nothing was sent so far", "data-reload"], "took it"),
        ("RUNNING", "", ["is sending it", "data-reload"], "took it"),
    ],
)  # fmt: skip
def test_what_came_of_it_is_said(kind: str, said: str, there: list[str], absent: str, page: Page) -> None:
    at = sent(page)
    page.server.state(page.server.runs[0]["id"], kind, message=said)
    text = " ".join(re.sub(r"</?bdi[^>]*>", "", page.get(at).text).split())
    for part in there:
        assert part in text
    assert absent not in text


def test_without_a_worker_nothing_is_asked_for(page: Page) -> None:
    page.server.ready.discard("autotune")
    answer = page.post(AT, {"form_id": "f1" * 16}, from_page=AT)
    assert answer.status_code == 503
    assert "No worker listens" in answer.text
    assert not page.server.runs


def test_what_no_worker_began_is_withdrawn(page: Page) -> None:
    at = sent(page)
    page.server.runs[0]["created"] = (datetime.now(UTC) - timedelta(minutes=11)).isoformat()
    assert "Nothing was sent" in page.get(at).text
    assert page.server.runs[0]["state_type"] == "CANCELLED"


def test_a_server_that_is_away_is_said(page: Page) -> None:
    at = sent(page)
    token = page.get(AT).text.partition('name="form_token" value="')[2].partition('"')[0]
    page.server.away = True
    answer = page.client.post(AT, data={"form_token": token}, follow_redirects=False)
    assert (answer.status_code, "Nothing was sent" in answer.text) == (503, True)
    assert "is not known" in page.get(at).text


def test_a_run_of_something_else_is_no_test(page: Page) -> None:
    sent(page)
    page.server.runs[0]["deployment_id"] = page.server.deployments["profile-sync/apply"]
    for at in (f"{AT}/{page.server.runs[0]['id']}", f"{AT}/00000000-0000-4000-8000-000000000000"):
        assert page.get(at).status_code == 404
    assert page.get(f"{AT}/x").status_code in (404, 422)


@pytest.mark.parametrize(
    ("answers", "not_understood", "taken"),
    [((None, None), (), True), ((None, "no"), (), False), ((), (), False), ((None,), (2,), False)],
)
def test_it_is_taken_where_every_address_took_it(
    answers: tuple[str | None, ...], not_understood: tuple[int, ...], taken: bool
) -> None:
    known = tuple(NoticeAddress(str(i), "ntfy", lambda _, why=why: why) for i, why in enumerate(answers))  # type: ignore[misc]
    test = sent_test(NoticeAddresses(known, not_understood))
    assert test.taken is taken
    assert NoticesTest.of(test.message()) == test
    assert set(json.loads(test.message())) == {"addresses", "not_understood"}
