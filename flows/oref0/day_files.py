"""What the files of a day hold, by the local clock: the carbs entered, and what upstream sorted its readings into."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flows.history.records import carbs_g
from flows.oref0.several_values import LEAST_CARBS_G
from flows.values.local_days import LocalDay
from flows.values.timestamps import instant_ms


def carbs_of_day(work: Path, day: str, zone: str) -> list[tuple[float, float]]:
    """When (epoch ms) how many g of carbs were entered on one of upstream's days, in order; entries below 1 g not.

    Args:
        work: reads autotune/ns-treatments.DATE.json.
        day: its date; it lasts from 04:00 to 04:00.
        zone: the person's.
    """
    window = LocalDay(date.fromisoformat(day), zone).glucose
    found = []
    for record in records_of(work / "autotune" / f"ns-treatments.{day}.json"):
        at, carbs = instant_ms(record.get("created_at"), zone), carbs_g(record)
        if at is not None and window.holds(at[0]) and carbs >= LEAST_CARBS_G:
            found.append((at[0], carbs))
    return sorted(found)


def prepped_of_day(work: Path, day: str, kind: str) -> list[dict[str, Any]]:
    """What upstream's prep made of a day: its points or meal windows of a kind (`ISFGlucoseData`, `CRData`)."""
    return records_of(work / "autotune" / f"autotune.{day}.json", kind)


def local_minutes(epoch_ms: float, zone: str) -> int:
    """Minutes after midnight on the wall's clock."""
    local = datetime.fromtimestamp(epoch_ms / 1000, ZoneInfo(zone))
    return local.hour * 60 + local.minute


def records_of(file: Path, key: str | None = None) -> list[dict[str, Any]]:
    """The records of a file, or of a list in it; none where there is no such list."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return []
    if key is not None:
        found = found.get(key) if isinstance(found, dict) else None
    return [record for record in found if isinstance(record, dict)] if isinstance(found, list) else []
