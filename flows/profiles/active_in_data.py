"""Which profile to tune and which was in force when: documents, Profile Switches and AAPS's effective-switch notes.

The profile to tune is the one in force at the end of the data, at 100 %, without a time shift and without switches of
limited duration: those are reported, not tuned. Nothing here knows upstream or reads the clock.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable, translatable_count
from flows.profiles.parse import ACTIVE, TherapyProfile, profile_in
from flows.profiles.stored import (
    StoredDocument,
    beginning_of,
    choose_name,
    document_in_force,
    listed,
    quoted,
    skipped_note,
)
from flows.profiles.switches import Switch
from flows.profiles.timeline import History, ProfileSource, ProfileSpan, State, same_settings
from flows.values.local_days import LocalDay, day_of
from flows.values.timestamps import iso_utc
from flows.values.units import HOUR_MS

# Rates are asked for around the window too: temporary basals that began before its first reading, or after its last.
MARGIN_MS = 48 * HOUR_MS
NAMED_IN_ONE_WARNING = 5


@dataclass(frozen=True)
class ActiveProfiles:
    """The profile to tune, and what was in force over the window.

    `spans` cover the window without a gap; `other_profile_hours` gives for each local day (04:00 to 04:00) on which
    the basal, sensitivity or carb ratio in force were not those of `profile` the hours of it; `timeline` reaches
    beyond the window, for `basal_at`; `known_from_ms`: when the oldest document or switch that names something begins,
    before which no hour is one of another profile.
    """

    profile: TherapyProfile
    source: ProfileSource
    zone: str
    spans: tuple[ProfileSpan, ...]
    warnings: tuple[str, ...]
    other_profile_hours: dict[str, float]
    timeline: tuple[ProfileSpan, ...] = field(repr=False)
    known_from_ms: float = 0.0

    def unknown_hours(self, day: LocalDay) -> float:
        """The hours of a local day (04:00 to 04:00) before the oldest document or switch: nobody knows what was set."""
        window = day.glucose
        return max(0.0, round((min(self.known_from_ms, window.end_ms) - window.start_ms) / HOUR_MS, 2))

    def document(self) -> dict[str, Any]:
        """For JSON documents: without any therapy setting."""
        return {
            "tuned": self.profile.name,
            "source": self.source.value,
            "spans": [s.document() for s in self.spans],
            "other_profile_hours": self.other_profile_hours,
            "warnings": list(self.warnings),
        }


def in_force(
    documents: list[Any],
    treatments: Iterable[Any],
    *,
    name: str | None,
    window_start_ms: float,
    window_end_ms: float,
    zone: str | None,
) -> ActiveProfiles:
    """The profile to tune and which profile was in force when.

    Args:
        documents: profile documents as Nightscout serves them, in any order.
        treatments: treatments as served; only Profile Switches and effective-switch notes are read.
        name: a profile of the document in force at the end of the window; "active" for what was in force then, by
            document or Profile Switch; `None` for that document's default.
        window_start_ms: the beginning of the data (epoch ms).
        window_end_ms: the end of the data.
        zone: the person's time zone, for schedules and for times written without one; `None` takes the profile's own.

    Raises:
        Refused: `NO_PROFILE`, `PROFILE_NOT_FOUND`, `PROFILE_UNITS`, `PROFILE_UNITS_DOUBTFUL`, `PROFILE_FIELD`,
            `PROFILE_SWITCH_UNREADABLE`, `UNKNOWN_TIMEZONE`.
    """
    history = History(documents, treatments, zone)
    profile, source, warnings = _to_tune(history, name, window_end_ms)
    profile = replace(profile, notes=(*skipped_note(documents, history.stored), *profile.notes))
    local = zone or profile.timezone or "UTC"
    timeline = history.timeline(window_start_ms - MARGIN_MS, window_end_ms + MARGIN_MS)
    spans = _clipped(timeline, window_start_ms, window_end_ms)
    begun = [d.start_ms for d in history.stored]
    begun += [s.at_ms for s in history.switches if not history.names_missing_profile(s)]
    known_from_ms = min(begun)  # of neither document nor switch, no profile is in force: refused above
    others = _other_profile_hours(spans, profile, local, known_from_ms)
    warnings += [
        *_document_warnings(history, window_end_ms),
        *_change_warnings(history.timeline(window_start_ms, window_end_ms, permanent_only=True), local),
        *_switch_warnings(spans),
        *_trouble_warnings(history, window_start_ms, window_end_ms, local),
    ]
    if others:
        warnings.append(
            translatable(
                "On {count} ({dates}) other settings than those of {name}, which is tuned, were in force for "
                "some of the time.",
                count=translatable_count("{count} day", "{count} days", len(others)),
                dates=_some(others),
                name=quoted(profile.name),
            )
        )
    return ActiveProfiles(
        profile, source, local, spans, tuple(dict.fromkeys(warnings)), others, timeline, known_from_ms
    )


def basal_at(active: ActiveProfiles, epoch_ms: float) -> float | None:
    """The basal rate in U/h that was in force at an instant, percentage and time shift applied; `None` if unknown."""
    span = _span_at(active, epoch_ms)
    if span.effective is None:
        return None
    return span.effective.basal_u_per_h.at(_minute(active, epoch_ms))


def isfs_at(active: ActiveProfiles, epoch_ms: float) -> tuple[float, ...]:
    """The ISF in mg/dL/U in force at an instant, and that of the profile without percentage; none if unknown.

    AAPS' wizard takes the one without it where the percentage is above 100 (AndroidAPS BolusWizard.kt).
    """
    span = _span_at(active, epoch_ms)
    known = (profile for profile in (span.effective, span.profile) if profile is not None)
    return tuple(profile.isf_mgdl_per_u.at(_minute(active, epoch_ms)) for profile in known)


def _span_at(active: ActiveProfiles, epoch_ms: float) -> ProfileSpan:
    begun = bisect.bisect_right(active.timeline, epoch_ms, key=lambda span: span.start_ms)
    return active.timeline[max(0, begun - 1)]


def _minute(active: ActiveProfiles, epoch_ms: float) -> int:
    local = datetime.fromtimestamp(epoch_ms / 1000, ZoneInfo(active.zone))
    return local.hour * 60 + local.minute


# --- the profile to tune


def _to_tune(history: History, name: str | None, end_ms: float) -> tuple[TherapyProfile, ProfileSource, list[str]]:
    state = history.state(end_ms, permanent_only=True)
    if state is None:
        raise Refused(Reason.NO_PROFILE, where="the profile documents")
    if name == ACTIVE or not history.stored:
        if name not in (None, ACTIVE) and name != state.name:
            raise Refused(Reason.PROFILE_NOT_FOUND, name=name, names=listed([state.name]))
        return _in_force_then(history, state, end_ms)
    document = document_in_force(history.stored, end_ms)
    try:
        chosen, notes = choose_name(document, name)
    except Refused:
        if name is None and state.switch is not None and state.profile is not None:
            profile, source, warnings = _in_force_then(history, state, end_ms)
            said = translatable(
                "The document's default profile is not in it; {name}, to which was switched, was taken.",
                name=quoted(state.name),
            )
            return profile, source, [said, *warnings]
        raise
    profile = profile_in(document, chosen, notes, zone=history.zone, others=history.stored)
    warnings = []
    if state.switch is not None and (state.profile is None or not same_settings(state.profile, profile)):
        warnings.append(
            translatable(
                "At the end of the data {name} was in force by a Profile Switch of {at}, with other settings than "
                "{chosen}, which is tuned; --profile {active} tunes what was in force. The document has: {names}.",
                name=quoted(state.name),
                at=iso_utc(state.switch.at_ms),
                chosen=quoted(chosen),
                active=ACTIVE,
                names=listed(document.names),
            )
        )
    elif state.switch is None and (older := _overruled(history, document, end_ms)) is not None:
        known = history.of_switch(older).profile
        if known is None or not same_settings(known, profile):
            warnings.append(
                translatable(
                    "A Profile Switch to {name} is older than the newest profile document, so that Nightscout counts "
                    "the document; AAPS goes on with the switch until the next one. Check which one is in use.",
                    name=quoted(older.name),
                )
            )
    return profile, ProfileSource.DOCUMENT, warnings


def _in_force_then(history: History, state: State, end_ms: float) -> tuple[TherapyProfile, ProfileSource, list[str]]:
    if state.switch is None:
        document = document_in_force(history.stored, end_ms)
        chosen, notes = choose_name(document, None)
        return profile_in(document, chosen, notes, zone=history.zone, others=history.stored), ProfileSource.DOCUMENT, []
    if state.profile is None:
        detail = (state.trouble or "it holds no profile").rstrip(".")
        raise Refused(Reason.PROFILE_SWITCH_UNREADABLE, when=iso_utc(state.switch.at_ms), detail=detail)
    said = (
        []
        if history.stored
        else [to_translate("There is no profile document; the profile is that of a Profile Switch.")]
    )
    return state.profile, state.source, said


def _overruled(history: History, document: StoredDocument, end_ms: float) -> Switch | None:
    """The newest permanent switch by AAPS that only the document's being newer keeps from counting."""
    return next(
        (
            s
            for s in history.switches
            if s.from_aaps and not s.temporary and s.at_ms < document.start_ms <= end_ms and not s.trouble
        ),
        None,
    )


