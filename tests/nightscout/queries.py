"""What a question finds: `find[…]`, the default of four days, `count`, which cuts the oldest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.nightscout.database import Document, iso

FIND = re.compile(r"find\[(\w+)\](?:\[\$(\w+)\])?(?:\[\])?")
DEFAULT_WINDOW = timedelta(days=4)
Query = Sequence[tuple[str, str]]


class NoDate(Exception):
    """A date that cannot be read."""


def finds(query: Query) -> list[tuple[str, str, str]]:
    """Field, operator and value of each `find`."""
    return [(m[1], m[2] or "eq", value) for name, value in query if (m := FIND.fullmatch(name))]


def found(documents: Sequence[Document], query: Query, time: str, now: datetime) -> list[Document]:
    """What is found, newest first; without a bound on time what is of the last four days.

    Args:
        documents: all of a collection.
        query: what was asked.
        time: `date` or `created_at`.
        now: by the server's clock.
    """
    asked = finds(query)
    if not {"date", "dateString", "created_at"} & {field for field, _, _ in asked}:
        since = now - DEFAULT_WINDOW
        asked.append((time, "gte", iso(since) if time == "created_at" else str(int(since.timestamp() * 1000))))
    several = [value for _, operator, value in asked if operator == "in"]
    kept = [d for d in documents if all(_holds(d.get(f), f, op, v, several) for f, op, v in asked)]
    return sorted(kept, key=lambda d: _order(d.get(time)), reverse=True)


def asked_count(query: Query, default: int | None) -> int | None:
    """How many are asked for; `None` for all."""
    counts = [value for name, value in query if name == "count"]
    digits = re.match(r"-?\d+", counts[-1]) if counts else None
    return default if digits is None else abs(int(digits[0])) or None


def _order(value: Any) -> tuple[int, Any]:
    return (1, value) if isinstance(value, str) else (0, value if isinstance(value, int | float) else 0)


def _holds(value: Any, field: str, operator: str, wanted: str, several: Sequence[str]) -> bool:
    if operator == "exists":
        return (value is not None) is (wanted != "false")
    if operator == "in":
        return value in several
    bound: Any = wanted
    if field == "created_at":
        bound = wanted if wanted.isdigit() else _instant(wanted)
    elif field == "date" or isinstance(value, int | float):
        digits = re.match(r"-?\d+", wanted)
        bound = int(digits[0]) if digits else None
    elif regex := re.fullmatch(r"/(.*)/i?", wanted):
        return isinstance(value, str) and re.search(regex[1], value) is not None
    if value is None or bound is None or isinstance(value, str) is not isinstance(bound, str):
        return False
    order = {"gte": value >= bound, "gt": value > bound, "lte": value <= bound, "lt": value < bound}
    return bool(order.get(operator, value == bound))


def _instant(text: str) -> str:
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise NoDate(text) from None
    return iso(at if at.tzinfo else at.replace(tzinfo=UTC))
