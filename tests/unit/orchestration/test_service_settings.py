"""What the processes of the service are told: of `.env` and the environment, and no secret that is not theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.cli.setting_files import with_settings
from flows.orchestration.pools import APPLY_POOL, PROCESS_POOL
from flows.orchestration.serve import APPLY_POOL as SERVED_APPLY_POOL
from flows.orchestration.service_settings import POOL, READING, WRITING, ServiceSettings, told_by

READ = {"AUTOTUNE_NIGHTSCOUT_TOKEN_FILE": "/r", "AUTOTUNE_NIGHTSCOUT_API_SECRET": "s"}
WRITE = {"AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN": "w", "AUTOTUNE_NIGHTSCOUT_WRITE_TOKENS_FILE": "/w"}


def settings(told: dict[str, str]) -> ServiceSettings:
    return ServiceSettings(Path("/state"), Path("/runs"), 4207, told)


def test_the_pools_are_those_of_the_set_up() -> None:
    assert (POOL, SERVED_APPLY_POOL) == (PROCESS_POOL, APPLY_POOL)


@pytest.mark.parametrize(
    ("reads", "writes", "told"),
    [(False, False, {}), (True, False, READ), (False, True, WRITE), (True, True, READ | WRITE)],
)
def test_a_site_s_secrets_go_to_who_reads_or_writes_there(reads: bool, writes: bool, told: dict[str, str]) -> None:
    environment = settings(READ | WRITE).environment(reads=reads, writes=writes)
    assert {k: v for k, v in environment.items() if k in READ | WRITE} == told
    assert set(READ) <= READING
    assert set(WRITE) <= WRITING


def test_the_password_of_the_server_goes_to_all_and_its_setting_to_none() -> None:
    told = {"AUTOTUNE_SERVER_PASSWORD": "s", "AUTOTUNE_SERVER_PASSWORD_FILE": "/s"}
    environment = ServiceSettings(Path("/state"), Path("/runs"), 4207, told, password="a:b").environment()  # noqa: S106
    assert environment["PREFECT_SERVER_API_AUTH_STRING"] == environment["PREFECT_API_AUTH_STRING"] == "autotune:a:b"
    assert not set(told) & set(environment)
    assert "PREFECT_SERVER_API_AUTH_STRING" not in settings({}).environment()  # an empty one would be a password


@pytest.mark.parametrize(
    ("told", "address"),
    [({}, "http://127.0.0.1:4201"), ({"AUTOTUNE_PAGE_URL": "https://at.example/x"}, "https://at.example/x")],
)
def test_every_process_knows_where_people_find_the_page(told: dict[str, str], address: str) -> None:
    environment = settings(told).environment()
    assert (environment["AUTOTUNE_PAGE_URL"], environment["AUTOTUNE_PAGE_PORT"]) == (address, "4201")
    assert environment["AUTOTUNE_PAGE"] == "/state/page"


@pytest.mark.parametrize(("told", "where"), [({}, "/state/uploads"), ({"AUTOTUNE_UPLOADS": "/mine"}, "/mine")])
def test_a_run_is_told_where_the_page_puts_what_is_uploaded(told: dict[str, str], where: str) -> None:
    page, worker = settings(told).environment(), settings(told).environment(reads=True)
    assert page["AUTOTUNE_UPLOADS"] == worker["AUTOTUNE_UPLOADS"] == where


def test_nothing_of_the_user_s_own_prefect_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PREFECT_API_KEY": "k", "PREFECT_PROFILE": "p", "PREFECT_API_URL": "https://cloud"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "intranet")
    environment = settings({}).environment()
    assert "PREFECT_API_KEY" not in environment
    assert "PREFECT_PROFILE" not in environment
    assert environment["PREFECT_API_URL"] == "http://127.0.0.1:4207/api"
    assert environment["PREFECT_HOME"] == "/state/prefect"
    assert environment["AUTOTUNE_RUNS"] == "/runs"
    assert environment["NO_PROXY"] == environment["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_the_file_of_the_set_up_is_read_and_the_environment_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AUTOTUNE_")]:  # also of the tests themselves
        monkeypatch.delenv(name)
    monkeypatch.setenv("AUTOTUNE_RUNS", "/of/the/environment")
    monkeypatch.setenv("AUTOTUNE_TIMEZONE", "")
    written = {
        "AUTOTUNE_NIGHTSCOUT_SITE": "https://my.site.example",
        "AUTOTUNE_TIMEZONE": "Europe/Paris",
        "AUTOTUNE_NIGHTSCOUT_TOKEN_FILE": "/home/an other/#1 $HOME/token",
        "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN_FILE": "secrets/write",
        "AUTOTUNE_RUNS": "runs",
        "AUTOTUNE_INSULIN": "",
    }
    (tmp_path / ".env").write_text(with_settings("# mine\nOTHER=1\n", written))
    assert told_by(tmp_path / ".env") == {
        "AUTOTUNE_NIGHTSCOUT_SITE": "https://my.site.example",
        "AUTOTUNE_TIMEZONE": "Europe/Paris",
        "AUTOTUNE_NIGHTSCOUT_TOKEN_FILE": "/home/an other/#1 $HOME/token",
        "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN_FILE": str(tmp_path / "secrets" / "write"),
        "AUTOTUNE_RUNS": "/of/the/environment",
    }
    assert told_by(tmp_path / "none" / ".env") == {"AUTOTUNE_RUNS": "/of/the/environment"}
