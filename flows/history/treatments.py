"""Treatments as upstream must see them: one small rule a quirk, all listed in `RULES`, each change in the ledger.

What upstream reads is cited from oref0@0.7.1 lib/iob/history.js, lib/meal/history.js and bin/oref0-autotune-prep.js.
"""

from __future__ import annotations

import json
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
from flows.timestamps import CANONICAL, instant_ms, iso_utc

ALWAYS_NUMERIC = ("insulin", "carbs")
TEMP_BASAL_NUMERIC = ("duration", "rate", "absolute", "percent", "amount")
INSTANT_FIELDS = ("created_at", "timestamp", "date", "mills", "eventTime")
COUNTED_BOLUS_TYPES = ("Meal Bolus", "Correction Bolus", "Snack Bolus", "Bolus Wizard")
AAPS = "openaps://AndroidAPS"
HIGHEST_RATE_U_PER_H = 35.0  # above it a "rate" can only be a percentage or a mistake
LONGEST_TEMP_BASAL_MIN = 24 * 60
DUPLICATE_WITHIN_MS = 2000
MAX_BOLUS_U, MAX_CARBS_G = 100.0, 500.0


def is_temp_basal(record: Record) -> bool:
    """Whether upstream takes the record for a temporary basal."""
    return record.get("eventType") == "Temp Basal"


def must_be_a_record(record: Any, _: Context) -> Verdict:
    """A null or a bare value in the list makes upstream's prep crash."""
    return None if isinstance(record, dict) else Quarantined("it is not an object")


def valid_only(record: Record, _: Context) -> Verdict:
    """AAPS marks what it deleted; API v1 serves it all the same and upstream counts it."""
    return Dropped("deleted by its uploader (isValid is false)") if record.get("isValid") is False else None


def numbers_are_numbers(record: Record, _: Context) -> Verdict:
    """Insulin, carbs and durations as text are added up as text by upstream."""
    fixed = dict(record)
    names = ALWAYS_NUMERIC + (TEMP_BASAL_NUMERIC if is_temp_basal(record) else ())
    for name in names:
        if name not in record:
            continue
        try:
            fixed[name] = number(record[name])
        except NotANumber:
            return Quarantined(f"its {name} is not a number")
        if record[name] == "":
            del fixed[name]
    return Changed(fixed, "numbers written as text") if _differs(record, fixed) else None


def amounts_are_possible(record: Record, _: Context) -> Verdict:
    """A negative or impossible amount is a mistake of an uploader, not insulin."""
    for name, most in (("insulin", MAX_BOLUS_U), ("carbs", MAX_CARBS_G)):
        if not 0 <= amount(record.get(name)) <= most:
            return Quarantined(f"its {name} is not between 0 and {most:g}")
    return None


def has_an_instant(record: Record, context: Context) -> Verdict:
    """Upstream sorts and dates by `created_at` alone; one record without it makes later boluses vanish."""
    created = record.get("created_at")
    if isinstance(created, str) and CANONICAL.fullmatch(created):
        if instant_ms(created, context.zone):
            return None
        return Quarantined("its created_at is not a possible time")
    for name in INSTANT_FIELDS:
        found = instant_ms(record.get(name), context.zone)
        if found is None:
            continue
        ms, assumed = found
        why = f"created_at from {name}" if name != "created_at" else "created_at rewritten as UTC"
        if assumed:
            why += f"; without a zone, taken as {context.zone}"
        return Changed({**record, "created_at": iso_utc(ms)}, why)
    return Quarantined("it has no time that can be understood")


def duration_in_minutes(record: Record, _: Context) -> Verdict:
    """API v3 counts durations in milliseconds; upstream takes minutes and would hang for minutes of its own."""
    duration = record.get("duration")
    if duration is None or not is_temp_basal(record):
        return None
    if duration < 0:
        return Quarantined("its duration is negative")
    in_ms = record.get("durationInMilliseconds")
    if isinstance(in_ms, int | float) and duration == in_ms and duration >= 60_000:
        return Changed({**record, "duration": duration / 60_000}, "duration was in milliseconds")
    if duration <= LONGEST_TEMP_BASAL_MIN:
        return None
    minutes = duration / 60_000
    if record.get("identifier") and record.get("srvModified") and minutes <= LONGEST_TEMP_BASAL_MIN:
        return Changed({**record, "duration": minutes}, "duration was in milliseconds (API v3)")
    return Quarantined("a temporary basal of more than 24 hours")


def temp_basal_has_its_rate(record: Record, context: Context) -> Verdict:
    """Upstream reads `absolute` where AAPS is named and `rate` elsewhere, and `amount` before either."""
    if not is_temp_basal(record):
        return None
    if record.get("duration") is None:
        return None  # the end of a temporary basal: upstream knows it
    rate, absolute, percent = record.get("rate"), record.get("absolute"), record.get("percent")
    if record.get("amount") is not None:
        return _delivered(record)
    for value in (rate, absolute):
        if value is not None and not 0 <= value <= HIGHEST_RATE_U_PER_H:
            return Quarantined("its rate cannot be units per hour")
    if absolute is None and rate is None:
        if percent is None:
            if record["duration"] == 0:
                return None
            return Quarantined("a temporary basal without rate, absolute, percent or amount")
        return _from_percent(record, percent, context)
    if absolute is None:
        return Changed({**record, "absolute": rate}, "absolute = rate")
    if rate is None:
        return Changed({**record, "rate": absolute}, "rate = absolute")
    return None


