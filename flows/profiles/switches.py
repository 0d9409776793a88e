"""Profile Switch treatments and AAPS's effective-switch notes, as one typed list.

Rules and where they come from:

* a switch's `profileJson` is the profile at 100 %: AAPS resets percentage and time shift before it writes it (AAPS
  plugins/sync ProfileSwitchExtension.kt, `toJson` and `toNSProfileSwitch`); an effective switch, a Note with
  `originalProfileName`, holds what was in force: scaled and shifted (EffectiveProfileSwitchExtension.kt);
* `timeshift` is milliseconds in AAPS 3 and hours before; an AAPS 3 schedule runs so much *later* (BlockExtension.kt,
  `getShiftedTimeSecs`), one of AAPS 2 (`CircadianPercentageProfile`) *earlier* (Profile.java 2.8.2), in whole hours;
* a duration is `originalDuration` or `durationInMilliseconds` in milliseconds, else `duration` in minutes (Nightscout
  lib/profilefunctions.js; AAPS as above); 0 or none means until the next switch;
* names carry the change, "Name (80%,2h)", and Nightscout's own mark, "Name@@@@@1700000000000".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from flows.nightscout.documents import Record, is_deleted
from flows.profiles.stored import json_value
from flows.values.numbers import number_or_none
from flows.values.timestamps import instant_ms
from flows.values.units import HOUR_MS, MINUTE_MS

PERCENTAGE_LIMITS = (10.0, 500.0)  # AAPS itself allows 30 to 250
LONGEST_SHIFT_H = 24.0
# A `duration` of 41 days in minutes is none that an app offers: it is milliseconds (AAPS's longest is 7 days).
MINUTES_NO_ONE_ASKS_FOR = 60_000
SWITCHES_KEPT = 1024
_CHANGE = re.compile(r"\s*\((\d+(?:\.\d+)?)\s*%(?:,\s*(-?\d+)\s*h)?\)\s*$")
_NIGHTSCOUT_MARK = re.compile(r"@@@@@\d*$")


@dataclass(frozen=True)
class Switch:
    """From when which profile was to be used, how scaled and shifted, and until when (`None`: the next switch).

    `body` is the profile's JSON where the record carries it; with `effective` it is scaled and shifted already.
    `unreadable` says that there is a JSON and it cannot be read, `trouble` why the record's numbers cannot be used.
    """

    at_ms: float
    end_ms: float | None
    name: str
    percentage: float
    timeshift_h: float
    effective: bool
    body: Record | None
    unreadable: bool
    trouble: str | None
    record_id: str | None
    from_aaps: bool

    @property
    def temporary(self) -> bool:
        """Whether it ends by itself."""
        return self.end_ms is not None


def read_switches(treatments: Iterable[Any], zone: str) -> list[Switch]:
    """Every switch among the treatments, newest first; deleted ones and those without a time are left out.

    At the same instant the one that really came into force counts, then the order of the content: how the records are
    ordered or repeated changes nothing.
    """
    texts = {json.dumps(r, sort_keys=True) for r in treatments if isinstance(r, dict) and _is_switch(r)}
    read = [(switch.at_ms, switch.effective, text, switch) for text in texts if (switch := _read(text, zone))]
    return [switch for *_, switch in sorted(read, key=itemgetter(0, 1, 2), reverse=True)]


@lru_cache(maxsize=SWITCHES_KEPT)
def _read(text: str, zone: str) -> Switch | None:
    """The same switches are looked at again and again, before and after each write."""
    record = json.loads(text)
    at_ms = None if is_deleted(record) else _at(record, zone)
    return None if at_ms is None else _switch(record, at_ms)


def is_profile_switch(record: Record) -> bool:
    """Whether a treatment is a Profile Switch as apps and the careportal write it."""
    return _event(record) == "profileswitch"


def is_effective_switch(record: Record) -> bool:
    """Whether a treatment says which profile really came into force: a Note with a profile in AAPS 3."""
    if _event(record) == "effectiveprofileswitch":
        return True
    if is_profile_switch(record) or not record.get("profileJson"):
        return False
    return any(record.get(k) not in (None, "") for k in ("originalProfileName", "originalCustomizedName"))


def _is_switch(record: Record) -> bool:
    return is_profile_switch(record) or is_effective_switch(record)


def _event(record: Record) -> str:
    return re.sub(r"[^a-z]", "", str(record.get("eventType") or "").lower())


def _at(record: Record, zone: str) -> float | None:
    keys = ("created_at", "mills", "date", "timestamp", "eventTime")
    return next((found[0] for key in keys if (found := instant_ms(record.get(key), zone))), None)


def _switch(record: Record, at_ms: float) -> Switch:
    effective = is_effective_switch(record)
    name, named_percentage, named_shift = _name(record)
    troubles: list[str] = []
    percentage = _percentage(record, effective, named_percentage, troubles)
    shift_h = _timeshift_h(record, effective, named_shift, troubles)
    duration_ms = _duration_ms(record, troubles)
    end_ms = at_ms + duration_ms if duration_ms else None
    if effective and end_ms is not None:
        # The note comes some seconds after its switch, whose end it names.
        stated = number_or_none(record.get("originalEnd"))
        end_ms = stated if stated is not None and at_ms < stated <= end_ms else end_ms
    body, unreadable = _body(record)
    return Switch(
        at_ms=at_ms,
        end_ms=end_ms,
        name=name,
        percentage=percentage,
        timeshift_h=shift_h,
        effective=effective,
        body=body,
        unreadable=unreadable,
        trouble="; ".join(troubles) or None,
        record_id=str(record["_id"]) if record.get("_id") else None,
        from_aaps="androidaps" in str(record.get("enteredBy") or record.get("app") or "").lower() or effective,
    )


def _name(record: Record) -> tuple[str, float | None, float | None]:
    """The profile's own name, and the percentage and hours its customised name tells."""
    written = record.get("originalCustomizedName") or record.get("profile")
    if not written and is_effective_switch(record):
        written = record.get("notes")
    customised = _NIGHTSCOUT_MARK.sub("", str(written or "")).strip()
    change = _CHANGE.search(customised)
    percentage = float(change.group(1)) if change else None
    shift = float(change.group(2)) if change and change.group(2) else None
    original = record.get("originalProfileName")
    if isinstance(original, str) and original.strip():
        return _NIGHTSCOUT_MARK.sub("", original).strip(), percentage, shift
    return (customised[: change.start()] if change else customised), percentage, shift


