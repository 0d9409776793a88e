"""The watch over the nights, as a thread of the process that has the runs: who is expected is asked of the server."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.server.schemas import schedules as rules

from flows.environment import environment_now
from flows.orchestration.nightly_schedule import DEPLOYMENT
from flows.orchestration.notices import block_addresses
from flows.values.user_directories import runs_root
from flows.watch.look import COUNTED
from flows.watch.nights import PATIENCE, Expected
from flows.watch.results import WatchedPerson, person_of
from flows.watch.watcher import Service, Watcher

LOOK_EVERY_S = 180.0
AHEAD = timedelta(days=14)  # nights that are known while no server answers
MOST_RUNS = 200  # what one answer of the API holds
NEVER_MADE = "its schedule is on, and the server has no run of it"
SAID_BACK = timedelta(days=2)  # the last missed night is what a reason is given of


def start_watching() -> threading.Thread:
    """Watch over the runs of `AUTOTUNE_RUNS` for as long as this process lives."""
    thread = threading.Thread(target=watch, name="autotune-watch", daemon=True)
    thread.start()
    return thread


def watch() -> None:
    """Look at once, for what was missed while nobody looked, and again every three minutes."""
    watcher = None
    while True:
        try:
            watcher = watcher or Watcher(runs_root(), _say)
            watcher.look(service(), datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look may be better
            _say(f"The nights could not be looked at ({type(error).__name__}).")
        time.sleep(LOOK_EVERY_S)


def service() -> Service | None:
    """What the server says; `None` where it does not answer."""
    try:
        with get_client(sync_client=True) as client:
            return Service(expected(client, datetime.now(UTC)), block_addresses(client))
    except Exception as error:  # noqa: BLE001 - whatever the API's client raises
        _say(f"The server could not be asked who is expected ({type(error).__name__}).")
        return None


def expected(client: SyncPrefectClient, now: datetime) -> tuple[Expected, ...]:
    """Each schedule of the nightly deployment that is on, and whose nights it makes.

    A deployment that somebody paused makes no run, and nobody is expected.
    """
    try:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound:
        return ()
    on = [schedule for schedule in client.read_deployment_schedules(deployment.id) if schedule.active]
    if deployment.paused or not on:
        return ()
    runs = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            expected_start_time=FlowRunFilterExpectedStartTime(after_=now - SAID_BACK, before_=now)
        ),
        limit=MOST_RUNS,
    )
    found = []
    for schedule in on:
        request = schedule.parameters.get("request") or deployment.parameters.get("request") or {}
        if (person := _person(request)) is not None:
            found.append(_nights(person, request, schedule, runs, now))
    return tuple(found)


def _person(request: Any) -> WatchedPerson | None:
    if not isinstance(request, dict) or request.get("from_directory"):
        return None
    return person_of(request.get("site_block"), request.get("site") or environment_now().nightscout_site)


def _nights(
    person: WatchedPerson, request: dict[str, Any], schedule: DeploymentSchedule, runs: Sequence[FlowRun], now: datetime
) -> Expected:
    # What it was before it was last changed, or switched on, is not known.
    since = max(schedule.updated or now, now - COUNTED)
    wait = request.get("wait_for_data_min")
    own = {
        run.expected_start_time: run
        for run in runs
        if run.expected_start_time is not None and run.created_by is not None and run.created_by.id == schedule.id
    }
    due = due_times(schedule.schedule, since, now + AHEAD)
    asked = [moment for moment in due if now - SAID_BACK <= moment <= now] if len(runs) < MOST_RUNS else []
    never_made = {moment: NEVER_MADE for moment in asked if moment not in own}
    return Expected(
        person,
        getattr(schedule.schedule, "timezone", None) or "UTC",
        due,
        PATIENCE + timedelta(minutes=wait if isinstance(wait, int) else 0),
        ended={due: words for due, run in own.items() if (words := _ended_as(run)) is not None},
        said={due: words for due, run in own.items() if (words := _as_far_as(run)) is not None} | never_made,
    )


def due_times(schedule: Any, after: datetime, until: datetime) -> tuple[datetime, ...]:
    """When a schedule's runs are due, by the rule the server itself makes them by."""
    for rule in (rules.CronSchedule, rules.IntervalSchedule, rules.RRuleSchedule):
        if type(schedule).__name__ == rule.__name__:
            how = rule.model_validate(schedule.model_dump())
            found = asyncio.run(how.get_dates(None, after, until))
            return tuple(datetime.fromtimestamp(moment.timestamp(), UTC) for moment in found)
    return ()


def _ended_as(run: FlowRun) -> str | None:
    """How a run ended that left no manifest; its own text is not repeated, for it may hold anything."""
    if run.state is None:
        return None
    if run.state.is_cancelled():
        return "its run was cancelled"
    if run.state.is_crashed():
        return "its run was stopped from outside"
    return "its run failed before it read anything" if run.state.is_failed() else None


def _as_far_as(run: FlowRun) -> str | None:
    if run.state is None or run.state.is_final():
        return None
    if run.state.is_scheduled():
        return "its run has not started: no worker took it, or another run is in its way"
    return "its run is still in progress"


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
