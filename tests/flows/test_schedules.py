"""The set-up switches its own nightly schedule and no other; the doctor sees one that is on and makes no run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.variables import Variable

from flows.doctor import schedules, server
from flows.doctor.check import CheckContext, CheckResult, Level
from flows.orchestration import nightly_schedule
from flows.orchestration import set_up as set_up_service
from flows.orchestration.pools import Containers, make_pools

pytestmark = pytest.mark.flow

ADA = {"request": {"site_block": "ada"}}
GRACE = {"request": {"site_block": "grace", "days": 14}}
OTHERS = [
    DeploymentScheduleCreate(schedule=CronSchedule(cron="0 2 * * *"), active=True, slug="ada", parameters=ADA),
    DeploymentScheduleCreate(schedule=CronSchedule(cron="0 3 * * *"), active=False, slug="grace", parameters=GRACE),
    # As one made on the page: without a slug.
    DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(days=1)), active=False, parameters=ADA),
]


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(prefect_server) as client:
        make_pools(client, Containers("image:1", "net", "runs"))
        yield client
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)


@pytest.fixture
def set_up(client: SyncPrefectClient, prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The set-up as its container runs it, for a setting of AUTOTUNE_NIGHTLY."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    monkeypatch.setenv("AUTOTUNE_TIMEZONE", "Europe/Paris")
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_SITE", "https://env.example")

    def run(switch: str) -> None:
        monkeypatch.setenv("AUTOTUNE_NIGHTLY", switch)
        assert set_up_service.main() == 0

    return run


def deployment(client: SyncPrefectClient) -> UUID:
    return client.read_deployment_by_name(nightly_schedule.DEPLOYMENT).id


def known(client: SyncPrefectClient) -> list[DeploymentSchedule]:
    return client.read_deployment_schedules(deployment(client))


def ours(client: SyncPrefectClient) -> DeploymentSchedule:
    (found,) = (s for s in known(client) if s.slug == nightly_schedule.SLUG)
    return found


def others(client: SyncPrefectClient) -> list[dict[str, Any]]:
    """All of the schedules that are not the set-up's, but when they were touched."""
    mine = [s.model_dump(mode="json", exclude={"updated"}) for s in known(client) if s.slug != nightly_schedule.SLUG]
    return sorted(mine, key=lambda s: str(s["id"]))


def made(client: SyncPrefectClient) -> UUID:
    """The deployment as it is before the set-up knows its schedules."""
    flow = client.create_flow_from_name("autotune-analysis")
    return client.create_deployment(flow, "nightly-autotune", work_pool_name="autotune", tags=["autotune"])


def test_the_set_up_switches_its_own_schedule_and_nobody_else_s(client: SyncPrefectClient, set_up: Any) -> None:
    client.create_deployment_schedules(made(client), OTHERS)
    assert nightly_schedule.set_nightly(client, "UTC", None) is False
    # Somebody's own night on the schedule that is the set-up's.
    nightly_schedule.update_whole(client, ours(client).model_copy(update={"parameters": GRACE}))
    before = others(client)
    assert len(before) == 3
    client.pause_deployment(deployment(client))
    set_up("true")
    assert others(client) == before
    assert ours(client).active is True
    assert ours(client).parameters == GRACE
    assert ours(client).schedule == CronSchedule(cron="30 4 * * *", timezone="Europe/Paris")
    assert client.read_deployment(deployment(client)).paused is True
    # Changed on the page, and set up again as by an upgrade: it stays.
    theirs = CronSchedule(cron="15 6 * * 1-5", timezone="Asia/Tokyo")
    nightly_schedule.update_whole(client, ours(client).model_copy(update={"schedule": theirs, "active": False}))
    set_up("true")
    assert (ours(client).schedule, ours(client).active, ours(client).parameters) == (theirs, False, GRACE)
    assert others(client) == before


