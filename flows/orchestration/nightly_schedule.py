"""The nightly schedule: made, switched and brought back to its hour by the set-up, which touches no other schedule.

`prefect deploy` is given no schedule at all. Given one, it would recreate every schedule where one of them has no slug
(as those made on the page have none), and drop the parameters of the one it knows.
"""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule

DEPLOYMENT = "autotune-analysis/nightly-autotune"
SLUG = "nightly"
CRON = "0 2 * * *"


def set_nightly(client: SyncPrefectClient, timezone: str, switch: bool | None) -> bool:
    """Bring the nightly schedule to its hour in a time zone, and switch it.

    It is sent whole: Prefect 3.9.1 drops the parameters that an update leaves out, and the runs would then
    tune the deployment's own site. Parameters that somebody gave this schedule stay.

    Args:
        client: of the server that has the deployment.
        timezone: of 02:00, such as `Europe/Paris`.
        switch: on or off; `None` leaves it as it is, and a new one off.

    Returns:
        Whether it is on.
    """
    deployment = client.read_deployment_by_name(DEPLOYMENT)
    at = CronSchedule(cron=CRON, timezone=timezone)
    ours = next((s for s in client.read_deployment_schedules(deployment.id) if s.slug == SLUG), None)
    if ours is None:
        client.create_deployment_schedules(
            deployment.id, [DeploymentScheduleCreate(schedule=at, active=bool(switch), slug=SLUG)]
        )
        return bool(switch)
    active = ours.active if switch is None else switch
    if ours.schedule != at or ours.active != active:
        update_whole(client, ours.model_copy(update={"schedule": at, "active": active}))
    return active


def update_whole(client: SyncPrefectClient, schedule: DeploymentSchedule) -> None:
    """Send every field of a schedule, so that none is dropped."""
    if schedule.deployment_id is None:
        raise ValueError("a schedule of no deployment cannot be updated")
    client.update_deployment_schedule(
        schedule.deployment_id,
        schedule.id,
        active=schedule.active,
        schedule=schedule.schedule,
        max_scheduled_runs=schedule.max_scheduled_runs,
        parameters=schedule.parameters,
        slug=schedule.slug,
    )
