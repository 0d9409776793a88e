"""API v2: roles, subjects, and what the site itself counts as the basal of now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.nightscout.answer import Answer, of_json, page, unauthorized
from tests.nightscout.api_v1 import Asked, newest_first

if TYPE_CHECKING:
    from tests.nightscout.site import Site


def answer(site: Site, asked: Asked) -> Answer:
    """What v2 answers."""
    if asked.path == "/api/v2/properties/basal":
        return of_json(200, _basal(site) if site.version.modern else {})  # 0.12.8 loads its data some seconds later
    if asked.path not in ("/api/v2/authorization/roles", "/api/v2/authorization/subjects"):
        return page(404)
    if "*" not in asked.held:
        return unauthorized()
    roles = asked.last == "roles"
    if asked.request.method == "GET":
        shown = ("_id", "name", "accessToken", "roles")
        subjects = [{k: s[k] for k in shown} for s in site.access.subjects]
        return of_json(200, site.access.roles if roles else subjects)
    body = asked.body
    stored = (
        site.access.add_role(body["name"], body["permissions"])
        if roles
        else site.access.add_subject(body["name"], body["roles"])
    )
    return of_json(200, stored if site.version.modern else [stored])


def _basal(site: Site) -> dict[str, object]:
    """By the newest document, and the newest switch since it, a temporary one before a permanent one beneath it."""
    documents = newest_first(site.database.profiles)
    if not documents:
        return {}
    now, store = site.database.clock(), documents[0]["store"]
    name = documents[0]["defaultProfile"]
    switches = sorted(
        (t for t in site.database.treatments if t.get("eventType") == "Profile Switch"), key=lambda t: t["created_at"]
    )
    for switch in switches:
        begun = datetime.fromisoformat(switch["created_at"])
        duration = float(switch.get("duration") or 0)
        if begun <= now and (not duration or now < begun + timedelta(minutes=duration)) and switch["profile"] in store:
            name = switch["profile"]
    zone = ZoneInfo(store[name].get("timezone") or "UTC")
    minutes = now.astimezone(UTC).astimezone(zone).strftime("%H:%M")
    rate = [float(b["value"]) for b in store[name]["basal"] if b["time"] <= minutes][-1]
    current = {"basal": rate, "treatment": None, "combobolustreatment": None, "tempbasal": rate, "combobolusbasal": 0}
    return {"basal": {"display": f"{rate:.3f}U", "current": {**current, "totalbasal": rate}}}
