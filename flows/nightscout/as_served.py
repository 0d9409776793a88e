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
    records = [(instant_ms(t.get("created_at"), "UTC"), t) for t in treatments if isinstance(t, dict)]
    dated = [(found[0], t) for found, t in records if found and span.start_ms <= found[0] <= span.end_ms]
    return mine[:ENTRIES_COUNT], [t for _, t in sorted(dated, key=lambda item: -item[0])]
