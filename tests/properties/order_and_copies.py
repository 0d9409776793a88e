"""Transformations: the order of records and keys; records that stand twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from tests.properties.person import Person, Record, amount, is_reading, is_temp_basal, treatment_ms
from tests.properties.times import with_offset
from tests.properties.transformation import Class, transformation

COPIED_SHARE = 0.3


def fresh_id(chance: random.Random) -> str:
    """An id as MongoDB makes them, that no other record has."""
    return f"{chance.getrandbits(96):024x}"


def with_copies(
    records: list[Any], chance: Random, copy: Callable[[Record], Record | None], share: float = COPIED_SHARE
) -> list[Any]:
    """The records and, right after some of them, a copy; `None` makes none."""
    made = []
    for record in records:
        made.append(record)
        if isinstance(record, dict) and chance.random() < share and (extra := copy(dict(record))) is not None:
            made.append(extra)
    return made


def is_dose(record: Record) -> bool:
    """Insulin, carbs or a temporary basal: what upstream counts."""
    return amount(record, "insulin") > 0 or amount(record, "carbs") > 0 or is_temp_basal(record)


def _backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _backwards(value[key]) for key in reversed(value)}
    return [_backwards(v) for v in value] if isinstance(value, list) else value


@transformation(Class.BYTES, "entries in a random order")
def entries_shuffled(person: Person, chance: Random) -> Person:
    return replace(person, entries=chance.sample(person.entries, len(person.entries)))


@transformation(Class.BYTES, "treatments in a random order")
def treatments_shuffled(person: Person, chance: Random) -> Person:
    return replace(person, treatments=chance.sample(person.treatments, len(person.treatments)))


@transformation(Class.BYTES, "entries and treatments in the opposite order")
def records_backwards(person: Person, _: Random) -> Person:
    return replace(person, entries=person.entries[::-1], treatments=person.treatments[::-1])


@transformation(Class.BYTES, "profile documents in the opposite order")
def profile_documents_backwards(person: Person, _: Random) -> Person:
    return replace(person, profile=person.profile[::-1])


@transformation(Class.BYTES, "keys of entries in the opposite order")
def keys_of_entries_backwards(person: Person, _: Random) -> Person:
    return person.each_entry(_backwards)


@transformation(Class.BYTES, "keys of treatments in the opposite order")
def keys_of_treatments_backwards(person: Person, _: Random) -> Person:
    return person.each_treatment(_backwards)


@transformation(Class.BYTES, "keys of the profile in the opposite order, profiles of the store too")
def keys_of_profile_backwards(person: Person, _: Random) -> Person:
    return replace(person, profile=_backwards(person.profile))


@transformation(Class.BYTES, "entries that stand twice, equal in every field")
def entries_copied(person: Person, chance: Random) -> Person:
    return replace(person, entries=with_copies(person.entries, chance, lambda e: e))


@transformation(Class.BYTES, "treatments that stand twice, equal in every field")
def treatments_copied(person: Person, chance: Random) -> Person:
    return replace(person, treatments=with_copies(person.treatments, chance, lambda t: t))


@transformation(Class.BYTES, "entries that stand twice, the copy with an _id of its own")
def entries_copied_with_new_id(person: Person, chance: Random) -> Person:
    return replace(person, entries=with_copies(person.entries, chance, lambda e: {**e, "_id": fresh_id(chance)}))


@transformation(Class.BYTES, "treatments that stand twice, the copy with an _id of its own")
def treatments_copied_with_new_id(person: Person, chance: Random) -> Person:
    copied = with_copies(person.treatments, chance, lambda t: {**t, "_id": fresh_id(chance)})
    return replace(person, treatments=copied)


@transformation(Class.BYTES, "doses that stand twice, each with an identifier equal to its own _id (exports of API v3)")
def doses_copied_with_identifier_equal_to_id(person: Person, chance: Random) -> Person:
    def named(record: Record) -> Record:
        name = fresh_id(chance)
        return {**record, "_id": name, "identifier": name}

    return _twice(person, chance, named)


@transformation(Class.BYTES, "doses that stand twice with one syncIdentifier, each with an identifier of its own")
def doses_copied_with_same_sync_id(person: Person, chance: Random) -> Person:
    def named(record: Record) -> Record:
        return {**record, "_id": fresh_id(chance), "identifier": fresh_id(chance)}

    def synchronised(record: Record) -> Record:
        return {**record, "syncIdentifier": record.get("syncIdentifier") or fresh_id(chance)}

    return _twice(person.each_treatment(synchronised), chance, named)


def _twice(person: Person, chance: Random, named: Callable[[Record], Record]) -> Person:
    """Some doses two times, each record with names of its own."""
    made: list[Any] = []
    for record in person.treatments:
        if isinstance(record, dict) and is_dose(record) and chance.random() < COPIED_SHARE:
            made.append(named(record))
            record = named(record)
        made.append(record)
    return replace(person, treatments=made)


@transformation(Class.BYTES, "doses that stand twice, the copy from another uploader at the same instant")
def doses_copied_by_another_uploader(person: Person, chance: Random) -> Person:
    def copy(treatment: Record) -> Record | None:
        if not is_dose(treatment):
            return None
        kept = ("eventType", "insulin", "carbs", "duration", "rate", "absolute", "percent", "amount", "created_at")
        mine = {k: v for k, v in treatment.items() if k in kept}
        return {"_id": fresh_id(chance), "enteredBy": "a second uploader", "app": "second", **mine}

    return replace(person, treatments=with_copies(person.treatments, chance, copy))


@transformation(
    Class.BYTES, "boluses and carbs that stand twice, the copy by the careportal: plain type, offset in its time"
)
def boluses_copied_by_the_careportal(person: Person, chance: Random) -> Person:
    def copy(treatment: Record) -> Record | None:
        ms = treatment_ms(treatment)
        insulin, carbs = amount(treatment, "insulin"), amount(treatment, "carbs")
        if ms is None or not (insulin or carbs) or treatment.get("duration"):
            return None
        event = "Meal Bolus" if insulin and carbs else "Correction Bolus" if insulin else "Carb Correction"
        return {
            "_id": fresh_id(chance),
            "enteredBy": "careportal",
            "eventType": event,
            "insulin": insulin or None,
            "carbs": carbs or None,
            "created_at": with_offset(ms, 120),
        }

    return replace(person, treatments=with_copies(person.treatments, chance, copy))


@transformation(Class.BYTES, "readings that stand twice, the copy under another device's name")
def readings_copied_by_another_device(person: Person, chance: Random) -> Person:
    def copy(entry: Record) -> Record | None:
        return {**entry, "_id": fresh_id(chance), "device": "zz-follower"} if is_reading(entry) else None

    return replace(person, entries=with_copies(person.entries, chance, copy))


@transformation(Class.BYTES, "every record has another _id")
def every_id_new(person: Person, chance: Random) -> Person:
    return person.each_entry(lambda e: {**e, "_id": fresh_id(chance)}).each_treatment(
        lambda t: {**t, "_id": fresh_id(chance)}
    )


@transformation(Class.BYTES, "no record has an _id")
def no_ids(person: Person, _: Random) -> Person:
    def without(record: Record) -> Record:
        return {k: v for k, v in record.items() if k != "_id"}

    return person.each_entry(without).each_treatment(without)


@transformation(Class.BYTES, "every treatment has the identifier, srvCreated and srvModified of API v3")
def fields_of_api_v3(person: Person, chance: Random) -> Person:
    def change(treatment: Record) -> Record:
        ms = int(treatment_ms(treatment) or 0)
        more = {"identifier": fresh_id(chance), "srvCreated": ms, "srvModified": ms + 1500, "subject": "phone"}
        return {**treatment, **more}

    return person.each_treatment(change)
