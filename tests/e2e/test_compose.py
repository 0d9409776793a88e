"""`docker compose up` from nothing gives a working service: a run asked for through the API ends with a proposal."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun

from tests.e2e.conftest import TOKEN, UP_SECONDS, Stack

pytestmark = pytest.mark.docker

PERSON = "/opt/autotune/flows/_bundled/fixtures/aaps_closed_loop"
REQUEST = {"from_directory": PERSON, "start": "2026-03-24", "end": "2026-03-26"}
RUN_SECONDS = 600  # many at work on the machine


def ask(stack: Stack, request: dict[str, Any]) -> UUID:
    with SyncPrefectClient(stack.api) as client:
        deployment = client.read_deployment_by_name("autotune-analysis/on-demand")
        return client.create_flow_run_from_deployment(deployment.id, parameters={"request": request}).id


def ended(stack: Stack, run: UUID) -> FlowRun:
    with SyncPrefectClient(stack.api) as client:
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            found = client.read_flow_run(run)
            if found.state is not None and found.state.is_final():
                return found
            time.sleep(1)
    logs = stack.compose("logs", "--tail", "50", "worker")
    pytest.fail(f"the run did not end within {RUN_SECONDS} s\n{logs}", pytrace=False)


@pytest.fixture(scope="module")
def run(stack: Stack) -> FlowRun:
    """A run of the on-demand deployment, ended."""
    return ended(stack, ask(stack, REQUEST))


@pytest.fixture(scope="module")
def report(stack: Stack, run: FlowRun) -> dict[str, Any]:
    """The report of the run, read from the runs volume."""
    (name,) = stack.worker("ls", "/runs").split()
    document: dict[str, Any] = json.loads(stack.worker("cat", f"/runs/{name}/report.json"))
    return document


def test_the_run_is_completed(stack: Stack, run: FlowRun) -> None:
    assert run.state is not None
    assert run.state.is_completed(), stack.compose("logs", "--tail", "50", "worker")
    assert run.work_queue_name == "autotune-manual"


def test_the_report_recommends_for_the_days_asked_for(report: dict[str, Any]) -> None:
    assert report["status"] == "proposal"
    assert [day["date"] for day in report["days"] if day.get("used", True)] == [
        "2026-03-24",
        "2026-03-25",
        "2026-03-26",
    ]
    assert report["recommended"] is not None
    assert report["engine"]["oref0"] == "0.7.1"


def test_what_the_run_leaves_is_private(stack: Stack, report: dict[str, Any]) -> None:
    directory = report["run_directory"]
    directories = ("/runs", directory, f"{directory}/raw", f"{directory}/work")
    assert set(stack.worker("stat", "-c", "%a:%U", *directories).split()) == {"700:autotune"}
    ours = [f"{directory}/{name}" for name in ("report.json", "proposal.json", "manifest.json", "ledger.json")]
    assert set(stack.worker("stat", "-c", "%a:%U", *ours).split()) == {"600:autotune"}


def test_the_command_shows_the_same_report(stack: Stack, report: dict[str, Any]) -> None:
    assert json.loads(stack.worker("autotune", "show", "--json", report["run_directory"])) == report


def test_the_token_is_with_the_worker_and_nowhere_else(stack: Stack, run: FlowRun, report: dict[str, Any]) -> None:
    assert stack.worker("cat", "/run/secrets/nightscout_token").strip() == TOKEN
    assert run.parameters == {"request": REQUEST}
    seen = [stack.compose("logs", "--no-color"), stack.compose("config")]
    for service in ("database", "server", "setup", "worker", "docker-worker", "demo-setup", "demo-site"):
        container = stack.compose("ps", "--all", "--quiet", service).strip()
        seen.append(subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=True).stdout)
    with SyncPrefectClient(stack.api) as client:
        seen.append(client.read_flow_run(run.id).model_dump_json())
        seen += [deployment.model_dump_json() for deployment in client.read_deployments()]
        of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
        seen += [log.message for log in client.read_logs(of_run)]
    assert len(seen) > 8
    assert not [text for text in seen if TOKEN in text]
    stored = stack.compose("exec", "-T", "database", "pg_dump", "--username", "prefect", "prefect")
    assert str(run.id) in stored
    assert TOKEN not in stored
    evidence = stack.worker("sh", "-c", f"grep -rl {TOKEN} /runs /tmp || true")
    assert evidence == ""


def test_a_run_that_loses_its_worker_has_crashed_and_the_next_one_works(stack: Stack, report: dict[str, Any]) -> None:
    asked = ask(stack, REQUEST | {"resamples": 1000})
    with SyncPrefectClient(stack.api) as client:
        while (state := client.read_flow_run(asked).state) is None or not state.is_running():
            time.sleep(0.5)
    stack.compose("kill", "worker")
    stack.compose("up", "--detach", "--wait", "--wait-timeout", "300", seconds=UP_SECONDS)
    lost = ended(stack, asked)
    assert lost.state is not None
    assert lost.state.is_crashed()
    assert "run it again" in (lost.state.message or "")
    again = ended(stack, ask(stack, REQUEST | {"resamples": 0}))
    assert again.state is not None
    assert again.state.is_completed()


def test_set_up_made_the_queues_and_a_nightly_run_that_is_off(stack: Stack) -> None:
    with SyncPrefectClient(stack.api) as client:
        deployment = client.read_deployment_by_name("autotune-analysis/nightly-autotune")
        (schedule,) = client.read_deployment_schedules(deployment.id)
        automations = [automation.name for automation in client.read_automations()]
        queues = {queue.name: queue.priority for queue in client.read_work_queues(work_pool_name="autotune")}
    assert schedule.active is False
    assert deployment.work_queue_name == "autotune-scheduled"
    assert queues["autotune-manual"] == 1
    assert queues["autotune-scheduled"] == 20
    assert automations == ["autotune: end abandoned runs"]


def test_the_containers_are_as_confined_as_the_file_says(stack: Stack) -> None:
    for service in ("database", "server", "worker", "docker-worker", "demo-site"):
        container = stack.compose("ps", "--quiet", service).strip()
        (found,) = json.loads(
            subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=True).stdout
        )
        limits = found["HostConfig"]
        assert found["Config"]["User"] == ("999:999" if service == "database" else "1001:1001")
        assert limits["ReadonlyRootfs"] is True
        assert limits["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in limits["SecurityOpt"]
        assert limits["Memory"] > 0
        bound = [b["HostIp"] for port in (limits["PortBindings"] or {}).values() for b in port]
        assert set(bound) <= {"127.0.0.1"}
    assert "Read-only file system" in stack.worker("sh", "-c", "touch /opt/autotune/x 2>&1 || true")


def test_the_image_demonstrates_itself_without_a_network(stack: Stack) -> None:
    confined = (
        "--read-only --tmpfs /tmp --network none --cap-drop ALL --security-opt no-new-privileges --user 1001:1001"
    )
    image = stack.environment["AUTOTUNE_IMAGE"]
    done = subprocess.run(
        [
            "docker",
            "run",
            "--rm",
            *confined.split(),
            image,
            "autotune",
            "demo",
            "--no-prefect",
            "--json",
            "--resamples",
            "10",
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "proposal"
