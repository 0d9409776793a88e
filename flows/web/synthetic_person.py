"""The synthetic person to try everything with: a person of the page, a saved site, and the stand-in that serves it.

The stand-in runs in this process, on a port of its own, and only while there is such a person. Each has another path at
it: what was written to an earlier one is no change of this one.
"""

from __future__ import annotations

import json
import secrets
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from flows.demo.site import READ_TOKEN, WRITE_TOKEN, Site, serve
from flows.errors import Refused
from flows.language.catalogue import phrase
from flows.nightscout.documents import Record
from flows.values.bundled import bundled
from flows.values.loopback import is_loopback
from flows.values.units import SECOND_MS
from flows.web.people import Person, PersonKind
from flows.web.prefect_server import START, ServerAway, ServerRun
from flows.web.saved_sites import block_name, delete_site, save_site
from flows.web.state import PageState
from flows.writeback.active_on_site import SiteProfiles, is_switch, start_ms

ROOM = "synthetic person"
DOCUMENTS = "fixtures/demonstration_step"
BLOCK = "try"
ALL_OF_A_CONTAINER = "0.0.0.0"  # noqa: S104 - whose port is not published


class NotTried(Exception):
    """Why nothing could be begun, in the language that is spoken."""


@dataclass(frozen=True)
class ProfileOnSite:
    """One profile of a document of the site, as it is stored there.

    Attributes:
        name: of the profile.
        active: whether Nightscout counts it as active now.
        basal, isf, carb_ratio: (time, value) of each block: U/h, `units` per U, g per U.
        units: of the document's glucose.
    """

    name: str
    active: bool
    basal: list[tuple[str, Any]]
    isf: list[tuple[str, Any]]
    carb_ratio: list[tuple[str, Any]]
    units: str


@dataclass(frozen=True)
class DocumentOnSite:
    """A profile document of the site: since when it holds, who wrote it, whether it was written since it is tried."""

    starts: datetime
    by: str
    written_here: bool
    profiles: list[ProfileOnSite]