@pytest.mark.parametrize(
    ("now", "switch", "after"), [(a, s, a if s is None else s) for a in (False, True) for s in (None, False, True)]
)
def test_left_out_the_switch_stays_as_it_is(
    client: SyncPrefectClient, now: bool, switch: bool | None, after: bool
) -> None:
    client.create_deployment_schedules(made(client), OTHERS)
    assert nightly_schedule.set_nightly(client, "Europe/Paris", now) is now
    before = others(client)
    assert nightly_schedule.set_nightly(client, "Asia/Tokyo", switch) is after
    assert ours(client).active is after
    assert ours(client).schedule == CronSchedule(cron="30 4 * * *", timezone="Asia/Tokyo")
    assert others(client) == before


def test_another_hour_of_the_settings_moves_a_schedule_that_nobody_moved(client: SyncPrefectClient) -> None:
    made(client)
    Variable.unset(nightly_schedule.TOLD)
    for at, cron in (("04:30", "30 4 * * *"), ("5:05", "5 5 * * *"), ("05:05", "5 5 * * *")):
        nightly_schedule.set_nightly(client, "Europe/Paris", True, at)
        assert ours(client).schedule == CronSchedule(cron=cron, timezone="Europe/Paris")
    theirs = CronSchedule(cron="15 6 * * *", timezone="Europe/Paris")
    nightly_schedule.update_whole(client, ours(client).model_copy(update={"schedule": theirs}))
    nightly_schedule.set_nightly(client, "Europe/Paris", True, "07:00")
    assert ours(client).schedule == theirs


@pytest.mark.parametrize("known", [False, True])
def test_a_schedule_of_an_earlier_version_keeps_its_hour_switch_and_parameters(
    client: SyncPrefectClient, known: bool
) -> None:
    earlier = CronSchedule(cron="0 2 * * *", timezone="Europe/Paris")
    new = DeploymentScheduleCreate(schedule=earlier, active=False, slug=nightly_schedule.SLUG, parameters=GRACE)
    client.create_deployment_schedules(made(client), [new])
    told = {"timezone": "UTC", "switch": None}
    Variable.set(nightly_schedule.TOLD, told, overwrite=True) if known else Variable.unset(nightly_schedule.TOLD)
    # What was set before nobody knows: then the page counts. Known, what was changed since is meant.
    assert nightly_schedule.set_nightly(client, "Europe/Rome", True) is known
    assert (ours(client).schedule, ours(client).active, ours(client).parameters) == (earlier, known, GRACE)


@pytest.mark.parametrize(
    ("active", "later", "level"),
    [
        (False, timedelta(hours=1), Level.OK),
        (True, schedules.SCHEDULER_LOOKS - timedelta(seconds=10), Level.WARN),
        (True, schedules.SCHEDULER_LOOKS + timedelta(seconds=10), Level.FAIL),
    ],
)
def test_a_schedule_that_is_on_and_makes_no_run_is_found(
    client: SyncPrefectClient, prefect_server: str, tmp_path: Path, active: bool, later: timedelta, level: Level
) -> None:
    """The tests' own server has no scheduler: just the fault that is looked for."""
    made(client)
    nightly_schedule.set_nightly(client, "Europe/Paris", active)
    found = schedules.schedules(CheckContext(tmp_path, datetime.now(UTC) + later, prefect_api=prefect_server))
    assert found.level is level, found
    assert (schedules.schedules(CheckContext(tmp_path, datetime.now(UTC))).level) is Level.SKIPPED
    if active:
        assert "nightly of nightly-autotune" in found.sentence


def looked_at(server: str, directory: Path) -> CheckResult:
    """An hour from now: the scheduler has had its time."""
    return schedules.schedules(CheckContext(directory, datetime.now(UTC) + timedelta(hours=1), prefect_api=server))


