"""A Nightscout for the mass of runs: the parts of version 0.12.8's API that writing back touches, as measured.

The same answers, the same storing, the same ways to die: what would make the real server crash or store an empty
profile is answered as the real one does and counted in `harm`. A few runs go against the real server, to say that the
stand-in tells the truth.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from flows.nightscout.permissions import allowed

API_SECRET = "stand-in-api-secret"  # noqa: S105
READER, WRITER, SWITCHER = "reader-1234567890abcdef", "writer-1234567890abcdef", "switcher-1234567890abcd"
PERMISSIONS = {
    READER: ["*:*:read"],
    WRITER: ["api:profile:read,create", "api:treatments:read"],
    SWITCHER: ["api:profile:read,create", "api:treatments:read,create"],
}


@dataclass
class Database:
    """What the site holds, and what was asked of it."""

    profiles: list[dict[str, Any]] = field(default_factory=list)
    treatments: list[dict[str, Any]] = field(default_factory=list)
    harm: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def add_profile(self, document: dict[str, Any]) -> dict[str, Any]:
        stored = {**document, "created_at": _now()}
        stored.setdefault("_id", secrets.token_hex(12))
        self.profiles.append(stored)
        return stored

    def add_treatment(self, document: dict[str, Any], *, raced: bool = False) -> dict[str, Any]:
        """`raced`: a request at the same moment looked before this one had stored, so that it replaces nothing."""
        stored = {k: v for k, v in document.items() if k != "units" and not (k == "percent" and not v)}
        stored["created_at"] = _utc(document.get("created_at"))
        stored["utcOffset"] = 0
        for old in [] if raced else list(self.treatments):
            if (old["created_at"], old.get("eventType")) == (stored["created_at"], stored.get("eventType")):
                self.treatments.remove(old)
                stored.setdefault("_id", old["_id"])
        stored.setdefault("_id", secrets.token_hex(12))
        self.treatments.append(stored)
        return stored


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _utc(value: Any) -> str:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return _now()
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:  # noqa: N802
        with self.server.lock:
            if self.server.gone_after is not None and self.server.handled >= self.server.gone_after:
                self.close_connection = True
                return
            self._answer(*self._get())

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            if self.server.gone_after is not None and self.server.handled >= self.server.gone_after:
                self.close_connection = True
                return
            if self.server.hold:
                self.server.held.append((self.path, body))
                self.close_connection = True
                return
            status, document = self._post(body)
            if self.server.twice:
                self._post(body, again=True)
            self.server.drop_post -= 1
            if self.server.drop_post == 0:  # stored, and nobody is told
                self.close_connection = True
                return
            self._answer(status, document)

    def _get(self) -> tuple[int, Any]:
        path, question = self._asked()
        database = self.server.database
        database.requests.append(("GET", path))
        if path.startswith("/api/v2/authorization/request/"):
            token = unquote(path.rsplit("/", 1)[-1])
            if token not in PERMISSIONS:
                return 401, {"status": 401, "message": "Unauthorized"}
            return 200, {"token": f"jwt-{token}", "sub": "x", "permissionGroups": [PERMISSIONS[token], []]}
        if path == "/api/v1/verifyauth":
            return 200, {"status": 200, "message": "OK" if self._granted() == ["*"] else "UNAUTHORIZED"}
        if path == "/api/v1/profile":
            if not self._may("api:profile:read"):
                return 401, {"status": 401, "message": "Unauthorized"}
            return 200, sorted(database.profiles, key=_start, reverse=True)
        if path == "/api/v1/entries/sgv":
            return 200, []
        if path == "/api/v1/treatments":
            if not self._may("api:treatments:read"):
                return 401, {"status": 401, "message": "Unauthorized"}
            if "If-Modified-Since" in self.headers:
                database.harm.append("If-Modified-Since")
            since = question.get("find[created_at][$gte]", [""])[0]
            until = question.get("find[created_at][$lte]", ["~"])[0]
            count = int(question.get("count", ["0"])[0]) or None
            kind = question.get("find[eventType]", [None])[0]
            noted = "find[originalProfileName][$exists]" in question
            found = [
                {**t, "carbs": None, "insulin": None}
                for t in database.treatments
                if since <= t["created_at"] <= until and kind in (None, t.get("eventType"))
                if not noted or "originalProfileName" in t
            ]
            return 200, sorted(found, key=lambda t: str(t["created_at"]), reverse=True)[:count]
        return 404, {"status": 404}

    def _post(self, body: bytes, *, again: bool = False) -> tuple[int, Any]:
        path, _ = self._asked()
        database = self.server.database
        database.requests.append(("POST", path))
        if self.headers.get("Content-Type", "").split(";")[0] != "application/json":
            database.harm.append("content type")
            document: Any = {}
        else:
            try:
                document = json.loads(body)
            except ValueError:
                return 400, {"status": 400}
        if path == "/api/v1/profile":
            if not self._may("api:profile:create"):
                return 401, {"status": 401, "message": "Unauthorized"}
            if isinstance(document, list):
                database.harm.append("array")
                return 500, {}
            if "_id" in document:
                database.harm.append("_id")
            if not document:
                database.harm.append("empty profile")
            self.server.alter(document)
            stored = database.add_profile(document)
            self.server.delivered.append({k: v for k, v in stored.items() if k not in ("_id", "created_at")})
            return 200, [stored]
        if path == "/api/v1/treatments":
            if not self._may("api:treatments:create"):
                return 401, {"status": 401, "message": "Unauthorized"}
            self.server.alter(document)
            return 200, [database.add_treatment(document, raced=again)]
        return 404, {"status": 404}

    def _asked(self) -> tuple[str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        return parts.path.removesuffix(".json").rstrip("/"), parse_qs(parts.query)

    def _granted(self) -> list[str]:
        if self.headers.get("api-secret") == hashlib.sha1(API_SECRET.encode()).hexdigest():  # noqa: S324
            return ["*"]
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer jwt-")
        return PERMISSIONS.get(bearer, [])

    def _may(self, wanted: str) -> bool:
        return allowed(self._granted(), wanted)

    def _answer(self, status: int, document: Any) -> None:
        content = json.dumps(document).encode()
        self.server.another_client()  # before whoever asked goes on: nothing happens here after they have the answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def _start(document: dict[str, Any]) -> tuple[int, Any]:
    start = document.get("startDate")
    return (2, start) if isinstance(start, str) else (0, 0)


class StandIn(ThreadingHTTPServer):
    """The server; `database` is what it holds."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.database = Database()
        self.lock = threading.Lock()
        self.drop_post = 0  # the answer to which of the next writes is lost
        self.handled = 0
        self.gone_after: int | None = None  # no answer any more after so many requests
        self.alter: Callable[[dict[str, Any]], object] = lambda _: None  # what the site does to what is posted
        self.hold, self.held = False, list[tuple[str, bytes]]()  # a proxy that passes writes on later
        self.twice = False  # a proxy that delivers every write a second time
        self.delivered: list[dict[str, Any]] = []  # the profile documents that were posted
        self.edits: dict[int, Callable[[Database], None]] = {}
        self.url = f"http://127.0.0.1:{self.server_port}"

    def release(self) -> None:
        """Pass on what was held."""
        self.hold = False
        for _, body in self.held:
            self.database.add_profile(json.loads(body))
        self.held.clear()

    def another_client(self) -> None:
        """What another client does right after so many requests."""
        self.handled += 1
        if (edit := self.edits.pop(self.handled, None)) is not None:
            edit(self.database)

    def handle_error(self, *_: Any) -> None:
        """A client that has gone away is no news."""


@contextlib.contextmanager
def standing_in() -> Iterator[StandIn]:
    """The stand-in, for as long as the block lasts."""
    server = StandIn()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
