"""Glucose readings as upstream must see them: sensor values in mg/dL with a numeric date, from one sensor at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.history.glucose_declared import Reading
from flows.history.glucose_units import ERROR_CODE, units_of
from flows.history.glucose_values import (
    LOWEST_MGDL,
    is_above_range,
    is_below_range,
    low_left_out_mgdl,
    other_field,
    value_field,
)
from flows.history.records import (
    Changed,
    Context,
    Dropped,
    Numbered,
    Quarantined,
    RecordVerdict,
    Rule,
    identity,
    keep_if,
    must_be_a_record,
    run_rules,
    sorted_by,
    totals,
    valid_only,
)
from flows.history.sensors import instants_shown, one_sensor_at_a_time, sensor_of, sensors_of
from flows.history.strays import leave_out_strays
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.nightscout.documents import Record
from flows.profiles.parse import MG_PER_DL, MMOL_PER_L, unit_name
from flows.values.ledger import Entry, Ledger, Totals
from flows.values.numbers import NotANumber, number, number_or_zero
from flows.values.timestamps import instant_ms
from flows.values.units import HOUR_MS, MGDL_PER_MMOLL

HIGHEST_MGDL = 1000
UNKNOWN_UNIT = "glucose_unit"  # the rule that quarantines readings whose unit nobody knows
# Half of mmol/L's last decimal, 0.05, is 0.9 mg/dL; and a whole number is half a mg/dL off.
SAME_WITHIN_MGDL = 1.5
SAME_DOUBT_MS = HOUR_MS  # readings of unknown unit an hour apart are one doubt; later ones are another
NOT_SENSORS = ("finger", "manual")  # `glucoseType` of Nightscout's BG Check


@dataclass(frozen=True)
class LowReading:
    """A reading below 39 mg/dL, which upstream does not get: when (epoch ms), and how low."""

    date: float
    mgdl: float


@dataclass(frozen=True)
class HighReading:
    """A reading above what the sensor can measure, which upstream does not get: when (epoch ms)."""

    date: float


@dataclass(frozen=True)
class Readings:
    """The readings for upstream, newest first, and the lows and highs left out of them, oldest first.

    `shown_ms` is when the sensors showed anything (epoch ms, ascending), before a fast cadence was thinned.
    """

    for_upstream: list[Record]
    lows_left_out: list[LowReading]
    highs_left_out: list[HighReading]
    shown_ms: list[float]


def sensor_readings_only(record: Record, _: Context) -> RecordVerdict:
    """Calibrations and finger pricks (`cal`, `mbg`, a treatment's `glucose`) are not sensor readings."""
    kind = record.get("type")
    if str(kind or "sgv").lower() != "sgv" or ("sgv" not in record and "glucose" not in record):
        return Dropped(f"not a sensor reading ({kind if isinstance(kind, str) and kind else 'no type'})")
    of_a_meter = record.get("sgv") is None and ("mbg" in record or "eventType" in record)
    if of_a_meter or str(record.get("glucoseType") or "").lower() in NOT_SENSORS:
        return Dropped("not a sensor reading (a finger prick)")
    return None


def value_is_a_number(record: Record, _: Context) -> RecordVerdict:
    """A reading's value as a number; a missing one is no reading, and what is beyond the range is left out later."""
    name = value_field(record)
    try:
        value = number(record.get(name))
    except NotANumber:
        if is_below_range(record[name]) or is_above_range(record[name]):
            return None
        return Quarantined(f"its {name} is not a number")
    if value is None:
        return Dropped("a reading without a value")
    if not 0 <= value <= HIGHEST_MGDL:
        return Quarantined(f"its {name} is not between 0 and {HIGHEST_MGDL}")
    if isinstance(record[name], str):
        return Changed({**record, name: value}, "number written as text")
    return None


def date_is_milliseconds(record: Record, context: Context) -> RecordVerdict:
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
    Rule(
        "glucose_not_a_record",
        to_translate("a list item that is no record"),
        "a null crashes upstream's prep",
        must_be_a_record,
    ),
    Rule(
        "not_a_sensor_reading",
        to_translate("calibrations and finger pricks left out"),
        "types cal and mbg among the entries",
        sensor_readings_only,
    ),
    Rule("glucose_deleted", to_translate("deleted readings left out"), "AAPS: isValid false", valid_only),
    Rule("glucose_value", to_translate("readings as numbers"), "values missing, or as text", value_is_a_number),
    Rule("glucose_date", to_translate("dates in milliseconds"), "dates as text or in seconds", date_is_milliseconds),
)


