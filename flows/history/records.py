"""What the rules of this room share: a record's identity, its totals, its context, and what a rule can answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flows.history.numbers import amount
from flows.ledger import Entry, Ledger, Totals, changed_fields
from flows.profiles.schedule import Schedule

Record = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """What a rule may know besides the record: the person's time zone and scheduled basal, and the clock."""

    zone: str
    basal_u_per_h: Schedule | None
    now_ms: float

    def scheduled_basal(self, epoch_ms: float) -> float | None:
        """The basal rate scheduled at an instant, in U/h."""
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
class Dropped:
    """The record does not go on, and that is right."""

    reason: str


@dataclass(frozen=True)
class Quarantined:
    """The record cannot be understood, does not go on, and counts against the limit."""

    reason: str


Verdict = Changed | Dropped | Quarantined | None


@dataclass(frozen=True)
class Rule:
    """One thing that is put right, one record at a time. `source` says where the need for it was found."""

    name: str
    description: str
    source: str
    apply: Callable[[Record, Context], Verdict]


def identity(record: Any, index: int) -> str:
    """How the ledger names a record: its id where it has one, and its place in what was read."""
    name = record.get("_id") or record.get("identifier") if isinstance(record, dict) else None
    return f"{name}#{index}" if name else f"#{index}"


def totals(records: Iterable[Any]) -> Totals:
    """Insulin of boluses, carbs, and glucose readings in the records."""
    insulin = carbs = 0.0
    readings = 0
    for record in records:
        if not isinstance(record, dict):
            continue
        insulin += amount(record.get("insulin"))
        carbs += amount(record.get("carbs"))
        readings += "sgv" in record
    return Totals(insulin, carbs, readings)


Numbered = list[tuple[str, Record]]


def run_rules(records: Numbered, rules: Sequence[Rule], context: Context, ledger: Ledger) -> Numbered:
    """Apply each rule to every record, in the order of the table, keeping the ledger and its books."""
    for rule in rules:
        before = totals(r for _, r in records)
        passed: Numbered = []
        for name, record in records:
            verdict = rule.apply(record, context)
            if verdict is None:
                passed.append((name, record))
                continue
            if isinstance(verdict, Changed):
                was, now = changed_fields(record, verdict.record)
                delta = totals([verdict.record]) - totals([record])
                ledger.note(Entry(rule.name, name, was, now, verdict.reason, delta))
                passed.append((name, verdict.record))
                continue
            gone = Entry(rule.name, name, record, {}, verdict.reason, Totals() - totals([record]))
            if isinstance(verdict, Quarantined):
                ledger.quarantine(gone)
            else:
                ledger.note(gone)
        records = passed
        ledger.close_rule(rule.name, rule.description, before, totals(r for _, r in records))
    return records
