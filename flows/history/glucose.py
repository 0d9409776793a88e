"""Glucose readings as upstream must see them: sensor values in mg/dL with a numeric date, from one sensor at a time."""

from __future__ import annotations

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
    content,
    identity,
    keep_if,
    must_be_a_record,
    run_rules,
    totals,
    valid_only,
)
from flows.history.sensors import one_sensor_at_a_time, sensor_of
from flows.ledger import Entry, Ledger
from flows.profiles.parse import MGDL_PER_MMOLL
from flows.timestamps import instant_ms

LOWEST_MGDL = 39  # oref0@0.7.1 lib/autotune-prep/categorize.js drops what is lower
HIGHEST_MGDL = 1000
MMOL_MEDIAN_BELOW = 25.0  # no person's readings have a median of 25 mg/dL
LOWEST_MMOL = 1.5
DISTINCT_MMOL = 8  # a sensor has fewer error codes


def sensor_readings_only(record: Record, _: Context) -> Verdict:
    """Calibrations and finger pricks (`cal`, `mbg`) are not sensor readings."""
    kind = record.get("type")
    if str(kind or "sgv").lower() != "sgv" or ("sgv" not in record and "glucose" not in record):
        return Dropped(f"not a sensor reading ({kind if isinstance(kind, str) and kind else 'no type'})")
    return None


def value_is_a_number(record: Record, _: Context) -> Verdict:
    """A reading's value as a number; a missing one is no reading."""
    name = _field(record)
    try:
        value = number(record[name])
    except NotANumber:
        text = record[name].strip().upper() if isinstance(record[name], str) else ""
        if text in ("LOW", "HIGH", "LO", "HI"):
            return Dropped("below or above what the sensor can measure, without a number")
        return Quarantined(f"its {name} is not a number")
    if value is None:
        return Dropped("a reading without a value")
    if not 0 <= value <= HIGHEST_MGDL:
        return Quarantined(f"its {name} is not between 0 and {HIGHEST_MGDL}")
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
        for source in ("mills", "dateString", "sysTime", "created_at", "displayTime"):
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
    Rule("glucose_not_a_record", "a list item that is no record", "a null crashes upstream's prep", must_be_a_record),
    Rule(
        "not_a_sensor_reading",
        "calibrations and finger pricks left out",
        "types cal and mbg among the entries",
        sensor_readings_only,
    ),
    Rule("glucose_deleted", "deleted readings left out", "AAPS: isValid false", valid_only),
    Rule("glucose_value", "readings as numbers", "values missing, as text, LOW or HIGH", value_is_a_number),
    Rule("glucose_date", "dates in milliseconds", "dates as text or in seconds", date_is_milliseconds),
)


def normalise_glucose(records: list[Any], context: Context, ledger: Ledger) -> list[Record]:
    """Readings ready for upstream, newest first; every change, removal and doubt is in the ledger."""
    since = len(ledger.entries)
    numbered: Numbered = [(identity(r, i), r) for i, r in enumerate(records)]
    numbered = run_rules(numbered, RULES, context, ledger)
    numbered = _convert_mmol(numbered, ledger)
    numbered = _drop_low(numbered, ledger)
    numbered.sort(key=lambda item: (-float(item[1]["date"]), content(item[1])))
    numbered = _remove_duplicates(numbered, ledger)
    numbered = one_sensor_at_a_time(numbered, ledger)
    ledger.close_account("entries", len(records), len(numbered), since)
    return [record for _, record in numbered]


def value_mgdl(record: Record) -> float:
    """A normalised reading's value."""
    return amount(record.get(_field(record)))


def _field(record: Record) -> str:
    # lib/autotune-prep/categorize.js takes `glucose` where it is, and `sgv` otherwise.
    return "sgv" if record.get("sgv") is not None or "glucose" not in record else "glucose"


def _convert_mmol(records: Numbered, ledger: Ledger) -> Numbered:
    # Judged over all readings of a sensor: single low ones are real, and one uploader may write mmol/L among others.
    by_device: dict[str, list[float]] = {}
    for _, record in records:
        by_device.setdefault(sensor_of(record), []).append(value_mgdl(record))
    in_mmol = {name for name, values in by_device.items() if _are_mmol(values)}
    if not any(_is_mmol(value_mgdl(r), sensor_of(r) in in_mmol) for _, r in records):
        return records
    before = totals(r for _, r in records)
    converted: Numbered = []
    for name, record in records:
        if not _is_mmol(value_mgdl(record), sensor_of(record) in in_mmol):
            converted.append((name, record))
            continue
        mgdl = round(value_mgdl(record) * MGDL_PER_MMOLL)
        was, now = {_field(record): record[_field(record)]}, {_field(record): mgdl}
        ledger.note(Entry("glucose_unit", name, was, now, "mmol/L × 18"))
        converted.append((name, {**record, **now}))
    after = totals(r for _, r in converted)
    ledger.close_rule("glucose_unit", "readings were in mmol/L, now mg/dL", before, after)
    return converted


def _is_mmol(value: float, sensor_in_mmol: bool) -> bool:
    # A sensor may have changed its unit: what is too high for mmol/L is mg/dL, a low fraction is mmol/L.
    if sensor_in_mmol:
        return 0 < value < LOWEST_MGDL
    return LOWEST_MMOL <= value < LOWEST_MGDL and value != int(value)


def _are_mmol(values: list[float]) -> bool:
    # Sensors' error codes are whole and few; mmol/L has decimals, or at least many values.
    positive = [v for v in values if v > 0]
    if not positive or statistics.median(positive) >= MMOL_MEDIAN_BELOW:
        return False
    return any(v != int(v) for v in positive) or len(set(positive)) >= DISTINCT_MMOL


def _drop_low(records: Numbered, ledger: Ledger) -> Numbered:
    def why_not(_: str, record: Record) -> str | None:
        low = value_mgdl(record) < LOWEST_MGDL
        return f"below {LOWEST_MGDL} mg/dL: a sensor's error code, not a reading" if low else None

    return keep_if(records, ("glucose_low", f"values below {LOWEST_MGDL} mg/dL left out"), why_not, ledger)


def _remove_duplicates(records: Numbered, ledger: Ledger) -> Numbered:
    seen: set[tuple[str, float]] = set()

    def why_not(_: str, record: Record) -> str | None:
        key = sensor_of(record), float(record["date"])
        if key in seen:
            return "another reading of the same sensor and instant"
        seen.add(key)
        return None

    return keep_if(records, ("glucose_duplicate", "one reading for one instant"), why_not, ledger)
