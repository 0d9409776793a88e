"""The ledger: every change made to a record between Nightscout and upstream, and books that must balance.

A rule that changes a record says so here, with what it removes or adds in units of insulin, grams of carbs and number
of readings. `Ledger.close_rule` recounts and refuses when the books do not balance: nothing can vanish unnoticed.
Entries hold health data: they live in the run directory only. `summary` holds counts and totals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flows.errors import Reason, Refused

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Totals:
    """What a history holds: delivered or entered `insulin_u`, eaten `carbs_g`, and `readings` of glucose."""

    insulin_u: float = 0.0
    carbs_g: float = 0.0
    readings: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.insulin_u + other.insulin_u,
            self.carbs_g + other.carbs_g,
            self.readings + other.readings,
        )

    def __sub__(self, other: Totals) -> Totals:
        return Totals(
            self.insulin_u - other.insulin_u,
            self.carbs_g - other.carbs_g,
            self.readings - other.readings,
        )

    def rounded(self) -> dict[str, float]:
        """For documents: three decimals."""
        return {k: round(v, 3) for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Entry:
    """One change: which rule, to which record, what was before and after (only the fields that changed), and why.

    `removed`: the record did not go on; `before` is then all of it.
    """

    rule: str
    record: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reason: str
    delta: Totals = Totals()
    removed: bool = False


@dataclass
class Ledger:
    """All changes of one run, in order, with the totals before and after each rule."""

    entries: list[Entry] = field(default_factory=list)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    quarantined: list[Entry] = field(default_factory=list)
    accounts: dict[str, dict[str, int]] = field(default_factory=dict)
    doubts: int = 0  # records that could not be understood, where a stretch of them for one reason counts once

    def note(self, entry: Entry) -> None:
        """Write down one change."""
        self.entries.append(entry)

    def quarantine(self, entry: Entry, *, same_doubt: bool = False) -> None:
        """Write down a record that could not be understood and is not passed on.

        Args:
            entry: which, and why.
            same_doubt: it goes on with a stretch whose first record was counted as a doubt.
        """
        self.entries.append(entry)
        self.quarantined.append(entry)
        self.doubts += not same_doubt

    def close_rule(self, rule: str, description: str, before: Totals, after: Totals) -> None:
        """Close a rule's books.

        Raises:
            Refused: `BOOKS_DO_NOT_BALANCE` when the totals moved by anything but what the rule's entries declare.
        """
        mine = [e for e in self.entries if e.rule == rule]
        declared = sum((e.delta for e in mine), Totals())
        moved = after - before
        for name in ("insulin_u", "carbs_g", "readings"):
            found, said = getattr(moved, name), getattr(declared, name)
            # Negated: NaN, which is neither more nor less than anything, balances no book.
            if not abs(found - said) <= TOLERANCE * (1 + abs(getattr(before, name))):
                raise Refused(Reason.BOOKS_DO_NOT_BALANCE, rule=rule, what=name, found=found, declared=said)
        if mine:
            self.rules[rule] = {
                "records": len(mine),
                "description": description,
                "change": moved.rounded(),
                "before": before.rounded(),
                "after": after.rounded(),
            }

    def close_account(self, kind: str, loaded: int, passed: int, since: int) -> None:
        """Close the account of one kind of record: every record loaded is passed on, or an entry says where it went.

        Args:
            kind: `entries` or `treatments`.
            loaded, passed: how many records came in and went on.
            since: how many entries the ledger had before this kind's rules.

        Raises:
            Refused: `BOOKS_DO_NOT_BALANCE`.
        """
        mine = self.entries[since:]
        removed = sum(e.removed for e in mine)
        added = sum(len(e.after["records"]) - 1 for e in mine if "records" in e.after)
        if loaded - removed + added != passed:
            raise Refused(
                Reason.BOOKS_DO_NOT_BALANCE, rule="all", what=kind, found=passed - loaded, declared=added - removed
            )
        self.accounts[kind] = {"loaded": loaded, "removed": removed, "added_by_splitting": added, "passed_on": passed}

    def summary(self) -> dict[str, Any]:
        """Counts and totals only, for reports and artifacts."""
        return {
            "changes": len(self.entries),
            "quarantined": len(self.quarantined),
            "records": self.accounts,
            "rules": self.rules,
        }

    def document(self) -> dict[str, Any]:
        """Everything, for `ledger.json` in the run directory."""
        return {**self.summary(), "entries": [asdict(e) for e in self.entries]}


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ between two versions of a record, as they were and as they are."""
    names = [k for k in {**before, **after} if (k in before) != (k in after) or before.get(k) != after.get(k)]
    return {k: before[k] for k in names if k in before}, {k: after[k] for k in names if k in after}
