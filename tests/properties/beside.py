"""Transformations: what stands beside the data and says nothing. Null and unknown fields, other and deleted records."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from flows.profiles.active_in_data import MARGIN_MS
from flows.profiles.stored import stored_documents
from flows.values.timestamps import iso_utc
from flows.values.units import DAY_MS, MINUTE_MS
from tests.properties.order_and_copies import fresh_id, is_dose, with_copies
from tests.properties.person import Person, Record, amount, entry_ms, is_reading, treatment_ms
from tests.properties.transformation import Class, transformation

UNRELATED = (
    ("Note", {"notes": "walked the dog"}),
    ("Site Change", {"notes": "left"}),
    ("Sensor Start", {}),
    ("Sensor Change", {}),
    ("Announcement", {"notes": "hello", "isAnnouncement": True}),
    ("Question", {"notes": "?"}),
    ("BG Check", {"glucose": 117, "glucoseType": "Finger", "units": "mg/dl"}),
    ("Insulin Change", {}),
    ("Pump Battery Change", {}),
    ("<none>", {"notes": "nothing"}),
)


def _span_ms(person: Person) -> tuple[int, int]:
    instants = [ms for e in person.entries if (ms := entry_ms(e)) is not None]
    return (int(min(instants)), int(max(instants))) if instants else (0, 1)


@transformation(Class.BYTES, "null in fields upstream does not read")
def null_fields(person: Person, _: Random) -> Person:
    treatment = dict.fromkeys(("notes", "fat", "protein", "preBolus", "reason", "foodType", "targetTop", "splitNow"))
    entry = dict.fromkeys(("noise", "filtered", "unfiltered", "rssi", "delta", "trend", "trendRate"))
    return person.each_treatment(lambda t: {**treatment, **t}).each_entry(lambda e: {**entry, **e})


@transformation(Class.BYTES, "null in fields upstream reads, where they are not there")
def null_fields_of_doses(person: Person, _: Random) -> Person:
    names = ("insulin", "carbs", "timestamp", "mills", "percent", "amount", "isValid", "isSMB", "syncIdentifier")
    nothing = dict.fromkeys(names)
    return person.each_treatment(lambda t: {**nothing, **t}).each_entry(
        lambda e: {**dict.fromkeys(("glucose", "units", "mills", "isValid")), **e} if is_reading(e) else None
    )


@transformation(Class.BYTES, "no null fields: what is null is left out")
def no_null_fields(person: Person, _: Random) -> Person:
    def without(record: Record) -> Record:
        return {k: v for k, v in record.items() if v is not None}

    return person.each_treatment(without).each_entry(without)


@transformation(Class.BYTES, "carbs and insulin 0 instead of null or nothing")
def zero_instead_of_null(person: Person, _: Random) -> Person:
    def change(treatment: Record) -> Record | None:
        if amount(treatment, "insulin") > 0 and not treatment.get("carbs"):
            return {**treatment, "carbs": 0}
        if amount(treatment, "carbs") > 0 and not treatment.get("insulin"):
            return {**treatment, "insulin": 0}
        return None

    return person.each_treatment(change)


@transformation(Class.BYTES, "fields nobody knows, in every record")
def unknown_fields(person: Person, _: Random) -> Person:
    more = {"uploaderBattery": 80, "nested": {"insulin": 9, "list": [1, {"carbs": 5}]}, "x": "ünknown"}
    return person.each_entry(lambda e: {**e, **more}).each_treatment(lambda t: {**t, **more})


@transformation(Class.BYTES, "treatments of other types among the doses")
def unrelated_treatments(person: Person, chance: Random) -> Person:
    start, end = _span_ms(person)
    added = []
    for _ in range(40):
        event, more = chance.choice(UNRELATED)
        at = iso_utc(chance.randrange(start, end))
        added.append({"_id": fresh_id(chance), "eventType": event, "created_at": at, "enteredBy": "careportal", **more})
    return replace(person, treatments=_mixed(person.treatments, added, chance))


@transformation(Class.BYTES, "finger pricks, calibrations and records of other kinds among the entries")
def unrelated_entries(person: Person, chance: Random) -> Person:
    start, end = _span_ms(person)
    kinds: tuple[Record, ...] = (
        {"type": "mbg", "mbg": 117},
        {"type": "cal", "slope": 850.3, "intercept": 31000, "scale": 1},
        {"type": "etc", "note": "x"},
    )
    added = []
    for _ in range(30):
        ms = chance.randrange(start, end)
        more = chance.choice(kinds)
        added.append({"_id": fresh_id(chance), "date": ms, "dateString": iso_utc(ms), "device": "meter", **more})
    return replace(person, entries=_mixed(person.entries, added, chance))


@transformation(Class.BYTES, "doses that their uploader deleted (isValid false)")
def deleted_treatments(person: Person, chance: Random) -> Person:
    def copy(treatment: Record) -> Record | None:
        ms = treatment_ms(treatment)
        if ms is None or not is_dose(treatment):
            return None
        later = iso_utc(ms + 7 * MINUTE_MS)
        return {**treatment, "_id": fresh_id(chance), "created_at": later, "isValid": chance.choice((False, "false"))}

    return replace(person, treatments=with_copies(person.treatments, chance, copy, 0.1))


@transformation(Class.BYTES, "readings that their uploader deleted (isValid false), with values of their own")
def deleted_entries(person: Person, chance: Random) -> Person:
    def copy(entry: Record) -> Record | None:
        if not is_reading(entry):
            return None
        ms = int(entry["date"]) + 2 * MINUTE_MS
        return {**entry, "_id": fresh_id(chance), "date": ms, "dateString": iso_utc(ms), "sgv": 55, "isValid": False}

    return replace(person, entries=with_copies(person.entries, chance, copy, 0.1))


@transformation(Class.BYTES, "isValid true in every record")
def valid_said(person: Person, _: Random) -> Person:
    return person.each_entry(lambda e: {"isValid": True, **e}).each_treatment(lambda t: {"isValid": True, **t})


@transformation(Class.BYTES, "an empty profile document and one of years before, beside those in use")
def older_profile_documents(person: Person, chance: Random) -> Person:
    start, _ = _span_ms(person)
    begun = [d.start_ms for d in stored_documents(person.profile, person.zone)]
    if not begun or min(begun) > start - MARGIN_MS:
        return person  # an older one would be the one in force
    old = _scaled(person.profile[0], 2.0)
    if old is None:
        return person
    times = {"startDate": "2011-03-01T00:00:00Z", "mills": 1298937600000, "created_at": "2011-03-01T00:00:00.000Z"}
    more = [{"_id": fresh_id(chance), "startDate": "2012-01-01T00:00:00Z"}, {**old, "_id": fresh_id(chance), **times}]
    return replace(person, profile=[*person.profile, *more])


@transformation(Class.BYTES, "another profile in the store, which nobody switched to")
def unused_profile_in_the_store(person: Person, _: Random) -> Person:
    def change(document: Any) -> Any:
        if not isinstance(document, dict) or not document.get("defaultProfile"):
            return document
        twice = _scaled(document, 2.0)
        if twice is None:
            return document
        return {**document, "store": {"Zz unused": next(iter(twice["store"].values())), **document["store"]}}

    return replace(person, profile=[change(d) for d in person.profile])


@transformation(Class.BYTES, "one reading five weeks after the others")
def stray_late_reading(person: Person, chance: Random) -> Person:
    return _stray(person, 35 * DAY_MS, chance)


@transformation(Class.BYTES, "one reading in the future, years after the others")
def stray_future_reading(person: Person, chance: Random) -> Person:
    return _stray(person, int(timedelta(days=1700).total_seconds()) * 1000, chance)


@transformation(Class.BYTES, "one reading five weeks before the others")
def stray_early_reading(person: Person, chance: Random) -> Person:
    return _stray(person, -35 * DAY_MS, chance)


@transformation(Class.BYTES, "a dose in the future, years after the others")
def stray_future_dose(person: Person, chance: Random) -> Person:
    doses = [t for t in person.treatments if isinstance(t, dict) and amount(t, "insulin") > 0 and treatment_ms(t)]
    if not doses:
        return person
    ms = max(treatment_ms(t) or 0 for t in doses) + 1700 * DAY_MS
    stray = {**doses[0], "_id": fresh_id(chance), "created_at": iso_utc(ms)}
    for name in ("date", "mills"):
        if name in stray:
            stray[name] = int(ms)
    if "timestamp" in stray:
        stray["timestamp"] = iso_utc(ms)
    return replace(person, treatments=[stray, *person.treatments])


def _stray(person: Person, by_ms: int, chance: Random) -> Person:
    readings = [e for e in person.entries if is_reading(e)]
    if not readings:
        return person
    ends = min if by_ms < 0 else max
    reading = ends(readings, key=lambda e: float(e["date"]))
    ms = int(reading["date"]) + by_ms
    stray = {**reading, "_id": fresh_id(chance), "date": ms, "dateString": iso_utc(ms)}
    return replace(person, entries=[stray, *person.entries])


def _mixed(records: list[Any], added: list[Any], chance: Random) -> list[Any]:
    mixed = list(records)
    for record in added:
        mixed.insert(chance.randrange(len(mixed) + 1), record)
    return mixed


def _scaled(document: Any, factor: float) -> Record | None:
    """A document whose store holds one profile, like the first one with every value multiplied."""
    store = document.get("store") if isinstance(document, dict) else None
    bodies = [b for b in store.values() if isinstance(b, dict)] if isinstance(store, dict) else []
    if not bodies:
        return None
    body = dict(bodies[0])
    for name in ("basal", "sens", "carbratio"):
        if isinstance(body.get(name), list):
            body[name] = [{**b, "value": float(b["value"]) * factor} for b in body[name]]
    return {**document, "store": {"Zz other": body}, "defaultProfile": "Zz other"}
