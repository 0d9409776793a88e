"""Invented data made from a seed: of a closed loop, of a plain pump, of a pen, and of far too many treatments."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from flows.values.local_days import LocalDay
from flows.values.timestamps import iso_utc

MINUTE = 60_000
ZONE = "Europe/Paris"
FIRST = date(2026, 4, 6)
MEALS_A_DAY = 4
CARB_RATIO = 9


class Kind(StrEnum):
    """How a person lives, which decides how many treatments a day has."""

    LOOP = "dense loop"  # a temp basal every ten minutes, forty small boluses a day
    PUMP = "plain pump"  # a temp basal every six hours, a correction now and then
    PEN = "pen"  # whole units with the meals, a correction now and then
    CROWDED = "crowded"  # a temp basal every minute and 500 small boluses a day: 1950 treatments


def pump_profile() -> dict[str, Any]:
    """A pumpprofile.json with 24 different basals."""
    return {
        "min_5m_carbimpact": 8,
        "dia": 6,
        "curve": "rapid-acting",
        "useCustomPeakTime": False,
        "insulinPeakTime": 75,
        "basalprofile": [
            {"i": h, "start": f"{h:02d}:00:00", "minutes": h * 60, "rate": round(0.9 + 0.2 * math.sin(h / 4), 3)}
            for h in range(24)
        ],
        "isfProfile": {
            "sensitivities": [{"i": 0, "start": "00:00:00", "sensitivity": 45, "offset": 0, "x": 0, "endoffset": 1440}]
        },
        "carb_ratio": 9,
        "autosens_max": 1.2,
        "autosens_min": 0.7,
        "timezone": ZONE,
    }


Records = list[dict[str, Any]]


def history(days: int, seed: int = 7, kind: Kind = Kind.LOOP, first: date = FIRST) -> tuple[Records, Records]:
    """Readings every five minutes and about four meals a day; the other treatments are the kind's. Newest first."""
    chance = random.Random(seed)
    last = first + timedelta(days=days - 1)
    start = LocalDay(first, ZONE).treatments.start_ms
    end = LocalDay(last, ZONE).treatments.end_ms
    entries = _readings(start, end, chance)
    treatments = _by_pen(start, end, chance) if kind is Kind.PEN else _by_pump(start, end, chance, kind)
    treatments.sort(key=lambda t: str(t["created_at"]), reverse=True)
    return entries[::-1], treatments


def _readings(start: int, end: int, chance: random.Random) -> Records:
    entries = []
    for n, ms in enumerate(range(start + 2 * MINUTE, end, 5 * MINUTE)):  # none on a boundary of a day
        value = round(135 + 40 * math.sin(n / 19) + 18 * math.sin(n / 6) + chance.gauss(0, 4))
        entries.append(
            {"_id": f"{ms:024x}", "type": "sgv", "sgv": max(45, value), "date": ms, "dateString": iso_utc(ms)}
        )
    return entries


def _by_pump(start: int, end: int, chance: random.Random, kind: Kind) -> Records:
    treatments: Records = []
    step_min = 1 if kind is Kind.CROWDED else 10
    every = 36 if kind is Kind.PUMP else 1
    bolus = 0.35 if kind is Kind.CROWDED else 0.28 / every
    for n, ms in enumerate(range(start, end, step_min * MINUTE)):
        rate = round(max(0.0, chance.gauss(0.9, 0.6)), 2)
        at = ms + chance.randrange(60_000)
        if n % every == 0:
            treatments.append(
                {"eventType": "Temp Basal", "created_at": iso_utc(at), "rate": rate, "absolute": rate, "duration": 30}
            )
        if chance.random() < bolus:
            insulin = round(chance.uniform(0.1, 0.6) * step_min / 10, 2)
            treatments.append(
                {"eventType": "Correction Bolus", "created_at": iso_utc(at + 5_000), "insulin": insulin, "isSMB": True}
            )
        if chance.random() < MEALS_A_DAY * step_min / (24 * 60):
            carbs = chance.randrange(15, 80)
            meal = {"eventType": "Meal Bolus", "carbs": carbs, "insulin": round(carbs / CARB_RATIO, 1)}
            treatments.append({**meal, "created_at": iso_utc(at + 60_000)})
    return treatments


def _by_pen(start: int, end: int, chance: random.Random) -> Records:
    treatments: Records = []
    for ms in range(start, end, 10 * MINUTE):
        at = iso_utc(ms + chance.randrange(60_000))
        drawn = chance.random()
        if drawn < MEALS_A_DAY / 144:
            carbs = chance.randrange(15, 80)
            insulin = float(max(1, round(carbs / CARB_RATIO)))
            treatments.append({"eventType": "Meal Bolus", "carbs": carbs, "insulin": insulin, "created_at": at})
        elif drawn < (MEALS_A_DAY + 2) / 144:
            insulin = float(chance.randrange(1, 4))
            treatments.append({"eventType": "Correction Bolus", "insulin": insulin, "created_at": at})
    return treatments


def nightscout_profile() -> dict[str, Any]:
    """The same settings as a Nightscout profile document."""
    pump = pump_profile()
    store = {
        "dia": pump["dia"],
        "timezone": ZONE,
        "units": "mg/dl",
        "basal": [{"time": b["start"][:5], "value": b["rate"]} for b in pump["basalprofile"]],
        "sens": [{"time": "00:00", "value": 45}],
        "carbratio": [{"time": "00:00", "value": 9}],
        "target_low": [{"time": "00:00", "value": 100}],
        "target_high": [{"time": "00:00", "value": 110}],
    }
    document = {"_id": "0" * 24, "startDate": "2026-01-01T00:00:00.000Z", "defaultProfile": "Pump"}
    return {**document, "store": {"Pump": store}}
