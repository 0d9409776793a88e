"""When a schedule's runs are due, by Prefect's own rule: over clock changes, for every kind of schedule."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, NoSchedule, RRuleSchedule

from flows.orchestration.watch import due_times

FROM = datetime(2026, 10, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "local"),
    [
        (CronSchedule(cron="30 4 * * *", timezone="Europe/Paris"), ["24 04:30", "25 04:30", "26 04:30"]),
        (CronSchedule(cron="30 2 * * *", timezone="Europe/Paris"), ["24 02:30", "25 02:30", "26 02:30"]),
        (CronSchedule(cron="0 2 * * 1", timezone="Europe/Paris"), ["26 02:00"]),
        (RRuleSchedule(rrule="DTSTART:20261001T020000\nFREQ=DAILY;COUNT=25", timezone="Europe/Paris"), None),
        (NoSchedule(), []),
    ],
)
def test_runs_are_due_at_the_hour_on_the_wall(schedule: Any, local: list[str] | None) -> None:
    found = due_times(schedule, FROM, FROM + timedelta(days=3))
    assert all(moment.tzinfo is UTC for moment in found)
    said = [f"{moment.astimezone(ZoneInfo('Europe/Paris')):%d %H:%M}" for moment in found]
    assert said == (["24 02:00", "25 02:00"] if local is None else local)


def test_an_interval_counts_from_its_anchor() -> None:
    every = IntervalSchedule(interval=timedelta(hours=36), anchor_date=datetime(2026, 10, 1, tzinfo=UTC))
    found = due_times(every, FROM, FROM + timedelta(days=3))
    assert found == (FROM, FROM + timedelta(hours=36), FROM + timedelta(hours=72))


@pytest.mark.parametrize(("pool", "watches"), [("autotune", True), ("autotune-apply", False)])
def test_the_worker_of_the_process_pool_watches_and_no_other(pool: str, watches: bool, tmp_path: Path) -> None:
    names = {"AUTOTUNE_STATE": "state", "AUTOTUNE_RUNS": "runs", "PREFECT_HOME": "home"}
    told = {name: str(tmp_path / directory) for name, directory in names.items()}
    environment = {**os.environ, **told, "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    command = [sys.executable, "-m", "flows.orchestration.worker", pool, "process"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as worker:
        assert worker.stderr is not None
        said = []
        # Both threads fail at the same server; what comes within three seconds of one is waited for.
        for line in worker.stderr:
            if b"Lost runs could not" in line:
                threading.Timer(3, worker.kill).start()
            said.append(b"who is expected" in line)
            if said[-1]:
                worker.kill()
    assert any(said) is watches
