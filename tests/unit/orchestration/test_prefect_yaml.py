"""prefect.yaml says what is meant: Prefect ignores a misspelt key without a word."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from docker.types import HostConfig
from prefect.cli.deploy._models import (
    ConcurrencyLimitSpec,
    DeploymentConfig,
    PrefectYamlModel,
    RawScheduleConfig,
    WorkPoolConfig,
)
from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect_docker.worker import DockerWorker
from pydantic import BaseModel

from flows import __version__
from flows.orchestration import nightly_schedule, pools, set_up
from flows.settings import AnalysisRequest
from tests.conftest import ROOT

SETTINGS = {
    "AUTOTUNE_NIGHTSCOUT_SITE": "https://my.site.example",
    "AUTOTUNE_POOL": "autotune-docker",
}
QUEUES = {
    "on-demand": "autotune-manual",
    "nightly-autotune": "autotune-scheduled",
    "look": "autotune-manual",
    "notices-test": "autotune-manual",
    "apply": "autotune-manual",
    "rollback": "autotune-manual",
}
WRITING = {"apply": "profile-sync", "rollback": "profile-rollback"}
FOR_THE_PAGE = {"look": "site-look", "notices-test": "notices-test"}

# Read from the file itself, so that a deployment cannot be added without being tested.
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))
DEPLOYMENTS = {deployment["name"]: deployment for deployment in DOCUMENT["deployments"]}
ANALYSES = {name: deployment for name, deployment in DEPLOYMENTS.items() if name not in {*WRITING, *FOR_THE_PAGE}}
every_analysis = pytest.mark.parametrize("deployment", ANALYSES.values(), ids=ANALYSES)
every_deployment = pytest.mark.parametrize("deployment", DEPLOYMENTS.values(), ids=DEPLOYMENTS)


def known_keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def unknown_keys(document: dict[str, Any]) -> list[str]:
    """Every key that Prefect would pass over, as a path."""
    found = [key for key in document if key not in known_keys(PrefectYamlModel) | {"definitions"}]
    for deployment in document["deployments"]:
        name = deployment.get("name", "?")
        parts = [(name, DeploymentConfig, deployment)]
        parts += [(f"{name}.work_pool", WorkPoolConfig, deployment.get("work_pool") or {})]
        parts += [(f"{name}.schedules", RawScheduleConfig, schedule) for schedule in deployment.get("schedules", [])]
        if isinstance(limit := deployment.get("concurrency_limit"), dict):
            parts += [(f"{name}.concurrency_limit", ConcurrencyLimitSpec, limit)]
        for where, model, part in parts:
            found += [f"{where}.{key}" for key in part if key not in known_keys(model)]
        variables = DockerWorker.get_default_base_job_template()["variables"]["properties"]
        given = (deployment.get("work_pool") or {}).get("job_variables") or {}
        found += [f"{name}.work_pool.job_variables.{key}" for key in given if key not in variables]
    return found


def filled_in(value: Any) -> Any:
    """The value as Prefect would deploy it where all settings are given."""
    text = json.dumps(value)
    for name, setting in SETTINGS.items():
        text = text.replace("{{ $" + name + " }}", setting)
    assert "{{" not in text, f"a placeholder that nothing fills in: {text}"
    return json.loads(text)


def test_every_key_is_one_that_prefect_knows() -> None:
    assert unknown_keys(DOCUMENT) == []


@pytest.mark.parametrize(
    ("path", "misspelt"),
    [
        ([], "pulls"),
        (["deployments", 1], "schedule_s"),
        (["deployments", 1], "work_queue_name"),
        (["deployments", 1, "work_pool"], "queue"),
        (["deployments", 1, "concurrency_limit"], "strategy"),
    ],
)
def test_a_misspelt_key_would_be_found(path: list[Any], misspelt: str) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    part = document
    for step in path:
        part = part[step]
    part[misspelt] = "x"
    assert [key.split(".")[-1] for key in unknown_keys(document)] == [misspelt]


def test_prefect_reads_the_file() -> None:
    PrefectYamlModel.model_validate(DOCUMENT)


def test_the_deployments_are_there_in_their_queues() -> None:
    queues = {name: deployment["work_pool"]["work_queue_name"] for name, deployment in DEPLOYMENTS.items()}
    assert queues == QUEUES


def test_nothing_is_pulled_or_looked_for_in_a_directory() -> None:
    assert DOCUMENT["pull"] == [], "an omitted one would be made up from the directory of who deploys"


@every_deployment
def test_the_entrypoint_is_a_flow(deployment: dict[str, Any]) -> None:
    module, _, function = deployment["entrypoint"].rpartition(".")
    assert isinstance(getattr(importlib.import_module(module), function), Flow)


def test_prefect_itself_loads_the_entrypoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (entrypoint,) = {deployment["entrypoint"] for deployment in ANALYSES.values()}
    assert load_flow_from_entrypoint(entrypoint).name == "autotune-analysis"
    for name, flow in (WRITING | FOR_THE_PAGE).items():
        assert load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"]).name == flow


@pytest.mark.parametrize("name", WRITING)
def test_what_is_written_is_decided_in_the_run_form_each_time(name: str) -> None:
    """No parameter is filled in beforehand, and the decision has no default: an empty form decides nothing."""
    deployment = DEPLOYMENTS[name]
    assert deployment["parameters"] == {}
    assert deployment["enforce_parameter_schema"] is True
    module, _, function = deployment["entrypoint"].rpartition(".")
    schema = getattr(importlib.import_module(module), function).parameters
    assert schema.required == ["request"]
    (request,) = (d for d in schema.definitions.values() if "decision" in d.get("properties", {}))
    assert {"proposal_id", "sha256", "decision"} <= set(request["required"])


@every_analysis
def test_the_parameters_are_a_request_of_the_flow(deployment: dict[str, Any]) -> None:
    parameters = filled_in(deployment["parameters"])
    request = AnalysisRequest.model_validate(parameters["request"])
    assert (request.site, request.days) == ("https://my.site.example", 14)
    module = importlib.import_module("flows.autotune_analysis")
    assert set(parameters) <= set(module.autotune_analysis.parameters.properties)
    assert deployment["enforce_parameter_schema"] is True


@every_deployment
def test_no_parameter_can_hold_a_secret(deployment: dict[str, Any]) -> None:
    text = json.dumps(deployment).lower()
    assert "token" not in text
    assert "secret" not in text
    assert "password" not in text


@every_deployment
def test_one_run_at_a_time(deployment: dict[str, Any]) -> None:
    limit = deployment["concurrency_limit"]
    assert limit["limit"] == 1
    assert limit["collision_strategy"] in set(ConcurrencyLimitStrategy)


@every_deployment
def test_it_is_described_and_has_the_application_s_version(deployment: dict[str, Any]) -> None:
    assert deployment["version"] == __version__
    assert deployment["description"].endswith(".")
    assert "autotune" in deployment["tags"]


@every_deployment
def test_no_deploy_touches_a_schedule(deployment: dict[str, Any]) -> None:
    """With one here, each deploy would make the page's schedules anew: nightly_schedule.py has the nightly one."""
    assert "schedules" not in deployment


