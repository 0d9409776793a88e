"""What an answer of a site is: data, a refusal, trouble on the way, or the site's new address."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import NameResolutionError

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.nightscout.documents import is_error_answer
from flows.values.limits import ANSWER, check_depth
from flows.values.timestamps import instant_ms, iso_utc

NULL = to_translate("null, which version 15 answers for a date or a count it cannot read")
CUT_OFF = object()
PIECE_BYTES = 4096
NO_CONNECTION, NO_SUCH_NAME = to_translate("no connection"), to_translate("its name is not known")
PORTS = {"http": 80, "https": 443}
REFUSALS = {  # any other status: the site fails
    401: Reason.SITE_UNAUTHORIZED,
    403: Reason.SITE_FORBIDDEN,
    404: Reason.SITE_NOT_FOUND,
    405: Reason.SITE_NOT_FOUND,
    410: Reason.SITE_NOT_FOUND,
    429: Reason.SITE_BUSY,
}
FAILURE_KINDS = (  # the first that holds counts: most of them are connection errors too
    (requests.exceptions.SSLError, "its certificate is not trusted"),
    (requests.exceptions.ProxyError, "the proxy of this machine does not let it through"),
    (requests.Timeout, "no answer in time"),
    (requests.exceptions.ChunkedEncodingError, "the answer was cut off"),
    (requests.exceptions.ContentDecodingError, "the answer was cut off"),
    (requests.ConnectionError, NO_CONNECTION),
)


def redirected_site(site: str, tail: str, location: str) -> str | None:
    """The site's address after a redirect, `None` where it must not be followed.

    Followed by hand, because the secret must not go to another host, nor from https to http: the same host, or the
    same with or without `www.`; the same port, or the scheme's own; and the very path that was asked for at its end.

    Args:
        site: the address asked.
        tail: the path asked for below it.
        location: where the site says it is.
    """
    try:
        here, there = urlsplit(site), urlsplit(urljoin(f"{site}{tail}", location))
        ports = {here.port or PORTS[here.scheme], PORTS.get(there.scheme)}
        port = there.port or PORTS.get(there.scheme)
    except ValueError:
        return None
    host = there.hostname or ""
    forbidden = (
        there.scheme not in PORTS or (here.scheme == "https" and there.scheme == "http"),
        host.removeprefix("www.") != (here.hostname or "").removeprefix("www.") or port not in ports,
        not there.path.endswith(tail) or there.username is not None,
    )
    if any(forbidden):
        return None
    name = f"[{host}]" if ":" in host else host
    return f"{there.scheme}://{name}" + (f":{there.port}" if there.port else "") + there.path.removesuffix(tail)


class AnswerTooLarge(Exception):
    """An answer holds more than the limit; whoever knows what was asked makes the refusal of it."""


def read_body(response: requests.Response, go_on: Callable[[], object] = lambda: None) -> bytes:
    """The bytes of an answer, unpacked as they come, so that no more than the limit is ever held.

    Args:
        response: opened with `stream`.
        go_on: called after each piece; ends the reading by raising.

    Raises:
        AnswerTooLarge: at the first byte beyond the limit.
    """
    pieces, left = [], ANSWER.size_bytes
    for piece in response.iter_content(PIECE_BYTES):
        left -= len(piece)
        if left < 0:
            raise AnswerTooLarge
        pieces.append(piece)
        go_on()
    return b"".join(pieces)


def parse(body: bytes, response: requests.Response, what: str) -> Any:
    """The document of an answer; `CUT_OFF` for half a one.

    Raises:
        Refused: `SITE_NOT_DATA` for a page or null, and what an error answer with status 200 says; `LIMIT_EXCEEDED`.
    """
    check_depth(body, f"The answer to {what}")
    kind = response.headers.get("Content-Type", "").split(";")[0].strip()
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = CUT_OFF
    if document is CUT_OFF and start not in (b"[", b"{", b""):
        page = to_translate("a web page") if start == b"<" else to_translate("something else than JSON")
        detail = (
            translatable("{page}, {kind} content", page=page, kind=kind)
            if kind
            else translatable("{page}, of no content", page=page)
        )
        raise Refused(Reason.SITE_NOT_DATA, what=what, detail=detail)
    if document is None:
        raise Refused(Reason.SITE_NOT_DATA, what=what, detail=NULL)
    if is_error_answer(document):
        raise refusal_of(int(document["status"]), what, 1)
    return document


def is_outside(record: Any, field_name: str, low: int, high: int) -> bool:
    """Whether a record lies outside the bounds both as an instant and as text, which is how a server may compare."""
    value = record.get(field_name) if isinstance(record, dict) else None
    if isinstance(value, str) and iso_utc(low) <= value <= iso_utc(high):
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        return not low <= value <= high
    instant = instant_ms(value, "UTC")
    return instant is not None and not low <= instant[0] <= high


def refusal(response: requests.Response, what: str, attempts: int) -> Refused:
    """Why the site refused."""
    return refusal_of(response.status_code, what, attempts)


def refusal_of(status: int, what: str, attempts: int) -> Refused:
    """The refusal a status stands for."""
    return Refused(REFUSALS.get(status, Reason.SITE_FAILS), what=what, status=status, attempts=attempts)


def failure_kind(error: BaseException) -> str:
    """What went wrong on the way, in words without the address."""
    cause = error.args[0] if isinstance(error, requests.ConnectionError) and error.args else None
    if isinstance(getattr(cause, "reason", None), NameResolutionError):
        return NO_SUCH_NAME
    # The message of such an error holds the URL; its type is enough to act on.
    return next((words for kind, words in FAILURE_KINDS if isinstance(error, kind)), type(error).__name__)
