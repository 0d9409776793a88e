"""What the page asks of Prefect's server, of the server itself: with a password and guarded against foreign pages."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolUpdate
from prefect.client.schemas.schedules import CronSchedule
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import (
    PREFECT_API_BLOCKS_REGISTER_ON_START,
    PREFECT_API_DATABASE_MIGRATE_ON_START,
    PREFECT_SERVER_API_AUTH_STRING,
    PREFECT_SERVER_CSRF_PROTECTION_ENABLED,
    temporary_settings,
)
from prefect.states import Cancelled, Running

from flows.orchestration import set_up
from flows.orchestration.blocks import NightscoutSite
from flows.pipeline.look import LookKind
from flows.web.app import create_app
from flows.web.looks import looks_of
from flows.web.people import Person, PersonKind
from flows.web.person_night import set_night
from flows.web.prefect_server import NIGHTLY, START, PrefectServer, ServerAway
from flows.web.saved_sites import delete_site, save_site
from flows.web.snapshot import NightlySchedule, is_of, look_at
from flows.web.state import PageState
from tests.conftest import ROOT
from tests.people import entries, profile_document, treatments
from tests.web.conftest import settings

pytestmark = pytest.mark.flow

AUTH = "autotune:a password of the tests"
READ, WRITE = "ada-reads-0123456789", "ada-writes-0123456789"
ADA = {"site": "https://ada.example", "days": 7}


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture(scope="module")
def guarded(prefect_server: str) -> Iterator[str]:
    """A second server on the tests' database, set up, that wants a password and a token with each change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", prefect_server)
        patch.setenv("AUTOTUNE_NIGHTSCOUT_SITE", "https://env.example")
        assert set_up.main() == 0
        patch.setenv("PREFECT__SERVER_WEBSERVER_ONLY", "1")
        with temporary_settings(
            {
                PREFECT_SERVER_API_AUTH_STRING: AUTH,
                PREFECT_SERVER_CSRF_PROTECTION_ENABLED: True,
                PREFECT_API_DATABASE_MIGRATE_ON_START: False,  # the first server has done both
                PREFECT_API_BLOCKS_REGISTER_ON_START: False,
            }
        ):
            second = SubprocessASGIServer(port=free_port())
            second.start(timeout=60)
    yield second.api_url
    second.stop()
    with SyncPrefectClient(prefect_server) as client:
        for known in client.read_deployments():
            client.delete_deployment(known.id)


@pytest.fixture
def server(guarded: str) -> Iterator[PrefectServer]:
    server = PrefectServer(guarded, AUTH)
    yield server
    server.close()


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(prefect_server) as client:
        yield client


@pytest.mark.parametrize("auth", [None, "autotune:another"])
def test_without_its_password_it_says_that_it_wants_one(guarded: str, auth: str | None) -> None:
    with pytest.raises(ServerAway) as away:
        PrefectServer(guarded, auth).runs()
    assert "asks for a password" in away.value.why


def test_a_change_carries_the_token_that_the_server_wants_also_when_it_is_out_of_date(
    guarded: str, server: PrefectServer
) -> None:
    user, _, password = AUTH.partition(":")
    bare = httpx.post(f"{guarded}/flow_runs/filter", json={}, auth=(user, password), trust_env=False)
    assert bare.status_code == 403
    assert isinstance(server.runs(), list)
    server._token = "of a server before"
    assert isinstance(server.runs(), list)


def test_a_form_that_is_sent_twice_is_one_run(server: PrefectServer, tmp_path: Path) -> None:
    first = server.start(START, ADA, key="form 1", name="20261128-043000-aaaaaa", run_path=str(tmp_path))
    again = server.start(START, ADA, key="form 1", name="20261128-043000-bbbbbb", run_path=str(tmp_path / "b"))
    other = server.start(START, ADA, key="form 2", name="20261128-043000-cccccc")
    assert (again.id, again.name, again.run_path) == (first.id, "20261128-043000-aaaaaa", str(tmp_path))
    assert other.id != first.id
    assert (first.request["site"], first.request["days"], first.waiting, first.ended) == (*ADA.values(), True, False)
    assert server.run_named("20261128-043000-bbbbbb") is None
    found = server.run_named("20261128-043000-aaaaaa")
    assert found is not None and found.id == first.id
    assert {first.id, other.id} <= {run.id for run in server.runs(states=["SCHEDULED"])}
    for run in (first, other):
        server.cancel(run.id)


@pytest.mark.parametrize(("deployment", "request_"), [(START, {"days": "many"}), ("autotune-analysis/nobody", ADA)])
def test_what_no_run_can_be_is_not_started(server: PrefectServer, deployment: str, request_: dict[str, Any]) -> None:
    with pytest.raises(ServerAway):
        server.start(deployment, request_, key=f"not {deployment}", name="20261128-043000-dddddd")
    assert server.run_named("20261128-043000-dddddd") is None


