"""What a site holds, and how it stores what it is given: times, numbers, ids, what is the same event."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.nightscout.versions import OLD, Version

Document = dict[str, Any]
DROPPED_ZEROES = ("carbs", "insulin", "percent", "relative", "targetTop", "targetBottom", "protein", "fat")
NUMBERS = (*DROPPED_ZEROES, "absolute", "duration", "rate")


class ObjectId(str):
    """An id the database made. One that a client sent to /profile is a plain string, which no PUT or DELETE finds."""

    __slots__ = ()


_counter = itertools.count(secrets.randbits(60))


def new_id() -> ObjectId:
    """One that sorts after those before it."""
    return ObjectId(f"{next(_counter):024x}")


@dataclass
class Database:
    """What the site holds, and what was asked of it; `harm`: what would have killed or spoilt the real one."""

    profiles: list[Document] = field(default_factory=list)
    treatments: list[Document] = field(default_factory=list)
    entries: list[Document] = field(default_factory=list)
    cached: dict[str, Document] = field(default_factory=dict)  # version 15's: each entry as it first came
    harm: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    version: Version = OLD
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def now(self) -> str:
        return iso(self.clock())

    def add_profile(self, document: Document, *, string_id: bool = False) -> Document:
        """`string_id`: with an `_id` by the client."""
        stored = {**document}
        if not (self.version.modern and stored.get("created_at")):
            stored["created_at"] = self.now()
        stored["_id"] = document["_id"] if string_id else ObjectId(document.get("_id") or new_id())
        self.profiles.append(stored)
        return stored

    def put_profile(self, document: Document) -> Document:
        stored = {**document}
        stored["created_at"] = document.get("created_at") or self.now()
        stored["_id"] = ObjectId(document.get("_id") or new_id())
        for at, old in enumerate(self.profiles):
            if isinstance(old["_id"], ObjectId) and old["_id"] == stored["_id"]:
                self.profiles[at] = stored
                return stored
        self.profiles.append(stored)
        return stored

    def delete_profile(self, known_as: str) -> None:
        self.profiles[:] = [d for d in self.profiles if not (isinstance(d["_id"], ObjectId) and d["_id"] == known_as)]

    def add_treatment(self, document: Document, *, raced: bool = False) -> Document:
        """`raced`: a request at the same moment looked before this one had stored, so that it replaces nothing."""
        return self.add_treatments([document], raced=raced)[0][0]

    def add_treatments(self, documents: Sequence[Document], *, raced: bool = False) -> list[tuple[Document, bool]]:
        """Each treatment as stored, and whether it replaced another."""
        places = {key: at for at, old in enumerate(self.treatments) for key in self._events(old)}
        done = []
        for document in documents:
            stored = self.as_treatment(document)
            key = self._events(stored)[0]
            at = None if raced else places.get(key)
            if at is None:
                stored.setdefault("_id", new_id())
                places |= {known_as: len(self.treatments) for known_as in self._events(stored)}
                self.treatments.append(stored)
            else:
                stored.setdefault("_id", self.treatments[at]["_id"])
                self.treatments[at] = stored
            done.append((stored, at is not None))
        return done

    def as_treatment(self, document: Document) -> Document:
        stored = {k: v for k, v in document.items() if k not in ("units", "eventTime")}
        for key in NUMBERS:
            if isinstance(stored.get(key), str) and (number := _number(stored[key])) is not None:
                stored[key] = number
            if key in DROPPED_ZEROES and key in stored and not stored[key]:
                del stored[key]
        if self.version.modern and isinstance(stored.get("_id"), str) and not is_hex(stored["_id"]):
            stored["identifier"] = stored.pop("_id")
        _, stored["utcOffset"] = self.instant(document.get("created_at"))
        stored["created_at"], _ = self.instant(document.get("eventTime") or document.get("created_at"))
        return stored

    def _events(self, treatment: Document) -> list[tuple[str, Any]]:
        """What a treatment is known as; the first is what a new one is compared by."""
        keys = ("identifier", "_id") if self.version.modern else ()
        known = [(key, treatment[key]) for key in keys if treatment.get(key) is not None]
        return [*known, ("event", (treatment["created_at"], treatment.get("eventType")))]

    def add_entries(self, documents: Sequence[Document]) -> list[tuple[Document, bool]]:
        """Each entry as stored, and whether it is new."""
        places = {(old["sysTime"], old.get("type")): at for at, old in enumerate(self.entries)}
        return [self._add_entry(document, places) for document in documents]

    def _add_entry(self, document: Document, places: dict[tuple[str, Any], int]) -> tuple[Document, bool]:
        stored = dict(document)
        if isinstance(document.get("dateString"), str):
            text, offset = self.instant(document["dateString"])
        elif self.version.modern and isinstance(document.get("date"), int | float):
            text, offset = self.instant(document["date"])
        else:
            text, offset = self.now(), 0
        stored |= {"dateString": text, "utcOffset": offset, "sysTime": text}
        at = places.get((text, stored.get("type")))
        if at is not None:
            old = self.entries[at]
            self.entries[at] = {**(old if self.version.modern else {}), **stored, "_id": old["_id"]}
            return self.entries[at], False
        stored.setdefault("_id", new_id())
        places[text, stored.get("type")] = len(self.entries)
        self.entries.append(stored)
        self.cached[stored["_id"]] = {**stored, "mills": stored.get("date")}
        return stored, True

    def instant(self, value: Any) -> tuple[str, int]:
        """A time as it is stored, and its offset in minutes; now, where it is none."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return iso(datetime.fromtimestamp(value / 1000, UTC)), 0
        try:
            at = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return self.now(), 0
        offset = at.utcoffset()
        at = at if offset is not None else at.replace(tzinfo=UTC)
        return iso(at), int(offset.total_seconds() / 60) if offset else 0


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_hex(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 24 and all(c in "0123456789abcdefABCDEF" for c in text)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else number
