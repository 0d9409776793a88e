"""A run whose container or process is gone is ended; one that lives, or may be another worker's, is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import WorkPoolFilter, WorkPoolFilterName
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectAlreadyExists
from prefect.states import Cancelling, Completed, Pending, Running

from flows.orchestration import lost_runs
from flows.orchestration.lost_runs import LostRuns, process_exists

pytestmark = pytest.mark.flow

POOL = "lost-runs"
OURS = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))


@flow
def a_flow() -> None:
    """Nothing."""


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(prefect_server) as client:
        with suppress(ObjectAlreadyExists):
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        client.send_worker_heartbeat(POOL, "mine", 30.0)
        yield client
        for run in client.read_flow_runs(work_pool_filter=OURS):
            client.delete_flow_run(run.id)
        client.delete_work_pool(POOL)


def started(client: SyncPrefectClient, state: State[None], pid: str | None) -> FlowRun:
    made = client.create_flow_run(a_flow, work_pool_name=POOL)
    client.set_flow_run_state(made.id, state, force=True)
    if pid:
        client.update_flow_run(made.id, infrastructure_pid=pid)
    return client.read_flow_run(made.id)


def name_of(client: SyncPrefectClient, run: FlowRun) -> str:
    state = client.read_flow_run(run.id).state
    assert state is not None
    return str(state.name)


@pytest.mark.parametrize(
    ("state", "pid", "exists", "then"),
    [
        (Running(), "engine:gone", False, "Crashed"),
        (Running(), "engine:there", True, "Running"),
        (Cancelling(), "engine:gone", False, "Cancelled"),
        (Pending(), "engine:gone", False, "Crashed"),
        (Pending(), None, False, "Pending"),  # it is being started just now
        (Completed(), "engine:gone", False, "Completed"),
    ],
)
def test_what_becomes_of_a_run(
    client: SyncPrefectClient, state: State[None], pid: str | None, exists: bool, then: str
) -> None:
    run = started(client, state, pid)
    looking = LostRuns(POOL, "mine", lambda _: exists)
    assert looking.end(client) == []  # missed once: its end may not have been told yet
    assert name_of(client, run) == state.name
    assert looking.end(client) == ([run.name] if then in ("Crashed", "Cancelled") else [])
    assert name_of(client, run) == then


def test_a_run_whose_start_was_broken_off_is_ended_too(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(client, Pending(), None)
    looking = LostRuns(POOL, "mine", lambda _: False)
    looking.end(client)
    later = datetime.now(UTC) + timedelta(seconds=lost_runs.SUBMITTING_S + 1)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return later

    monkeypatch.setattr(lost_runs, "datetime", Later)
    looking.end(client)
    looking.end(client)
    assert name_of(client, run) == "Crashed"


def test_nothing_is_ended_while_another_worker_polls_the_pool(client: SyncPrefectClient) -> None:
    client.send_worker_heartbeat(POOL, "another", 30.0)
    run = started(client, Running(), "engine:gone")
    looking = LostRuns(POOL, "mine", lambda _: False)
    assert [looking.end(client) for _ in range(3)] == [[], [], []]
    assert name_of(client, run) == "Running"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this system has no /proc")
def test_a_process_is_known_by_its_number_and_its_run(client: SyncPrefectClient) -> None:
    run = started(client, Running(), None)
    environment = os.environ | {"PREFECT__FLOW_RUN_ID": str(run.id)}
    says = "print('here', flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", says], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    try:
        # `Popen` returns as soon as the new program is loaded; the kernel shows its environment a moment later.
        assert child.stdout is not None and child.stdout.readline() == b"here\n"
        mine, others = (run.model_copy(update={"infrastructure_pid": str(pid)}) for pid in (child.pid, os.getpid()))
        assert process_exists(mine)
        assert not process_exists(others)
    finally:
        child.communicate(b"\n")
    assert not process_exists(mine)
