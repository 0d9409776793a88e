"""People whose settings are right, or whose glucose is nothing but chance: what a verdict must tell apart."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from flows.values.local_days import LocalDay
from flows.values.timestamps import iso_utc
from tests.people import DAY, MINUTE, ZONE, entries, profile_document, treatments

BASAL_U_PER_H = 0.8


def well_tuned(days: int, seed: int = 5) -> dict[str, Any]:
    """Fasting, glucose level but for a sensor's noise, temp basals that give what is scheduled: nothing to learn."""
    chance = random.Random(seed)  # noqa: S311
    level = entries(days=days)
    for entry in level:
        entry["sgv"] = round(118 + chance.gauss(0, 1.2))
    first = LocalDay(DAY, ZONE).treatments.start_ms
    last = LocalDay(DAY + timedelta(days=days - 1), ZONE).glucose.end_ms
    rate = {"eventType": "Temp Basal", "rate": BASAL_U_PER_H, "absolute": BASAL_U_PER_H, "duration": 30}
    given = [{"_id": f"{ms:024x}", "created_at": iso_utc(ms), **rate} for ms in range(first, last, 30 * MINUTE)]
    return {"entries": level, "treatments": given[::-1], "profile": [_level_profile()]}


def pure_noise(days: int, seed: int = 6) -> dict[str, Any]:
    """Meals, boluses and temp basals, and glucose that has nothing to do with them."""
    chance = random.Random(seed)  # noqa: S311
    random_walk = entries(days=days)
    for entry in random_walk:
        entry["sgv"] = round(min(320.0, max(72.0, chance.gauss(150, 40))))
    return {"entries": random_walk, "treatments": treatments(days=days, seed=seed), "profile": [_level_profile()]}


def smooth_chance(days: int, seed: int = 6) -> dict[str, Any]:
    """As `pure_noise`, with glucose that wanders as a sensor's does: a mean-reverting walk."""
    chance, value = random.Random(seed), 150.0  # noqa: S311
    wandering = entries(days=days)
    for entry in reversed(wandering):
        value += 0.02 * (150 - value) + chance.gauss(0, 4)
        entry["sgv"] = round(min(320.0, max(72.0, value)))
    return {"entries": wandering, "treatments": treatments(days=days, seed=seed), "profile": [_level_profile()]}


def _level_profile() -> dict[str, Any]:
    document = profile_document()
    document["store"]["Default"]["basal"] = [{"time": "00:00", "timeAsSeconds": 0, "value": BASAL_U_PER_H}]
    return document
