"""What prefect.yaml deploys runs from a checkout, in any directory; tests/e2e runs it installed from a wheel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State

from tests.conftest import ROOT
from tests.demo import READ_TOKEN, demo_site

pytestmark = [pytest.mark.flow, pytest.mark.oref0]


def test_a_deployment_runs_from_anywhere_and_asks_no_site_of_a_private_network_but_a_listed_one(
    prefect_server: str, tmp_path: Path
) -> None:
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
    with SyncPrefectClient(prefect_server) as client, demo_site(tmp_path) as site:
        deployment = client.read_deployment_by_name("autotune-analysis/on-demand")

        def ended(**more: str) -> State | None:
            request = {"site": site, "days": 2, "resamples": 0}
            run = client.create_flow_run_from_deployment(deployment.id, parameters={"request": request}).id
            python("flows.orchestration.run_entrypoint", PREFECT__FLOW_RUN_ID=str(run), **more)
            return client.read_flow_run(run).state

        try:
            typed, listed = ended(), ended(AUTOTUNE_ALLOWED_SITES=f"https://a.example, {site}/")
        finally:
            for known in client.read_deployments():
                client.delete_deployment(known.id)
    assert typed is not None and typed.is_failed(), typed
    assert "may not ask this site: its name stands for an address of a private network" in (typed.message or "")
    assert listed is not None and listed.is_completed(), listed
    assert len(list((tmp_path / "runs").rglob("proposal.json"))) == 1
