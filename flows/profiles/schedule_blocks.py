"""One schedule of a profile document, in every shape it is written in, as a `Schedule`.

Knows nothing of what the schedule means. What it has to assume it says in `notes`; what it cannot know it refuses,
with times of day and limits in the text but never a value: that text is stored where health data must not be.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from flows.errors import Reason, Refused
from flows.language.translatable import translatable
from flows.values.numbers import NotANumber, number, number_or_none
from flows.values.schedule import Block, Schedule
from flows.values.units import MINUTES_PER_DAY

# Any script's digits: Android writes the time with the digits of the phone's language.
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.0*)?)?")
SCHEDULES_KEPT = 256


def read_schedule(value: Any, what: str, notes: list[str]) -> Schedule:
    """A list of `{time, timeAsSeconds, value}`, one such entry, `{"HH:MM": value}`, or one number for the whole day.

    Args:
        value: as JSON holds it.
        what: the setting's name, for a refusal and for the notes.
        notes: what was assumed is added here.

    Raises:
        Refused: `PROFILE_FIELD`.
    """
    schedule, said = _read(json.dumps(value), what)
    notes.extend(said)
    return schedule


@lru_cache(maxsize=SCHEDULES_KEPT)
def _read(text: str, what: str) -> tuple[Schedule, tuple[str, ...]]:
    """The same documents are looked at again and again, by the plan, by its checks and after each write."""
    notes: list[str] = []
    return _read_value(json.loads(text), what, notes), tuple(notes)


def _read_value(value: Any, what: str, notes: list[str]) -> Schedule:
    if isinstance(value, dict):
        value = [value] if "value" in value else [{"time": time, "value": amount} for time, amount in value.items()]
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return Schedule.constant(required_number(value, what))
    if not isinstance(value, list) or not value:
        raise unusable(what, "it is missing or empty")
    blocks: dict[int, float] = {}
    order: list[int] = []
    amounts = [number_or_none(item.get("value")) if isinstance(item, dict) else None for item in value]
    for place, (item, amount) in enumerate(zip(value, amounts, strict=True), 1):
        if not isinstance(item, dict):
            raise unusable(what, translatable("entry {place} is not an object with a time and a value", place=place))
        minutes = entry_minutes(item, what, place, notes)
        if amount is None:
            amount = required_number(item.get("value"), what, f"the value at {clock_text(minutes)}")
        if minutes in blocks and blocks[minutes] != amount:
            if amount == 0:
                raise unusable(
                    what,
                    translatable(
                        "a later entry at {time} says 0; remove the entries not in use", time=clock_text(minutes)
                    ),
                )
            notes.append(
                translatable(
                    "Two entries of the {what} are at {time}: the last one was taken.",
                    what=what,
                    time=clock_text(minutes),
                )
            )
        blocks[minutes] = amount
        order.append(minutes)
    if 0 not in blocks:
        raise unusable(
            what,
            translatable("its first entry is at {time}, not at 00:00; add one at 00:00", time=clock_text(min(blocks))),
        )
    if order != sorted(order):
        notes.append(translatable("The entries of the {what} are not in order of time: they were sorted.", what=what))
    return Schedule(tuple(Block(m, blocks[m]) for m in sorted(blocks)))


def clock_text(minutes: int) -> str:
    """Minutes after midnight as `HH:MM`."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def optional_number(value: Any, what: str, otherwise: str = "it is not a plain number") -> float | None:
    """A number, or `None` where the field is missing or empty.

    Raises:
        Refused: `PROFILE_FIELD`.
    """
    try:
        found = number(value)
    except NotANumber:
        raise unusable(what, otherwise) from None
    return None if found is None else float(found)


def required_number(value: Any, what: str, which: str = "its value") -> float:
    """A number.

    Raises:
        Refused: `PROFILE_FIELD`.
    """
    found = optional_number(value, what, translatable("{which} is not a plain number such as 1.5", which=which))
    if found is None:
        raise unusable(what, f"{which} is missing")
    return found


def check_range(schedule: Schedule, what: str, limits: tuple[float, float], unit: str) -> None:
    """Refuse a schedule with a value no one has.

    Raises:
        Refused: `PROFILE_FIELD`.
    """
    low, high = limits
    for block in schedule.blocks:
        if not low <= block.value <= high:
            detail = translatable(
                "the value at {time} is outside {low:g}–{high:g} {unit}; check its units",
                time=clock_text(block.minutes),
                low=low,
                high=high,
                unit=unit,
            )
            raise unusable(what, detail)


def unusable(what: str, detail: str) -> Refused:
    """The refusal of one field of a profile."""
    return Refused(Reason.PROFILE_FIELD, field=what, detail=detail)


def entry_minutes(item: dict[str, Any], what: str, place: int, notes: list[str]) -> int:
    """When an entry starts: `time` first, as Nightscout itself, which overwrites `timeAsSeconds` with it.

    Raises:
        Refused: `PROFILE_FIELD`.
    """
    time, seconds = item.get("time"), item.get("timeAsSeconds")
    by_clock, by_seconds = clock_seconds(time), number_or_none(seconds)
    if by_clock is None and by_seconds is None:
        detail = "has no time" if time in (None, "") and seconds in (None, "") else "has a time that cannot be read"
        raise unusable(what, f"entry {place} {detail}; times are written HH:MM")
    start = by_clock if by_clock is not None else by_seconds
    assert start is not None
    if not 0 <= start < MINUTES_PER_DAY * 60:
        raise unusable(
            what, translatable("entry {place} starts outside the day, which goes from 00:00 to 23:59", place=place)
        )
    if start % 60:
        raise unusable(what, translatable("entry {place} does not start on a whole minute", place=place))
    minutes = int(start // 60)
    if by_clock is None and time not in (None, ""):
        notes.append(
            translatable(
                "An entry of the {what} has an unreadable time: its seconds, {time}, were taken.",
                what=what,
                time=clock_text(minutes),
            )
        )
    if by_clock is not None and by_seconds is not None and by_clock != by_seconds:
        notes.append(
            translatable(
                "An entry of the {what} has two times that differ: the clock time, {time}, was taken.",
                what=what,
                time=clock_text(minutes),
            )
        )
    return minutes


def clock_seconds(value: Any) -> float | None:
    """Seconds after midnight of `HH:MM` or `HH:MM:SS`; `None` for what is no such text."""
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds if minutes < 60 and seconds < 60 else None
