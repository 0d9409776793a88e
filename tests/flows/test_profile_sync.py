"""Writing back through Prefect: what the run's page and storage say, and what they never hold."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.writeback.active_on_site import store_of
from flows.writeback.approval import RollbackRequest, SyncRequest
from tests.conftest import ROOT
from tests.flows.test_autotune_analysis import everything_stored, flow_runs
from tests.integration.standin import API_SECRET, READER, StandIn, standing_in
from tests.integration.test_baseline import somebody
from tests.proposals import profile_document
from tests.writing import Person, active_name, person

pytestmark = pytest.mark.flow
ISF, BASAL = 47.6125, 0.8625  # values that stand nowhere else, so that finding one is a leak


@pytest.fixture
def site() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture
def someone(site: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    document = profile_document()
    document["store"]["Day"]["sens"] = [{"time": "00:00", "value": ISF}]
    document["store"]["Day"]["basal"] = [{"time": "00:00", "value": BASAL}]
    source = site.database.add_profile(document)
    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path))
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(tmp_path / "applied"))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET", API_SECRET)
    return person(tmp_path, site.url, source, Credentials(api_secret=API_SECRET))


def sync(request: SyncRequest) -> Any:
    from flows.profile_sync import profile_sync

    return profile_sync(request)


def roll_back(request: RollbackRequest) -> Any:
    from flows.profile_sync import profile_rollback

    return profile_rollback(request)


def states(api: str, flow: str) -> list[str]:
    flows = {f["id"]: f["name"] for f in requests.post(f"{api}/flows/filter", json={}, timeout=30).json()}
    return [r["state_type"] for r in flow_runs(api) if flows[r["flow_id"]] == flow]


def test_what_was_approved_is_written_and_rolled_back(prefect_server: str, someone: Person) -> None:
    done = sync(someone.request(activate=True))
    assert (done.outcome, done.active) == ("applied", True)
    assert active_name(someone.reading()) == done.name
    assert someone.journal.changes()[-1].facts["who"].startswith("prefect flow run ")
    request = RollbackRequest(proposal_id=someone.made.proposal_id, sha256=someone.made.sha256, decision="approve")
    assert roll_back(request).outcome == "rolled-back"
    assert active_name(someone.reading()) == "Day"
    artifacts = requests.post(f"{prefect_server}/artifacts/filter", json={}, timeout=30).json()
    assert {a["data"].splitlines()[0] for a in artifacts if a["key"] == "autotune-change"} == {
        "# Applied",
        "# Rolled back",
    }


def test_who_writes_too_soon_by_name_is_told_on_the_page(prefect_server: str, site: StandIn, someone: Person) -> None:
    assert sync(someone.request(name="Day", overwrite=True, activate=True)).notes == ()
    again = somebody(site, someone.run.path.parent, "run-2")
    (note,) = sync(again.request(only=["cr"], name="Ratio")).notes
    assert "a step would wait until then" in note
    artifacts = requests.post(f"{prefect_server}/artifacts/filter", json={}, timeout=30).json()
    shown = [a["data"] for a in artifacts if a["key"] == "autotune-change" and "Note: " in a["data"]]
    assert [text.count("a step would wait until then") for text in shown] == [1]


def test_no_decision_decides_nothing(someone: Person) -> None:
    with pytest.raises(ValidationError, match="decision"):
        SyncRequest(proposal_id=someone.made.proposal_id, sha256=someone.made.sha256)


def test_a_rejected_and_an_expired_proposal_end_without_a_write(
    prefect_server: str, someone: Person, site: StandIn
) -> None:
    assert sync(someone.request(decision="reject")).outcome == "rejected"
    with pytest.raises(Refused) as caught:
        sync(someone.request(max_age_h=0.001))
    assert caught.value.reason is Reason.PROPOSAL_OLD
    assert site.database.requests == []
    assert {"COMPLETED", "FAILED"} <= set(states(prefect_server, "profile-sync"))


@pytest.mark.parametrize("waited", [timedelta(minutes=11), timedelta(minutes=9)], ids=["too long", "not too long"])
def test_an_approval_that_waited_for_a_worker_runs_out(
    prefect_server: str, someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch, waited: timedelta
) -> None:
    from prefect.client.schemas.objects import FlowRun

    # As a run that was submitted then and is picked up now.
    monkeypatch.setattr(FlowRun, "created", property(lambda _: datetime.now(UTC) - waited), raising=False)
    if waited < timedelta(minutes=10):
        assert sync(someone.request()).outcome == "applied"
        return
    with pytest.raises(Refused) as caught:
        sync(someone.request())
    assert caught.value.reason is Reason.APPROVAL_EXPIRED
    assert site.database.requests == []
    # Who wants it later says so.
    assert sync(someone.request(approved_until=datetime.now(UTC) + timedelta(hours=1))).outcome == "applied"


def test_a_name_is_never_a_path(someone: Person) -> None:
    for name in ("../x", "/etc", "a/b", "", ".hidden"):
        with pytest.raises(Refused):
            SyncRequest(proposal_id=name, sha256=someone.made.sha256, decision="approve")


def read_only(monkeypatch: pytest.MonkeyPatch, site: StandIn) -> Reason:
    monkeypatch.delenv("AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET")
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN", READER)
    return Reason.WRITE_NOT_PERMITTED


def no_credentials(monkeypatch: pytest.MonkeyPatch, site: StandIn) -> Reason:
    monkeypatch.delenv("AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET")
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_TOKEN", "reader-canary-0123456789")  # what may read is not tried
    return Reason.WRITE_NO_CREDENTIALS


def edited_meanwhile(monkeypatch: pytest.MonkeyPatch, site: StandIn) -> Reason:
    def edit(database: Any) -> None:
        database.add_profile({**database.profiles[0], "_id": "f" * 24, "startDate": "2026-11-03T00:00:00.000Z", "x": 1})

    site.edits[8] = edit
    return Reason.WRITE_OVERTAKEN


def edited_before(monkeypatch: pytest.MonkeyPatch, site: StandIn) -> Reason:
    site.database.profiles[0]["store"]["Day"]["dia"] = 7
    return Reason.SITE_PROFILE_CHANGED


def no_backup(monkeypatch: pytest.MonkeyPatch, site: StandIn) -> Reason:
    monkeypatch.setenv("AUTOTUNE_APPLIED", "/dev/null/applied")
    return Reason.BACKUP_UNUSABLE


def asked_of_a_server(monkeypatch: pytest.MonkeyPatch, site: StandIn) -> Reason:
    monkeypatch.setattr("flows.orchestration.site_reach.asked_through_server", lambda: True)
    return Reason.SITE_NOT_ALLOWED  # this machine's own site, neither saved nor listed


FAILURES = [asked_of_a_server, read_only, no_credentials, edited_before, edited_meanwhile, no_backup]


def test_neither_a_secret_nor_a_number_is_found_anywhere(
    prefect_server: str, prefect_home: Path, someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.nightscout.retry.ATTEMPTS", 1)
    said = []
    for failure in FAILURES:
        with monkeypatch.context() as here:
            site.handled = 0
            kept = json.loads(json.dumps(site.database.profiles[:1]))
            reason = failure(here, site)
            with pytest.raises(Refused) as caught:
                sync(someone.request())
            said.append(f"{caught.value} {caught.value!r} {caught.value.sentence}")
            assert caught.value.reason is reason
            site.database.profiles[:] = kept
            site.edits.clear()
    assert sync(someone.request(activate=True)).outcome == "applied"
    stored = everything_stored(prefect_server, prefect_home) + " ".join(said).encode()
    assert someone.made.sha256.encode() in stored  # the search sees what is there
    new = someone.reading().newest["store"]
    name = next(n for n in new if n.startswith("Autotune"))
    numbers = {ISF, BASAL, new[name]["sens"][0]["value"] * 18, someone.made.recommended.daily_basal_u}
    secrets = [API_SECRET, hashlib.sha1(API_SECRET.encode()).hexdigest(), READER, "reader-canary"]  # noqa: S324
    for canary in [*secrets, *(f"{n:g}" for n in numbers if len(f"{n:g}") > 4)]:
        assert not re.search(rb"(?<![\d.])" + re.escape(canary.encode()) + rb"(?!\d)", stored), canary


def test_no_argument_of_any_process_holds_a_secret_or_a_number(someone: Person, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "flows.cli.main",
        "apply",
        str(someone.run.path),
        "--yes",
        "--activate",
        "--sha256",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    seen = set()
    with subprocess.Popen(
        [*command, someone.made.sha256], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None:
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(file.read_bytes())
                except OSError:
                    continue
            time.sleep(0.05)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert "Written and read back" in out
    arguments = b"\n".join(seen)
    assert b"flows.cli.main" in arguments  # the search sees what is there
    for canary in (API_SECRET, hashlib.sha1(API_SECRET.encode()).hexdigest(), str(ISF), str(BASAL)):  # noqa: S324
        assert canary.encode() not in arguments
    assert API_SECRET not in out + err
    assert set(store_of(someone.reading().newest)) == {"Day", "Night shift", f"Autotune {local_day()}"}


def local_day() -> str:
    from zoneinfo import ZoneInfo

    made = datetime.now(UTC) - timedelta(minutes=1)
    return f"{made.astimezone(ZoneInfo('Europe/Paris')):%Y-%m-%d}"