def read_glucose(records: list[Any], context: Context, ledger: Ledger) -> Readings:
    """Readings ready for upstream, newest first, and the lows and highs it does not get: who judges safety needs them.

    Args:
        records: entries as served.
        context: the zone of times without one.
        ledger: every change, removal and doubt is written down in it.
    """
    since = len(ledger.entries)
    numbered: Numbered = [(identity(r, i), r) for i, r in enumerate(records)]
    numbered = run_rules(numbered, RULES, context, ledger)
    numbered = leave_out_strays(numbered, context.now_ms, ledger)
    numbered = _convert_mmol(numbered, ledger)
    numbered = _keep_one_value(numbered, ledger)
    seen = numbered
    sensors = sensors_of([(n, r) for n, r in seen if _is_of_a_curve(r)])
    numbered = _one_reading_at_a_time(_drop_high(_drop_low(numbered, ledger), ledger), sensors, ledger)
    ledger.close_account("entries", len(records), len(numbered), since)
    return Readings([record for _, record in numbered], *_left_out(seen, sensors))


def value_mgdl(record: Record) -> float:
    """A normalised reading's value."""
    return number_or_zero(record.get(value_field(record)))


def _convert_mmol(records: Numbered, ledger: Ledger) -> Numbered:
    if all(_is_text(r) or value_mgdl(r) >= LOWEST_MGDL for _, r in records):
        return records
    units, begins_doubt = _units(records)
    before = totals(r for _, r in records)
    known: Numbered = []
    for n, ((name, record), unit) in enumerate(zip(records, units, strict=True)):
        if unit is None:
            why = "its unit cannot be known: the readings around it tell neither mg/dL nor mmol/L"
            gone = Entry(UNKNOWN_UNIT, name, record, {}, why, Totals() - totals([record]), removed=True)
            ledger.quarantine(gone, same_doubt=n not in begins_doubt)
        elif unit == ERROR_CODE:
            why = "a sensor's error code, written as if it were glucose in mmol/L"
            ledger.note(Entry("glucose_unit", name, record, {}, why, Totals() - totals([record]), removed=True))
        elif unit == MMOL_PER_L:
            field = value_field(record)
            now = {field: round(number_or_zero(record[field]) * MGDL_PER_MMOLL)}
            ledger.note(Entry("glucose_unit", name, {field: record[field]}, now, "mmol/L × 18"))
            known.append((name, {**record, **now}))
        else:
            known.append((name, record))
    if any(unit != MG_PER_DL for unit in units):
        ledger.close_rule(
            "glucose_unit", to_translate("readings in mmol/L, now mg/dL"), before, totals(r for _, r in known)
        )
    return known


def _units(records: Numbered) -> tuple[list[str | None], set[int]]:
    """Each record's unit, and where a stretch begins in which it is unknown; a text such as "LOW" has none to find."""
    sensors: dict[str, list[int]] = {}
    numbers = (n for n, (_, r) in enumerate(records) if not _is_text(r))
    for n in sorted(numbers, key=lambda n: float(records[n][1]["date"])):
        sensors.setdefault(sensor_of(records[n][1]), []).append(n)
    read = [[_as_written(records[n][1]) for n in places] for places in sensors.values()]
    units: list[str | None] = [MG_PER_DL] * len(records)
    begins: set[int] = set()
    for places, readings, found in zip(sensors.values(), read, units_of(read), strict=True):
        doubted_ms: float | None = None
        for n, reading, unit in zip(places, readings, found, strict=True):
            units[n] = unit
            if unit is None and (doubted_ms is None or reading.ms - doubted_ms > SAME_DOUBT_MS):
                begins.add(n)
            doubted_ms = reading.ms if unit is None else None
    return units, begins


def _is_text(record: Record) -> bool:
    value = record.get(value_field(record))
    return is_below_range(value) or is_above_range(value)


def _as_written(record: Record) -> Reading:
    value = value_mgdl(record)
    declared = unit_name(record.get("units")) or unit_name(record.get("unit"))
    other = number_or_zero(record.get(other_field(value_field(record))))
    if other > value > 0 and abs(other - value * MGDL_PER_MMOLL) <= SAME_WITHIN_MGDL:
        declared = MMOL_PER_L  # the same value, in mg/dL, stands beside it
    return Reading(float(record["date"]), value, declared)


