"""What upstream knows nothing of: overrides, temporary targets, exercise, suspended pumps. Counted, and days found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flows.nightscout.documents import Record
from flows.values.local_days import LocalDay, day_of
from flows.values.numbers import number_or_zero
from flows.values.timestamps import instant_ms
from flows.values.units import MINUTE_MS, MINUTES_PER_DAY

LONGEST_MIN = 7 * MINUTES_PER_DAY
RESUMES = ("Resume Pump", "Pump Resume", "Basal Resume", "PumpResume")


@dataclass(frozen=True)
class EventGroup:
    """A kind of event: its name on the command line, what it is called, and the event types that are one."""

    name: str
    plural: str
    event_types: tuple[str, ...]


KINDS: tuple[EventGroup, ...] = (
    EventGroup("override", "overrides", ("Temporary Override", "Override", "Temp Override")),
    EventGroup("temp-target", "temporary targets", ("Temporary Target",)),
    EventGroup("exercise", "exercises", ("Exercise", "Activity")),
    EventGroup(
        "suspend",
        "suspended pumps or loops",
        ("Suspend Pump", "Pump Suspend", "Basal Suspension", "OpenAPS Offline", "PumpSuspend"),
    ),
)


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
    dated = [(instant[0], r) for r in treatments if (instant := instant_ms(r.get("created_at"), zone))]
    dated.sort(key=lambda item: item[0])
    found = []
    for at, (start_ms, record) in enumerate(dated):
        kind = kinds.get(str(record.get("eventType"))) or kinds.get(str(record.get("_type")))
        if kind is None:
            continue
        minutes = _minutes(record)
        if minutes == 0 and _is_open(kind, record):
            ends = [ms for ms, r in dated[at + 1 :] if _ends(kind, r)]
            minutes = min(((ends[0] if ends else dated[-1][0]) - start_ms) / MINUTE_MS, float(LONGEST_MIN))
        if kind == "temp-target" and minutes == 0:
            continue
        found.append(Event(kind, start_ms, minutes))
    return found


def _is_open(kind: str, record: Record) -> bool:
    """Whether the event lasts until another ends it: a suspended pump, an override without end."""
    return kind == "suspend" or (kind == "override" and record.get("durationType") == "indefinite")


def _ends(kind: str, record: Record) -> bool:
    if kind == "suspend":
        return record.get("eventType") in RESUMES or record.get("_type") in RESUMES
    return record.get("eventType") in KINDS[0].event_types


def _minutes(record: Record) -> float:
    minutes = number_or_zero(record.get("duration"))
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
