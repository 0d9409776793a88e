"""Transformations that may move a number a little: float noise, second uploaders, a curve sampled otherwise."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from flows.values.timestamps import iso_utc
from flows.values.units import MINUTE_MS
from tests.properties.amounts import gathered
from tests.properties.order_and_copies import fresh_id, is_dose, with_copies
from tests.properties.person import Person, Record, amount, is_number, is_reading, is_temp_basal, treatment_ms
from tests.properties.transformation import Class, Compared, Transformation, add, transformation

SECOND_MS = 1000
LONGEST_GAP_MIN = 16  # a curve is not drawn over longer gaps
TIMES = ("created_at", "timestamp", "eventTime")


def moved(treatment: Record, by_ms: float) -> Record | None:
    """A treatment with all its times moved, written as Nightscout writes them."""
    ms = treatment_ms(treatment)
    if ms is None:
        return None
    at = ms + by_ms
    texts = {k: iso_utc(at) for k in TIMES if k in treatment}
    return {**treatment, **texts, **{k: int(at) for k in ("date", "mills") if k in treatment}}


def _reading_at(entry: Record, ms: float, **more: Any) -> Record:
    rest = {k: v for k, v in entry.items() if k not in ("sysTime", "mills")}
    return {**rest, "date": int(ms), "dateString": iso_utc(ms), **more}


# --- noise of floats


@transformation(Class.WITHIN_1, "amounts as a float's arithmetic leaves them: 0.30000000000000004")
def float_noise(person: Person, chance: Random) -> Person:
    def change(treatment: Record) -> Record:
        noisy = {
            k: treatment[k] * (1 + chance.choice((-4e-16, 4e-16, 0)))
            for k in ("insulin", "rate", "absolute", "duration")
            if is_number(treatment.get(k)) and treatment[k]
        }
        return {**treatment, **noisy}

    return person.each_treatment(change)


@transformation(Class.WITHIN_1, "dates of readings with parts of a millisecond, values with a float's noise")
def float_noise_of_readings(person: Person, chance: Random) -> Person:
    def change(entry: Record) -> Record | None:
        if not is_reading(entry) or not is_number(entry["date"]):
            return None
        return {**entry, "date": entry["date"] + chance.random() / 2, "sgv": entry["sgv"] * (1 + 2e-16)}

    return person.each_entry(change)


# --- another uploader of the same


def _second_uploader(treatment: Record, by_ms: float, chance: Random, factor: float = 1.0) -> Record | None:
    if not is_dose(treatment):
        return None
    kept = ("eventType", "insulin", "carbs", "duration", "rate", "absolute", "percent", "amount", "created_at")
    copy = moved({k: v for k, v in treatment.items() if k in kept}, by_ms)
    if copy is None:
        return None
    if amount(copy, "insulin"):
        copy["insulin"] *= factor
    return {"_id": fresh_id(chance), "enteredBy": "a second uploader", **copy}


@transformation(Class.WITHIN_1, "a second uploader has all doses, up to a second before or after")
def second_uploader_within_a_second(person: Person, chance: Random) -> Person:
    def copy(treatment: Record) -> Record | None:
        return _second_uploader(treatment, chance.randrange(-SECOND_MS, SECOND_MS + 1), chance)

    return replace(person, treatments=with_copies(person.treatments, chance, copy, 1.0))


@transformation(Class.WITHIN_1, "a second uploader has all boluses, with a float's noise in the amount")
def second_uploader_with_float_noise(person: Person, chance: Random) -> Person:
    def copy(treatment: Record) -> Record | None:
        return None if is_temp_basal(treatment) else _second_uploader(treatment, 0, chance, 1 + 4e-16)

    return replace(person, treatments=with_copies(person.treatments, chance, copy, 1.0))


@transformation(Class.WITHIN_1, "a second uploader has all readings, up to a second before or after")
def second_reader_within_a_second(person: Person, chance: Random) -> Person:
    def copy(entry: Record) -> Record | None:
        if not is_reading(entry):
            return None
        ms = float(entry["date"]) + chance.randrange(-SECOND_MS, SECOND_MS + 1)
        return _reading_at(entry, ms, _id=fresh_id(chance), device="second uploader")

    return replace(person, entries=with_copies(person.entries, chance, copy, 1.0))


@transformation(Class.WITHIN_1, "a follower has every reading again 20 s later")
def follower_twenty_seconds_later(person: Person, chance: Random) -> Person:
    def copy(entry: Record) -> Record | None:
        if not is_reading(entry):
            return None
        return _reading_at(entry, float(entry["date"]) + 20 * SECOND_MS, _id=fresh_id(chance), device="follower")

    return replace(person, entries=with_copies(person.entries, chance, copy, 1.0))


@transformation(
    Class.WITHIN_1,
    "the wizard's record of the same carbs two seconds before each bolus that has them, by one uploader (Medtronic)",
    against=lambda person, _: gathered(person, merged=True),
)
def wizard_and_bolus(person: Person, chance: Random) -> Person:
    def copy(treatment: Record) -> Record | None:
        if amount(treatment, "insulin") <= 0 or amount(treatment, "carbs") <= 0:
            return None
        own = {k: v for k, v in treatment.items() if k not in ("insulin", "bolus", "pumpId", "syncIdentifier")}
        before = moved(own, -2 * SECOND_MS)
        return None if before is None else {**before, "_id": fresh_id(chance)}

    meals = gathered(person, merged=True)
    return replace(meals, treatments=with_copies(meals.treatments, chance, copy, 1.0))


@transformation(
    Class.WITHIN_1, "one uploader has stored boluses and carbs twice within a second, with the same ids of its own"
)
def stored_twice_within_a_second(person: Person, chance: Random) -> Person:
    def copy(treatment: Record) -> Record | None:
        if not is_dose(treatment) or is_temp_basal(treatment):
            return None
        later = moved(treatment, chance.randrange(200, SECOND_MS))
        return None if later is None else {**later, "_id": fresh_id(chance)}

    return replace(person, treatments=with_copies(person.treatments, chance, copy))


# --- one curve, sampled otherwise


def sampled(person: Person, every_min: float, phase_min: float = 0.0) -> Person:
    """The readings in place of which one is taken from the curve between them every so many minutes."""
    readings = sorted((float(e["date"]), float(e["sgv"])) for e in person.entries if is_reading(e) and e["sgv"] >= 39)
    readings = [r for r, after in pairwise([*readings, (float("inf"), 0.0)]) if after[0] - r[0] > 1]
    if len(readings) < 2:
        return person
    at = [ms for ms, _ in readings]
    step = every_min * MINUTE_MS
    first = (at[0] // (5 * MINUTE_MS) + 1) * 5 * MINUTE_MS + phase_min * MINUTE_MS
    made, n = [], 0
    while (ms := first + n * step) <= at[-1]:
        n += 1
        k = bisect.bisect_left(at, ms)
        if k == 0:
            continue
        (before, low), (after, high) = readings[k - 1], readings[k]
        if after - before > LONGEST_GAP_MIN * MINUTE_MS:
            continue
        value = round(low + (high - low) * (ms - before) / (after - before))
        times = {"date": int(ms), "dateString": iso_utc(ms)}
        made.append({"_id": f"{int(ms):024x}", "type": "sgv", "sgv": value, "device": "curve", **times})
    return replace(person, entries=made[::-1])


def _cadence(every_min: float, phase_min: float = 0.0) -> Callable[[Person, Random], Person]:
    return lambda person, _: sampled(person, every_min, phase_min)


for _every, _phase, _name in (
    (1, 0, "cadence_1_min"),
    (2, 0, "cadence_2_min"),
    (3, 0, "cadence_3_min"),
    (4, 0, "cadence_4_min"),
    (5, 2, "cadence_5_min_other_phase"),
):
    add(
        Transformation(
            _name,
            Class.WITHIN_3,
            f"the curve read every {_every} minutes{' at other minutes' if _phase else ''} instead of every 5",
            _cadence(_every, _phase),
            against=_cadence(5),
        )
    )


# --- one carb ratio against the same in blocks


def _hours_without_meals(person: Person) -> list[int]:
    """Hours of the local day in which, and in the hour before and after which, no carbs were ever recorded."""
    eaten = set()
    for treatment in person.treatments:
        ms = treatment_ms(treatment)
        if ms is not None and amount(treatment, "carbs") > 0:
            eaten.add(datetime.fromtimestamp(ms / 1000, ZoneInfo(person.zone)).hour)
    return [h for h in range(24) if not {(h - 1) % 24, h, (h + 1) % 24} & eaten]


def _one_ratio(person: Person, _: Random) -> Person:
    def body(record: Record) -> Record | None:
        blocks = record.get("carbratio")
        if not isinstance(blocks, list) or not blocks:
            return None
        return {**record, "carbratio": [{**blocks[0], "time": "00:00", "timeAsSeconds": 0}]}

    return person.each_body(body)


def _ratio_blocks(factor: float) -> Callable[[Person, Random], Person]:
    def change(person: Person, chance: Random) -> Person:
        hours = set(_hours_without_meals(person))

        def body(record: Record) -> Record | None:
            blocks = record.get("carbratio")
            if not isinstance(blocks, list) or not blocks or not hours:
                return None
            value = float(blocks[0]["value"])
            return {
                **record,
                "carbratio": [
                    {"time": f"{h:02d}:00", "timeAsSeconds": h * 3600, "value": value * factor if h in hours else value}
                    for h in range(24)
                ],
            }

        return _one_ratio(person, chance).each_body(body)

    return change


for _name, _factor, _what in (
    ("ratio_double_where_nobody_eats", 2.0, "double"),
    ("ratio_half_where_nobody_eats", 0.5, "half"),
):
    add(
        Transformation(
            _name,
            Class.WITHIN_3,
            f"one carb ratio against the same with {_what} in the hours where nobody eats",
            _ratio_blocks(_factor),
            against=_one_ratio,
            compared=Compared.RATIOS,
        )
    )
