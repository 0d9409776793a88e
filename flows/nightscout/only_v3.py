"""Whether a server has Nightscout's API v3 and no v1, which everything here is read and written by."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import requests

from flows.errors import Reason, Refused
from flows.nightscout.retry import REQUEST_ERRORS

GONE = frozenset({404, 405, 410})
STATUS, VERSION = "/api/v1/status.json", "/api/v3/version"
DATA = re.compile(r"/api/v1/(entries|treatments|profile)\b")
Ask = Callable[[str, str], tuple[requests.Response, bytes]]


def has_only_v3(refusal: Refused, tail: str, ask: Ask, *, with_token: bool) -> bool:
    """Whether a request was refused because its API is not there, and v3 is.

    Args:
        refusal: of the request.
        tail: the path asked for below the site.
        ask: sends one request, given a path and a query.
        with_token: by a web token that has not worked yet, which v3 takes too; other credentials it does not know, and
            punishes who shows them.
    """
    if refusal.reason is Reason.SITE_NOT_FOUND:
        return _is_of_v3(ask, VERSION, "") and _status(ask, STATUS) in GONE
    data = DATA.match(tail)
    if refusal.reason is Reason.SITE_UNAUTHORIZED and with_token and data:
        # The same permission in both: v3 lets in whom v1 would let in, if it were there.
        return _is_of_v3(ask, f"/api/v3/{data[1]}", "limit=1")
    return False


def _status(ask: Ask, path: str) -> int:
    try:
        return ask(path, "")[0].status_code
    except REQUEST_ERRORS:
        return 0


def _is_of_v3(ask: Ask, path: str, query: str) -> bool:
    try:
        response, body = ask(path, query)
        document = json.loads(body) if response.status_code == 200 else None
    except (*REQUEST_ERRORS, RecursionError):
        return False
    return isinstance(document, dict) and document.get("status") == 200 and "result" in document
