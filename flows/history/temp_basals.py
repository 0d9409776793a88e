"""Temporary basals: one rate in units per hour, one duration in minutes, where upstream looks for them.

oref0@0.7.1 lib/iob/history.js reads `absolute` where AAPS is named and `rate` elsewhere, and `amount` before either.
"""

from __future__ import annotations

from flows.history.records import Changed, Context, Quarantined, RecordVerdict
from flows.nightscout.documents import Record
from flows.values.timestamps import instant_ms
from flows.values.units import MINUTE_MS, MINUTES_PER_DAY

AAPS = "openaps://AndroidAPS"
HIGHEST_RATE_U_PER_H = 35.0  # above it a "rate" can only be a percentage or a mistake
LONGEST_MIN = MINUTES_PER_DAY
SAME_RATE_U_PER_H = 0.051  # a pump's step
PERCENT_ABOVE = 5  # times the highest scheduled basal
LARGEST_PERCENT = 500
NAMES = ("Temp Basal", "Temp Basal Start", "Temp Basal End", "TempBasal", "Temp basal", "temp basal")


def is_temp_basal(record: Record) -> bool:
    """Whether upstream takes the record for a temporary basal."""
    return record.get("eventType") == "Temp Basal"


def has_its_name(record: Record, _: Context) -> RecordVerdict:
    """Upstream knows the event type `Temp Basal` only."""
    if record.get("eventType") in NAMES and not is_temp_basal(record):
        return Changed({**record, "eventType": "Temp Basal"}, "a temporary basal under another name")
    return None


def duration_in_minutes(record: Record, _: Context) -> RecordVerdict:
    """Upstream takes minutes; a duration in milliseconds would hang it for minutes of its own."""
    if not is_temp_basal(record) and record.get("eventType") not in ("Combo Bolus", "Extended Bolus"):
        return None
    duration, in_ms = record.get("duration"), record.get("durationInMilliseconds")
    if duration is None and isinstance(in_ms, int | float) and not isinstance(in_ms, bool) and in_ms > 0:
        return Changed({**record, "duration": in_ms / MINUTE_MS}, "duration from durationInMilliseconds")
    if duration is None:
        return None
    if duration < 0:
        return Quarantined("its duration is negative")
    if isinstance(in_ms, int | float) and duration == in_ms and duration > 0:
        return Changed({**record, "duration": duration / MINUTE_MS}, "duration was in milliseconds")
    if duration <= LONGEST_MIN:
        return None
    minutes = duration / MINUTE_MS
    if record.get("identifier") and record.get("srvModified") and minutes <= LONGEST_MIN:
        return Changed({**record, "duration": minutes}, "duration was in milliseconds (API v3)")
    return Quarantined("a duration of more than 24 hours")


def null_amount_is_none(record: Record, _: Context) -> RecordVerdict:
    """Upstream asks whether `amount` is there, and takes null for 0."""
    if is_temp_basal(record) and "amount" in record and record["amount"] is None:
        return Changed({k: v for k, v in record.items() if k != "amount"}, "an amount that is null")
    return None


def has_its_rate(record: Record, context: Context) -> RecordVerdict:
    """The rate in both fields; from a percentage, of the basal scheduled at that time."""
    if not is_temp_basal(record) or record.get("duration") is None:
        return None  # without a duration it is the end of a temporary basal, which upstream knows
    rate, absolute, percent = record.get("rate"), record.get("absolute"), record.get("percent")
    if record.get("amount") is not None:
        return _delivered(record)
    if record.get("temp") == "percent" and percent is None:
        return Quarantined("its rate is a percentage")
    for value in (rate, absolute):
        if value is not None and not 0 <= value <= HIGHEST_RATE_U_PER_H:
            return Quarantined("its rate cannot be units per hour")
        if value is not None and _looks_like_percent(value, context) and not _is_of_percent(value, record, context):
            return Quarantined("its rate looks like a percentage")
    if rate is not None and absolute is not None and abs(rate - absolute) > SAME_RATE_U_PER_H:
        return Quarantined("its rate and absolute differ")
    if absolute is None and rate is None:
        if percent is not None:
            return _from_percent(record, percent, context)
        return None if record["duration"] == 0 else Quarantined("no rate, absolute, percent or amount")
    if absolute is None:
        return Changed({**record, "absolute": rate}, "absolute = rate")
    if rate is None:
        return Changed({**record, "rate": absolute}, "rate = absolute")
    return None


def _delivered(record: Record) -> RecordVerdict:
    # Loop's `amount`: the units really delivered. Upstream divides by the duration.
    without = {k: v for k, v in record.items() if k != "amount"}
    if record["duration"] == 0 and record["amount"]:
        return Quarantined("an amount delivered in no time")
    if record["duration"] == 0:
        return Changed({**without, "rate": 0, "absolute": 0}, "the end of a temporary basal, not an amount")
    if not 0 <= record["amount"] / record["duration"] * 60 <= HIGHEST_RATE_U_PER_H:
        return Quarantined("the amount delivered is not possible in its duration")
    return None


def _looks_like_percent(rate: float, context: Context) -> bool:
    highest = max((b.value for b in context.basal_u_per_h.blocks), default=0.0) if context.basal_u_per_h else 0.0
    return rate % 10 == 0 and rate > PERCENT_ABOVE * highest > 0


def _is_of_percent(rate: float, record: Record, context: Context) -> bool:
    """Whether the record's own percentage of the scheduled basal is this rate: then it is units per hour."""
    percent = record.get("percent")
    found = instant_ms(record.get("created_at"), context.zone)
    basal = context.scheduled_basal(found[0]) if found else None
    return percent is not None and bool(basal) and abs(basal * (100 + percent) / 100 - rate) <= SAME_RATE_U_PER_H


def _from_percent(record: Record, percent: float, context: Context) -> RecordVerdict:
    found = instant_ms(record.get("created_at"), context.zone)
    basal = context.scheduled_basal(found[0]) if found else None
    if basal is None:
        return Quarantined("a percentage, and no basal schedule to apply it to")
    if not -100 <= percent <= LARGEST_PERCENT:
        return Quarantined(f"its percent is not between -100 and {LARGEST_PERCENT}")
    rate = round(basal * (100 + percent) / 100, 4)
    return Changed({**record, "rate": rate, "absolute": rate}, "rate from percent of the basal in force at that time")
