"""A run that is cancelled ends as Cancelled, whoever notices first."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import TerminationSignal
from prefect.states import Cancelling, Completed, Running

from flows import autotune_analysis as module
from flows.orchestration.cancellation import cancel_requested, conclude, watch
from flows.settings import AnalysisRequest

pytestmark = pytest.mark.flow


@flow
def a_flow() -> None:
    """Nothing."""


@pytest.fixture(autouse=True)
def _nothing_cancelled() -> Iterator[None]:
    cancel_requested.clear()
    yield
    cancel_requested.clear()


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(prefect_server) as client:
        yield client


def in_state(client: SyncPrefectClient, *states: State[None]) -> FlowRun:
    run = client.create_flow_run(a_flow)
    for state in states:
        client.set_flow_run_state(run.id, state)
    return run


@pytest.mark.parametrize("off", [True, False])
def test_the_watch_interrupts_a_run_that_was_cancelled(client: SyncPrefectClient, off: bool) -> None:
    run = in_state(client, Running(), *([Cancelling()] if off else []))
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGTERM, hear)
    over = threading.Event()
    watching = threading.Thread(target=watch, args=(run.id, over, 0.05))
    try:
        watching.start()
        deadline = time.monotonic() + (20 if off else 1)
        while not heard and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        over.set()
        watching.join(20)
        signal.signal(signal.SIGTERM, before)
    assert heard == ([signal.SIGTERM] if off else [])
    assert cancel_requested.is_set() is off


@pytest.mark.parametrize(
    ("states", "name"),
    [((Running(), Cancelling()), "Cancelled"), ((Running(), Completed()), "Completed"), ((Running(),), "Running")],
)
def test_a_run_that_ended_while_it_was_cancelled_is_cancelled(
    client: SyncPrefectClient, states: tuple[State[None], ...], name: str
) -> None:
    run = in_state(client, *states)
    conclude(run.id)
    state = client.read_flow_run(run.id).state
    assert state is not None
    assert state.name == name


@pytest.mark.usefixtures("prefect_server")
def test_the_interrupted_flow_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(request: AnalysisRequest, run_path: str) -> int:
        (Path(run_path) / "proposal.json").write_text("{}")  # sealed just before
        cancel_requested.set()
        raise TerminationSignal(signal.SIGTERM)

    monkeypatch.setattr(module, "data_preparation", ended)
    request = AnalysisRequest(from_directory=str(tmp_path), timezone="UTC")
    state = module.autotune_analysis(request, str(tmp_path / "run"), return_state=True)
    assert state.is_cancelled()
    assert state.message == "Cancelled; no proposal was made."
    assert not (tmp_path / "run" / "proposal.json").exists()
