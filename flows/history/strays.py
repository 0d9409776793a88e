"""Readings that are none of the data's: one five weeks after the last, one of the year 2031.

They would move the window of days to where nothing is. A stray is left out and named; the window ends with the data.
"""

from __future__ import annotations

from collections.abc import Iterable

from flows.history.records import Numbered, keep_if
from flows.language.catalogue import to_translate
from flows.values.ledger import Ledger
from flows.values.units import HOUR_MS, MINUTE_MS

APART_H = 48.0  # from the rest of the data: a sensor's change, or a day without one, is less
STRAYS_AT_MOST = 12  # an hour of readings; more are a person's data, wherever they lie
CLOCK_AHEAD_MIN = 10.0  # of two machines
RULE = ("stray_reading", to_translate("readings far from all others, or in the future, left out"))


def stray_instants(instants: Iterable[float], now_ms: float) -> set[float]:
    """The instants (epoch ms) before or after the data, or in the future, that are too few to be data.

    Args:
        instants: of all readings.
        now_ms: the clock.
    """
    ordered = sorted(instants)
    ahead = {ms for ms in ordered if ms > now_ms + CLOCK_AHEAD_MIN * MINUTE_MS}
    strays = ahead if len(ahead) <= STRAYS_AT_MOST else set()
    groups: list[list[float]] = []
    for ms in (ms for ms in ordered if ms not in strays):
        if groups and ms - groups[-1][-1] <= APART_H * HOUR_MS:
            groups[-1].append(ms)
        else:
            groups.append([ms])
    if all(len(group) <= STRAYS_AT_MOST for group in groups):
        return strays  # all of them are few: none is astray from the others
    for side in (groups, groups[::-1]):
        for group in side:
            if len(group) > STRAYS_AT_MOST:
                break
            strays.update(group)
    return strays


def leave_out_strays(records: Numbered, now_ms: float, ledger: Ledger) -> Numbered:
    """Readings without those astray; each is in the ledger.

    Args:
        records: with a numeric `date`.
        now_ms: the clock.
        ledger: takes an entry for each.
    """
    strays = stray_instants((float(record["date"]) for _, record in records), now_ms)
    why = f"more than {APART_H:g} h from all other readings, or in the future"
    return keep_if(records, RULE, lambda _, record: why if record["date"] in strays else None, ledger)
