"""Nightscout's profile documents as a site has them: which hold profiles, since when, and under which names.

Knows nothing of what a profile says.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flows.errors import Reason, Refused
from flows.language.translatable import translatable
from flows.nightscout.documents import Record
from flows.values.numbers import number_or_none
from flows.values.timestamps import instant_ms
from flows.values.units import DAY_MS

FLAT_FIELDS = ("basal", "sens", "carbratio")
LISTED_NAMES, LONGEST_NAME = 20, 80


@dataclass(frozen=True)
class StoredDocument:
    """A profile document with something in it: its `store` of named profiles, and since when it is in force."""

    record: Record
    store: dict[str, Record]
    start_ms: float
    created_ms: float
    sha256: str

    @property
    def names(self) -> tuple[str, ...]:
        """The profiles that hold a schedule."""
        return tuple(name for name, body in self.store.items() if _has_schedule(body))


def stored_documents(documents: Iterable[Any], zone: str | None) -> list[StoredDocument]:
    """The documents that hold a profile, newest first; ties are settled by `created_at`, then by id and content.

    The order they are given in, and one given twice, change nothing.
    """
    read = (_stored(document, zone or "UTC") for document in documents if isinstance(document, dict))
    found = {stored.sha256: stored for stored in read if stored}

    def order(stored: StoredDocument) -> tuple[float, float, str, str]:
        return stored.start_ms, stored.created_ms, str(stored.record.get("_id")), stored.sha256

    return sorted(found.values(), key=order, reverse=True)


def document_in_force(stored: list[StoredDocument], until_ms: float | None) -> StoredDocument:
    """The newest document that does not start after `until_ms`; the oldest where all do.

    Raises:
        Refused: `NO_PROFILE`.
    """
    if not stored:
        raise Refused(Reason.NO_PROFILE, where="the profile documents")
    return next((d for d in stored if until_ms is None or d.start_ms <= until_ms), stored[-1])


def choose_name(document: StoredDocument, name: str | None) -> tuple[str, list[str]]:
    """The name of the profile asked for as the document spells it, or its default's.

    Raises:
        Refused: `PROFILE_NOT_FOUND`, which lists the names.
    """
    if name is not None:
        if (found := find_name(document.names, name)) is None:
            raise Refused(Reason.PROFILE_NOT_FOUND, name=name[:LONGEST_NAME], names=listed(document.names))
        return found, [] if found == name else [
            translatable("The profile {found} was taken for {name}.", found=quoted(found), name=quoted(name))
        ]
    default = document.record.get("defaultProfile")
    if (found := find_name(document.names, default)) is not None:
        return found, [] if found == default else [
            translatable(
                "The document's default is written {default}; {found} was taken.",
                default=quoted(default),
                found=quoted(found),
            )
        ]
    if len(document.names) == 1:
        only = document.names[0]
        return only, [] if not default and is_flat(document.record) else [
            translatable(
                "The document's default profile is not in it; its only one, {only}, was taken.", only=quoted(only)
            )
        ]
    wanted = str(default)[:LONGEST_NAME] if default else "the default, which is not named"
    raise Refused(Reason.PROFILE_NOT_FOUND, name=wanted, names=listed(document.names))


def find_name(names: Iterable[str], wanted: Any) -> str | None:
    """The name as it is, else the only one that differs in how it came to be written.

    Nightscout 15 escapes HTML in `defaultProfile` but not in the store's keys; AAPS writes `_` for the dots that
    MongoDB did not take in keys; spaces and capitals are lost in forms.
    """
    if not isinstance(wanted, str):
        return None
    names = list(names)
    if wanted in names:
        return wanted
    alike = [n for n in names if _plain_name(n) == _plain_name(wanted)]
    return alike[0] if len(alike) == 1 else None


def _plain_name(name: str) -> str:
    return html.unescape(name).replace(".", "_").strip().casefold()


def quoted(name: Any) -> str:
    """A name for a sentence: whatever it holds, on one line and not too long."""
    return repr(str(name)[:LONGEST_NAME])


def listed(names: Iterable[str]) -> str:
    """Names for a sentence."""
    return beginning_of([quoted(n) for n in names], LISTED_NAMES)


def beginning_of(items: list[str], most: int) -> str:
    """A list for a sentence: so many of it, and how many more there are."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def skipped_note(documents: list[Any], stored: list[StoredDocument]) -> list[str]:
    """That documents without any profile were passed over, where others are left."""
    count = sum(1 for d in documents if not isinstance(d, dict) or _bodies(d) is None)
    return (
        [translatable("{count} profile documents hold no profile and were ignored.", count=count)]
        if count and stored
        else []
    )


def _stored(document: Record, zone: str) -> StoredDocument | None:
    bodies = _bodies(document)
    if bodies is None:
        return None
    created = instant_ms(document.get("created_at"), zone)
    created_ms = created[0] if created else 0.0
    return StoredDocument(document, bodies, _start_ms(document, zone), created_ms, document_sha256(document))


def _bodies(document: Record) -> dict[str, Record] | None:
    """The document's store: of the old flat shape itself as "Default"; `None` for one without any profile."""
    store = json_value(document.get("store"))
    values = {str(name): json_value(value) for name, value in store.items()} if isinstance(store, dict) else {}
    bodies = {name: body for name, body in values.items() if isinstance(body, dict) and body}
    if any(_has_schedule(b) for b in bodies.values()):
        return bodies
    return {"Default": document} if _has_schedule(document) else None


def json_value(value: Any) -> Any:
    """What a JSON text holds, also one that was encoded twice, and `None` for any other text; no text as it is."""
    if not isinstance(value, str):
        return value
    try:
        value = json.loads(value)
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


def _has_schedule(body: Record) -> bool:
    return any(body.get(k) not in (None, "", [], {}) for k in FLAT_FIELDS)


def is_flat(document: Record) -> bool:
    """Whether a document has no store of profiles but is, in the old flat shape, one itself."""
    return _bodies(document) == {"Default": document}


def _start_ms(document: Record, zone: str) -> float:
    """Since when the document is in force; 0, always, for the 1970 Nightscout's editor begins with, and for none.

    `startDate` first: Nightscout itself overwrites `mills` with it.
    """
    for key in ("startDate", "mills", "date", "created_at"):
        found = instant_ms(document.get(key), zone)
        if found or _long_ago(document.get(key)):
            return found[0] if found else 0.0
    return 0.0


def _long_ago(value: Any) -> bool:
    if isinstance(value, str) and re.match(r"\s*(19\d\d|2000)-\d\d-\d\d", value):
        return True
    number = number_or_none(value)
    return number is not None and 0 <= number < DAY_MS  # no other time is written so small: 1970 itself


def document_sha256(document: Any) -> str:
    """A document's identity whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
