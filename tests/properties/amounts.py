"""Transformations: the same amounts in other units, fields and records. The numbers of the proposal are equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

from flows.errors import Refused
from flows.profiles.active_in_data import ActiveProfiles, basal_at, in_force
from flows.values.timestamps import iso_utc
from flows.values.units import MINUTE_MS
from tests.properties.order_and_copies import fresh_id
from tests.properties.person import Person, Record, amount, entry_ms, is_number, is_reading, is_temp_basal, treatment_ms
from tests.properties.transformation import Class, Transformation, add, transformation

MGDL_PER_MMOLL = 18
SCHEDULES = ("basal", "sens", "carbratio")
AMOUNTS = ("insulin", "carbs", "duration", "rate", "absolute", "percent", "amount")
TEMP_WAYS = ("rate", "absolute", "percent", "amount")
LONGEST_PERCENT = 500


# --- glucose


def _readings(
    name: str, meaning: str, change_one: Callable[[Record, float], Record | None], kind: Class = Class.NUMBERS
) -> None:
    def change(person: Person, _: Random) -> Person:
        def one(entry: Record) -> Record | None:
            if not is_reading(entry) or entry["sgv"] != int(entry["sgv"]) or "glucose" in entry:
                return None  # a value with decimals would be rounded
            return change_one(entry, entry["sgv"])

        return person.each_entry(one)

    add(Transformation(name, kind, meaning, change))


def _mmol(value: float, decimals: int = 2) -> float:
    return round(value / MGDL_PER_MMOLL, decimals)


def _renamed(entry: Record, value: float) -> Record:
    return {**{k: v for k, v in entry.items() if k != "sgv"}, "glucose": value}


_readings("sgv_mmol", "sgv in mmol/L with two decimals", lambda e, v: {**e, "sgv": _mmol(v)})
_readings("sgv_mmol_exact", "sgv in mmol/L with all decimals", lambda e, v: {**e, "sgv": v / MGDL_PER_MMOLL})
_readings("sgv_mmol_declared", "sgv in mmol/L, units said", lambda e, v: {**e, "sgv": _mmol(v), "units": "mmol"})
_readings("glucose_for_sgv", "glucose in place of sgv", _renamed)
_readings("glucose_for_sgv_mmol", "glucose in place of sgv, in mmol/L", lambda e, v: _renamed(e, _mmol(v)))
_readings("glucose_beside_sgv", "glucose beside sgv, the same number", lambda e, v: {**e, "glucose": v})
_readings(
    "glucose_mmol_beside_sgv", "glucose in mmol/L beside sgv", lambda e, v: {**e, "glucose": _mmol(v), "units": "mmol"}
)
_readings(
    "sgv_mmol_beside_glucose",
    "sgv in mmol/L beside glucose in mg/dL",
    lambda e, v: {**e, "sgv": _mmol(v), "glucose": v},
)
_readings(
    "glucose_disagrees",
    "glucose beside sgv with another value: the sensor's own is taken",
    lambda e, v: {**e, "glucose": min(2 * v, 390)},
)
_readings("sgv_text", "sgv as a text", lambda e, v: {**e, "sgv": str(v)})
_readings("sgv_float", "sgv as 123.0", lambda e, v: {**e, "sgv": float(v)})
_readings("sgv_type_missing", "no type", lambda e, v: {k: x for k, x in e.items() if k != "type"})
_readings(
    "direction_missing",
    "no direction, noise, raw values",
    lambda e, v: {k: x for k, x in e.items() if k in ("_id", "type", "sgv", "date", "dateString", "device")},
)


# --- the sensor's name


@transformation(Class.NUMBERS, "the device is named otherwise throughout")
def device_renamed(person: Person, _: Random) -> Person:
    return person.each_entry(lambda e: {**e, "device": f"share2 {e['device']}"} if e.get("device") else None)


@transformation(Class.NUMBERS, "the device's text ends in ::Backfill for 20 minutes of every hour or so")
def device_backfill(person: Person, chance: Random) -> Person:
    phase = chance.randrange(60)

    def change(entry: Record) -> Record | None:
        ms = entry_ms(entry)
        if not is_reading(entry) or ms is None or (ms / MINUTE_MS + phase) % 65 > 20:
            return None
        return {**entry, "device": f"{entry.get('device', 'sensor')}::Backfill"}

    return person.each_entry(change)


@transformation(Class.NUMBERS, "another source appended to the device's text at every third reading")
def device_source_appended(person: Person, chance: Random) -> Person:
    def change(entry: Record) -> Record | None:
        if not is_reading(entry) or chance.random() > 1 / 3:
            return None
        return {**entry, "device": f"{entry.get('device', 'sensor')} G5 Native"}

    return person.each_entry(change)


@transformation(Class.NUMBERS, "no device named")
def device_missing(person: Person, _: Random) -> Person:
    if len({e.get("device") for e in person.entries if is_reading(e)}) > 1:
        return person  # several sensors, which their names tell apart
    return person.each_entry(lambda e: {k: v for k, v in e.items() if k != "device"})


# --- numbers as text


def _as_text(names: tuple[str, ...], spelled: Callable[[float], str]) -> Callable[[Person, Random], Person]:
    def change(person: Person, _: Random) -> Person:
        def one(treatment: Record) -> Record:
            return {k: spelled(v) if k in names and is_number(v) else v for k, v in treatment.items()}

        return person.each_treatment(one)

    return change


for _name, _meaning, _change in (
    ("amounts_text", "insulin, carbs, durations and rates as text", _as_text(AMOUNTS, repr)),
    (
        "amounts_text_with_spaces",
        "insulin and carbs as text with spaces around",
        _as_text(AMOUNTS[:2], lambda v: f" {v!r} "),
    ),
    (
        "amounts_text_with_comma",
        "insulin and carbs as text with a decimal comma",
        _as_text(
            AMOUNTS[:2],
            lambda v: f"{v:.3f}".rstrip("0").rstrip(".").replace(".", ",") if v % 1 else f"{v:.1f}".replace(".", ","),
        ),
    ),
):
    add(Transformation(_name, Class.NUMBERS, _meaning, _change))


def _mapped_blocks(person: Person, change_one: Callable[[str, Record, Record], Record]) -> Person:
    def body(record: Record) -> Record:
        for part in (*SCHEDULES, "target_low", "target_high"):
            if isinstance(record.get(part), list):
                record[part] = [change_one(part, dict(b), record) for b in record[part]]
        return record

    return person.each_body(body)


@transformation(Class.NUMBERS, "every number of the profile as text")
def profile_text(person: Person, _: Random) -> Person:
    changed = _mapped_blocks(person, lambda _, block, __: {**block, "value": str(block.get("value"))})
    return changed.each_body(lambda b: {**b, "dia": str(b["dia"])} if is_number(b.get("dia")) else None)


# --- units of the profile


def _unit(document: Any, body: Record) -> str:
    return str(body.get("units") or (document.get("units") if isinstance(document, dict) else "") or "").lower()


@transformation(Class.NUMBERS, "the profile in the other unit")
def profile_in_the_other_unit(person: Person, _: Random) -> Person:
    def change(document: Any) -> Any:
        if not isinstance(document, dict) or not isinstance(document.get("store"), dict):
            return document
        units = {
            "mmol" if "mmol" in _unit(document, b) else "mg" if "mg" in _unit(document, b) else ""
            for b in document["store"].values()
            if isinstance(b, dict)
        }
        if units not in ({"mmol"}, {"mg"}):
            return document
        to_mmol = units == {"mg"}
        name = "mmol" if to_mmol else "mg/dl"

        def body(record: Record) -> Record:
            for part in ("sens", "target_low", "target_high"):
                if isinstance(record.get(part), list):
                    record[part] = [
                        {
                            **b,
                            "value": float(b["value"]) / MGDL_PER_MMOLL
                            if to_mmol
                            else float(b["value"]) * MGDL_PER_MMOLL,
                        }
                        for b in record[part]
                    ]
            return {**record, "units": name}

        changed = replace(person, profile=[document]).each_body(body).profile[0]
        return {**changed, "units": name}

    return replace(person, profile=[change(d) for d in person.profile])


@transformation(Class.NUMBERS, "units of the profile written in capitals, at the document's top alone")
def profile_units_at_the_top(person: Person, _: Random) -> Person:
    def change(document: Any) -> Any:
        if not isinstance(document, dict) or not isinstance(document.get("store"), dict):
            return document
        bodies = [b for b in document["store"].values() if isinstance(b, dict)]
        units = {_unit(document, b) for b in bodies}
        if len(units) != 1 or units == {""}:
            return document
        store = {
            n: {k: v for k, v in b.items() if k != "units"} if isinstance(b, dict) else b
            for n, b in document["store"].items()
        }
        return {**document, "store": store, "units": units.pop().upper()}

    return replace(person, profile=[change(d) for d in person.profile])


# --- blocks where nothing happens


def _split_blocks(part: str, step_min: int) -> Callable[[Person, Random], Person]:
    """Each block of a schedule in two of the same value, the second beginning on a multiple of `step_min`."""

    def change(person: Person, _: Random) -> Person:
        def body(record: Record) -> Record | None:
            blocks = record.get(part)
            if not isinstance(blocks, list) or not all(
                isinstance(b, dict) and isinstance(b.get("time"), str) for b in blocks
            ):
                return None
            starts = [int(b["time"][:2]) * 60 + int(b["time"][3:5]) for b in blocks]
            made: list[Record] = []
            for block, (start, end) in zip(blocks, pairwise([*starts, 1440]), strict=True):
                made.append(block)
                middle = (start + end) // 2 // step_min * step_min
                if start < middle < end:
                    at = {"time": f"{middle // 60:02d}:{middle % 60:02d}", "timeAsSeconds": middle * 60}
                    made.append({**block, **at})
            return {**record, part: made}

        return person.each_body(body)

    return change


for _name, _part, _step, _what in (
    ("basal_blocks_split", "basal", 60, "basal blocks"),
    ("basal_blocks_split_at_half_hours", "basal", 30, "basal blocks, at half hours too,"),
    ("isf_blocks_split", "sens", 60, "ISF blocks"),
    ("carb_ratio_blocks_split", "carbratio", 60, "carb ratio blocks"),
):
    add(Transformation(_name, Class.NUMBERS, f"{_what} split in two of the same value", _split_blocks(_part, _step)))


# --- meals


@transformation(Class.NUMBERS, "each bolus with carbs as a bolus and carbs of the same instant")
def meals_split(person: Person, chance: Random) -> Person:
    made: list[Any] = []
    for record in person.treatments:
        if amount(record, "insulin") > 0 and amount(record, "carbs") > 0 and not record.get("duration"):
            made.append({**record, "_id": fresh_id(chance), "eventType": "Carb Correction", "insulin": None})
            made.append({**record, "eventType": "Correction Bolus", "carbs": None})
        else:
            made.append(record)
    return replace(person, treatments=made)


def gathered(person: Person, *, merged: bool) -> Person:
    """Carbs moved to the nearest bolus within a quarter of an hour, as records of their own or in the bolus's."""
    boluses = {
        ms: n
        for n, t in enumerate(person.treatments)
        if amount(t, "insulin") > 0 and not amount(t, "carbs") and (ms := treatment_ms(t)) is not None
    }
    made: list[Any] = list(person.treatments)
    gone: set[int] = set()
    for n, record in enumerate(person.treatments):
        ms = treatment_ms(record)
        if amount(record, "carbs") <= 0 or amount(record, "insulin") > 0 or ms is None or record.get("duration"):
            continue
        near = min(boluses, key=lambda at: abs(at - ms), default=None)
        if near is None or abs(near - ms) > 15 * MINUTE_MS:
            continue
        at = boluses.pop(near)
        if merged:
            made[at] = {**made[at], "eventType": "Meal Bolus", "carbs": record["carbs"]}
            gone.add(n)
        else:
            times = {
                k: v for k, v in person.treatments[at].items() if k in ("created_at", "date", "timestamp", "mills")
            }
            rest = {k: v for k, v in record.items() if k not in ("created_at", "date", "timestamp", "mills")}
            made[n] = {**rest, **times}
    return replace(person, treatments=[t for n, t in enumerate(made) if n not in gone])


