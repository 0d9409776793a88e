"""Accidents between a process and its site: a proxy that does a case's faults, and another client that edits."""

from __future__ import annotations

import contextlib
import copy
import http.client
import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from flows.writeback.active_on_site import profile_content
from flows.writeback.site_documents import switch_treatment
from tests.integration.faults import EVERY, PAGE, Faulty, Proxy, drop
from tests.proposals import profile_document
from tests.serving import serving
from tests.writing import Clock

Document = dict[str, Any]
HANGS_S = 0.5  # of an answer that does not come in time; a child waits for `PATIENCE_S`
PATIENCE_S = (2, 0.3)


def bad_gateway(proxy: Proxy) -> None:
    proxy.send(502, PAGE, Content_Type="text/html")


def hangs(proxy: Proxy) -> None:
    """Nothing was passed on, and nobody says so."""
    time.sleep(HANGS_S)
    drop(proxy)


def cut_off_after(proxy: Proxy) -> None:
    """The site did it; half of its answer comes."""
    status, kind, body = proxy.upstream()
    proxy.send(status, body[: len(body) // 2], length=len(body), Content_Type=kind)
    proxy.hang_up()


def delivered_late(proxy: Network) -> None:
    """Taken by a proxy, which passes it on after the next two requests; nobody is told."""
    if proxy.command == "POST":
        proxy.server.passes_later(proxy.path, proxy.headers, proxy.sent)
    drop(proxy)


def other_answer(proxy: Proxy) -> None:
    """The site did it; the answer is to another question."""
    proxy.upstream()
    proxy.send(200, b'[{"_id":"aaaaaaaaaaaaaaaaaaaaaaaa","status":"ok"}]', Content_Type="application/json")


def empty_list(proxy: Proxy) -> None:
    proxy.upstream()
    proxy.send(200, b"[]", Content_Type="application/json")


def killed(proxy: Network) -> None:
    """Whoever asks dies before the site is asked."""
    proxy.server.kill()
    drop(proxy)


def killed_after(proxy: Network) -> None:
    """Whoever asks dies when the site has done it."""
    proxy.upstream()
    proxy.server.kill()
    drop(proxy)


MORE = (bad_gateway, hangs, cut_off_after, delivered_late, other_answer, empty_list)
EVERY.update({fault.__name__: fault for fault in (*MORE, killed, killed_after)})  # type: ignore[dict-item]
FAULTS = tuple(sorted(EVERY.keys() - {"killed", "killed_after"}))
SLOW = frozenset({"hangs", "late_answer"})


class Network(Proxy):
    """One request on its way."""

    server: Between

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:  # noqa: N802
        with self.server.under_way():
            self.place = self.server.arrived()
            if self.command == "POST":
                self.server.sent.append((self.path, json.loads(self.sent or b"null")))
            super().do_GET()
            self.server.after(self.place)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Of the `Date` of every answer."""
        return format_datetime(self.server.clock.now().replace(microsecond=0), usegmt=True)

    def upstream(self) -> tuple[int, str, bytes]:
        site = urlsplit(self.server.target)
        connection = http.client.HTTPConnection(site.hostname or "", site.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, self.sent, passed_on(self.headers))
            response = connection.getresponse()
            answer = response.status, response.headers.get("Content-Type", ""), response.read()
        self.server.after(self.place)  # before whoever asked knows more
        return answer


def passed_on(headers: Any) -> dict[str, str]:
    """The headers of a request that the site is given."""
    passed = ("authorization", "api-secret", "accept", "content-type")
    return {k: v for k, v in headers.items() if k.lower() in passed}


class Between(Faulty):
    """The proxy's server.

    Args:
        target: the address of the site.
        headers: with which another client edits it.
    """

    def __init__(self, target: str, headers: dict[str, str]) -> None:
        super().__init__(target, self._planned())
        self.RequestHandlerClass = Network
        self.headers = headers
        self.clock = Clock()  # of the site
        self.begin({}, {})

    def begin(self, faults: dict[int, str], edits: dict[int, str]) -> None:
        """Forget what was; the accidents of the next act."""
        self.faults, self.edits = faults, edits
        self.place = self.busy = 0
        self.child: int | None = None
        self.sent: list[tuple[str, Document]] = []
        self.edited: list[Edit] = []
        self.later: list[tuple[int, str, dict[str, str], bytes]] = []
        self.happened: Counter[str] = Counter()

    def _planned(self) -> Iterator[str | None]:
        while True:
            fault = self.faults.get(self.place)
            if fault:
                self.happened[fault] += 1
            yield fault

    def arrived(self) -> int:
        with self._lock:
            self.place += 1
            return self.place

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        with self._lock:
            self.busy += 1
        try:
            yield
        finally:
            with self._lock:
                self.busy -= 1

    def settle(self) -> None:
        """Wait until nothing is on its way; what was kept for later is passed on."""
        until = time.monotonic() + 10
        while self.busy and time.monotonic() < until:
            time.sleep(0.005)
        self.after(10**6)

    def after(self, place: int) -> None:
        """What happens right after so many requests."""
        with self._lock:
            edit = self.edits.pop(place, None)
            due = [kept for kept in self.later if kept[0] <= place]
            self.later = [kept for kept in self.later if kept[0] > place]
        for _, path, headers, body in due:
            requests.post(self.target + path, data=body, headers=headers, timeout=30)
        if edit is not None:
            self.edited.append(EDITS[edit](self))

    def passes_later(self, path: str, headers: Any, body: bytes | None) -> None:
        with self._lock:
            self.later.append((self.place + 2, path, passed_on(headers), body or b""))

    def kill(self) -> None:
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)

    def ask(self, method: str, path: str, document: Document | None = None) -> Any:
        """As another client."""
        url = f"{self.target}/api/v1/{path}"
        answer = requests.request(method, url, json=document, headers=self.headers, timeout=30)
        answer.raise_for_status()
        return answer.json()


# --- another client


class Edit:
    """What another client saved: a document's content, or the profile it switched to."""

    def __init__(self, content: Document | None = None, switched_to: str | None = None) -> None:
        self.content = profile_content(content) if content is not None else None
        self.switched_to = switched_to


def _theirs(**dated: str) -> Document:
    document = {**profile_document(enteredBy="another"), **dated}
    del document["_id"]
    document["store"]["Day"]["dia"] = 7
    return document


def saves_anew(site: Between) -> Edit:
    newest = max(str(d.get("startDate")) for d in site.ask("GET", "profile.json?count=0"))
    document = _theirs(startDate=newest.replace(".000Z", ".500Z"))
    site.ask("POST", "profile.json", document)
    return Edit(document)


def saves_with_an_older_date(site: Between) -> Edit:
    document = _theirs(startDate="2026-11-02T00:00:00.000Z")
    site.ask("POST", "profile.json", document)
    return Edit(document)


def edits_in_place(site: Between) -> Edit:
    """The document from before everything."""
    documents = site.ask("GET", "profile.json?count=0")
    document = copy.deepcopy(min(documents, key=lambda d: str(d.get("startDate"))))
    document["store"]["Day"]["dia"] = 7
    document["enteredBy"] = "another"
    site.ask("PUT", "profile.json", document)
    return Edit(document)


def switches(site: Between) -> Edit:
    at_ms = int(datetime.now(UTC).timestamp() * 1000)
    treatment = switch_treatment("Night shift", profile_document()["store"]["Night shift"], at_ms, "by another")
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    site.ask("POST", "treatments.json", {**treatment, "created_at": at})
    return Edit(switched_to="Night shift")


EDITS: dict[str, Callable[[Between], Edit]] = {
    edit.__name__: edit for edit in (saves_anew, saves_with_an_older_date, edits_in_place, switches)
}


@contextlib.contextmanager
def between(target: str, headers: dict[str, str]) -> Iterator[Between]:
    """The proxy, for as long as the block lasts."""
    server = Between(target, headers)
    with serving(server):
        yield server
