"""A request as a site sees it, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

JSON, HTML, TEXT = "application/json; charset=utf-8", "text/html; charset=utf-8", "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """Its headers by lower-case names."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """`content` of `None`: the connection is closed without an answer."""

    status: int
    content: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)


def of_json(status: int, document: Any, **headers: str) -> Answer:
    content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Answer(status, content, {"Content-Type": JSON, **{k.replace("_", "-"): v for k, v in headers.items()}})


def page(status: int, words: str = "Error") -> Answer:
    return Answer(
        status, f"<!DOCTYPE html>\n<html><body><pre>{words}</pre></body></html>\n".encode(), {"Content-Type": HTML}
    )


def plain(status: int, words: str) -> Answer:
    return Answer(status, words.encode(), {"Content-Type": TEXT})


def stack_trace(status: int, message: str) -> Answer:
    return of_json(status, {"status": status, "message": message, "stack": f"Error: {message}\n    at here"})


def unauthorized() -> Answer:
    return of_json(401, {"status": 401, "message": "Unauthorized", "description": "Invalid/Missing"})


def last_modified(record: dict[str, Any] | None, time: str) -> dict[str, str]:
    """The header, by the time of the newest record; none where that is no time."""
    try:
        at = datetime.fromisoformat(record[time] if record else "")
    except ValueError:
        return {}
    return {"Last_Modified": format_datetime(at.astimezone(UTC), usegmt=True)}
