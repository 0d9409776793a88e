"""Of which day the newest reading is: for whoever asked for days without any. Knows nothing of what is refused."""

from __future__ import annotations

from flows.language.translatable import translatable
from flows.profiles.raw_files import NEWEST, RawFiles
from flows.values.local_days import day_of
from flows.values.timestamps import instant_ms


def newest_reading(raw: RawFiles, zone: str, now_ms: float) -> str:
    """`the newest reading is of 2026-05-12`; empty where no reading of the past is known.

    Args:
        raw: the readings of the run, and the newest one of a site without readings on its days.
        zone: the run's.
        now_ms: the clock.
    """
    entries = [entry for kind in ("entries", NEWEST) for entry in raw.records(kind) if isinstance(entry, dict)]
    found = [instant_ms(entry.get("date") or entry.get("mills"), "UTC") for entry in entries]
    newest = max((known[0] for known in found if known and known[0] <= now_ms), default=None)
    return "" if newest is None else translatable("the newest reading is of {newest}", newest=day_of(newest, zone))
