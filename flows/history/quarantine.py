"""How many records may be quarantined, not understood and left out, before a run is refused."""

from __future__ import annotations

from flows.errors import Reason, Refused
from flows.history.glucose import UNKNOWN_UNIT
from flows.history.losses import is_reading
from flows.language.translatable import translatable
from flows.values.ledger import Ledger

# Of the readings, and of the doses: many readings excuse no lost dose. Its day is judged besides (`losses`).
QUARANTINE_SHARE, QUARANTINE_FREE = 0.02, 3


def check_quarantine(ledger: Ledger, entries: int, doses: int) -> list[str]:
    """A note of what was left out, if anything was.

    Args:
        ledger: after all rules.
        entries: how many readings there were.
        doses: how many treatments that give insulin or carbs, or set a temporary basal.

    Raises:
        Refused: `NOT_UNDERSTOOD` where more than 2 % of the readings or of the doses, and more than three, are doubted.
    """
    count = len(ledger.quarantined)
    if not count:
        return []
    # A stretch of one unknown unit is one doubt. Where there are no more readings than doubted ones, nothing is known.
    in_glucose = sum(e.rule == UNKNOWN_UNIT for e in ledger.quarantined)
    readings = [e.reason for e in ledger.quarantined if is_reading(e)]
    treatments = [e.reason for e in ledger.quarantined if not is_reading(e)]
    doubts = ledger.doubts - len(treatments) if 2 * in_glucose < entries else len(readings)
    for what, number, of, reasons in (
        ("readings", doubts, entries, readings),
        ("treatments", len(treatments), doses, treatments),
    ):
        if number > max(QUARANTINE_FREE, QUARANTINE_SHARE * of):
            raise Refused(Reason.NOT_UNDERSTOOD, count=len(reasons), what=what, detail=_detail(reasons))
    detail = _detail([*readings, *treatments])
    return [
        translatable(
            "{count} records could not be understood and were left out ({detail}); see ledger.json.",
            count=count,
            detail=detail,
        )
    ]


def _detail(reasons: list[str]) -> str:
    return "; ".join(sorted(set(reasons))[:3])