@every_deployment
def test_a_second_run_waits_and_is_not_cancelled(deployment: dict[str, Any]) -> None:
    assert deployment["concurrency_limit"]["collision_strategy"] == ConcurrencyLimitStrategy.ENQUEUE.value


def test_set_up_makes_the_pool_and_queues_the_deployments_name() -> None:
    named = {filled_in(deployment["work_pool"]["name"]) for deployment in DEPLOYMENTS.values()}
    assert named <= {pools.PROCESS_POOL, pools.DOCKER_POOL, pools.APPLY_POOL}
    assert {DEPLOYMENTS[name]["work_pool"]["name"] for name in WRITING} == {pools.APPLY_POOL}
    assert DEPLOYMENTS["notices-test"]["work_pool"]["name"] == pools.PROCESS_POOL  # whose worker has the addresses
    others = {d["work_pool"]["name"] for n, d in DEPLOYMENTS.items() if n not in {*WRITING, "notices-test"}}
    assert others == {"{{ $AUTOTUNE_POOL }}"}
    assert pools.QUEUES == {"autotune-manual": 1, "autotune-scheduled": 20}
    assert set(QUEUES.values()) <= set(pools.QUEUES)
    assert nightly_schedule.DEPLOYMENT.partition("/")[2] in DEPLOYMENTS


