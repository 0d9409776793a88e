"""Transformations: the same instants written otherwise, and other names of the same zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from flows.values.timestamps import instant_ms, iso_utc
from flows.values.units import HOUR_MS
from tests.properties.person import Person, Record, entry_ms, is_number, is_reading, treatment_ms
from tests.properties.transformation import Class, Transformation, add, transformation

# Names of the same zone in the IANA data (`backward`), and zones of one rule under another name.
ALIASES = {
    "Europe/Berlin": "Arctic/Longyearbyen",
    "America/New_York": "US/Eastern",
    "America/Los_Angeles": "US/Pacific",
    "America/Chicago": "US/Central",
    "Asia/Kolkata": "Asia/Calcutta",
    "Asia/Tokyo": "Japan",
    "Europe/London": "GB",
    "Europe/Belgrade": "Europe/Zagreb",
    "Europe/Paris": "Europe/Monaco",
    "Etc/GMT+7": "ETC/GMT+7",
    "UTC": "Etc/UTC",
}


def with_offset(ms: float, minutes: int) -> str:
    """ISO 8601 with the offset of some zone."""
    zone = timezone(timedelta(minutes=minutes))
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).isoformat(timespec="milliseconds")


def local_text(ms: float, zone: str) -> str | None:
    """The clock on the wall, without a zone; `None` in the hours when it says the same twice."""
    local = datetime.fromtimestamp(ms / 1000, ZoneInfo(zone))
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        return None
    return local.replace(tzinfo=None).isoformat(timespec="milliseconds")


def _whole(ms: float | None) -> bool:
    return ms is not None and ms == int(ms)


# --- created_at of treatments

Spelling = Callable[[float, Person], Any]


def _created_at(name: str, meaning: str, spelled: Spelling) -> None:
    def change(person: Person, _: Random) -> Person:
        def one(treatment: Record) -> Record | None:
            ms = treatment_ms(treatment, person.zone)
            if ms is None or (value := spelled(ms, person)) is None:
                return None
            return {**treatment, "created_at": value}

        return person.each_treatment(one)

    add(Transformation(name, Class.BYTES, f"created_at of treatments {meaning}", change))


_created_at("created_at_plus_zero", "with +00:00 for Z", lambda ms, _: iso_utc(ms).replace("Z", "+00:00"))
_created_at("created_at_other_offset", "with the offset of another zone", lambda ms, _: with_offset(ms, 330))
_created_at("created_at_offset_without_colon", "with +0200", lambda ms, _: with_offset(ms, 120)[:-3] + "00")
_created_at("created_at_with_space", "with a space for the T", lambda ms, _: iso_utc(ms).replace("T", " "))
_created_at("created_at_gmt", "with GMT+02:00", lambda ms, _: with_offset(ms, 120).replace("+02:00", "GMT+02:00"))
_created_at("created_at_microseconds", "with six decimals", lambda ms, _: iso_utc(ms).replace("Z", "000Z"))
_created_at("created_at_nanoseconds", "with nine decimals", lambda ms, _: iso_utc(ms).replace("Z", "000000Z"))
_created_at("created_at_milliseconds", "as a number", lambda ms, _: int(ms))
_created_at("created_at_digits", "as a number in a text", lambda ms, _: str(int(ms)))
_created_at("created_at_of_the_wall", "without a zone, as the clock on the wall", lambda ms, p: local_text(ms, p.zone))
_created_at(
    "created_at_whole_seconds",
    "without .000, where the second is whole",
    lambda ms, _: iso_utc(ms).replace(".000Z", "Z") if ms % 1000 == 0 else None,
)


def _moved_to(field: str) -> Callable[[Person, Random], Person]:
    def change(person: Person, _: Random) -> Person:
        def one(treatment: Record) -> Record | None:
            ms = treatment_ms(treatment)
            if ms is None:
                return None
            others = ("created_at", "timestamp", "date", "mills", "eventTime")
            rest = {k: v for k, v in treatment.items() if k not in others}
            return {**rest, field: int(ms) if field in ("date", "mills") else iso_utc(ms)}

        return person.each_treatment(one)

    return change


for _field in ("mills", "date", "timestamp", "eventTime"):
    add(
        Transformation(
            f"treatments_with_{_field.lower()}_alone",
            Class.BYTES,
            f"treatments that have no time but {_field}",
            _moved_to(_field),
        )
    )


@transformation(Class.BYTES, "utcOffset of the person's zone in every record")
def utc_offset_said(person: Person, _: Random) -> Person:
    def minutes(ms: float) -> int:
        offset = datetime.fromtimestamp(ms / 1000, ZoneInfo(person.zone)).utcoffset() or timedelta()
        return int(offset.total_seconds() // 60)

    def treatment(record: Record) -> Record | None:
        ms = treatment_ms(record)
        return None if ms is None else {**record, "utcOffset": minutes(ms)}

    def entry(record: Record) -> Record | None:
        ms = entry_ms(record)
        return None if ms is None else {**record, "utcOffset": minutes(ms)}

    return person.each_treatment(treatment).each_entry(entry)


# --- times of readings


def _entries(name: str, meaning: str, change_one: Callable[[Record, float, Person], Record | None]) -> None:
    def change(person: Person, _: Random) -> Person:
        def one(entry: Record) -> Record | None:
            return (
                change_one(entry, float(entry["date"]), person)
                if is_reading(entry) and is_number(entry["date"])
                else None
            )

        return person.each_entry(one)

    add(Transformation(name, Class.BYTES, meaning, change))


def _date_string_alone(entry: Record, ms: float, _: Person) -> Record | None:
    if not _whole(ms):
        return None  # a text of milliseconds would be another instant
    rest = {k: v for k, v in entry.items() if k not in ("date", "mills", "sysTime", "dateString")}
    return {**rest, "dateString": with_offset(ms, 0)}


def _mills_alone(entry: Record, ms: float, _: Person) -> Record:
    return {**{k: v for k, v in entry.items() if k != "date"}, "mills": ms if not _whole(ms) else int(ms)}


_entries("reading_date_text", "dates of readings as digits in a text", lambda e, ms, _: {**e, "date": repr(e["date"])})
_entries(
    "reading_date_float",
    "dates of readings as 1775181626000.0",
    lambda e, ms, _: {**e, "date": ms} if _whole(ms) else None,
)
_entries("reading_date_string_alone", "readings that have no time but dateString", _date_string_alone)
_entries("reading_mills_alone", "readings with mills in place of date", _mills_alone)
_entries(
    "reading_date_string_offset",
    "dateString with the offset of another zone",
    lambda e, ms, _: {**e, "dateString": with_offset(ms, -300)},
)
_entries(
    "reading_date_string_wrong",
    "dateString an hour beside date: the number is trusted",
    lambda e, ms, _: {**e, "dateString": iso_utc(ms + HOUR_MS)},
)
_entries(
    "reading_without_date_string", "no dateString", lambda e, ms, _: {k: v for k, v in e.items() if k != "dateString"}
)


# --- zones


@transformation(Class.BYTES, "the zone under another of its names")
def zone_alias(person: Person, _: Random) -> Person:
    other = ALIASES.get(person.zone)
    return _zone_named(person, other) if other else person


@transformation(Class.BYTES, "the zone in capitals")
def zone_in_capitals(person: Person, _: Random) -> Person:
    return _zone_named(person, person.zone.upper())


def _zone_named(person: Person, name: str) -> Person:
    def change(body: Record) -> Record | None:
        return {**body, "timezone": name} if body.get("timezone") else None

    return person.each_body(change)


@transformation(Class.BYTES, "the zone at the document's top, not in its profiles")
def zone_at_the_top(person: Person, _: Random) -> Person:
    def change(document: Any) -> Any:
        if not isinstance(document, dict) or not isinstance(document.get("store"), dict):
            return document
        bodies = {
            n: {k: v for k, v in b.items() if k != "timezone"} if isinstance(b, dict) else b
            for n, b in document["store"].items()
        }
        zones = {b.get("timezone") for b in document["store"].values() if isinstance(b, dict)}
        return {**document, "store": bodies, "timezone": zones.pop()} if len(zones) == 1 else document

    return replace(person, profile=[change(d) for d in person.profile])


# --- the profile's times


def _block(name: str, meaning: str, change_one: Callable[[Record, int], Record]) -> None:
    def change(person: Person, _: Random) -> Person:
        def body(record: Record) -> Record:
            for part in ("basal", "sens", "carbratio", "target_low", "target_high"):
                blocks = record.get(part)
                if isinstance(blocks, list) and all(_starts(b) is not None for b in blocks):
                    record[part] = [change_one(dict(b), _starts(b) or 0) for b in blocks]
            return record

        return person.each_body(body)

    add(Transformation(name, Class.BYTES, meaning, change))


def _starts(block: Any) -> int | None:
    """When a block begins, in seconds from midnight."""
    time = block.get("time") if isinstance(block, dict) else None
    if not isinstance(time, str) or time.count(":") != 1:
        return None
    hours, minutes = time.split(":")
    return int(hours) * 3600 + int(minutes) * 60 if hours.isdigit() and minutes.isdigit() else None


def _seconds_alone(block: Record, starts: int) -> Record:
    return {**{k: v for k, v in block.items() if k != "time"}, "timeAsSeconds": starts}


_block("block_seconds_alone", "schedule blocks with timeAsSeconds alone", _seconds_alone)
_block(
    "block_time_alone",
    "schedule blocks with time alone",
    lambda b, _: {k: v for k, v in b.items() if k != "timeAsSeconds"},
)
_block(
    "block_short_time",
    "schedule blocks at 2:00, not 02:00",
    lambda b, s: {**b, "time": f"{s // 3600}:{s % 3600 // 60:02d}"},
)
_block("block_seconds_text", "timeAsSeconds as a text", lambda b, s: {**b, "timeAsSeconds": str(s)})


@transformation(Class.BYTES, "schedule blocks in the opposite order")
def blocks_backwards(person: Person, _: Random) -> Person:
    def body(record: Record) -> Record:
        for part in ("basal", "sens", "carbratio"):
            if isinstance(record.get(part), list):
                record[part] = record[part][::-1]
        return record

    return person.each_body(body)


@transformation(Class.BYTES, "startDate of the profile with the offset of another zone")
def start_date_other_offset(person: Person, _: Random) -> Person:
    def change(document: Any) -> Any:
        found = instant_ms(document.get("startDate"), "UTC") if isinstance(document, dict) else None
        return document if not found or found[1] else {**document, "startDate": with_offset(found[0], -480)}

    return replace(person, profile=[change(d) for d in person.profile])
