"""The service of one machine, with nothing but Python in reach: it makes scheduled runs, also after kills, and ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule

from flows.orchestration.processes import with_setting
from tests.conftest import ROOT
from tests.demo import READ_TOKEN, demo_site

pytestmark = [
    pytest.mark.flow,
    pytest.mark.oref0,
    pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this system has no /proc"),
]


def until(what: Callable[[], object], seconds: float, service: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for something; a service that ends, or takes too long, fails with what it said."""
    deadline = time.monotonic() + seconds
    while not what():
        assert service.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def children(state: Path) -> dict[str, int]:
    """The processes of the service by what they are: `server`, `worker`."""
    found = {}
    for pid in with_setting("PREFECT_HOME", str(state / "prefect")):
        with suppress(OSError, IndexError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            found[words[words.index("flows.orchestration.served") + 1] if "served" in " ".join(words) else "run"] = pid
    return found


def test_a_schedule_makes_its_run_without_docker_and_after_kills_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (tmp_path / "empty").mkdir()
    state, runs, log = tmp_path / "state", tmp_path / "runs", tmp_path / "log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AUTOTUNE_", "PREFECT_"))}
    environment |= {"PATH": str(tmp_path / "empty"), "PYTHONPATH": str(ROOT), "AUTOTUNE_STATE": str(tmp_path / "sites")}
    (tmp_path / "token").write_text(READ_TOKEN)
    command = [sys.executable, "-m", "flows.cli.main", "serve", "--port", str(port)]
    command += ["--state", str(state), "--runs", str(runs)]
    with demo_site(tmp_path) as site, log.open("wb") as said:
        (tmp_path / ".env").write_text(
            f"AUTOTUNE_NIGHTSCOUT_SITE={site}\nAUTOTUNE_NIGHTSCOUT_TOKEN_FILE=token\nAUTOTUNE_POLL_SECONDS=1\n"
        )
        service = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        try:
            until(lambda: "The service runs" in log.read_text(), 180, service, log)
            until(lambda: set(children(state)) == {"server", "worker"}, 20, service, log)
            before = children(state)
            with SyncPrefectClient(f"http://127.0.0.1:{port}/api") as client:
                deployment = client.read_deployment_by_name("autotune-analysis/nightly-autotune").id
                request = {"site": site, "days": 2, "resamples": 0}
                soon = IntervalSchedule(
                    interval=timedelta(days=1), anchor_date=datetime.now(UTC) + timedelta(seconds=30)
                )
                client.create_deployment_schedules(
                    deployment,
                    [DeploymentScheduleCreate(schedule=soon, active=True, slug="it", parameters={"request": request})],
                )

                def first() -> FlowRun | None:
                    with suppress(Exception):  # the server is away for some seconds
                        made = client.read_flow_runs(
                            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
                        )
                        return min(made, key=lambda run: run.expected_start_time or datetime.now(UTC), default=None)
                    return None

                until(first, 60, service, log)
                for pid in before.values():
                    os.kill(pid, signal.SIGKILL)

                def ended() -> bool:
                    run = first()
                    return run is not None and run.state is not None and run.state.is_final()

                until(ended, 180, service, log)
                run = first()
                assert run is not None and run.state is not None and run.state.is_completed(), (run, log.read_text())
                assert run.auto_scheduled
            after = children(state)
            assert {"server", "worker"} <= set(after)
            assert not set(before.values()) & set(after.values())
            assert len(list(runs.glob("*/proposal.json"))) == 1
            second = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert (second.returncode, "is running already" in second.stderr) == (3, True), second.stderr
            service.terminate()
            assert service.wait(60) == 0, log.read_text()
            assert with_setting("PREFECT_HOME", str(state / "prefect")) == set()
        finally:
            service.kill()
            service.wait()
    assert READ_TOKEN not in log.read_text()
