"""What a Nightscout would have answered upstream's script, from records that are here: the same cuts, no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows.values.local_days import LocalDay
from flows.values.timestamps import instant_ms

ENTRIES_COUNT = 1500  # what upstream's script asks for


def sensor_readings(entries: Sequence[Any]) -> list[dict[str, Any]]:
    """The records `/entries/sgv.json` can answer a range of dates with: type `sgv` and a numeric date."""
    return [
        e
        for e in entries
        if isinstance(e, dict)
        and e.get("type", "sgv") == "sgv"
        and isinstance(e.get("date"), int | float)
        and not isinstance(e.get("date"), bool)
    ]


def served_day(
    day: LocalDay, readings: Sequence[dict[str, Any]], treatments: Sequence[Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A day's readings and treatments as the site serves them: both bounds included, newest first, the newest 1500.

    Args:
        day: which day.
        readings: of `sensor_readings`.
        treatments: any; those without a readable created_at are in no range.
    """
    window, span = day.upstream_glucose, day.treatments
    mine = sorted((e for e in readings if window.start_ms <= e["date"] <= window.end_ms), key=lambda e: -e["date"])
    dated = []
    for treatment in treatments:
        found = instant_ms(treatment.get("created_at"), "UTC") if isinstance(treatment, dict) else None
        if found and span.start_ms <= found[0] <= span.end_ms:
            dated.append((found[0], treatment))
    dated.sort(key=lambda item: -item[0])
    return mine[:ENTRIES_COUNT], [t for _, t in dated]
