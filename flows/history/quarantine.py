"""How many records may be quarantined, not understood and left out, before a run is refused."""

from __future__ import annotations

from flows.errors import Reason, Refused
from flows.history.glucose import UNKNOWN_UNIT
from flows.values.ledger import Ledger

QUARANTINE_SHARE, QUARANTINE_FREE = 0.02, 3


def check_quarantine(ledger: Ledger, entries: int, treatments: int) -> list[str]:
    """A note of what was left out, if anything was.

    Args:
        ledger: after all rules.
        entries, treatments: how many records there were.

    Raises:
        Refused: `NOT_UNDERSTOOD` where more than 2 % of the records, and more than three, are doubted.
    """
    count = len(ledger.quarantined)
    if not count:
        return []
    detail = "; ".join(sorted({e.reason for e in ledger.quarantined})[:3])
    # A stretch of one unknown unit is one doubt. Where there are no more readings than doubted ones, nothing is known.
    in_glucose = sum(e.rule == UNKNOWN_UNIT for e in ledger.quarantined)
    doubts = ledger.doubts if 2 * in_glucose < entries else count
    if doubts > max(QUARANTINE_FREE, QUARANTINE_SHARE * (entries + treatments)):
        raise Refused(Reason.NOT_UNDERSTOOD, count=count, what="records", detail=detail)
    return [f"{count} records could not be understood and were left out ({detail}); see ledger.json."]
