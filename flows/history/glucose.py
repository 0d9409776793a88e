"""Glucose readings as upstream must see them: sensor values in mg/dL with a numeric date, one record a reading."""

from __future__ import annotations

import json
import statistics
from typing import Any

from flows.history.numbers import NotANumber, amount, number
from flows.history.records import (
    Changed,
    Context,
    Dropped,
    Numbered,
    Quarantined,
    Record,
    Rule,
    Verdict,
    identity,
    run_rules,
    totals,
)
from flows.ledger import Entry, Ledger, Totals
from flows.profiles.parse import MGDL_PER_MMOLL
from flows.timestamps import instant_ms

LOWEST_MGDL = 39  # oref0@0.7.1 lib/autotune-prep/categorize.js drops what is lower
HIGHEST_MGDL = 1000
MMOL_MEDIAN_BELOW = 25.0  # no person's readings have a median of 25 mg/dL


def must_be_a_record(record: Any, _: Context) -> Verdict:
    """A null or a bare value in the list makes upstream's prep crash."""
    return None if isinstance(record, dict) else Quarantined("it is not an object")


def sensor_readings_only(record: Record, _: Context) -> Verdict:
    """Calibrations and finger pricks (`cal`, `mbg`) are not sensor readings."""
    kind = record.get("type")
    if kind not in (None, "sgv") or ("sgv" not in record and "glucose" not in record):
        return Dropped(f"not a sensor reading ({kind or 'no type'})")
    return None


def valid_only(record: Record, _: Context) -> Verdict:
    """What its uploader deleted is not a reading."""
    return Dropped("deleted by its uploader (isValid is false)") if record.get("isValid") is False else None


def value_is_a_number(record: Record, _: Context) -> Verdict:
    """A reading's value as a number; a missing one is no reading."""
    name = "sgv" if "sgv" in record else "glucose"
    try:
        value = number(record[name])
    except NotANumber:
        return Quarantined(f"its {name} is not a number")
    if value is None:
        return Dropped("a reading without a value")
    if value > HIGHEST_MGDL:
        return Quarantined(f"its {name} is above {HIGHEST_MGDL}")
    if isinstance(record[name], str):
        return Changed({**record, name: value}, "number written as text")
    return None


def date_is_milliseconds(record: Record, context: Context) -> Verdict:
    """Upstream needs a numeric `date`; as text it crashes, in seconds nothing is tuned."""
    date = record.get("date")
    found = instant_ms(date, context.zone)
    if found and isinstance(date, int | float) and found[0] == date:
        return None
    source = "date"
    if found is None:
        for source in ("mills", "dateString", "sysTime", "created_at"):
            found = instant_ms(record.get(source), context.zone)
            if found:
                break
    if found is None:
        return Quarantined("it has no time that can be understood")
    why = f"date in milliseconds from {source}"
    if found[1]:
        why += f"; without a zone, taken as {context.zone}"
    return Changed({**record, "date": int(found[0])}, why)


RULES: tuple[Rule, ...] = (
    Rule("glucose_not_a_record", "a list item that is no record", "quirks: null", must_be_a_record),
    Rule(
        "not_a_sensor_reading",
        "calibrations and finger pricks left out",
        "quirks: cal, mbg",
        sensor_readings_only,
    ),
    Rule("glucose_deleted", "deleted readings left out", "quirks: isValid:false", valid_only),
    Rule("glucose_value", "readings as numbers", "quirks: sgv null, text", value_is_a_number),
    Rule(
        "glucose_date",
        "dates in milliseconds",
        "quirks: date float or string",
        date_is_milliseconds,
    ),
)


def normalise_glucose(records: list[Any], context: Context, ledger: Ledger) -> list[Record]:
    """Readings ready for upstream, newest first; every change, removal and doubt is in the ledger."""
    numbered: Numbered = [(identity(r, i), r) for i, r in enumerate(records)]
    numbered = run_rules(numbered, RULES, context, ledger)
    numbered = _convert_mmol(numbered, ledger)
    numbered = _drop_low(numbered, ledger)
    numbered.sort(key=lambda item: (-float(item[1]["date"]), json.dumps(item[1], sort_keys=True)))
    return [record for _, record in _remove_duplicates(numbered, ledger)]


def value_mgdl(record: Record) -> float:
    """A normalised reading's value."""
    return amount(record.get("sgv", record.get("glucose")))


def _convert_mmol(records: Numbered, ledger: Ledger) -> Numbered:
    # Judged over all readings: single low ones are real.
    before = totals(r for _, r in records)
    values = [value_mgdl(r) for _, r in records if value_mgdl(r) > 0]
    if not values or statistics.median(values) >= MMOL_MEDIAN_BELOW:
        return records
    converted: Numbered = []
    for name, record in records:
        field = "sgv" if "sgv" in record else "glucose"
        mgdl = round(value_mgdl(record) * MGDL_PER_MMOLL)
        ledger.note(Entry("glucose_unit", name, {field: record[field]}, {field: mgdl}, "mmol/L × 18"))
        converted.append((name, {**record, field: mgdl}))
    ledger.close_rule(
        "glucose_unit",
        "readings were in mmol/L, now mg/dL",
        before,
        totals(r for _, r in converted),
    )
    return converted


def _drop_low(records: Numbered, ledger: Ledger) -> Numbered:
    before = totals(r for _, r in records)
    kept: Numbered = []
    for name, record in records:
        if value_mgdl(record) < LOWEST_MGDL:
            why = f"below {LOWEST_MGDL} mg/dL: a sensor's error code, not a reading"
            ledger.note(Entry("glucose_low", name, record, {}, why, Totals() - totals([record])))
        else:
            kept.append((name, record))
    ledger.close_rule("glucose_low", "values below 39 mg/dL left out", before, totals(r for _, r in kept))
    return kept


def _remove_duplicates(records: Numbered, ledger: Ledger) -> Numbered:
    before = totals(r for _, r in records)
    seen: set[float] = set()
    kept: Numbered = []
    for name, record in records:
        if float(record["date"]) in seen:
            why = "another reading of the same instant"
            ledger.note(Entry("glucose_duplicate", name, record, {}, why, Totals() - totals([record])))
        else:
            seen.add(float(record["date"]))
            kept.append((name, record))
    ledger.close_rule("glucose_duplicate", "one reading for one instant", before, totals(r for _, r in kept))
    return kept
