"""Trying it: nothing set up and one button, from a run over what is written to what is undone; and its end."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from flows.demo.site import READ_TOKEN, WRITE_TOKEN
from flows.nightscout.authentication import Credentials
from flows.values.bundled import bundled
from flows.values.run_directory import RunDirectory
from flows.web.people import PersonKind
from flows.web.synthetic_person import synthetic_person_of
from flows.writeback.apply import Tools, apply
from flows.writeback.approval import RollbackRequest, SyncRequest
from flows.writeback.rollback import rollback
from tests.web.approving import asked, looked_at, no_timers, run_of_step, send, words_of
from tests.web.conftest import Page, let_in, opened
from tests.web.looks import nothing_inline
from tests.writing import Clock, client

START = "autotune-analysis/on-demand"


def free_address() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{found.getsockname()[1]}"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    no_timers(monkeypatch)
    with opened(tmp_path, site=None, demo=free_address()) as found:
        yield let_in(found)


def tried(page: Page) -> Any:
    """Press the button."""
    return send(page, "/try")


def site_of(page: Page) -> str:
    person = synthetic_person_of(page.state).person()
    assert person is not None
    return str(person.site)


def profiles_of(address: str) -> list[dict[str, Any]]:
    return list(httpx.get(f"{address}/api/v1/profile.json?token={READ_TOKEN}", trust_env=False).json())


def test_one_button_makes_a_person_with_a_site_and_a_run(page: Page) -> None:
    text = page.get("/try").text
    nothing_inline(text)
    assert "Try it" in words_of(page.get("/").text)
    answer = tried(page)
    (run,) = asked(page, START)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{run['name']}")
    (block,) = page.server.blocks
    assert run["parameters"]["request"] == {"site_block": block["name"]}
    assert run["parameters"]["run_path"] == str(page.state.settings.runs / run["name"])
    (person,) = page.state.people.all()
    assert (person.kind, person.name, person.block) == (PersonKind.DEMO, "Robin (synthetic)", "try")
    said = json.loads((bundled("fixtures/demonstration_step") / "settings.json").read_text())
    assert block["data"] == {
        "url": person.site,
        "allow_http": True,
        "options": said,
        "read_token": READ_TOKEN,
        "write_token": WRITE_TOKEN,
    }
    (document,) = profiles_of(site_of(page))
    assert set(document["store"]) == {"LocalProfile1"}
    newest = httpx.get(f"{site_of(page)}/api/v1/entries.json?count=1&token={READ_TOKEN}", trust_env=False).json()
    assert datetime.now(UTC) - datetime.fromtimestamp(newest[0]["date"] / 1000, UTC) < timedelta(hours=32)


def test_a_double_click_is_one_person_and_one_run(page: Page) -> None:
    form = {"form_id": "a" * 32}
    first, second = (page.post("/try", form, from_page="/try") for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert len(page.state.people.all()) == len(page.server.blocks) == len(asked(page, START)) == 1


def test_what_is_written_is_seen_on_the_site_and_undone(page: Page) -> None:
    tried(page)
    address = site_of(page)
    (document,) = profiles_of(address)
    name = "20261128-043000-aaaaaa"
    source = {**document, "units": "mg/dl"}
    run_of_step(page.state.settings.runs, address, source)
    looked_at(page, source, active="LocalProfile1")
    approve = f"/r/{name}/approve"
    assert "goes to a stand-in" in words_of(page.get(approve).text)
    answer = send(page, approve, name="Robin (synthetic)")
    assert answer.status_code == 303
    done = work(page, answer)
    assert "Written and read back" in words_of(page.get(done).text)
    assert "What the site has" in words_of(page.get(done).text)
    text = page.get("/try/site").text
    nothing_inline(text)
    shown = words_of(text)
    assert shown.count("Profiles since") == 2
    assert "Written while it was tried" in shown
    assert re.search(r"LocalProfile1 \( ?active now ?\)", shown)
    assert "Autotune" in shown
    undone = work(page, send(page, f"/r/{name}/undo"))
    assert "Put back and read back" in words_of(page.get(undone).text)
    assert words_of(page.get("/try/site").text).count("Profiles since") == 3


def work(page: Page, answer: Any) -> str:
    """Do as the worker does, with the token of the block."""
    to: str = answer.headers["location"]
    run = next(run for run in page.server.runs if run["id"] == str(UUID(to.rpartition("/")[2])))
    given, clock = run["parameters"]["request"], Clock()
    ready = Tools(
        clock=clock.now,
        credentials=Credentials(token=WRITE_TOKEN),
        journals=page.state.settings.journals,
        sleep=clock.sleep,
        client=client,
        who=f"prefect flow run {run['id']}",
    )
    directory = RunDirectory(page.state.settings.runs / given["proposal_id"])
    if "even_if_edited" in given:
        rollback(directory, RollbackRequest(**given), ready, "prefect")
    else:
        apply(directory, SyncRequest(**given), ready, "prefect")
    page.server.state(run["id"], "COMPLETED")
    return to


def test_removing_ends_all_of_it_and_it_can_be_tried_again(page: Page) -> None:
    tried(page)
    first = site_of(page)
    assert page.get("/try").text.count("Remove the synthetic person") == 1
    assert page.post("/try/remove", from_page="/try").headers["location"] == "/try"
    assert (page.state.people.all(), page.server.blocks) == ([], [])
    assert not (page.state.settings.data / "demo").exists()
    with pytest.raises(httpx.ConnectError):
        profiles_of(first)
    assert page.get("/try/site").status_code == 404
    page.state.people.bring_up_to_date(None, {"try": first})  # a look at the server from before comes late
    assert page.state.people.all() == []
    tried(page)
    second = site_of(page)
    assert second != first
    assert len(profiles_of(second)) == 1
    assert httpx.get(f"{first}/api/v1/profile.json?token={READ_TOKEN}", trust_env=False).status_code == 404


def test_the_site_is_there_again_after_the_page_was_started_anew(tmp_path: Path) -> None:
    demo = free_address()
    with opened(tmp_path, site=None, demo=demo) as found:
        tried(let_in(found))
        address = site_of(found)
        httpx.post(f"{address}/api/v1/profile?token={WRITE_TOKEN}", json=profiles_of(address)[0], trust_env=False)
    with pytest.raises(httpx.ConnectError):
        profiles_of(address)
    with opened(tmp_path, site=None, demo=demo):
        assert len(profiles_of(address)) == 2


def no_worker(page: Page) -> None:
    page.server.ready = set()


def away(page: Page) -> None:
    page.server.away = True


def not_set_up(page: Page) -> None:
    page.server.deployments = {}


def port_in_use(page: Page) -> None:
    taken = socket.create_server(("127.0.0.1", int(page.state.settings.demo.rpartition(":")[2])))
    page.state.rooms["taken"] = taken


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (no_worker, "nothing is there that computes"),
        (away, "Prefect's server does not answer"),
        (not_set_up, "the service is not set up"),
        (port_in_use, "could not be served at http://127.0.0.1:"),
    ],
)
def test_where_it_cannot_be_one_sentence_says_so_and_nothing_is_left(page: Page, trouble: Any, said: str) -> None:
    form = {"form_id": "a" * 32}
    token = re.search(r'name="form_token" value="([^"]*)"', page.get("/try").text)
    trouble(page)
    answer = page.client.post("/try", data={**form, "form_token": token[1] if token else ""})
    assert answer.status_code == 503
    assert said in words_of(answer.text)
    assert "Nothing was started" in words_of(answer.text)
    assert (page.state.people.all(), page.server.blocks, page.server.runs) == ([], [], [])
    if "taken" in page.state.rooms:
        page.state.rooms["taken"].close()


def test_somebody_s_saved_site_of_that_name_stays_as_it_is(page: Page) -> None:
    theirs = {"id": "x", "name": "try", "data": {"url": "https://theirs.example"}}
    page.server.blocks.append(theirs)
    tried(page)
    assert [block["name"] for block in page.server.blocks] == ["try", "try-2"]
    page.post("/try/remove", from_page="/try")
    assert page.server.blocks == [theirs]


def test_a_server_that_went_away_keeps_all_until_it_is_back(page: Page) -> None:
    tried(page)
    token = re.search(r'name="form_token" value="([^"]*)"', page.get("/try").text)
    page.server.away = True
    answer = page.client.post("/try/remove", data={"form_token": token[1] if token else ""})
    assert (answer.status_code, len(page.state.people.all())) == (503, 1)
    assert "Nothing was removed" in words_of(answer.text)
    assert profiles_of(site_of(page))


def test_the_settings_lead_to_its_end(page: Page) -> None:
    tried(page)
    (person,) = page.state.people.all()
    assert "A synthetic person" in words_of(page.get("/settings").text)
    answer = page.post(f"/settings/people/{person.id}/remove", from_page="/settings")
    assert (answer.headers["location"], len(page.state.people.all())) == ("/try", 1)
    assert "A synthetic person" in words_of(page.get(f"/p/{person.id}").text)


def test_the_site_is_nobody_s_without_a_token(page: Page) -> None:
    tried(page)
    address = site_of(page)
    assert httpx.get(f"{address}/api/v1/profile.json", trust_env=False).status_code == 401
    assert httpx.get(f"{page.state.settings.demo}/api/v1/status.json", trust_env=False).status_code == 404