def _delivered(record: Record) -> Verdict:
    # Loop's `amount`: the units really delivered. Upstream divides by the duration.
    if record["duration"] == 0:
        return (
            Dropped("Loop's temporary basal of no duration")
            if not record["amount"]
            else Quarantined("an amount delivered in no time")
        )
    if not 0 <= record["amount"] / record["duration"] * 60 <= HIGHEST_RATE_U_PER_H:
        return Quarantined("the amount delivered is not possible in its duration")
    return None


def _from_percent(record: Record, percent: float, context: Context) -> Verdict:
    found = instant_ms(record.get("created_at"), context.zone)
    basal = context.scheduled_basal(found[0]) if found else None
    if basal is None:
        return Quarantined("a percentage, and no basal schedule to apply it to")
    if not -100 <= percent <= 500:
        return Quarantined("its percent is not between -100 and 500")
    rate = round(basal * (100 + percent) / 100, 4)
    return Changed(
        {**record, "rate": rate, "absolute": rate},
        "rate from percent of the basal scheduled at that time",
    )


def insulin_is_counted(record: Record, _: Context) -> Verdict:
    """Upstream counts insulin of four event types only; `SMB`, `Bolus` and the like would be lost."""
    if amount(record.get("insulin")) <= 0 or record.get("eventType") in COUNTED_BOLUS_TYPES:
        return None
    if record.get("_type") == "Bolus" or record.get("enteredBy") == "xdrip":
        return None
    if is_temp_basal(record):
        return Quarantined("a temporary basal that also names a bolus")
    event = "Meal Bolus" if amount(record.get("carbs")) > 0 else "Correction Bolus"
    return Changed({**record, "eventType": event}, f"insulin under an event type upstream ignores, now {event}")


RULES: tuple[Rule, ...] = (
    Rule("not_a_record", "a list item that is no record", "quirks: null treatment", must_be_a_record),
    Rule("deleted", "deleted records are left out", "quirks: isValid:false", valid_only),
    Rule(
        "numbers_as_text",
        "numbers written as text",
        "quirks: numbers as strings",
        numbers_are_numbers,
    ),
    Rule(
        "impossible_amount",
        "insulin or carbs no one can have taken",
        "sanity",
        amounts_are_possible,
    ),
    Rule("created_at", "one time, in UTC, in created_at", "quirks: created_at", has_an_instant),
    Rule("duration_unit", "durations in minutes", "quirks: durations in ms", duration_in_minutes),
    Rule(
        "temp_basal_rate",
        "temp basals given absolute = rate (or rate from absolute or percent)",
        "lib/iob/history.js reads current.absolute for AAPS",
        temp_basal_has_its_rate,
    ),
    Rule(
        "bolus_event_type",
        "insulin moved to an event type upstream counts",
        "lib/iob/history.js",
        insulin_is_counted,
    ),
)


def normalise_treatments(records: list[Any], context: Context, ledger: Ledger) -> list[Record]:
    """Treatments ready for upstream, newest first; every change, removal and doubt is in the ledger."""
    numbered: Numbered = [(identity(r, i), r) for i, r in enumerate(records)]
    numbered = run_rules(numbered, RULES, context, ledger)
    numbered = remove_duplicates(numbered, context, ledger)
    return [record for _, record in reversed(in_order(numbered, context.zone))]


def at(record: Record, zone: str) -> float:
    """A normalised treatment's instant in epoch milliseconds."""
    found = instant_ms(record["created_at"], zone)
    assert found is not None  # rule `created_at` let it through
    return found[0]


def in_order(records: Numbered, zone: str) -> Numbered:
    """Oldest first; of the same instant in an order of their content, so that the order of arrival changes nothing."""
    return sorted(records, key=lambda item: (at(item[1], zone), json.dumps(item[1], sort_keys=True)))


def remove_duplicates(records: Numbered, context: Context, ledger: Ledger) -> Numbered:
    """One record for one event: the same insulin and carbs within two seconds, whoever uploaded it.

    Never by `_id` alone: AAPS repeats it for different records.
    """
    before = totals(r for _, r in records)
    kept: list[tuple[float, str, Record]] = []
    last_seen: dict[tuple[float, float], float] = {}
    for name, record in in_order(records, context.zone):
        instant = at(record, context.zone)
        key = (amount(record.get("insulin")), amount(record.get("carbs")))
        earlier = last_seen.get(key)
        if any(key) and earlier is not None and instant - earlier <= DUPLICATE_WITHIN_MS:
            delta = Totals() - totals([record])
            why = "the same insulin and carbs at the same time as another record"
            ledger.note(Entry("duplicate", name, record, {}, why, delta))
            continue
        if any(key):
            last_seen[key] = instant
        kept.append((instant, name, record))
    result = [(name, record) for _, name, record in kept]
    ledger.close_rule("duplicate", "events uploaded twice are counted once", before, totals(r for _, r in result))
    return result


def _differs(before: Record, after: Record) -> bool:
    return any(
        type(before.get(k)) is not type(after.get(k)) or before.get(k) != after.get(k) for k in {**before, **after}
    )
