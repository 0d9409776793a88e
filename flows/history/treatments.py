"""Treatments as upstream must see them: one small rule a quirk, all listed in `RULES`, each change in the ledger."""

from __future__ import annotations

from typing import Any

from flows.history.boluses import (
    amounts_are_possible,
    extended_is_delivered_over_time,
    insulin_is_counted,
    priming_is_not_delivered,
    pump_record_is_plain,
)
from flows.history.carbs import carbs_are_not_a_repetition, extended_are_eaten_over_time
from flows.history.duplicates import at, in_order, remove_duplicates
from flows.history.long_acting import long_acting_is_no_bolus
from flows.history.losses import INSTANT_FIELDS
from flows.history.records import (
    Changed,
    Context,
    Numbered,
    Quarantined,
    RecordVerdict,
    Rule,
    identity,
    must_be_a_record,
    run_rules,
    valid_only,
)
from flows.history.temp_basals import (
    duration_in_minutes,
    has_its_name,
    has_its_rate,
    is_temp_basal,
    null_amount_is_none,
)
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record
from flows.values.ledger import Ledger
from flows.values.numbers import NotANumber, number
from flows.values.timestamps import CANONICAL, instant_ms, iso_utc

ALWAYS_NUMERIC = ("insulin", "carbs")
TEMP_BASAL_NUMERIC = ("duration", "rate", "absolute", "percent", "amount")
COMBO_NUMERIC = ("enteredinsulin", "splitNow", "splitExt", "relative", "duration")


def numbers_are_numbers(record: Record, _: Context) -> RecordVerdict:
    """Insulin, carbs and durations as text are added up as text by upstream."""
    fixed = dict(record)
    names: tuple[str, ...] = ALWAYS_NUMERIC
    if is_temp_basal(record):
        names += TEMP_BASAL_NUMERIC
    elif record.get("eventType") in ("Combo Bolus", "Extended Bolus"):
        names += COMBO_NUMERIC
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


def has_an_instant(record: Record, context: Context) -> RecordVerdict:
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


RULES: tuple[Rule, ...] = (
    Rule(
        "not_a_record",
        to_translate("a list item that is no record"),
        "a null treatment crashes upstream's prep",
        must_be_a_record,
    ),
    Rule("deleted", to_translate("deleted records are left out"), "AAPS: isValid false", valid_only),
    Rule(
        "temp_basal_name",
        to_translate("temp basals under other names"),
        "careportal: Temp Basal Start, End",
        has_its_name,
    ),
    Rule(
        "numbers_as_text", to_translate("numbers written as text"), "old careportals and exports", numbers_are_numbers
    ),
    Rule("created_at", to_translate("one time, in UTC, in created_at"), "uploaders of every kind", has_an_instant),
    Rule("duration_unit", to_translate("durations in minutes"), "API v3: milliseconds", duration_in_minutes),
    Rule("impossible_amount", to_translate("insulin or carbs no one can have taken"), "sanity", amounts_are_possible),
    Rule(
        "null_amount",
        to_translate("temp basals without an amount"),
        "Loop and exports: amount null",
        null_amount_is_none,
    ),
    Rule(
        "temp_basal_rate",
        to_translate("temp basals given absolute = rate (or rate from absolute or percent)"),
        "AAPS writes rate, careportal absolute or percent",
        has_its_rate,
    ),
    Rule(
        "pump_record",
        to_translate("a pump's own record inside or beside a treatment"),
        "OpenAPS: bolus, _type",
        pump_record_is_plain,
    ),
    Rule(
        "priming", to_translate("insulin that filled tube or cannula"), "AAPS: type PRIMING", priming_is_not_delivered
    ),
    Rule("long_acting", to_translate("long-acting pen insulin is no bolus"), "AAPS, xDrip+", long_acting_is_no_bolus),
)

# Only once copies are removed: two uploaders do not write one extended bolus in the same way.
RULES_AFTER_COPIES: tuple[Rule, ...] = (
    Rule(
        "extended_bolus",
        to_translate("extended boluses delivered over their duration"),
        "careportal, AAPS, Medtronic 600: Combo Bolus",
        extended_is_delivered_over_time,
    ),
    Rule(
        "extended_carbs",
        to_translate("extended carbs eaten over their duration"),
        "AAPS: carbs with a duration",
        extended_are_eaten_over_time,
    ),
    Rule(
        "bolus_event_type",
        to_translate("insulin moved to an event type upstream counts"),
        "Trio and iAPS: SMB, Bolus; tconnectsync: Combo Bolus; xDrip+: none",
        insulin_is_counted,
    ),
    Rule(
        "meal_time",
        to_translate("carbs upstream would take for a repetition"),
        "lib/meal/history.js compares `timestamp`, and takes 0 for carbs",
        carbs_are_not_a_repetition,
    ),
)


def normalise_treatments(records: list[Any], context: Context, ledger: Ledger) -> list[Record]:
    """Treatments ready for upstream, newest first; every change, removal and doubt is in the ledger."""
    since = len(ledger.entries)
    numbered: Numbered = [(identity(r, i), r) for i, r in enumerate(records)]
    numbered = run_rules(numbered, RULES, context, ledger)
    numbered = remove_duplicates(numbered, context, ledger)
    numbered = run_rules(numbered, RULES_AFTER_COPIES, context, ledger)
    ledger.close_account("treatments", len(records), len(numbered), since)
    return [record for _, record in reversed(in_order(numbered, context.zone))]


def _differs(before: Record, after: Record) -> bool:
    return any(
        type(before.get(k)) is not type(after.get(k)) or before.get(k) != after.get(k) for k in {**before, **after}
    )


__all__ = ["RULES", "RULES_AFTER_COPIES", "at", "normalise_treatments"]
