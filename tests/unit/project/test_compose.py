"""Every service of docker-compose.yml is confined, and none is given a secret's value."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from flows.environment import Environment
from flows.orchestration.pools import Containers, job_variables
from tests.conftest import ROOT

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)

SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|AUTH|KEY", re.IGNORECASE)


SOCKET = "/var/run/docker.sock"


def test_the_services_are_the_server_its_set_up_and_a_worker_and_more_where_asked_for() -> None:
    started = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert started == {"database", "server", "setup", "worker", "apply-worker", "page"}
    asked_for = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert asked_for == {"docker-worker": ["docker"], "demo-setup": ["demo"], "demo-site": ["demo"]}


@every_service
def test_the_root_file_system_is_read_only_and_what_is_not_is_limited(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["tmpfs"][0].startswith("/tmp:")
    for writable in service["tmpfs"]:
        assert {"noexec", "nosuid", "nodev"} <= set(writable.partition(":")[2].split(","))
        assert "size=" in writable


@every_service
def test_it_has_no_privileges_and_can_gain_none(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    for key in ("privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"):
        assert key not in service
    assert service.get("network_mode", "none") == "none"


@every_service
def test_it_is_not_root(service: dict[str, Any]) -> None:
    user, _, group = service["user"].partition(":")
    assert int(user) >= 999
    assert int(group) >= 999


@every_service
def test_memory_and_processes_are_limited(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["memswap_limit"] == service["mem_limit"]
    assert service["pids_limit"] <= 512


@every_service
def test_it_is_started_again_when_it_fails(service: dict[str, Any]) -> None:
    assert service["restart"] in ("unless-stopped", "on-failure:3")


@every_service
def test_its_log_does_not_fill_the_disk(service: dict[str, Any]) -> None:
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}


@every_service
def test_ports_are_open_on_this_machine_only(service: dict[str, Any]) -> None:
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


@every_service
def test_nothing_of_this_machine_is_mounted(service: dict[str, Any]) -> None:
    for volume in service.get("volumes", []):
        name = volume.partition(":")[0]
        assert name in DOCUMENT["volumes"] or name == SOCKET, f"{volume}: named volumes only"


def test_the_docker_socket_is_with_one_service_that_has_nothing_else() -> None:
    with_socket = [name for name, service in SERVICES.items() if SOCKET in str(service)]
    assert with_socket == ["docker-worker"]
    worker = SERVICES["docker-worker"]
    assert worker["volumes"] == [f"{SOCKET}:{SOCKET}"]
    assert worker["secrets"] == ["server_password"]
    assert "ports" not in worker


@every_service
def test_the_environment_holds_no_secret(service: dict[str, Any]) -> None:
    assert "env_file" not in service
    for name, value in service["environment"].items():
        if SECRET_NAME.search(name):
            if name == "POSTGRES_HOST_AUTH_METHOD":
                continue  # there is none: a test of its own
            assert name.endswith("_FILE"), name
            # A path: in the container, or of the file that the Docker pool's containers are given.
            assert value.startswith(("/run/secrets/", "${AUTOTUNE_NIGHTSCOUT_TOKEN_FILE:-/dev/null}")), name


def test_the_other_worker_waits_too_and_the_demonstration_for_its_block() -> None:
    for other in ("docker-worker", "apply-worker"):
        assert SERVICES[other]["depends_on"] == SERVICES["worker"]["depends_on"]
    assert SERVICES["demo-site"]["depends_on"] == {"demo-setup": {"condition": "service_completed_successfully"}}
    assert SERVICES["demo-setup"]["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}


def given(secret: str) -> set[str]:
    return {name for name, service in SERVICES.items() if secret in service.get("secrets", [])}


def test_what_may_read_and_what_may_write_are_with_one_worker_each_and_the_runs_with_both() -> None:
    with_runs = {name for name, service in SERVICES.items() if any("runs:" in v for v in service.get("volumes", []))}
    assert given("nightscout_token") == {"worker"}
    assert given("nightscout_write_token") == given("nightscout_write_tokens") == {"apply-worker"}
    assert with_runs == {"worker", "apply-worker", "page"}
    assert "runs:/runs:ro" in SERVICES["page"]["volumes"]
    applying = SERVICES["apply-worker"]["environment"]
    assert applying["AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN_FILE"] == "/run/secrets/nightscout_write_token"
    assert applying["AUTOTUNE_NIGHTSCOUT_WRITE_TOKENS_FILE"] == "/run/secrets/nightscout_write_tokens"
    assert SERVICES["worker"]["environment"]["AUTOTUNE_NIGHTSCOUT_TOKEN_FILE"] == "/run/secrets/nightscout_token"


def test_addresses_for_notices_are_with_the_worker_that_watches_and_the_webhook_with_the_set_up_too() -> None:
    assert given("notices") == given("ping") == {"worker"}
    assert given("webhook") == {"worker", "setup"}
    for name in ("notices", "webhook", "ping"):
        variable = f"AUTOTUNE_{name.upper()}_FILE"
        assert SERVICES["worker"]["environment"][variable] == f"/run/secrets/{name}"
        assert DOCUMENT["secrets"][name]["file"].startswith(f"${{{variable}:-")
    assert SERVICES["worker"]["command"][-2:] == ["autotune", "process"]


def test_without_a_token_an_empty_file_stands_in() -> None:
    writing = {"nightscout_write_token", "nightscout_write_tokens"}
    others = {"webhook", "notices", "ping", "server_password", "page_proxy_secret"}
    assert set(DOCUMENT["secrets"]) == {"nightscout_token"} | others | writing
    for secret in DOCUMENT["secrets"].values():
        default = re.fullmatch(r"\$\{AUTOTUNE_\w+_FILE:-(.+)\}", secret["file"])
        assert default
        assert (ROOT / default[1]).read_bytes() == b""


def test_the_worker_waits_for_a_healthy_server_with_its_deployments() -> None:
    assert SERVICES["setup"]["depends_on"] == {"server": {"condition": "service_healthy"}}
    assert SERVICES["worker"]["depends_on"] == {
        "server": {"condition": "service_healthy"},
        "setup": {"condition": "service_completed_successfully"},
    }
    assert "/api/health" in SERVICES["server"]["healthcheck"]["test"][-1]


def test_the_database_has_no_password_and_no_way_in_but_a_socket_that_the_server_is_given() -> None:
    database = SERVICES["database"]
    assert database["network_mode"] == "none"
    assert "listen_addresses=" in database["command"]
    assert "ports" not in database
    with_socket = {name for name, service in SERVICES.items() if "database-socket" in str(service.get("volumes"))}
    assert with_socket == {"database", "server"}
    url = SERVICES["server"]["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert url.endswith("?host=/var/run/postgresql")


@pytest.mark.parametrize("service", [s for n, s in SERVICES.items() if n != "database"])
def test_nobody_is_told_of_it(service: dict[str, Any]) -> None:
    assert service["environment"]["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert service["environment"]["DO_NOT_TRACK"] == "1"


def test_other_web_pages_cannot_use_the_server() -> None:
    environment = SERVICES["server"]["environment"]
    assert environment["PREFECT_SERVER_CSRF_PROTECTION_ENABLED"] == "true"
    origins = environment["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"].split(",")
    assert all(re.match(r"http://(127\.0\.0\.1|localhost):\$", origin) for origin in origins)


def test_the_build_is_kept_small_and_private() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
    assert "*" in ignored
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert not {".git", ".venv", "tests", "autotune-runs", ".env"} & allowed
    assert "**/node_modules" in ignored


def test_a_run_finds_what_was_uploaded_under_the_path_that_the_page_names() -> None:
    page, worker = SERVICES["page"], SERVICES["worker"]
    assert "uploads:/uploads" in page["volumes"]
    assert "uploads:/uploads:ro" in worker["volumes"]
    assert page["environment"]["AUTOTUNE_UPLOADS"] == worker["environment"]["AUTOTUNE_UPLOADS"] == "/uploads"
    assert page["user"] == worker["user"]  # the directories are its own alone
    project = DOCUMENT["name"]
    volume = SERVICES["setup"]["environment"]["AUTOTUNE_UPLOADS_VOLUME"].replace("${COMPOSE_PROJECT_NAME}", project)
    assert "uploads" in DOCUMENT["volumes"]
    assert volume == f"{project}_uploads"
    asked = job_variables(Containers.of(Environment.model_construct(uploads_volume=volume)))
    assert f"{volume}:/uploads:ro" in asked["volumes"]
    assert asked["env"]["AUTOTUNE_UPLOADS"] == "/uploads"
    assert asked["container_create_kwargs"]["user"] == page["user"]


def test_the_page_s_port_is_this_machine_s_alone_as_it_says() -> None:
    page = DOCUMENT["services"]["page"]
    assert page["environment"]["AUTOTUNE_PAGE_CONTAINED"] == "true"
    assert all(port.startswith("127.0.0.1:") for port in page["ports"])