@pytest.mark.parametrize(
    ("schedule", "level"),
    [
        (CronSchedule(cron="0 2 * * 1"), Level.FAIL),
        (CronSchedule(cron="0 2 1 * *"), Level.WARN),
        (CronSchedule(cron="0 2 * 6 *"), Level.WARN),
        (IntervalSchedule(interval=timedelta(days=98)), Level.FAIL),
        (IntervalSchedule(interval=timedelta(days=99)), Level.WARN),
        (IntervalSchedule(interval=timedelta(days=1), anchor_date=datetime.now(UTC) + timedelta(days=200)), Level.WARN),
        (RRuleSchedule(rrule="FREQ=DAILY;UNTIL=20240730T040000Z"), Level.WARN),
    ],
)
def test_one_that_may_have_no_run_for_now_is_no_fault_of_the_server(
    client: SyncPrefectClient, prefect_server: str, tmp_path: Path, schedule: Any, level: Level
) -> None:
    new = DeploymentScheduleCreate(schedule=schedule, active=True, slug="it")
    client.create_deployment_schedules(made(client), [new])
    assert looked_at(prefect_server, tmp_path).level is level


@pytest.mark.parametrize(("later", "level"), [(timedelta(seconds=-30), Level.OK), (timedelta(seconds=30), Level.FAIL)])
def test_a_run_that_was_due_and_has_not_started_is_found(
    client: SyncPrefectClient, prefect_server: str, tmp_path: Path, later: timedelta, level: Level
) -> None:
    made(client)
    nightly_schedule.set_nightly(client, "UTC", True)
    now = datetime.now(UTC)
    # What the scheduler does, which the tests' own server has none of: last night's run and those to come.
    since = {"start_time": (now - timedelta(days=1)).isoformat(), "end_time": (now + timedelta(days=3)).isoformat()}
    client._client.post(f"/deployments/{deployment(client)}/schedule", json=since).raise_for_status()
    due = min(run.expected_start_time for run in client.read_flow_runs() if run.auto_scheduled)
    found = schedules.schedules(CheckContext(tmp_path, due + schedules.LATE + later, prefect_api=prefect_server))
    assert found.level is level, found
    assert ("has not started" in found.sentence) is (level is Level.FAIL)
    assert f"{due + timedelta(days=level is Level.OK):%Y-%m-%d} 04:30 UTC" in found.sentence


def test_a_paused_deployment_is_found(client: SyncPrefectClient, prefect_server: str, tmp_path: Path) -> None:
    made(client)
    nightly_schedule.set_nightly(client, "Europe/Paris", True)
    client.pause_deployment(deployment(client))
    found = looked_at(prefect_server, tmp_path)
    assert (found.level, "is paused" in found.sentence) == (Level.FAIL, True)


def test_a_paused_queue_is_found(client: SyncPrefectClient, prefect_server: str, tmp_path: Path) -> None:
    flow = client.create_flow_from_name("autotune-analysis")
    for name, queue in (("on-demand", "autotune-manual"), ("nightly-autotune", "autotune-scheduled")):
        client.create_deployment(flow, name, work_pool_name="autotune", work_queue_name=queue)
    (queue,) = (q for q in client.read_work_queues(work_pool_name="autotune") if q.name == "autotune-scheduled")
    look = CheckContext(tmp_path, datetime.now(UTC), prefect_api=prefect_server)
    assert "autotune-scheduled" not in server.worker(look).sentence
    client.update_work_queue(queue.id, is_paused=True)
    found = server.worker(look)
    client.update_work_queue(queue.id, is_paused=False)
    assert found.level is Level.FAIL
    assert found.sentence == "The work queue autotune-scheduled of autotune is paused: its runs do not start."


def test_whose_data_it_is_is_said_in_the_requests(
    client: SyncPrefectClient, set_up: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_AGE_GROUP", "teenager")
    set_up("")
    request = client.read_deployment(deployment(client)).parameters["request"]
    assert request == {"site": "https://env.example", "days": 14, "age_group": "teenager"}
