"""The set-up a second time: the application and its settings move on, what a person changed on Prefect's page stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.variables import Variable

from flows.orchestration import deployments
from flows.orchestration import set_up as set_up_service
from flows.settings import AnalysisRequest
from tests.conftest import ROOT

pytestmark = pytest.mark.flow

SITE = "https://env.example"
NIGHTLY, ON_DEMAND = "autotune-analysis/nightly-autotune", "autotune-analysis/on-demand"
# What the server itself notes.
NOTED = {"id", "created", "updated", "global_concurrency_limit", "last_polled", "version_id", "schedules", "labels"}


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(prefect_server) as client:
        yield client
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)
        for known in client.read_automations():
            client.delete_automation(known.id)
        Variable.unset(deployments.WANTED)


@pytest.fixture
def set_up(client: SyncPrefectClient, prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The set-up with settings, as its container runs it."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    for name in [name for name in os.environ if name.startswith("AUTOTUNE_")]:
        monkeypatch.delenv(name)

    def run(**settings: str) -> None:
        for name, value in {
            "nightscout_site": SITE,
            "timezone": "Europe/Paris",
            "pool": "autotune",
            **settings,
        }.items():
            monkeypatch.setenv(f"AUTOTUNE_{name.upper()}", value)
        assert set_up_service.main() == 0

    return run


def everything(client: SyncPrefectClient) -> dict[str, Any]:
    """Every deployment with its schedules, every automation and limit, as the server has them."""
    limits = client.read_global_concurrency_limits(limit=200, offset=0)
    return {
        **{d.name: d.model_dump(mode="json", exclude={"last_polled", "status"}) for d in client.read_deployments()},
        **{a.name: a.model_dump(mode="json") for a in client.read_automations()},
        **{limit.name: limit.limit for limit in limits},
    }


def change(client: SyncPrefectClient, name: str, **fields: Any) -> None:
    """As the page sends it: the fields that were changed."""
    client.update_deployment(client.read_deployment_by_name(name).id, DeploymentUpdate(**fields))


def request(client: SyncPrefectClient, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.read_deployment_by_name(name).parameters["request"]
    return found


def test_a_second_set_up_changes_nothing(client: SyncPrefectClient, set_up: Callable[..., None]) -> None:
    set_up(nightly="true", age_group="teenager")
    before = everything(client)
    assert len(before) > 6
    set_up(nightly="true", age_group="teenager")
    assert everything(client) == before


def test_what_was_changed_on_the_page_stays_while_the_settings_move_on(
    client: SyncPrefectClient, set_up: Callable[..., None]
) -> None:
    set_up(age_group="child")
    form = AnalysisRequest(site=SITE, days=21, age_group="child", exclude_found=True)  # a form sends every field
    changed = {
        "parameters": {"request": form.options()},
        "tags": ["autotune", "on-demand", "mine"],
        "description": "Mine.",
        "concurrency_limit": 2,
        "collision_strategy": "CANCEL_NEW",
        "job_variables": {"env": {"HTTPS_PROXY": "http://proxy.example:3128"}},
        "work_pool_name": "autotune",
        "work_queue_name": "autotune-scheduled",
        "enforce_parameter_schema": False,
        "paused": True,
    }
    options = {"concurrency_options": {"collision_strategy": changed["collision_strategy"]}}
    change(client, ON_DEMAND, **{k: v for k, v in changed.items() if k != "collision_strategy"}, **options)
    (abandoned,) = client.read_automations_by_name(set_up_service.ABANDONED.name)
    client.pause_automation(abandoned.id)
    for age_group in ("child", "teenager"):
        set_up(age_group=age_group, insulin="ultra-rapid")
        found = client.read_deployment_by_name(ON_DEMAND)
        assert request(client, ON_DEMAND) == form.options() | {"age_group": age_group, "insulin": "ultra-rapid"}
        kept = deployments.as_found(found)
        del kept["parameters"]
        assert kept == {name: changed[name] for name in kept}
        assert found.paused is True
        (abandoned,) = client.read_automations_by_name(set_up_service.ABANDONED.name)
        assert abandoned.enabled is False
    assert request(client, NIGHTLY) == {"site": SITE, "days": 14, "age_group": "teenager", "insulin": "ultra-rapid"}


def test_a_request_for_another_person_is_given_nothing_of_the_settings(
    client: SyncPrefectClient, set_up: Callable[..., None]
) -> None:
    set_up(age_group="child")
    ada = {"site_block": "ada", "days": 14, "age_group": "child"}
    change(client, NIGHTLY, parameters={"request": ada})
    set_up(age_group="pregnant", insulin="ultra-rapid", nightscout_site="https://new.example")
    assert request(client, NIGHTLY) == ada
    assert request(client, ON_DEMAND) == {
        "site": "https://new.example",
        "days": 14,
        "age_group": "pregnant",
        "insulin": "ultra-rapid",
    }


def test_a_change_that_no_longer_fits_is_said_and_left(
    client: SyncPrefectClient, set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    set_up()
    odd = {"request": {"site": SITE, "days": 14, "no_such_field": 1}}
    change(client, NIGHTLY, parameters=odd, enforce_parameter_schema=False)
    change(client, NIGHTLY, version="0.0.1")
    client.update_deployment(
        client.read_deployment_by_name(NIGHTLY).id,
        DeploymentUpdate(enforce_parameter_schema=True, parameter_openapi_schema={"type": "object", "properties": {}}),
    )
    set_up()
    assert "The deployment nightly-autotune stays as it is" in capsys.readouterr().err
    assert client.read_deployment_by_name(NIGHTLY).parameters == odd
    assert client.read_deployment_by_name(ON_DEMAND).parameters == {"request": {"site": SITE, "days": 14}}


def test_the_deployments_are_those_that_prefect_s_own_command_would_make(
    client: SyncPrefectClient, set_up: Callable[..., None]
) -> None:
    def described(deployment: DeploymentResponse) -> dict[str, Any]:
        limit = deployment.global_concurrency_limit
        return deployment.model_dump(mode="json", exclude=NOTED) | {"limit": limit and limit.limit}

    set_up()
    ours = {d.name: described(d) for d in client.read_deployments()}
    for deployment in client.read_deployments():
        client.delete_deployment(deployment.id)
    command = ["--no-prompt", "deploy", "--all", "--prefect-file", str(ROOT / "prefect.yaml")]
    subprocess.run([sys.executable, "-m", "prefect", *command], check=True, stdin=subprocess.DEVNULL, timeout=120)
    assert {d.name: described(d) for d in client.read_deployments()} == ours
