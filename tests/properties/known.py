"""Transformations whose effect is known: whole days later, a day left out, the clock changed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from flows.values.local_days import LocalDay, day_of
from flows.values.units import DAY_MS, HOUR_MS
from tests.properties.person import Person, entry_ms, is_number, is_reading
from tests.properties.transformation import Class, Compared, transformation

TIME_FIELDS = (
    *("created_at", "timestamp", "date", "mills", "dateString", "sysTime", "eventTime", "startDate"),
    *("srvCreated", "srvModified", "userEnteredAt", "displayTime"),
)
# Earlier, never later: upstream passes over doses that are in the future of the machine's own clock.
WEEKS = (-52, -1, -2, -3, -53, -104, -105, -156, -157, -208)
READINGS_OF_A_FULL_DAY = 200


def shifted(person: Person, days: int) -> Person:
    """All times of records and documents, and the clock, whole days (of 24 hours) later."""

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(v) for v in value]
        if not isinstance(value, dict):
            return value
        return {k: _later(v, days) if k in TIME_FIELDS else walk(v) for k, v in value.items()}

    return replace(
        person,
        entries=walk(person.entries),
        treatments=walk(person.treatments),
        profile=walk(person.profile),
        now=person.now + timedelta(days=days),
    )


def _later(value: Any, days: int) -> Any:
    if is_number(value):
        return value + days * DAY_MS if value > 1e11 else value
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"\d{13}", value):
        return str(int(value) + days * DAY_MS)
    if found := re.match(r"(20\d\d)-(\d\d)-(\d\d)", value):
        moved = date(*(int(part) for part in found.groups())) + timedelta(days=days)
        return moved.isoformat() + value[10:]
    return value


def _offsets(person: Person, days: int) -> list[timedelta | None]:
    instants = [ms for e in person.entries if (ms := entry_ms(e)) is not None]
    first, last = int(min(instants)) - 2 * DAY_MS, int(max(instants)) + 2 * DAY_MS
    zone = ZoneInfo(person.zone)
    return [
        datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).utcoffset()
        for ms in range(first + days * DAY_MS, last + days * DAY_MS, HOUR_MS)
    ]


@transformation(
    Class.KNOWN, "all times whole weeks earlier, where the clock changes as it did: the dates move, no number does"
)
def whole_weeks_earlier(person: Person, _: Random) -> Person:
    if not any(is_reading(e) for e in person.entries):
        return person
    here = _offsets(person, 0)
    weeks = next((w for w in WEEKS if _offsets(person, 7 * w) == here), None)
    return person if weeks is None else shifted(person, 7 * weeks)


def _a_whole_day(person: Person, chance: Random) -> date | None:
    """A day in the middle with readings throughout, the same for the same chance."""
    count = Counter(day_of(ms, person.zone).date for e in person.entries if is_reading(e) and (ms := entry_ms(e)))
    whole = sorted(d for d, n in count.items() if n >= READINGS_OF_A_FULL_DAY)[1:-1]
    return whole[len(whole) // 2] if whole else None


def _excluded(person: Person, chance: Random) -> Person:
    day = _a_whole_day(person, chance)
    return person if day is None else person.with_options(exclude=[day])


@transformation(
    Class.KNOWN,
    "the readings of a day are missing, against the same day excluded: the others are handed over alike",
    against=_excluded,
    compared=Compared.WORK,
)
def day_without_readings(person: Person, chance: Random) -> Person:
    day = _a_whole_day(person, chance)
    if day is None:
        return person
    window = LocalDay(day, person.zone).glucose
    return replace(person, entries=[e for e in person.entries if (ms := entry_ms(e)) is None or not window.holds(ms)])


def _over_a_change(person: Person, *, forward: bool) -> Person:
    """Whole days later, until the clock changes in the middle of the data."""
    zone = ZoneInfo(person.zone)
    instants = [ms for e in person.entries if is_reading(e) and (ms := entry_ms(e)) is not None]
    if not instants:
        return person
    middle = datetime.fromtimestamp((min(instants) + max(instants)) / 2000, UTC)
    for days in range(1, 400):
        at = middle + timedelta(days=days)
        before, after = (x.astimezone(zone).utcoffset() or timedelta() for x in (at, at + timedelta(days=1)))
        if before != after and (after > before) == forward:
            return shifted(person, days)
    return person


@transformation(
    Class.KNOWN,
    "moved to where the clock is put forward: a day of 23 hours, each record in its own day",
    compared=Compared.DAYS,
)
def clock_put_forward(person: Person, _: Random) -> Person:
    return _over_a_change(person, forward=True)


@transformation(
    Class.KNOWN,
    "moved to where the clock is put back: a day of 25 hours, each record in its own day",
    compared=Compared.DAYS,
)
def clock_put_back(person: Person, _: Random) -> Person:
    return _over_a_change(person, forward=False)
