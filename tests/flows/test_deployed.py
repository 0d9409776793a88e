"""What prefect.yaml deploys runs from a checkout, in any directory; tests/e2e runs it installed from a wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State

from tests.conftest import ROOT
from tests.demo import READ_TOKEN, demo_site

pytestmark = [pytest.mark.flow, pytest.mark.oref0]


def test_a_deployment_runs_from_anywhere_and_asks_no_site_of_a_private_network_but_a_listed_one(
    prefect_server: str, tmp_path: Path
) -> None:
    """And a schedule with parameters of its own is for the person of the settings, where it names their site."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTOTUNE_")}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "PREFECT_API_URL": prefect_server,
        "AUTOTUNE_RUNS": str(tmp_path / "runs"),
        "AUTOTUNE_NIGHTSCOUT_TOKEN": READ_TOKEN,
    }

    def python(*arguments: str, **more: str) -> int:
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(
            command, check=False, cwd=tmp_path, env=environment | more, stdin=subprocess.DEVNULL, timeout=120
        )
        return done.returncode

    assert python("flows.orchestration.set_up") == 0
    with SyncPrefectClient(prefect_server) as client, ExitStack() as sites:
        site = sites.enter_context(demo_site(tmp_path))
        # Of this machine too, but by an address that is not known to be: plain http has to be allowed.
        plain = sites.enter_context(demo_site(tmp_path, "127.0.0.2"))
        told = {
            "AUTOTUNE_NIGHTSCOUT_SITE": plain,
            "AUTOTUNE_AGE_GROUP": "teenager",
            "AUTOTUNE_INSULIN": "ultra-rapid",
        }
        deployment = client.read_deployment_by_name("autotune-analysis/on-demand")

        def ended(site: str, **more: str) -> State | None:
            request = {"site": site, "days": 2, "resamples": 0}
            run = client.create_flow_run_from_deployment(deployment.id, parameters={"request": request}).id
            python("flows.orchestration.run_entrypoint", PREFECT__FLOW_RUN_ID=str(run), **more)
            return client.read_flow_run(run).state

        try:
            typed, listed = ended(site), ended(site, AUTOTUNE_ALLOWED_SITES=f"https://a.example, {site}/")
            forbidden, allowed = ended(plain, **told), ended(plain, AUTOTUNE_ALLOW_HTTP="true", **told)
        finally:
            for known in client.read_deployments():
                client.delete_deployment(known.id)
    assert typed is not None and typed.is_failed(), typed
    assert "may not ask this site: its name stands for an address of a private network" in (typed.message or "")
    assert listed is not None and listed.is_completed(), listed
    assert forbidden is not None and forbidden.is_failed(), forbidden
    assert "plain http" in (forbidden.message or "")
    assert allowed is not None and allowed.is_completed(), allowed

    def said(run: Path) -> dict[str, Any]:
        options = json.loads((run / "manifest.json").read_text("utf-8"))["options"]
        return {name: options[name] for name in ("site", "age_group", "insulin", "allow_http")}

    made = [said(path.parent) for path in (tmp_path / "runs").rglob("proposal.json")]
    assert sorted(made, key=str) == sorted(
        [
            {"site": site, "age_group": None, "insulin": None, "allow_http": False},
            {"site": plain, "age_group": "teenager", "insulin": "ultra-rapid", "allow_http": False},
        ],
        key=str,
    )
