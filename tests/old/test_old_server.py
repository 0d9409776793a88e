"""What an earlier version saved on a Prefect server and in compose files still starts today's code."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.old.conftest import DATA, read

SERVER: dict[str, Any] = read(DATA / "server.json")
POOLS: dict[str, Any] = read(DATA / "pools.json")


def has_main(module: str) -> bool:
    """Whether `python -m MODULE` would start something: a file that calls a function when it is the main module."""
    code = f"import importlib.util as u; s = u.find_spec({module!r}); assert s; print(s.origin)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    source = Path(found.stdout.strip()).read_text("utf-8")
    guards = [n for n in ast.parse(source).body if isinstance(n, ast.If) and "__main__" in ast.unparse(n.test)]
    return any(isinstance(n, ast.Expr) and isinstance(n.value, ast.Call) for guard in guards for n in guard.body)


def test_the_command_of_the_saved_docker_pool_is_there() -> None:
    command = POOLS["autotune-docker"]["variables"]["properties"]["command"]["default"]
    assert command.split() == ["python", "-m", "flows.service.execute"]
    assert has_main("flows.service.execute")


def test_it_goes_as_far_as_asking_for_its_run() -> None:
    """Started without what a worker sets it ends at just that: all that it imports is there."""
    environment = {k: v for k, v in os.environ.items() if k != "PREFECT__FLOW_RUN_ID"}
    command = [sys.executable, "-m", "flows.service.execute"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == "KeyError: 'PREFECT__FLOW_RUN_ID'"


def test_the_commands_of_the_saved_compose_file_are_there() -> None:
    assert SERVER["compose_modules"] == ["flows.service.work"]
    for module in SERVER["compose_modules"]:
        assert has_main(module)


def test_the_saved_pools_are_made_by_the_same_names() -> None:
    from flows.orchestration.pools import DOCKER_POOL, PROCESS_POOL

    assert {DOCKER_POOL, PROCESS_POOL} == set(POOLS)


@pytest.mark.parametrize("name", sorted(SERVER["deployments"]))
def test_a_saved_deployment_finds_its_flow_and_takes_its_parameters(name: str) -> None:
    deployment = SERVER["deployments"][name]
    form = SERVER["run_forms"].get(name, SERVER["run_forms"]["on-demand"])
    for parameters in filter(None, (deployment["parameters"], form)):
        assert accepted(deployment["entrypoint"], parameters)


@pytest.mark.parametrize("name", sorted(SERVER["run_forms"]))
def test_every_field_of_a_saved_run_form_keeps_its_value(name: str) -> None:
    """Accepted is not enough: a renamed field may be ignored."""
    form = SERVER["run_forms"][name]
    request = accepted(SERVER["deployments"][name]["entrypoint"], form)["request"]
    saved = form["request"]
    kept = request.model_dump(mode="json", by_alias=False)
    lost = {field: value for field, value in saved.items() if kept.get(field, getattr(request, field, None)) != value}
    assert not lost


def accepted(entrypoint: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters as the flow at a saved entrypoint gets them."""
    from prefect.flows import load_flow_from_entrypoint

    file, _, function = entrypoint.partition(":")
    flow = load_flow_from_entrypoint(f"{ROOT / file}:{function}")
    return dict(flow.validate_parameters(parameters))


def test_although_unsure_is_still_understood() -> None:
    """By the name that is in saved forms, journals and scripts; and it is what decides, not a field that is ignored."""
    form = SERVER["run_forms"]["apply"]
    assert form["request"]["although_unsure"] is True
    entrypoint = SERVER["deployments"]["apply"]["entrypoint"]
    without = {k: v for k, v in form["request"].items() if k != "although_unsure"}
    assert accepted(entrypoint, form)["request"] != accepted(entrypoint, {"request": without})["request"]


def test_a_saved_block_holds_the_site_and_its_options() -> None:
    from flows.orchestration.blocks import NightscoutSite

    saved = SERVER["block"]
    block = NightscoutSite(**saved["data"])
    assert saved["block_type"] == NightscoutSite._block_type_slug
    assert set(saved["data"]) <= set(NightscoutSite.model_fields)
    assert (block.url, block.timezone, block.profile) == ("https://site.example", "Asia/Kolkata", "Default")
    assert block.options == saved["data"]["options"]
    assert block.credentials() != block.write_credentials()