CONTAINERS = pools.Containers("image:1", "net_default", "net_runs", "/home/me/token", "https://my.site.example")


def test_the_docker_pool_s_defaults_are_ones_prefect_and_docker_know() -> None:
    variables = DockerWorker.get_default_base_job_template()["variables"]["properties"]
    given = pools.job_variables(CONTAINERS)
    assert set(given) <= set(variables)
    # The SDK would raise on one it does not know, but only when a run starts.
    known = {"user", "read_only", "cap_drop", "security_opt", "pids_limit", "tmpfs", "init", "log_config"}
    assert set(given["container_create_kwargs"]) == known
    assert known - {"user", "log_config"} <= set(signature_of_host_config()) | {"tmpfs"}


def signature_of_host_config() -> set[str]:
    return set(inspect.signature(HostConfig.__init__).parameters)


def test_a_container_of_the_docker_pool_is_confined_and_holds_no_secret() -> None:
    properties = pools.docker_template(CONTAINERS)["variables"]["properties"]
    more = properties["container_create_kwargs"]["default"]
    assert (more["user"], more["read_only"], more["cap_drop"]) == ("1001:1001", True, ["ALL"])
    assert more["security_opt"] == ["no-new-privileges:true"]
    assert properties["auto_remove"]["default"] is True
    assert properties["memswap_limit"]["default"] == properties["mem_limit"]["default"] == "2g"
    assert "/home/me/token:/run/secrets/nightscout_token:ro" in properties["volumes"]["default"]
    assert not [volume for volume in properties["volumes"]["default"] if "docker.sock" in volume]
    for name, value in properties["env"]["default"].items():
        assert not re.search("TOKEN|SECRET|PASSWORD|AUTH|KEY", name) or value.startswith("/run/secrets/"), name


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"AUTOTUNE_POOL": "docker"}, "AUTOTUNE_POOL is autotune or autotune-docker."),
        ({"AUTOTUNE_AGE_GROUP": "grown-up"}, "AUTOTUNE_AGE_GROUP is one of child, teenager, adult"),
        ({"AUTOTUNE_NIGHTLY_AT": "24:00"}, "AUTOTUNE_NIGHTLY_AT is a time of the day, such as 05:30."),
        ({"AUTOTUNE_ALLOW_HTTP": "maybe"}, "AUTOTUNE_ALLOW_HTTP is true or false"),
        ({"AUTOTUNE_INSULIN": "slow"}, "AUTOTUNE_INSULIN is one of rapid-acting, ultra-rapid."),
        ({"AUTOTUNE_TIMEZONE": "Europe/Pairs"}, "AUTOTUNE_TIMEZONE is the name of a time zone, such as Europe/Paris."),
        ({"AUTOTUNE_POOL": "autotune-docker", "AUTOTUNE_CONTAINER_TOKEN_FILE": "./token"}, "is an absolute path"),
        ({"AUTOTUNE_POOL": "autotune-docker", "AUTOTUNE_PULL_POLICY": "Sometimes"}, "AUTOTUNE_PULL_POLICY is one of"),
    ],
)
def test_set_up_refuses_what_could_not_run(
    settings: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert set_up.main() == 2
    assert said in capsys.readouterr().err


def test_a_run_is_abandoned_only_after_several_missed_heartbeats() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    heartbeat = int(compose["services"]["worker"]["environment"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
    assert pools.job_variables(CONTAINERS)["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == str(heartbeat)
    assert set_up.ABANDONED.trigger.within.total_seconds() >= 4 * heartbeat


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        ("yes", "AUTOTUNE_NIGHTLY is true or false, or left out"),
        ("true", "AUTOTUNE_NIGHTLY=true needs AUTOTUNE_NIGHTSCOUT_SITE"),
    ],
)
def test_set_up_refuses_a_nightly_run_of_nobody(
    switch: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AUTOTUNE_NIGHTLY", switch)
    assert set_up.main() == 2
    assert said in capsys.readouterr().err
