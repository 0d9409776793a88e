"""What a run tells Prefect of itself beside its state: each step's duration and counts, and how the run ended.

For the page *Event Feed* and for automations of one's own; notices are made of run directories (`flows.watch`), also of
a run that ended too early to tell. An event holds durations, counts, a reason's code; no health
data and no address. A server that cannot be told is no reason to lose a run.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.events import RelatedResource, emit_event
from prefect.flows import Flow
from prefect.runtime import flow_run as this_run

from flows.errors import Refused
from flows.orchestration.postponing import POSTPONED
from flows.settings import AnalysisRequest, of_past

STEP_ENDED = "autotune.step-ended"
PROPOSAL_READY = "autotune.proposal-ready"
TAKE_BACK = "autotune.take-back"
REFUSED = "autotune.refused"
FAILED = "autotune.failed"
CRASHED = "autotune.crashed"
CANCELLED = "autotune.cancelled"


def step_ended(step: str, seconds: float, counts: dict[str, object]) -> None:
    """The metrics of one step: how long it took, and its counts."""
    numbers = {name.replace(" ", "_"): value for name, value in counts.items() if isinstance(value, int)}
    _emit(STEP_ENDED, this_run.id, {"step": step, "seconds": round(seconds, 3), **numbers})


def take_back() -> None:
    """The proposal says that the last step is to be taken back, to be safe."""
    _emit(TAKE_BACK, this_run.id, {})


def on_completion(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """There is a proposal to look at; not after a run that was postponed."""
    if state.name == POSTPONED or _past(flow_run):
        return
    _emit(PROPOSAL_READY, flow_run.id, _duration(flow_run, state), flow_run)


def on_failure(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """There is none: refused for a reason that can be fixed, or failed."""
    if _past(flow_run):
        return
    error: object = None
    with suppress(Exception):
        error = state.result(raise_on_failure=False)
    if isinstance(error, Refused):
        _emit(REFUSED, flow_run.id, {**_duration(flow_run, state), "reason": error.reason.code}, flow_run)
    else:
        _emit(FAILED, flow_run.id, {**_duration(flow_run, state), "error": type(error).__name__}, flow_run)


def on_crashed(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The process was ended from outside."""
    _emit(CRASHED, flow_run.id, _duration(flow_run, state), flow_run)


def on_cancellation(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A person called it off."""
    _emit(CANCELLED, flow_run.id, _duration(flow_run, state), flow_run)


def _past(run: FlowRun) -> bool:
    """Whether the run is for the trend only; nobody is told of it."""
    request = run.parameters.get("request")
    return request.past if isinstance(request, AnalysisRequest) else of_past(request)


def _duration(run: FlowRun, state: State[Any]) -> dict[str, float]:
    if run.start_time is None or state.timestamp is None:
        return {}
    return {"seconds": round((state.timestamp - run.start_time).total_seconds(), 3)}


def _emit(event: str, run_id: object, payload: dict[str, Any], run: FlowRun | None = None) -> None:
    resource = {"prefect.resource.id": f"autotune.run.{run_id}"}
    related = [
        RelatedResource({"prefect.resource.id": f"prefect.flow-run.{run_id}", "prefect.resource.role": "flow-run"})
    ]
    if run is not None and run.deployment_id is not None:
        deployment = {"prefect.resource.id": f"prefect.deployment.{run.deployment_id}"}
        related.append(RelatedResource({**deployment, "prefect.resource.role": "deployment"}))
    with suppress(Exception):
        emit_event(event, resource, related=related, payload=payload)
