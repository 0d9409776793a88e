"""What prefect.yaml deploys runs from a checkout, in any directory; tests/e2e runs it installed from a wheel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient

from tests.conftest import ROOT

pytestmark = [pytest.mark.flow, pytest.mark.oref0]

REQUEST = {"from_directory": str(ROOT / "fixtures" / "aaps_closed_loop"), "days": 2, "resamples": 0}


def test_a_deployment_runs_from_anywhere(prefect_server: str, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTOTUNE_")}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "PREFECT_API_URL": prefect_server,
        "AUTOTUNE_RUNS": str(tmp_path / "runs"),
    }

    def python(*arguments: str, **more: str) -> None:
        command = [sys.executable, "-m", *arguments]
        subprocess.run(command, check=True, cwd=tmp_path, env=environment | more, stdin=subprocess.DEVNULL)

    python("flows.orchestration.set_up")
    with SyncPrefectClient(prefect_server) as client:
        deployment = client.read_deployment_by_name("autotune-analysis/on-demand")
        try:
            run = client.create_flow_run_from_deployment(deployment.id, parameters={"request": REQUEST})
            python("flows.orchestration.run_entrypoint", PREFECT__FLOW_RUN_ID=str(run.id))
            ended = client.read_flow_run(run.id)
            assert ended.state is not None and ended.state.is_completed(), ended.state
            assert len(list((tmp_path / "runs").rglob("proposal.json"))) == 1
        finally:
            for known in client.read_deployments():
                client.delete_deployment(known.id)
