"""Make a Prefect server ready for the application: work pool, queues, deployments, and an end for abandoned runs.

Running it again brings all of it back to what prefect.yaml and this file say.

Run it in the directory of prefect.yaml. Reads AUTOTUNE_NIGHTSCOUT_SITE, AUTOTUNE_TIMEZONE and AUTOTUNE_NIGHTLY.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

POOL = "autotune"
# The lower number goes first: nobody waits for the nightly run.
QUEUES = {"autotune-manual": 1, "autotune-scheduled": 20}
NIGHTLY = "autotune-analysis/nightly-autotune"

# A run whose worker was stopped says nothing any more, but would stay Running and keep the next one waiting. The worker
# has it say every 30 s that it lives (PREFECT_FLOWS_HEARTBEAT_FREQUENCY).
ABANDONED = AutomationCore(
    name="autotune: end abandoned runs",
    description="A run that has been silent for three minutes has lost its worker.",
    trigger=EventTrigger(
        posture=Posture.Proactive,
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        for_each={"prefect.resource.id"},
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.heartbeat"}
        | {f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Cancelled", "Crashed", "Paused", "Suspended")},
        threshold=1,
        within=timedelta(minutes=3),
    ),
    actions=[
        ChangeFlowRunState(
            state=StateType.CRASHED,
            message="The worker was stopped while this run was on its way. There is no proposal from it; run it again.",
        )
    ],
)


def main() -> int:
    """Set up the server that PREFECT_API_URL names; 0 when everything is there."""
    nightly = os.environ.get("AUTOTUNE_NIGHTLY", "").strip().lower() or "false"
    if nightly not in ("true", "false"):
        return _wrong("AUTOTUNE_NIGHTLY is true or false.")
    if nightly == "true" and not os.environ.get("AUTOTUNE_NIGHTSCOUT_SITE"):
        return _wrong("AUTOTUNE_NIGHTLY=true needs AUTOTUNE_NIGHTSCOUT_SITE: whose data to tune every night.")
    # prefect.yaml takes both from the environment; unset, Prefect would put empty texts without a word.
    os.environ.setdefault("AUTOTUNE_NIGHTSCOUT_SITE", "")
    os.environ["AUTOTUNE_TIMEZONE"] = os.environ.get("AUTOTUNE_TIMEZONE") or "UTC"

    with get_client(sync_client=True) as client:
        _pool_and_queues(client)
        _end_of_abandoned_runs(client)
        deployed = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"], stdin=subprocess.DEVNULL, check=False
        )
        if deployed.returncode != 0:
            return deployed.returncode
        if nightly == "true":
            _switch_on(client)
    _say(f"Ready: pool {POOL}, queues {', '.join(QUEUES)}, nightly run {'on' if nightly == 'true' else 'off'}.")
    return 0


def _pool_and_queues(client: SyncPrefectClient) -> None:
    try:
        client.create_work_pool(
            WorkPoolCreate(
                name=POOL,
                type=ProcessWorker.type,
                description="Runs of autotune-flows, each a process of the worker",
                base_job_template=ProcessWorker.get_default_base_job_template(),
            )
        )
    except ObjectAlreadyExists:
        _say(f"The work pool {POOL} is there already and stays as it is.")
    known = {queue.name for queue in client.read_work_queues(work_pool_name=POOL)}
    for name, priority in QUEUES.items():
        if name not in known:
            client.create_work_queue(name=name, work_pool_name=POOL, priority=priority)


def _end_of_abandoned_runs(client: SyncPrefectClient) -> None:
    for known in client.read_automations_by_name(ABANDONED.name):
        client.delete_automation(known.id)
    client.create_automation(ABANDONED)


def _switch_on(client: SyncPrefectClient) -> None:
    deployment = client.read_deployment_by_name(NIGHTLY)
    for schedule in client.read_deployment_schedules(deployment.id):
        client.update_deployment_schedule(deployment.id, schedule.id, active=True)


def _wrong(sentence: str) -> int:
    _say(sentence)
    return 2


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    sys.exit(main())
