"""What upstream knows nothing of: overrides, temporary targets, exercise, suspended pumps. Counted, and days found."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from flows.language.translatable import translatable
from flows.nightscout.documents import Record
from flows.values.local_days import LocalDay, day_of
from flows.values.numbers import number_or_zero
from flows.values.timestamps import instant_ms
from flows.values.units import MINUTE_MS, MINUTES_PER_DAY

LONGEST_MIN = 7 * MINUTES_PER_DAY
OFFLINE = "openapsoffline"


@dataclass(frozen=True)
class EventGroup:
    """A kind of event: its name on the command line, what it is called, and the event types that are one.

    Event types are compared without case, spaces and signs; Trio and iAPS write theirs as a Note's text.
    """

    name: str
    plural: str
    event_types: tuple[str, ...]


OVERRIDES = EventGroup("override", "overrides", ("temporaryoverride", "override", "tempoverride"))
TEMP_TARGETS = EventGroup("temp-target", "temporary targets", ("temporarytarget",))
EXERCISES = EventGroup("exercise", "exercises", ("exercise", "activity"))
SUSPENDED = EventGroup(
    "suspend", "suspended pumps", ("suspendpump", "pumpsuspend", "pumpsuspended", "basalsuspension", OFFLINE)
)
# The pump goes on with its scheduled basal: nothing is missing, but nobody adjusts it.
LOOP_OFF = EventGroup("suspend", "times with the loop off", ())
KINDS: tuple[EventGroup, ...] = (OVERRIDES, TEMP_TARGETS, EXERCISES, SUSPENDED, LOOP_OFF)
RESUMES = ("resumepump", "pumpresume", "pumpresumed", "basalresume")
# AAPS 3.4's running modes and the reasons of AAPS before it, both written as OpenAPS Offline; each ends the one before.
# One without end has a duration of 0 or of 2147483647 minutes.
MODES: dict[str, EventGroup | None] = {
    **dict.fromkeys(("SUSPENDED_BY_PUMP", "DISCONNECTED_PUMP", "DISCONNECT_PUMP"), SUSPENDED),
    **dict.fromkeys(("DISABLED_LOOP", "DISABLE_LOOP", "SUPER_BOLUS", "SUSPEND"), LOOP_OFF),
    **dict.fromkeys(("SUSPENDED_BY_USER", "SUSPENDED_BY_DST"), LOOP_OFF),
    **dict.fromkeys(("CLOSED_LOOP", "CLOSED_LOOP_LGS", "OPEN_LOOP", "RESUME"), None),
}


@dataclass(frozen=True)
class Event:
    """One event: its kind, when, and for how many minutes (0 where it does not say)."""

    group: EventGroup
    start_ms: float
    duration_min: float

    @property
    def kind(self) -> str:
        """The kind's name on the command line."""
        return self.group.name

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
    dated = [(instant[0], r) for r in treatments if (instant := instant_ms(r.get("created_at"), zone))]
    dated.sort(key=lambda item: item[0])
    found = []
    for at, (start_ms, record) in enumerate(dated):
        group, minutes = _group(record), _minutes(record)
        if group is None or (group is TEMP_TARGETS and minutes == 0):
            continue
        if _may_be_ended(group, record):
            ends = next((ms for ms, later in dated[at + 1 :] if _ends(group, record, later)), math.inf)
            minutes = min(minutes or math.inf, (min(ends, dated[-1][0]) - start_ms) / MINUTE_MS)
        found.append(Event(group, start_ms, min(minutes, float(LONGEST_MIN))))
    return found


def _names(record: Record) -> set[str]:
    """What a record may call its event, in letters only."""
    said = [record.get("eventType"), record.get("_type")]
    if str(record.get("eventType") or "Note") in ("Note", "Announcement", "<none>"):
        said.append(record.get("notes"))
    return {re.sub(r"[^a-z]", "", text.lower()) for text in said if isinstance(text, str)}


def _group(record: Record) -> EventGroup | None:
    names = _names(record)
    if OFFLINE in names:
        if not record.get("mode") and _minutes(record) == 0:
            return None  # AAPS before 3.4: the loop goes on again
        return MODES.get(str(record.get("mode") or record.get("reason")), SUSPENDED)
    return next((group for group in KINDS if names.intersection(group.event_types)), None)


def _may_be_ended(group: EventGroup, record: Record) -> bool:
    """Whether the event lasts until another ends it: a suspended pump, a mode, an override without end."""
    return group.name == SUSPENDED.name or (group is OVERRIDES and record.get("durationType") == "indefinite")


def _ends(group: EventGroup, record: Record, later: Record) -> bool:
    names = _names(later)
    if group is OVERRIDES:
        return bool(names.intersection(group.event_types))
    return bool(names.intersection(RESUMES)) or (OFFLINE in names and OFFLINE in _names(record))


def _minutes(record: Record) -> float:
    """How long an event lasts by its own words; infinite where no one asks for so much, 0 where it does not say."""
    in_ms = max(number_or_zero(record.get(k)) for k in ("originalDuration", "durationInMilliseconds"))
    minutes = number_or_zero(record.get("duration"))
    if OFFLINE in _names(record) and in_ms > 0:
        minutes = in_ms / MINUTE_MS
    elif minutes > LONGEST_MIN:
        minutes /= MINUTE_MS  # milliseconds
    return max(minutes, 0.0) if minutes <= LONGEST_MIN else math.inf


def notes_on(events: Iterable[Event], zone: str) -> list[str]:
    """What a person should know: how many of which kind, on how many days."""
    notes = []
    gathered = list(events)
    for group in KINDS:
        mine = [e for e in gathered if e.group is group]
        if mine:
            days = {d.date for e in mine for d in e.days(zone)}
            notes.append(
                translatable(
                    "{kind} ({count}, days touched: {days}): upstream does not know them; "
                    "--exclude-events {name} leaves those days out.",
                    kind=group.plural.capitalize(),
                    count=len(mine),
                    days=len(days),
                    name=group.name,
                )
            )
    return notes
