"""A run of a deployment that waits for late readings holds no worker: it ends, and another one is due later.

The later run is of the same deployment with the same parameters. Which run began, and how often it was postponed, is
in the later one's idempotency key: a run that is started twice makes one successor.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from httpx import HTTPError
from prefect import get_client, get_run_logger
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import PrefectException
from prefect.runtime import deployment, flow_run
from prefect.states import Completed, Scheduled

from flows.settings import AnalysisRequest

EVERY_MIN = 30
POSTPONED = "Postponed"  # the state's name; it is a kind of Completed, and no result
KEY = "autotune-postponed:{first}:{times}"
_KEY = re.compile(KEY.format(first=r"(?P<first>[0-9a-f-]{36})", times=r"(?P<times>\d+)"))
_NAME = re.compile(r" \(postponed \d+\)$")
MADE_BY_SERVER = "auto-scheduled"  # Prefect's own tag of a run that a schedule made


@dataclass(frozen=True)
class Postponement:
    """How often the run that began was postponed until now, and what is left to wait."""

    first: str
    times: int
    left_min: int

    @classmethod
    def of(cls, run_id: UUID | str, key: str | None, wait_min: int) -> Postponement:
        """Of a run by its idempotency key; each time took half an hour, or what was left."""
        known = _KEY.fullmatch(key or "")
        first, times = (known["first"], int(known["times"])) if known else (str(run_id), 0)
        return cls(first, times, max(0, wait_min - times * EVERY_MIN))

    def next_in(self) -> timedelta:
        """How long until the next look."""
        return timedelta(minutes=min(EVERY_MIN, self.left_min))

    def next_key(self) -> str:
        """The idempotency key of the next run."""
        return KEY.format(first=self.first, times=self.times + 1)


def postponed(
    request: AnalysisRequest, is_there: Callable[[AnalysisRequest], bool]
) -> tuple[AnalysisRequest, State[Any] | None]:
    """Make the run that looks again, where readings are missing and there is time left.

    Args:
        request: of the run that is under way.
        is_there: whether the site has last night's readings.

    Returns:
        The request to go on with, and the state to end in where another run looks again. A run of no deployment waits
        itself, as does one whose server cannot be asked.

    Raises:
        Refused: as `is_there`.
    """
    if not request.wait_for_data_min or request.site is None or not deployment.id:
        return request, None
    not_to_wait = request.model_copy(update={"wait_for_data_min": 0})
    try:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(UUID(str(flow_run.id)))
            now = Postponement.of(run.id, run.idempotency_key, request.wait_for_data_min)
            if not now.left_min or is_there(request):
                return not_to_wait, None
            due = datetime.now(UTC) + now.next_in()
            _make(client, run, now, due)
    except (HTTPError, PrefectException) as error:
        get_run_logger().warning("cannot be postponed (%s): this run waits itself", type(error).__name__)
        return request, None
    message = f"Last night's readings are not on the site yet. Another run looks at {due:%H:%M} UTC."
    get_run_logger().info("postponed: another run looks at %s UTC", f"{due:%H:%M}")
    return request, Completed(name=POSTPONED, message=message)


def _make(client: SyncPrefectClient, run: FlowRun, now: Postponement, due: datetime) -> None:
    assert run.deployment_id is not None
    client.create_flow_run_from_deployment(
        run.deployment_id,
        parameters=run.parameters,
        state=Scheduled(scheduled_time=due),
        name=f"{_NAME.sub('', run.name)} (postponed {now.times + 1})",
        tags=[tag for tag in run.tags if tag != MADE_BY_SERVER],
        idempotency_key=now.next_key(),
        work_queue_name=run.work_queue_name,
        job_variables=run.job_variables,
    )