class SyntheticPerson:
    """The one such person of the page, if there is one."""

    def __init__(self, page: PageState) -> None:
        self._page, self._lock = page, threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._data = page.settings.data / "demo"

    def person(self) -> Person | None:
        """Whom the page shows."""
        return next((one for one in self._page.people.all() if one.kind is PersonKind.DEMO), None)

    @property
    def served(self) -> bool:
        """Whether the site answers."""
        return self._server is not None

    def begin(self) -> None:
        """At the page's start: serve the site again, where there is such a person; where it cannot be, `served` says
        so."""
        person = self.person()
        if person is not None:
            with suppress(OSError, Refused):
                self._serve(str(person.site))

    def end(self) -> None:
        """Serve the site no more."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def start(self, key: str) -> ServerRun:
        """Make the person, with a site and a first run.

        Args:
            key: of the form; with the same one there is one run.

        Raises:
            NotTried: nothing was begun.
        """
        with self._lock:
            made = self.person() is None
            try:
                _check_worker(self._page)
                person = self.person() or self._make()
                name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
                path = str(self._page.settings.runs / name)
                return self._page.server.start(START, person.request(), key=f"try-{key}", name=name, run_path=path)
            except ServerAway as away:
                if made:
                    self._unmake()
                raise NotTried(
                    phrase("Nothing was started: Prefect's server does not answer ({why}). Try again.", why=away.why)
                ) from None

    def remove(self) -> None:
        """Remove the person, the saved site, and what was written to it; the runs stay.

        Raises:
            ServerAway: the saved site may be there still, and so all is.
        """
        with self._lock:
            person = self.person()
            if person is not None:
                delete_site(self._page.server, str(person.block))
                self._forget(person)

    def documents(self, now: datetime) -> list[DocumentOnSite]:
        """What the site has, the newest first; nothing where it is not served."""
        server = self._server
        if server is None:
            return []
        site: Site = server.RequestHandlerClass.site  # type: ignore[attr-defined]
        with site.lock:
            documents = site.documents("profile", now)
            switches = [one for one in site.documents("treatments", now) if is_switch(one)]
            written = site.written("profile")
        profiles = SiteProfiles(tuple(documents), tuple(switches))
        active = profiles.active(now.timestamp() * SECOND_MS).name
        return [
            DocumentOnSite(
                datetime.fromtimestamp(start_ms(document) / SECOND_MS, UTC),
                str(document.get("enteredBy") or ""),
                document["_id"] in written,
                [
                    _profile(name, body, active=document is profiles.newest and name == active)
                    for name, body in document["store"].items()
                ],
            )
            for document in profiles.newest_first
        ]

    def _make(self) -> Person:
        """The site, the person, the saved site: in this order, so that none is there without what it needs.

        Raises:
            NotTried: the site could not be served.
            ServerAway: it was not saved.
        """
        page, address = self._page, f"{self._page.settings.demo}/{secrets.token_hex(3)}"
        said = json.loads((bundled(DOCUMENTS) / "settings.json").read_text("utf-8"))
        block = block_name(BLOCK, set(page.server.saved_sites()))
        try:
            self._serve(address)
        except OSError as error:
            raise NotTried(
                phrase(
                    "Nothing was started: the site of the synthetic person could not be served at {address} ({why}). "
                    "Give AUTOTUNE_DEMO_ADDRESS another port.",
                    address=page.settings.demo,
                    why=error.strerror or type(error).__name__,
                )
            ) from None
        person = page.people.add(phrase("Robin (synthetic)"), PersonKind.DEMO, block=block, site=address)
        tokens = {"read_token": READ_TOKEN, "write_token": WRITE_TOKEN}
        save_site(page.server, block, {"url": address, "allow_http": True, "options": said, **tokens})
        return person

    def _unmake(self) -> None:
        """Where the server failed in the middle."""
        person = self.person()
        if person is None:
            self.end()
            return
        with suppress(ServerAway):
            delete_site(self._page.server, str(person.block))
        self._forget(person)

    def _forget(self, person: Person) -> None:
        self.end()
        shutil.rmtree(self._data, ignore_errors=True)
        self._page.people.remove(person.id)

    def _serve(self, address: str) -> None:
        """Serve the site at its address, unless it is.

        Raises:
            OSError: it cannot listen there.
        """
        self.end()
        parts = urlsplit(address)
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        host = str(parts.hostname)
        listen = "127.0.0.1" if is_loopback(host) else ALL_OF_A_CONTAINER
        server = serve(bundled(DOCUMENTS), self._data, listen, parts.port or 80, base=parts.path, quiet=True)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, name="autotune-page-demo-site", daemon=True).start()
        self._server = server


def synthetic_person_of(page: PageState) -> SyntheticPerson:
    """The page's."""
    found: SyntheticPerson = page.rooms[ROOM]
    return found


def _check_worker(page: PageState) -> None:
    """Raise `NotTried` where nothing would take up a run."""
    deployment = page.server.get(f"/deployments/name/{START}") or {}
    pool = str(deployment.get("work_pool_name") or "")
    if pool and not page.server.worker_listens(pool):
        raise NotTried(
            phrase(
                "Nothing was started: nothing is there that computes (the worker of the pool {pool} does not listen). "
                "Health says what to do.",
                pool=pool,
            )
        )


def _profile(name: str, body: Record, *, active: bool) -> ProfileOnSite:
    def blocks(key: str) -> list[tuple[str, Any]]:
        return [(str(block["time"]), block["value"]) for block in body.get(key) or []]

    units = "mmol/L" if str(body.get("units") or "").lower().startswith("mmol") else "mg/dL"
    return ProfileOnSite(name, active, blocks("basal"), blocks("sens"), blocks("carbratio"), units)
