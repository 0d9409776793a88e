"""Runs whose container or process is gone: they say nothing any more, and would keep the next run waiting.

The set-up's automation ends runs that fall silent, but it knows only of those whose first sign of life the server had
written down. A worker knows better: it looks whether what it started still exists.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Crashed

LOOK_AFTER_POLLS = 4  # how often its worker asks for runs between two looks
SUBMITTING_S = 60.0  # how long a worker may take from taking a run to having started it
MESSAGE = "The process or container of this run was stopped. It made no proposal; run it again."

Exists = Callable[[FlowRun], bool]


class LostRuns:
    """Ends a pool's lost runs; a run is lost once two looks in a row have missed it."""

    def __init__(self, pool: str, worker: str, exists: Exists) -> None:
        """Look after one pool.

        Args:
            pool: name of the work pool.
            worker: this worker's name. While another one polls the pool too, nothing is ended: it may be its run.
            exists: whether what a run was started in is still there.
        """
        self.pool, self.worker, self.exists = pool, worker, exists
        self.missed: set[str] = set()

    def end(self, client: SyncPrefectClient) -> list[str]:
        """Look once; the names of the runs that were ended."""
        if self._others_at_work(client):
            self.missed = set()
            return []
        missing = {str(run.id): run for run in self._unfinished(client) if not self._there(run)}
        lost = [run for key, run in missing.items() if key in self.missed]
        for run in lost:
            cancel_requested = run.state is not None and run.state.is_cancelling()
            client.set_flow_run_state(run.id, (Cancelled if cancel_requested else Crashed)(message=MESSAGE))
        self.missed = set(missing)
        return [run.name for run in lost]

    def _others_at_work(self, client: SyncPrefectClient) -> bool:
        return any(w.name != self.worker and w.status == "ONLINE" for w in client.read_workers_for_work_pool(self.pool))

    def _unfinished(self, client: SyncPrefectClient) -> Iterator[FlowRun]:
        states = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
        yield from client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states))),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self.pool])),
        )

    def _there(self, run: FlowRun) -> bool:
        if run.infrastructure_pid:
            return self.exists(run)
        since = run.state.timestamp if run.state is not None else None
        return since is None or (datetime.now(UTC) - since).total_seconds() < SUBMITTING_S


def container_exists(run: FlowRun) -> bool:
    """Whether the engine knows the run's container; one that cannot be asked is believed to have it."""
    import docker
    from docker.errors import DockerException, NotFound

    container = str(run.infrastructure_pid).rpartition(":")[2]  # Prefect keeps `address of the engine:container`
    try:
        docker.from_env(timeout=10).containers.get(container)
    except DockerException as error:
        return not isinstance(error, NotFound)
    return True


def process_exists(run: FlowRun) -> bool:
    """Whether the run's process lives here; its number alone may be another's since the container was restarted."""
    pid = str(run.infrastructure_pid).rpartition(":")[2]
    try:
        return str(run.id).encode() in Path(f"/proc/{int(pid)}/environ").read_bytes()
    except (OSError, ValueError):
        return False


def look_after(lost_runs: LostRuns) -> None:
    """Look again and again, for as long as this process lives; a server that does not answer is asked again."""
    while True:
        try:
            with get_client(sync_client=True) as client:
                for name in lost_runs.end(client):
                    sys.stderr.write(f"The run {name} was lost: {MESSAGE}\n")
        except Exception as error:  # noqa: BLE001 - whatever the API's client raises
            sys.stderr.write(f"Lost runs could not be looked for ({type(error).__name__}).\n")
        time.sleep(LOOK_AFTER_POLLS * get_current_settings().worker.query_seconds)
