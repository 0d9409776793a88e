"""Transformations: how the files are written. The records are the same."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from flows.values.timestamps import instant_ms, iso_utc
from tests.properties.person import KINDS, Person, Writer, is_number, plainly
from tests.properties.transformation import Class, Transformation, add, transformation

DATE_TEXTS = ("created_at", "startDate")  # what mongoexport writes as a date where the database holds one
EPOCH_FIELDS = ("date", "mills", "srvCreated", "srvModified")


def _written(name: str, meaning: str, writer: Writer) -> None:
    def change(person: Person, _: Random) -> Person:
        return replace(person, writer=writer)

    add(Transformation(name, Class.BYTES, meaning, change))


def _lines(kind: str, records: list[Any]) -> tuple[str, bytes]:
    return f"{kind}.json", "".join(json.dumps(r) + "\n" for r in records).encode()


def _lines_of_windows(kind: str, records: list[Any]) -> tuple[str, bytes]:
    return f"{kind}.json", b"\xef\xbb\xbf" + "".join(json.dumps(r) + "\r\n\r\n" for r in records).encode()


def _packed(kinds: tuple[str, ...]) -> Writer:
    def write(kind: str, records: list[Any]) -> tuple[str, bytes]:
        name, content = plainly(kind, records)
        return (f"{name}.gz", gzip.compress(content, mtime=0)) if kind in kinds else (name, content)

    return write


def _wrapped(kind: str, records: list[Any]) -> tuple[str, bytes]:
    return f"{kind}.json", json.dumps({"status": 200, "result": records}).encode()


def _with_mark(kind: str, records: list[Any]) -> tuple[str, bytes]:
    return f"{kind}.json", b"\xef\xbb\xbf" + json.dumps(records).encode()


def _indented(kind: str, records: list[Any]) -> tuple[str, bytes]:
    return f"{kind}.json", ("\n\n" + json.dumps(records, indent="\t", ensure_ascii=True) + "\n").encode()


def _exported(number: Callable[[str, Any], Any], *, lines: bool, dates: bool) -> Writer:
    """As MongoDB's export writes: `number` gives the extended form of a number, `dates` writes instants as `$date`."""

    def extended(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {k: extended(k, v) for k, v in value.items()}
        if isinstance(value, list):
            return [extended(key, v) for v in value]
        if key == "_id" and isinstance(value, str) and len(value) == 24:
            return {"$oid": value}
        if dates and key in DATE_TEXTS and isinstance(value, str) and (found := instant_ms(value, "UTC")):
            return {"$date": iso_utc(found[0])} if not found[1] else value
        return number(key, value) if is_number(value) else value

    def write(kind: str, records: list[Any]) -> tuple[str, bytes]:
        made = [extended("", r) for r in records]
        return _lines(kind, made) if lines else (f"{kind}.json", json.dumps(made).encode())

    return write


def _relaxed(key: str, value: Any) -> Any:
    return {"$numberLong": str(value)} if isinstance(value, int) and key in EPOCH_FIELDS else value


def _canonical(_: str, value: Any) -> Any:
    if isinstance(value, float):
        return {"$numberDouble": repr(value)}
    return {"$numberInt" if abs(value) < 2**31 else "$numberLong": str(value)}


def _decimal(_: str, value: Any) -> Any:
    return {"$numberDecimal": repr(value)} if isinstance(value, float) else {"$numberLong": str(value)}


_written("ndjson", "one document a line (NDJSON)", _lines)
_written("ndjson_of_windows", "one document a line with CRLF, empty lines and a byte order mark", _lines_of_windows)
_written("records_gzipped", "entries.json.gz and treatments.json.gz", _packed(("entries", "treatments")))
_written("profile_gzipped", "profile.json.gz", _packed(("profile",)))
_written("api_v3_wrapper", 'the answer of API v3: {"status": 200, "result": [...]}', _wrapped)
_written("byte_order_mark", "a byte order mark before each file", _with_mark)
_written("indented_and_escaped", "indented by tabs, everything beyond ASCII escaped", _indented)
_written(
    "mongoexport", "mongoexport, relaxed: $oid, $numberLong, a line each", _exported(_relaxed, lines=True, dates=False)
)
_written("mongoexport_dates", "mongoexport with $date, in one array", _exported(_relaxed, lines=False, dates=True))
_written(
    "mongoexport_canonical",
    "mongoexport, canonical: every number with its type",
    _exported(_canonical, lines=True, dates=False),
)
_written("mongoexport_decimal", "mongoexport with $numberDecimal", _exported(_decimal, lines=False, dates=False))


@transformation(Class.BYTES, "one profile document instead of a list of one")
def profile_without_list(person: Person, _: Random) -> Person:
    if len(person.profile) != 1:
        return person

    def write(kind: str, records: list[Any]) -> tuple[str, bytes]:
        return plainly(kind, records[0] if kind == "profile" else records)

    return replace(person, writer=write)


def _pages(person: Person, size: int, overlap: int) -> Person:
    pages = {}
    for kind in KINDS[:2]:
        records = getattr(person, kind)
        pages[kind] = [records[max(0, at - overlap) : at + size] for at in range(0, max(1, len(records)), size)]
    return replace(person, pages={**pages, "profile": [person.profile]}) if person.profile else person


@transformation(Class.BYTES, "the same records as a site's answers, page by page")
def pages_of_a_site(person: Person, _: Random) -> Person:
    return _pages(person, 500, 0)


@transformation(Class.BYTES, "the same records as a site's answers whose pages overlap")
def pages_that_overlap(person: Person, chance: Random) -> Person:
    return _pages(person, chance.randrange(150, 400), 60)
