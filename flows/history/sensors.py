"""One sensor at a time, one reading every five minutes.

oref0@0.7.1 lib/autotune-prep/categorize.js takes four readings for twenty minutes: of two uploaders, or of a sensor
that reads every minute, it would misjudge how fast glucose moves.
"""

from __future__ import annotations

import bisect
from collections import Counter

from flows.history.records import Numbered, keep_if
from flows.nightscout.documents import Record
from flows.values.ledger import Ledger
from flows.values.units import MINUTE_MS

OWN_STEP_MS = 3.9 * MINUTE_MS  # a sensor of four or five minutes, with its jitter
LEAST_STEP_MS = 4.5 * MINUTE_MS  # of a faster cadence every fifth minute
GAP_MS = 20 * MINUTE_MS  # what the preferred sensor leaves open for another


def one_sensor_at_a_time(records: Numbered, ledger: Ledger) -> Numbered:
    """Thin a fast cadence to five minutes; of several sensors keep the one with most readings, others fill its gaps.

    Args:
        records: normalised readings, newest first.
        ledger: every reading left out is written down.
    """
    by_device = Counter(sensor_of(r) for _, r in records)
    order = sorted(by_device, key=lambda device: (-by_device[device], device))
    instants = {device: sorted(_at(r) for _, r in records if sensor_of(r) == device) for device in order}
    chosen: list[float] = []
    keep: dict[str, set[float]] = {}
    for rank, device in enumerate(order):
        mine = _five_minute_steps(instants[device])
        if rank:
            mine = [ms for ms in mine if _distance(chosen, ms) >= GAP_MS / 2 and _in_gap(chosen, ms)]
        keep[device] = set(mine)
        chosen = sorted([*chosen, *mine])
    if all(len(keep[d]) == len(instants[d]) for d in order):
        return records
    preferred = order[0]

    def why_not(_: str, record: Record) -> str | None:
        if _at(record) in keep[sensor_of(record)]:
            return None
        if sensor_of(record) == preferred:
            return "between two readings five minutes apart"
        return "another sensor or uploader read at the same time"

    return keep_if(records, ("one_sensor", "one sensor at a time, a reading every five minutes"), why_not, ledger)


def sensor_of(record: Record) -> str:
    """Which sensor or uploader a reading says it is of."""
    return str(record.get("device") or "")


def _at(record: Record) -> float:
    return float(record["date"])


def _five_minute_steps(instants: list[float]) -> list[float]:
    """Instants at least 4.5 minutes apart; a little less where the sensor itself read no sooner."""
    kept: list[float] = []
    before = float("-inf")
    for ms in instants:
        step = LEAST_STEP_MS if ms - before < OWN_STEP_MS else OWN_STEP_MS
        if not kept or ms - kept[-1] >= step:
            kept.append(ms)
        before = ms
    return kept


def _distance(sorted_instants: list[float], ms: float) -> float:
    at = bisect.bisect_left(sorted_instants, ms)
    near = sorted_instants[max(0, at - 1) : at + 1]
    return min((abs(ms - n) for n in near), default=float("inf"))


def _in_gap(sorted_instants: list[float], ms: float) -> bool:
    at = bisect.bisect_left(sorted_instants, ms)
    if at in (0, len(sorted_instants)):
        return True
    return sorted_instants[at] - sorted_instants[at - 1] > GAP_MS
