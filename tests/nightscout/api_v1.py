"""API v1: status, profile, treatments, entries."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flows.nightscout.permissions import allowed
from tests.nightscout.answer import Answer, Request, last_modified, of_json, page, stack_trace, unauthorized
from tests.nightscout.database import Document, is_hex, iso
from tests.nightscout.purifier import purified
from tests.nightscout.queries import NoDate, Query, asked_count, finds, found

if TYPE_CHECKING:
    from tests.nightscout.site import Site

ACTIONS = {"GET": "read", "POST": "create", "PUT": "update", "DELETE": "delete"}
NOT_HEX = "Argument passed in must be a single String of 12 bytes or a string of 24 hex characters"


@dataclass(frozen=True)
class Asked:
    """A request with what it is allowed and what it brought; `again`: the second delivery of one."""

    request: Request
    path: str
    held: list[str]
    body: Any
    again: bool = False

    @property
    def query(self) -> Query:
        return self.request.query

    def may(self, area: str) -> bool:
        """A router lets nobody do anything who may not read."""
        return all(allowed(self.held, f"api:{area}:{action}") for action in {"read", ACTIONS[self.request.method]})

    @property
    def last(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def read(body: bytes) -> Any:
    """The document of a body; an empty one is `{}`."""
    return json.loads(body) if body else {}


def answer(site: Site, asked: Asked) -> Answer:
    """What v1 answers."""
    area = asked.path.split("/")[3]
    if area == "verifyauth":
        return of_json(200, {"status": 200, "message": _verified(site, asked.held)})
    known: dict[str, Callable[[Site, Asked], Answer]] = {
        "status": _status,
        "profile": _profile,
        "profiles": _profiles,
        "treatments": _treatments,
        "entries": _entries,
    }
    if area not in known or (area == "profiles" and not site.version.modern):
        return page(404)
    if not asked.may("profile" if area == "profiles" else area):
        return unauthorized()
    return known[area](site, asked)


def _verified(site: Site, held: list[str]) -> Any:
    admin = "*" in held
    if not site.version.modern:
        return "OK" if admin else "UNAUTHORIZED"
    return {
        "canRead": allowed(held, "*:*:read"),
        "canWrite": allowed(held, "*:*:write"),
        "isAdmin": admin,
        "message": "OK" if admin else "UNAUTHORIZED",
        "rolefound": "FOUND" if held else "NOTFOUND",
        "permissions": "ROLE" if held else "DEFAULT",
    }


def _status(site: Site, _: Asked) -> Answer:
    now = site.database.clock()
    mmol = "mmol" if site.version.modern else "mmol/L"
    return of_json(
        200,
        {
            "status": "ok",
            "name": "nightscout",
            "version": site.version.name,
            "serverTime": iso(now),
            "serverTimeEpoch": int(now.timestamp() * 1000),
            "apiEnabled": True,
            "careportalEnabled": True,
            "boluscalcEnabled": False,
            "settings": {"units": mmol if site.access.open_to_all else "mg/dl", "customTitle": "Nightscout"},
            "extendedSettings": {},
        },
    )


# --- profile


def newest_first(profiles: list[Document]) -> list[Document]:
    def start(document: Document) -> tuple[int, Any]:
        value = document.get("startDate")
        return (2, value) if isinstance(value, str) else (0, 0)

    return sorted(profiles, key=start, reverse=True)


def _profile(site: Site, asked: Asked) -> Answer:
    database, version = site.database, site.version
    if asked.request.method == "GET":
        if asked.last == "current":
            newest = max(database.profiles, key=lambda d: (str(d.get("startDate") or ""), d["_id"]), default=None)
            return of_json(200, newest)
        counts = [value for name, value in asked.query if name == "count"]
        if version.profiles is not None and counts and not counts[-1].lstrip("-").isdigit():
            return of_json(200, None)
        count = asked_count(asked.query, version.profiles) if version.profiles is not None else None
        return of_json(200, newest_first(database.profiles)[:count])
    if asked.request.method == "DELETE":
        if not is_hex(asked.last):
            return _bad_id(asked.last) if version.modern else page(500, f"Error: {NOT_HEX}")
        database.delete_profile(asked.last)
        return of_json(200, {})
    if isinstance(asked.body, list):
        database.harm.append("array")
        return of_json(500, {})
    given = asked.body.get("_id")
    if given is not None and not is_hex(given) and (version.modern or asked.request.method == "PUT"):
        return _bad_id(given) if version.modern else stack_trace(500, NOT_HEX)
    if asked.request.method == "PUT":
        return of_json(200, database.put_profile(asked.body))
    return _posted(site, asked.body, given)


def _posted(site: Site, body: Document, given: str | None) -> Answer:
    database = site.database
    if given is not None:
        database.harm.append("_id")
        if any(d["_id"] == given for d in database.profiles):
            if site.version.modern:
                return stack_trace(500, "E11000 duplicate key error")
            return Answer(0, None)  # the process ends
    if not body:
        database.harm.append("empty profile")
    document = purified(body) if site.version.purifies else body
    site.alter(document)
    stored = database.add_profile(document, string_id=given is not None)
    site.delivered.append({k: v for k, v in stored.items() if k not in ("_id", "created_at")})
    return of_json(200, [stored])


def _bad_id(given: str) -> Answer:
    said = f"Must be 24-character hex string. Got: {given}"
    return of_json(400, {"status": 400, "message": "Invalid _id format", "description": said})


def _profiles(site: Site, asked: Asked) -> Answer:
    """Version 15's other way to ask: of four days, where nothing else is asked."""
    since = iso(site.database.clock() - timedelta(days=4))
    bounds = [(op, v) for f, op, v in finds(asked.query) if f == "startDate"] or [("gte", since)]
    kept = [d for d in site.database.profiles if isinstance(d.get("startDate"), str)]
    for operator, bound in bounds:
        kept = [d for d in kept if (d["startDate"] >= bound if operator == "gte" else d["startDate"] <= bound)]
    return of_json(200, newest_first(kept)[: asked_count(asked.query, site.version.profiles)])


