"""Notices reach a real receiver when a run ends, and say nothing of a person; a step's metrics are events."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from flows.errors import Refused
from flows.settings import AnalysisRequest
from tests.demo import READ_TOKEN, demo_site
from tests.flows.test_autotune_analysis import flow_runs, run_flow

pytestmark = [pytest.mark.flow, pytest.mark.oref0]

QUICK = {"days": 1, "resamples": 0, "compare": False}
PATIENCE_S = 60


@contextmanager
def receiver() -> Iterator[tuple[str, queue.Queue[Any]]]:
    """An address that takes what is posted to it."""
    got: queue.Queue[Any] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/canary-webhook-path", got
    finally:
        server.shutdown()
        server.server_close()


def _tell_of_a_step_to_take_back() -> None:
    from prefect import flow

    from flows.orchestration.events import take_back

    flow(name="tells-of-a-step", log_prints=False)(take_back)()


def test_a_proposal_and_a_refusal_are_told(prefect_server: str, tmp_path: Path) -> None:
    from prefect import get_client

    from flows.orchestration.notices import make_notices

    with receiver() as (address, got), demo_site(tmp_path) as site, get_client(sync_client=True) as client:
        assert make_notices(client, address) == 4
        names = [automation.name for automation in client.read_automations() if "notice" in automation.name]
        assert len(names) == 4
        assert make_notices(client, None) == 4  # anew, not twice
        assert len([a for a in client.read_automations() if "notice" in a.name]) == 4

        from flows.orchestration.blocks import NightscoutSite

        NightscoutSite(url=site, read_token=READ_TOKEN).save("told", overwrite=True)
        run_flow(AnalysisRequest(site_block="told", **QUICK), tmp_path / "good")
        good = got.get(timeout=PATIENCE_S)
        with pytest.raises(Refused):
            run_flow(AnalysisRequest(site_block="nobody", **QUICK), tmp_path / "refused")
        refused = got.get(timeout=PATIENCE_S)
        _tell_of_a_step_to_take_back()
        taken_back = got.get(timeout=PATIENCE_S)
    assert good["title"] == "Autotune: a proposal is ready"
    assert refused["title"] == "Autotune: no recommendation"
    assert taken_back["title"] == "Autotune: take the last step back, to be safe"
    proposal = json.loads((tmp_path / "good" / "proposal.json").read_text())
    for said in (good, refused, taken_back):
        assert set(said) == {"title", "message", "text", "content"}
        assert any(f"\nRun {run['name']}" in said["text"] for run in flow_runs(prefect_server))
        for private in (site, READ_TOKEN, proposal["sha256"], str(proposal["recommended"]["isf_mgdl_per_u"])):
            assert private not in json.dumps(said)
    # The receiver's address is a secret of the block.
    assert (
        "canary-webhook-path" not in requests.post(f"{prefect_server}/block_documents/filter", json={}, timeout=30).text
    )

    seen = events_told(prefect_server, until="autotune.refused")
    steps = {event["payload"]["step"]: event["payload"] for event in seen if event["event"] == "autotune.step-ended"}
    assert steps["load-nightscout-data"]["entries"] > 200
    assert steps["run-autotune-analysis"]["seconds"] > 0
    reasons = [event["payload"].get("reason") for event in seen if event["event"] == "autotune.refused"]
    assert "site_block" in reasons


def events_told(api: str, until: str) -> list[dict[str, Any]]:
    """The events of runs, newest first; the server keeps them in batches, a few seconds late."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        asked = {"filter": {"event": {"prefix": ["autotune."]}}, "limit": 50}
        seen = list(requests.post(f"{api}/events/filter", json=asked, timeout=30).json()["events"])
        if any(event["event"] == until for event in seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.5)


def test_nights_in_a_row_are_counted_without_a_good_one_between(prefect_server: str) -> None:
    from flows.orchestration.notices import notices

    for nights in (1, 2, 3, 7):
        trigger = notices(nights)[-1].trigger
        assert trigger.threshold == nights
        # From the first to the last of them; with a good night between they would take a day longer.
        assert timedelta(days=nights - 1) < trigger.within < timedelta(days=nights)
    assert "3 nights" in notices(3)[-1].text


def test_without_a_block_to_send_them_there_are_no_notices(prefect_server: str) -> None:
    from prefect import get_client
    from prefect.blocks.webhook import Webhook

    from flows.orchestration.notices import BLOCK, make_notices

    with get_client(sync_client=True) as client:
        Webhook(url="http://127.0.0.1:9").save(BLOCK, overwrite=True)
        assert make_notices(client, None) == 4
        Webhook.delete(BLOCK)
        assert make_notices(client, None) == 0
        assert not [a for a in client.read_automations() if "notice" in a.name]
