"""One run at a time for a site: a limit that exists on Prefect's server, for Prefect passes over one that does not."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TypeVar

from httpx import TransportError
from prefect import get_client, get_run_logger
from prefect.client.orchestration import SyncPrefectClient
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists
from prefect.runtime import deployment

from flows.settings import AnalysisRequest
from flows.values.units import SECONDS_PER_HOUR

ResultT = TypeVar("ResultT")
LONGEST_WAIT_S = 3 * SECONDS_PER_HOUR
PATIENCE_S = 120  # with a server that is being restarted
AWAY = (TransportError, ConcurrencySlotAcquisitionError)  # the second with the first as its cause
LEASE_S = 60  # how long a run that was killed keeps its place; a living one renews it


def limit_name(site: str) -> str:
    """The limit's name: it does not tell the address."""
    return f"autotune-site-{hashlib.sha256(site.encode()).hexdigest()[:12]}"


def make_limit(client: SyncPrefectClient, site: str) -> str:
    """Make the site's limit of one, or bring it back to one; its name."""
    name = limit_name(site)
    try:
        client.upsert_global_concurrency_limit_by_name(name, 1)
    except ObjectAlreadyExists:  # a second run of the site made it between the client's question and its answer
        client.upsert_global_concurrency_limit_by_name(name, 1)
    return name


@contextmanager
def one_run_for(request: AnalysisRequest) -> Iterator[None]:
    """Wait until no other run of a deployment is at work on the same site.

    A run that a person started in a terminal, and one over a directory, is its own master.

    Raises:
        TimeoutError: another run has not ended within three hours.
    """
    if request.site is None or not deployment.id:
        yield
        return
    held = ExitStack()
    name = patiently(lambda: _taken(held, str(request.site)))
    get_run_logger().info("acquired the site's slot (%s)", name)
    try:
        yield
    finally:
        with suppress(TransportError):  # the server frees a place that nobody says is in use any more
            held.close()


def _taken(held: ExitStack, site: str) -> str:
    with get_client(sync_client=True) as client:
        name = make_limit(client, site)
    get_run_logger().info("waiting for the site's slot (%s)", name)
    held.enter_context(
        concurrency(
            name,
            occupy=1,
            timeout_seconds=LONGEST_WAIT_S,
            lease_duration=LEASE_S,
            strict=True,
            raise_on_lease_renewal_failure=False,  # a server that is restarted is no reason to lose a run
        )
    )
    return name


def patiently(take: Callable[[], ResultT]) -> ResultT:
    """Ask a server, also while it is being restarted.

    Raises:
        TransportError: it is away for more than `PATIENCE_S`.
        ConcurrencySlotAcquisitionError: the same, where a limit was asked for.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return take()
        except AWAY as error:  # Prefect's client does not ask a server again that it has not reached yet
            if not is_away(error) or time.monotonic() > until:
                raise
            time.sleep(2)


def is_away(error: BaseException | None) -> bool:
    """Whether it comes of a server that did not answer; only Prefect's client raises it: a site is asked by another."""
    while isinstance(error, AWAY):
        if isinstance(error, TransportError):
            return True
        error = error.__cause__
    return False
