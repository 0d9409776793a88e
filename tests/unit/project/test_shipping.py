"""What ships is listed with its licence, and the recipe for a public forge uses only what is here."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
import yaml

from docs.make_sbom import document, node_packages, python_packages
from tests.conftest import ROOT

SBOM: dict[str, Any] = json.loads((ROOT / "sbom.cdx.json").read_text("utf-8"))
NOTICE = (ROOT / "NOTICE").read_text("utf-8")
PERMISSIVE = re.compile(r"MIT|ISC|BSD|Apache|PSF|Python Software Foundation")
COPYLEFT = re.compile(r"GPL|MPL|Mozilla|Artistic")
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))


def licence(component: dict[str, Any]) -> str:
    return str((component.get("licenses") or [{"license": {"name": ""}}])[0]["license"]["name"])


def test_every_locked_package_is_in_the_list_and_no_other() -> None:
    locked = {("pypi", name, version) for name, version in python_packages()}
    locked |= {("npm", name, version) for name, version, _ in node_packages()}
    listed = {(c["purl"].partition("/")[0].removeprefix("pkg:"), c["name"], c["version"]) for c in SBOM["components"]}
    assert listed == locked, "run python docs/make_sbom.py"
    assert len(SBOM["components"]) == len(listed)


@pytest.mark.oref0
def test_the_licences_are_those_the_installed_packages_name() -> None:
    now = {c["purl"]: licence(c) for c in document()["components"]}
    for component in SBOM["components"]:
        if now[component["purl"]]:  # else it is for another system
            assert now[component["purl"]] == licence(component), component["name"]


def test_the_notice_names_whatever_is_not_plainly_permissive() -> None:
    for component in SBOM["components"]:
        name, written = component["name"], licence(component)
        if COPYLEFT.search(written) or not PERMISSIVE.search(written):
            assert re.search(rf"\b{re.escape(name)}\b", NOTICE), f"{name} ({written}) is not in NOTICE"


def test_the_wheel_carries_the_notice() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["license-files"] == ["LICENSE", "NOTICE"]


def test_the_recipe_calls_targets_that_exist_and_may_only_read() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    (job,) = WORKFLOW["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    called = [name for command in commands if command.startswith("make ") for name in command.split()[1:]]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert called == ["check", "test"]
    assert set(called) <= targets
    assert job["timeout-minutes"] <= 60
    assert not [command for command in commands if "secrets." in command]


def test_the_recipe_s_pythons_are_among_those_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = [c.rpartition(" :: ")[2] for c in project["classifiers"] if re.search(r"Python :: 3\.\d+$", c)]
    (job,) = WORKFLOW["jobs"].values()
    assert set(job["strategy"]["matrix"]["python"]) <= set(named)


def test_the_recipe_requires_what_its_machine_has() -> None:
    (job,) = WORKFLOW["jobs"].values()
    marks = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]["markers"]
    assert set(job["env"]["AUTOTUNE_TEST_REQUIRE"].split()) <= {mark.partition(":")[0] for mark in marks}
