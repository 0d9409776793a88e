"""A Nightscout for the mass of runs, served in this process: `tests/nightscout` answers, and accidents happen to it.

What would make the real server crash or store an empty profile is answered as the real one does and counted in `harm`.
A few runs go against the real server; `test_transcripts.py` holds both versions against what real ones answered.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.nightscout.answer import Answer, Request
from tests.nightscout.database import Database
from tests.nightscout.site import Site
from tests.serving import serving

API_SECRET = "stand-in-api-secret"  # noqa: S105
READER, WRITER, SWITCHER = "reader-1234567890abcdef", "writer-1234567890abcdef", "switcher-1234567890abcd"
PERMISSIONS = {
    READER: ["*:*:read"],
    WRITER: ["api:profile:read,create", "api:treatments:read"],
    SWITCHER: ["api:profile:read,create", "api:treatments:read,create"],
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:  # noqa: N802
        server, request = self.server, self._request()
        if delay_s := server.site.delay_s(request):
            server.sleep(delay_s)
        with server.lock:
            if server.gone_after is not None and server.handled >= server.gone_after:
                self.close_connection = True
                return
            posts = request.method == "POST"
            if posts and server.hold:
                server.held.append((self.path, request.body))
                self.close_connection = True
                return
            answer = server.site.answer(request)
            if posts and server.twice:
                server.site.answer(request, again=True)
            server.drop_post -= posts
            if posts and server.drop_post == 0:  # stored, and nobody is told
                self.close_connection = True
                return
            self._answer(answer)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        address = headers.get("x-forwarded-for") or str(self.client_address[0])
        return Request(self.command, parts.path, parse_qsl(parts.query), headers, body, address)

    def _answer(self, answer: Answer) -> None:
        self.server.another_client()  # before whoever asked goes on: nothing happens here after they have the answer
        if answer.content is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: Any) -> None:
        pass


class StandIn(ThreadingHTTPServer):
    """The server; `database` is what it holds.

    Args:
        version: `0.12.8` or `15.0.7`.
        secret: its API secret.
        sleep: how it waits after bad credentials.
        more: for its `Site`.
    """

    daemon_threads = True

    def __init__(
        self,
        version: str = "0.12.8",
        secret: str = API_SECRET,
        sleep: Callable[[float], object] = time.sleep,
        **more: Any,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.site = Site(version, secret, **more)
        for token, permissions in PERMISSIONS.items():
            self.site.access.add_role(f"role-{token}", permissions)
            self.site.access.add_subject(token.partition("-")[0], [f"role-{token}"], token)
        self.sleep = sleep
        self.lock = threading.Lock()
        self.drop_post = 0  # the answer to which of the next writes is lost
        self.handled = 0
        self.gone_after: int | None = None  # no answer any more after so many requests
        self.hold, self.held = False, list[tuple[str, bytes]]()  # a proxy that passes writes on later
        self.twice = False  # a proxy that delivers every write a second time
        self.edits: dict[int, Callable[[Database], None]] = {}
        self.url = f"http://127.0.0.1:{self.server_port}"

    @property
    def database(self) -> Database:
        return self.site.database

    @property
    def delivered(self) -> list[dict[str, Any]]:
        """The profile documents that were posted."""
        return self.site.delivered

    @property
    def alter(self) -> Callable[[dict[str, Any]], object]:
        """What the site does to what is posted."""
        return self.site.alter

    @alter.setter
    def alter(self, change: Callable[[dict[str, Any]], object]) -> None:
        self.site.alter = change

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
def standing_in(version: str = "0.12.8", **more: Any) -> Iterator[StandIn]:
    """The stand-in, for as long as the block lasts."""
    server = StandIn(version, **more)
    with serving(server):
        yield server
