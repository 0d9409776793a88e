"""Doses that could not be understood, by the days on which they are missing: such a day is not tuned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flows.history.temp_basals import NAMES as TEMP_BASALS
from flows.language.translatable import translatable
from flows.nightscout.documents import Record
from flows.values.ledger import Entry, Ledger
from flows.values.local_days import LocalDay
from flows.values.timestamps import instant_ms
from flows.values.units import HOUR_MS

Kind = Literal["insulin", "carbs", "temp_basal"]
INSULIN_FIELDS = ("insulin", "enteredinsulin", "relative", "bolus", "insulinInjections")
INSTANT_FIELDS = ("created_at", "timestamp", "date", "mills", "eventTime", "sysTime")
ACTS_H = 6.0  # insulin and carbs of the hours before a day work in it
# A half-hour of 48 at the scheduled rate instead of its own moves no number by itself.
LOST_TEMP_BASALS_SHARE = 0.05


@dataclass(frozen=True)
class Loss:
    """What a quarantined record would have given, and when in epoch ms (`None` where nobody knows)."""

    kind: Kind
    at_ms: float | None


@dataclass(frozen=True)
class LostOnDay:
    """How many records of a day, and of the six hours before it, could not be understood."""

    insulin: int
    carbs: int
    temp_basals: int


def kinds_of(record: Any) -> list[Kind]:
    """What a treatment gives, whether it can be understood or not."""
    if not isinstance(record, dict):
        return []
    if record.get("eventType") in TEMP_BASALS:
        return ["temp_basal", "insulin"] if _is_given(record.get("insulin")) else ["temp_basal"]
    found: list[Kind] = []
    if any(_is_given(record.get(name)) for name in INSULIN_FIELDS) or record.get("_type") == "Bolus":
        found.append("insulin")
    return [*found, "carbs"] if _is_given(record.get("carbs")) else found


def _is_given(value: Any) -> bool:
    return value not in (None, "", 0, "0", [], {}, "[]")


def is_reading(entry: Entry) -> bool:
    """Whether a ledger's entry is of the rules for readings."""
    return entry.rule.startswith("glucose_") or entry.rule == "not_a_sensor_reading"


def losses(ledger: Ledger, zone: str) -> list[Loss]:
    """What was quarantined among the treatments.

    Args:
        ledger: after all rules.
        zone: of times without one.
    """
    found = []
    for entry in ledger.quarantined:
        if not is_reading(entry):
            record = dict(entry.before) if isinstance(entry.before, dict) else {}
            found += [Loss(kind, _at(record, zone)) for kind in kinds_of(record)]
    return found


def _at(record: Record, zone: str) -> float | None:
    instants = (instant_ms(record.get(name), zone) for name in INSTANT_FIELDS)
    return next((found[0] for found in instants if found), None)


def lost_on(day: LocalDay, lost: Iterable[Loss]) -> LostOnDay:
    """What a day misses."""
    window = day.glucose
    before_ms = window.start_ms - ACTS_H * HOUR_MS

    def count(kind: Kind, since_ms: float) -> int:
        return sum(x.kind == kind and x.at_ms is not None and since_ms <= x.at_ms < window.end_ms for x in lost)

    lost = list(lost)
    return LostOnDay(
        count("insulin", before_ms), count("carbs", before_ms), count("temp_basal", float(window.start_ms))
    )


def without_a_time(lost: Sequence[Loss]) -> list[str]:
    """A note where a dose names no time: it is missing on a day that nobody knows."""
    count = sum(x.at_ms is None for x in lost)
    if not count:
        return []
    return [
        translatable(
            "{count} doses name no time that can be understood: the days on which they are missing are not known.",
            count=count,
        )
    ]
