"""The people of the coverage study: drawn ones with known truth, and cases constructed to have nothing to find.

Made by fixtures/make_fixtures.py, whose header names the packages it needs. The same number gives the same person.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.dense import nightscout_profile
from flows.values.local_days import LocalDay
from flows.values.timestamps import iso_utc

KINDS = ("aaps_closed_loop", "loop_temp_basal", "careportal_mdi")
FIRST_SEED = 101  # the fixtures' README tells of 11 and 12, and the fixtures themselves were selected
CONSTRUCTED_SEED = 1
MINUTE = 60_000
NOISE_ZONE, NOISE_FIRST = "Europe/Paris", date(2026, 5, 4)


@dataclass(frozen=True)
class Made:
    """A person on disk: a directory as `--from` reads it, with truth.json."""

    name: str
    kind: str
    directory: Path

    @property
    def truth(self) -> dict[str, Any]:
        """What is known of the person."""
        return dict(json.loads((self.directory / "truth.json").read_text("utf-8")))


Maker = Callable[[], dict[str, Any]]


def drawn(count: int, days: int) -> list[tuple[str, str, Maker]]:
    """Name, kind and maker of `count` people, the kinds in turn."""
    found: list[tuple[str, str, Maker]] = []
    for n in range(count):
        kind, seed = KINDS[n % len(KINDS)], FIRST_SEED + n // len(KINDS)
        found.append((f"{kind} {seed}", kind, partial(_simulated, kind, seed, days)))
    return found


def constructed(days: int) -> list[tuple[str, str, Maker]]:
    """Cases in which there is nothing to find."""
    return [
        ("flat and well tuned", "constructed", partial(_well_tuned, days, fasting=True)),
        ("well tuned, with meals", "constructed", partial(_well_tuned, days, fasting=False)),
        ("noise only", "constructed", partial(noise_only, days)),
    ]


def make(people: list[tuple[str, str, Maker]], days: int, base: Path, jobs: int) -> list[Made]:
    """Make those that are not there yet, `jobs` at a time; slow, as a body is simulated minute by minute."""
    made = [Made(name, kind, base / f"{name.replace(' ', '-').replace(',', '')}-{days}d") for name, kind, _ in people]
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        waiting = [
            pool.submit(_make, maker, one.directory)
            for one, (_, _, maker) in zip(made, people, strict=True)
            if not (one.directory / "truth.json").is_file()
        ]
        for done in waiting:
            done.result()
    return made


def _make(maker: Maker, directory: Path) -> None:
    documents = maker()
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("entries", "treatments", "profile", "truth"):  # truth last: it says that the others are whole
        (directory / f"{name}.json").write_text(json.dumps(documents[name]), "utf-8")


def _simulated(kind: str, seed: int, days: int) -> dict[str, Any]:
    from fixtures.make_fixtures import simulate_person

    return dict(simulate_person(kind, seed, days))


def _well_tuned(days: int, *, fasting: bool) -> dict[str, Any]:
    """Settings as the body needs them, carbs counted exactly, a quarter of the usual sensor noise."""
    from fixtures.make_fixtures import FIXTURE_SCENARIOS, by_hour, live_as

    scenario = replace(
        FIXTURE_SCENARIOS["aaps_closed_loop"],
        basal_factor_by_hour=by_hour(1.0, 1.0),
        isf_factor=1.0,
        carb_ratio_factor=1.0,
        carb_count_error_share=0.0,
        sensor_noise_share=0.1,
    )
    return dict(live_as(scenario, CONSTRUCTED_SEED, days, fasting=fasting))


def noise_only(days: int) -> dict[str, Any]:
    """Glucose that wanders around 130 mg/dL by chance, whatever is eaten or injected.

    It drifts back to its middle within an hour or two. Meals and boluses stand at chance times; there is no truth.
    """
    chance = random.Random(CONSTRUCTED_SEED)
    last = NOISE_FIRST + timedelta(days=days - 1)
    start, end = LocalDay(NOISE_FIRST, NOISE_ZONE).treatments.start_ms, LocalDay(last, NOISE_ZONE).glucose.end_ms
    entries, treatments, off = [], [], 0.0
    for ms in range(start + 2 * MINUTE, end, 5 * MINUTE):
        off = 0.95 * off + chance.gauss(0, 8)
        value = max(40, round(130 + off))
        entries.append(
            {"_id": f"{ms:024x}", "type": "sgv", "sgv": value, "date": ms, "dateString": iso_utc(ms), "device": "noise"}
        )
    for ms in range(start, end, 30 * MINUTE):
        at = iso_utc(ms + chance.randrange(30) * MINUTE)
        if chance.random() < 4 / 48:
            carbs, insulin = chance.randrange(20, 80), round(chance.randrange(20, 80) / 9, 1)
            treatments.append({"eventType": "Meal Bolus", "carbs": carbs, "insulin": insulin, "created_at": at})
        elif chance.random() < 6 / 48:
            bolus = {"eventType": "Correction Bolus", "insulin": round(chance.uniform(0.3, 2), 1)}
            treatments.append({**bolus, "created_at": at})
    treatments.sort(key=lambda t: str(t["created_at"]), reverse=True)
    window = {"first_local_day": NOISE_FIRST.isoformat(), "last_local_day": last.isoformat()}
    truth = {"kind": "noise", "synthetic": True, "time_zone": NOISE_ZONE, **window}
    return {"entries": entries[::-1], "treatments": treatments, "profile": [nightscout_profile()], "truth": truth}