@transformation(
    Class.NUMBERS,
    "carbs and bolus of one instant as one record",
    against=lambda person, _: gathered(person, merged=False),
)
def meals_merged(person: Person, _: Random) -> Person:
    return gathered(person, merged=True)


@transformation(Class.NUMBERS, "boluses under names that upstream does not count: SMB, Bolus, <none>, nothing")
def bolus_names(person: Person, chance: Random) -> Person:
    def change(treatment: Record) -> Record | None:
        if amount(treatment, "insulin") <= 0 or treatment.get("duration"):
            return None
        return {**treatment, "eventType": chance.choice(("SMB", "Bolus", "<none>", "", None))}

    return person.each_treatment(change)


# --- temporary basals


def _active(person: Person) -> ActiveProfiles | None:
    instants = [ms for e in person.entries if (ms := entry_ms(e)) is not None]
    if not person.profile or not instants:
        return None
    try:
        return in_force(
            person.profile,
            person.treatments,
            name=None,
            window_start_ms=min(instants),
            window_end_ms=max(instants),
            zone=person.zone,
        )
    except Refused:
        return None


def _temp_basals(person: Person, change_one: Callable[[Record, float], Record | None]) -> Person:
    """Change temporary basals that say their rate in `rate` or `absolute`, and not what was delivered."""

    def change(treatment: Record) -> Record | None:
        if (
            not is_temp_basal(treatment)
            or is_number(treatment.get("amount"))
            or not is_number(treatment.get("duration"))
        ):
            return None
        said = [treatment[k] for k in ("rate", "absolute") if is_number(treatment.get(k))]
        if not said or max(said) - min(said) > 1e-9:
            return None
        return change_one({k: v for k, v in treatment.items() if k not in TEMP_WAYS}, said[0])

    return person.each_treatment(change)


