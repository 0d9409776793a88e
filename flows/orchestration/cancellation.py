"""A run that is cancelled while it runs: seen by a thread that asks the server, ended from the main thread."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from uuid import UUID

from prefect import get_client
from prefect.states import Cancelled

ASK_SECONDS = 5.0
MESSAGE = "Cancelled; no proposal was made."
cancel_requested = threading.Event()  # of the one run this process executes


def watch(run_id: UUID, over: threading.Event, every_seconds: float = ASK_SECONDS) -> None:
    """Ask until the run is over; once somebody called it off, interrupt the main thread as a SIGTERM does.

    The steps then end what they started, and the flow gives back *Cancelled*.

    Args:
        run_id: of the flow run this process executes.
        over: set when there is nothing left to watch.
        every_seconds: how often the server is asked. One that does not answer is asked again.
    """
    while not over.wait(every_seconds):
        with suppress(Exception), get_client(sync_client=True) as client:
            state = client.read_flow_run(run_id).state
            if state is not None and state.is_cancelling() and not over.is_set():
                cancel_requested.set()
                os.kill(os.getpid(), signal.SIGTERM)
                return


def conclude(run_id: UUID) -> None:
    """Make *Cancelled* of a run that ended by itself after it was cancelled: Prefect would leave it *Cancelling*."""
    with suppress(Exception), get_client(sync_client=True) as client:
        state = client.read_flow_run(run_id).state
        if state is not None and state.is_cancelling():
            client.set_flow_run_state(run_id, Cancelled(message=MESSAGE), force=True)
