"""The flow on Prefect's own server: same result as without, failure is Failed, and no health data in its storage."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from httpx import ConnectError
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError

from flows.errors import Reason, Refused
from flows.pipeline.run_locally import run_locally
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory
from tests.people import entries, export_directory, profile_document, pump_profile, treatments, write
from tests.proposal_documents import proposal, settings

pytestmark = [pytest.mark.flow, pytest.mark.oref0]

# Values that stand nowhere else, so that finding one is a leak.
CANARY_ISF, CANARY_CARBS, CANARY_NOTE = 47.6125, 43.2175, "canary-note-7431"


def canary_directory(path: Path) -> Path:
    profile = profile_document()
    profile["store"]["Default"]["sens"] = [{"time": "00:00", "value": CANARY_ISF}]
    meals = [{**t, "carbs": CANARY_CARBS, "notes": CANARY_NOTE} if "carbs" in t else t for t in treatments(days=2)]
    return export_directory(path, entries=entries(days=2), treatments=meals, profile=[profile])


def run_flow(request: AnalysisRequest, path: Path) -> Any:
    from flows.autotune_analysis import autotune_analysis

    return autotune_analysis(request, str(path))


def flow_runs(api: str) -> list[dict[str, Any]]:
    runs = requests.post(f"{api}/flow_runs/filter", json={}, timeout=30)
    return list(runs.json())


def away(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """A server that is just being started anew when the run asks for the run of its inner flow."""
    from flows import autotune_analysis as module
    from flows.orchestration import concurrency

    no_slot = ConcurrencySlotAcquisitionError("no slots")
    no_slot.__cause__ = ConnectError("refused")
    prepare, left = module.data_preparation, [ConnectError("refused"), no_slot] * times

    def asked(*arguments: Any) -> Any:
        if left:
            raise left.pop()
        return prepare(*arguments)

    monkeypatch.setattr(module, "data_preparation", asked)
    # Not of the module `time`: Prefect's threads sleep too.
    monkeypatch.setattr(concurrency, "time", SimpleNamespace(sleep=lambda seconds: None, monotonic=time.monotonic))


def test_the_flow_gives_what_the_plain_steps_give(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(monkeypatch, 2)
    request = AnalysisRequest(from_directory=canary_directory(tmp_path / "data"))
    before = {run["id"] for run in flow_runs(prefect_server)}  # the server is that of other tests too
    published = run_flow(request, tmp_path / "flow")
    plain = RunDirectory(tmp_path / "plain")
    run_locally(request, RunDirectory.create(plain.path, datetime.now(UTC)))
    ours = json.loads((tmp_path / "flow" / "proposal.json").read_text())
    theirs = json.loads((tmp_path / "plain" / "proposal.json").read_text())
    assert published.proposal_sha256 == ours["sha256"]
    for changing in ("sha256", "created_at", "proposal_id"):
        ours.pop(changing, None), theirs.pop(changing, None)
    assert ours == theirs
    made = {run["id"]: run["state_type"] for run in flow_runs(prefect_server) if run["id"] not in before}
    assert set(made.values()) == {"COMPLETED"}
    keys = {a["key"] for a in artifacts_of(prefect_server) if a["flow_run_id"] in made}
    assert keys == {"autotune-days", "autotune-repetitions", "autotune-proposal"}
    assert ours["verdict"]["colour"] == "red"  # two days are too few: no settings to enter on the page


def test_a_refusal_fails_the_run_and_leaves_no_proposal(prefect_server: str, tmp_path: Path) -> None:
    profile = profile_document()
    profile["store"]["Default"]["sens"] = [{"time": "00:00", "value": 1777.25}]
    directory = export_directory(tmp_path / "data", profile=[profile])
    with pytest.raises(Refused) as caught:
        run_flow(AnalysisRequest(from_directory=directory), tmp_path / "flow")
    assert caught.value.reason is Reason.PROFILE_FIELD
    assert not (tmp_path / "flow" / "proposal.json").exists()
    assert json.loads((tmp_path / "flow" / "manifest.json").read_text())["status"] == "refused"
    assert "FAILED" in {r["state_type"] for r in flow_runs(prefect_server)}


@pytest.mark.usefixtures("prefect_server")
def test_a_server_that_stays_away_is_the_reason_that_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.orchestration.concurrency.PATIENCE_S", -1)
    away(monkeypatch, 2)
    with pytest.raises(Refused) as caught:
        run_flow(AnalysisRequest(from_directory=str(tmp_path), timezone="UTC"), tmp_path / "run")
    assert caught.value.reason is Reason.PREFECT_LOST
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["status"], manifest["reason_codes"]) == ("refused", [Reason.PREFECT_LOST.code])


def test_an_existing_run_is_not_overwritten(prefect_server: str, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "proposal.json").write_text("{}")
    with pytest.raises(Refused) as caught:
        run_flow(AnalysisRequest(from_directory=tmp_path, end=date(2026, 5, 13)), tmp_path / "old")
    assert caught.value.reason is Reason.RUN_DIRECTORY_NOT_EMPTY


def test_no_health_data_and_no_secret_is_in_prefects_storage(
    prefect_server: str, prefect_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "canary-secret-0123456789"  # noqa: S105
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_API_SECRET", secret)
    request = AnalysisRequest(from_directory=canary_directory(tmp_path / "data"), page_numbers=False)
    run_flow(request, tmp_path / "flow")
    unreachable = AnalysisRequest(site="http://127.0.0.1:9", days=1)
    monkeypatch.setattr("flows.nightscout.retry.ATTEMPTS", 1)
    monkeypatch.setattr("flows.nightscout.client.WAKE_S", 0)
    with pytest.raises(Refused):
        run_flow(unreachable, tmp_path / "unreachable")
    stored = everything_stored(prefect_server, prefect_home)
    assert b"autotune-proposal" in stored  # the search sees what is there
    proposal = json.loads((tmp_path / "flow" / "proposal.json").read_text())
    for canary in (str(CANARY_ISF), str(CANARY_CARBS), CANARY_NOTE, secret):
        assert canary.encode() not in stored, canary
    tuned = {proposal["recommended"]["isf_mgdl_per_u"], *proposal["recommended"]["basal_u_per_h"]}
    assert not numbers_in(stored, {v for v in tuned if len(str(v)) > 4})


# Settings that stand nowhere else, each with and without what rounding for a pump leaves of it.
OPEN, HIDDEN = (61.0625, 8.4375), (63.1875, 8.6875)


def test_settings_are_in_the_table_only_and_nowhere_where_the_request_says_so(
    prefect_server: str, prefect_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect import flow

    from flows.tasks import publish_report

    @flow(name="publish-only", persist_result=False)
    def publish_only(request: AnalysisRequest, run_path: str) -> None:
        publish_report(request, run_path)

    monkeypatch.setenv("AUTOTUNE_REPORT_URL", "https://nas.example/{run}/report.html")
    before = {a["id"] for a in artifacts_of(prefect_server)}
    for numbers, shown in ((OPEN, True), (HIDDEN, False)):
        run = tmp_path / f"shown-{shown}"
        run_with(run, numbers)
        publish_only(AnalysisRequest(from_directory=tmp_path, page_numbers=shown), str(run))
    made = [a for a in artifacts_of(prefect_server) if a["id"] not in before]
    assert sorted(a["key"] for a in made) == [*["autotune-proposal"] * 2, *["autotune-report"] * 2, "autotune-settings"]
    pages = [a["data"] for a in made if a["key"] == "autotune-proposal"]
    assert sorted("A reason" in text for text in pages) == [False, True]  # a reason's title tells of the person too
    elsewhere = json.dumps([a for a in made if a["key"] != "autotune-settings"]).encode()
    (table,) = (a for a in made if a["key"] == "autotune-settings")
    assert table["type"] == "table"
    assert numbers_in(json.dumps(table).encode(), set(OPEN)) == set(OPEN)
    assert "https://nas.example/shown-True/report.html" in elsewhere.decode()
    assert "canary" in elsewhere.decode()  # the profile's name, harmless
    assert not numbers_in(elsewhere, {*OPEN, *HIDDEN, 61.375, 146.0})
    stored = everything_stored(prefect_server, prefect_home)
    assert numbers_in(stored, set(OPEN)) == set(OPEN)  # the search sees what is there
    assert not numbers_in(stored, {*HIDDEN, 61.375})


def run_with(run: Path, numbers: tuple[float, float]) -> None:
    """A run directory as it is before the report, around a proposal of version 2."""
    isf, carb_ratio = numbers
    document = proposal(
        recommended=settings(isf, carb_ratio, 0.85),
        name="canary <b>|`",
        in_range=61.375,
        sentence=f"61.375 % in range; ISF {isf}.",
        facts={"in_range_percent": 61.375, "isf_mgdl_per_u": isf},
    )
    RunDirectory.create(run, datetime.now(UTC))
    for name, content in {
        "proposal.json": document,
        "work/settings/pumpprofile.json": pump_profile(),
        "work/autotune/profile.json": pump_profile(),
    }.items():
        write(run / name, content)


def numbers_in(stored: bytes, numbers: set[float]) -> set[float]:
    return {v for v in numbers if re.search(rb"(?<![\d.])" + re.escape(str(v).encode()) + rb"(?!\d)", stored)}


def artifacts_of(api: str) -> list[dict[str, Any]]:
    return list(requests.post(f"{api}/artifacts/filter", json={"limit": 200}, timeout=30).json())


def everything_stored(api: str, home: Path) -> bytes:
    """All that the server answers, and every file under Prefect's home, base64 decoded where it is."""
    pieces = []
    for what in ("flow_runs", "task_runs", "flows", "artifacts", "logs", "variables", "flow_run_states"):
        answer = requests.post(f"{api}/{what}/filter", json={"limit": 200}, timeout=30)
        pieces.append(answer.content)
    for file in home.rglob("*"):
        if file.is_file():
            pieces.append(file.read_bytes())
    whole = b"\n".join(pieces)
    for text in re.findall(rb"[A-Za-z0-9+/=]{40,}", whole):
        try:
            pieces.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            continue
    return b"\n".join(pieces)
