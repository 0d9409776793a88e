"""A person whose run has a step, the look at their site, and the worker that does what the page asked for."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

from flows.errors import Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.documents import Record
from flows.pipeline.look import LookKind
from flows.profiles.stored import document_sha256
from flows.proposal.document import Proposal
from flows.values.run_directory import RunDirectory
from flows.web.looks import looks_of
from flows.web.people import Person
from flows.writeback.apply import Tools, apply
from flows.writeback.approval import RollbackRequest, SyncRequest
from flows.writeback.rollback import rollback
from tests.integration.standin import API_SECRET, StandIn, standing_in
from tests.proposals import profile_document, proposal
from tests.web.conftest import Page, let_in, opened
from tests.web.looks import first_words
from tests.web.runs import put
from tests.writing import Clock, client

NAME = "20261128-043000-aaaaaa"
APPROVE = f"/r/{NAME}/approve"


def run_of_step(root: Path, site: str | None, source: Record, **made: Any) -> Proposal:
    """A sealed run of a step for a profile document that the site served."""
    made.setdefault("created_at", datetime.now(UTC) - timedelta(hours=1))
    document = proposal(source, site=site or "https://nobody.example", run=NAME, **made)
    put(root, document, served=(source,))
    return document


def looked_at(page: Page, document: Record, person: Person | None = None, *, active: str = "Day", **site: Any) -> None:
    """A look that saw this document on the site."""
    whose = person or page.state.people.all()[0]
    look = looks_of(page.state).start(whose, LookKind.SITE, again=True)
    looks_of(page.state).wait()
    found = {
        "read_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "active_profile": active,
        "document_sha256": document_sha256(document),
        "alike_sha256": [document_sha256(document)],
        "document": document,
        **site,
    }
    root = page.state.settings.runs / ".looks"
    root.mkdir(exist_ok=True, mode=0o700)
    directory = RunDirectory(root / look.id)
    directory.path.mkdir(mode=0o700)
    directory.write_json("look.json", {"version": 1, "kind": "site", "refused": None, "site": found})


def form_of(text: str, action: str) -> dict[str, Any]:
    """The fields that a page's form would send, as they are filled in."""
    form = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', text, re.DOTALL)
    assert form is not None, f"no form to {action}"
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form[0]):
        named = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if named.get("type") == "checkbox" and " checked" not in tag:
            continue
        if named.get("name") == "part":
            fields.setdefault("part", []).append(named["value"])
        else:
            fields[named["name"]] = named.get("value", "")
    return fields


def send(page: Page, path: str = APPROVE, *, action: str | None = None, **fields: Any) -> Any:
    """Open a page, fill in its form, and send it."""
    form = form_of(page.get(path).text, action or path.partition("?")[0])
    return page.client.post(action or path.partition("?")[0], data={**form, **fields}, follow_redirects=False)


def words_of(text: str) -> str:
    """The words of a page's main part."""
    return unescape(first_words(text))


def asked(page: Page, what: str = "profile-sync/apply") -> list[dict[str, Any]]:
    """The runs of a deployment that the page asked for."""
    return [run for run in page.server.runs if run["deployment_id"] == page.server.deployments[what]]


class Someone:
    """A page, and the site of its person, to which a worker writes what was asked for."""

    def __init__(self, page: Page, site: StandIn, made: Proposal) -> None:
        self.page, self.site, self.made = page, site, made

    def look(self) -> None:
        """A look at the site as it is."""
        newest = max(self.site.database.profiles, key=lambda d: str(d.get("startDate")))
        looked_at(self.page, dict(newest))

    def work(self, answer: Any, **tools: Any) -> str:
        """Do what a form asked for, as the worker does; the address of the change."""
        to: str = answer.headers["location"]
        run_id = UUID(to.rpartition("/")[2])
        run = next(run for run in self.page.server.runs if run["id"] == str(run_id))
        given = run["parameters"]["request"]
        clock = Clock()
        settings = self.page.state.settings
        ready = Tools(
            clock=clock.now,
            credentials=Credentials(api_secret=API_SECRET),
            journals=settings.journals,
            sleep=clock.sleep,
            client=client,
            who=f"prefect flow run {run_id}",
        )
        ready = Tools(**{**ready.__dict__, **tools})
        directory = RunDirectory(settings.runs / given["proposal_id"])
        run["start_time"] = datetime.now(UTC).isoformat()
        try:
            if "even_if_edited" in given:
                rollback(directory, RollbackRequest(**given), ready, "prefect")
            else:
                apply(directory, SyncRequest(**given), ready, "prefect")
        except Refused as refusal:
            message = f"Flow run encountered an exception: Refused: {refusal}"
            self.page.server.state(str(run_id), "FAILED", message=message)
        else:
            self.page.server.state(str(run_id), "COMPLETED")
        return to


@contextmanager
def someone(directory: Path, **made: Any) -> Iterator[Someone]:
    """A person with a site in memory, a run of today's profile, and a look at it."""
    with standing_in() as site:
        source = site.database.add_profile(profile_document())
        with opened(directory, site=site.url) as page:
            page.state.people.change(page.state.people.all()[0].id, name="Ada")
            who = Someone(let_in(page), site, run_of_step(page.state.settings.runs, site.url, dict(source), **made))
            who.look()
            yield who


def no_timers(monkeypatch: Any) -> list[Any]:
    """What would be done a minute later, to be done when a test says so."""
    later: list[Any] = []

    class Later:
        daemon = False

        def __init__(self, seconds: float, act: Any, given: Any) -> None:
            later.append((seconds, lambda: act(*given)))

        def start(self) -> None:
            """Not now."""

    monkeypatch.setattr(threading, "Timer", Later)
    return later