# --- treatments


def _treatments(site: Site, asked: Asked) -> Answer:
    database = site.database
    if asked.request.method == "GET":
        if "if-modified-since" in asked.request.headers:
            database.harm.append("If-Modified-Since")
        return _treatments_found(site, asked)
    if asked.request.method == "DELETE":
        gone = [] if not finds(asked.query) else found(database.treatments, asked.query, "created_at", database.clock())
        gone += [t for t in database.treatments if t["_id"] == asked.last]
        ids = {id(t) for t in gone}
        database.treatments[:] = [t for t in database.treatments if id(t) not in ids]
        return of_json(200, {"n": len(gone), "ok": 1})
    if asked.request.method == "PUT":
        return of_json(200, database.add_treatment(asked.body))
    given = asked.body if isinstance(asked.body, list) else [asked.body]
    sent = [purified(d) if site.version.purifies else d for d in given]
    for document in sent:
        site.alter(document)
    done = database.add_treatments(sent, raced=asked.again)
    own_ids = ["_id" in document for document in sent]
    shown = [
        {k: v for k, v in stored.items() if k != "_id" or own or not replaced}
        for (stored, replaced), own in zip(done, own_ids, strict=True)
    ]
    return of_json(200, shown)


def _treatments_found(site: Site, asked: Asked) -> Answer:
    database = site.database
    without, with_find = site.version.treatments
    try:
        kept = found(database.treatments, asked.query, "created_at", database.clock())
    except NoDate as error:
        if site.version.modern:
            return of_json(200, None)
        return stack_trace(500, f"Cannot parse {str(error)[:1]} as a valid ISO-8601 date")
    kept = kept[: asked_count(asked.query, with_find if finds(asked.query) else without)]
    modified = last_modified(kept[0] if kept else None, "created_at")
    return of_json(200, [{**t, "carbs": t.get("carbs"), "insulin": t.get("insulin")} for t in kept], **modified)


# --- entries


def _entries(site: Site, asked: Asked) -> Answer:
    database = site.database
    if asked.request.method == "POST":
        given = asked.body if isinstance(asked.body, list) else [asked.body]
        done = database.add_entries([purified(d) if site.version.purifies else d for d in given])
        shown = [d if new and site.version.modern else {k: v for k, v in d.items() if k != "_id"} for d, new in done]
        return of_json(200, shown)
    of_type = [d for d in database.entries if d.get("type") == "sgv"] if asked.last == "sgv" else database.entries
    kept = found(of_type, asked.query, "date", database.clock())
    if asked.request.method == "DELETE":
        ids = {id(d) for d in kept}
        database.entries[:] = [d for d in database.entries if id(d) not in ids]
        return of_json(200, {"n": len(kept), "ok": 1})
    kept = kept[: asked_count(asked.query, 10)]
    if site.version.modern and not {"date", "dateString"} & {f for f, _, _ in finds(asked.query)}:
        kept = [database.cached[d["_id"]] for d in kept]  # a value that was sent again is still the first one there
    modified = last_modified(kept[0] if kept else None, "sysTime")
    return of_json(200, kept, **modified)
