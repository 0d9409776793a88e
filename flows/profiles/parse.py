"""Nightscout profile documents, in all their shapes, as one typed therapy profile in mg/dL, U and g.

Knows nothing of upstream's files. What it has to assume it says in `notes`; what it cannot know it refuses.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any

from flows.errors import Reason, Refused
from flows.local_days import canonical_zone
from flows.nightscout.documents import Record
from flows.profiles.schedule import MINUTES_PER_DAY, Block, Schedule
from flows.timestamps import instant_ms

MGDL_PER_MMOLL = 18.0  # what every uploader and oref0 itself use
ISF_LIMITS_MGDL = (5.0, 500.0)
BASAL_LIMIT_U_PER_H = 35.0  # more than any pump delivers
CARB_RATIO_LIMITS = (1.0, 200.0)
FLAT_FIELDS = ("basal", "sens", "carbratio")


@dataclass(frozen=True)
class TherapyProfile:
    """One named profile of one document.

    `basal_u_per_h`, `isf_mgdl_per_u` and `carb_ratio_g_per_u` are schedules over the local day; `dia_h` is the duration
    of insulin action in hours or `None`; `timezone` canonical or `None`; `units` the document's own ("mg/dL" or
    "mmol/L"); `names` all profiles of the document.
    """

    name: str
    basal_u_per_h: Schedule
    isf_mgdl_per_u: Schedule
    carb_ratio_g_per_u: Schedule
    dia_h: float | None
    timezone: str | None
    units: str
    document_id: str | None
    start_date: str | None
    document_sha256: str
    names: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())


def choose_profile(
    documents: list[Any], *, name: str | None, until_ms: float | None, zone: str | None
) -> TherapyProfile:
    """The profile in force at the end of the data: the newest document not after it, and in it `name` or its default.

    Args:
        documents: profile documents as Nightscout serves them, in any order.
        name: a profile's name, or `None` for the document's default.
        until_ms: the end of the data (epoch ms); `None` takes the newest document.
        zone: for start dates without a zone.

    Raises:
        Refused: `NO_PROFILE`, `PROFILE_NOT_FOUND`, `PROFILE_NOT_YET`, `PROFILE_UNITS`, `PROFILE_FIELD`.
    """
    stored = [d for d in (_with_store(doc) for doc in documents) if d is not None]
    if not stored:
        raise Refused(Reason.NO_PROFILE, where="the profile documents")
    document, notes = _in_force(stored, until_ms, zone or "UTC")
    chosen, more = _named(document, name)
    return _therapy_profile(document, chosen, [*notes, *more])


def _with_store(document: Any) -> Record | None:
    """The document with a `store`, wrapping the old flat shape; `None` for one without any profile."""
    if not isinstance(document, dict):
        return None
    store = document.get("store")
    if isinstance(store, dict):
        filled = {str(k): v for k, v in store.items() if isinstance(v, dict) and v}
        return {**document, "store": filled} if filled else None
    if any(k in document for k in FLAT_FIELDS):
        return {**document, "store": {"Default": document}, "defaultProfile": "Default"}
    return None


def _in_force(documents: list[Record], until_ms: float | None, zone: str) -> tuple[Record, list[str]]:
    def start(doc: Record) -> float:
        found = instant_ms(doc.get("startDate"), zone) or instant_ms(doc.get("created_at"), zone)
        return found[0] if found else 0.0

    def created(doc: Record) -> float:
        found = instant_ms(doc.get("created_at"), zone)
        return found[0] if found else 0.0

    ordered = sorted(documents, key=lambda d: (start(d), created(d)), reverse=True)
    if until_ms is None:
        return ordered[0], []
    past = [d for d in ordered if start(d) <= until_ms]
    if past:
        return past[0], []
    return ordered[-1], ["Every profile document starts after the data ends; the oldest one was taken."]


def _named(document: Record, name: str | None) -> tuple[str, list[str]]:
    store: Record = document["store"]
    names = ", ".join(repr(n) for n in store)
    if name is not None:
        if name not in store:
            raise Refused(Reason.PROFILE_NOT_FOUND, name=name, names=names)
        return name, []
    default = document.get("defaultProfile")
    if isinstance(default, str) and default in store:
        return default, []
    if len(store) == 1:
        only = next(iter(store))
        return only, [f"The document's default profile is not in it; its only one, {only!r}, was taken."]
    raise Refused(Reason.PROFILE_NOT_FOUND, name=default, names=names)


def _therapy_profile(document: Record, name: str, notes: list[str]) -> TherapyProfile:
    body: Record = document["store"][name]
    units = _units(document, name)
    factor = MGDL_PER_MMOLL if units == "mmol/L" else 1.0
    isf = _schedule(body.get("sens"), "insulin sensitivity", notes).mapped(factor)
    _check_range(isf, "insulin sensitivity", ISF_LIMITS_MGDL, "mg/dL per U")
    ratio = _schedule(body.get("carbratio"), "carb ratio", notes)
    _check_range(ratio, "carb ratio", CARB_RATIO_LIMITS, "g per U")
    basal = _schedule(body.get("basal"), "basal", notes)
    _check_range(basal, "basal", (0.0, BASAL_LIMIT_U_PER_H), "U/h")
    zone = body.get("timezone") or document.get("timezone")
    return TherapyProfile(
        name=name,
        basal_u_per_h=basal,
        isf_mgdl_per_u=isf,
        carb_ratio_g_per_u=ratio,
        dia_h=_optional_number(body.get("dia"), "duration of insulin action"),
        timezone=canonical_zone(zone) if isinstance(zone, str) and zone.strip() else None,
        units=units,
        document_id=str(document["_id"]) if document.get("_id") else None,
        start_date=str(document["startDate"]) if document.get("startDate") else None,
        document_sha256=document_sha256(document),
        names=tuple(document["store"]),
        notes=tuple(notes),
    )


def document_sha256(document: Any) -> str:
    """A document's identity whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _units(document: Record, name: str) -> str:
    store: Record = document["store"]
    siblings = [b.get("units") for n, b in store.items() if n != name]
    for candidate in (store[name].get("units"), document.get("units"), *siblings):
        found = unit_name(candidate)
        if found:
            return found
    raise Refused(Reason.PROFILE_UNITS)


