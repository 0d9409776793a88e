"""prefect.registry.yaml is prefect.yaml with an image of a registry: the same deployments, and steps that exist."""

from __future__ import annotations

import inspect
from typing import Any

import yaml
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.utilities.importtools import import_object

from flows import __version__
from flows.orchestration.pools import DOCKER_POOL
from tests.conftest import ROOT
from tests.unit.orchestration.test_prefect_yaml import unknown_keys

OURS: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))
THEIRS: dict[str, Any] = yaml.safe_load((ROOT / "prefect.registry.yaml").read_text("utf-8"))


def without_pool(document: dict[str, Any]) -> dict[str, Any]:
    """The deployments by their names, but for where they run."""
    named = {deployment["name"]: dict(deployment) for deployment in document["deployments"]}
    for deployment in named.values():
        deployment["work_pool"] = deployment["work_pool"]["work_queue_name"]
    return named


def test_every_key_is_one_that_prefect_knows() -> None:
    assert unknown_keys(THEIRS) == []
    PrefectYamlModel.model_validate(THEIRS)


def test_the_deployments_that_are_in_both_are_the_same() -> None:
    theirs, ours = without_pool(THEIRS), without_pool(OURS)
    assert {"on-demand", "nightly-autotune"} <= set(theirs) <= set(ours)
    assert theirs == {name: ours[name] for name in theirs}
    assert THEIRS["pull"] == OURS["pull"]


def test_they_run_on_the_docker_pool_with_the_image_that_was_built() -> None:
    for deployment in THEIRS["deployments"]:
        assert deployment["work_pool"]["name"] == DOCKER_POOL
        assert deployment["work_pool"]["job_variables"] == {
            "image": "{{ build.image }}",
            "image_pull_policy": "IfNotPresent",
        }


def test_the_steps_exist_and_take_what_they_are_given() -> None:
    for step in (*THEIRS["build"], *THEIRS["push"]):
        ((name, inputs),) = step.items()
        known = set(inspect.signature(import_object(name)).parameters) | {"id", "requires"}
        assert set(inputs) <= known, name
    (build,) = THEIRS["build"][0].values()
    assert build["tag"] == __version__
    assert (ROOT / build["dockerfile"]).is_file()
