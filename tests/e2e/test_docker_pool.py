"""The same stack with the Docker pool: each run in a confined container that leaves nothing but its evidence."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Cancelling

from flows.orchestration import nightly_schedule
from tests.demo import READ_TOKEN, WRITE_TOKEN
from tests.e2e.conftest import TOKEN, UP_SECONDS, Stack

pytestmark = pytest.mark.docker

DEMO = {"site_block": "demo", "days": 7, "resamples": 0}
OTHERS_NIGHT = CronSchedule(cron="30 5 * * *", timezone="Europe/Rome")
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


def nightly_of(stack: Stack) -> list[DeploymentSchedule]:
    with SyncPrefectClient(stack.api) as client:
        return client.read_deployment_schedules(client.read_deployment_by_name(nightly_schedule.DEPLOYMENT).id)


@pytest.fixture(scope="module")
def hour(stack: Stack) -> str:
    """The nightly run's before the set-up runs again; tests before these may have moved it, as a person does."""
    (ours,) = (s for s in nightly_of(stack) if s.slug == nightly_schedule.SLUG)
    assert isinstance(ours.schedule, CronSchedule)
    return ours.schedule.cron


@pytest.fixture(scope="module")
def pool(stack: Stack, hour: str) -> Stack:
    """The stack, its deployments given to the Docker pool and its nightly run on, as docs/operations.md says."""
    stack.environment["AUTOTUNE_POOL"] = "autotune-docker"
    stack.environment["AUTOTUNE_NIGHTLY"] = "true"
    stack.environment["AUTOTUNE_NIGHTSCOUT_SITE"] = "https://env.example"
    stack.environment["AUTOTUNE_TIMEZONE"] = f"Etc/GMT{datetime.now(UTC).hour - 14:+d}"  # where it is afternoon
    with SyncPrefectClient(stack.api) as client:
        deployment = client.read_deployment_by_name(nightly_schedule.DEPLOYMENT).id
        new = DeploymentScheduleCreate(schedule=OTHERS_NIGHT, active=False, parameters={"request": DEMO})
        client.create_deployment_schedules(deployment, [new])
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


# A quarter of a minute of upstream and nothing after it: what is waited for is that the run goes on.
LONG = {**DEMO, "exact": True, "compare": False}
# Untouched upstream takes its time over the repetitions: these compute for longer than they are let to.
ENDLESS = {**DEMO, "exact": True, "resamples": 1000}
OF_UPSTREAM = """for process in /proc/[0-9]*; do
  if grep -q '[r]un[.]js' $process/cmdline 2>/dev/null; then kill -{signal} ${process#/proc/}; echo $process; fi
done"""


def on_its_way(stack: Stack, request: dict[str, Any]) -> UUID:
    """A run that upstream is computing for."""
    asked = ask(stack, request)

    def computing() -> bool:
        with SyncPrefectClient(stack.api) as client:
            of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[asked]))
            return any("run-autotune-analysis: started" in log.message for log in client.read_logs(of_run))

    assert until(computing, 120), stack.compose("logs", "--tail", "50", "docker-worker")
    return asked


def signalled(run: UUID, signal: str) -> list[str]:
    """Which of a run's processes are upstream's; they were sent a signal."""
    (container,) = containers_of(run)
    return docker("exec", container, "sh", "-c", OF_UPSTREAM.replace("{signal}", signal)).split()


def completes(stack: Stack, run: UUID) -> None:
    done = ended(stack, run)
    assert done.state is not None
    assert done.state.is_completed(), done.state.message
    assert until(lambda: not containers_of(run), 30)


def test_the_nightly_run_is_on_in_its_zone_and_what_people_changed_is_as_it_was(pool: Stack, hour: str) -> None:
    known = nightly_of(pool)
    (ours,) = (s for s in known if s.slug == nightly_schedule.SLUG)
    assert ours.active is True
    assert ours.schedule == CronSchedule(cron=hour, timezone=pool.environment["AUTOTUNE_TIMEZONE"])
    (others,) = (s for s in known if s.schedule == OTHERS_NIGHT)
    assert others.active is False
    assert others.parameters == {"request": DEMO}


def test_an_image_that_is_not_there_is_said(pool: Stack) -> None:
    run = ended(pool, ask(pool, DEMO, {"image": "autotune-e2e-none:none"}))
    assert run.state is not None
    assert run.state.is_crashed()
    assert "No such image" in (run.state.message or "")


def test_a_container_that_is_killed_is_said_and_leaves_nothing(pool: Stack) -> None:
    asked = ask(pool, ENDLESS)
    (container,) = until(lambda: containers_of(asked), 60)
    assert until(lambda: docker("ps", "--quiet", "--filter", f"id={container}"), 60)
    docker("kill", container)
    run = ended(pool, asked)
    assert run.state is not None
    assert run.state.is_crashed()
    assert until(lambda: not containers_of(asked), 30)


