"""When a schedule's runs are due, by Prefect's own rule: over clock changes, for every kind of schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
