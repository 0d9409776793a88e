"""The page of a run from its start to its end: what it says in each state, what is streamed, and cancelling."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flows.web.pages import running as pages
from flows.web.running import directory_of_id, view_of
from flows.web.watched_runs import STEPS, WatchedRuns, watched_runs
from tests.web.conftest import Page
from tests.web.runs import put_refused

NAME = "20261128-043000-abcdef"


def begin(page: Page, state: str = "RUNNING", name: str = "", message: str = "", **more: Any) -> str:
    """A run of the page's own, in a state."""
    run = {
        "id": str(uuid4()),
        "name": NAME,
        "deployment_id": "d",
        "parameters": {"request": {"site": "https://ada.example", "days": 14}},
        "created": datetime.now(UTC).isoformat(),
        **more,
    }
    page.server.runs.insert(0, run)
    page.server.state(run["id"], state, name, message)
    watched_runs(page.state).forget(NAME)
    return str(run["id"])


def tasks(*done: str, now: str, began: datetime | None = None) -> list[dict[str, Any]]:
    finished = [{"name": f"{step}-1a2", "state_type": "COMPLETED", "total_run_time": 12.4} for step in done]
    at = (began or datetime.now(UTC)).isoformat()
    return [*finished, {"name": f"{now}-3b4", "state_type": "RUNNING", "start_time": at}]


def progress(run_id: str, key: str, percent: float, of: int) -> dict[str, Any]:
    return {"flow_run_id": run_id, "key": key, "data": percent, "description": f"Days tuned (of {of})"}


@pytest.mark.parametrize(
    ("state", "name", "message", "said", "live"),
    [
        ("SCHEDULED", "Scheduled", "", "about to begin", True),
        ("SCHEDULED", "Late", "", "about to begin", True),
        ("SCHEDULED", "AwaitingConcurrencySlot", "", "waits for another one", True),
        ("PENDING", "Pending", "", "about to begin", True),
        ("RUNNING", "Running", "", "is under way", True),
        ("CANCELLING", "Cancelling", "", "is being cancelled", True),
        ("PAUSED", "Suspended", "", "is paused", True),
        ("CANCELLED", "Cancelled", "", "was cancelled", False),
        ("CRASHED", "Crashed", "x", "The worker ended it", False),
        ("FAILED", "Failed", "exception: Refused: There is <none>.", "There is &lt;none&gt;.", False),
        ("COMPLETED", "Postponed", "", "was postponed", False),
        ("COMPLETED", "Completed", "", "its result is not here", False),
    ],
)
def test_each_state_has_its_sentence(page: Page, state: str, name: str, message: str, said: str, live: bool) -> None:
    begin(page, state, name, message)
    answer = page.get(f"/r/{NAME}")
    assert answer.status_code == 200
    assert said in answer.text
    assert answer.text.count("<h1") == 1
    assert ("data-live" in answer.text) == live
    assert ("<noscript><meta" in answer.text) == live
    (ada,) = page.state.people.all()
    assert (f"/p/{ada.id}/new?again={NAME}" in answer.text) == (not live)


def test_steps_have_their_counts_and_times(page: Page) -> None:
    run = begin(page)
    began = datetime.now(UTC) - timedelta(seconds=180)
    page.server.tasks = tasks("load-nightscout-data", "prepare-work-dir", now="run-autotune-analysis", began=began)
    page.server.artifacts = [progress(run, "autotune-days", 100 * 9 / 14, 14)]
    text = page.get(f"/r/{NAME}").text
    assert re.findall(r'<li class="([a-z-]+)" data-step', text) == ["done", "done", "now", *["to-come"] * 3]
    assert "day 9 of 14" in text
    assert "12 s" in text
    assert "about 2 minutes left" in text.replace("\u202f", " ")
    assert 'value="64.3"' in text


def test_a_step_whose_task_is_not_known_yet_is_told_by_its_bar(page: Page) -> None:
    run = begin(page)
    page.server.artifacts = [progress(run, "autotune-repetitions", 50.0, 70)]
    text = page.get(f"/r/{NAME}").text
    assert "35 of at most 70" in text


def test_without_a_worker_it_waits_and_says_so(page: Page) -> None:
    begin(page, "SCHEDULED", "Late")
    page.server.ready.discard("autotune")
    text = page.get(f"/r/{NAME}").text
    assert "No worker listens now" in text
    assert "/cancel" in text


def test_the_run_that_looks_again_is_found_at_the_same_address(page: Page) -> None:
    begin(page, "COMPLETED", "Postponed")
    later = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    begin(page, "SCHEDULED", "Scheduled", expected_start_time=later)
    page.server.runs[0]["name"] = f"{NAME} (postponed 1)"
    assert "it looks again then" in page.get(f"/r/{NAME}").text


def test_a_nightly_run_is_found_by_its_directory_and_by_its_id(page: Page) -> None:
    run = begin(page)
    page.server.runs[0]["name"] = "quick-fox"
    directory = f"20261128-043000-{run.replace('-', '')[:6]}"
    assert "is under way" in page.get(f"/r/{run}").text, "its directory is not there yet"
    (page.state.settings.runs / directory).mkdir()
    answer = page.get(f"/r/{run}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{directory}")
    assert "is under way" in page.get(f"/r/{directory}").text


def test_the_newest_directory_of_an_id_is_taken(tmp_path: Path) -> None:
    run = uuid4()
    for stamp in ("20261127-043000", "20261128-043000"):
        (tmp_path / f"{stamp}-{run.hex[:6]}").mkdir()
    assert directory_of_id(tmp_path, str(run)) == f"20261128-043000-{run.hex[:6]}"
    assert directory_of_id(tmp_path, run.hex) == f"20261128-043000-{run.hex[:6]}"
    assert directory_of_id(tmp_path, "../x") is None
    assert directory_of_id(tmp_path / "none", run.hex) is None


