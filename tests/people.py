"""Small invented people for tests: enough data for upstream to tune, made in microseconds, the same every time."""

from __future__ import annotations

import json
import math
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flows.profiles.active_in_data import in_force
from flows.profiles.parse import TherapyProfile
from flows.values.local_days import LocalDay
from flows.values.timestamps import iso_utc

DAY = date(2026, 5, 13)
ZONE = "Europe/Paris"
MINUTE = 60_000
FAR_FUTURE_MS = 4e12


def read_profile(
    documents: list[Any], *, name: str | None = None, until_ms: float | None = None, zone: str | None = None
) -> TherapyProfile:
    """The profile in force by the documents alone at the end of the data; the newest document's without an end."""
    end_ms = FAR_FUTURE_MS if until_ms is None else until_ms
    return in_force(documents, [], name=name, window_start_ms=end_ms, window_end_ms=end_ms, zone=zone).profile


def pump_profile(**changes: Any) -> dict[str, Any]:
    """A valid pumpprofile.json; `changes` replace fields, `None` removes one."""
    profile: dict[str, Any] = {
        "min_5m_carbimpact": 8,
        "dia": 6,
        "curve": "rapid-acting",
        "useCustomPeakTime": False,
        "insulinPeakTime": 75,
        "basalprofile": [
            {"i": h, "start": f"{h:02d}:00:00", "minutes": h * 60, "rate": round(0.8 + 0.2 * math.sin(h / 4), 3)}
            for h in range(24)
        ],
        "isfProfile": {
            "sensitivities": [{"i": 0, "start": "00:00:00", "sensitivity": 50, "offset": 0, "x": 0, "endoffset": 1440}]
        },
        "carb_ratio": 10,
        "autosens_max": 1.2,
        "autosens_min": 0.7,
        "timezone": ZONE,
    }
    return {k: v for k, v in {**profile, **changes}.items() if v is not None}


def entries(day: date = DAY, zone: str = ZONE, days: int = 1, seed: int = 1) -> list[dict[str, Any]]:
    """Five-minute readings from 04:00 to 04:00, newest first."""
    chance = random.Random(seed)  # noqa: S311
    window = (LocalDay(day, zone).glucose.start_ms, LocalDay(day + timedelta(days=days - 1), zone).glucose.end_ms)
    made = []
    for n, ms in enumerate(range(window[0] + 2 * MINUTE, window[1], 5 * MINUTE)):
        value = round(130 + 35 * math.sin(n / 17) + 15 * math.sin(n / 5) + chance.gauss(0, 4))
        made.append(
            {
                "_id": f"{ms:024x}",
                "type": "sgv",
                "sgv": value,
                "date": ms,
                "dateString": iso_utc(ms),
                "device": "test",
            }
        )
    return made[::-1]


def treatments(day: date = DAY, zone: str = ZONE, days: int = 1, seed: int = 2) -> list[dict[str, Any]]:
    """Three meals with boluses, corrections and half-hour temporary basals a day, from 18 h before; newest first."""
    chance = random.Random(seed)  # noqa: S311
    made: list[tuple[int, dict[str, Any]]] = []
    for offset in range(-1, days + 1):
        midnight = LocalDay(day + timedelta(days=offset), zone).treatments.start_ms + 18 * 60 * MINUTE
        for hour, carbs in ((7, 45), (12, 60), (19, 70)):
            at = midnight + hour * 60 * MINUTE + chance.randrange(30) * MINUTE
            made.append((at, {"eventType": "Meal Bolus", "insulin": round(carbs / 10, 1), "carbs": carbs}))
        for hour in (3, 10, 15, 22):
            at = midnight + hour * 60 * MINUTE + chance.randrange(50) * MINUTE
            made.append((at, {"eventType": "Correction Bolus", "insulin": round(chance.uniform(0.3, 1.5), 2)}))
        for half in range(48):
            rate = round(max(0.0, chance.gauss(0.9, 0.4)), 2)
            at = midnight + half * 30 * MINUTE
            record = {"eventType": "Temp Basal", "rate": rate, "absolute": rate, "duration": 30}
            made.append((at, record))
    made.sort(key=lambda item: -item[0])
    return [{"_id": f"{ms:x}{n:04x}", "created_at": iso_utc(ms), **record} for n, (ms, record) in enumerate(made)]


def profile_document(**changes: Any) -> dict[str, Any]:
    """A Nightscout profile document like `pump_profile`."""
    pump = pump_profile()
    body = {
        "dia": 6,
        "units": "mg/dl",
        "timezone": ZONE,
        "sens": [{"time": "00:00", "timeAsSeconds": 0, "value": 50}],
        "carbratio": [{"time": "00:00", "timeAsSeconds": 0, "value": 10}],
        "basal": [
            {"time": b["start"][:5], "timeAsSeconds": b["minutes"] * 60, "value": b["rate"]}
            for b in pump["basalprofile"]
        ],
        "target_low": [{"time": "00:00", "timeAsSeconds": 0, "value": 100}],
        "target_high": [{"time": "00:00", "timeAsSeconds": 0, "value": 110}],
    }
    document = {
        "_id": "65f0c0ffee00000000000001",
        "defaultProfile": "Default",
        "startDate": "2026-01-01T00:00:00Z",
        "units": "mg/dl",
        "store": {"Default": body},
    }
    return {**document, **changes}


def write(path: Path, document: Any) -> Path:
    """Write a JSON file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return path


def export_directory(path: Path, days: int = 1, **documents: Any) -> Path:
    """A directory as `--from` reads it; `documents` replace entries, treatments or profile."""
    write(path / "entries.json", documents.get("entries", entries(days=days)))
    write(path / "treatments.json", documents.get("treatments", treatments(days=days)))
    write(path / "profile.json", documents.get("profile", [profile_document()]))
    return path


def openaps_directory(path: Path, days: int = 1) -> Path:
    """A directory as upstream's own users have it: settings/ and the days already fetched."""
    write(path / "settings" / "pumpprofile.json", pump_profile())
    for offset in range(days):
        day = DAY + timedelta(days=offset)
        write(path / "autotune" / f"ns-entries.{day}.json", entries(day))
        write(path / "autotune" / f"ns-treatments.{day}.json", treatments(day))
    return path
