"""Each schedule that is on has a coming run: SQLite under load may lose what the server's scheduler inserts.

The server then has no run to start, and shows the schedule as active all the same. One that has none for long is saved
again, whole, which has the scheduler look at it anew.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient

from flows.doctor.check import CheckContext
from flows.doctor.schedules import WithoutNextRun, without_next_run
from flows.orchestration.nightly_schedule import update_whole
from flows.values.user_directories import runs_root

LOOK_S = 300.0
LONG = timedelta(minutes=10)  # the scheduler looks once a minute, and may wait for a busy database


def look_for_next_runs() -> None:
    """Look again and again, for as long as this process lives; a server that does not answer is asked again."""
    api = os.environ["PREFECT_API_URL"]
    while True:
        time.sleep(LOOK_S)
        try:
            context = CheckContext(runs_root(), datetime.now(UTC), prefect_api=api)
            with get_client(sync_client=True) as client:
                for saved in save_again(client, without_next_run(context), context.now):
                    sys.stderr.write(f"The schedule {saved} had no next run; it is saved again.\n")
        except Exception as error:  # noqa: BLE001 - whatever the API's client raises
            sys.stderr.write(f"Next runs could not be looked for ({type(error).__name__}).\n")


def save_again(client: SyncPrefectClient, missing: list[WithoutNextRun], now: datetime) -> list[str]:
    """Save those again that have had no next run for long; their names."""
    saved = []
    for lost in missing:
        known = {str(s.id): s for s in client.read_deployment_schedules(UUID(lost.deployment_id))}
        if now - lost.since > LONG and lost.schedule_id in known:
            update_whole(client, known[lost.schedule_id])
            saved.append(lost.name)
    return saved