@pytest.mark.parametrize("name", ["20261128-043000-000000", "77c9ce8d-7095-4638-99a5-726d50871f68", "..%2f..%2fetc"])
def test_what_nobody_knows_is_not_found(page: Page, name: str) -> None:
    assert page.get(f"/r/{name}").status_code == 404


def test_a_server_that_is_away_is_said_with_since_when(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(page)
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    page.state.rooms["watched runs"] = WatchedRuns(page.state.server, lambda: now[0])
    assert "last heard" not in page.get(f"/r/{NAME}").text
    page.server.away = True
    now[0] += 40
    text = page.get(f"/r/{NAME}").text
    assert "last heard 40 s ago" in text
    assert "is under way" in text


def test_a_server_that_never_answered_is_no_reason_to_say_that_there_is_no_run(page: Page) -> None:
    page.server.away = True
    answer = page.get(f"/r/{NAME}")
    assert answer.status_code == 200
    assert "Nothing is known of this run now" in answer.text


def test_the_server_is_asked_once_however_many_watch(page: Page) -> None:
    begin(page)
    seen = watched_runs(page.state)
    asked = len(page.server.asked)
    first = seen.see(NAME)
    once = len(page.server.asked) - asked
    for _ in range(5):
        assert seen.see(NAME) is first
    assert len(page.server.asked) - asked == once


# --- the stream


def streamed(page: Page, name: str = NAME, **headers: str) -> tuple[Any, list[dict[str, Any]]]:
    with page.client.stream("GET", f"/r/{name}/events", headers=headers) as answer:
        text = "".join(answer.iter_text())
    return answer, [json.loads(found) for found in re.findall(r"^data: (.*)$", text, re.MULTILINE)]


def test_the_stream_ends_with_the_run(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "EVERY_S", 0.01)
    run = begin(page)
    seen = []

    def see(name: str) -> Any:
        seen.append(name)
        if len(seen) == 3:
            page.server.state(run, "CRASHED")
        found = WatchedRuns(page.state.server)
        return found.see(name)

    monkeypatch.setattr(watched_runs(page.state), "see", see)
    answer, documents = streamed(page)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    assert "no-store" in answer.headers["cache-control"]
    assert [document["ended"] for document in documents] == [False, True]
    assert set(documents[0]["steps"]) == set(STEPS)


def test_the_stream_of_a_sealed_run_says_so_at_once(page: Page) -> None:
    put_refused(page.state.settings.runs, NAME)
    _, (document,) = streamed(page)
    assert (document["state"], document["ended"]) == ("sealed", True)


def test_what_a_browser_has_is_not_sent_again(page: Page) -> None:
    begin(page, "CANCELLED")
    with page.client.stream("GET", f"/r/{NAME}/events") as answer:
        text = "".join(answer.iter_text())
    (event_id,) = re.findall(r"^id: (.*)$", text, re.MULTILINE)
    _, documents = streamed(page, **{"Last-Event-ID": event_id})
    assert documents == []


def test_streams_have_a_cap_and_are_counted_down(page: Page) -> None:
    begin(page, "CANCELLED")
    streamed(page)
    assert page.state.rooms["streams"]["open"] == 0
    page.state.rooms["streams"]["open"] = pages.MOST_STREAMS
    assert page.get(f"/r/{NAME}/events").status_code == 503


def test_a_stream_ends_when_nobody_is_signed_in_any_more(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.web.security.sessions import sessions_of

    monkeypatch.setattr(pages, "EVERY_S", 0.01)
    begin(page)
    calls = []

    def now(state: Any, name: str) -> dict[str, Any]:
        calls.append(name)
        sessions_of(page.state).end_all()
        return {"state": "x", "ended": False}

    monkeypatch.setattr(pages, "_now", now)
    streamed(page)
    assert len(calls) == 1


# --- cancelling


def test_cancelling_asks_once_more_and_tells_the_server(page: Page) -> None:
    run = begin(page)
    text = page.get(f"/r/{NAME}").text
    assert f'href="/r/{NAME}/cancel"' in text
    assert "Cancel this run?" in page.get(f"/r/{NAME}/cancel").text
    answer = page.post(f"/r/{NAME}/cancel", from_page=f"/r/{NAME}/cancel")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{NAME}")
    assert next(r for r in page.server.runs if r["id"] == run)["state_type"] == "CANCELLING"
    assert "is being cancelled" in page.get(f"/r/{NAME}").text


def test_a_run_that_has_ended_is_not_cancelled(page: Page) -> None:
    begin(page, "CRASHED")
    assert page.post(f"/r/{NAME}/cancel", from_page=f"/r/{NAME}/cancel").status_code == 303
    assert not [path for _, path, _ in page.server.asked if path.endswith("/set_state")]


def test_a_server_that_is_away_cancels_nothing_and_says_so(page: Page) -> None:
    begin(page)
    watched_runs(page.state).see(NAME)
    page.server.away = True
    answer = page.post(f"/r/{NAME}/cancel", from_page=f"/r/{NAME}/cancel")
    assert answer.status_code == 503
    assert "It was not cancelled" in answer.text


def test_a_run_of_a_terminal_is_not_called_running(page: Page) -> None:
    (page.state.settings.runs / NAME).mkdir()
    text = page.get(f"/r/{NAME}").text
    assert "under way in a terminal" in text
    assert "data-live" not in text
    assert view_of(watched_runs(page.state).see(NAME), there=False, now=datetime.now(UTC)).live is False
