"""What the service of one machine is made of: its directory, its port, and what each of its processes is told.

Knows no Prefect but the names of its settings, so that the process that keeps the others alive stays small.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from dotenv import dotenv_values

from flows.environment import PREFIX, Environment, variable
from flows.orchestration.with_password import CLIENT, SERVER, USER

HOST = "127.0.0.1"
PAGE_PORT = 4201
POLL_SECONDS = "5"
HEARTBEAT_S = "30"  # the set-up has runs ended that stop saying that they live
POOL = "autotune"  # runs as processes; `flows.orchestration.pools` makes it
_SECRETS = [name for name in Environment.model_fields if f"{name}_file" in Environment.model_fields]
_OF_SITES = [*_SECRETS, *(f"{name}_file" for name in _SECRETS)]
WRITING = frozenset(variable(name) for name in _OF_SITES if name.startswith("nightscout_write"))
READING = frozenset(variable(name) for name in _OF_SITES if name.startswith("nightscout")) - WRITING
PASSWORD = frozenset(variable(name) for name in _OF_SITES if name.startswith("server_password"))
PATHS = tuple(
    variable(name)
    for name, field in Environment.model_fields.items()
    if Path in (field.annotation, *get_args(field.annotation))
)


@dataclass(frozen=True)
class ServiceSettings:
    """Where the service lies and what it was told.

    Attributes:
        state: its own directory: Prefect's database, the lock.
        runs: where runs keep their evidence.
        port: of Prefect's page, on this machine only.
        told: every `AUTOTUNE_…` setting, of `.env` and of the environment, which counts where both name one.
        page_port: of the page for people, on this machine only.
        password: of Prefect's API, where it is to have one.
    """

    state: Path
    runs: Path
    port: int
    told: dict[str, str]
    page_port: int = PAGE_PORT
    password: str | None = field(default=None, repr=False)

    @property
    def page(self) -> str:
        """The address of Prefect's page."""
        return f"http://{HOST}:{self.port}"

    @property
    def people_page(self) -> str:
        """Where people reach the page for them: as they said, else on this machine."""
        return self.told.get(variable("page_url")) or f"http://{HOST}:{self.page_port}"

    @property
    def demo_address(self) -> str:
        """Where the page serves the synthetic person's site: as they said, else beside its own port."""
        beside = next(port for port in (self.page_port + 1, self.page_port + 2) if port != self.port)
        return self.told.get(variable("demo_address")) or f"http://{HOST}:{beside}"

    @property
    def home(self) -> Path:
        """`PREFECT_HOME` of every process of the service, and of no other: they are known by it."""
        return self.state / "prefect"

    def environment(self, *, reads: bool = False, writes: bool = False) -> dict[str, str]:
        """What a process of the service is told: a site's secrets only where it reads there, or writes.

        Nothing of the user's own Prefect: no profile, no address, no key.
        """
        others = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", PREFIX))}
        kept_back = (frozenset() if reads else READING) | (frozenset() if writes else WRITING)
        told = {k: v for k, v in self.told.items() if k not in kept_back | PASSWORD}
        local = ",".join(filter(None, (others.get("NO_PROXY") or others.get("no_proxy"), HOST, "localhost")))
        return {
            **others,
            **told,
            variable("runs"): str(self.runs),
            variable("pool"): POOL,
            variable("page_url"): self.people_page,
            variable("page_port"): str(self.page_port),
            variable("demo_address"): self.demo_address,
            variable("page"): told.get(variable("page")) or str(self.state / "page"),
            variable("uploads"): told.get(variable("uploads")) or str(self.state / "uploads"),
            **(dict.fromkeys((SERVER, CLIENT), f"{USER}:{self.password}") if self.password else {}),
            "NO_PROXY": local,
            "no_proxy": local,
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": f"{self.page}/api",
            "PREFECT_UI_URL": self.page,
            "PREFECT_UI_API_URL": f"{self.page}/api",
            "PREFECT_UI_STATIC_DIRECTORY": str(self.home / "ui"),
            # Who holds which limit, or a server restarted in the middle of a run keeps the run's site locked for ever.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            # The server knows no users: no other page in the same browser may use it.
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"{self.page},http://localhost:{self.port}",
            "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
            "PREFECT_WORKER_QUERY_SECONDS": told.get(variable("poll_seconds")) or POLL_SECONDS,
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": HEARTBEAT_S,
            "DO_NOT_TRACK": "1",
        }


def told_by(env_file: Path) -> dict[str, str]:
    """The `AUTOTUNE_…` settings of a file such as `autotune setup` writes, and of the environment, which comes first.

    A path in the file counts from the file's directory: the service's processes run elsewhere.
    """
    in_file = dotenv_values(env_file, interpolate=False) if env_file.is_file() else {}
    found = {k: v for k, v in in_file.items() if v and k.startswith(PREFIX)}
    here = {k: v for k, v in os.environ.items() if v and k.startswith(PREFIX)}
    return _absolute(found, env_file.absolute().parent) | _absolute(here, Path.cwd())


def _absolute(settings: dict[str, str], directory: Path) -> dict[str, str]:
    return {k: str(directory / v) if k in PATHS else v for k, v in settings.items()}
