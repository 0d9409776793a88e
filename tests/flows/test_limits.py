"""A site's limit is waited for, also while the server is away, and one that is held by nobody is found."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient

from flows.doctor import server
from flows.doctor.check import CheckContext, Level
from flows.orchestration import concurrency


@pytest.mark.parametrize(("away", "comes_back"), [(0, True), (3, True), (1000, False)])
def test_a_server_that_is_being_restarted_is_waited_for(
    away: int, comes_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    asked: list[float] = []

    def later(seconds: float) -> None:
        clock[0] += seconds

    def take() -> str:
        asked.append(clock[0])
        if len(asked) <= away:
            raise httpx.ConnectError("All connection attempts failed")
        return "autotune-site-1"

    monkeypatch.setattr(concurrency.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(concurrency.time, "sleep", later)
    if comes_back:
        assert concurrency.patiently(take) == "autotune-site-1"
        assert len(asked) == away + 1
    else:
        with pytest.raises(httpx.ConnectError):
            concurrency.patiently(take)
        assert asked[-1] >= concurrency.PATIENCE_S


@pytest.mark.flow
@pytest.mark.parametrize(("slots", "level"), [(0, Level.OK), (1, Level.WARN)])
def test_a_limit_that_is_held_though_nothing_runs_is_found(
    slots: int, level: Level, prefect_server: str, tmp_path: Path
) -> None:
    with SyncPrefectClient(prefect_server) as client:
        name = concurrency.make_limit(client, "https://limits.example")
        for run in client.read_flow_runs():
            if run.state is None or not run.state.is_final():  # of other tests
                client.delete_flow_run(run.id)
        client._client.patch(f"/v2/concurrency_limits/{name}", json={"active_slots": slots})
        try:
            found = server.limits(CheckContext(tmp_path, datetime.now(UTC), prefect_api=prefect_server))
        finally:
            client.delete_global_concurrency_limit_by_name(name)
    assert found.level is level
    if level is Level.WARN:
        assert name in found.sentence
        assert f"prefect gcl update {name} --active-slots 0" in found.remedy


@pytest.mark.flow
def test_the_first_runs_of_a_site_may_come_at_once(prefect_server: str) -> None:
    """Each asks whether there is a limit and makes it: all but one are told that there is one by then."""
    with ThreadPoolExecutor(8) as together, SyncPrefectClient(prefect_server) as client:

        def make(site: str) -> str:
            barrier.wait()
            with SyncPrefectClient(prefect_server) as own:
                return concurrency.make_limit(own, site)

        for number in range(3):
            barrier = threading.Barrier(8)
            (name,) = set(together.map(make, [f"https://first-{number}.example"] * 8))
            assert client.read_global_concurrency_limit_by_name(name).limit == 1
            client.delete_global_concurrency_limit_by_name(name)