# --- what a person should know


def _document_warnings(history: History, end_ms: float) -> list[str]:
    none_begun = history.stored and history.document_at(end_ms) is None
    return (
        [to_translate("Every profile document starts after the data ends; the oldest one was taken.")]
        if none_begun
        else []
    )


def _change_warnings(permanent: tuple[ProfileSpan, ...], zone: str) -> list[str]:
    changes, zones = [], []
    for before, after in pairwise(permanent):
        when = _local(after.start_ms, zone)
        if before.profile is None or after.profile is None:
            changes.append(f"{when} to {quoted(after.name)}")
            continue
        if not same_settings(before.profile, after.profile):
            changes.append(f"{when} from {quoted(before.name)} to {quoted(after.name)}")
        if before.profile.timezone != after.profile.timezone and before.profile.timezone and after.profile.timezone:
            zones.append(f"{when} from {before.profile.timezone} to {after.profile.timezone}")
    said = (
        (
            changes,
            translatable(
                "The profile changed in the data: {changes}. The days before it teach less about it.",
                changes=_some(changes),
            ),
        ),
        (zones, translatable("The profile's time zone changed in the data: {zones}.", zones=_some(zones))),
    )
    return [sentence for found, sentence in said if found]


def _switch_warnings(spans: tuple[ProfileSpan, ...]) -> list[str]:
    hours: dict[str, float] = {}
    for span in spans:
        if span.changed:
            shift = f", {span.timeshift_h:+g} h".replace("-", "−") if span.timeshift_h else ""
            label = f"{span.percentage:g} %{shift}"
            hours[label] = hours.get(label, 0) + span.hours
    parts = _some([f"{label} for {h:.1f} h" for label, h in hours.items()])
    temporary = [s for s in spans if s.temporary]
    said = (
        (
            hours,
            translatable(
                "A percentage or time shift was in force for {total:.1f} hours ({parts}); the profile is tuned "
                "without it.",
                total=sum(hours.values()),
                parts=parts,
            ),
        ),
        (
            temporary,
            translatable(
                "Profile Switches of limited duration were in force for {total:.1f} hours ({times}); they "
                "are not tuned.",
                total=sum(s.hours for s in temporary),
                times=translatable_count("{count} time", "{count} times", len(temporary)),
            ),
        ),
    )
    return [sentence for found, sentence in said if found]


