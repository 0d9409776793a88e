"""Talks to a Nightscout site: authentication, retries, complete paging. Knows nothing of Prefect or of insulin.

Secrets travel in headers only, so no URL, log line or exception ever holds one. What the site serves is handed on as it
came, bytes and all.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter

from flows import __version__
from flows.errors import Reason, Refused
from flows.nightscout.documents import is_error_answer, what_it_is

ATTEMPTS = 5
TIMEOUT_S = (10, 60)  # to connect, and between two pieces of the answer
LONGEST_WAIT_S = 60.0
WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 530})

# The one URL with a secret in it is the exchange of an access token; urllib3 would write it to a debug log.
logging.getLogger("urllib3").setLevel(logging.INFO)


@dataclass(frozen=True)
class Credentials:
    """How a site is read: an access token, the API secret, or neither for an open site. Never shown by `repr`.

    The API secret goes as its SHA1 into the `api-secret` header. An access token is exchanged for a JSON web token,
    which every version takes in the `Authorization` header (0.12 refuses an access token in `api-secret`); it lives an
    hour in 0.12, eight in 15, and is renewed when the site says it is no longer good.
    """

    token: str | None = field(default=None, repr=False)
    api_secret: str | None = field(default=None, repr=False)

    @property
    def access_token(self) -> str | None:
        """The bare access token."""
        return self.token.strip().removeprefix("token=") if self.token else None

    def secret_header(self) -> dict[str, str]:
        """The header for the API secret: its lower-case SHA1."""
        if self.api_secret:
            if re.fullmatch(r"[0-9a-fA-F]{40}", self.api_secret):
                return {"api-secret": self.api_secret.lower()}
            return {"api-secret": hashlib.sha1(self.api_secret.encode()).hexdigest()}
        return {}


@dataclass(frozen=True)
class Answer:
    """One answer of the site: what was asked (never with a secret), the bytes, and the parsed document."""

    path: str
    query: str
    body: bytes
    document: Any


class NightscoutClient:
    """Reads one Nightscout site.

    Args:
        site: its address, without a trailing slash.
        credentials: what the run may read with.
        sleep, jitter: time and chance, passed in so that tests need neither.
    """

    def __init__(
        self,
        site: str,
        credentials: Credentials,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        session: requests.Session | None = None,
    ) -> None:
        self.site = site
        self._credentials = credentials
        self._sleep = sleep
        self._jitter = jitter
        self._session = session or requests.Session()
        self._session.trust_env = True
        self._session.mount("https://", HTTPAdapter(pool_maxsize=4))
        self._session.mount("http://", HTTPAdapter(pool_maxsize=4))
        self.requests_made = 0
        self._web_token: str | None = None

    def get(self, path: str, query: str = "") -> Answer:
        """Ask for one JSON document, again where that is worth it (connection, 429, 5xx, a cut-off answer).

        Args:
            path: below `/api/v1/`, such as `entries/sgv.json`.
            query: already encoded, without a secret.

        Raises:
            Refused: a `SITE_…` reason.
        """
        try:
            return self._ask("/api/v1/", path, query, self._headers())
        except Refused as refusal:
            if refusal.reason is not Reason.SITE_UNAUTHORIZED or self._web_token is None:
                raise
        self._web_token = None  # it may have run out: once more with a new one
        return self._ask("/api/v1/", path, query, self._headers())

    def _headers(self) -> dict[str, str]:
        token = self._credentials.access_token
        if token is None:
            return self._credentials.secret_header()
        if self._web_token is None:
            try:
                answer = self._ask("/api/v2/authorization/request/", quote(token, safe=""), "", {})
                self._web_token = str(answer.document["token"])
            except (Refused, KeyError, TypeError) as error:
                raise _without_token(error) from None
        return {"Authorization": f"Bearer {self._web_token}"}

    def _ask(self, base: str, path: str, query: str, headers: dict[str, str]) -> Answer:
        url = f"{self.site}{base}{path}" + (f"?{query}" if query else "")
        failure: Refused | None = None
        for attempt in range(1, ATTEMPTS + 1):
            wait = min(LONGEST_WAIT_S, 0.5 * 2 ** (attempt - 1)) * (1 + self._jitter())
            try:
                self.requests_made += 1
                response = self._session.get(
                    url,
                    headers={
                        **headers,
                        "Accept": "application/json",
                        "User-Agent": f"autotune-flows/{__version__}",
                    },
                    timeout=TIMEOUT_S,
                    allow_redirects=False,
                )
                body = response.content
            except requests.RequestException as error:
                failure = Refused(Reason.SITE_UNREACHABLE, what=path, detail=_kind(error), attempts=attempt)
            else:
                if response.is_redirect:
                    self._follow(response, base + path)
                    return self._ask(base, path, query, headers)
                if response.status_code in WORTH_RETRYING:
                    failure = _refusal(response.status_code, path, attempt)
                    wait = max(wait, min(LONGEST_WAIT_S, _retry_after_s(response)))
                elif response.status_code != 200:
                    raise _refusal(response.status_code, path, attempt)
                else:
                    try:
                        return Answer(path, query, body, _parse(body, response, path))
                    except _CutOff:
                        failure = Refused(Reason.SITE_NOT_DATA, what=path, detail="the answer was cut off")
            if attempt < ATTEMPTS:
                self._sleep(wait)
        assert failure is not None
        raise failure

    def records(self, path: str, query: str = "") -> Answer:
        """As `get`, for an answer that must be a list.

        Raises:
            Refused: also `SITE_NOT_DATA` for anything but a list (an error answer, `null`, an object).
        """
        answer = self.get(path, query)
        if not isinstance(answer.document, list):
            raise Refused(Reason.SITE_NOT_DATA, what=path, detail=what_it_is(answer.document))
        return answer

    def window(
        self,
        path: str,
        field_name: str,
        bounds: tuple[int, int],
        encode: Callable[[int], str],
        count: int,
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

        Raises:
            Refused: `SITE_INCOMPLETE` when a millisecond holds more than `count` records.
        """
        low, high = bounds
        query = (
            f"find%5B{field_name}%5D%5B%24gte%5D={encode(low)}"
            f"&find%5B{field_name}%5D%5B%24lte%5D={encode(high)}&count={count}"
        )
        answer = self.records(path, query)
        if len(answer.document) < count:
            yield answer
            return
        if high - low < 2:
            raise Refused(
                Reason.SITE_INCOMPLETE,
                what=path,
                detail=f"{count} or more records within one millisecond",
            )
        middle = (low + high) // 2
        yield from self.window(path, field_name, (middle, high), encode, count)
        yield from self.window(path, field_name, (low, middle), encode, count)

    def _follow(self, response: requests.Response, tail: str) -> None:
        # Followed by hand: the secret must not go to another host, nor from https to http.
        target = response.next.url if response.next is not None else None
        here = urlsplit(self.site)
        there = urlsplit(target or "")
        same_host = there.hostname == here.hostname
        weaker = here.scheme == "https" and there.scheme != "https"
        if not same_host or weaker or not there.path.endswith(tail) or there.scheme == here.scheme:
            raise Refused(Reason.SITE_NOT_DATA, what="the request", detail="it redirects to another address")
        self.site = f"{there.scheme}://{there.netloc}{there.path.removesuffix(tail)}"


