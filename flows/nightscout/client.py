"""Talks to a Nightscout site: authentication, redirects, complete paging. Knows nothing of Prefect or of insulin.

Secrets travel in headers; where one must be in an address (the exchange of an access token, and `token=` behind a
server that takes the `Authorization` header for itself) no answer, refusal or log line holds that part of it. What the
site serves is handed on as it came, bytes and all.
"""

from __future__ import annotations

import functools
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import requests

from flows import __version__
from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.nightscout.answers import is_outside, read_body, redirected_site
from flows.nightscout.authentication import Credentials
from flows.nightscout.circuit_breaker import CircuitBreaker
from flows.nightscout.connections import MAX_CONNECTIONS, session_within
from flows.nightscout.documents import json_type
from flows.nightscout.in_front import redirect_refusal
from flows.nightscout.only_v3 import has_only_v3
from flows.nightscout.permissions import exchange_path
from flows.nightscout.rate_limit import RateLimit
from flows.nightscout.reach import Reach
from flows.nightscout.retry import WAKE_S, Retry

TIMEOUT_S = (10, 60)  # to connect, and between two pieces of the answer
LONGEST_ANSWER_S = 600.0  # an answer that drips in for longer is given up
MAX_REDIRECTS = 3
STRAY = to_translate(
    "it answered with records from outside the time asked for, so it (or a proxy before it) ignores the question"
)

_SECRET_IN_ADDRESS = re.compile(r"((?:[?&]|%3F|%26)(?:token|secret)=|/authorization/request/)[^&\s\"']+", re.IGNORECASE)


class _WithoutSecrets(logging.Filter):
    """urllib3 writes addresses to its log (all at level debug, odd ones as warnings): takes the secrets out of them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _SECRET_IN_ADDRESS.sub(r"\1…", record.getMessage()), ()
        return True


for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_WithoutSecrets())


@dataclass(frozen=True)
class Answer:
    """One answer of the site: what was asked (never with a secret), the bytes, and the parsed document."""

    path: str
    query: str
    body: bytes
    document: Any

    @property
    def records(self) -> int:
        """How many records the answer holds; a page is complete when they are fewer than its query's `count`."""
        return len(self.document) if isinstance(self.document, list) else 1


@dataclass
class _Access:
    """What goes with a request so that it is let in. `worked` once the site has taken it."""

    headers: dict[str, str] = field(repr=False)
    secret_query: str = field(default="", repr=False)
    renewable: bool = False
    worked: bool = False

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """As the `auth` of a request: without one, requests would put a password of ~/.netrc over our header."""
        request.headers.update(self.headers)
        return request


