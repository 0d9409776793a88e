"""The flow `notices-test`, for the page: a test message to every address for notices, in the worker that has them."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import __version__
from flows.environment import speaking_as_set
from flows.orchestration.notices import send_test
from flows.tasks import logged


@flow(
    name="notices-test",
    description="Send a test message to every address for notices, and say which took it.",
    version=__version__,
    validate_parameters=True,
    persist_result=False,
    log_prints=False,
    timeout_seconds=300,
)
def notices_test() -> State[None]:
    """Send, and say in the state's message what came of each address, as JSON: its kind, never the address.

    Args:
        None.

    Returns:
        The state `Completed`, or `NotSent` where there is no address or not each took it.

    Raises:
        Refused: `FILE_MISSING`, of a file with addresses.

    Example:
        >>> notices_test()  # doctest: +SKIP
    """
    with logged("notices-test") as counts, speaking_as_set():
        sent = send_test()
        counts |= {"addresses": len(sent.answers), "taken": sum(why is None for _, why in sent.answers)}
    # Never failed: the run did what it was asked for, and a failed one leaves a traceback in the worker's log.
    return Completed(name="Completed" if sent.taken else "NotSent", message=sent.message())
