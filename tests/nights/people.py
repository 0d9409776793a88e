"""People whose site moves one day per night, and what can go wrong with a site."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flows.demo.site import Handler, Site
from tests.conftest import ROOT

FIXTURES = {"ada": "aaps_closed_loop", "grace": "loop_temp_basal", "mei": "careportal_mdi"}  # three time zones
LATE = timedelta(hours=12)  # readings that a late upload has not brought yet


class MovingSite(Site):
    """A person's site on the night before so many others: what would be later than now does not show yet.

    Attributes:
        nights_to_come: the person's last day is so many days after yesterday.
        late: the newest readings have not come yet.
        refuses: no token is let in.
    """

    nights_to_come = 0
    late = False
    refuses = False

    def documents(self, kind: str, now: datetime) -> list[dict[str, Any]]:
        """As they are on this night."""
        found = super().documents(kind, now)
        if not self.late or kind == "profile":
            return found
        key = "date" if kind == "entries" else "created_at"
        until = (now - LATE).astimezone(UTC)
        limit: Any = until.timestamp() * 1000 if kind == "entries" else until.isoformat().replace("+00:00", "Z")
        return [document for document in found if document[key] <= limit]

    def _moved_to(self, today: date) -> dict[str, list[dict[str, Any]]]:
        return super()._moved_to(today + timedelta(days=self.nights_to_come))

    def night(self, nights_to_come: int) -> None:
        """Come to a night."""
        with self.lock:
            self.nights_to_come, self._moved_for = nights_to_come, None


class _Refusing(Handler):
    site: MovingSite

    def _permissions(self, query: list[tuple[str, str]]) -> list[str]:
        return [] if self.site.refuses else super()._permissions(query)

    def _exchange(self, token: str) -> None:
        if self.site.refuses:
            return self._send(401, {"status": 401, "message": "Unauthorized", "description": "Invalid/Missing"})
        return super()._exchange(token)


@dataclass
class Person:
    """Somebody with a site of their own, on a port that stays."""

    name: str
    data: Path
    host: str = "127.0.0.1"
    port: int = 0
    site: MovingSite = field(init=False)
    _server: ThreadingHTTPServer | None = None

    def __post_init__(self) -> None:
        self.data.mkdir(parents=True)
        self.site = MovingSite(self.directory, self.data)

    @property
    def directory(self) -> Path:
        """Of the synthetic person."""
        return ROOT / "fixtures" / FIXTURES[self.name]

    @cached_property
    def zone(self) -> str:
        """Where the person lives."""
        return str(json.loads((self.directory / "truth.json").read_text("utf-8"))["time_zone"])

    def ids(self) -> set[str]:
        """Of every record of the synthetic person."""
        kinds = ("entries", "treatments", "profile")
        documents = (json.loads((self.directory / f"{kind}.json").read_text("utf-8")) for kind in kinds)
        return {str(document["_id"]) for kind in documents for document in kind}

    @property
    def address(self) -> str:
        """Of the site."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Serve, on the port of before."""
        if self._server is None:
            handler = type("NightHandler", (_Refusing,), {"site": self.site, "log_message": lambda *_: None})
            self._server = ThreadingHTTPServer((self.host, self.port), handler)
            self.port = self._server.server_address[1]
            threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Be away."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def well(self) -> None:
        """All that was wrong with the site is over."""
        self.site.late = self.site.refuses = False
        self.start()