@transformation(Class.NUMBERS, "temporary basals with rate alone")
def temps_by_rate(person: Person, _: Random) -> Person:
    return _temp_basals(person, lambda t, rate: {**t, "rate": rate})


@transformation(Class.NUMBERS, "temporary basals with absolute alone")
def temps_by_absolute(person: Person, _: Random) -> Person:
    return _temp_basals(person, lambda t, rate: {**t, "absolute": rate})


def _percent(person: Person, treatment: Record, rate: float, active: ActiveProfiles) -> float | None:
    ms = treatment_ms(treatment, person.zone)
    basal = basal_at(active, ms) if ms is not None else None
    if not basal or round(rate, 4) != rate:
        return None
    percent = (rate / basal - 1) * 100
    return percent if percent <= LONGEST_PERCENT else None


@transformation(Class.NUMBERS, "temporary basals as a percentage of the basal in force")
def temps_by_percent(person: Person, _: Random) -> Person:
    if (active := _active(person)) is None:
        return person

    def change(treatment: Record, rate: float) -> Record | None:
        percent = _percent(person, treatment, rate, active)
        return None if percent is None else {**treatment, "percent": percent}

    return _temp_basals(person, change)


@transformation(Class.NUMBERS, "temporary basals with a percentage that agrees beside rate and absolute")
def temps_with_percent_beside(person: Person, _: Random) -> Person:
    if (active := _active(person)) is None:
        return person

    def change(treatment: Record, rate: float) -> Record | None:
        percent = _percent(person, treatment, rate, active)
        whole = {} if percent is None else {"percent": round(percent), "temp": "percent"}
        return {**treatment, "rate": rate, "absolute": rate, **whole}

    return _temp_basals(person, change)


