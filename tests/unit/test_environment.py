"""Every AUTOTUNE_… variable is a field of one class, and a secret comes from the variable or from a file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from flows.environment import Environment, environment_now, reports_at, variable
from flows.errors import Reason, Refused
from tests.conftest import ROOT

# Of docker-compose.yml and the registry's deployments alone: no code of ours reads them.
OF_COMPOSE = {"METRICS", "POSTGRES_IMAGE", "DOCKER_GID", "REGISTRY"}
NAME = re.compile(r"\bAUTOTUNE_([A-Z][A-Z_]*[A-Z])\b")
FIELDS = {variable(name).removeprefix("AUTOTUNE_") for name in Environment.model_fields}
SECRETS = [name for name in Environment.model_fields if f"{name}_file" in Environment.model_fields]


def named_in(*files: Path) -> set[str]:
    return {name for file in files for name in NAME.findall(file.read_text("utf-8"))}


# Where the name that is read is no literal: Prefect's own, and the XDG directories.
READ_BY_A_VARIABLE = {("prefect_api.py", "name"), ("user_directories.py", "variable")}


def read_in(source: str) -> list[ast.expr]:
    """The first arguments of what reads or sets one variable of the environment."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
            found.append(node.slice)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute | ast.Name):
            called = ast.unparse(node.func)
            if called.endswith("getenv") or "environ." in called:
                found.append(node.args[0])
    return found


def test_no_other_module_reads_one() -> None:
    for file in (ROOT / "flows").rglob("*.py"):
        for name in read_in(file.read_text("utf-8")) if file.name != "environment.py" else []:
            if isinstance(name, ast.Constant):
                assert not str(name.value).startswith("AUTOTUNE_"), f"{file.name}: {name.value}"
            else:
                assert (file.name, ast.unparse(name)) in READ_BY_A_VARIABLE, f"{file.name}: {ast.unparse(name)}"


@pytest.mark.parametrize(
    "source",
    ["os.environ['X']", "os.environ.get('X')", "environ.pop('X', 1)", "os.getenv('X')", "getenv('X')"],
)
def test_every_way_of_reading_one_is_seen(source: str) -> None:
    assert [ast.unparse(name) for name in read_in(source)] == ["'X'"]


PAGE, HERE, SERVED = "https://at.example/tune", "http://127.0.0.1:4201", "https://nas.example/{run}/report.html"


@pytest.mark.parametrize(
    ("page", "served", "leads_to"),
    [
        (None, None, None),
        (None, SERVED, SERVED),
        (PAGE, None, f"{PAGE}/r/{{run}}"),
        (f"{PAGE}/", SERVED, f"{PAGE}/r/{{run}}"),
        (HERE, None, f"{HERE}/r/{{run}}"),
        (HERE, SERVED, SERVED),  # who reads a notice is seldom at this machine
        ("http://localhost:4201", SERVED, SERVED),
    ],
)
def test_links_of_runs_lead_to_the_page(page: str | None, served: str | None, leads_to: str | None) -> None:
    assert reports_at(Environment(page_url=page, report_url=served)) == leads_to


def test_operations_lists_each_with_its_description() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    listed = dict(
        re.findall(
            r"^\| `(AUTOTUNE_[A-Z_]+)` \| (.+) \|$",
            text.partition("## Every variable\n")[2].partition("\n## ")[0],
            re.M,
        )
    )
    assert listed == {variable(name): field.description for name, field in Environment.model_fields.items()}


def test_every_name_in_code_and_documents_is_one_that_is_read() -> None:
    files = [
        *(ROOT / "flows").rglob("*.py"),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "README.md",
        ROOT / "docker-compose.yml",
    ]
    known = FIELDS | OF_COMPOSE | {"TEST_REFERENCE"}
    assert {name for name in named_in(*files) if not name.startswith("TEST_")} <= known


def test_compose_passes_on_only_what_is_read() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"].values()
    passed = {name for service in services for name in service.get("environment", {}) if name.startswith("AUTOTUNE_")}
    assert {name.removeprefix("AUTOTUNE_") for name in passed} <= FIELDS


@pytest.mark.parametrize("name", Environment.model_fields)
def test_each_is_described_and_blank_is_absent(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Environment.model_fields[name].description
    monkeypatch.setenv(variable(name), "  ")
    assert getattr(environment_now(), name) is None
    monkeypatch.setenv(variable(name), " x ")
    assert getattr(environment_now(), name) is not None


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_come_from_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment_now().secret(name) is None
    (tmp_path / "token").write_text("of-a-file\n")
    monkeypatch.setenv(variable(f"{name}_file"), str(tmp_path / "token"))
    assert environment_now().secret(name) == "of-a-file"
    monkeypatch.setenv(variable(name), "direct")
    assert environment_now().secret(name) == "direct"
    assert "direct" not in repr(environment_now())
    monkeypatch.delenv(variable(name))
    (tmp_path / "token").write_text("")
    assert environment_now().secret(name) is None
    monkeypatch.setenv(variable(f"{name}_file"), str(tmp_path / "nothing"))
    with pytest.raises(Refused) as refused:
        environment_now().secret(name)
    assert refused.value.reason is Reason.FILE_MISSING
    assert variable(f"{name}_file") in refused.value.sentence
