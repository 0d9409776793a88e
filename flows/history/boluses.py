"""Boluses as what was really delivered into the body, under the event types upstream counts.

oref0@0.7.1 lib/iob/history.js counts Meal, Correction and Snack Bolus and Bolus Wizard, and xDrip+'s by its name.
"""

from __future__ import annotations

from flows.history.records import (
    Changed,
    Context,
    Dropped,
    Quarantined,
    RecordVerdict,
    Split,
    bolus_u,
    carbs_g,
    extended_insulin_u,
)
from flows.history.temp_basals import is_temp_basal
from flows.nightscout.documents import Record
from flows.values.numbers import number_or_zero
from flows.values.timestamps import instant_ms, iso_utc
from flows.values.units import MINUTE_MS, MINUTES_PER_DAY

COUNTED_TYPES = ("Meal Bolus", "Correction Bolus", "Snack Bolus", "Bolus Wizard")
MAX_BOLUS_U, MAX_CARBS_G = 100.0, 500.0
PART_ROUNDING_U = 0.051  # a pump's step
PART_MIN = 5  # an extended bolus becomes one small bolus every so many minutes
LONGEST_EXTENDED_MIN = MINUTES_PER_DAY
FILLING_TYPES = ("Prime", "Priming", "Cannula Fill", "Tubing Fill", "Site Change", "Insulin Change", "Pump Fill")


def amounts_are_possible(record: Record, _: Context) -> RecordVerdict:
    """A negative or impossible amount is a mistake of an uploader, not insulin."""
    if -MAX_CARBS_G <= carbs_g(record) < 0:
        return Changed({**record, "carbs": None}, "negative carbs, which upstream does not know")
    for name, most in (("insulin", MAX_BOLUS_U), ("enteredinsulin", MAX_BOLUS_U), ("carbs", MAX_CARBS_G)):
        if not 0 <= number_or_zero(record.get(name)) <= most:
            return Quarantined(f"its {name} is not between 0 and {most:g}")
    if extended_insulin_u(record) > MAX_BOLUS_U or number_or_zero(record.get("relative")) < 0:
        return Quarantined("its extended insulin is not possible")
    return None


def priming_is_not_delivered(record: Record, _: Context) -> RecordVerdict:
    """AAPS records insulin that filled a tube or cannula as a bolus of type PRIMING, careportals by event type."""
    fills = record.get("type") == "PRIMING" or record.get("eventType") in FILLING_TYPES
    if fills and bolus_u(record) > 0:
        return _without_insulin(record, "filled the tube or cannula, not the body")
    return None


def _without_insulin(record: Record, reason: str) -> RecordVerdict:
    if carbs_g(record) > 0:
        return Changed({**record, "insulin": None}, reason)
    return Dropped(reason)


def extended_is_delivered_over_time(record: Record, context: Context) -> RecordVerdict:
    """The extended part of a combo bolus as small boluses over its duration; upstream knows neither."""
    extended = extended_insulin_u(record)
    now = _at_once(record)
    if _parts_are_missing(record, now or 0.0, extended):
        return Quarantined("a combo bolus whose parts do not make its whole")
    if extended <= 0:
        if now is not None and record.get("insulin") != now:
            return Changed({**record, "insulin": now}, "the combo bolus's part given at once")
        return None
    found = instant_ms(record.get("created_at"), context.zone)
    duration = number_or_zero(record.get("duration"))
    if found is None or duration > LONGEST_EXTENDED_MIN:
        return Quarantined("an extended bolus of more than 24 hours")
    parts = max(1, round(duration / PART_MIN))
    small = {k: v for k, v in record.items() if k in ("_id", "enteredBy", "app", "device")}
    spread = [
        {
            **small,
            "eventType": "Correction Bolus",
            "insulin": extended / parts,
            "created_at": iso_utc(found[0] + (n + 0.5) * duration / parts * MINUTE_MS),
        }
        for n in range(parts)
    ]
    spent = ("relative", "splitNow", "splitExt", "enteredinsulin", "duration")
    first = {k: v for k, v in record.items() if k not in spent}
    first |= {"insulin": now, "eventType": _counted_type(record)}
    head = (first,) if (now or 0) > 0 or carbs_g(record) > 0 else ()
    return Split((*head, *spread), "an extended bolus, delivered over its duration")


def _at_once(record: Record) -> float | None:
    """What a combo bolus gave at once; `insulin` where it is there."""
    if record.get("insulin") is not None or record.get("eventType") != "Combo Bolus":
        return bolus_u(record) if record.get("insulin") is not None else None
    whole, share = number_or_zero(record.get("enteredinsulin")), number_or_zero(record.get("splitNow")) / 100
    if not share and not number_or_zero(record.get("splitExt")) and not number_or_zero(record.get("relative")):
        return whole or None  # no split: all at once
    return whole * share if share else None


def given_at_once_u(record: Record) -> float:
    """The insulin a record gives at once, in U: a combo bolus's first part, or all of any other bolus."""
    return _at_once(record) or 0.0


def _parts_are_missing(record: Record, now: float, extended: float) -> bool:
    whole = number_or_zero(record.get("enteredinsulin"))
    combo = record.get("eventType") == "Combo Bolus" and record.get("isEmulatingTempBasal") is not True
    return combo and now + extended < whole - PART_ROUNDING_U


def pump_record_is_plain(record: Record, _: Context) -> RecordVerdict:
    """Upstream takes `amount` of a pump's own record (`_type` Bolus, or `bolus` inside) for the insulin it counts."""
    nested = record.get("bolus")
    inside = nested if isinstance(nested, dict) and nested.get("_type") == "Bolus" else None
    if inside is None and record.get("_type") != "Bolus":
        return None
    said = (inside or record).get("amount")
    units = number_or_zero(said)
    insulin = bolus_u(record)
    if units and insulin and abs(units - insulin) > PART_ROUNDING_U:
        return Quarantined("its insulin differs from its pump record's amount")
    plain = {k: v for k, v in record.items() if k not in ("bolus", "_type")}
    if not insulin and units:
        if units > MAX_BOLUS_U or units < 0:
            return Quarantined(f"its amount is not between 0 and {MAX_BOLUS_U:g}")
        return Changed({**plain, "insulin": units}, "insulin from the pump's own record")
    return Changed(plain, "counted by its own insulin, not by the pump's record inside")


def insulin_is_counted(record: Record, _: Context) -> RecordVerdict:
    """Upstream counts insulin of four event types only; `SMB`, `Bolus` and the like would be lost."""
    if bolus_u(record) <= 0 or record.get("eventType") in COUNTED_TYPES:
        return None
    if record.get("enteredBy") == "xdrip":
        return None
    if is_temp_basal(record):
        return Quarantined("a temporary basal that also names a bolus")
    event = _counted_type(record)
    return Changed({**record, "eventType": event}, f"insulin under an event type upstream ignores, now {event}")


def _counted_type(record: Record) -> str:
    return "Meal Bolus" if carbs_g(record) > 0 else "Correction Bolus"
