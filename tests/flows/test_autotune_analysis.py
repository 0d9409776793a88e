"""The flow on Prefect's own server: same result as without, failure is Failed, and no health data in its storage."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from flows.errors import Reason, Refused
from flows.local_run import run_locally
from flows.run_directory import RunDirectory
from flows.settings import AnalysisRequest
from tests.people import entries, export_directory, profile_document, treatments

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


def test_the_flow_gives_what_the_plain_steps_give(prefect_server: str, tmp_path: Path) -> None:
    request = AnalysisRequest(from_directory=canary_directory(tmp_path / "data"))
    published = run_flow(request, tmp_path / "flow")
    plain = RunDirectory(tmp_path / "plain")
    run_locally(request, RunDirectory.create(plain.path, datetime.now(UTC)))
    ours = json.loads((tmp_path / "flow" / "proposal.json").read_text())
    theirs = json.loads((tmp_path / "plain" / "proposal.json").read_text())
    assert published.proposal_sha256 == ours["sha256"]
    for changing in ("sha256", "created_at"):
        ours.pop(changing), theirs.pop(changing)
    assert ours == theirs
    states = {r["name"]: r["state_type"] for r in flow_runs(prefect_server)}
    assert set(states.values()) == {"COMPLETED"}
    artifacts = requests.post(f"{prefect_server}/artifacts/filter", json={}, timeout=30).json()
    assert {a["key"] for a in artifacts} == {"autotune-days", "autotune-proposal"}


def test_a_refusal_fails_the_run_and_leaves_no_proposal(prefect_server: str, tmp_path: Path) -> None:
    profile = profile_document()
    profile["store"]["Default"]["sens"] = [{"time": "00:00", "value": 777.25}]
    directory = export_directory(tmp_path / "data", profile=[profile])
    with pytest.raises(Refused) as caught:
        run_flow(AnalysisRequest(from_directory=directory), tmp_path / "flow")
    assert caught.value.reason is Reason.PROFILE_FIELD
    assert not (tmp_path / "flow" / "proposal.json").exists()
    assert json.loads((tmp_path / "flow" / "manifest.json").read_text())["status"] == "refused"
    assert "FAILED" in {r["state_type"] for r in flow_runs(prefect_server)}


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
    request = AnalysisRequest(from_directory=canary_directory(tmp_path / "data"))
    run_flow(request, tmp_path / "flow")
    unreachable = AnalysisRequest(site="http://127.0.0.1:9", days=1)
    monkeypatch.setattr("flows.nightscout.client.ATTEMPTS", 1)
    with pytest.raises(Refused):
        run_flow(unreachable, tmp_path / "unreachable")
    stored = everything_stored(prefect_server, prefect_home)
    assert b"autotune-proposal" in stored  # the search sees what is there
    proposal = json.loads((tmp_path / "flow" / "proposal.json").read_text())
    for canary in (str(CANARY_ISF), str(CANARY_CARBS), CANARY_NOTE, secret):
        assert canary.encode() not in stored, canary
    tuned = {str(v) for v in [proposal["recommended"]["isf_mgdl_per_u"], *proposal["recommended"]["basal_u_per_h"]]}
    assert not [
        v for v in tuned if len(v) > 4 and re.search(rb"(?<![\d.])" + re.escape(v.encode()) + rb"(?!\d)", stored)
    ]


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
