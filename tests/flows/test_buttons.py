"""What Prefect's buttons leave of a run at work: a state that is true, and no proposal of a run that nobody sees."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Abort, ObjectNotFound, Pause
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry, Cancelling, Crashed, Paused, Pending, Running, Suspended

from flows import autotune_analysis as module
from flows.errors import Reason, Refused
from flows.orchestration.cancellation import cancel_requested, conclude
from flows.settings import AnalysisRequest
from tests.people import entries, export_directory, treatments

pytestmark = [pytest.mark.flow, pytest.mark.oref0]

Button = Callable[[SyncPrefectClient, UUID], object]


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    cancel_requested.clear()
    with SyncPrefectClient(prefect_server) as client:
        yield client
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)
    cancel_requested.clear()


@pytest.fixture
def request_document(tmp_path: Path) -> dict[str, Any]:
    data = export_directory(tmp_path / "data", entries=entries(days=2), treatments=treatments(days=2))
    return {"from_directory": str(data), "resamples": 0}


def asked_for(client: SyncPrefectClient, request: dict[str, Any]) -> UUID:
    flow = client.create_flow_from_name("autotune-analysis")
    deployment = client.create_deployment(flow, "on-demand", parameters={})
    return client.create_flow_run_from_deployment(deployment, parameters={"request": request}).id


def executed(client: SyncPrefectClient, run: UUID) -> State[Any]:
    """Execute it as a worker's process does; the state that the server has then."""
    found: FlowRun = client.read_flow_run(run)
    with pytest.MonkeyPatch.context() as environment, suppress(Abort, Pause):  # the engine ends a process of these
        environment.setenv("PREFECT__FLOW_RUN_ID", str(run))  # by which a process knows of its deployment
        run_flow(module.autotune_analysis, flow_run=found, parameters=found.parameters, return_type="state")
    left = client.read_flow_run(run).state
    assert left is not None
    return left


def pressed_while_it_works(
    monkeypatch: pytest.MonkeyPatch, step: str, client: SyncPrefectClient, run: UUID, press: Button
) -> None:
    work = getattr(module, step)

    def then(*arguments: Any) -> Any:
        monkeypatch.setattr(module, step, work)
        done = work(*arguments)
        press(client, run)
        return done

    monkeypatch.setattr(module, step, then)


def outcomes(tmp_path: Path) -> list[tuple[str, list[str], bool]]:
    """Of each run directory in the order of their making: status, reasons, and whether there is a proposal."""
    directories = sorted((tmp_path / "runs").glob("2*"), key=lambda path: path.stat().st_mtime)
    manifests = [json.loads((path / "manifest.json").read_bytes()) for path in directories]
    return [
        (manifest["status"], manifest.get("reason_codes", []), (path / "proposal.json").exists())
        for manifest, path in zip(manifests, directories, strict=True)
    ]


def suspend(client: SyncPrefectClient, run: UUID) -> None:
    """As the page does it."""
    client.set_flow_run_state(run, Suspended(pause_expiration_time=datetime.now(UTC) + timedelta(minutes=5)))


def pause(client: SyncPrefectClient, run: UUID) -> None:
    client.set_flow_run_state(run, Paused(pause_expiration_time=datetime.now(UTC) + timedelta(minutes=5)))


def suspend_and_resume(client: SyncPrefectClient, run: UUID) -> None:
    suspend(client, run)
    client.resume_flow_run(run)


def start_elsewhere(client: SyncPrefectClient, run: UUID) -> None:
    """Another worker's process has taken it up before this one ended."""
    suspend_and_resume(client, run)
    client.set_flow_run_state(run, Running(), force=True)


SEALS = "publish_report"
COMPUTES = "run_autotune_analysis"


@pytest.mark.parametrize(
    ("step", "press", "state", "reason"),
    [
        (COMPUTES, suspend, "Suspended", "run_suspended"),
        (SEALS, suspend, "Suspended", "run_suspended"),
        (SEALS, pause, "Suspended", "run_suspended"),
        (SEALS, suspend_and_resume, "Resuming", "run_overtaken"),
        (SEALS, start_elsewhere, "Running", "run_overtaken"),
        (SEALS, lambda client, run: client.set_flow_run_state(run, Crashed(), force=True), "Crashed", "run_overtaken"),
        (COMPUTES, lambda client, run: client.set_flow_run_state(run, Cancelling()), "Cancelled", "run_cancelled"),
        (SEALS, lambda client, run: client.set_flow_run_state(run, Cancelling()), "Cancelled", "run_cancelled"),
    ],
    ids=["suspend", "late-suspend", "pause", "suspend-resume", "elsewhere", "lost", "cancel", "late-cancel"],
)
def test_a_run_that_is_no_longer_its_own_seals_nothing_and_says_why(
    client: SyncPrefectClient,
    request_document: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    press: Button,
    state: str,
    reason: str,
) -> None:
    run = asked_for(client, request_document)
    pressed_while_it_works(monkeypatch, step, client, run, press)
    assert executed(client, run).name == state
    assert outcomes(tmp_path) == [("refused", [reason], False)]


@pytest.mark.parametrize("step", [COMPUTES, SEALS])
def test_a_deleted_run_seals_nothing_and_says_why(
    client: SyncPrefectClient,
    request_document: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    run = asked_for(client, request_document)
    pressed_while_it_works(monkeypatch, step, client, run, lambda client, run: client.delete_flow_run(run))
    with pytest.raises(ObjectNotFound):
        executed(client, run)
    assert outcomes(tmp_path) == [("refused", ["run_deleted"], False)]


@pytest.mark.parametrize("press", [suspend, pause])
def test_a_resumed_run_starts_anew(
    client: SyncPrefectClient,
    request_document: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    press: Button,
) -> None:
    run = asked_for(client, request_document)
    pressed_while_it_works(monkeypatch, COMPUTES, client, run, press)
    assert executed(client, run).is_paused()
    client.resume_flow_run(run)
    resumed = client.read_flow_run(run).state
    assert resumed is not None and resumed.is_scheduled()  # a worker takes it, as any other
    assert executed(client, run).is_completed()
    assert outcomes(tmp_path) == [("refused", ["run_suspended"], False), ("proposal", [], True)]


def test_a_failed_run_that_is_tried_again_starts_anew(
    client: SyncPrefectClient, request_document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(request: AnalysisRequest) -> AnalysisRequest:
        raise Refused(Reason.SITE_BLOCK, name="ada", detail="there is none")

    resolved = module.resolved
    monkeypatch.setattr(module, "resolved", wrong)
    run = asked_for(client, request_document)
    assert executed(client, run).is_failed()
    client.set_flow_run_state(run, AwaitingRetry(), force=True)  # as the page's Retry does
    monkeypatch.setattr(module, "resolved", resolved)  # what was wrong is put right
    assert executed(client, run).is_completed()
    assert outcomes(tmp_path) == [("refused", ["site_block"], False), ("proposal", [], True)]


@pytest.mark.parametrize("taken", [False, True], ids=["waits", "taken"])
def test_one_that_was_cancelled_in_the_queue_is_not_executed(
    client: SyncPrefectClient, request_document: dict[str, Any], tmp_path: Path, taken: bool
) -> None:
    run = asked_for(client, request_document)
    if taken:  # a worker has it, and its process is not there yet
        client.set_flow_run_state(run, Pending())
    client.set_flow_run_state(run, Cancelling())
    executed(client, run)
    conclude(run)  # as a run's command does at its end
    left = client.read_flow_run(run).state
    assert left is not None and left.is_cancelled(), left
    assert not list((tmp_path / "runs").rglob("proposal.json"))
