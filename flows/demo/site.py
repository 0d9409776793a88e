"""A stand-in for a Nightscout site, for the demonstration only: a synthetic person whose last day is yesterday.

    python -m flows.demo.site PERSON_DIRECTORY DATA_DIRECTORY [PORT]

Speaks as much of Nightscout's API v1 as this application uses, with its meanings: a short default count that cuts the
oldest, times in UTC, profiles that are only ever added, tokens that are exchanged. It is no Nightscout and no place for
real data: its two tokens are printed here. What is written to it is kept in DATA_DIRECTORY.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from functools import partialmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

from flows.nightscout.permissions import lacking
from flows.values.units import DAY_MS, SECOND_MS, SECONDS_PER_HOUR

# No secrets: whoever runs the demonstration may read and write the synthetic person.
READ_TOKEN, WRITE_TOKEN = "demo-reader-5f2b0c7e91a4d836", "demo-writer-a97c3e15d0482b6f"
READING = ["api:status:read", "api:entries:read", "api:treatments:read", "api:profile:read"]
ROLES = {READ_TOKEN: READING, WRITE_TOKEN: [*READING, "api:profile:create,update,delete", "api:treatments:*"]}
AREAS = ("status", "entries", "treatments", "profile")
VERSION = "15.0.0-demo"
FOUR_DAYS_MS = 4 * DAY_MS
FIND = re.compile(r"find\[(\w+)\](?:\[\$(\w+)\])?(?:\[\])?")
LARGEST_BODY = 1_000_000

Document = dict[str, Any]


class Site:
    """The synthetic person, moved to today, and what was written since."""

    def __init__(self, person: Path, data: Path) -> None:
        self._truth = json.loads((person / "truth.json").read_text("utf-8"))
        self._originals = {
            kind: json.loads((person / f"{kind}.json").read_text("utf-8"))
            for kind in ("entries", "treatments", "profile")
        }
        self._file = data / "written.json"
        nothing: dict[str, list[Document]] = {"treatments": [], "profile": []}
        self._written = json.loads(self._file.read_text("utf-8")) if self._file.is_file() else nothing
        self._moved_for: date | None = None
        self._moved: dict[str, list[Document]] = {}
        self.lock = threading.Lock()

    def documents(self, kind: str, now: datetime) -> list[Document]:
        """All of a kind up to now, newest first."""
        today = now.astimezone(ZoneInfo(self._truth["time_zone"])).date()
        if self._moved_for != today:
            self._moved_for, self._moved = today, self._moved_to(today)
        until, key = (_iso(now), "created_at") if kind == "treatments" else (now.timestamp() * SECOND_MS, "date")
        past = [d for d in self._moved[kind] if kind == "profile" or d[key] <= until]
        by_id = {d["_id"]: d for d in [*past, *self._written.get(kind, [])]}
        living = [d for d in by_id.values() if not d.get("_deleted")]
        by = "startDate" if kind == "profile" else key
        return sorted(living, key=lambda d: d.get(by, ""), reverse=True)

    def written(self, kind: str) -> set[str]:
        """The ids of what was written to the site, of a kind."""
        return {document["_id"] for document in self._written.get(kind, [])}

    def write(self, kind: str, document: Document) -> Document:
        """Add a document, or put it in the place of the one with its `_id`; kept on the disk before it is answered."""
        self._written[kind] = [*(d for d in self._written[kind] if d["_id"] != document["_id"]), document]
        neighbour = self._file.with_suffix(".new")
        neighbour.write_text(json.dumps(self._written), "utf-8")
        neighbour.replace(self._file)
        return document

    def _moved_to(self, today: date) -> dict[str, list[Document]]:
        zone = ZoneInfo(self._truth["time_zone"])
        by = today - timedelta(days=1) - date.fromisoformat(self._truth["last_local_day"])

        def move(instant: datetime) -> datetime:
            # By the clock on the wall, so that breakfast stays at breakfast time whatever the clock changes.
            local = instant.astimezone(zone).replace(tzinfo=None) + by
            return local.replace(tzinfo=zone).astimezone(UTC)

        return {kind: [_moved(d, move) for d in documents] for kind, documents in self._originals.items()}


def _moved(document: Document, move: Any) -> Document:
    moved = dict(document)
    for key in ("created_at", "dateString", "startDate", "timestamp"):
        if isinstance(moved.get(key), str):
            moved[key] = _iso(move(datetime.fromisoformat(moved[key])))
    for key in ("date", "mills"):
        if isinstance(moved.get(key), int | float):
            moved[key] = round(move(datetime.fromtimestamp(moved[key] / SECOND_MS, UTC)).timestamp() * SECOND_MS)
    return moved


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def found(documents: list[Document], kind: str, query: list[tuple[str, str]], now: datetime) -> list[Document]:
    """What a query finds: its `find[…]`, else the last four days; at most `count`, of which the oldest are cut."""
    times = {"entries": "date", "treatments": "created_at"}
    names = [match[1] for name, _ in query if (match := FIND.fullmatch(name))]
    if kind in times and not {"date", "dateString", "created_at"} & set(names):
        since = now.timestamp() * SECOND_MS - FOUR_DAYS_MS
        first = str(int(since)) if kind == "entries" else _iso(datetime.fromtimestamp(since / SECOND_MS, UTC))
        query = [*query, (f"find[{times[kind]}][$gte]", first)]
    for name, value in query:
        if match := FIND.fullmatch(name):
            documents = [d for d in documents if _matches(d.get(match[1]), match[1], match[2] or "eq", value)]
    counts = [value for name, value in query if name == "count"]
    default = {"entries": 10, "treatments": 1000 if names else 100, "profile": 10}[kind]
    count = int(counts[-1]) if counts and counts[-1].isdigit() else default
    return documents[: count or None]


def _matches(value: Any, name: str, operator: str, wanted: str) -> bool:
    if operator == "exists":
        return (value is not None) is (wanted != "false")
    if value is None:
        return False
    bound: Any = wanted
    if isinstance(value, int | float):
        if (digits := re.match(r"-?\d+", wanted)) is None:
            return False
        bound = int(digits[0])
    elif name == "created_at":
        bound = _iso(datetime.fromisoformat(wanted.replace(" ", "+")))
    order = {"gte": value >= bound, "gt": value > bound, "lte": value <= bound, "lt": value < bound}
    return bool(order.get(operator, value == bound))


class Handler(BaseHTTPRequestHandler):
    """One request: who asks, what for, and the answer as Nightscout gives it."""

    site: Site
    base = ""  # the path of the site below its host
    quiet = False
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "demo-site", ""

    def _answer(self, action: str) -> None:
        parts = urlsplit(self.path)
        whole, query = unquote(parts.path).removesuffix(".json"), parse_qsl(parts.query)
        path = whole.removeprefix(self.base)
        try:
            length = int(self.headers.get("Content-Length") or 0)
            if length > LARGEST_BODY:
                self.close_connection = True
                return self._send(413, {"status": 413, "message": "request entity too large"})
            body = json.loads(self.rfile.read(length)) if length else None
        except ValueError:
            return self._send(400, {"status": 400, "message": "Malformed JSON"})
        if not whole.startswith(f"{self.base}/"):
            return self._send(404, {"status": 404, "message": "Not found"})
        if exchange := re.fullmatch(r"/api/v2/authorization/request/(.+)", path):
            return self._exchange(exchange[1])
        held = self._permissions(query)
        if path == "/api/v1/verifyauth":
            return self._send(200, {"status": 200, "message": {"canRead": bool(held), "isAdmin": False}})
        area = next((k for k in AREAS if path.startswith(f"/api/v1/{k}")), None)
        if area is None:
            return self._send(404, {"status": 404, "message": "Not found"})
        if lacking(held, {f"api:{area}:read", f"api:{area}:{action}"}):
            return self._send(401, {"status": 401, "message": "Unauthorized", "description": "Invalid/Missing"})
        with self.site.lock:
            status, answer = self._do(action, area, path, query, body)
        return self._send(status, answer)

    do_GET = partialmethod(_answer, "read")
    do_POST = partialmethod(_answer, "create")
    do_PUT = partialmethod(_answer, "update")  # by `_id`
    do_DELETE = partialmethod(_answer, "delete")  # by `_id`

    def _do(self, action: str, area: str, path: str, query: list[tuple[str, str]], body: Any) -> tuple[int, Any]:
        now = datetime.now(UTC)
        if area == "status":
            settings = {"units": "mg/dl", "customTitle": "A synthetic person"}
            known = {"name": "demo-site", "version": VERSION, "apiEnabled": True, "careportalEnabled": True}
            return 200, {"status": "ok", **known, "serverTime": _iso(now), "settings": settings}
        last = path.rsplit("/", 1)[-1]
        documents = self.site.documents(area, now)
        if action == "read":
            if area == "profile" and last == "current":
                return 200, documents[0] if documents else None
            if area == "entries" and last == "sgv":
                documents = [d for d in documents if d.get("type") == "sgv"]
            return 200, found(documents, area, query, now)
        if area == "entries":
            return 405, {"status": 405, "message": "The demonstration takes no readings"}
        if action == "delete":
            wanted = [d for d in documents if d["_id"] in (last, dict(query).get("find[_id]"))]
            for document in wanted:
                self.site.write(area, {**document, "_deleted": True})
            return 200, {"n": len(wanted)}
        given = body if isinstance(body, list) else [body]
        if not all(isinstance(document, dict) for document in given):
            return 400, {"status": 400, "message": "Not a document"}
        written = [self.site.write(area, self._new(area, action, document, documents, now)) for document in given]
        return 200, written if action == "create" else written[0]

    def _new(self, area: str, action: str, given: Document, known: list[Document], now: datetime) -> Document:
        document = dict(given)
        if area == "treatments":
            document["created_at"] = _instant(document.get("created_at"), now)
            same = [d for d in known if all(d.get(k) == document.get(k) for k in ("created_at", "eventType"))]
            if same and action == "create":  # the same event sent again takes the place of the first
                document["_id"] = same[0]["_id"]
        else:
            document.setdefault("created_at", _iso(now))
        if action == "create" and area == "profile":
            document.pop("_id", None)
        document.setdefault("_id", secrets.token_hex(12))
        return document

    def _permissions(self, query: list[tuple[str, str]]) -> list[str]:
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        token = dict(query).get("token", "")
        return next((held for known, held in ROLES.items() if bearer == _web_token(known) or token == known), [])

    def _exchange(self, token: str) -> None:
        if token not in ROLES:
            return self._send(401, {"status": 401, "message": "Unauthorized", "description": "Invalid/Missing"})
        issued = int(datetime.now(UTC).timestamp())
        times = {"iat": issued, "exp": issued + 8 * SECONDS_PER_HOUR}
        return self._send(
            200, {"token": _web_token(token), "sub": token[:11], "permissionGroups": [ROLES[token]], **times}
        )

    def _send(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form: str, *values: Any) -> None:
        """One line without the address, in which a token could be."""
        if not self.quiet:
            sys.stderr.write(f"{self.command} {urlsplit(self.path).path.partition('/request/')[0]}\n")


def _instant(value: Any, now: datetime) -> str:
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        return _iso(now)
    return _iso(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def _web_token(token: str) -> str:
    return "demo." + hashlib.sha256(token.encode()).hexdigest()


def serve(
    person: Path, data: Path, host: str, port: int, *, base: str = "", quiet: bool = False
) -> ThreadingHTTPServer:
    """A server, not yet serving.

    Args:
        person: the person's documents.
        data: where is kept what is written.
        host: that it listens at.
        port: likewise.
        base: the path of the site below its host, such as `/one`; nothing is found outside of it.
        quiet: whether no line is printed for a request.
    """
    given = {"site": Site(person, data), "base": base, "quiet": quiet}
    return ThreadingHTTPServer((host, port), type("SiteHandler", (Handler,), given))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    port = int(sys.argv[3]) if len(sys.argv) == 4 else 1337
    serve(Path(sys.argv[1]), Path(sys.argv[2]), "0.0.0.0", port).serve_forever()  # noqa: S104 - in a container