@transformation(Class.NUMBERS, "temporary basals named Temp Basal Start or TempBasal")
def temps_named_otherwise(person: Person, chance: Random) -> Person:
    def change(treatment: Record) -> Record | None:
        return (
            {**treatment, "eventType": chance.choice(("Temp Basal Start", "TempBasal"))}
            if is_temp_basal(treatment)
            else None
        )

    return person.each_treatment(change)


@transformation(Class.NUMBERS, "durations of temporary basals in milliseconds, as API v3 has them")
def temps_in_milliseconds(person: Person, chance: Random) -> Person:
    def change(treatment: Record) -> Record | None:
        ms = treatment_ms(treatment)
        if not is_temp_basal(treatment) or not is_number(treatment.get("duration")) or ms is None:
            return None
        rest = {k: v for k, v in treatment.items() if k != "durationInMilliseconds"}
        v3 = {"identifier": fresh_id(chance), "srvCreated": int(ms), "srvModified": int(ms), "date": int(ms)}
        return {**rest, **v3, "app": "AAPS", "duration": treatment["duration"] * MINUTE_MS}

    return person.each_treatment(change)


# --- extended carbs


def _extended(person: Person, chance: Random, *, copied: bool) -> Person:
    made: list[Any] = []
    for record in person.treatments:
        ms = treatment_ms(record)
        if amount(record, "carbs") < 20 or amount(record, "insulin") > 0 or ms is None or record.get("duration"):
            made.append(record)
            continue
        if copied:
            plain = {"eventType": "Carb Correction", "carbs": record["carbs"], "created_at": iso_utc(ms)}
            made.append({"_id": fresh_id(chance), "enteredBy": "a second uploader", **plain})
        made.append({**record, "duration": 120})
    return replace(person, treatments=made)


@transformation(
    Class.NUMBERS,
    "carbs over two hours that another uploader has copied plainly",
    against=lambda person, chance: _extended(person, chance, copied=False),
)
def extended_carbs_copied_plainly(person: Person, chance: Random) -> Person:
    return _extended(person, chance, copied=True)
