"""The same stack with the Docker pool: each run in a confined container that leaves nothing but its evidence."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectHTTPStatusError

from tests.demo import READ_TOKEN, WRITE_TOKEN
from tests.e2e.conftest import TOKEN, UP_SECONDS, Stack

pytestmark = pytest.mark.docker

DEMO = {"site_block": "demo", "days": 7, "resamples": 0}
RUN_SECONDS = 600
SECRETS = (TOKEN, READ_TOKEN, WRITE_TOKEN)


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def containers_of(run: UUID) -> list[str]:
    return docker("ps", "--all", "--quiet", "--filter", f"label=io.prefect.flow-run-id={run}").split()


def until(what: Callable[[], Any], seconds: float = RUN_SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.5)
    return None


@pytest.fixture(scope="module")
def pool(stack: Stack) -> Stack:
    """The stack, its deployments given to the Docker pool as docs/operations.md says."""
    stack.environment["AUTOTUNE_POOL"] = "autotune-docker"
    stack.compose("up", "--detach", "--wait", "--wait-timeout", "300", seconds=UP_SECONDS)
    return stack


def ask(stack: Stack, request: dict[str, Any], job_variables: dict[str, Any] | None = None) -> UUID:
    with SyncPrefectClient(stack.api) as client:
        deployment = client.read_deployment_by_name("autotune-analysis/on-demand")
        assert deployment.work_pool_name == "autotune-docker"
        run = client.create_flow_run_from_deployment(
            deployment.id, parameters={"request": request}, job_variables=job_variables
        )
    return run.id


def ended(stack: Stack, run: UUID) -> FlowRun:
    def look() -> FlowRun | None:
        try:
            with SyncPrefectClient(stack.api) as client:
                found = client.read_flow_run(run)
        except (OSError, PrefectHTTPStatusError):
            return None
        return found if found.state is not None and found.state.is_final() else None

    found = until(look)
    assert found is not None, stack.compose("logs", "--tail", "50", "docker-worker")
    return found


@dataclass(frozen=True)
class Done:
    """A run that ended, and its container as it was while it ran."""

    run: FlowRun
    inspected: dict[str, Any]
    volumes_before: set[str]


def test_an_image_that_is_not_there_is_said(pool: Stack) -> None:
    run = ended(pool, ask(pool, DEMO, {"image": "autotune-e2e-none:none"}))
    assert run.state is not None
    assert run.state.is_crashed()
    assert "No such image" in (run.state.message or "")


def test_a_container_that_is_killed_is_said_and_leaves_nothing(pool: Stack) -> None:
    asked = ask(pool, {**DEMO, "resamples": 1000})
    (container,) = until(lambda: containers_of(asked), 60)
    assert until(lambda: docker("ps", "--quiet", "--filter", f"id={container}"), 60)
    docker("kill", container)
    run = ended(pool, asked)
    assert run.state is not None
    assert run.state.is_crashed()
    assert until(lambda: not containers_of(asked), 30)


@pytest.fixture(scope="module")
def done(pool: Stack) -> Done:
    """The run after those that did not end well, on the demonstration's site."""
    volumes = set(docker("volume", "ls", "--quiet").split())
    asked = ask(pool, DEMO)
    (container,) = until(lambda: containers_of(asked), 60)
    (inspected,) = json.loads(docker("inspect", container))
    return Done(ended(pool, asked), inspected, volumes)


def test_a_run_on_the_demonstration_s_site_is_completed(
    pool: Stack, done: Done, record_property: Callable[[str, object], None]
) -> None:
    run = done.run
    assert run.state is not None
    assert run.state.is_completed(), pool.compose("logs", "--tail", "50", "docker-worker")
    assert run.created is not None
    assert run.end_time is not None
    record_property("created_to_completed_s", (run.end_time - run.created).total_seconds())
    with SyncPrefectClient(pool.api) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        keys = {artifact.key for artifact in client.read_artifacts(artifact_filter=of_run)}
    assert {"autotune-days", "autotune-proposal"} <= keys
    report = json.loads(pool.worker("sh", "-c", "cat $(ls -td /runs/2*/report.json | head -n 1)"))
    assert report["status"] == "proposal"
    assert len(report["days"]) == 7
    assert report["timezone"] == "Europe/Berlin"


def test_its_container_was_confined(done: Done) -> None:
    limits, config = done.inspected["HostConfig"], done.inspected["Config"]
    assert config["User"] == "1001:1001"
    assert limits["ReadonlyRootfs"] is True
    assert limits["CapDrop"] == ["ALL"]
    assert limits["SecurityOpt"] == ["no-new-privileges:true"]
    assert limits["PidsLimit"] == 256
    assert limits["Memory"] == limits["MemorySwap"] == 2 * 1024**3
    assert limits["Privileged"] is False
    assert limits["AutoRemove"] is True
    assert not limits["PortBindings"]
    assert {mount["Destination"] for mount in done.inspected["Mounts"]} == {"/runs", "/run/secrets/nightscout_token"}
    assert {mount["Destination"] for mount in done.inspected["Mounts"] if mount["RW"]} == {"/runs"}


def test_it_left_no_container_and_no_volume(pool: Stack, done: Done) -> None:
    assert until(lambda: not containers_of(done.run.id), 30)
    ours = {name for name in docker("volume", "ls", "--quiet").split() if name.startswith(pool.project)}
    assert ours == {name for name in done.volumes_before if name.startswith(pool.project)}
    assert ours == {f"{pool.project}_{name}" for name in ("server", "runs", "demo")}


def test_no_secret_is_where_it_can_be_seen(pool: Stack, done: Done) -> None:
    seen = [json.dumps(done.inspected), docker("inspect", pool.environment["AUTOTUNE_IMAGE"])]
    seen += [docker("history", "--no-trunc", pool.environment["AUTOTUNE_IMAGE"])]
    seen += [pool.compose("logs", "--no-color")]
    with SyncPrefectClient(pool.api) as client:
        seen += [client.read_flow_run(done.run.id).model_dump_json()]
        seen += [client.read_work_pool("autotune-docker").model_dump_json()]
        seen += [document.model_dump_json() for document in client.read_block_documents()]
        of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[done.run.id]))
        seen += [log.message for log in client.read_logs(of_run)]
    assert any("nightscout-site" in text for text in seen)
    assert not [text[:200] for text in seen for secret in SECRETS if secret in text]


def test_a_restart_of_everything_loses_nothing(pool: Stack, done: Done) -> None:
    before = pool.worker("ls", "/runs")
    pool.compose("restart", "--timeout", "3", "demo-site", "docker-worker", "server", "worker", seconds=120)
    pool.compose("up", "--detach", "--wait", "--no-recreate", "--wait-timeout", "300", seconds=UP_SECONDS)
    assert pool.worker("ls", "/runs") == before
    with SyncPrefectClient(pool.api) as client:
        kept = client.read_flow_run(done.run.id)
        assert kept.state is not None
        assert kept.state.is_completed()
        blocks = {(document.block_type_name, document.name) for document in client.read_block_documents()}
        assert ("Nightscout Site", "demo") in blocks
        limits = [limit.name for limit in client.read_global_concurrency_limits()]
    assert [name for name in limits if name.startswith("autotune-site-")]
    found = json.loads(pool.worker("autotune", "doctor", "--json"))
    levels = {check["name"]: check["level"] for check in found["checks"]}
    assert {levels[name] for name in ("prefect-server", "deployments", "worker")} == {"ok"}
