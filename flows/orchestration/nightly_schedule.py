"""The nightly schedule of the set-up: made once; what a person changes of it on Prefect's page stays as it is.

`prefect deploy` is given no schedule at all. Given one, it would recreate every schedule where one of them has no slug
(as those made on the page have none), and drop the parameters of the one it knows.
"""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule
from prefect.variables import Variable

from flows.values.local_days import clock_time

DEPLOYMENT = "autotune-analysis/nightly-autotune"
SLUG = "nightly"
AT = "04:30"  # the day that ended at 04:00 counts; no zone's clocks change between, so that each night has it once
# What the last set-up was told: a setting that has changed since is meant, an old one must not undo the page.
TOLD = "autotune_nightly_of_set_up"


def set_nightly(client: SyncPrefectClient, timezone: str, switch: bool | None, at: str = AT) -> bool:
    """Make the nightly schedule, or carry to it what was changed of the set-up's settings since the last set-up.

    What a person changed of it stays, and so do its switch, hour and time zone where the settings are as last time.

    Args:
        client: of the server that has the deployment.
        timezone: of the time, such as `Europe/Paris`.
        switch: on or off; `None` leaves it as it is, and a new one off.
        at: its local time as HH:MM.

    Returns:
        Whether it is on.
    """
    deployment = client.read_deployment_by_name(DEPLOYMENT)
    ours = next((s for s in client.read_deployment_schedules(deployment.id) if s.slug == SLUG), None)
    now = {"timezone": timezone, "switch": switch, "at": at}
    last = Variable.get(TOLD)
    Variable.set(TOLD, now, overwrite=True)
    if ours is None:
        new = CronSchedule(cron=cron_at(at), timezone=timezone)
        client.create_deployment_schedules(
            deployment.id, [DeploymentScheduleCreate(schedule=new, active=bool(switch), slug=SLUG)]
        )
        return bool(switch)
    if not isinstance(last, dict):  # made before the settings were kept: whether they changed since nobody knows
        return ours.active
    active = ours.active if switch is None or switch == last.get("switch") else switch
    how, before = ours.schedule, last.get("timezone")
    if isinstance(how, CronSchedule) and timezone != before and how.timezone == before:
        how = how.model_copy(update={"timezone": timezone})
    before_at = last.get("at") or AT
    if isinstance(how, CronSchedule) and at != before_at and how.cron == cron_at(before_at):
        how = how.model_copy(update={"cron": cron_at(at)})
    if active != ours.active or how != ours.schedule:
        update_whole(client, ours.model_copy(update={"active": active, "schedule": how}))
    return active


def cron_at(time: str) -> str:
    """Every day at a local time of the form HH:MM.

    Raises:
        ValueError: it is none.
    """
    hour, minute = clock_time(time)
    return f"{minute} {hour} * * *"


def update_whole(client: SyncPrefectClient, schedule: DeploymentSchedule) -> None:
    """Send every field of a schedule: Prefect 3.9.1 drops the parameters that an update leaves out."""
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