def _without_token(error: Exception) -> Refused:
    # What is told of the exchange must not hold the path, which holds the token.
    reason = error.reason if isinstance(error, Refused) else Reason.SITE_NOT_DATA
    if reason in (Reason.SITE_UNAUTHORIZED, Reason.SITE_FORBIDDEN, Reason.SITE_NOT_FOUND):
        reason = Reason.SITE_UNAUTHORIZED
    return Refused(
        reason, what="the access token", attempts=ATTEMPTS, status="5xx", detail="no usable answer to the access token"
    )


class _CutOff(Exception):
    pass


def _parse(body: bytes, response: requests.Response, path: str) -> Any:
    kind = response.headers.get("Content-Type", "").split(";")[0].strip()
    try:
        document = json.loads(body)
    except ValueError:
        looks_like_json = body.lstrip()[:1] in (b"[", b"{")
        if looks_like_json or not body.strip():
            raise _CutOff from None
        raise Refused(Reason.SITE_NOT_DATA, what=path, detail=f"{kind or 'no'} content") from None
    if document is None:
        raise Refused(Reason.SITE_NOT_DATA, what=path, detail="null")
    if is_error_answer(document):
        raise _refusal(int(document["status"]), path, 1)
    return document


def _refusal(status: int, path: str, attempts: int) -> Refused:
    if status == 401:
        return Refused(Reason.SITE_UNAUTHORIZED, what=path)
    if status == 403:
        return Refused(Reason.SITE_FORBIDDEN, what=path)
    if status in (404, 405, 410):
        return Refused(Reason.SITE_NOT_FOUND, what=path)
    if status == 429:
        return Refused(Reason.SITE_BUSY, what=path, attempts=attempts)
    return Refused(Reason.SITE_FAILS, what=path, status=status, attempts=attempts)


def _retry_after_s(response: requests.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else 0.0


def _kind(error: requests.RequestException) -> str:
    # The message of a requests error holds the URL; its type is enough to act on.
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer was cut off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__