def test_a_run_that_is_cancelled_ends_and_leaves_nothing(pool: Stack) -> None:
    asked = on_its_way(pool, ENDLESS)
    with SyncPrefectClient(pool.api) as client:
        client.set_flow_run_state(asked, Cancelling())
    run = ended(pool, asked)
    assert run.state is not None
    assert run.state.is_cancelled(), run.state.message
    assert until(lambda: not containers_of(asked), 30)
    with SyncPrefectClient(pool.api) as client:
        assert {limit.active_slots for limit in client.read_global_concurrency_limits()} == {0}


def test_a_disk_that_fills_up_is_said_by_the_run(pool: Stack) -> None:
    volume = f"{pool.project}_small"
    small = "--opt type=tmpfs --opt device=tmpfs --opt o=size=300k,uid=1001,mode=700"
    docker("volume", "create", *small.split(), volume)
    asked = ask(pool, DEMO, {"volumes": [f"{volume}:/runs", "/dev/null:/run/secrets/nightscout_token:ro"]})
    try:
        run = ended(pool, asked)
        assert run.state is not None
        assert run.state.is_failed(), run.state
        assert "there is no space left for the run" in (run.state.message or "")
    finally:
        assert until(lambda: not containers_of(asked), 30)
        docker("volume", "rm", volume)


@pytest.fixture(scope="module")
def done(pool: Stack) -> Done:
    """The run after those that did not end well, on the demonstration's site."""
    volumes = set(docker("volume", "ls", "--quiet").split())
    asked = ask(pool, DEMO)
    (container,) = until(lambda: containers_of(asked), 60)
    (inspected,) = json.loads(docker("inspect", container))
    return Done(ended(pool, asked), inspected, volumes)


def test_a_run_on_the_demonstration_s_site_is_completed(
    pool: Stack, done: Done, record_testsuite_property: Callable[[str, object], None]
) -> None:
    run = done.run
    assert run.state is not None
    assert run.state.is_completed(), pool.compose("logs", "--tail", "50", "docker-worker")
    assert run.created is not None
    assert run.end_time is not None
    record_testsuite_property("created_to_completed_s", (run.end_time - run.created).total_seconds())
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
    mounted = {mount["Destination"] for mount in done.inspected["Mounts"]}
    assert mounted == {"/runs", "/uploads", "/run/secrets/nightscout_token"}
    assert {mount["Destination"] for mount in done.inspected["Mounts"] if mount["RW"]} == {"/runs"}


def test_it_left_no_container_and_no_volume(pool: Stack, done: Done) -> None:
    assert until(lambda: not containers_of(done.run.id), 30)
    ours = {name for name in docker("volume", "ls", "--quiet").split() if name.startswith(pool.project)}
    assert ours == {name for name in done.volumes_before if name.startswith(pool.project)}
    named = ("database", "database-socket", "server", "runs", "demo", "page", "uploads")
    assert ours == {f"{pool.project}_{name}" for name in named}


def test_no_secret_is_where_it_can_be_seen(pool: Stack, done: Done) -> None:
    seen = [json.dumps(done.inspected), docker("inspect", pool.environment["AUTOTUNE_IMAGE"])]
    seen += [docker("history", "--no-trunc", pool.environment["AUTOTUNE_IMAGE"])]
    seen += [pool.compose("logs", "--no-color")]
    with SyncPrefectClient(pool.api) as client:
        seen += [client.read_flow_run(done.run.id).model_dump_json()]
        seen += [client.read_work_pool("autotune-docker").model_dump_json()]
        seen += [document.model_dump_json() for document in client.read_block_documents(include_secrets=False)]
        of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[done.run.id]))
        seen += [log.message for log in client.read_logs(of_run)]
    assert any("nightscout-site" in text for text in seen)
    assert not [text[:200] for text in seen for secret in SECRETS if secret in text]


def profiles_of_the_demonstration(stack: Stack) -> list[dict[str, Any]]:
    address = f"http://127.0.0.1:1337/api/v1/profile.json?token={READ_TOKEN}"
    script = f"import urllib.request as r; print(r.urlopen('{address}').read().decode())"
    documents: list[dict[str, Any]] = json.loads(stack.compose("exec", "-T", "demo-site", "python", "-c", script))
    return documents


def test_a_run_outlives_its_worker_the_server_and_the_database(pool: Stack) -> None:
    """All three are killed while it computes, one after the other; any of them alone ended it before."""
    asked = on_its_way(pool, LONG)
    # It goes on computing, and has nobody to tell: first the server answers that it cannot, then nobody answers.
    for service in ("docker-worker", "database", "server"):
        pool.compose("kill", service)
        time.sleep(1)
    # However long the services take to be there again on this machine, upstream is not done before.
    assert signalled(asked, "STOP")
    pool.compose("up", "--detach", "--wait", "--wait-timeout", "300", seconds=UP_SECONDS)
    assert signalled(asked, "CONT")
    completes(pool, asked)
    # The server knows again who held what: a lost lease would keep the site locked, and the next run waiting, for ever.
    with SyncPrefectClient(pool.api) as client:
        assert {limit.active_slots for limit in client.read_global_concurrency_limits()} == {0}


