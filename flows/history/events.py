"""What upstream knows nothing of: overrides, temporary targets, exercise, suspended pumps. Counted, and days found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flows.history.numbers import amount
from flows.history.records import Record
from flows.local_days import LocalDay, day_of
from flows.timestamps import instant_ms

MINUTE_MS = 60_000
LONGEST_MIN = 7 * 1440


@dataclass(frozen=True)
class Kind:
    """A kind of event: its name on the command line, what it is called, and the event types that are one."""

    name: str
    plural: str
    event_types: tuple[str, ...]


KINDS: tuple[Kind, ...] = (
    Kind("override", "overrides", ("Temporary Override", "Override", "Temp Override")),
    Kind("temp-target", "temporary targets", ("Temporary Target",)),
    Kind("exercise", "exercises", ("Exercise", "Activity")),
    Kind(
        "suspend",
        "suspended pumps or loops",
        ("Suspend Pump", "Pump Suspend", "Basal Suspension", "OpenAPS Offline", "PumpSuspend"),
    ),
)
KIND_NAMES = tuple(k.name for k in KINDS)


@dataclass(frozen=True)
class Event:
    """One event: its kind's name, when, and for how many minutes (0 where it does not say)."""

    kind: str
    start_ms: float
    duration_min: float

    def days(self, zone: str) -> list[LocalDay]:
        """The local days it touches."""
        day, last = day_of(self.start_ms, zone), day_of(self.start_ms + self.duration_min * MINUTE_MS, zone)
        found = [day]
        while day < last:
            day = day.next()
            found.append(day)
        return found


def find_events(treatments: Iterable[Record], zone: str) -> list[Event]:
    """All events of the known kinds in normalised treatments; a cancelled target (no duration) is none."""
    kinds = {event_type: kind.name for kind in KINDS for event_type in kind.event_types}
    found = []
    for record in treatments:
        kind = kinds.get(str(record.get("eventType")))
        instant = instant_ms(record.get("created_at"), zone)
        if kind is None or instant is None:
            continue
        minutes = _minutes(record)
        if kind == "temp-target" and minutes == 0:
            continue
        found.append(Event(kind, instant[0], minutes))
    return found


def _minutes(record: Record) -> float:
    minutes = amount(record.get("duration"))
    if minutes > LONGEST_MIN:
        minutes /= MINUTE_MS  # milliseconds
    return min(max(minutes, 0.0), float(LONGEST_MIN))


def notes_on(events: Iterable[Event], zone: str) -> list[str]:
    """What a person should know: how many of which kind, on how many days."""
    notes = []
    gathered = list(events)
    for kind in KINDS:
        mine = [e for e in gathered if e.kind == kind.name]
        if mine:
            days = {d.date for e in mine for d in e.days(zone)}
            notes.append(
                f"{kind.plural.capitalize()} ({len(mine)}, days touched: {len(days)}): upstream does not know them; "
                f"--exclude-events {kind.name} leaves those days out."
            )
    return notes