class NightscoutClient:
    """Reads one Nightscout site. May be shared between threads.

    As a context manager it tells the circuit breaker how the run ended, so that requests to a dead site are paused:

        with NightscoutClient(site, credentials, breaker=CircuitBreaker(SiteMemory(site))) as client:
            fetch_profiles(client)

    Args:
        site: its address, without a trailing slash.
        credentials: what the run may read with.
        rate_limit: how often the site may be asked, over all processes; `None` for no limit.
        breaker: whether it may be asked at all, over all processes; `None` for always.
        ignore_breaker: ask the site even while requests are paused.
        sleep, jitter, clock: time (in seconds, since 1970) and chance, passed in so that tests need neither.
        session: how requests are sent.
        reach: which addresses the site's name may stand for.
        wake_s: how long a site that has answered nothing yet is waited for to wake up; `None` for about a minute.
    """

    def __init__(
        self,
        site: str,
        credentials: Credentials,
        *,
        rate_limit: RateLimit | None = None,
        breaker: CircuitBreaker | None = None,
        ignore_breaker: bool = False,
        sleep: Callable[[float], object] | None = None,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.time,
        session: requests.Session | None = None,
        reach: Reach = Reach.ANYWHERE,
        wake_s: float | None = None,
    ) -> None:
        self.site = site
        self._credentials = credentials
        self._rate_limit = rate_limit
        self._breaker = breaker
        self._allowed = ignore_breaker or breaker is None
        self._stopped = threading.Event()
        self._clock = clock
        self._retry = Retry(
            self._stopped, sleep or self._stopped.wait, jitter, clock, WAKE_S if wake_s is None else wake_s
        )
        self._session = session_within(reach, session)
        self.requests_made = 0
        self._access: _Access | None = None
        self._access_lock = threading.Lock()
        self._lock = threading.Lock()  # over the address and the count of requests; nothing is waited for under it
        self._under_way = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self._session.close()
        if self._breaker is None or not self.requests_made:
            return
        if error is None or isinstance(error, Refused):
            self._breaker.run_ended(error.reason if isinstance(error, Refused) else None)
        else:
            self._breaker.run_broken_off()

    def stop(self) -> None:
        """Ask no more: the request under way ends, none is made after it."""
        self._stopped.set()

    def get(self, path: str, query: str = "") -> Answer:
        """Ask for one JSON document, again where that is worth it (connection, 429, 5xx, a cut-off answer).

        Args:
            path: below `/api/v1/`, such as `entries/sgv.json`.
            query: already encoded, without a secret.

        Raises:
            Refused: a `SITE_…` reason.
        """
        access = self._authorize()
        try:
            answer = self._ask(f"/api/v1/{path}", path, query, access)
        except Refused as refusal:
            # What has worked before may have run out; what never did is no good, and asking on would be punished.
            if refusal.reason is not Reason.SITE_UNAUTHORIZED or not (access.renewable and access.worked):
                raise
        else:
            access.worked = True
            return answer
        return self._ask(f"/api/v1/{path}", path, query, self._authorize(worn_out=access))

    def _authorize(self, worn_out: _Access | None = None) -> _Access:
        with self._access_lock:
            if not self._allowed and self._breaker is not None:
                self._breaker.check()
                self._allowed = True
            if self._access is None or self._access is worn_out:
                self._access = self._new_access()
            return self._access

    def _new_access(self) -> _Access:
        basic, token = self._credentials.basic_header(), self._credentials.access_token
        if token is None:
            return _Access({**self._credentials.secret_header(), **basic})
        web_token = self._exchanged(token, _Access(basic))
        if basic:
            return _Access(basic, f"token={quote(token, safe='')}")
        return _Access({"Authorization": f"Bearer {web_token}"}, renewable=True)

    def _exchanged(self, token: str, access: _Access) -> str:
        what = to_translate("the exchange of the access token")
        answer = self._ask(exchange_path(token), what, "", access)
        web_token = answer.document.get("token") if isinstance(answer.document, dict) else None
        if not isinstance(web_token, str) or not re.fullmatch(r"[\x21-\x7e]+", web_token):
            raise Refused(Reason.SITE_NOT_DATA, what=what, detail="no usable answer to the access token")
        return web_token

    def _ask(self, tail: str, what: str, query: str, access: _Access) -> Answer:
        try:
            body, document = self._retry.ask(lambda: self._once(tail, query, access), what)
        except Refused as refusal:
            shown = access if access.renewable else _Access(self._credentials.basic_header())
            ask = functools.partial(self._once, access=shown)
            if has_only_v3(refusal, tail, ask, with_token=access.renewable and not access.worked):
                raise Refused(Reason.SITE_ONLY_V3, what=what) from None
            raise
        return Answer(what, query, body, document)

    def _once(self, tail: str, query: str, access: _Access) -> tuple[requests.Response, bytes]:
        """One answer, wherever on the site's own host it is to be had."""
        questions = "&".join(filter(None, (query, access.secret_query)))
        seen: list[str] = []
        while True:
            site = self.site
            seen.append(site)
            with self._under_way:
                response, body = self._send(f"{site}{tail}" + (f"?{questions}" if questions else ""), access)
            if not response.is_redirect:
                return response, body
            moved = redirected_site(site, tail, response.headers["Location"])
            if moved is None:
                raise redirect_refusal(site, tail, response.headers["Location"])
            if moved in seen or len(seen) > MAX_REDIRECTS:
                raise Refused(Reason.SITE_NOT_DATA, what="the request", detail="it redirects in a circle")
            with self._lock:
                self.site = moved

    def _send(self, url: str, access: _Access, sent: bytes | None = None) -> tuple[requests.Response, bytes]:
        """One request and its answer: a GET, or with `sent`, a JSON document, a POST."""
        if self._rate_limit is not None:
            self._rate_limit.before_request()
        with self._lock:
            self.requests_made += 1
        began_s = self._clock()
        headers = {"Accept": "application/json", "User-Agent": f"autotune-flows/{__version__}"}
        if sent is not None:
            headers["Content-Type"] = "application/json"
        with self._session.request(
            "GET" if sent is None else "POST",
            url,
            data=sent,
            headers=headers,
            auth=access,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            stream=True,
        ) as response:

            def go_on() -> None:
                if self._clock() - began_s > LONGEST_ANSWER_S:
                    raise requests.ReadTimeout("the answer drips in")

            return response, read_body(response, go_on)

    def records(self, path: str, query: str = "") -> Answer:
        """As `get`, for an answer that must be a list.

        Raises:
            Refused: also `SITE_NOT_DATA` for anything but a list (an error answer, `null`, an object).
        """
        answer = self.get(path, query)
        if not isinstance(answer.document, list):
            raise Refused(Reason.SITE_NOT_DATA, what=path, detail=json_type(answer.document))
        return answer

    def window(
        self,
        path: str,
        field_name: str,
        bounds: tuple[int, int],
        encode: Callable[[int], str],
        count: int,
        also: str = "",
    ) -> Iterator[Answer]:
        """Every record of a span of time, in as few requests as `count` allows.

        Nightscout cuts an answer at the oldest end without saying so. An answer that is as long as was asked for may
        be cut: its span is halved and both halves asked again, sharing their boundary so that nothing between two
        milliseconds is lost; the caller removes what came twice.

        Args:
            path: `entries/sgv.json` or `treatments.json`.
            field_name: `date` or `created_at`.
            bounds: first and last epoch millisecond, both included.
            encode: writes a bound as the server compares it.
            count: the most records one answer is asked for.
            also: what else is asked for, encoded, with a `&` at its end.

        Raises:
            Refused: `SITE_INCOMPLETE` when a millisecond holds more than `count` records, or records come that were
                not asked for: then those that were may be missing.
        """
        low, high = bounds
        query = (
            f"{also}find%5B{field_name}%5D%5B%24gte%5D={encode(low)}"
            f"&find%5B{field_name}%5D%5B%24lte%5D={encode(high)}&count={count}"
        )
        answer = self.records(path, query)
        if any(is_outside(record, field_name, low, high) for record in answer.document):
            raise Refused(Reason.SITE_INCOMPLETE, what=path, detail=STRAY)
        if answer.records < count:
            yield answer
            return
        if high - low < 2:
            raise Refused(
                Reason.SITE_INCOMPLETE,
                what=path,
                detail=translatable("{count} or more records within one millisecond", count=count),
            )
        middle = (low + high) // 2
        yield from self.window(path, field_name, (middle, high), encode, count, also)
        yield from self.window(path, field_name, (low, middle), encode, count, also)
