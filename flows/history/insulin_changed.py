"""A change to another insulin within the days: told by what the doses name before and after it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from flows.history.doubts import INSULIN_CHANGED, Doubt
from flows.history.insulin_named import insulins_of
from flows.nightscout.documents import is_deleted
from flows.values.local_days import day_of
from flows.values.timestamps import instant_ms

LEAST_DOSES = 3  # of each: a pen in between is no change


def insulin_changed(treatments: Iterable[Any], zone: str) -> list[Doubt]:
    """A doubt that names the days up to a change: all doses before it name one insulin, all after it another.

    Args:
        treatments: as loaded.
        zone: the person's.
    """
    named: list[tuple[float, str]] = []
    for record in treatments:
        if isinstance(record, dict) and not is_deleted(record) and (at := instant_ms(record.get("created_at"), zone)):
            named += [(at[0], name) for name in insulins_of(record)]
    named.sort()
    if not named or named[0][1] == named[-1][1]:
        return []
    first, last = named[0][1], named[-1][1]
    before = next(n for n, (_, name) in enumerate(named) if name != first)
    if {name for _, name in named[before:]} != {last} or min(before, len(named) - before) < LEAST_DOSES:
        return []
    day, changed = day_of(named[0][0], zone).date, day_of(named[before][0], zone).date
    dates = [str(day + timedelta(days=n)) for n in range((changed - day).days + 1)]
    sentence = (
        f"The doses name another insulin from {changed} on: the days up to it are of the one before. --exclude-found "
        "leaves them out."
    )
    return [Doubt(INSULIN_CHANGED, "amber", sentence, tuple(dates))]
