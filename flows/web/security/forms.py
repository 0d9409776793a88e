"""Whether a request that changes something comes from a form of our own: by what the browser says, and by a token.

`Sec-Fetch-Site` where the browser sends it, else `Origin`, else `Referer`; and always the token that only a page of
the same session has. Each is needed: over plain http with a name no `Sec-Fetch-Site` is sent, and old browsers send no
`Origin`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from urllib.parse import parse_qsl, urlsplit

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.types import Message, Receive

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD, HEADER = "form_token", "X-Form-Token"
FIRST_PART_BYTES = 4096  # of a form with files the token is the first part, so that no file is read without it
MOST_FIELDS = 2000


def comes_from_us(headers: Headers, origins: Collection[str]) -> bool:
    """Whether the browser says that a page of our own sent it, as far as it says anything."""
    if (site := headers.get("Sec-Fetch-Site")) is not None:
        return site == "same-origin"
    if (origin := headers.get("Origin")) is not None:
        return origin in origins
    if (referrer := headers.get("Referer")) is not None:
        return _origin_of(referrer) in origins
    return True


def _origin_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower()


def is_token(given: Collection[str], token: str) -> bool:
    """Whether what was sent is the session's token, each time that it was sent."""
    return bool(given) and bool(token) and all(hmac.compare_digest(one.encode(), token.encode()) for one in given)


async def sent_tokens(headers: Headers, receive: Receive) -> tuple[list[str], Receive]:
    """The tokens that a request brings, and from where the rest of the application gets its body.

    A script sends the token as a header; a form as a field. A body of another kind has none.
    """
    if (given := headers.get(HEADER)) is not None:
        return [given], receive
    kind, options = parse_options_header(headers.get("Content-Type", ""))
    if kind == b"application/x-www-form-urlencoded":
        body = _Body(receive)
        await body.read_all()
        return _of_fields(body.read), body.receive
    if kind == b"multipart/form-data" and (boundary := options.get(b"boundary")):
        body = _Body(receive)
        await body.read_until(FIRST_PART_BYTES)
        return _of_first_part(body.read, boundary), body.receive
    return [], receive


def _of_fields(body: bytes) -> list[str]:
    try:
        fields = parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return []
    return [value for name, value in fields if name == FIELD]


def _of_first_part(body: bytes, boundary: bytes) -> list[str]:
    mark = re.escape(b"--" + boundary)
    form = rb"(?:\r\n)?%s\r\nContent-Disposition: *form-data; *name=\"%s\"\r\n\r\n([^\r\n]*)\r\n%s"
    found = re.match(form % (mark, FIELD.encode(), mark), body, re.IGNORECASE)
    return [found[1].decode("latin-1")] if found else []


class _Body:
    """A body that was read ahead, and is given again to whoever asks for it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []
        self.read = b""
        self._more = True

    async def read_all(self) -> None:
        parts = []
        while self._more:
            parts.append(await self._next())
        self.read = b"".join(parts)

    async def read_until(self, size: int) -> None:
        while self._more and len(self.read) < size:
            self.read += await self._next()

    async def _next(self) -> bytes:
        message = await self._receive()
        self._messages.append(message)
        self._more = message["type"] == "http.request" and bool(message.get("more_body"))
        return bytes(message.get("body", b""))

    async def receive(self) -> Message:
        return self._messages.pop(0) if self._messages else await self._receive()
