"""Attacks on every route at once: markup from every free text, names that lead elsewhere, secrets and health data.

One page where every text that somebody else wrote is hostile; every route is asked, so that a new one is attacked too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import product
from typing import Any
from urllib.parse import quote, unquote

import pytest
from httpx import Response

from flows.web.index import index_of
from flows.web.looks import looks_of
from flows.web.people import PersonKind
from flows.web.rendering import static_files
from flows.web.security.tokens import MachineScope, tokens_of
from flows.web.snapshot import snapshot_of
from tests.integration.standin import standing_in
from tests.proposals import profile_document
from tests.web import runs
from tests.web.approving import NAME, Someone, asked, looked_at, no_timers, run_of_step, send
from tests.web.conftest import Page, let_in, opened
from tests.web.test_gate import every_route
from tests.web.test_new_run import leave, looked

BEFORE, REFUSED, FAILED, UNDER_WAY, LATE, CRASHED = (f"20261127-04300{n}-bbbbbb" for n in range(6))
OUTSIDE, LINK = "20261126-043000-cccccc", "20261126-043000-dddddd"
PASSWORD, READ_TOKEN = "canary-password-of-prefect", "canary-read-token"
NOTHING = ("abcdef",)  # for a gap that this table does not know
GLUCOSE = 287.31  # a mean that nothing else is


def hostile(what: str) -> str:
    """A text that would begin an element, end an attribute, and be a format."""
    return f"<xss-{what} onx=1>\"onx=1 '&{{0}}{{evil}}%s"


@dataclass
class World:
    """A page where every text is hostile, the values of each gap of an address, and what it logged."""

    page: Page
    gaps: dict[str, tuple[str, ...]]
    log: list[logging.LogRecord] = field(default_factory=list)

    def templates(self, *methods: str) -> list[str]:
        """Of every route that takes one of the methods."""
        found = every_route(self.page.client.app.routes)  # type: ignore[attr-defined]
        return sorted({route.path for route in found if set(methods) & set(route.methods or ())})

    def paths(self, template: str) -> list[str]:
        """Every address of a route."""
        names = re.findall(r"\{(\w+)\}", template)
        values = product(*(self.gaps.get(name, NOTHING) for name in names))
        return [template.format(**dict(zip(names, each, strict=True))) for each in values]

    def pages(self) -> Iterator[tuple[str, Response]]:
        """Every page."""
        for template in self.templates("GET"):
            for path in self.paths(template):
                if not path.endswith("/events"):
                    yield path, self.page.client.get(path, follow_redirects=False)

    def token(self) -> str:
        found = re.search(r'name="form_token" value="([^"]+)"', self.page.get("/settings").text)
        return found[1] if found else ""


class Records(logging.Handler):
    def __init__(self, kept: list[logging.LogRecord]) -> None:
        super().__init__(logging.DEBUG)
        self.kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("hostile")
    patch = pytest.MonkeyPatch()
    no_timers(patch)
    body = profile_document()["store"]["Day"]
    with standing_in() as site, opened(directory, site=site.url, prefect_auth=f"autotune:{PASSWORD}") as page:
        name = "xss-stored \"onx=1 '{0}{evil}%s"  # with markup in it nothing is written, whatever the page shows
        source = dict(site.database.add_profile(profile_document(defaultProfile=name, store={name: body})))
        (ada,) = page.state.people.all()
        page.state.people.change(ada.id, name=hostile("name"))
        cem = page.state.people.add(hostile("uploads"), PersonKind.UPLOADS)
        root = page.state.settings.runs
        made = run_of_step(root, site.url, source, change=poisoned)
        who = Someone(let_in(page), site, made)
        earlier = datetime.now(UTC) - timedelta(days=1)
        runs.put(root, runs.step_of(site.url, run=BEFORE, made=earlier), profile=hostile("option"))
        runs.put_refused(root, REFUSED, code=hostile("code"), site=site.url, profile=hostile("option"))
        runs.put_refused(root, FAILED, status="failed", site=site.url)
        for run, state, message in (
            (UNDER_WAY, "RUNNING", ""),
            (LATE, "SCHEDULED", ""),
            (CRASHED, "FAILED", f"Refused: {hostile('message')}"),
        ):
            given = {"request": {"site": site.url, "profile": hostile("profile")}, "run_path": str(root / run)}
            page.server._start(
                page.server.deployments["autotune-analysis/on-demand"], {"name": run, "parameters": given}
            )
            page.server.state(page.server.runs[0]["id"], state, hostile("state"), message)
        page.server.schedules.append(
            {
                "id": "x",
                "active": True,
                "slug": hostile("slug"),
                "schedule": {"cron": "30 4 * * *", "timezone": hostile("zone")},
                "parameters": {"request": {"site": site.url}},
            }
        )
        looked_at(page, source, active=hostile("active"))
        change = send(page, f"/r/{NAME}/approve", name=hostile("name"))
        assert change.status_code == 303, change.text
        who.work(change)
        send(page, f"/r/{NAME}/undo")
        refused = asked(page, "profile-rollback/rollback")[0]
        page.server.state(refused["id"], "FAILED", message=f"Refused: {hostile('message')}")
        page.get(f"/p/{ada.id}/new")
        looks_of(page.state).wait()
        found = looked(zone="UTC")
        found["profile"]["name"] = found["others"][0]["name"] = hostile("look")
        found["days"][-2]["why"] = found["days"][-3]["found"] = [hostile("note")]
        asked_looks = [run for run in page.server.runs if run["parameters"].get("kind") == "days"]
        all_looks = [run for run in page.server.runs if "look_id" in run["parameters"]]
        leave(page, found, all_looks.index(asked_looks[0]))
        tokens_of(page.state).make(hostile("token"), frozenset({MachineScope.READ}))
        index_of(page.state).renew()
        snapshot_of(page.state).look()
        (directory / "outside" / OUTSIDE).mkdir(parents=True)
        runs.put(directory / "outside", runs.step_of(run=LINK), files=True)
        (root / LINK).symlink_to(directory / "outside" / LINK)
        some = (NAME, BEFORE, REFUSED, FAILED, UNDER_WAY, LATE, CRASHED)
        gaps = {
            "person_id": (ada.id, cem.id),
            "name": some,
            "first": (NAME,),
            "second": (BEFORE, NAME),
            "change_id": (change.headers["location"].rpartition("/")[2], refused["id"]),
            "system": ("aaps", "loop", "omnipod"),
            "file": ("report.html", "proposal.json"),
            "digest": (next(iter(static_files())).partition("/")[0],),
        }
        test = page.post("/settings/notices", from_page="/settings/notices").headers["location"].rpartition("/")[2]
        page.server.state(test, "FAILED", message=hostile("message"))
        gaps["test_id"] = (test,)
        world = World(page, gaps)
        handler = Records(world.log)
        logger, level = logging.getLogger("flows"), logging.getLogger("flows").level
        logger.addHandler(handler)
        logging.getLogger().addHandler(handler)
        logger.setLevel(logging.DEBUG)
        yield world
        logger.setLevel(level)
        logger.removeHandler(handler)
        logging.getLogger().removeHandler(handler)
    patch.undo()


def poisoned(document: dict[str, Any]) -> None:
    """Put hostile texts wherever a proposal has one that is not of our own."""
    document["warnings"] = [hostile("warning")]
    document["for_pump"]["remarks"] = [hostile("remark")]
    for day in document["days"]:
        day["reason"], day["remarks"] = hostile("reason"), [hostile("device")]
    for reason in document["verdict"]["reasons"]:
        reason |= {"title": hostile("title"), "sentence": hostile("sentence"), "source": hostile("source")}
    document["options"] |= {"profile": hostile("option")}
    if document.get("glucose"):
        document["glucose"]["mean_mgdl"] = GLUCOSE


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [str(v) for n, v in attrs if n in ("href", "action", "src", "formaction", "content") and v]


def elements(answer: Response) -> Elements:
    found = Elements()
    if answer.headers.get("content-type", "").startswith("text/html"):
        found.feed(answer.text)
    return found


def is_clean(path: str, answer: Response) -> None:
    found = elements(answer)
    assert answer.status_code < 500 or answer.status_code == 503, path
    assert {tag for tag in found.tags if tag.startswith("xss")} == set(), path
    assert {name for name in found.attributes if name.startswith("onx") or "xss" in name} == set(), path
    assert "<xss" not in answer.headers.get("location", "")


def test_no_text_of_others_becomes_markup(world: World) -> None:
    seen: dict[str, set[str]] = {}
    for path, answer in world.pages():
        is_clean(path, answer)
        for what in re.findall(r"xss-(\w+)", answer.text):
            seen.setdefault(what, set()).add(path)
    # Each of them was there to be escaped: a table of what a page shows, so that a text that is lost is missed.
    assert set(seen) >= {
        *("name", "uploads", "stored", "warning", "remark", "reason", "device", "option"),
        *("message", "zone", "active", "look", "note", "token"),
    }
    assert {path.strip("/").split("/")[0] for path in set().union(*seen.values())} >= {"", "p", "r", "c", "settings"}


FIELDS = (
    *(
        "name",
        "site",
        "token",
        "units",
        "at",
        "zone",
        "language",
        "what",
        "part",
        "change",
        "session",
        "scope",
        "upload",
    ),
    *("old", "password", "again", "code", "next", "profile", "insulin", "age_group", "range", "start", "end", "from"),
    *("exclude_events", "inputs", "weekdays", "start_from", "resamples", "day", "choosable", "shown", "shown_for"),
    *("upload", "form_id", "proposal_sha256", "profile_sha256", "site_sha256"),
)


def test_no_text_that_is_sent_becomes_markup_or_an_address(world: World) -> None:
    token = world.token()
    for template in world.templates("POST"):
        if template.startswith("/api/") or template.endswith(("/end-all", "/end", "/remove", "/signout")):
            continue
        for extra in ({}, {"do": "start"}):
            form = {**dict.fromkeys(FIELDS, hostile("sent")), "form_token": token, **extra}
            path = world.paths(template)[0]
            if "{person_id}" in template and template.startswith("/settings"):
                form["name"] = ""  # who is there keeps the name
            answer = world.page.client.post(path, data=form, follow_redirects=False)
            is_clean(path, answer)
            assert "evil" not in unquote(answer.headers.get("location", ""))


def test_what_is_asked_for_in_an_address_becomes_no_markup(world: World) -> None:
    queries = ("next", "again", "from", "what", "part", "system", "pump", "a", "b", "older")
    query = "&".join(f"{name}={quote(hostile('query'))}" for name in queries)
    for template in world.templates("GET"):
        path = f"{world.paths(template)[0]}?{query}"
        if "/events" not in path:
            is_clean(path, world.page.client.get(path, follow_redirects=False))


ELSEWHERE = (
    *("%2e%2e", "..%2f..%2foutside%2f" + OUTSIDE, "%2fetc%2fpasswd", "..%5c..", "%00", f"{NAME}%00", f"{NAME}%0a"),
    *(f"{NAME}%2fproposal.json", ".looks", LINK, OUTSIDE, "a" * 300, "%ff%fe", "%E2%80%AE", "%252e%252e%252f", "-"),
    *("~root", "con", f"%20{NAME}", "%3Cxss-path%3E", "%0d%0aSet-Cookie:%20x=1", f"{NAME}%2f..%2f{NAME}"),
)


def test_a_name_in_an_address_leads_nowhere_else(world: World) -> None:
    token = world.token()
    for method in ("GET", "POST"):
        for template in world.templates(method):
            gaps = re.findall(r"\{(\w+)\}", template)
            if template.endswith("/events") or (method == "POST" and template.startswith("/api/")):
                continue
            for gap, name in product(gaps, ELSEWHERE):
                path = template.format(**{each: world.gaps.get(each, NOTHING)[0] for each in gaps} | {gap: name})
                answer = world.page.client.request(
                    method,
                    path,
                    data={"form_token": token} if method == "POST" else None,
                    follow_redirects=False,
                )
                is_clean(path, answer)
                nothing = answer.text == '{"state":"none","id":""}'
                assert nothing or answer.status_code in (303, 401, 404, 405, 409, 422), path
                assert not answer.headers.get("location", "/").startswith(("//", "/\\", "http")), path
                assert "x=1" not in answer.headers.get("set-cookie", "")


def test_no_address_has_a_name_a_site_or_a_number_of_a_person(world: World) -> None:
    site = str(world.page.state.settings.site)
    own = site.partition("//")[2]
    for path, answer in world.pages():
        if "/files/" in path:
            continue
        for address in [*elements(answer).addresses, answer.headers.get("location", "")]:
            said = unquote(address)
            assert "xss" not in said, path
            assert own not in said, path
            assert not re.search(r"mg/dL|mmol|U/h|287\.3", said), path


def test_no_secret_and_nothing_of_health_is_logged(world: World) -> None:
    world.log.clear()
    for _ in world.pages():
        pass
    world.page.client.post("/signin", data={"form_token": world.token(), "password": "canary-typed-password"})
    bearer = {"Authorization": f"Bearer autotune_{'c' * 43}"}
    world.page.client.get(f"/api/v1/people/{world.gaps['person_id'][0]}/verdict", headers=bearer)
    world.page.server.away = True
    for path in ("/", f"/r/{NAME}/approve", f"/r/{LATE}"):
        world.page.client.get(path)
    world.page.server.away = False
    # What an installed page writes: its own lines, and the warnings of what it is made of.
    lines = [r.getMessage() for r in world.log if r.name.startswith("flows") or r.levelno >= logging.WARNING]
    assert len(lines) > len(world.templates("GET"))
    text = "\n".join(lines)
    cookies = [str(cookie.value) for cookie in world.page.client.cookies.jar]
    site = str(world.page.state.settings.site).partition("//")[2]
    for canary in (*cookies, "canary", "cccccc", "xss", "287.3", site, NAME, *world.gaps["person_id"], world.token()):
        assert canary not in text, canary


def test_prefect_is_told_no_name_and_nothing_of_health(world: World) -> None:
    bodies = [str(body) for method, path, body in world.page.server.asked if method != "GET"]
    assert len(bodies) > 10
    for body in bodies:
        for canary in ("xss-name", "xss-note", "xss-token", "xss-sent", str(GLUCOSE), PASSWORD):
            assert canary not in body


def test_a_secret_is_on_no_page(world: World) -> None:
    cookies = [str(cookie.value) for cookie in world.page.client.cookies.jar]
    for path, answer in world.pages():
        for secret in (PASSWORD, *cookies):
            assert secret not in answer.text, path
