"""Whether a run of a deployment is still this process's own: buttons of Prefect's page change it while it works.

Nothing is sealed of a run that was deleted, suspended, cancelled, ended or started anew meanwhile. What became of it
stands in the manifest, and the state that the server has is left as it is.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Abort, ObjectNotFound, Pause, TerminationSignal
from prefect.runtime import deployment, flow_run
from prefect.states import Suspended

from flows.errors import Reason, Refused
from flows.orchestration.cancellation import cancel_requested
from flows.orchestration.concurrency import AWAY, is_away, patiently

# What ends the process as the server has it, by what Prefect's engine makes of it: it proposes no state of its own.
_ENDS = (Abort, Pause, TerminationSignal)


@contextmanager
def own_run(recorded: AbstractContextManager[None]) -> Iterator[Callable[[], None]]:
    """Work on a run; what is given asks the server whether it is still this process's own, and ends it where not.

    A run that a person started in a terminal is nobody else's.

    Args:
        recorded: writes down why a run was refused, and withdraws what it sealed (`refusals_recorded`).
    """
    run_id = UUID(str(flow_run.id)) if deployment.id and flow_run.id else None
    try:
        with recorded:
            try:
                start = patiently(lambda: _started(run_id)) if run_id is not None else None
                yield lambda: patiently(lambda: _require(run_id, start)) if run_id is not None else None
            except Pause as ended:
                raise Refused(Reason.RUN_SUSPENDED) from ended
            except AWAY as ended:
                if not is_away(ended):
                    raise
                raise Refused(Reason.PREFECT_LOST, detail=type(ended).__name__) from ended
            except TerminationSignal as ended:
                raise Refused(Reason.RUN_CANCELLED if cancel_requested.is_set() else Reason.RUN_STOPPED) from ended
    except Refused as refusal:
        if isinstance(refusal.__cause__, _ENDS):
            raise refusal.__cause__ from None
        raise


def _started(run_id: UUID) -> UUID | None:
    """The state of this start, whose id no other start has; a run that was cancelled in the queue ends here.

    Prefect starts one that is cancelled after a worker took it and before its process runs.
    """
    with get_client(sync_client=True) as client:
        found = _read(client, run_id)
        states = sorted(client.read_flow_run_states(run_id), key=lambda state: state.timestamp) if found else []
    queued = max((place for place, state in enumerate(states) if state.is_scheduled()), default=0)
    if any(state.is_cancelled() for state in states[queued:]):
        _end_as_cancelled()
    return found.state.id if found is not None and found.state is not None else None


def _require(run_id: UUID, start: UUID | None) -> None:
    with get_client(sync_client=True) as client:
        found = _read(client, run_id)
        if found is None or found.state is None:
            raise Refused(Reason.RUN_DELETED) from Abort("The run was deleted.")
        state = found.state
        if state.is_paused():
            raise Refused(Reason.RUN_SUSPENDED) from Pause(state=_suspended(client, run_id, state))
    if state.is_cancelling():
        _end_as_cancelled()
    if not state.is_running() or state.id != start:
        raise Refused(Reason.RUN_OVERTAKEN, state=state.name) from Abort("The run is no longer this process's own.")


def _end_as_cancelled() -> None:
    cancel_requested.set()  # of which the flow makes *Cancelled*
    raise Refused(Reason.RUN_CANCELLED) from TerminationSignal(signal.SIGTERM)


def _read(client: SyncPrefectClient, run_id: UUID) -> FlowRun | None:
    try:
        return client.read_flow_run(run_id)
    except ObjectNotFound:
        return None


def _suspended(client: SyncPrefectClient, run_id: UUID, state: State) -> State:
    """A run that is only paused is believed to have its process: from now on *Resume* has to start it anew."""
    details = state.state_details
    if details.pause_reschedule or details.pause_timeout is None:
        return state
    ending: State[None] = Suspended(pause_expiration_time=details.pause_timeout)
    client.set_flow_run_state(run_id, ending, force=True)
    return ending
