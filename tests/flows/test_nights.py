"""A night for each person: its own runs, changed alone, and what was changed on Prefect's page stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, State, StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.states import Pending

from flows.cli.exit_code import ExitCode
from flows.cli.main import main
from flows.errors import Refused
from flows.orchestration import events
from flows.orchestration import nights as orchestration_nights
from flows.orchestration.blocks import NightscoutSite
from flows.orchestration.nightly_schedule import DEPLOYMENT, SLUG
from flows.orchestration.pools import Containers, make_pools
from tests.demo import READ_TOKEN, demo_site
from tests.integration.standin import READER, standing_in
from tests.people import ZONE, entries, profile_document, treatments

pytestmark = pytest.mark.flow

QUICK = {"resamples": 0, "compare": False}
OWN = {"site": "https://env.example", "days": 14}
PAGE = DeploymentScheduleCreate(
    schedule=CronSchedule(cron="10 3 * * *"), active=True, parameters={"request": {"site_block": "carol", "days": 9}}
)


@pytest.fixture
def client(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyncPrefectClient]:
    """Of a server with the nightly deployment, whose schedules are of the set-up and of a person on the page."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with SyncPrefectClient(prefect_server) as client:
        make_pools(client, Containers("image:1", "net", "runs"))
        flow = client.create_flow_from_name("autotune-analysis")
        deployment = client.create_deployment(
            flow, "nightly-autotune", work_pool_name="autotune", parameters={"request": OWN}
        )
        nightly = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 2 * * *"), active=False, slug=SLUG)
        client.create_deployment_schedules(deployment, [nightly, PAGE])
        yield client
        for known in client.read_deployments():
            client.delete_deployment(known.id)


@pytest.fixture
def blocks(prefect_server: str) -> None:
    for name, zone in (("ada", "Europe/Warsaw"), ("grace", "America/Sao_Paulo")):
        NightscoutSite(url=f"https://{name}.example", timezone=zone, read_token=READ_TOKEN).save(name, overwrite=True)


