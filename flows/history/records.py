"""What the rules of this room share: a record's identity, its totals, its context, and what a rule can answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flows.nightscout.documents import Record, is_deleted
from flows.values.ledger import Entry, Ledger, Totals, changed_fields
from flows.values.numbers import number_or_zero
from flows.values.schedule import Schedule

NO_AMOUNT = 1e9  # units or grams: garbage, which counts nothing until it is quarantined
Numbered = list[tuple[str, Record]]


@dataclass(frozen=True)
class Context:
    """What a rule may know besides the record: the person's time zone and scheduled basal, and the clock.

    `basal_at` gives the basal rate in U/h that was in force at an instant (epoch ms); without it the schedule's own.
    """

    zone: str
    basal_u_per_h: Schedule | None
    now_ms: float
    basal_at: Callable[[float], float | None] | None = None

    def scheduled_basal(self, epoch_ms: float) -> float | None:
        """The basal rate scheduled at an instant, in U/h."""
        if self.basal_at is not None:
            return self.basal_at(epoch_ms)
        if self.basal_u_per_h is None:
            return None
        local = datetime.fromtimestamp(epoch_ms / 1000, ZoneInfo(self.zone))
        return self.basal_u_per_h.at(local.hour * 60 + local.minute)


@dataclass(frozen=True)
class Changed:
    """The record as it goes on, and why."""

    record: Record
    reason: str


@dataclass(frozen=True)
class Split:
    """Several records that go on in place of one, and why."""

    records: tuple[Record, ...]
    reason: str


@dataclass(frozen=True)
class Dropped:
    """The record does not go on, and that is right."""

    reason: str


@dataclass(frozen=True)
class Quarantined:
    """The record cannot be understood, does not go on, and counts against the limit."""

    reason: str


RecordVerdict = Changed | Split | Dropped | Quarantined | None


@dataclass(frozen=True)
class Rule:
    """One thing that is put right, one record at a time. `source` says where the need for it was found."""

    name: str
    description: str
    source: str
    apply: Callable[[Record, Context], RecordVerdict]


def identity(record: Any, index: int) -> str:
    """How the ledger names a record: its id where it has one, and its place in what was read."""
    name = record.get("_id") or record.get("identifier") if isinstance(record, dict) else None
    return f"{name}#{index}" if name else f"#{index}"


def must_be_a_record(record: Any, _: Context) -> RecordVerdict:
    """A null or a bare value in a list makes upstream's prep crash."""
    return None if isinstance(record, dict) else Quarantined("it is not an object")


def valid_only(record: Record, _: Context) -> RecordVerdict:
    """What its uploader deleted is no event and no reading; upstream counts it."""
    return Dropped("deleted by its uploader (isValid is false)") if is_deleted(record) else None


def bolus_u(record: Mapping[str, Any]) -> float:
    """The insulin a treatment says was given at once, in U; 0 for what is no number."""
    return number_or_zero(record.get("insulin"))


def carbs_g(record: Mapping[str, Any]) -> float:
    """A treatment's carbs, in g; 0 for what is no number."""
    return number_or_zero(record.get("carbs"))


def extended_insulin_u(record: Record) -> float:
    """Insulin a combo or extended bolus gives over its duration, beside what `insulin` says was given at once.

    Nightscout's careportal, AAPS and the Medtronic 600 uploader write it as `relative` U/h over `duration` minutes, or
    as the `splitExt` percentage of `enteredinsulin`. An AAPS extended bolus that stands in for a temporary basal
    (`isEmulatingTempBasal`) is in that temporary basal's rate already.
    """
    if record.get("eventType") not in ("Combo Bolus", "Extended Bolus") or record.get("isEmulatingTempBasal") is True:
        return 0.0
    duration_min = number_or_zero(record.get("duration"))
    if duration_min <= 0:
        return 0.0
    relative = number_or_zero(record.get("relative"))
    if relative > 0:
        return relative * duration_min / 60
    return number_or_zero(record.get("enteredinsulin")) * number_or_zero(record.get("splitExt")) / 100


def totals(records: Iterable[Any]) -> Totals:
    """Insulin of boluses (at once and extended), carbs, and glucose readings in the records."""
    insulin = carbs = 0.0
    readings = 0
    for record in records:
        if not isinstance(record, dict):
            continue
        insulin += _counted(bolus_u(record)) + _counted(extended_insulin_u(record))
        carbs += _counted(carbs_g(record))
        readings += "sgv" in record or ("glucose" in record and "eventType" not in record)
    return Totals(insulin, carbs, readings)


def _counted(amount: float) -> float:
    # Infinity less infinity balances no book. What is so large is quarantined by the rule `impossible_amount`.
    return amount if abs(amount) < NO_AMOUNT else 0.0


ItemT = TypeVar("ItemT")


def sort_key(record: Record) -> str:
    """A record's content as text, for an order that does not depend on how records arrived."""
    return json.dumps(record, sort_keys=True)


def sorted_by(items: Iterable[ItemT], by: Callable[[ItemT], Any], record: Callable[[ItemT], Record]) -> list[ItemT]:
    """Sorted by a value, and where that is the same by content: of few the whole content has to be looked at."""
    found: list[ItemT] = []
    for _, tied in groupby(sorted(items, key=by), key=by):
        alike = list(tied)
        found += alike if len(alike) == 1 else sorted(alike, key=lambda item: sort_key(record(item)))
    return found


def run_rules(records: Numbered, rules: Sequence[Rule], context: Context, ledger: Ledger) -> Numbered:
    """Apply each rule to every record, in the order of the table, keeping the ledger and its books."""
    for rule in rules:
        passed: Numbered = []
        changed = False
        for name, record in records:
            verdict = rule.apply(record, context)
            if verdict is None:
                passed.append((name, record))
                continue
            changed = True
            if isinstance(verdict, Changed):
                was, now = changed_fields(record, verdict.record)
                delta = totals([verdict.record]) - totals([record])
                ledger.note(Entry(rule.name, name, was, now, verdict.reason, delta))
                passed.append((name, verdict.record))
            elif isinstance(verdict, Split):
                delta = totals(verdict.records) - totals([record])
                after = {"records": list(verdict.records)}
                ledger.note(Entry(rule.name, name, record, after, verdict.reason, delta))
                passed += [(f"{name}.{n}", part) for n, part in enumerate(verdict.records, 1)]
            else:
                gone = Entry(rule.name, name, record, {}, verdict.reason, Totals() - totals([record]), removed=True)
                (ledger.quarantine if isinstance(verdict, Quarantined) else ledger.note)(gone)
        if changed:
            before, after_rule = (totals(r for _, r in some) for some in (records, passed))
            ledger.close_rule(rule.name, rule.description, before, after_rule)
        records = passed
    return records


def keep_if(
    records: Numbered, rule: tuple[str, str], why_not: Callable[[str, Record], str | None], ledger: Ledger
) -> Numbered:
    """Leave out the records `why_not` gives a reason for; `rule` is its name and description in the ledger."""
    kept: Numbered = []
    for name, record in records:
        reason = why_not(name, record)
        if reason is None:
            kept.append((name, record))
        else:
            ledger.note(Entry(rule[0], name, record, {}, reason, Totals() - totals([record]), removed=True))
    if len(kept) < len(records):
        ledger.close_rule(*rule, totals(r for _, r in records), totals(r for _, r in kept))
    return kept
