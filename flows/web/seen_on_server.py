"""What pages of results say of Prefect's server, as a snapshot of it has it: never asked for in a request."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol, cast

from flows.web.people import Person
from flows.web.prefect_server import ServerRun
from flows.web.state import PageState


class ServerSeen(Protocol):
    """The server as it was seen last."""

    @property
    def away_since(self) -> datetime | None:
        """Since when it does not answer; `None` while it does."""

    def running_of(self, person: Person) -> list[ServerRun]:
        """The runs of a person that have begun, or wait for a worker."""

    def next_run_of(self, person: Person) -> datetime | None:
        """When the next run of a person is due; `None` where none is planned."""


def server_seen(page: PageState) -> ServerSeen | None:
    """The snapshot of the page; `None` before there is one."""
    return cast("ServerSeen | None", page.rooms.get("snapshot"))


def server_said(seen: ServerSeen | None) -> dict[str, Any]:
    """Whether the server answers, for `runs_seen.html`."""
    away = seen.away_since if seen else None
    return {"away_since": away, "server_time": f"{away.astimezone():%H:%M}" if away else ""}
