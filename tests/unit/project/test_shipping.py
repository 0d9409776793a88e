"""What ships is listed with its licence, and the recipe for a public forge uses only what is here."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest
import yaml

from docs.make_sbom import STATED, document, licence, node_packages, python_packages
from tests.conftest import ROOT

SBOM: dict[str, Any] = json.loads((ROOT / "sbom.cdx.json").read_text("utf-8"))
NOTICE = (ROOT / "NOTICE").read_text("utf-8")
# What the first paragraph of NOTICE sums up; a package with any other licence has a line of its own.
SUMMED_UP = re.compile(
    r"MIT(-0| License)?|ISC|BSD-[23]-Clause|BSD License|Apache-2\.0|Apache Software License"
    r"|PSF-2\.0|Python Software Foundation License"
)
# An entry is a line "  NAME (PyPI)" or, with the version that was looked at, "  NAME VERSION (npm)".
NAMED = dict(re.findall(r"^  (\S+) ?(\d\S*)? \((?:npm|PyPI)\)", NOTICE, re.MULTILINE))
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))


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


def test_every_package_has_a_licence() -> None:
    assert not [c["name"] for c in SBOM["components"] if not licence(c)], "look it up, and add it to STATED"


def test_what_was_looked_up_by_hand_is_still_shipped() -> None:
    assert set(STATED) <= {c["purl"] for c in SBOM["components"]}


def test_the_notice_names_whatever_is_not_plainly_permissive() -> None:
    for component in SBOM["components"]:
        parts = re.split(r" AND | OR |, ", licence(component).strip("()"))
        if not all(SUMMED_UP.fullmatch(part) for part in parts):
            assert component["name"] in NAMED, f"{component['name']} ({licence(component)}) is not in NOTICE"


def test_the_notice_names_nothing_that_is_not_shipped() -> None:
    shipped = {c["name"]: c["version"] for c in SBOM["components"]}
    assert len(NAMED) > 5
    for name, version in NAMED.items():
        assert name in shipped, f"{name} in NOTICE is not shipped"
        assert version in ("", shipped[name]), f"{name} is {shipped[name]} now: is its licence the same?"


def test_the_image_of_upstream_carries_what_the_notice_says_of_its_packages() -> None:
    dockerfile = (ROOT / "images" / "oref0" / "Dockerfile").read_text("utf-8")
    for name, version in re.findall(r"^  (\S+) (\d\S*) \(npm\)", NOTICE, re.MULTILINE):
        assert f"{name} {version}" in dockerfile, f"{name} {version} is not in the NOTICE of images/oref0/Dockerfile"


def test_the_wheel_carries_the_notice() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["license-files"] == ["LICENSE", "NOTICE"]


def test_the_recipe_calls_targets_that_exist_and_may_only_read() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    (job,) = WORKFLOW["jobs"].values()
    assert "permissions" not in job  # which would replace those of the whole recipe
    assert set(WORKFLOW[True]) == {"push", "pull_request"}  # YAML 1.1 reads the key `on` as true
    commands = [step["run"] for step in job["steps"] if "run" in step]
    called = [name for command in commands if command.startswith("make ") for name in command.split()[1:]]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert called == ["check", "test"]
    assert set(called) <= targets
    assert job["timeout-minutes"] <= 60
    assert "secrets." not in (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert all(re.fullmatch(r"actions/[a-z-]+@(v\d+|[0-9a-f]{40})", s["uses"]) for s in job["steps"] if "uses" in s)


def test_the_recipe_s_pythons_are_among_those_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = [c.rpartition(" :: ")[2] for c in project["classifiers"] if re.search(r"Python :: 3\.\d+$", c)]
    (job,) = WORKFLOW["jobs"].values()
    used = job["strategy"]["matrix"]["python"]
    assert set(used) <= set(named)
    assert project["requires-python"] == f">={used[0]}"


def test_the_recipe_requires_what_its_machine_has() -> None:
    (job,) = WORKFLOW["jobs"].values()
    marks = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]["markers"]
    assert set(job["env"]["AUTOTUNE_TEST_REQUIRE"].split()) <= {mark.partition(":")[0] for mark in marks}


@pytest.mark.parametrize("person", ["demonstration", "demonstration_step"])
def test_the_demonstrations_people_are_in_the_wheel_and_in_the_image(person: str) -> None:
    folder = f"fixtures/{person}"
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"][folder] == f"flows/_bundled/{folder}"
    assert f"COPY {folder} ./{folder}\n" in (ROOT / "images" / "flows" / "Dockerfile").read_text("utf-8")
    assert f"!{folder}" in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert json.loads((ROOT / folder / "truth.json").read_text("utf-8"))["synthetic"] is True
