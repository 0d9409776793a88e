"""What was in force at an instant and over a time, by Nightscout's rules; for which profile to tune see `active`.

The newest document that has begun; in it the newest switch that has begun, has not ended and is not older than the
document; else the document's default (Nightscout lib/profilefunctions.js, `activeProfileTreatmentToTime`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from flows.errors import Refused
from flows.language.translatable import translatable
from flows.profiles.parse import (
    TherapyProfile,
    common_zone,
    only_units,
    profile_in,
    read_body,
    read_zone,
    unit_name,
    units_in,
)
from flows.profiles.stored import StoredDocument, choose_name, document_sha256, find_name, stored_documents
from flows.profiles.switches import Switch, read_switches
from flows.values.schedule import Block, Schedule
from flows.values.timestamps import iso_utc
from flows.values.units import HOUR_MS


class ProfileSource(StrEnum):
    """Where it is known from that a profile was in force."""

    DOCUMENT = "document"
    SWITCH = "switch"
    EFFECTIVE_SWITCH = "effective_switch"


@dataclass(frozen=True)
class ProfileSpan:
    """A time in which one profile was in force, from `start_ms` to before `end_ms`.

    `percentage` and `timeshift_h` (hours the schedule runs later) are what a Profile Switch made of it; `temporary`
    that it was to end by itself. `profile` is the profile itself, `effective` what was really in force: both `None`
    where it cannot be read.
    """

    start_ms: float
    end_ms: float
    name: str
    percentage: float
    timeshift_h: float
    source: ProfileSource
    temporary: bool = False
    profile: TherapyProfile | None = field(default=None, repr=False)
    effective: TherapyProfile | None = field(default=None, repr=False)

    @property
    def hours(self) -> float:
        """How long it was."""
        return (self.end_ms - self.start_ms) / HOUR_MS

    @property
    def changed(self) -> bool:
        """Whether a percentage or time shift was in force."""
        return self.percentage != 100 or self.timeshift_h != 0

    def document(self) -> dict[str, Any]:
        """For JSON documents: without any therapy setting."""
        return {
            "start": iso_utc(self.start_ms),
            "end": iso_utc(self.end_ms),
            "name": self.name,
            "percentage": self.percentage,
            "timeshift_h": self.timeshift_h,
            "source": self.source.value,
            "temporary": self.temporary,
        }


def scaled(profile: TherapyProfile, percentage: float, timeshift_h: float = 0.0) -> TherapyProfile:
    """The profile as a Profile Switch makes it: basal × p, sensitivity and carb ratio ÷ p, all so many hours later."""
    share = percentage / 100
    return replace(
        profile,
        basal_u_per_h=profile.basal_u_per_h.mapped(share).later(timeshift_h),
        isf_mgdl_per_u=profile.isf_mgdl_per_u.mapped(1 / share).later(timeshift_h),
        carb_ratio_g_per_u=profile.carb_ratio_g_per_u.mapped(1 / share).later(timeshift_h),
    )


def same_settings(one: TherapyProfile, other: TherapyProfile) -> bool:
    """Whether basal, sensitivity and carb ratio are the same at every minute of the day."""
    return (
        one.basal_u_per_h.same_as(other.basal_u_per_h)
        and one.isf_mgdl_per_u.same_as(other.isf_mgdl_per_u)
        and one.carb_ratio_g_per_u.same_as(other.carb_ratio_g_per_u)
    )


@dataclass(frozen=True)
class State:
    """What was in force at an instant; `profile` at 100 %, `None` with `trouble` where it cannot be read."""

    name: str
    percentage: float
    timeshift_h: float
    source: ProfileSource
    temporary: bool
    profile: TherapyProfile | None
    trouble: str | None = None
    switch: Switch | None = None


class History:
    """Documents and switches, and what they say of an instant."""

    def __init__(self, documents: list[Any], treatments: Iterable[Any], zone: str | None) -> None:
        self.zone = zone
        self.stored = stored_documents(documents, zone)
        self.switches = read_switches(treatments, zone or "UTC")
        self._states: dict[tuple[int, int], State | None] = {}

    def document_at(self, at_ms: float) -> StoredDocument | None:
        """The newest document that has begun."""
        return next((d for d in self.stored if d.start_ms <= at_ms), None)

    def switch_at(self, at_ms: float, *, permanent_only: bool = False) -> Switch | None:
        """The newest switch in force that counts; where no document has begun yet, every switch does."""
        document = self.document_at(at_ms)
        for switch in self.switches:
            if switch.at_ms > at_ms or (permanent_only and switch.temporary):
                continue
            if switch.end_ms is not None and at_ms >= switch.end_ms:
                continue
            if document is not None and switch.at_ms < document.start_ms:
                return None
            if not self.names_missing_profile(switch):
                return switch
        return None

    def decided_ms(self, at_ms: float) -> float:
        """Since when it is decided what is in force from an instant on: no older switch counts; 0 where any might."""
        switch, document = self.switch_at(at_ms, permanent_only=True), self.document_at(at_ms)
        return max(switch.at_ms if switch else 0.0, document.start_ms if document else 0.0)

    def state(self, at_ms: float, *, permanent_only: bool = False) -> State | None:
        """What was in force; `None` where there is neither a document nor a switch."""
        switch = self.switch_at(at_ms, permanent_only=permanent_only)
        document = self.document_at(at_ms) or (self.stored[-1] if self.stored else None)
        key = (id(switch), id(document))
        if key not in self._states:
            self._states[key] = self.of_switch(switch) if switch else self.of_document(document) if document else None
        return self._states[key]

    def timeline(self, start_ms: float, end_ms: float, *, permanent_only: bool = False) -> tuple[ProfileSpan, ...]:
        """Spans without a gap; neighbours in which the same was in force are one."""
        of_switches = (at_ms for s in self.switches for at_ms in (s.at_ms, s.end_ms) if at_ms is not None)
        instants = {start_ms, *(d.start_ms for d in self.stored), *of_switches}
        edges = [*sorted(i for i in instants if start_ms <= i < end_ms), max(end_ms, start_ms)]
        spans: list[ProfileSpan] = []
        for begin, end in pairwise(edges):
            if (state := self.state(begin, permanent_only=permanent_only)) is None:
                continue
            span = _span(state, begin, end)
            if spans and _alike(spans[-1], span):
                span = replace(spans.pop(), end_ms=end)
            spans.append(span)
        if not spans and (state := self.state(end_ms, permanent_only=permanent_only)) is not None:
            spans.append(_span(state, start_ms, end_ms))
        if spans:
            spans[0] = replace(spans[0], start_ms=start_ms)
        return tuple(spans)

    def names_missing_profile(self, switch: Switch) -> bool:
        """A switch without a profile of its own to a name that no document has: Nightscout and AAPS pass over it."""
        return switch.body is None and not switch.unreadable and self._named_in(switch) is None

    def _named_in(self, switch: Switch) -> tuple[StoredDocument, str] | None:
        """The document that has the name: that in force at the switch, else the newest before it, else any."""
        current = self.document_at(switch.at_ms)
        older = [d for d in self.stored if d.start_ms <= switch.at_ms and d is not current]
        newer = [d for d in self.stored if d.start_ms > switch.at_ms]
        asked = [*([current] if current else []), *older, *reversed(newer)]
        return next(((d, found) for d in asked if (found := find_name(d.names, switch.name)) is not None), None)

    def of_document(self, document: StoredDocument) -> State:
        """A document's default profile."""
        try:
            name, notes = choose_name(document, None)
            profile = profile_in(document, name, notes, zone=self.zone, others=self.stored)
        except Refused as refusal:
            name = str(document.record.get("defaultProfile") or "?")
            return State(name, 100, 0, ProfileSource.DOCUMENT, False, None, refusal.sentence)
        return State(name, 100, 0, ProfileSource.DOCUMENT, False, profile)

    def of_switch(self, switch: Switch) -> State:
        """A switch's own profile, or the one it names."""
        source = ProfileSource.EFFECTIVE_SWITCH if switch.effective else ProfileSource.SWITCH
        profile, trouble = None, switch.trouble
        if trouble is None:
            try:
                profile = self._profile_of(switch)
                trouble = "its profile is not readable JSON" if profile is None else None
            except Refused as refusal:
                trouble = refusal.sentence
        return State(
            switch.name,
            switch.percentage,
            switch.timeshift_h,
            source,
            switch.temporary,
            profile,
            trouble,
            switch,
        )

    def _profile_of(self, switch: Switch) -> TherapyProfile | None:
        if switch.body is None:
            if (named := self._named_in(switch)) is None:
                return None
            document, name = named
            return profile_in(document, name, zone=self.zone, others=self.stored)
        current = self.document_at(switch.at_ms) or (self.stored[-1] if self.stored else None)
        notes: list[str] = []
        profile = read_body(
            switch.body,
            name=switch.name,
            units=self._units_of(switch.body, current, notes),
            timezone=self._zone_of(switch.body, current, notes),
            document_id=switch.record_id,
            start_date=iso_utc(switch.at_ms),
            sha256=document_sha256(switch.body),
            names=tuple(dict.fromkeys([*(current.names if current else ()), switch.name])),
            notes=notes,
        )
        return _unscaled(profile, switch) if switch.effective else profile

    def _units_of(self, body: dict[str, Any], current: StoredDocument | None, notes: list[str]) -> str:
        if found := unit_name(body.get("units")):
            return found
        said = "The Profile Switch names no units; {} was taken from the profile document."
        return only_units(units_in(current) if current else set(), said, notes)

    def _zone_of(self, body: dict[str, Any], current: StoredDocument | None, notes: list[str]) -> str | None:
        """The document's: AAPS writes into a switch the first zone of the list that has the phone's offset just now."""
        if current is not None and (zone := common_zone(current, current.names, self.zone or "UTC")):
            return zone
        found = read_zone([body.get("timezone")], self.zone, notes)
        if found and self.zone is None:
            notes.append(
                translatable(
                    "Only the Profile Switch names a time zone, {found}; such a zone may be a neighbour's.", found=found
                )
            )
        return found


