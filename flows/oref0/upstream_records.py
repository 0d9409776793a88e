"""Corrected records as upstream is given them: what it reads of each, in one spelling and one order, and nothing else.

The same person gives the same bytes however the data are written: ids, uploaders, notes, order of keys and fields that
upstream does not read stay in `raw/`. What oref0@0.7.1 reads: lib/autotune-prep/categorize.js (`date`, `dateString`,
`glucose` or `sgv`), lib/iob/history.js (times, `insulin` of four event types, temporary basals) and lib/meal/history.js
(`carbs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flows.history.glucose_values import value_field
from flows.history.records import bolus_u, carbs_g, sorted_by
from flows.history.temp_basals import AAPS, is_temp_basal
from flows.nightscout.documents import Record
from flows.values.timestamps import instant_ms, iso_utc

OF_TEMP_BASALS = ("duration", "rate", "absolute", "amount")
# A pump's own records (OpenAPS), which upstream tells by `_type`, and what it reads of them.
OF_A_PUMP = ("PumpSuspend", "PumpResume", "TempBasal", "TempBasalDuration", "BolusWizard", "JournalEntryMealMarker")
OF_PUMP_RECORDS = (
    *("_type", "timestamp", "eventType", "insulin", "carbs", "carb_input", "temp", "duration (min)"),
    *OF_TEMP_BASALS,
)


def readings_for_upstream(readings: Iterable[Record]) -> list[Record]:
    """Readings, in the order they are given, with their time in both ways upstream reads it."""
    return [
        {"date": int(r["date"]), "dateString": iso_utc(r["date"]), "sgv": _plain(r[value_field(r)])} for r in readings
    ]


def treatments_for_upstream(treatments: Sequence[Record]) -> list[Record]:
    """Boluses, carbs and temporary basals, newest first; what upstream takes nothing from is left out.

    Args:
        treatments: normalised: insulin under an event type upstream counts, temporary basals with both rates.
    """
    found = [read for record in treatments if (read := _treatment(record)) is not None]
    return sorted_by(found, lambda t: t["created_at"], lambda t: t)[::-1]


def _treatment(record: Record) -> Record | None:
    at = instant_ms(record["created_at"], "UTC")
    assert at is not None  # rule `created_at` let it through
    created_at = iso_utc(at[0])
    if record.get("_type") in OF_A_PUMP:
        return {
            "created_at": created_at,
            **{k: _plain(record[k]) for k in OF_PUMP_RECORDS if record.get(k) is not None},
        }
    if is_temp_basal(record):
        read = {k: _plain(record[k]) for k in OF_TEMP_BASALS if record.get(k) is not None}
        if record.get("enteredBy") == AAPS and "absolute" in read:
            read.pop("amount", None)  # of AAPS upstream takes `absolute`, of others `amount` before all
        return {"created_at": created_at, "eventType": "Temp Basal", **read}
    insulin, carbs = bolus_u(record), carbs_g(record)
    if not insulin and not carbs:
        return None
    event = "Carb Correction" if not insulin else "Meal Bolus" if carbs else "Correction Bolus"
    amounts = {k: _plain(v) for k, v in (("insulin", insulin), ("carbs", carbs)) if v}
    return {"created_at": created_at, "eventType": event, **amounts}


def _plain(number: Any) -> Any:
    """A whole number without a decimal point, as JavaScript writes it."""
    return int(number) if isinstance(number, float) and number.is_integer() else number
