"""API v3 of version 15, as far as a client may touch it: reading, with its faults."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from flows.nightscout.permissions import allowed
from tests.nightscout.answer import Answer, Request, of_json
from tests.nightscout.database import Document

if TYPE_CHECKING:
    from tests.nightscout.site import Site

API, STORAGE = "3.0.3-alpha", {"storage": "mongodb", "version": "8.2.11"}
LARGEST_LIMIT = 1000
CONTROLS = ("limit", "skip", "sort", "sort$desc", "fields", "token", "now")


def answer(site: Site, request: Request, path: str) -> Answer:
    """What v3 answers."""
    what = path.removeprefix("/api/v3").strip("/")
    now_ms = int(site.database.clock().timestamp() * 1000)
    version = {"version": site.version.name, "apiVersion": API, "srvDate": now_ms, "storage": STORAGE}
    if what == "version":
        return _result(version)
    held = site.access.granted_v3(request.headers, request.address)
    if held is None:
        return of_json(401, {"status": 401, "message": "Missing or bad access token or JWT"})
    if what == "status":
        return _result({**version, "apiPermissions": {}})
    collections: dict[str, list[Document]] = {
        "entries": site.database.entries,
        "treatments": site.database.treatments,
        "profile": site.database.profiles,
    }
    if what not in collections or request.method != "GET":
        return of_json(404, {"status": 404})
    if not allowed(held, wanted := f"api:{what}:read"):
        return of_json(403, {"status": 403, "message": f"Missing permission {wanted}"})
    return _search(collections[what], dict(request.query))


def _search(documents: list[Document], query: dict[str, str]) -> Answer:
    limit = int(query.get("limit", LARGEST_LIMIT))
    if not 0 < limit <= LARGEST_LIMIT:
        return of_json(400, {"status": 400, "message": "Parameter limit out of tolerance"})
    shown = [_shown(d) for d in documents]
    last: dict[str, tuple[str, str]] = {}  # of two operators on one field only the last is applied
    for name, value in query.items():
        if name not in CONTROLS:
            field, _, operator = name.partition("$")
            last[field] = operator or "eq", value
    for field, (operator, value) in last.items():
        shown = [d for d in shown if _holds(d.get(field), operator, value)]
    down = "sort$desc" in query
    # By identifier where nothing else is asked, which what v1 wrote does not have: then as the database likes.
    by = query.get("sort$desc") or query.get("sort") or "date"
    shown.sort(key=lambda d: (str(type(d.get(by))), d.get(by)), reverse=down)
    skip = int(query.get("skip", 0))
    shown = shown[skip : skip + limit]
    if "fields" in query and query["fields"] != "_all":
        shown = [{k: d[k] for k in query["fields"].split(",") if k in d} for d in shown]
    return _result(shown)


def _shown(document: Document) -> Document:
    """As v3 shows what v1 wrote: its id is the identifier, and the time it was made that of its writing."""
    found = {k: v for k, v in document.items() if k != "_id"}
    if isinstance(made := document.get("created_at"), str):
        made_ms = int(datetime.fromisoformat(made).timestamp() * 1000)
        return {**found, "identifier": str(document["_id"]), "srvModified": made_ms, "srvCreated": made_ms}
    return {**found, "identifier": str(document["_id"])}


def _holds(value: Any, operator: str, wanted: str) -> bool:
    if value is None:
        return False
    bound: Any = type(value)(wanted)
    order = {"gte": value >= bound, "gt": value > bound, "lte": value <= bound, "lt": value < bound}
    return bool(order.get(operator, value == bound))


def _result(result: Any) -> Answer:
    return of_json(200, {"status": 200, "result": result})
