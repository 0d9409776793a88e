"""What a life looks like in Nightscout: entries, treatments, profiles, in a directory for `autotune propose --from`.

A loop's life as AndroidAPS uploads it (carbs and insulin of a meal apart, temp basals with their final length), a plain
pump's as typed into the careportal. What was not told is not there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.bodies.living import STEP_MS, InUse, Lived, System
from flows.values.timestamps import iso_utc

Document = dict[str, Any]
TARGET_LOW_MGDL, TARGET_HIGH_MGDL, INSULIN_H = 100, 120, 6
LONGEST_TEMP_MIN = 30
INSULIN_AFTER_CARBS_MS = 4_000
BY_LOOP, BY_HAND = "openaps://AndroidAPS", "self"


def write_directory(path: Path, lived: Sequence[Lived], zone: str, profiles: Sequence[Document]) -> None:
    """Write the files of one lane.

    Args:
        path: of the directory, made where it lacks.
        lived: its stretches of life, the oldest first, one after the other.
        zone: of the local days.
        profiles: the documents of `profile_document`, in any order.
    """
    path.mkdir(parents=True, exist_ok=True)
    treatments = [document for one in lived for document in (*_carbs_and_insulin(one), *_temp_basals(one, zone))]
    files = {
        "entries": sorted((e for one in lived for e in _entries(one)), key=lambda e: int(e["date"]), reverse=True),
        "treatments": sorted(treatments, key=lambda t: str(t["created_at"]), reverse=True),
        "profile": sorted(profiles, key=lambda p: int(p["mills"]), reverse=True),
    }
    for name, documents in files.items():
        numbered = [{"_id": f"{n:024x}", **document} for n, document in enumerate(reversed(documents), 1)]
        (path / f"{name}.json").write_text(json.dumps(numbered[::-1]), "utf-8")


def profile_document(in_use: InUse, start_ms: int, zone: str, name: str = "Default") -> Document:
    """The settings as a Nightscout profile document that holds from a moment on."""
    values = {
        "dia": INSULIN_H,
        "carbratio": _blocks([in_use.carb_ratio_g_per_u]),
        "sens": _blocks([in_use.isf_mgdl_per_u]),
        "basal": _blocks(in_use.basal_u_per_h),
        "target_low": _blocks([TARGET_LOW_MGDL]),
        "target_high": _blocks([TARGET_HIGH_MGDL]),
        "timezone": zone,
        "units": "mg/dl",
    }
    since = {"startDate": iso_utc(start_ms), "mills": start_ms, "created_at": iso_utc(start_ms)}
    return {"defaultProfile": name, **since, "units": "mg/dl", "store": {name: values}}


def _blocks(values: Sequence[float]) -> list[Document]:
    return [
        {"time": f"{hour:02d}:00", "timeAsSeconds": hour * 3600, "value": value}
        for hour, value in enumerate(values)
        if hour == 0 or value != values[hour - 1]
    ]


def _entries(lived: Lived) -> list[Document]:
    device = "AndroidAPS-DexcomG6" if lived.habits.system is System.LOOP else "xDrip-DexcomG6"
    return [
        {"type": "sgv", "sgv": int(shown), "date": ms, "dateString": iso_utc(ms), "device": device}
        for ms, shown in zip(lived.ms.tolist(), lived.sensed_mgdl.tolist(), strict=True)
        if not np.isnan(shown)
    ]


def _carbs_and_insulin(lived: Lived) -> list[Document]:
    by_loop = lived.habits.system is System.LOOP
    told = {ms: grams for ms, _, grams in lived.meals if grams is not None}
    doses = {(ms, kind): units for ms, units, kind in lived.boluses}
    found = [_treatment(ms, by_loop, "Carb Correction", g, None) for ms, g, entered in lived.rescues if entered]
    for (ms, kind), units in doses.items():
        if kind == "correction":
            found.append(_treatment(ms, by_loop, "Correction Bolus", None, units))
        elif by_loop:
            found.append(_treatment(ms + INSULIN_AFTER_CARBS_MS, by_loop, "Meal Bolus", None, units))
    for ms, grams in told.items():
        insulin = None if by_loop else doses.get((ms, "meal"))
        found.append(_treatment(ms, by_loop, "Meal Bolus", grams, insulin))
    return found


def _treatment(ms: int, by_loop: bool, event: str, carbs: float | None, insulin: float | None) -> Document:
    moment = {"created_at": iso_utc(ms), **({"date": ms, "isValid": True} if by_loop else {})}
    return {
        "eventType": event,
        "carbs": carbs,
        "insulin": insulin,
        "enteredBy": BY_LOOP if by_loop else BY_HAND,
        **moment,
    }


def _temp_basals(lived: Lived, zone: str) -> list[Document]:
    """A record for each stretch in which another rate ran than the schedule's, of half an hour at most."""
    local = ZoneInfo(zone)
    hours = [datetime.fromtimestamp(ms / 1000, UTC).astimezone(local).hour for ms in lived.ms.tolist()]
    scheduled, delivered = np.array(lived.in_use.basal_u_per_h)[hours], lived.basal_u_per_h
    runs = delivered != scheduled
    found, start = [], 0
    longest = LONGEST_TEMP_MIN * 60_000 // STEP_MS
    for n in range(1, len(runs) + 1):
        if n < len(runs) and runs[n] == runs[start] and delivered[n] == delivered[start] and n - start < longest:
            continue
        if runs[start]:
            ms, length = int(lived.ms[start]), (n - start) * STEP_MS
            found.append(
                {
                    "eventType": "Temp Basal",
                    "rate": round(float(delivered[start]), 3),
                    "absolute": round(float(delivered[start]), 3),
                    "duration": length // 60_000,
                    "durationInMilliseconds": length,
                    "type": "NORMAL",
                    "isValid": True,
                    "enteredBy": BY_LOOP,
                    "created_at": iso_utc(ms),
                    "date": ms,
                }
            )
        start = n
    return found
