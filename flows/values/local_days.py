"""Local days as autotune cuts them, 04:00 to 04:00, and the windows of records each day needs.

Knows time zones and nothing of records.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from flows.errors import Reason, Refused
from flows.language.translatable import translatable
from flows.values.nearest import nearest
from flows.values.units import HOUR_MS

LONGEST_ABBREVIATION = 5  # of a zone: CEST
# oref0@0.7.1 bin/oref0-autotune.sh: glucose from 4 am to 4 am, treatments from 18 h before midnight (12 h for time
# zones, 6 h of insulin) to 42 h after it, all as elapsed hours from local midnight.
GLUCOSE_FROM, GLUCOSE_TO = timedelta(hours=4), timedelta(hours=28)
TREATMENTS_FROM, TREATMENTS_TO = timedelta(hours=-18), timedelta(hours=42)


@functools.cache
def _zone_names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def canonical_zone(name: str) -> str:
    """The time zone's name as the IANA list spells it: `ETC/GMT+7` and `europe/paris` are found whatever their case.

    Node.js on Linux takes a wrongly spelt zone for UTC without a word.

    Raises:
        Refused: `UNKNOWN_TIMEZONE`.
    """
    try:
        return ZoneInfo(_zone_names()[name.strip().lower()]).key
    except KeyError:  # also of ZoneInfo, for a list that names more than is installed
        raise Refused(Reason.UNKNOWN_TIMEZONE, zone=name, meant=_zone_meant(name.strip())) from None


def _zone_meant(name: str) -> str:
    """` (did you mean Europe/Paris?)` for `Europe/Pari`, `Europe Paris` or `Pariss`; empty where nothing is near."""
    if name.isupper() and len(name) <= LONGEST_ABBREVIATION:  # it is like many names, and none is meant
        return ""
    typed, zones = name.replace(" ", "_"), sorted(zone for zone in available_timezones() if "/" in zone)
    by_city = {zone.rpartition("/")[2]: zone for zone in reversed(zones)}
    city = None if "/" in typed else nearest(typed, by_city)
    found = by_city[city] if city else nearest(typed, zones)
    return translatable(" (did you mean {name}?)", name=found) if found else ""


LONGEST_RANGE_DAYS = 3660  # ten years: one reading dated 1970 is no history of 20,000 days, each with its files


@dataclass(frozen=True, order=True)
class Window:
    """A span of instants in epoch milliseconds, `start_ms` inclusive; `holds` says how the end is meant."""

    start_ms: int
    end_ms: int

    def holds(self, epoch_ms: float) -> bool:
        """Whether the instant lies in the half-open window, so that no instant is in two neighbouring days."""
        return self.start_ms <= epoch_ms < self.end_ms


@dataclass(frozen=True, order=True)
class LocalDay:
    """One day of a person's life in one time zone, from 04:00 to 04:00 by the clock on the wall."""

    date: date
    zone: str

    def __str__(self) -> str:
        return self.date.isoformat()

    @property
    def midnight(self) -> datetime:
        """The first instant of the date in the zone (where midnight is skipped by a clock change, the next instant)."""
        return _first_instant(self.date, time(0), self.zone)

    @property
    def glucose(self) -> Window:
        """04:00 to 04:00 by the local clock: 23 or 25 hours long where the clock changes, and never overlapping."""
        return Window(
            _ms(_first_instant(self.date, time(4), self.zone)),
            _ms(_first_instant(self.date + timedelta(days=1), time(4), self.zone)),
        )

    @property
    def upstream_glucose(self) -> Window:
        """What upstream's script asks for: 4 to 28 elapsed hours after midnight.

        On a day of 23 hours this is 05:00 to 05:00 and the hour is asked for again the day after; on one of 25 hours
        an hour is lost. Both ends are inclusive there.
        """
        return Window(_ms(self.midnight + GLUCOSE_FROM), _ms(self.midnight + GLUCOSE_TO))

    @property
    def treatments(self) -> Window:
        """-18 to +42 elapsed hours from local midnight, as upstream's script; both ends are inclusive there."""
        return Window(_ms(self.midnight + TREATMENTS_FROM), _ms(self.midnight + TREATMENTS_TO))

    @property
    def length_hours(self) -> float:
        """Hours from 04:00 to 04:00: 24, or 23 or 25 where the clock changes."""
        return (self.glucose.end_ms - self.glucose.start_ms) / HOUR_MS

    def next(self) -> LocalDay:
        """The day after."""
        return LocalDay(self.date + timedelta(days=1), self.zone)


def day_of(epoch_ms: float, zone: str) -> LocalDay:
    """The local day (04:00 to 04:00) that an instant belongs to."""
    local = datetime.fromtimestamp(epoch_ms / 1000, ZoneInfo(zone))
    day = LocalDay(local.date(), zone)
    return day if epoch_ms >= day.glucose.start_ms else LocalDay(local.date() - timedelta(days=1), zone)


def day_range(first: date, last: date, zone: str) -> list[LocalDay]:
    """Every local day from `first` to `last`, both included.

    Raises:
        Refused: `END_BEFORE_START` (upstream's script would loop for ever), `TOO_MANY_DAYS`.
    """
    if last < first:
        raise Refused(Reason.END_BEFORE_START, start=first, end=last)
    count = (last - first).days + 1
    if count > LONGEST_RANGE_DAYS:
        raise Refused(Reason.TOO_MANY_DAYS, count=count, limit=LONGEST_RANGE_DAYS)
    return [LocalDay(first + timedelta(days=i), zone) for i in range(count)]


def utc_offset_min(epoch_ms: float, zone: str) -> int:
    """Minutes east of UTC at an instant."""
    offset = datetime.fromtimestamp(epoch_ms / 1000, ZoneInfo(zone)).utcoffset()
    return int((offset or timedelta()).total_seconds() // 60)


def _first_instant(day: date, clock: time, zone: str) -> datetime:
    # Of two instants with the same clock reading the first; of a skipped reading the instant the clock jumps to:
    # going through UTC normalises both. All arithmetic after this is in UTC, so that hours are elapsed hours.
    return datetime.combine(day, clock, ZoneInfo(zone)).astimezone(UTC)


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def is_clock_time(text: str) -> bool:
    """Whether a text is a local time such as 04:30 or 4:30."""
    return re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", text) is not None


def clock_time(text: str) -> tuple[int, int]:
    """Hour and minute of a local time of the form HH:MM.

    Raises:
        ValueError: it is none.
    """
    if not is_clock_time(text):
        raise ValueError(f"{text!r} is no time of a day such as 04:30")
    hour, minute = text.split(":")
    return int(hour), int(minute)
