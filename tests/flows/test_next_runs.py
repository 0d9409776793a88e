"""A schedule without a next run is saved again after a while, as it was; the tests' server has no scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule

from flows.doctor.check import CheckContext
from flows.doctor.schedules import without_next_run
from flows.orchestration import next_runs

pytestmark = pytest.mark.flow

ADA = {"request": {"site_block": "ada"}}
SCHEDULES = [
    DeploymentScheduleCreate(schedule=CronSchedule(cron="0 2 * * *"), active=True, slug="ada", parameters=ADA),
    DeploymentScheduleCreate(schedule=CronSchedule(cron="0 3 * * *"), active=False, slug="grace", parameters=ADA),
]


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(prefect_server) as client:
        flow = client.create_flow_from_name("autotune-analysis")
        made = client.create_deployment(flow, "nightly-autotune", tags=["autotune"])
        client.create_deployment_schedules(made, SCHEDULES)
        yield client
        client.delete_deployment(made)


def known(client: SyncPrefectClient, deployment: UUID) -> list[DeploymentSchedule]:
    return sorted(client.read_deployment_schedules(deployment), key=lambda schedule: str(schedule.slug))


@pytest.mark.parametrize(("later", "saved"), [(timedelta(seconds=-10), []), (timedelta(seconds=10), ["ada"])])
def test_after_a_while_it_is_saved_again_whole(
    client: SyncPrefectClient, prefect_server: str, tmp_path: Path, later: timedelta, saved: list[str]
) -> None:
    now = datetime.now(UTC) + next_runs.LONG + later
    (deployment,) = (d.id for d in client.read_deployments())
    before = known(client, deployment)
    missing = without_next_run(CheckContext(tmp_path, now, prefect_api=prefect_server))
    assert [lost.name for lost in missing] == ["ada of nightly-autotune"]
    assert next_runs.save_again(client, missing, now) == [f"{slug} of nightly-autotune" for slug in saved]
    after = known(client, deployment)
    assert [s.model_dump(exclude={"updated"}) for s in after] == [s.model_dump(exclude={"updated"}) for s in before]
    touched = {a.slug for a, b in zip(after, before, strict=True) if a.updated != b.updated}
    assert touched == set(saved)


def test_one_that_was_deleted_meanwhile_is_passed_over(
    client: SyncPrefectClient, prefect_server: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC) + 2 * next_runs.LONG
    missing = without_next_run(CheckContext(tmp_path, now, prefect_api=prefect_server))
    (deployment,) = (d.id for d in client.read_deployments())
    for schedule in client.read_deployment_schedules(deployment):
        client.delete_deployment_schedule(deployment, schedule.id)
    assert len(missing) == 1
    assert next_runs.save_again(client, missing, now) == []