def _trouble_warnings(history: History, start_ms: float, end_ms: float, zone: str) -> list[str]:
    """What could not be read, where it was in force in the window."""
    found = []
    for switch in history.switches:
        until = switch.end_ms if switch.end_ms is not None else float("inf")
        if switch.at_ms > end_ms or until < start_ms:
            continue
        when = _local(switch.at_ms, zone)
        if history.names_missing_profile(switch):
            found.append(
                translatable(
                    "The Profile Switch of {when} names {name}, which is in no profile document.",
                    when=when,
                    name=quoted(switch.name),
                )
            )
        elif switch.trouble:
            found.append(
                translatable(
                    "The Profile Switch of {when} cannot be used: {trouble}.", when=when, trouble=switch.trouble
                )
            )
        elif switch.unreadable:
            found.append(
                translatable(
                    "The profile inside the Profile Switch of {when} is not readable JSON; its name was looked up.",
                    when=when,
                )
            )
    for span in history.timeline(start_ms, end_ms):
        if span.profile is None and (state := history.state(span.start_ms)) is not None and state.trouble:
            found.append(
                translatable(
                    "The profile in force from {start} on, {name}, cannot be read: {trouble}.",
                    start=_local(span.start_ms, zone),
                    name=quoted(span.name),
                    trouble=state.trouble.rstrip("."),
                )
            )
    return found


def _other_profile_hours(
    spans: tuple[ProfileSpan, ...], tuned: TherapyProfile, zone: str, known_from_ms: float
) -> dict[str, float]:
    hours: dict[str, float] = {}
    for span in spans:
        if span.end_ms <= known_from_ms or (span.effective is not None and same_settings(span.effective, tuned)):
            continue
        start_ms = max(span.start_ms, known_from_ms)
        day = day_of(start_ms, zone)
        while day.glucose.start_ms < span.end_ms:
            window = day.glucose
            inside = min(span.end_ms, window.end_ms) - max(start_ms, window.start_ms)
            hours[str(day.date)] = round(hours.get(str(day.date), 0) + inside / HOUR_MS, 3)
            day = day.next()
    return dict(sorted(hours.items()))


def _clipped(timeline: tuple[ProfileSpan, ...], start_ms: float, end_ms: float) -> tuple[ProfileSpan, ...]:
    """The part of the timeline that lies in the window; of an empty window the instant itself."""
    inside = tuple(
        replace(s, start_ms=max(s.start_ms, start_ms), end_ms=min(s.end_ms, end_ms))
        for s in timeline
        if s.start_ms < end_ms and s.end_ms > start_ms
    )
    return inside or tuple(replace(s, start_ms=start_ms, end_ms=end_ms) for s in timeline if s.end_ms > end_ms)[:1]


def _local(epoch_ms: float, zone: str) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def _some(items: Iterable[str]) -> str:
    return beginning_of(list(items), NAMED_IN_ONE_WARNING)