def unit_name(value: Any) -> str | None:
    """`mg/dL` or `mmol/L` for any way to write them, else `None`."""
    text = str(value or "").lower().replace(" ", "").replace("/", "")
    if text in ("mgdl", "mg"):
        return "mg/dL"
    if text in ("mmol", "mmoll"):
        return "mmol/L"
    return None


def _schedule(value: Any, what: str, notes: list[str]) -> Schedule:
    """A Nightscout schedule: a list of `{time, timeAsSeconds, value}`, or one number for the whole day."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return Schedule.constant(_number(value, what))
    if not isinstance(value, list) or not value:
        raise _field(what, "it is missing or empty")
    blocks: dict[int, float] = {}
    for item in value:
        if not isinstance(item, dict):
            raise _field(what, "an entry is not an object with a time and a value")
        minutes = _minutes(item, what, notes)
        number = _number(item.get("value"), what)
        if minutes in blocks and blocks[minutes] != number:
            notes.append(f"Two entries of {what} at {_clock(minutes)}: the last one was taken.")
        blocks[minutes] = number
    if 0 not in blocks:
        raise _field(what, f"its first entry is at {_clock(min(blocks))}, not at 00:00")
    return Schedule(tuple(Block(m, blocks[m]) for m in sorted(blocks)))


def _minutes(item: Record, what: str, notes: list[str]) -> int:
    clock = _clock_minutes(item.get("time"))
    seconds = item.get("timeAsSeconds")
    by_seconds: int | None = None
    if seconds not in (None, ""):
        exact = _number(seconds, what) / 60
        if exact != int(exact):
            raise _field(what, "an entry does not start on a whole minute")
        by_seconds = int(exact)
    if clock is None and by_seconds is None:
        raise _field(what, "an entry has no time")
    if clock is not None and by_seconds is not None and clock != by_seconds:
        notes.append(
            f"An entry of {what} has two times, {_clock(clock)} and {_clock(by_seconds)}: the first was taken."
        )
    minutes = clock if clock is not None else by_seconds
    if minutes is None or not 0 <= minutes < MINUTES_PER_DAY:
        raise _field(what, "an entry's time is not within the day")
    return minutes


def _clock_minutes(value: Any) -> int | None:
    if not isinstance(value, str) or not value.strip():
        return None
    parts = value.strip().split(":")
    if len(parts) not in (2, 3) or not all(p.strip().isdigit() for p in parts):
        return None
    hours, minutes = int(parts[0]), int(parts[1])
    return hours * 60 + minutes if minutes < 60 else None


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _number(value: Any, what: str) -> float:
    if isinstance(value, str):
        try:
            value = float(value.strip())
        except ValueError:
            raise _field(what, "a value is not a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _field(what, "a value is not a number")
    return float(value)


def _optional_number(value: Any, what: str) -> float | None:
    return None if value in (None, "") else _number(value, what)


def _check_range(schedule: Schedule, what: str, limits: tuple[float, float], unit: str) -> None:
    low, high = limits
    for block in schedule.blocks:
        if not low <= block.value <= high:
            # Without the value: this text is stored where health data must not be.
            detail = f"the value at {_clock(block.minutes)} is outside {low:g}–{high:g} {unit}; check its units"
            raise _field(what, detail)


def _field(what: str, detail: str) -> Refused:
    return Refused(Reason.PROFILE_FIELD, field=what, detail=detail)
