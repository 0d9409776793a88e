"""The nights of each person: schedules of the nightly deployment, one for a saved site, each with its own hour.

All of them are schedules of one deployment. A change sends one schedule whole and touches no other: Prefect 3.9.1 drops
the parameters that an update leaves out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from flows.errors import Reason, Refused
from flows.orchestration.blocks import NightscoutSite, saved_block
from flows.orchestration.nightly_schedule import AT, DEPLOYMENT, SLUG, cron_at, update_whole
from flows.settings import AnalysisRequest

WAIT_MIN = 180  # what a new night waits for late readings: a phone that is switched on at half past seven is in time
PAGE = 200  # what one answer of the API holds


@dataclass(frozen=True)
class Night:
    """One schedule, as a person is told of it.

    Attributes:
        name: what it is called by: its block, else its slug, else the beginning of its id.
        block: the saved site that its runs name; `None` where they name none.
        at: its local time as HH:MM; `None` where it is no plain time of every day.
        schedule: how Prefect has it, as text.
        timezone: of the time.
        active: whether it is on.
        paused: the whole deployment is paused, so that it makes no run.
        request: what its runs ask for beside the block; empty where the deployment's own request counts.
        next_run: when the run is due that the server has made; `None` where it has made none.
    """

    name: str
    block: str | None
    at: str | None
    schedule: str
    timezone: str
    active: bool
    paused: bool
    request: dict[str, Any]
    next_run: datetime | None


def nights(client: SyncPrefectClient) -> list[Night]:
    """All schedules of the nightly deployment, with the next run that the server has made of each.

    Raises:
        Refused: `NIGHT_SERVER`.
    """
    deployment = _deployment(client)
    coming = _next_runs(client, deployment)
    found = [_night(schedule, deployment, coming) for schedule in client.read_deployment_schedules(deployment.id)]
    return sorted(found, key=lambda night: night.name)


def add(
    client: SyncPrefectClient, block: str, at: str | None, timezone: str | None, request: dict[str, Any], active: bool
) -> Night:
    """Make the schedule `nightly-BLOCK`; no other one is touched.

    Args:
        client: of the server.
        block: name of the saved site.
        at: local time as HH:MM; half past four where it is left out: the day that ended at 04:00 counts.
        timezone: of the time; the block's own where it is left out, else UTC.
        request: further fields of the runs' request.
        active: whether it is on from now.

    Raises:
        Refused: `SITE_BLOCK`, `NIGHT_THERE` where the block has a night, `NIGHT_SERVER`, `UNKNOWN_TIMEZONE`.
    """
    deployment = _deployment(client)
    site = saved_block(block)
    schedules = client.read_deployment_schedules(deployment.id)
    if known := next((s for s in schedules if _block_of(s) == block or s.slug == _slug(block)), None):
        raise Refused(Reason.NIGHT_THERE, name=_name(known), detail=_said(known))
    how = CronSchedule(cron=cron_at(at or AT), timezone=timezone or site.timezone or "UTC")
    asked = _checked({"wait_for_data_min": WAIT_MIN, **request, "site_block": block})
    new = DeploymentScheduleCreate(schedule=how, active=active, slug=_slug(block), parameters={"request": asked})
    client.create_deployment_schedules(deployment.id, [new])
    return _one(client, block)


def change(
    client: SyncPrefectClient, name: str, at: str | None, timezone: str | None, request: dict[str, Any]
) -> Night:
    """Give a night another time, zone or request; what is left out stays.

    Raises:
        Refused: `NIGHT_UNKNOWN`, `NIGHT_SERVER`, `UNKNOWN_TIMEZONE`.
    """
    deployment = _deployment(client)
    schedule = _named(client, deployment, name)
    how = schedule.schedule
    if at or timezone:
        if not isinstance(how, CronSchedule):
            raise Refused(Reason.NIGHT_UNKNOWN, name=name, detail="its schedule is no time of a day, and stays")
        how = CronSchedule(cron=cron_at(at) if at else how.cron, timezone=timezone or how.timezone)
    parameters = dict(schedule.parameters)
    if request:
        own = parameters.get("request") or deployment.parameters.get("request") or {}
        parameters["request"] = _checked({**own, **request})
    update_whole(client, schedule.model_copy(update={"schedule": how, "parameters": parameters}))
    return _one(client, name)


def switch(client: SyncPrefectClient, name: str, active: bool) -> Night:
    """Switch a night on or off.

    Raises:
        Refused: `NIGHT_UNKNOWN`, `NIGHT_SERVER`.
    """
    schedule = _named(client, _deployment(client), name)
    update_whole(client, schedule.model_copy(update={"active": active}))
    return _one(client, name)


def remove(client: SyncPrefectClient, name: str) -> tuple[Night, int]:
    """Delete a night's schedule, and no run of it; the night as it was, and how many of its runs were postponed.

    Those are due all the same; a person may cancel them.

    Raises:
        Refused: `NIGHT_UNKNOWN`, `NIGHT_SERVER`.
    """
    deployment = _deployment(client)
    schedule = _named(client, deployment, name)
    before = _night(schedule, deployment, {})
    client.delete_deployment_schedule(deployment.id, schedule.id)
    left = [r for r in _scheduled(client, deployment) if not r.auto_scheduled and _block(r.parameters) == before.block]
    return before, len(left)


def rename(client: SyncPrefectClient, name: str, new: str) -> Night:
    """Give a person's site and night another name: the block is saved under it too, and the night names that one.

    The schedule stays the same one, and with it the runs it made. The old block stays: proposals of earlier runs name
    it, and are applied with its secrets.

    Raises:
        Refused: `NIGHT_UNKNOWN`, `NIGHT_SERVER`, `SITE_BLOCK` where another site's block has the new name.
    """
    deployment = _deployment(client)
    schedule = _named(client, deployment, name)
    if (block := _block_of(schedule)) is None:
        raise Refused(Reason.NIGHT_UNKNOWN, name=name, detail="it names no block")
    own = {**schedule.parameters["request"], "site_block": new}
    _checked(own)  # the name is one that a request may have
    schedules = client.read_deployment_schedules(deployment.id)
    if known := next((s for s in schedules if _block_of(s) == new or s.slug == _slug(new)), None):
        raise Refused(Reason.NIGHT_THERE, name=_name(known), detail=_said(known))
    site = saved_block(block)
    try:
        client.read_block_document_by_name(new, NightscoutSite.get_block_type_slug(), include_secrets=False)
    except ObjectNotFound:
        site.save(new)
    else:
        if saved_block(new).url != site.url:
            raise Refused(Reason.SITE_BLOCK, name=new, detail="it is there already, of another site")
    parameters = {**schedule.parameters, "request": own}
    slug = _slug(new) if schedule.slug == _slug(block) else schedule.slug
    update_whole(client, schedule.model_copy(update={"parameters": parameters, "slug": slug}))
    return _one(client, new)


# --- one schedule ----------------------------------------------------------------------------------------------------


def _slug(block: str) -> str:
    return f"{SLUG}-{block}"


def _block(parameters: dict[str, Any]) -> str | None:
    request = parameters.get("request")
    block = request.get("site_block") if isinstance(request, dict) else None
    return str(block) if block else None


def _block_of(schedule: DeploymentSchedule) -> str | None:
    return _block(schedule.parameters)


def _name(schedule: DeploymentSchedule) -> str:
    return _block_of(schedule) or schedule.slug or str(schedule.id)[:8]


def _said(schedule: DeploymentSchedule) -> str:
    at, how, zone = _time(schedule)
    return f"{at or how} {zone}, {'on' if schedule.active else 'off'}"


def _time(schedule: DeploymentSchedule) -> tuple[str | None, str, str]:
    """HH:MM where it is one of every day, the schedule as Prefect has it, and its zone."""
    how = schedule.schedule
    text = str(getattr(how, "cron", None) or getattr(how, "rrule", None) or f"every {getattr(how, 'interval', '?')}")
    fields = text.split()
    daily = len(fields) == 5 and fields[2:] == ["*"] * 3 and fields[0].isdigit() and fields[1].isdigit()
    at = f"{int(fields[1]):02d}:{int(fields[0]):02d}" if daily else None
    return at, text, getattr(how, "timezone", None) or "UTC"


def _night(schedule: DeploymentSchedule, deployment: DeploymentResponse, coming: dict[str, datetime]) -> Night:
    at, how, zone = _time(schedule)
    request = schedule.parameters.get("request")
    own = {k: v for k, v in request.items() if k != "site_block"} if isinstance(request, dict) else {}
    return Night(
        *(_name(schedule), _block_of(schedule), at, how, zone, schedule.active, bool(deployment.paused), own),
        next_run=coming.get(str(schedule.id)) if schedule.active else None,
    )


def _one(client: SyncPrefectClient, name: str) -> Night:
    deployment = _deployment(client)
    return _night(_named(client, deployment, name), deployment, _next_runs(client, deployment))


def _named(client: SyncPrefectClient, deployment: DeploymentResponse, name: str) -> DeploymentSchedule:
    """A schedule by its block, else by its slug, else by the beginning of its id."""
    schedules = client.read_deployment_schedules(deployment.id)
    by: tuple[Callable[[DeploymentSchedule], bool], ...] = (
        lambda s: _block_of(s) == name,
        lambda s: s.slug == name,
        lambda s: len(name) >= 8 and str(s.id).startswith(name),
    )
    for matches in by:
        found = [schedule for schedule in schedules if matches(schedule)]
        if len(found) > 1:
            each = ", ".join(schedule.slug or str(schedule.id)[:8] for schedule in found)
            raise Refused(Reason.NIGHT_UNKNOWN, name=name, detail=f"several have it: {each}")
        if found:
            return found[0]
    raise Refused(Reason.NIGHT_UNKNOWN, name=name, detail="there is none")


def _checked(request: dict[str, Any]) -> dict[str, Any]:
    """A request that a run would take; refused here, not in the night."""
    try:
        AnalysisRequest(**request)
    except ValidationError as error:
        raise Refused(
            Reason.NIGHT_REQUEST, detail=error.errors(include_url=False, include_input=False)[0]["msg"]
        ) from None
    return request


# --- the server ------------------------------------------------------------------------------------------------------


def _deployment(client: SyncPrefectClient) -> DeploymentResponse:
    try:
        return client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound:
        raise Refused(Reason.NIGHT_SERVER, detail=f"it has no deployment {DEPLOYMENT}") from None


def _scheduled(client: SyncPrefectClient, deployment: DeploymentResponse) -> list[FlowRun]:
    """The runs that wait for their time, the earliest first."""
    found: list[FlowRun] = []
    while len(found) % PAGE == 0:
        page = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=PAGE,
            offset=len(found),
        )
        if not page:
            break
        found += page
    return found


def _next_runs(client: SyncPrefectClient, deployment: DeploymentResponse) -> dict[str, datetime]:
    """When the next run of each schedule is due, by the schedule's id."""
    first: dict[str, datetime] = {}
    for run in _scheduled(client, deployment):
        if run.auto_scheduled and run.created_by and run.created_by.id and run.expected_start_time:
            first.setdefault(str(run.created_by.id), run.expected_start_time)
    return first