def _percentage(record: Record, effective: bool, named: float | None, troubles: list[str]) -> float:
    value = record.get("originalPercentage") if effective else record.get("percentage")
    found = number_or_none(value)
    if found is None and value not in (None, ""):
        troubles.append("its percentage is not a number")
        return 100.0
    percentage = found or named or 100.0  # a form left empty sends 0
    low, high = PERCENTAGE_LIMITS
    if not low <= percentage <= high:
        troubles.append(f"its percentage is outside {low:g}–{high:g}")
        return 100.0
    return percentage


def _timeshift_h(record: Record, effective: bool, named: float | None, troubles: list[str]) -> float:
    value = record.get("originalTimeshift") if effective else record.get("timeshift", record.get("timeShift"))
    found = number_or_none(value)
    if found is None and value not in (None, ""):
        troubles.append("its time shift is not a number")
        return 0.0
    hours = (named or 0.0) if found is None else found
    if abs(hours) > LONGEST_SHIFT_H:
        hours = math.trunc(hours / HOUR_MS)
        if abs(hours) > LONGEST_SHIFT_H:
            troubles.append(f"its time shift is more than {LONGEST_SHIFT_H:g} hours")
            return 0.0
    later = math.trunc(hours)
    return float(-later if record.get("CircadianPercentageProfile") is True and later else later)


def _duration_ms(record: Record, troubles: list[str]) -> float:
    for key in ("originalDuration", "durationInMilliseconds", "duration"):
        value = record.get(key)
        found = number_or_none(value)
        if found is None and value not in (None, ""):
            troubles.append("its duration is not a number")
            return 0.0
        if found is not None and found < 0:
            troubles.append("its duration is negative")
            return 0.0
        if found:
            return found if key != "duration" or found >= MINUTES_NO_ONE_ASKS_FOR else found * MINUTE_MS
    return 0.0


def _body(record: Record) -> tuple[Record | None, bool]:
    written = record.get("profileJson")
    if written in (None, "", {}):
        return None, False
    body = json_value(written)
    return (body, False) if isinstance(body, dict) and body else (None, True)
