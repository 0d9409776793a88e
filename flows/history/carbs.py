"""Carbs as they were eaten: extended ones over their duration.

oref0@0.7.1 lib/autotune-prep/categorize.js takes one entry at each reading, and only from 1 g on.
"""

from __future__ import annotations

from flows.history.records import Changed, Context, Quarantined, RecordVerdict, Split, bolus_u, carbs_g
from flows.history.temp_basals import is_temp_basal
from flows.history.uploaders import uploader
from flows.nightscout.documents import Record
from flows.values.numbers import number_or_zero
from flows.values.timestamps import instant_ms, iso_utc
from flows.values.units import MINUTE_MS

PART_MIN = 15
LONGEST_MIN = 12 * 60


def extended_are_eaten_over_time(record: Record, context: Context) -> RecordVerdict:
    """AAPS writes extended carbs as one record with a duration; upstream takes them as eaten at once."""
    carbs, duration = carbs_g(record), number_or_zero(record.get("duration"))
    if carbs <= 0 or is_temp_basal(record) or record.get("eventType") == "Combo Bolus":
        return None
    if bolus_u(record) > 0 and uploader(record) != "AndroidAPS":
        return None  # how long the bolus took
    if duration >= MINUTE_MS:
        duration /= MINUTE_MS  # milliseconds
    if duration > LONGEST_MIN:
        return Quarantined("carbs over an impossible duration")
    if duration < 2 * PART_MIN:
        return None
    found = instant_ms(record.get("created_at"), context.zone)
    if found is None:
        return Quarantined("it has no time that can be understood")
    parts = min(int(duration // PART_MIN), max(1, int(carbs)))
    grams = _whole_grams(carbs, parts)
    small = {k: v for k, v in record.items() if k in ("_id", "enteredBy", "app", "device")}
    step_ms = duration / parts * MINUTE_MS
    spread = tuple(
        {
            **small,
            "eventType": "Carb Correction",
            "carbs": part,
            "created_at": iso_utc(found[0] + n * step_ms),
        }
        for n, part in enumerate(grams)
    )
    head: tuple[Record, ...] = ()
    if bolus_u(record) > 0:
        head = ({**{k: v for k, v in record.items() if k != "duration"}, "carbs": None},)
    return Split((*head, *spread), "extended carbs, eaten over their duration")


def carbs_are_not_a_repetition(record: Record, _: Context) -> RecordVerdict:
    """Upstream leaves out carbs within two seconds of others where a record has `timestamp`."""
    fixed = dict(record)
    if carbs_g(record) > 0 or record.get("enteredBy") == "xdrip":
        fixed.pop("timestamp", None)
    if record.get("enteredBy") == "xdrip" and not carbs_g(record):
        fixed.pop("carbs", None)
    return Changed(fixed, "so that upstream counts these carbs, and those beside them") if fixed != record else None


def _whole_grams(carbs: float, parts: int) -> list[float]:
    # Whole grams as far as they go, the rest in the last part: the sum is kept.
    given: list[float] = []
    rest = carbs
    for left in range(parts, 1, -1):
        part = float(round(rest / left))
        given.append(part)
        rest -= part
    return [*given, rest]
