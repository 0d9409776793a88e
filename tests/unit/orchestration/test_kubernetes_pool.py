"""The job template of a Kubernetes pool is whole and confines as the Docker pool does. No cluster has run it."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from prefect.utilities.templating import apply_values

from flows import __version__
from flows.environment import PREFIX, Environment
from flows.orchestration.pools import Containers, job_variables
from flows.values.limits import ANSWER, DEPTH, DIRECTORY
from tests.conftest import ROOT

TEMPLATE: dict[str, Any] = json.loads((ROOT / "images" / "flows" / "kubernetes-pool.json").read_text("utf-8"))
PROPERTIES = TEMPLATE["variables"]["properties"]


def job() -> dict[str, Any]:
    """What Prefect makes of the template for a run that says nothing of its own."""
    values = {name: known["default"] for name, known in PROPERTIES.items() if "default" in known}
    values |= {"name": "run", "labels": {}, "command": "prefect flow-run execute"}
    return dict(apply_values(TEMPLATE["job_configuration"], values)["job_manifest"])


def test_every_placeholder_is_a_variable_and_every_variable_is_used() -> None:
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(TEMPLATE["job_configuration"])))
    assert used == set(PROPERTIES)
    jsonschema.Draft202012Validator.check_schema(TEMPLATE["variables"])
    for variable in PROPERTIES.values():
        assert variable["description"].endswith(".")
        if "default" in variable:
            jsonschema.validate(variable["default"], variable)


def test_a_job_is_filled_in_and_confined() -> None:
    manifest = job()
    assert "{{" not in json.dumps(manifest)
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 1001
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["image"].endswith(f":{__version__}")
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert container["resources"]["limits"]["memory"] == "2Gi"


def test_a_limit_that_is_set_reaches_the_runs_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    set_here = {"AUTOTUNE_MAX_ANSWER_MIB": "9", "AUTOTUNE_MAX_FILES_MIB": "8", "AUTOTUNE_MAX_JSON_DEPTH": "7"}
    names = {PREFIX + limit.field.upper() for limit in (ANSWER, DIRECTORY, DEPTH)}
    assert names == set(set_here)
    assert not names & set(job_variables(Containers.of(Environment()))["env"])
    for name, value in set_here.items():
        monkeypatch.setenv(name, value)
    assert set_here.items() <= job_variables(Containers.of(Environment()))["env"].items()


def test_its_environment_is_the_docker_pool_s_and_holds_no_secret() -> None:
    ours, theirs = dict(PROPERTIES["env"]["default"]), job_variables(Containers("i", "n", "r"))["env"]
    of_its_own = {"AUTOTUNE_NIGHTSCOUT_TOKEN_FILE", "AUTOTUNE_NIGHTSCOUT_SITE", "AUTOTUNE_REPORT_URL"}
    of_its_own |= {"AUTOTUNE_ALLOWED_SITES", "AUTOTUNE_PAGE_URL", "AUTOTUNE_UPLOADS"}
    assert {k for k in {*ours, *theirs} - of_its_own if ours.get(k) != theirs.get(k)} == set()
    assert ours["AUTOTUNE_NIGHTSCOUT_TOKEN_FILE"] == "/run/secrets/autotune/token"
