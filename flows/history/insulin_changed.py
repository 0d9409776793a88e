"""A change to an insulin that acts otherwise, within the days: by doses, by what people wrote, by the profile in force.

Curves are compared, not names: from Humalog to NovoRapid nothing changes for upstream.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from operator import attrgetter
from typing import Any

from flows.history.doubts import INSULIN_CHANGED, Doubt, amber_doubt
from flows.history.insulin_named import curve_told, curves_of
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record, is_deleted
from flows.values.local_days import day_of
from flows.values.timestamps import instant_ms

LEAST_DOSES = 3  # of each: a pen in between is no change
DIA_DIFFERS_H = 0.5  # the step in which Trio and pumps take it
PEAK_DIFFERS_MIN = 10.0  # half of what is between upstream's two curves
_CARTRIDGE = "Insulin Change"
_NOTES = ("Note", "Announcement", "<none>", "")
_CHANGED = re.compile(r"chang|switch|swap|start|now on|->|→|=>|wechsel|umgestellt|umstell", re.IGNORECASE)
_NOT_NOW = re.compile(r"\b(?:no|not|never|maybe|will|soon|tomorrow|plan\w*|kein\w*|nicht|morgen)\b", re.IGNORECASE)
BY_DOSES = "doses"
BY_WORDS = "words"
BY_PROFILE = "profile"
RANKS = (BY_WORDS, BY_DOSES, BY_PROFILE)  # of changes at one instant the last is said
SAID_BY = {
    BY_DOSES: to_translate(
        "The doses name an insulin that acts otherwise from {since} on: the days up to it are of the one before. "
        "--exclude-found leaves them out."
    ),
    BY_WORDS: to_translate(
        "A note or a change of insulin names one that acts otherwise from {since} on: the days up to it are of the one "
        "before. --exclude-found leaves them out."
    ),
    BY_PROFILE: to_translate(
        "The profile has another duration or peak of insulin action from {since} on: the days up to it are of the one "
        "before. --exclude-found leaves them out."
    ),
}
Named = list[tuple[float, str]]  # epoch ms and the curve that is named


@dataclass(frozen=True)
class Action:
    """How insulin acts by the profile in force from `start_ms` on; `None` where it does not say."""

    start_ms: float
    dia_h: float | None
    peak_min: float | None


def insulin_changed(
    treatments: Iterable[Any],
    zone: str,
    window_ms: tuple[float, float],
    chosen: str | None = None,
    actions: Sequence[Action] = (),
) -> list[Doubt]:
    """A doubt that names the days up to the last change within the data.

    Args:
        treatments: as loaded.
        zone: the person's.
        window_ms: the first and last instant of the data.
        chosen: the curve that the person asked for, if any.
        actions: of the profiles in force for good within the data, the oldest first.
    """
    dated = _dated(treatments, zone, window_ms)
    doses = [(ms, curve) for ms, record in dated for curve in curves_of(record)]
    changes = [(ms, BY_DOSES) for ms in _by_doses(doses)]
    changes += [(ms, BY_WORDS) for ms in _by_words(dated, doses, chosen)]
    changes += [(ms, BY_PROFILE) for ms in _by_profile(actions)]
    if not changes:
        return []
    at_ms, said = max(changes, key=lambda change: (change[0], RANKS.index(change[1])))
    day, changed = day_of(window_ms[0], zone).date, day_of(at_ms, zone).date
    dates = [str(day + timedelta(days=n)) for n in range((changed - day).days + 1)]
    return [amber_doubt(INSULIN_CHANGED, SAID_BY[said], tuple(dates), since=str(changed), case=said)]


def _dated(treatments: Iterable[Any], zone: str, window_ms: tuple[float, float]) -> list[tuple[float, Record]]:
    found = [
        (at[0], record)
        for record in treatments
        if isinstance(record, dict) and not is_deleted(record) and (at := instant_ms(record.get("created_at"), zone))
    ]
    return sorted((one for one in found if window_ms[0] <= one[0] <= window_ms[1]), key=lambda one: one[0])


def _by_doses(doses: Named) -> list[float]:
    """When all doses before name one curve, and all after it another."""
    if not doses or doses[0][1] == doses[-1][1]:
        return []
    first, last = doses[0][1], doses[-1][1]
    before = next(n for n, (_, curve) in enumerate(doses) if curve != first)
    if {curve for _, curve in doses[before:]} != {last} or min(before, len(doses) - before) < LEAST_DOSES:
        return []
    return [doses[before][0]]


def _by_words(dated: list[tuple[float, Record]], doses: Named, chosen: str | None) -> list[float]:
    """When somebody wrote of another curve than was written before, or else than the doses before it name.

    A note that says that something was changed needs nothing before it; a new cartridge with a name does.
    """
    found, written = [], None
    for ms, record in dated:
        curve = _written(record)
        if curve is None:
            continue
        before = written or next((one for at, one in reversed(doses) if at < ms), chosen)
        if curve != before and (before is not None or record.get("eventType") != _CARTRIDGE):
            found.append(ms)
        written = curve
    return found


def _written(record: Record) -> str | None:
    note, event = record.get("notes"), str(record.get("eventType") or "")
    if not isinstance(note, str) or _NOT_NOW.search(note):
        return None
    if event == _CARTRIDGE or (event in _NOTES and _CHANGED.search(note)):
        return curve_told(note)
    return None


def _by_profile(actions: Sequence[Action]) -> list[float]:
    """When the duration or peak differs from what was last said of it."""
    found = []
    for of, least in ((attrgetter("dia_h"), DIA_DIFFERS_H), (attrgetter("peak_min"), PEAK_DIFFERS_MIN)):
        known = [(action.start_ms, of(action)) for action in actions if of(action) is not None]
        found += [ms for (_, before), (ms, value) in pairwise(known) if abs(value - before) >= least]
    return found
