"""The password of Prefect's API: in Prefect's own two variables, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.orchestration.service_settings import ServiceSettings
from flows.orchestration.with_password import CLIENT, SERVER, use_password
from flows.oref0.node import scrubbed_environment
from tests.conftest import ROOT

PASSWORD = "two: words, $HOME and ü"  # noqa: S105
BOTH = {SERVER: f"autotune:{PASSWORD}", CLIENT: f"autotune:{PASSWORD}"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text(f"{PASSWORD}\n", "utf-8")
    return tmp_path / "password"


@pytest.mark.parametrize(
    ("by", "already", "then"),
    [
        ("nothing", {}, {}),
        ("an empty file", {}, {}),
        ("value", {}, BOTH),
        ("file", {}, BOTH),
        ("file", {CLIENT: "mine:own"}, BOTH | {CLIENT: "mine:own"}),  # what somebody gave Prefect itself
        ("file", {CLIENT: ""}, BOTH),
        ("nothing", {CLIENT: "mine:own"}, {CLIENT: "mine:own"}),
    ],
)
def test_it_is_in_prefect_s_variables(
    by: str, already: dict[str, str], then: dict[str, str], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = file.with_name("empty")
    empty.write_text("\n")
    given = {"value": PASSWORD, "file": file, "an empty file": empty}.get(by)
    if given is not None:
        name = "AUTOTUNE_SERVER_PASSWORD" if by == "value" else "AUTOTUNE_SERVER_PASSWORD_FILE"
        monkeypatch.setenv(name, str(given))
    variables = dict(already)
    use_password(variables)
    assert variables == then


def test_a_file_that_is_missing_is_no_open_api(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.unlink()
    monkeypatch.setenv("AUTOTUNE_SERVER_PASSWORD_FILE", str(file))
    variables: dict[str, str] = {}
    with pytest.raises(Refused) as refused:
        use_password(variables)
    assert (refused.value.reason, variables) == (Reason.FILE_MISSING, {})


SHOWS = """
import os, sys
from pathlib import Path
print(os.environ["PREFECT_API_AUTH_STRING"] == os.environ["PREFECT_SERVER_API_AUTH_STRING"])
print(os.environ["PREFECT_API_AUTH_STRING"].encode())
print(sys.argv[1:], Path("/proc/self/cmdline").read_bytes())
"""


def run(*arguments: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.orchestration.with_password", *arguments],
        cwd=file.parent,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{file.parent}", "AUTOTUNE_SERVER_PASSWORD_FILE": str(file)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_module_is_run_with_it_and_no_command_line_or_log_has_it(file: Path) -> None:
    file.with_name("shows.py").write_text(SHOWS)
    ran = run("shows", "one", "two", file=file)
    same, value, last = ran.stdout.splitlines()
    assert (same, value) == ("True", str(f"autotune:{PASSWORD}".encode()))
    assert last.startswith("['one', 'two']")
    assert "words" not in last + ran.stderr


def test_without_its_file_the_module_does_not_start(file: Path) -> None:
    file.with_name("shows.py").write_text(SHOWS)
    file.unlink()
    ran = run("shows", file=file)
    assert ran.returncode == 1
    assert not ran.stdout
    assert "AUTOTUNE_SERVER_PASSWORD_FILE" in ran.stderr


def test_what_runs_upstream_s_code_has_it_not(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in BOTH.items():
        monkeypatch.setenv(name, value)
    assert not set(BOTH.values()) & set(scrubbed_environment("UTC").values())


def test_what_is_printed_of_the_service_s_settings_has_it_not(tmp_path: Path) -> None:
    assert PASSWORD not in repr(ServiceSettings(tmp_path, tmp_path, 1, {}, password=PASSWORD))