def nights(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    """The nights that a command prints, by name."""
    capsys.readouterr()
    assert main(["nights", *arguments, "--json"]) == ExitCode.OK
    return {night["name"]: night for night in json.loads(capsys.readouterr().out)["nights"]}


def schedules(client: SyncPrefectClient) -> dict[str, dict[str, Any]]:
    """Every schedule by its slug, without when it was touched."""
    known = client.read_deployment_schedules(client.read_deployment_by_name(DEPLOYMENT).id)
    return {str(s.slug): s.model_dump(mode="json", exclude={"updated"}) for s in known}


def one(client: SyncPrefectClient, slug: str) -> DeploymentSchedule:
    known = client.read_deployment_schedules(client.read_deployment_by_name(DEPLOYMENT).id)
    return next(s for s in known if s.slug == slug)


def made_runs(client: SyncPrefectClient, slug: str) -> list[FlowRun]:
    """The runs of a schedule, the next one first; the tests' server has no scheduler, but makes them if asked."""
    now = datetime.now(UTC)
    deployment = client.read_deployment_by_name(DEPLOYMENT).id
    span = {"start_time": now.isoformat(), "end_time": (now + timedelta(days=3)).isoformat()}
    client._client.post(f"/deployments/{deployment}/schedule", json=span).raise_for_status()
    mine = [r for r in client.read_flow_runs(limit=200) if r.created_by and r.created_by.id == one(client, slug).id]
    return sorted(mine, key=lambda run: str(run.expected_start_time))


def test_each_person_has_a_schedule_that_makes_runs_of_this_person_at_the_local_hour(
    client: SyncPrefectClient, blocks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = schedules(client)
    ada = nights(capsys, "add", "ada")["ada"]
    nights(capsys, "add", "grace", "--at", "05:15", "--timezone", "Asia/Tokyo", "--days", "21", "--wait-for-data", "0")
    assert (ada["at"], ada["timezone"], ada["next_run"]) == ("04:30", "Europe/Warsaw", None)
    # Whoever made a schedule, it is as it was.
    assert {slug: s for slug, s in schedules(client).items() if slug in before} == before
    for slug, local, request in (
        ("nightly-ada", "04:30 Europe/Warsaw", {"wait_for_data_min": 180, "site_block": "ada"}),
        ("nightly-grace", "05:15 Asia/Tokyo", {"wait_for_data_min": 0, "days": 21, "site_block": "grace"}),
    ):
        run = made_runs(client, slug)[0]
        assert run.parameters["request"] == request
        zone = one(client, slug).schedule.timezone
        assert run.expected_start_time is not None
        assert f"{run.expected_start_time.astimezone(ZoneInfo(zone)):%H:%M} {zone}" == local
    listed = nights(capsys)
    assert set(listed) == {"ada", "grace", "carol", "nightly"}
    assert listed["grace"]["next_run"] == made_runs(client, "nightly-grace")[0].expected_start_time.isoformat()
    assert listed["nightly"]["next_run"] is None
    assert main(["nights"]) == ExitCode.OK
    printed = capsys.readouterr().out
    assert "Europe/Warsaw" in printed and READ_TOKEN not in printed


@pytest.mark.oref0
def test_the_run_that_a_night_made_tunes_its_own_person(
    client: SyncPrefectClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from prefect.flow_engine import run_flow

    from flows.autotune_analysis import autotune_analysis

    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path / "runs"))
    with demo_site(tmp_path) as site:
        for name in ("first", "second"):  # two blocks on one site
            NightscoutSite(url=site, read_token=READ_TOKEN, options=QUICK).save(name, overwrite=True)
            nights(capsys, "add", name, "--days", "2", "--wait-for-data", "0")
        runs = [made_runs(client, f"nightly-{name}")[0] for name in ("first", "second")]

        for run in runs:
            client.set_flow_run_state(run.id, Pending(), force=True)  # as a worker does it when it is due
        with ThreadPoolExecutor() as both:  # at once: the site's limit has one of them wait
            list(both.map(lambda run: run_flow(autotune_analysis, flow_run=run, parameters=run.parameters), runs))
    ended = [client.read_flow_run(run.id).state for run in runs]
    assert [state.name if state else None for state in ended] == ["Completed", "Completed"], ended
    manifests = [json.loads(file.read_text()) for file in (tmp_path / "runs").glob("*/manifest.json")]
    assert {m["options"]["site_block"] for m in manifests} == {"first", "second"}
    assert {m["status"] for m in manifests} == {"proposal"}


def test_a_second_time_it_is_said_that_it_is_there(
    client: SyncPrefectClient, blocks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    nights(capsys, "add", "ada", "--off")
    before = schedules(client)
    for name in ("ada", "carol"):  # carol's was made on the page, without a slug
        NightscoutSite(url=f"https://{name}.example").save(name, overwrite=True)
        assert main(["nights", "add", name, "--at", "06:00"]) == ExitCode.REFUSED
        assert f"{name} has a night already" in capsys.readouterr().err
    assert main(["nights", "add", "nobody"]) == ExitCode.REFUSED
    with pytest.raises(Refused):  # of whoever calls it: the command line takes no such number
        orchestration_nights.add(client, "grace", None, None, {"days": 0}, active=True)
    assert main(["nights", "add", "grace", "--timezone", "Mars/Olympus"]) == ExitCode.REFUSED
    assert schedules(client) == before


def test_a_change_is_of_one_night_and_of_what_was_named(
    client: SyncPrefectClient, blocks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    nights(capsys, "add", "ada", "--days", "21")
    nights(capsys, "add", "grace")
    before = schedules(client)
    changed = nights(capsys, "change", "ada", "--at", "5:05", "--start-from", "previous")["ada"]
    assert (changed["at"], changed["timezone"], changed["active"]) == ("05:05", "Europe/Warsaw", True)
    asked = {"wait_for_data_min": 180, "days": 21, "start_from": "previous", "site_block": "ada"}
    assert one(client, "nightly-ada").parameters == {"request": asked}
    for action, active in (("off", False), ("on", True)):
        assert nights(capsys, action, "ada")["ada"]["active"] is active
        assert one(client, "nightly-ada").parameters == {"request": asked}
    assert nights(capsys, "change", SLUG, "--days", "7")[SLUG]["request"] == {**OWN, "days": 7}
    after = schedules(client)
    untouched = {"nightly-grace", "None"}
    assert {slug: after[slug] for slug in untouched} == {slug: before[slug] for slug in untouched}
    assert main(["nights", "off", "nobody"]) == ExitCode.REFUSED


def test_a_new_name_keeps_the_schedule_and_its_runs_and_the_old_block(
    client: SyncPrefectClient, blocks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    nights(capsys, "add", "ada", "--days", "21")
    schedule, run = one(client, "nightly-ada"), made_runs(client, "nightly-ada")[0]
    assert main(["nights", "rename", "ada", "grace"]) == ExitCode.REFUSED  # another site's
    renamed = nights(capsys, "rename", "ada", "augusta")["augusta"]
    assert renamed["block"] == "augusta"
    now = one(client, "nightly-augusta")
    assert (now.id, now.schedule, now.active) == (schedule.id, schedule.schedule, True)
    assert now.parameters["request"] == {**schedule.parameters["request"], "site_block": "augusta"}
    for name in ("ada", "augusta"):
        assert NightscoutSite.load(name).read_token.get_secret_value() == READ_TOKEN
    assert made_runs(client, "nightly-augusta")[0].created_by.id == run.created_by.id


def test_removed_a_night_leaves_the_block_and_the_runs(
    client: SyncPrefectClient, blocks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    nights(capsys, "add", "ada")
    nights(capsys, "add", "grace")
    deployment = client.read_deployment_by_name(DEPLOYMENT).id
    ended = client.create_flow_run_from_deployment(deployment, parameters={"request": {"site_block": "ada"}})
    before = schedules(client)
    capsys.readouterr()
    assert main(["nights", "remove", "ada"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "its block ada" in said and "1 postponed run" in said
    before.pop("nightly-ada")
    assert schedules(client) == before
    assert client.read_flow_run(ended.id)
    assert NightscoutSite.load("ada").url == "https://ada.example"


@pytest.mark.oref0
def test_late_readings_are_waited_for_by_later_runs_that_hold_no_worker(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from prefect.flow_engine import run_flow

    from flows.autotune_analysis import autotune_analysis

    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path / "runs"))
    told: list[str] = []
    monkeypatch.setattr(events, "_emit", lambda event, *_: told.append(event))
    yesterday = (datetime.now(ZoneInfo(ZONE)) - timedelta(hours=28)).date()
    first = yesterday - timedelta(days=1)

    def looked(run: FlowRun) -> State[Any]:
        client.set_flow_run_state(run.id, Pending(), force=True)  # as a worker does it when it is due
        return run_flow(autotune_analysis, flow_run=run, parameters=run.parameters, return_type="state")

    def successors() -> list[FlowRun]:
        mine = [r for r in client.read_flow_runs(limit=200) if (r.idempotency_key or "").startswith("autotune-postp")]
        return sorted(mine, key=lambda run: run.name)

    with standing_in() as site:
        now = datetime.now(UTC).isoformat()
        site.database.add_treatments([t for t in treatments(first, days=2) if t["created_at"] < now])
        site.database.add_profile(profile_document())
        NightscoutSite(url=site.url, read_token=READER, options=QUICK).save("late", overwrite=True)
        nights(capsys, "add", "late", "--days", "2", "--wait-for-data", "45")
        run = made_runs(client, "nightly-late")[0]
        for again in (1, 2):  # the second time as one that is taken up again: it makes no second successor
            state = looked(run)
            assert (state.type, state.name) == (StateType.COMPLETED, "Postponed"), again
        (second,) = successors()
        assert second.parameters == run.parameters
        assert second.deployment_id == run.deployment_id
        assert second.name == f"{run.name} (postponed 1)"
        assert second.work_queue_name == run.work_queue_name
        assert in_minutes(second) == pytest.approx(30, abs=1.5)
        assert looked(second).name == "Postponed"
        third = successors()[1]
        assert third.name == f"{run.name} (postponed 2)"
        assert in_minutes(third) == pytest.approx(15, abs=1.5)
        assert not list((tmp_path / "runs").glob("*"))  # nothing of the looks remains
        assert events.PROPOSAL_READY not in told
        # The last one does not wait any more: with nothing there it is refused, as ever.
        assert looked(third).name == "Failed"
        assert len(successors()) == 2
        # One whose readings have arrived does not wait at all.
        site.database.add_entries(entries(first, days=2))
        assert looked(made_runs(client, "nightly-late")[1]).name == "Completed"
        assert len(successors()) == 2
        assert told.count(events.PROPOSAL_READY) == 1
    ended = [json.loads(file.read_text())["status"] for file in sorted((tmp_path / "runs").glob("*/manifest.json"))]
    assert ended == ["refused", "proposal"]
    stored = [r.state.message for r in client.read_flow_runs(limit=200) if r.state and r.state.name == "Postponed"]
    assert stored and not any(site.url in str(message) for message in stored)


def in_minutes(run: FlowRun) -> float:
    assert run.expected_start_time is not None
    return (run.expected_start_time - datetime.now(UTC)).total_seconds() / 60


@pytest.mark.parametrize(
    "arguments",
    [["add"], ["list", "ada"], ["rename", "ada"], ["change", "ada"], ["off", "ada", "--at", "05:00"], ["on", "--off"]],
)
def test_wrong_usage_is_said(arguments: list[str]) -> None:
    assert main(["nights", *arguments]) == ExitCode.USAGE


def test_without_a_server_it_is_said_where_the_nights_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert main(["nights"]) == ExitCode.REFUSED
    assert "autotune nights" in capsys.readouterr().err