def _span(state: State, start_ms: float, end_ms: float) -> ProfileSpan:
    effective = None if state.profile is None else scaled(state.profile, state.percentage, state.timeshift_h)
    return ProfileSpan(
        start_ms,
        end_ms,
        state.name,
        state.percentage,
        state.timeshift_h,
        state.source,
        state.temporary,
        state.profile,
        effective,
    )


def _alike(one: ProfileSpan, other: ProfileSpan) -> bool:
    if (one.name, one.percentage, one.timeshift_h, one.temporary) != (
        other.name,
        other.percentage,
        other.timeshift_h,
        other.temporary,
    ):
        return False
    if one.profile is None or other.profile is None:
        return one.profile is other.profile
    a, b = one.profile, other.profile
    said = [(profile.timezone, profile.dia_h, profile.insulin_peak_min) for profile in (a, b)]
    return said[0] == said[1] and same_settings(a, b)


def _unscaled(profile: TherapyProfile, switch: Switch) -> TherapyProfile:
    """The profile at 100 % behind an effective switch; rounded, so that a typed 0.75 comes back as 0.75."""
    back = scaled(profile, 10_000 / switch.percentage, -switch.timeshift_h)
    return replace(
        back,
        basal_u_per_h=_rounded(back.basal_u_per_h),
        isf_mgdl_per_u=_rounded(back.isf_mgdl_per_u),
        carb_ratio_g_per_u=_rounded(back.carb_ratio_g_per_u),
    )


def _rounded(schedule: Schedule) -> Schedule:
    """Without the traces of scaling and shifting: rests of division, and the cut at midnight."""
    blocks: list[Block] = []
    for block in schedule.blocks:
        value = round(block.value, 9)
        if not blocks or blocks[-1].value != value:
            blocks.append(Block(block.minutes, value))
    return Schedule(tuple(blocks))