def test_a_run_is_cancelled_as_far_as_it_has_come(server: PrefectServer, client: SyncPrefectClient) -> None:
    waits, goes, late = (server.start(START, ADA, key=f"cancel {n}") for n in range(3))
    client.set_flow_run_state(goes.id, Running(), force=True)
    client._client.post(
        "/artifacts/", json={"key": "days", "type": "progress", "data": 40.0, "flow_run_id": str(goes.id)}
    ).raise_for_status()
    assert server.progress(goes.id) == {"days": 40.0}
    server.withdraw(goes.id)
    server.withdraw(late.id)
    before = server.run(goes.id)
    server.cancel(waits.id)
    server.cancel(goes.id)
    states = [server.run(run.id) for run in (waits, late, goes)]
    assert before is not None and before.state_type == "RUNNING"
    assert [run and (run.state_type, run.message) for run in states] == [
        ("CANCELLED", "Cancelled on the page."),
        ("CANCELLED", "No worker took it up."),
        ("CANCELLING", "Cancelled on the page."),
    ]
    assert [run is not None and run.began is not None for run in states] == [False, False, True]
    server.cancel(waits.id)
    assert (ended := server.run(waits.id)) is not None and ended.ended
    client.set_flow_run_state(goes.id, Cancelled(), force=True)


def test_whether_a_worker_listens(server: PrefectServer, client: SyncPrefectClient) -> None:
    assert server.worker_listens("autotune-apply") is False
    client.send_worker_heartbeat("autotune-apply", "of the tests")
    assert server.worker_listens("autotune-apply") is True
    client.update_work_pool("autotune-apply", WorkPoolUpdate(is_paused=True))
    assert server.worker_listens("autotune-apply") is False
    assert server.worker_listens("nobody") is False


def test_a_site_that_the_page_saves_is_what_a_run_reads(server: PrefectServer, prefect_server: str) -> None:
    data = {"url": "https://ada.example", "timezone": "Europe/Warsaw", "read_token": READ, "write_token": WRITE}
    save_site(server, "page-ada", data)
    block = NightscoutSite.load("page-ada")
    assert (block.url, block.timezone) == ("https://ada.example", "Europe/Warsaw")
    assert block.read_token is not None and block.read_token.get_secret_value() == READ
    seen = server.saved_sites()["page-ada"]
    assert seen["url"] == "https://ada.example"
    assert READ not in json.dumps(seen) and WRITE not in json.dumps(seen)
    with pytest.raises(ServerAway):
        save_site(server, "page-ada", {**data, "url": "https://other.example"})
    assert NightscoutSite.load("page-ada").url == "https://ada.example"
    delete_site(server, "page-ada")
    delete_site(server, "page-ada")
    assert "page-ada" not in server.saved_sites()


def nights(server: PrefectServer) -> dict[str | None, NightlySchedule]:
    return {night.slug: night for night in look_at(server).nightly}


def test_a_night_is_made_moved_and_paused_and_no_other_is(server: PrefectServer, client: SyncPrefectClient) -> None:
    ada = Person("abcdef", "Ada", PersonKind.BLOCK, "ada", "https://ada.example", None, None)
    other = DeploymentScheduleCreate(
        schedule=CronSchedule(cron="10 3 * * *"), active=True, slug="ben", parameters={"request": {"days": 9}}
    )
    client.create_deployment_schedules(client.read_deployment_by_name(NIGHTLY).id, [other])
    before = nights(server)
    set_night(server, ada, None, active=True, at="04:45", timezone="Europe/Warsaw")
    made = nights(server)["nightly-ada"]
    assert (made.at, made.timezone, made.active, made.block) == ("04:45", "Europe/Warsaw", True, "ada")
    assert made.parameters["request"]["site_block"] == "ada"
    set_night(server, ada, made, active=False, at="05:00", timezone="Europe/Paris")
    after = nights(server)
    paused = after.pop("nightly-ada")
    assert (paused.id, paused.at, paused.timezone, paused.active) == (made.id, "05:00", "Europe/Paris", False)
    assert paused.parameters == made.parameters
    assert after == before


def test_a_look_of_the_page_is_left_by_its_deployment_of_what_was_uploaded(
    guarded: str, prefect_server: str, tmp_path: Path
) -> None:
    app = create_app(settings(tmp_path, prefect_api=guarded, prefect_auth=AUTH, site=None))
    page: PageState = app.state.page
    person = page.people.add("Cem", PersonKind.UPLOADS)
    uploaded = page.settings.uploads / person.id / "20261128-090000-abcdef"
    uploaded.mkdir(parents=True, mode=0o700)
    for name, records in (("entries", entries()), ("treatments", treatments()), ("profile", [profile_document()])):
        (uploaded / f"{name}.json").write_text(json.dumps(records))
    request = {"from_directory": str(uploaded)}
    looks = looks_of(page)
    look = looks.start(person, LookKind.DAYS, request)
    looks.wait()
    run = page.server.run_named(look.id)
    assert run is not None and is_of(run.request, person) and looks.still_under_way(look)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTOTUNE_")} | {
        "PYTHONPATH": str(ROOT),
        "PREFECT_API_URL": prefect_server,
        "PREFECT__FLOW_RUN_ID": str(run.id),
        "AUTOTUNE_RUNS": str(page.settings.runs),
    }
    command = [sys.executable, "-m", "flows.orchestration.run_entrypoint"]
    subprocess.run(command, check=False, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, timeout=60)
    found = looks.newest(person, LookKind.DAYS, request)
    assert found is not None and found.trouble is None and found.refused is None, found
    assert found.seen is not None and found.seen["days"] and found.seen["profile"]
    assert not looks.still_under_way(found)
    ended = page.server.run_named(look.id)
    assert ended is not None and ended.state_type == "COMPLETED"
    page.server.close()