def _keep_one_value(records: Numbered, ledger: Ledger) -> Numbered:
    # Upstream prefers `glucose`: it would take what was not checked. Where both are the same, nothing can go wrong.
    before = totals(r for _, r in records)
    kept: Numbered = []
    changed = False
    for name, record in records:
        field = value_field(record)
        beside = other_field(field)
        if (why := _why_not_beside(record, field, beside)) is None:
            kept.append((name, record))
            continue
        changed = True
        one = {key: value for key, value in record.items() if key != beside}
        both = {field: record.get(field), beside: record[beside]}
        ledger.note(Entry("glucose_beside_sgv", name, both, {field: record.get(field)}, why))
        kept.append((name, one))
    if changed:
        ledger.close_rule("glucose_beside_sgv", to_translate("one value a reading"), before, totals(r for _, r in kept))
    return kept


def _why_not_beside(record: Record, field: str, beside: str) -> str | None:
    """Why the other field may not stay beside the value; `None` where it is not there or the same number."""
    if beside not in record:
        return None
    value, other = record.get(field), record[beside]
    if type(other) in (int, float) and other == value:
        return None
    try:
        read = number(other)
    except NotANumber:
        return f"{beside} is not a number; {field} is kept"
    if not read:
        return f"{beside} is empty; {field} is kept"
    mgdl = number_or_zero(value)
    if any(abs(read * factor - mgdl) <= SAME_WITHIN_MGDL for factor in (1, MGDL_PER_MMOLL)):
        return f"{beside} is the same, written otherwise; {field} is kept"
    return f"{field} and {beside} differ; {field} is kept, the sensor's own value in Nightscout's schema"


def _drop_low(records: Numbered, ledger: Ledger) -> Numbered:
    def why_not(_: str, record: Record) -> str | None:
        value = record.get(value_field(record))
        if low_left_out_mgdl(value) is not None:
            return f"below {LOWEST_MGDL} mg/dL, which upstream leaves out; counted as a low"
        is_code = not is_above_range(value) and number_or_zero(value) < LOWEST_MGDL
        return "a sensor's error code, not a reading" if is_code else None

    return keep_if(
        records,
        ("glucose_low", translatable("values below {mgdl} mg/dL left out", mgdl=LOWEST_MGDL)),
        why_not,
        ledger,
    )


def _drop_high(records: Numbered, ledger: Ledger) -> Numbered:
    def why_not(_: str, record: Record) -> str | None:
        if is_above_range(record.get(value_field(record))):
            return "above what the sensor can measure, without a number; counted as a high"
        return None

    return keep_if(
        records, ("glucose_high", to_translate("readings above the sensor's range left out")), why_not, ledger
    )


def _is_of_a_curve(record: Record) -> bool:
    value = record.get(value_field(record))
    return low_left_out_mgdl(value) is not None or number_or_zero(value) >= LOWEST_MGDL


def _newest_first(records: Numbered) -> Numbered:
    return sorted_by(records, lambda item: -float(item[1]["date"]), lambda item: item[1])


def _one_reading_at_a_time(records: Numbered, sensors: Mapping[str, str], ledger: Ledger) -> Numbered:
    return one_sensor_at_a_time(_remove_duplicates(_newest_first(records), ledger), ledger, sensors)


def _left_out(records: Numbered, sensors: Mapping[str, str]) -> tuple[list[LowReading], list[HighReading], list[float]]:
    """The lows and highs that upstream does not get, one sensor at a time as those it gets; and all instants."""
    lows = {name: mgdl for name, r in records if (mgdl := low_left_out_mgdl(r.get(value_field(r)))) is not None}
    highs = {name for name, r in records if is_above_range(r.get(value_field(r)))}
    real = [(n, r) for n, r in records if n in lows or n in highs or value_mgdl(r) >= LOWEST_MGDL]
    distinct = _remove_duplicates(_newest_first(real), Ledger())
    shown = instants_shown(distinct, sensors)
    if not lows and not highs:
        return [], [], shown
    kept = sorted((float(r["date"]), n) for n, r in one_sensor_at_a_time(distinct, Ledger(), sensors))
    return (
        [LowReading(date, lows[n]) for date, n in kept if n in lows],
        [HighReading(date) for date, n in kept if n in highs],
        shown,
    )


def _remove_duplicates(records: Numbered, ledger: Ledger) -> Numbered:
    seen: set[tuple[str, float]] = set()

    def why_not(_: str, record: Record) -> str | None:
        key = sensor_of(record), float(record["date"])
        if key in seen:
            return "another reading of the same sensor and instant"
        seen.add(key)
        return None

    return keep_if(records, ("glucose_duplicate", to_translate("one reading for one instant")), why_not, ledger)
