"""A proxy in front of a real site that does to answers what networks and hosts do to them, by a seeded schedule."""

from __future__ import annotations

import contextlib
import gzip
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from tests.serving import serving

PAGE = b"<!DOCTYPE html><html><title>Application error</title></html>"


class Proxy(BaseHTTPRequestHandler):
    """Answers as the site behind it does, after the schedule's fault for this request."""

    protocol_version = "HTTP/1.1"
    server: Faulty

    sent: bytes | None = None

    def do_POST(self) -> None:  # noqa: N802
        self.sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def do_GET(self) -> None:  # noqa: N802
        if self.command == "GET":
            self.sent = None
        fault = self.server.next_fault()
        if fault is None:
            status, kind, body = self.upstream()
            self.send(status, body, Content_Type=kind)
        else:
            with contextlib.suppress(ConnectionError):  # a client that does not wait for the rest
                EVERY[fault](self)

    def upstream(self) -> tuple[int, str, bytes]:
        passed = ("authorization", "api-secret", "accept", "content-type")
        asks = {k: v for k, v in self.headers.items() if k.lower() in passed}
        answer = requests.request(
            self.command, self.server.target + self.path, data=self.sent, headers=asks, timeout=60
        )
        return answer.status_code, answer.headers.get("Content-Type", ""), answer.content

    def send(self, status: int, body: bytes, *, length: int | None = None, **headers: str) -> None:
        self.start(status, Content_Length=str(len(body) if length is None else length), **headers)
        self.wfile.write(body)

    def start(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


def drop(proxy: Proxy) -> None:
    proxy.hang_up()


def drop_after_the_headers(proxy: Proxy) -> None:
    proxy.start(200, Content_Type="application/json", Content_Length="1000")
    proxy.hang_up()


def internal_error(proxy: Proxy) -> None:
    proxy.send(500, b"Internal Server Error", Content_Type="text/plain")


def application_error(proxy: Proxy) -> None:
    proxy.send(503, PAGE, Content_Type="text/html")


def slow_down(proxy: Proxy) -> None:
    proxy.send(429, b"", Retry_After="2")


def slow_down_until(proxy: Proxy) -> None:
    proxy.send(429, b"", Retry_After=formatdate(time.time() + 5, usegmt=True))


def drip(proxy: Proxy) -> None:
    status, kind, body = proxy.upstream()
    proxy.start(status, Content_Type=kind, Content_Length=str(len(body)))
    step = len(body) // 8 + 1
    for at in range(0, len(body), step):
        proxy.wfile.write(body[at : at + step])
        proxy.wfile.flush()
        time.sleep(0.02)


def compressed(proxy: Proxy) -> None:
    status, kind, body = proxy.upstream()
    proxy.send(status, gzip.compress(body, 1), Content_Type=kind, Content_Encoding="gzip")


def cut_off(proxy: Proxy) -> None:
    status, kind, body = proxy.upstream()
    proxy.send(status, body[: len(body) // 2], length=len(body), Content_Type=kind)
    proxy.hang_up()


def cut_off_without_a_word(proxy: Proxy) -> None:
    """Half the body with a length that says it is all, as after a proxy that buffers."""
    status, kind, body = proxy.upstream()
    proxy.send(status, body[: len(body) // 2], Content_Type=kind)


def cut_off_compressed(proxy: Proxy) -> None:
    status, kind, body = proxy.upstream()
    packed = gzip.compress(body, 1)
    proxy.send(status, packed[: len(packed) // 2], Content_Type=kind, Content_Encoding="gzip")


def cut_off_in_chunks(proxy: Proxy) -> None:
    status, kind, body = proxy.upstream()
    half = body[: len(body) // 2]
    proxy.start(status, Content_Type=kind, Transfer_Encoding="chunked")
    proxy.wfile.write(f"{len(half):x}\r\n".encode() + half + b"\r\n")
    proxy.hang_up()


def empty(proxy: Proxy) -> None:
    proxy.send(200, b"", Content_Type="application/json")


def page(proxy: Proxy) -> None:
    proxy.send(200, PAGE, Content_Type="text/html")


def null(proxy: Proxy) -> None:
    proxy.send(200, b"null", Content_Type="application/json")


def without_the_question(proxy: Proxy) -> None:
    """What a cache answers that knows addresses without what follows the question mark."""
    proxy.path = proxy.path.partition("?")[0]
    status, kind, body = proxy.upstream()
    proxy.send(status, body, Content_Type=kind)


def error_after(proxy: Proxy) -> None:
    """The site did what was asked, and says that it failed."""
    proxy.upstream()
    internal_error(proxy)


def lost_answer(proxy: Proxy) -> None:
    """The site did what was asked, and nobody is told."""
    proxy.upstream()
    drop(proxy)


def late_answer(proxy: Proxy) -> None:
    """The site did what was asked, and says so when nobody listens any more."""
    proxy.upstream()
    time.sleep(0.5)
    drop(proxy)


def twice(proxy: Proxy) -> None:
    """The site is asked a second time, as by a proxy that lost the first answer."""
    proxy.upstream()
    status, kind, body = proxy.upstream()
    proxy.send(status, body, Content_Type=kind)


def unauthorized(proxy: Proxy) -> None:
    proxy.send(401, b'{"status":401,"message":"Unauthorized"}', Content_Type="application/json")


# What asking again may mend, and what it may not.
PASSING: tuple[Callable[[Proxy], None], ...] = (
    drop,
    drop_after_the_headers,
    internal_error,
    application_error,
    slow_down,
    slow_down_until,
    drip,
    compressed,
    cut_off,
    cut_off_without_a_word,
    cut_off_compressed,
    cut_off_in_chunks,
    empty,
)
LASTING: tuple[Callable[[Proxy], None], ...] = (page, null, without_the_question)
# What a write must survive: refused, lost before it came, or done and not told.
WRITING = (drop, internal_error, application_error, unauthorized, error_after, lost_answer, late_answer, null, page)
FAULTS = {fault.__name__: fault for fault in (*PASSING, *LASTING)}
EVERY = {**FAULTS, **{fault.__name__: fault for fault in (*WRITING, twice)}}


class Faulty(ThreadingHTTPServer):
    """The proxy's server.

    Args:
        target: the address of the site.
        schedule: gives the fault of each request in turn, `None` for none.
    """

    daemon_threads = True

    def __init__(self, target: str, schedule: Iterator[str | None]) -> None:
        super().__init__(("127.0.0.1", 0), Proxy)
        self.target = target
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.done: Counter[str | None] = Counter()
        self._schedule = schedule
        self._lock = threading.Lock()

    def next_fault(self) -> str | None:
        with self._lock:
            fault = next(self._schedule)
            self.done[fault] += 1
        return fault

    def handle_error(self, *_: Any) -> None:
        """A client that has gone away is no news."""


def seeded(seed: int, share: float, faults: tuple[Callable[[Proxy], None], ...]) -> Iterator[str | None]:
    """A fault in `share` of all requests."""
    chance = random.Random(seed)
    while True:
        yield chance.choice(faults).__name__ if chance.random() < share else None


@contextlib.contextmanager
def faulty(target: str, schedule: Iterator[str | None]) -> Iterator[Faulty]:
    """The proxy, for as long as the block lasts."""
    server = Faulty(target, schedule)
    with serving(server):
        yield server
