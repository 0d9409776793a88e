"""ISF and carb ratio of an OpenAPS pump profile as schedules, in the shapes oref0 and other programs write them.

Upstream tunes the first ISF and `carb_ratio`. That there are several is never lost: a schedule of several entries that
cannot be read is named, and not taken for one value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.profiles.schedule_blocks import clock_seconds, clock_text
from flows.values.numbers import NotANumber, number
from flows.values.parts import Part
from flows.values.schedule import Block, Schedule

# Where a profile has each schedule: the field, the list in it, an entry's value.
FIELDS = {
    Part.ISF: ("isfProfile", "sensitivities", "sensitivity"),
    Part.CARB_RATIO: ("carb_ratios", "schedule", "ratio"),
}


@dataclass(frozen=True)
class OpenapsSchedule:
    """What a profile has as a schedule.

    Attributes:
        schedule: `None` where it has none, or one that cannot be read.
        unread: it has several entries, and cannot be read.
        ambiguous: the starts, `HH:MM`, of entries whose `offset` and `start` differ.
    """

    schedule: Schedule | None
    unread: bool = False
    ambiguous: tuple[str, ...] = ()


def read_openaps_schedule(pump: dict[str, Any], part: Part) -> OpenapsSchedule:
    """Read one schedule; never refuses, whatever the profile holds.

    An entry begins at its `offset` in minutes, by which oref0@0.7.1 lib/profile/isf.js and carbs.js look it up; where
    it has none, at its `start`, `HH:MM` or `HH:MM:SS`.
    """
    field, listed, key = FIELDS[part]
    held = pump.get(field)
    entries = held.get(listed) if isinstance(held, dict) else held
    if isinstance(entries, dict):
        entries = [entries] if key in entries else list(entries.values())
    if not isinstance(entries, list) or not entries:
        return OpenapsSchedule(None)
    try:
        return _read(entries, key)
    except (NotANumber, KeyError, TypeError, ValueError, AttributeError):
        return OpenapsSchedule(None, unread=len(entries) > 1)


def _read(entries: Sequence[Any], key: str) -> OpenapsSchedule:
    values: dict[int, float] = {}
    ambiguous = []
    for entry in entries:
        by_offset, by_clock = number(entry.get("offset")), clock_seconds(entry.get("start"))
        minutes = by_offset if by_offset is not None else None if by_clock is None else by_clock / 60
        value = number(entry[key])
        if minutes is None or value is None or minutes % 1 or value <= 0:
            raise ValueError("an entry without a whole minute or a value above zero")
        if values.setdefault(int(minutes), float(value)) != value:
            raise ValueError("two values at one time")
        if by_clock is not None and by_clock != 60 * minutes:
            ambiguous.append(clock_text(int(minutes)))
    schedule = Schedule(tuple(Block(m, values[m]) for m in sorted(values)))  # refuses one that is not from 00:00
    return OpenapsSchedule(schedule, ambiguous=tuple(ambiguous))
