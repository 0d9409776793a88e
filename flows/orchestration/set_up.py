"""Make a Prefect server ready for the application: pools, queues, limits, blocks, deployments, automations.

Running it again brings it up to date with prefect.yaml, this room and the settings. What a person changed of the
deployments on Prefect's page stays as it is, and so do schedules, pauses and what was switched off.

    python -m flows.orchestration.set_up     reads the AUTOTUNE_… settings of docker-compose.yml
"""

from __future__ import annotations

import sys
from datetime import timedelta
from enum import StrEnum
from zoneinfo import available_timezones

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.environment import environment_now, variable
from flows.errors import Refused
from flows.orchestration.blocks import NightscoutSite
from flows.orchestration.concurrency import make_limit
from flows.orchestration.deployments import deploy
from flows.orchestration.nightly_schedule import AT, set_nightly
from flows.orchestration.notices import make_notices
from flows.orchestration.pools import DOCKER_POOL, PROCESS_POOL, QUEUES, Containers, make_pools
from flows.orchestration.postponing import POSTPONED
from flows.settings import AgeGroup, Insulin, site_url
from flows.values.local_days import is_clock_time

SWITCH = {"true": True, "false": False, "": None}
# What the requests of the deployments say of the person, where the environment does.
OF_THE_PERSON: dict[str, type[StrEnum]] = {"age_group": AgeGroup, "insulin": Insulin}

# Prefect's event of a run's end has the name of its state.
ENDS = ("Completed", POSTPONED, "Failed", "Cancelled", "Crashed", "Paused", "Suspended")

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
        expect={"prefect.flow-run.heartbeat"} | {f"prefect.flow-run.{end}" for end in ENDS},
        threshold=1,
        within=timedelta(minutes=3),
    ),
    actions=[
        ChangeFlowRunState(
            state=StateType.CRASHED,
            message="The worker was stopped during this run. It made no proposal; run it again.",
        )
    ],
)


def main() -> int:
    """Set up the server that PREFECT_API_URL names; 0 when everything is there."""
    environment = environment_now()
    nightly, zone = (environment.nightly or "").lower(), environment.timezone or "UTC"
    pool, containers = environment.pool or PROCESS_POOL, Containers.of(environment)
    troubles = (
        (nightly not in SWITCH, "AUTOTUNE_NIGHTLY is true or false, or left out: then the nightly run stays as it is."),
        (
            SWITCH.get(nightly) and not environment.nightscout_site,
            "AUTOTUNE_NIGHTLY=true needs AUTOTUNE_NIGHTSCOUT_SITE: whose data to tune every night.",
        ),
        (
            (environment.allow_http or "").lower() not in SWITCH,
            "AUTOTUNE_ALLOW_HTTP is true or false: whether AUTOTUNE_NIGHTSCOUT_SITE may be read over plain http.",
        ),
        *(
            (given is not None and given not in set(values), f"{variable(name)} is one of {', '.join(values)}.")
            for name, values in OF_THE_PERSON.items()
            for given in (getattr(environment, name),)
        ),
        (
            environment.nightly_at is not None and not is_clock_time(environment.nightly_at),
            "AUTOTUNE_NIGHTLY_AT is a time of the day, such as 05:30.",
        ),
        (zone not in available_timezones(), "AUTOTUNE_TIMEZONE is the name of a time zone, such as Europe/Paris."),
        (pool not in (PROCESS_POOL, DOCKER_POOL), f"AUTOTUNE_POOL is {PROCESS_POOL} or {DOCKER_POOL}."),
        (pool == DOCKER_POOL and containers.trouble(), containers.trouble() or ""),
    )
    if trouble := next((sentence for holds, sentence in troubles if holds), None):
        return _wrong(trouble)

    NightscoutSite.register_type_and_schema()
    with get_client(sync_client=True) as client:
        make_pools(client, containers)
        if environment.nightscout_site:  # a run makes the limit of a site that is not known here
            make_limit(client, site_url(environment.nightscout_site))
        _end_of_abandoned_runs(client)
        make_notices(client, environment.secret("webhook"))
        person = {name: value for name in OF_THE_PERSON if (value := getattr(environment, name))}
        settings = {variable("nightscout_site"): environment.nightscout_site or "", variable("pool"): pool}
        deploy(client, settings, person, _say)
        at = environment.nightly_at or AT
        switched = "on" if set_nightly(client, zone, SWITCH[nightly], at) else "off"
    _say(f"Ready: pool {pool}, queues {', '.join(QUEUES)}, nightly run {switched}.")
    return 0


def _end_of_abandoned_runs(client: SyncPrefectClient) -> None:
    """Make the automation, or bring it up to date; one that was switched off stays off."""
    known = client.read_automations_by_name(ABANDONED.name)
    for more in known[1:]:
        client.delete_automation(more.id)
    if not known:
        client.create_automation(ABANDONED)
        return
    wanted = ABANDONED.model_copy(update={"enabled": known[0].enabled})
    if AutomationCore.model_validate(known[0].model_dump(exclude={"id"})) != wanted:
        client.update_automation(known[0].id, wanted)


def _wrong(sentence: str) -> int:
    _say(sentence)
    return 2


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as refusal:
        sys.exit(_wrong(f"{refusal.sentence} {refusal.remedy}"))
