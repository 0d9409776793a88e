"""The work pools: runs as processes of the worker, or each in a confined container of its own; and what is applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker
from prefect_docker.worker import DockerWorker

from flows.environment import Environment, variable

PROCESS_POOL, DOCKER_POOL = "autotune", "autotune-docker"
APPLY_POOL = "autotune-apply"  # its worker alone has what may write to a site
# The lower number goes first: nobody waits for the nightly run.
QUEUES = {"autotune-manual": 1, "autotune-scheduled": 20}
TOKEN_FILE = "/run/secrets/nightscout_token"  # noqa: S105 - where it is, not what it is
USER = "1001:1001"
MEMORY = "2g"  # upstream's own limit of 1 GB, and what Python needs beside it
PIDS = 256
# What a run's container is told of the settings, where they are set.
PASSED_ON = ("language", "allow_http", "age_group", "insulin", "max_answer_mib", "max_files_mib", "max_json_depth")
PULL_POLICIES = ("Never", "IfNotPresent", "Always")


@dataclass(frozen=True)
class Containers:
    """What this machine calls the things a run's container is given.

    Attributes:
        image: of the runs.
        network: on which the server is.
        runs_volume: where runs keep their evidence.
        token_file: this machine's file with the read token, `/dev/null` for none.
        site: the site the token is for, empty for none.
        allowed_sites: further sites of private networks that a run may ask, separated by commas.
        passed_on: further settings of `PASSED_ON` by variable; what is not set is not named.
        report_url: where run directories are served, empty for nowhere.
        page_url: where people reach the page for them, empty for nowhere.
        uploads_volume: where the exports lie that people upload.
        pull_policy: `Never` for an image built here, `IfNotPresent` for one of a registry.
    """

    image: str
    network: str
    runs_volume: str
    token_file: str = "/dev/null"
    site: str = ""
    allowed_sites: str = ""
    report_url: str = ""
    page_url: str = ""
    uploads_volume: str = "autotune-flows_uploads"
    pull_policy: str = "Never"
    passed_on: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, environment: Environment) -> Containers:
        """As `docker-compose.yml` tells the set-up."""
        return cls(
            image=environment.image or "autotune-flows:local",
            network=environment.network or "autotune-flows_default",
            runs_volume=environment.runs_volume or "autotune-flows_runs",
            token_file=environment.container_token_file or "/dev/null",
            site=environment.nightscout_site or "",
            allowed_sites=environment.allowed_sites or "",
            report_url=environment.report_url or "",
            page_url=environment.page_url or "",
            uploads_volume=environment.uploads_volume or "autotune-flows_uploads",
            pull_policy=environment.pull_policy or "Never",
            passed_on={variable(name): getattr(environment, name) for name in PASSED_ON if getattr(environment, name)},
        )

    def trouble(self) -> str | None:
        """Why runs could not start with these, `None` where they can."""
        if not self.token_file.startswith("/"):
            return "For the Docker pool AUTOTUNE_NIGHTSCOUT_TOKEN_FILE is an absolute path."
        if self.pull_policy not in PULL_POLICIES:
            return f"AUTOTUNE_PULL_POLICY is one of {', '.join(PULL_POLICIES)}."
        return None


def job_variables(containers: Containers) -> dict[str, Any]:
    """What every run's container may and may not do, unless a deployment says otherwise: the pool's own defaults."""
    return {
        "image": containers.image,
        "command": "python -m flows.orchestration.run_entrypoint",
        "image_pull_policy": containers.pull_policy,
        "networks": [containers.network],
        "volumes": [
            f"{containers.runs_volume}:/runs",
            f"{containers.uploads_volume}:/uploads:ro",
            f"{containers.token_file}:{TOKEN_FILE}:ro",
        ],
        "auto_remove": True,
        "mem_limit": MEMORY,
        "memswap_limit": MEMORY,
        "privileged": False,
        "env": {
            "AUTOTUNE_RUNS": "/runs",
            "AUTOTUNE_STATE": "/runs/.sites",
            "AUTOTUNE_REPORT_URL": containers.report_url,
            "AUTOTUNE_PAGE_URL": containers.page_url,
            "AUTOTUNE_UPLOADS": "/uploads",
            "AUTOTUNE_NIGHTSCOUT_SITE": containers.site,
            "AUTOTUNE_ALLOWED_SITES": containers.allowed_sites,
            **containers.passed_on,
            "AUTOTUNE_NIGHTSCOUT_TOKEN_FILE": TOKEN_FILE,
            "HOME": "/tmp",  # noqa: S108 - the one writable place
            "PREFECT_HOME": "/tmp/.prefect",  # noqa: S108
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
            "DO_NOT_TRACK": "1",
        },
        "container_create_kwargs": {
            "user": USER,
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "pids_limit": PIDS,
            "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=128m,mode=1777"},  # noqa: S108
            "init": True,
            "log_config": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
        },
    }


def docker_template(containers: Containers) -> dict[str, Any]:
    """The Docker worker's own job template with these defaults."""
    template: dict[str, Any] = DockerWorker.get_default_base_job_template()
    for name, value in job_variables(containers).items():
        template["variables"]["properties"][name]["default"] = value
    return template


def make_pools(client: SyncPrefectClient, containers: Containers) -> None:
    """Make the pools with their queues; the Docker pool is brought back to what this module says."""
    process = ProcessWorker.get_default_base_job_template()
    _pool(client, PROCESS_POOL, ProcessWorker.type, "Runs as processes of the worker: no Docker socket", process)
    _pool(client, APPLY_POOL, ProcessWorker.type, "Writes what was approved: its worker alone may write", process)
    confined = docker_template(containers)
    if not _pool(client, DOCKER_POOL, DockerWorker.type, "Runs each in a confined container of its own", confined):
        client.update_work_pool(DOCKER_POOL, WorkPoolUpdate(base_job_template=confined))
    for pool in (PROCESS_POOL, DOCKER_POOL, APPLY_POOL):
        known = {queue.name for queue in client.read_work_queues(work_pool_name=pool)}
        for name, priority in QUEUES.items():
            if name not in known:
                client.create_work_queue(name=name, work_pool_name=pool, priority=priority)


def _pool(client: SyncPrefectClient, name: str, kind: str, description: str, template: dict[str, Any]) -> bool:
    try:
        client.create_work_pool(
            WorkPoolCreate(name=name, type=kind, description=description, base_job_template=template)
        )
    except ObjectAlreadyExists:
        return False
    return True
