"""One site of a version: who asks is told first, then what is asked goes to the API it belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from tests.nightscout import api_v1, api_v2, api_v3
from tests.nightscout.access import Access
from tests.nightscout.answer import Answer, Request, of_json, page, plain, stack_trace, unauthorized
from tests.nightscout.database import Database, Document
from tests.nightscout.versions import NEW, VERSIONS


class Site:
    """A Nightscout in memory.

    Args:
        version: `0.12.8` or `15.0.7`.
        secret: its API secret.
        clock: of the site.
        open_to_all: anyone may read.
        only_v3: a server without v1: 404 for it and v2, or 401 for all of it; 0 for one that has it.
    """

    def __init__(
        self,
        version: str,
        secret: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        open_to_all: bool = False,
        only_v3: int = 0,
    ) -> None:
        self.version = VERSIONS[version]
        self.database = Database(version=self.version, clock=clock)
        self.access = Access(self.version, secret, clock, open_to_all)
        self.only_v3 = only_v3
        self.alter: Callable[[Document], object] = lambda _: None  # what the site does to what is posted
        self.delivered: list[Document] = []  # the profile documents that were posted

    def delay_s(self, request: Request) -> float:
        """How long the request waits before it is looked at: after bad credentials from its address."""
        return 0.0 if request.path.startswith("/api/v3/version") else self.access.delay_s(request.address)

    def answer(self, request: Request, *, again: bool = False) -> Answer:
        """`again`: the second of two deliveries of one request at the same moment."""
        path = unquote(request.path).removesuffix(".json").rstrip("/")
        self.database.requests.append((request.method, path))
        if path.startswith("/api/v3"):
            return api_v3.answer(self, request, path) if self.version.modern else page(404)
        if path == "/api/versions" and self.version.modern:
            names = ("1.0.0", "/api/v1"), ("2.0.0", "/api/v2"), ("3.0.3-alpha", "/api/v3")
            return of_json(200, [{"version": version, "url": url} for version, url in names])
        if self.only_v3 == 404 or not re.match(r"/api/v[12]/", path):
            return page(404)
        if self.only_v3 == 401 and path.startswith("/api/v1/"):
            return unauthorized()
        if exchange := re.fullmatch(r"/api/v2/authorization/request/(.+)", path):
            found = self.access.exchanged(exchange[1])
            return unauthorized() if found is None else of_json(200, found)
        held = self.access.granted(request.headers, dict(request.query), request.address)
        if held is None:
            return plain(401, "Unauthorized - Invalid/Missing")
        body, wrong = self._body(request)
        if wrong is not None:
            return wrong
        api = api_v1 if path.startswith("/api/v1/") else api_v2
        return api.answer(self, api_v1.Asked(request, path, held, body, again))

    def _body(self, request: Request) -> tuple[Any, Answer | None]:
        """The document that was sent: an empty one where its type is not JSON's."""
        if request.method not in ("POST", "PUT"):
            return None, None
        if len(request.body) > self.version.largest_body:
            return None, stack_trace(413, "request entity too large")
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            self.database.harm.append("content type")
            return {}, None
        try:
            return api_v1.read(request.body), None
        except ValueError:
            words = "Unexpected end of JSON input"
            return None, stack_trace(400, words) if self.version is NEW else page(400, f"SyntaxError: {words}")
