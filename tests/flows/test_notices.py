"""Notices of real runs reach real receivers, also those of blocks, and say nothing of a person; events are told too."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule

from flows.doctor.check import CheckContext
from flows.doctor.notices import notices as doctor_of_notices
from flows.errors import Refused
from flows.settings import AnalysisRequest
from flows.watch.addresses import NoticesTest
from tests.demo import READ_TOKEN, demo_site
from tests.flows.test_autotune_analysis import run_flow
from tests.unit.watch.receiver import CANARY, receiver

pytestmark = [pytest.mark.flow, pytest.mark.oref0]

QUICK = {"days": 1, "resamples": 0, "compare": False}
PATIENCE_S = 60


def test_a_proposal_a_refusal_and_missed_nights_are_told(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock
    from prefect.blocks.webhook import Webhook

    from flows.orchestration.blocks import NightscoutSite
    from flows.orchestration.notices import BLOCK, EARLIER_AUTOMATIONS, make_notices
    from flows.orchestration.watch import service
    from flows.watch.watcher import Watcher

    runs = tmp_path / "runs"
    runs.mkdir()
    said: list[str] = []
    with receiver() as received, demo_site(tmp_path) as site, SyncPrefectClient(prefect_server) as client:
        watcher = Watcher(runs, said.append, tmp_path / "kept")
        an_automation_of_an_earlier_version(client, EARLIER_AUTOMATIONS[0])
        make_notices(client, received.webhook)
        assert not client.read_automations_by_name(EARLIER_AUTOMATIONS[0])
        custom = CustomWebhookNotificationBlock(
            name="custom", url=f"http://{received.host}/{CANARY}-custom", json_data={"title": "{{subject}}"}
        )
        custom.save(BLOCK, overwrite=True)
        found = doctor_of_notices(CheckContext(runs, datetime.now(UTC), prefect_api=prefect_server))
        assert found.sentence.startswith("webhook, custom-webhook;")
        monkeypatch.setenv("AUTOTUNE_WEBHOOK", received.webhook)  # the same as the block's: told once
        deployment = nights_of(client, "told", "nobody")
        NightscoutSite(url=site, read_token=READ_TOKEN).save("told", overwrite=True)
        try:
            assert watcher.look(service(), datetime.now(UTC))
            run_flow(AnalysisRequest(site_block="told", **QUICK), runs / "good")
            with pytest.raises(Refused):
                run_flow(AnalysisRequest(site_block="nobody", **QUICK), runs / "refused")
            for _ in range(2):
                watcher.look(service(), datetime.now(UTC))
            # Two days later, without a run in between.
            watcher.look(service(), datetime.now(UTC) + timedelta(days=2))
        finally:
            client.delete_deployment(deployment)
            Webhook.delete(BLOCK)
            client.delete_block_document(custom._block_document_id)
        first, second = "a proposal is ready for told", "no recommendation for nobody"
        for of in (received.webhook, f"{CANARY}-custom"):
            titles = received.titles(f"/{of}")
            assert set(titles[:2]) == {first, second}
            assert {title.partition(" since")[0] for title in titles[2:]} == {
                "no result for told",
                "no result for nobody yet",
            }
            assert len(titles) == 4
        everything = json.dumps(received.got)
    proposal = json.loads((runs / "good" / "proposal.json").read_text())
    for private in (site, READ_TOKEN, proposal["sha256"], str(proposal["recommended"]["isf_mgdl_per_u"])):
        assert private not in everything
    assert "the saved site cannot be used" in everything
    # A receiver's address is a secret of the block.
    assert CANARY not in "\n".join(said)
    assert CANARY not in requests.post(f"{prefect_server}/block_documents/filter", json={}, timeout=30).text

    seen = events_told(prefect_server, until="autotune.refused")
    steps = {event["payload"]["step"]: event["payload"] for event in seen if event["event"] == "autotune.step-ended"}
    assert steps["load-nightscout-data"]["entries"] > 200
    assert steps["run-autotune-analysis"]["seconds"] > 0
    reasons = [event["payload"].get("reason") for event in seen if event["event"] == "autotune.refused"]
    assert "site_block" in reasons


def nights_of(client: SyncPrefectClient, *blocks: str) -> Any:
    """The nightly deployment, with a schedule for each block, and one that is off."""
    flow = client.create_flow_from_name("autotune-analysis")
    deployment = client.create_deployment(flow, "nightly-autotune")
    # Not due while the test lasts.
    daily = CronSchedule(cron=f"0 {(datetime.now(UTC) + timedelta(hours=12)).hour} * * *", timezone="UTC")
    on = [
        DeploymentScheduleCreate(schedule=daily, active=True, parameters={"request": {"site_block": block}})
        for block in blocks
    ]
    off = DeploymentScheduleCreate(schedule=daily, active=False, parameters={"request": {"site_block": "off"}})
    client.create_deployment_schedules(deployment, [*on, off])
    return deployment


def an_automation_of_an_earlier_version(client: SyncPrefectClient, name: str) -> None:
    from prefect.events.actions import DoNothing
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    trigger = EventTrigger(posture=Posture.Reactive, expect={"autotune.proposal-ready"}, threshold=1)
    client.create_automation(AutomationCore(name=name, trigger=trigger, actions=[DoNothing()]))


def events_told(api: str, until: str) -> list[dict[str, Any]]:
    """The events of runs, newest first; the server keeps them in batches, a few seconds late."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        asked = {"filter": {"event": {"prefix": ["autotune."]}}, "limit": 50}
        seen = list(requests.post(f"{api}/events/filter", json=asked, timeout=30).json()["events"])
        if any(event["event"] == until for event in seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.5)


def test_a_test_message_is_sent_where_the_addresses_are(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.notices_test import notices_test

    with receiver() as good, receiver() as bad:
        bad.status = 500
        monkeypatch.setenv("AUTOTUNE_WEBHOOK", good.webhook)
        taken = notices_test(return_state=True)
        (tmp_path / "addresses").write_text(f"{bad.json}\nno address\n")
        monkeypatch.setenv("AUTOTUNE_NOTICES_FILE", str(tmp_path / "addresses"))
        not_taken = notices_test(return_state=True)
        assert good.titles(good.webhook) == ["a test", "a test"]
        assert bad.titles(bad.json) == ["a test"]
    assert (taken.name, NoticesTest.of(str(taken.message))) == ("Completed", NoticesTest((("webhook", None),)))
    assert not_taken.name == "NotSent"
    found = NoticesTest.of(str(not_taken.message))
    assert found is not None
    assert [(kind, why is None) for kind, why in found.answers] == [("webhook", True), ("JSON", False)]
    assert found.not_understood == (2,)
    for path in ("flow_runs", "logs"):
        assert CANARY not in requests.post(f"{prefect_server}/{path}/filter", json={}, timeout=30).text
