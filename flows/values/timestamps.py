"""When a record happened: every way Nightscout data writes an instant, as epoch milliseconds in UTC."""

from __future__ import annotations

import functools
import math
import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flows.values.numbers import number_or_none

# What upstream's JavaScript reads without doubt: ISO 8601 with a zone, at most milliseconds.
CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)")

# Seconds, microseconds and nanoseconds since 1970 are told from milliseconds by size: 1 Jan 2001 to 1 Jan 2100.
_EARLIEST_S, _LATEST_S = 978_307_200, 4_102_444_800

_DIGITS = re.compile(r"\d{9,19}(\.\d+)?")
_GMT_SUFFIX = re.compile(r"\s*(?:GMT|UTC)\s*([+-]\d\d:?\d\d)?$", re.IGNORECASE)
_FRACTION = re.compile(r"(\.\d{6})\d+")


def instant_ms(value: Any, zone: str) -> tuple[float, bool] | None:
    """An instant as `(epoch_ms, zone_was_assumed)`, or `None` where it cannot be understood.

    Args:
        value: a number (milliseconds, or seconds, micro- or nanoseconds told by size), or text: ISO 8601 with `Z`, an
            offset (`+01:00`, `+0100`, `GMT+02:00`) or none, with `T` or a space; or digits.
        zone: the zone taken for text without one (the person's); the second value says that this was done.
    """
    if isinstance(value, str) and not _DIGITS.fullmatch(value.strip()):
        return _parse_text(value.strip(), zone)
    since_1970 = number_or_none(value)
    ms = None if since_1970 is None else _epoch_ms(since_1970)
    return None if ms is None else (ms, False)


def iso_utc(epoch_ms: float) -> str:
    """The instant as Nightscout stores it: `2026-11-22T20:50:03.000Z`."""
    instant = datetime.fromtimestamp(math.floor(epoch_ms) / 1000, UTC)
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{math.floor(epoch_ms) % 1000:03d}Z"


def _epoch_ms(number: float) -> float | None:
    in_each_unit = (number / scale for scale in (1e-3, 1.0, 1e3, 1e6))
    return next((ms for ms in in_each_unit if _EARLIEST_S * 1000 <= ms <= _LATEST_S * 1000), None)


@functools.lru_cache(maxsize=1 << 16)  # a record's time is asked for by many rules and days
def _parse_text(text: str, zone: str) -> tuple[float, bool] | None:
    if suffix := _GMT_SUFFIX.search(text):
        text = text[: suffix.start()] + (suffix.group(1) or "Z")
    text = _FRACTION.sub(r"\1", text)
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        return None
    try:
        parsed = datetime.fromisoformat(text)
        assumed = parsed.tzinfo is None
        ms = (parsed.replace(tzinfo=ZoneInfo(zone)) if assumed else parsed).timestamp() * 1000
    except (OverflowError, ValueError):
        return None
    return (float(round(ms)), assumed) if _EARLIEST_S * 1000 <= ms <= _LATEST_S * 1000 else None