def test_an_approved_proposal_changes_the_demonstration_s_site(pool: Stack, done: Done) -> None:
    assert done.run.state is not None
    (name,) = pool.worker("sh", "-c", "basename $(dirname $(ls -t /runs/2*/proposal.json | head -n 1))").split()
    sha256 = json.loads(pool.worker("cat", f"/runs/{name}/proposal.json"))["sha256"]
    before = profiles_of_the_demonstration(pool)
    decided = {"proposal_id": name, "sha256": sha256, "decision": "approve", "only": ["basal"]}
    with SyncPrefectClient(pool.api) as client:
        deployment = client.read_deployment_by_name("profile-sync/apply")
        asked = client.create_flow_run_from_deployment(deployment.id, parameters={"request": decided})
    run = ended(pool, asked.id)
    assert run.state is not None
    assert run.state.is_completed(), pool.compose("logs", "--tail", "50", "apply-worker")
    after = profiles_of_the_demonstration(pool)
    assert len(after) == len(before) + 1
    assert len(set(after[0]["store"]) - set(before[0]["store"])) == 1


def test_a_full_disk_is_said(pool: Stack) -> None:
    confined = "--rm --network none --read-only --tmpfs /tmp --tmpfs /runs:size=300k,uid=1001,mode=700"
    command = ["docker", "run", *confined.split(), pool.environment["AUTOTUNE_IMAGE"]]
    command += ["autotune", "demo", "--no-prefect", "--resamples", "0", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["reason_codes"] == ["disk_full"]


@dataclass(frozen=True)
class Restarted:
    """What was there before everything was stopped, and whether the engine was among it."""

    engine: bool
    asked: UUID
    volumes: str
    runs: str
    profiles: list[dict[str, Any]]


@pytest.fixture(scope="module")
def restarted(pool: Stack, done: Done) -> Restarted:
    """The engine is restarted while a run computes, and what it starts again is taken down and up once more."""
    restart = os.environ.get("AUTOTUNE_TEST_RESTART_DOCKER")
    asked = on_its_way(pool, ENDLESS)
    volumes = docker("volume", "ls", "--quiet")
    runs, profiles = pool.worker("ls", "/runs"), profiles_of_the_demonstration(pool)
    if restart:
        subprocess.run(["sh", "-c", restart], timeout=300, check=True, stdin=subprocess.DEVNULL)
    else:
        docker("kill", *containers_of(asked))  # or its network is in use
    pool.compose("down", "--timeout", "5", seconds=UP_SECONDS)
    pool.compose("up", "--detach", "--wait", "--wait-timeout", "300", seconds=UP_SECONDS)
    return Restarted(bool(restart), asked, volumes, runs, profiles)


def test_an_engine_that_is_restarted_ends_the_run(pool: Stack, restarted: Restarted) -> None:
    if not restarted.engine:
        pytest.skip("AUTOTUNE_TEST_RESTART_DOCKER names no command that restarts this machine's Docker Engine")
    run = ended(pool, restarted.asked)
    assert run.state is not None
    assert run.state.is_crashed()
    assert "run it again" in (run.state.message or "")
    assert until(lambda: not containers_of(restarted.asked), 30)
    assert docker("volume", "ls", "--quiet") == restarted.volumes


def test_down_and_up_lose_nothing(pool: Stack, done: Done, restarted: Restarted) -> None:
    assert set(restarted.runs.split()) <= set(pool.worker("ls", "/runs").split())
    assert profiles_of_the_demonstration(pool) == restarted.profiles
    with SyncPrefectClient(pool.api) as client:
        kept = client.read_flow_run(done.run.id)
        assert kept.state is not None
        assert kept.state.is_completed()
        blocks = {(document.block_type_name, document.name) for document in client.read_block_documents()}
        assert ("Nightscout Site", "demo") in blocks
        limits = [limit.name for limit in client.read_global_concurrency_limits()]
    assert [name for name in limits if name.startswith("autotune-site-")]
    # The site of .env is none: that check fails, the others count. The server was down: it may need its minute.
    of_server = ("prefect-server", "deployments", "schedules", "worker")

    def troubles() -> dict[str, str]:
        found = json.loads(pool.compose("exec", "-T", "worker", "autotune", "doctor", "--json", check=False))
        checks = {check["name"]: check for check in found["checks"]}
        return {name: checks[name]["sentence"] for name in of_server if checks[name]["level"] != "ok"}

    assert until(lambda: not troubles(), 120), troubles()


def test_after_all_that_the_next_run_works(pool: Stack) -> None:
    """Last: a run whose container was lost keeps its site for a minute (flows.orchestration.concurrency)."""
    completes(pool, ask(pool, DEMO))
