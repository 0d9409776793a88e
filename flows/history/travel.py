"""Travel: days on which the records or the profile name another clock than the run's, by which every hour is booked.

The signs: an offset that a record names (`utcOffset`, or at the end of a time written as text), and the zones of
profile documents and of Profile Switches.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flows.errors import Refused
from flows.history.doubts import TRAVEL, Doubt, amber_doubt, days_said
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record
from flows.values.local_days import LocalDay, canonical_zone, day_of, utc_offset_min
from flows.values.timestamps import instant_ms
from flows.values.units import MINUTE_MS

DIFFERS_MIN = 30  # no two zones are nearer to each other
LEAST_SHARE_OF_A_DAY = 0.5  # of the records that name an offset: a second phone, a server that stamps its own
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)$")
TIMES = ("dateString", "created_at", "sysTime", "eventTime")

ZoneSince = tuple[float, str]  # epoch ms, the zone's name


def travel(
    entries: Iterable[Any],
    treatments: Iterable[Any],
    zones: Iterable[ZoneSince],
    days: Sequence[LocalDay],
) -> list[Doubt]:
    """A doubt that names the days of another clock, and how many are left without them.

    Args:
        entries, treatments: as loaded.
        zones: since when documents and switches name which zone.
        days: the days to be tuned, of one zone.
    """
    if not days:
        return []
    asked = {day.date for day in days}
    zone = days[0].zone
    shifts = Counter[int]()
    abroad = _days_by_offset([*entries, *treatments], zone, asked, shifts)
    abroad |= _days_by_zone(list(zones), days, shifts)
    if not abroad:
        return []
    hours = max(shifts, key=lambda shift: shifts[shift]) / 60
    if abroad == asked:
        every = to_translate(
            "On each of the {days:.0f} days records name a clock that differs from {zone} (most by {shift_h:+g} h), by "
            "which every hour is booked: check --timezone."
        )
        return [amber_doubt(TRAVEL, every, days=len(days), zone=zone, shift_h=hours)]
    return [
        amber_doubt(
            TRAVEL,
            to_translate(
                "On {days_abroad:.0f} of {days:.0f} days records or the profile name a clock that differs from {zone} "
                "(most by {shift_h:+g} h), by which every hour is booked: {days_left:.0f} days are left with --exclude "
                "{dates}."
            ),
            tuple(str(day) for day in sorted(abroad)),
            days_abroad=len(abroad),
            days=len(days),
            zone=zone,
            shift_h=hours,
            days_left=len(asked - abroad),
            dates=days_said(sorted(abroad)),
        )
    ]


def zones_named(documents: Iterable[Any], treatments: Iterable[Any]) -> list[ZoneSince]:
    """Since when profile documents (by their default profile) and Profile Switches name which zone."""
    found: list[ZoneSince] = []
    for record in (*documents, *treatments):
        if not isinstance(record, dict):
            continue
        body = _body(record)
        at = instant_ms(record.get("startDate") or record.get("created_at") or record.get("date"), "UTC")
        try:
            named = body.get("timezone") or record.get("timezone")
            if at and isinstance(named, str) and named.strip():
                found.append((at[0], canonical_zone(named)))
        except Refused:
            continue
    return sorted(found)


def _body(record: Record) -> Record:
    if isinstance(written := record.get("profileJson"), str):
        try:
            written = json.loads(written)
        except (ValueError, RecursionError):
            written = None
    if isinstance(written, dict):
        return written
    store, name = record.get("store"), record.get("defaultProfile")
    default = store.get(name) if isinstance(store, dict) and isinstance(name, str) else None
    return default if isinstance(default, dict) else {}


def _days_by_offset(records: Iterable[Any], zone: str, asked: set[date], shifts: Counter[int]) -> set[date]:
    by_day: dict[date, Counter[int]] = defaultdict(Counter)
    for record in records:
        if not isinstance(record, dict) or (offset := _offset_min(record)) is None:
            continue
        found = instant_ms(record.get("created_at") or record.get("date") or record.get("dateString"), zone)
        if found is not None and (day := day_of(found[0], zone).date) in asked:
            shift = offset - utc_offset_min(found[0], zone)
            by_day[day][shift if abs(shift) >= DIFFERS_MIN else 0] += 1
    abroad = set()
    for day, counts in by_day.items():
        away = counts.total() - counts[0]
        if away > LEAST_SHARE_OF_A_DAY * counts.total():
            abroad.add(day)
            shifts.update({shift: n for shift, n in counts.items() if shift})
    return abroad


def _offset_min(record: Record) -> int | None:
    """The offset a record names; `None` for none, and for 0, which servers write for all that came in UTC."""
    said = record.get("utcOffset")
    if isinstance(said, int | float) and not isinstance(said, bool) and said:
        return int(said)
    for name in TIMES:
        text = record.get(name)
        if isinstance(text, str) and (found := _OFFSET.search(text.strip())) and len(text) > len("2026-01-01+0100"):
            minutes = int(found[2]) * 60 + int(found[3])
            if minutes:
                return -minutes if found[1] == "-" else minutes
    return None


def _days_by_zone(zones: list[ZoneSince], days: Sequence[LocalDay], shifts: Counter[int]) -> set[date]:
    """Days on which the zone that was last named differs from the run's; none where all name the same one."""
    ends = [*(ms for ms, _ in zones[1:]), float(days[-1].glucose.end_ms)]
    in_window = [name for (_, name), end in zip(zones, ends, strict=False) if end > days[0].glucose.start_ms]
    if len(set(in_window)) < 2:
        return set()  # one zone for all: if it is not the run's, the person asked for another
    abroad = set()
    for day in days:
        for ms in range(int(day.glucose.start_ms), int(day.glucose.end_ms), int(30 * MINUTE_MS)):
            since = bisect_right(zones, (ms, "\uffff"))
            named = zones[since - 1][1] if since else day.zone
            shift = utc_offset_min(ms, named) - utc_offset_min(ms, day.zone)
            if abs(shift) >= DIFFERS_MIN:
                abroad.add(day.date)
                shifts[int(shift)] += 1
    return abroad
