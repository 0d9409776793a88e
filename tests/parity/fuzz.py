"""Invented pairs of days, each computed untouched and by default in one runner process, and compared byte for byte.

`python -m tests.parity.fuzz --pairs 2000 --seed N` is the long form; a pair is made from its seed alone, so
`--pairs 1 --seed N` makes a failing one again (`--keep DIRECTORY` keeps its files).
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flows.oref0.node import scrubbed_environment
from flows.oref0.runtime import ensure_upstream, find_node, runner_script
from flows.pipeline.parity import compare

Record = dict[str, Any]
MINUTE = 60_000
HOUR = 60 * MINUTE
PAIRS_A_PROCESS = 25

# Zones with the days on which their clocks change.
ZONES: dict[str, tuple[str, ...]] = {
    "Europe/Paris": ("2026-03-29", "2025-10-26"),
    "America/New_York": ("2026-03-08", "2025-11-02"),
    "America/St_Johns": ("2026-03-08", "2025-11-02"),
    "Australia/Lord_Howe": ("2026-04-05", "2025-10-05"),
    "Australia/Adelaide": ("2026-04-05", "2025-10-05"),
    "Asia/Kolkata": (),
    "Asia/Kathmandu": (),
    "Pacific/Chatham": ("2026-04-05", "2025-09-28"),
    "Africa/Cairo": ("2026-04-24", "2025-10-31"),
    "America/Santiago": ("2026-04-05", "2025-09-07"),
    "Asia/Beirut": ("2026-03-29", "2025-10-26"),
    "Pacific/Kiritimati": (),
    "UTC": (),
}


@dataclass(frozen=True)
class Pair:
    """Two days in a row of one invented person; the second starts from what the first gave."""

    seed: int
    zone: str
    dates: tuple[str, str]
    pump: Any
    profile: Any
    entries: tuple[Any, Any]
    treatments: tuple[Any, Any]
    options: dict[str, bool]
    quirks: tuple[str, ...]

    def write(self, work: Path) -> None:
        """The work directory as the runner reads it."""
        autotune = work / "autotune"
        autotune.mkdir(parents=True)
        documents = {"profile.pump.json": self.pump, "profile.json": self.profile}
        for day, entries, treatments in zip(self.dates, self.entries, self.treatments, strict=True):
            documents |= {f"ns-entries.{day}.json": entries, f"ns-treatments.{day}.json": treatments}
        for name, document in documents.items():
            (autotune / name).write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")


@dataclass
class Found:
    """What comparing came to."""

    pairs: int = 0
    files: int = 0
    days: Counter[str] = field(default_factory=Counter)
    fallbacks: Counter[str] = field(default_factory=Counter)
    stopped: int = 0
    differing: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: Found) -> None:
        """Take another's counts in."""
        self.pairs += other.pairs
        self.files += other.files
        self.days += other.days
        self.fallbacks += other.fallbacks
        self.stopped += other.stopped
        self.differing |= other.differing

    def lines(self) -> list[str]:
        """For a terminal or a failing test."""
        total = f"{self.pairs} pairs, {self.files} files compared, {self.stopped} pairs stopped by upstream"
        days = f"days: {dict(sorted(self.days.items()))}; untouched because: {dict(self.fallbacks.most_common())}"
        return [total, days, *(f"seed {seed} DIFFERS: {', '.join(w)}" for seed, w in sorted(self.differing.items()))]


# ---- days


def iso(ms: float, style: str = "Z", zone: str = "UTC") -> str:
    """An instant as uploaders write it."""
    offset = {"local": ZoneInfo(zone), "+02:00": None, "-07:00": None}.get(style, ZoneInfo("UTC"))
    if style in ("+02:00", "-07:00"):
        minutes = 120 if style == "+02:00" else -420
        moment = datetime.fromtimestamp(ms / 1000 + minutes * 60, ZoneInfo("UTC"))
        return moment.strftime("%Y-%m-%dT%H:%M:%S") + style
    moment = datetime.fromtimestamp(ms / 1000, offset)
    if style == "local":
        return moment.isoformat(timespec="seconds")
    if style == "short":
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(ms) % 1000:03d}Z"


def four_oclock(day: date, zone: str) -> int:
    """Where upstream's day of glucose begins."""
    return round(datetime.combine(day, time(4), ZoneInfo(zone)).timestamp() * 1000)


def readings(chance: random.Random, start: int, hours: float) -> list[Record]:
    """Every five minutes, with gaps, jumps and now and then a second sensor."""
    level, made = chance.uniform(70, 220), []
    second = chance.random() < 0.25
    ms = start + chance.randrange(5 * MINUTE)
    while ms < start + hours * HOUR:
        level = min(401, max(38, level + chance.gauss(0, 7)))
        made.append({"date": ms, "sgv": round(level), "dateString": iso(ms), "type": "sgv"})
        if second and chance.random() < 0.8:
            at = ms + chance.randrange(30_000, 150_000)
            made.append({"date": at, "sgv": round(level + chance.gauss(0, 10)), "dateString": iso(at), "type": "sgv"})
        ms += 5 * MINUTE + chance.randrange(-20_000, 20_000)
        if chance.random() < 0.015:
            ms += chance.randrange(10, 120) * MINUTE
    if chance.random() < 0.2:
        for reading in chance.sample(made, len(made) // 15):
            reading["sgv"] = chance.choice([38, 39, 40, 401, 400, 12, 600])
    return made[::-1]


def temp_basal(chance: random.Random, who: str) -> Record:
    rate = round(max(0.0, chance.gauss(0.9, 0.7)), chance.choice([1, 2, 3]))
    duration: float = chance.choice([30, 30, 30, 60, 120, 15, 0, 90, 24.5, round(chance.uniform(1, 45), 6)])
    record: Record = {"eventType": "Temp Basal", "rate": rate, "absolute": rate, "duration": duration}
    if who == "aaps":
        record |= {"enteredBy": "openaps://AndroidAPS"}
        if chance.random() < 0.12:
            record |= {"duration": None, "absolute": None, "rate": None}
    elif who == "loop":
        if duration > 0:
            record |= {"amount": round(rate * duration / 60, 4), "temp": "absolute"}
        record.pop("absolute")
    elif chance.random() < 0.05:
        record.pop("duration")
    return record


def bolus(chance: random.Random) -> Record:
    roll = chance.random()
    insulin = round(chance.uniform(0.05, 0.8) if roll < 0.7 else chance.uniform(0.5, 9), 2)
    record: Record = {"eventType": "Correction Bolus", "insulin": insulin}
    if roll > 0.8:
        record = {"eventType": "Meal Bolus", "insulin": insulin, "carbs": chance.randrange(5, 90)}
    elif roll > 0.75:
        record = {"eventType": "Bolus Wizard", "insulin": insulin, "carbs": chance.choice([0, 20, 45.5])}
    elif roll > 0.7:
        record = {"eventType": "Snack Bolus", "insulin": insulin}
    return record


def other(chance: random.Random) -> Record:
    return chance.choice(
        [
            {"eventType": "Carb Correction", "carbs": chance.randrange(1, 60)},
            {"eventType": "Note", "notes": "x"},
            {"eventType": "Site Change"},
            {"eventType": "SMB", "insulin": 0.4},
            {"eventType": "Bolus", "insulin": 1.1},
            {"eventType": "Temporary Target", "duration": 60, "targetTop": 120},
            {"eventType": "Meal Bolus", "carbs": 30, "insulin": None},
            {"eventType": "<none>", "carbs": 12.5, "enteredBy": "xdrip"},
            {"eventType": "Correction Bolus", "enteredBy": "xdrip", "insulin": 0.7},
            {"eventType": "<none>", "enteredBy": "xdrip", "insulin": 1.3, "carbs": 10},
            {"eventType": "<none>", "enteredBy": "HAPP_App", "insulin": 0.9},
            {"eventType": "Correction Bolus", "insulin": -0.5},
            {"eventType": "Correction Bolus", "insulin": 0},
            {"eventType": "Correction Bolus"},
        ]
    )


def history(chance: random.Random, start: int, hours: float, zone: str) -> list[Record]:
    """Temporary basals, boluses and whatever else is uploaded; any of them may be close to another."""
    who = chance.choice(["aaps", "loop", "openaps", "openaps"])
    every = chance.choice([5, 7, 10, 15, 25, 40, 120]) * MINUTE
    style = chance.choice(["Z", "Z", "Z", "short", "local", "+02:00", "mixed"])
    numeric_timestamp, whole_seconds = chance.random() < 0.2, chance.random() < 0.4
    nested = chance.random() < 0.4  # as a rig uploads what a Medtronic pump reported
    begin, end = start - chance.choice([2, 7, 7, 9]) * HOUR, start + int((hours + chance.choice([0, 1, 5])) * HOUR)
    timed: list[tuple[int, Record]] = []
    ms = begin
    gap_at = begin + chance.randrange(max(1, end - begin)) if chance.random() < 0.3 else None
    while ms < end:
        at = ms + chance.randrange(every)
        if gap_at is None or not gap_at < at < gap_at + 3 * HOUR:
            timed.append((at, temp_basal(chance, who)))
        ms += every
    for _ in range(int((end - begin) / HOUR * chance.choice([0.3, 1, 2]))):
        record = bolus(chance) if chance.random() < 0.75 else other(chance)
        timed.append((begin + chance.randrange(end - begin), record))
    if chance.random() < 0.4:  # at the same second as another record
        for at, _ in chance.sample(timed, min(4, len(timed))):
            timed.append((at, bolus(chance)))
    if chance.random() < 0.3:  # the same again, from a second uploader
        timed += [(at, dict(r)) for at, r in chance.sample(timed, min(3, len(timed))) if "Basal" not in r["eventType"]]
    made, taken = [], set()
    for at, record in timed:
        when = at - at % 1000 if whole_seconds else at
        if record["eventType"] == "Temp Basal":
            if when in taken:
                continue
            taken.add(when)
        form = chance.choice(["Z", "short", "local", "-07:00"]) if style == "mixed" else style
        if not whole_seconds and form != "Z" and record["eventType"] == "Temp Basal":
            form = "Z"
        made.append({**record, "created_at": iso(when, form, zone), "_id": f"{chance.getrandbits(64):x}"})
        if who == "openaps" and nested and record["eventType"] == "Correction Bolus" and record.get("insulin"):
            stamp = iso(when, chance.choice([form, "local", "+02:00"]) if whole_seconds else form, zone)
            made[-1]["bolus"] = {"_type": "Bolus", "amount": record["insulin"], "timestamp": stamp, "type": "normal"}
        if nested and record["eventType"] in ("Note", "Site Change"):
            made[-1]["_type"] = chance.choice(["Prime", "Rewind", "CalBGForPH", "ChangeTime"])
        if record.get("enteredBy") == "xdrip" or numeric_timestamp:
            made[-1]["timestamp"] = chance.choice([when, iso(when, "short")])
    if chance.random() < 0.7:
        made.sort(key=lambda r: str(r["created_at"]), reverse=True)
    else:
        chance.shuffle(made)
    return made


# ---- profiles


def schedule(chance: random.Random, blocks: int) -> list[Record]:
    minutes = sorted({0, *(chance.randrange(1, 48) * 30 for _ in range(blocks - 1))})
    if chance.random() < 0.15:
        minutes = sorted({0, *(chance.randrange(1, 1440) for _ in range(blocks - 1))})
    return [
        {"i": i, "minutes": m, "start": f"{m // 60:02d}:{m % 60:02d}:00", "rate": round(chance.uniform(0.05, 2.2), 3)}
        for i, m in enumerate(minutes)
    ]


def pump_profile(chance: random.Random) -> Record:
    offsets = sorted({0, *(chance.randrange(1, 24) * 60 for _ in range(chance.choice([0, 0, 0, 1, 3])))})
    sensitivities = [
        {"i": i, "offset": m, "x": i, "start": f"{m // 60:02d}:00:00", "sensitivity": chance.randrange(15, 120)}
        for i, m in enumerate(offsets)
    ]
    curve = chance.choice(["rapid-acting", "rapid-acting", "ultra-rapid", "bilinear", None])
    profile: Record = {
        "min_5m_carbimpact": chance.choice([3, 8, 8, 12]),
        "dia": chance.choice([3, 4, 5, 5.5, 6, 6, 7, 8, 10, round(chance.uniform(3, 10), 2)]),
        "basalprofile": schedule(chance, chance.choice([1, 2, 6, 12, 24, 48])),
        "isfProfile": {"sensitivities": sensitivities},
        "carb_ratio": round(chance.uniform(3, 20), 1),
        "autosens_max": chance.choice([1.0, 1.2, 1.5, 2]),
        "autosens_min": chance.choice([0.5, 0.7, 1.0]),
    }
    if curve:
        profile |= {"curve": curve, "useCustomPeakTime": chance.random() < 0.4}
        low, high = {"rapid-acting": (50, 120), "ultra-rapid": (35, 100)}.get(curve, (30, 130))
        profile["insulinPeakTime"] = chance.choice([low, high, 75, 55, chance.randrange(low, high + 1)])
        if curve == "ultra-rapid":
            profile["insulinPeakTime"] = min(100, profile["insulinPeakTime"])
    if chance.random() < 0.25:  # as AAPS writes it
        for block in profile["basalprofile"]:
            block.pop("i")
    extras: Record = {
        "suspend_zeros_iob": chance.choice([True, False]),
        "current_basal": 0.77,
        "min_bg": 90,
        "max_bg": 120,
        "exercise_mode": False,
        "half_basal_exercise_target": 160,
        "autotune_isf_adjustmentFraction": chance.choice([0.5, 1.0]),
        "autotune_recommended": True,
        "sens": 50,
    }
    return profile | {k: v for k, v in extras.items() if chance.random() < 0.25}


def start_profile(chance: random.Random, pump: Record) -> Record:
    """The pump's own, or one that was tuned before."""
    profile: Record = json.loads(json.dumps(pump))
    if chance.random() < 0.4:
        for block in profile["basalprofile"]:
            block |= {"rate": round(block["rate"] * chance.uniform(0.7, 1.2), 3), "untuned": chance.randrange(4)}
        profile["carb_ratio"] = round(profile["carb_ratio"] * chance.uniform(0.8, 1.2), 3)
        profile["csf"] = 5.1
        if chance.random() < 0.3:
            profile["basalprofile"] = schedule(chance, chance.choice([3, 24]))
    if chance.random() < 0.2:
        profile |= {"dia": chance.choice([4, 6.5]), "insulinPeakTime": 65}
    return profile


# ---- what is unusual: each takes the chance and a day's or the profiles' records and spoils some of them

Spoil = Callable[[random.Random, list[Any]], object]


def some(chance: random.Random, records: list[Record], event: str | None = None, most: int = 3) -> list[Record]:
    fitting = [r for r in records if r and (event is None or event in str(r.get("eventType")))]
    return chance.sample(fitting, min(len(fitting), chance.randint(1, most)))


def setting(name: str, *values: Any, event: str | None = None) -> Spoil:
    def spoil(chance: random.Random, records: list[Record]) -> None:
        for record in some(chance, records, event):
            value = chance.choice(values)
            if value is ...:
                record.pop(name, None)
            else:
                record[name] = value

    return spoil


def text_of(name: str, event: str | None = None) -> Spoil:
    def spoil(chance: random.Random, records: list[Record]) -> None:
        for record in some(chance, records, event):
            if record.get(name) is not None:
                record[name] = str(record[name])

    return spoil


def at_once(chance: random.Random, records: list[Record]) -> None:
    for record in some(chance, records, "Temp Basal"):
        twin = {**record, "rate": 1.7, "absolute": 1.7, "duration": chance.choice([30, 0, None, 45])}
        records.insert(records.index(record) + chance.choice([0, 1]), twin)


def percentages(chance: random.Random, records: list[Record]) -> None:
    for record in some(chance, records, "Temp Basal", most=2):  # a piece of insulin for every 0.05 U: upstream is slow
        rate, duration = chance.choice([(25, 30), (60, 10), (499, 2), (501, 2)])
        record |= {"rate": rate, "absolute": rate, "duration": duration}


def pump_records(chance: random.Random, records: list[Record]) -> None:
    for record in some(chance, records, most=4):
        kind = chance.choice(["PumpSuspend", "PumpResume", "PumpSuspend", "Bolus", "TempBasal", "TempBasalDuration"])
        stamp: Any = record.get("created_at")
        number = stamp
        with contextlib.suppress(ValueError, TypeError, AttributeError):  # spoiled before
            # Not long ago: upstream fills a suspend of months with pieces of half an hour, for minutes.
            number = round(datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() * 1000)
        made: Record = {"_type": kind, "created_at": stamp, "timestamp": chance.choice([stamp, stamp, number])}
        made |= {"amount": 0.6, "rate": 1.1, "duration (min)": 30, "temp": "absolute"}
        records.insert(records.index(record), made)


def time_form(form: Callable[[float, random.Random], Any]) -> Spoil:
    def spoil(chance: random.Random, records: list[Record]) -> None:
        for record in some(chance, records):
            with contextlib.suppress(KeyError, ValueError, TypeError, AttributeError):  # spoiled before
                ms = datetime.fromisoformat(record["created_at"].replace("Z", "+00:00")).timestamp() * 1000
                record["created_at"] = form(ms, chance)

    return spoil


def later(chance: random.Random, records: list[Record]) -> None:
    for record in some(chance, records, "Bolus"):
        records.insert(0, {**record, "created_at": iso(1_950_000_000_000 + chance.randrange(HOUR))})


def no_dates(chance: random.Random, records: list[Record]) -> None:
    for record in some(chance, records, most=5):
        record.pop("date", None)


def local_display(chance: random.Random, records: list[Record]) -> None:
    for record in some(chance, records, most=5):
        if isinstance(record.get("date"), int):
            record["displayTime"] = iso(record.pop("date"))[:19]


HISTORY_QUIRKS: dict[str, Spoil] = {
    "long temp basals": setting("duration", 300, 1440, 1441, 2000, event="Temp Basal"),
    "negative durations": setting("duration", -5, -30, event="Temp Basal"),
    "durations as text": text_of("duration", "Temp Basal"),
    "rates as text": text_of("rate", "Temp Basal"),
    "negative rates": setting("rate", -0.4, -1, event="Temp Basal"),
    "rates that are percentages": percentages,
    "amounts": setting("amount", 0.5, 0, "0.4", None, event="Temp Basal"),
    "temp basals without rate": setting("rate", ..., None, event="Temp Basal"),
    "temp basals at once": at_once,
    "temp basals of xdrip and HAPP": setting("enteredBy", "xdrip", "HAPP_App", event="Temp Basal"),
    "pump records": pump_records,
    "nested pump boluses": setting(
        "bolus",
        {"_type": "Bolus", "amount": 1.1, "timestamp": "2026-03-28T12:00:00Z"},
        {"_type": "Bolus", "amount": 1.1, "created_at": "2026-03-28T12:00:00Z"},
        {"_type": "Bolus"},
        {"amount": 2},
        1.5,
    ),
    "insulin as text": text_of("insulin"),
    "carbs as text": text_of("carbs"),
    "odd insulin": setting("insulin", None, 0, -1.5, 100, 0.05, 0.1, 0.049999, event="Bolus"),
    "created_at missing": setting("created_at", ...),
    "created_at null, number or list": setting("created_at", None, 1774785600000, 0, [2026, 3, 28], True, {}),
    "created_at unzoned": time_form(lambda ms, _: iso(ms)[:19]),
    "created_at in words": time_form(lambda ms, c: c.choice([iso(ms)[:19].replace("T", " "), "yesterday", ""])),
    "created_at with microseconds": time_form(lambda ms, _: iso(ms)[:-1] + "987Z"),
    "created_at with a short zone": time_form(lambda ms, _: iso(ms, "+02:00")[:-3]),
    "created_at without colon": time_form(lambda ms, _: iso(ms, "+02:00")[:-3] + "00"),
    "created_at impossible": time_form(lambda ms, c: c.choice(["2026-02-30T10:00:00Z", "2026-03-28T24:00:00Z"])),
    "timestamps": setting("timestamp", 1774785600000, "2026-03-28T12:00:00Z", "x", None),
    "after the clock on the wall": later,
    "a null": lambda chance, records: records.insert(chance.randrange(len(records) + 1), None),
    "nothing": lambda chance, records: records.clear(),
}
GLUCOSE_QUIRKS: dict[str, Spoil] = {
    "no dates": no_dates,
    "displayed time only": local_display,
    "no dateString": setting("dateString", ...),
    "dates as text": text_of("date"),
    "dates with fractions": lambda chance, records: [r.update(date=r["date"] + 0.4) for r in some(chance, records)],
    "dates in seconds": setting("date", 1774785600),
    "glucose as text": text_of("sgv"),
    "no glucose": setting("sgv", ..., None, 0, -1),
    "random order": lambda chance, records: chance.shuffle(records),
    "few readings": lambda chance, records: records.__delitem__(slice(chance.randrange(8), None)),
    "the same instant twice": lambda chance, records: records.extend(dict(r, sgv=111) for r in some(chance, records)),
}
PROFILE_QUIRKS: dict[str, Callable[[random.Random, Record], object]] = {
    "last basal 0": lambda c, p: p["basalprofile"][-1].update(rate=0),
    "a basal 0": lambda c, p: c.choice(p["basalprofile"]).update(rate=0),
    "basal as text": lambda c, p: c.choice(p["basalprofile"]).update(rate="0.8"),
    "minutes as text": lambda c, p: c.choice(p["basalprofile"]).update(minutes="30"),
    "one i missing": lambda c, p: c.choice(p["basalprofile"]).pop("i", 0),
    "i in another order": lambda c, p: [b.update(i=c.randrange(30)) for b in p["basalprofile"]],
    "i missing": lambda c, p: [b.pop("i", 0) for b in p["basalprofile"]],
    "basals shuffled": lambda c, p: c.shuffle(p["basalprofile"]),
    "basal not from midnight": lambda c, p: p["basalprofile"][0].update(minutes=30),
    "no basals": lambda c, p: p.update(basalprofile=[]),
    "basals missing": lambda c, p: p.pop("basalprofile", None),
    "odd curve": lambda c, p: p.update(curve=c.choice(["Rapid-Acting", "fiasp", "BILINEAR", "constructor", ""])),
    "curve null": lambda c, p: p.update(curve=None),
    "peak out of bounds": lambda c, p: p.update(
        useCustomPeakTime=True, insulinPeakTime=c.choice([10, 34, 49, 121, 300, "60", None, "x"])
    ),
    "odd dia": lambda c, p: p.update(dia=c.choice([0, 1, 2.5, 24, "6", None, -1])),
    "dia missing": lambda c, p: p.pop("dia", None),
    "ISF not from midnight": lambda c, p: p["isfProfile"]["sensitivities"][0].update(offset=60),
    "no ISF": lambda c, p: p.pop("isfProfile", None),
    "carb ratio": lambda c, p: p.update(carb_ratio=c.choice([0, 1, None, "10"])),
    "exercise": lambda c, p: p.update(exercise_mode=True, temptargetSet=True, min_bg=120, max_bg=140),
}


def make_pair(seed: int) -> Pair:
    """The pair of a seed."""
    chance = random.Random(seed)
    zone = list(ZONES)[seed % len(ZONES)]
    first = date(2026, 1, 10) + timedelta(days=chance.randrange(200))
    if ZONES[zone] and chance.random() < 0.6:
        first = date.fromisoformat(chance.choice(ZONES[zone])) - timedelta(days=chance.randrange(2))
    if chance.random() < 0.03:
        first = date(2031, 7, 1)
    days = (first, first + timedelta(days=1))
    tune = chance.random() < 0.05
    dense = chance.random() < 0.01 and not tune
    pump = pump_profile(chance)
    if tune and chance.random() < 0.8:
        pump |= {"curve": chance.choice(["rapid-acting", "ultra-rapid"])}
    profile = start_profile(chance, pump)
    entries, treatments, quirks = [], [], []
    for day in days:
        start = four_oclock(day, zone)
        hours = 24.0 if dense else chance.uniform(1.5, 4) if tune else chance.choice([2, 3, 3, 4, 5, 8])
        begin = start if dense else start + chance.randrange(int((24 - hours) * HOUR) + 1)
        entries.append(readings(chance, begin, hours))
        treatments.append(history(chance, begin, hours, zone))
    spoiled = chance.random() < 0.45
    for _ in range(chance.choice([1, 1, 2]) if spoiled else 0):
        roll = chance.random()
        which = chance.choice([0, 1])
        if roll < 0.55:
            name = chance.choice(list(HISTORY_QUIRKS))
            HISTORY_QUIRKS[name](chance, treatments[which])
        elif roll < 0.75:
            name = chance.choice(list(GLUCOSE_QUIRKS))
            GLUCOSE_QUIRKS[name](chance, entries[which])
        else:
            name = chance.choice(list(PROFILE_QUIRKS))
            for target in chance.choice([(pump,), (profile,), (pump, profile)]):
                if name in ("no ISF", "basals missing") or target.get("basalprofile"):
                    PROFILE_QUIRKS[name](chance, target)
        quirks.append(name)
    if profile.get("suspend_zeros_iob"):
        # Upstream fills a suspend without an end up to the clock on the wall, in half hours, for minutes on end.
        for day, records in zip(days, treatments, strict=True):
            if any(r and r.get("_type") == "PumpSuspend" for r in records):
                end = iso(four_oclock(day, zone) + 48 * HOUR)
                records.insert(0, {"_type": "PumpResume", "created_at": end, "timestamp": end})
    # A text is joined, not added, where the curve is tuned: upstream would try a thousand curves.
    tune = tune and not any(isinstance(p.get(k), str) for p in (pump, profile) for k in ("dia", "insulinPeakTime"))
    history_documents: list[Any] = list(treatments)
    if chance.random() < 0.01:
        history_documents[1] = chance.choice(['{"status":401}', "null", "", "[{]", '"x"', "[[]]"])
        quirks.append("no history")
    return Pair(
        seed=seed,
        zone=zone,
        dates=(str(days[0]), str(days[1])),
        pump=pump,
        profile=profile,
        entries=(entries[0], entries[1]),
        treatments=(history_documents[0], history_documents[1]),
        options={"categorize_uam_as_basal": chance.random() < 0.15, "tune_insulin_curve": tune},
        quirks=tuple(quirks),
    )


# ---- comparing


@functools.cache
def installed() -> Path:
    """The pinned oref0, compared once: runs of the runner itself, many of them, are not runs of the application."""
    return ensure_upstream().package


def run_jobs(
    jobs: Sequence[Record],
    zone: str,
    runner: Path | None = None,
    oref0: Path | None = None,
    arguments: Iterable[str] = (),
    timeout_seconds: float = 600,
) -> list[Record]:
    """The events of one runner process that is given all the jobs."""
    argv = [
        str(find_node().executable),
        str(runner or runner_script()),
        "--oref0",
        str(oref0 or installed()),
        *arguments,
    ]
    try:
        done = subprocess.run(
            argv,
            input="".join(json.dumps(j) + "\n" for j in jobs),
            capture_output=True,
            text=True,
            env=scrubbed_environment(zone),
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as late:  # the jobs it did not come to have no end
        said = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        return [json.loads(line) for line in said.splitlines() if line.endswith("}")]
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare_pairs(pairs: Sequence[Pair], scratch: Path, runner: Path | None = None) -> Found:
    """Pairs of one zone, each untouched and by default in the same process, now one first and now the other."""
    jobs: list[Record] = []
    for pair in pairs:
        both = []
        for way in ("exact", "default"):
            work = scratch / f"{pair.seed}.{way}"
            pair.write(work)
            both.append({"job": f"{pair.seed}.{way}", "work": str(work), "dates": pair.dates, **pair.options})
        both[0]["exact"] = True
        jobs += both if pair.seed % 2 else both[::-1]
    events = run_jobs(jobs, pairs[0].zone, runner)
    found = Found(pairs=len(pairs))
    ends = {e["job"]: e for e in events if e["event"] in ("done", "stopped")}
    for event in events:
        if event["event"] in ("day", "stopped") and event["job"].endswith("default"):
            found.days[event["way"]] += 1
            if event["way"] == "untouched":
                found.fallbacks[event["fallback"]] += 1
    for pair in pairs:
        exact, default = (ends.get(f"{pair.seed}.{way}") for way in ("exact", "default"))
        files, differing = compare(scratch / f"{pair.seed}.exact", scratch / f"{pair.seed}.default")
        found.files += files
        if exact is None or default is None:
            differing.append("no end")
        else:
            found.stopped += exact["event"] == "stopped"
            if [exact.get(k) for k in ("event", "date", "stage", "status")] != [
                default.get(k) for k in ("event", "date", "stage", "status")
            ]:
                differing.append("end")
        if differing:
            found.differing[pair.seed] = differing
    return found


ORDERS = ((0, 1), (1, 0), (0, 0, 1, 1), (1, 0, 1), (0, 1))  # of a pair's days, as trials draw them


def compare_trials(pairs: Sequence[Pair], scratch: Path, runner: Path | None = None) -> Found:
    """Pairs of one zone, their days in every order as trials of one process, against runs with everything on disk.

    Those go the usual way, which `compare_pairs` compares with the untouched one.
    """
    jobs: list[Record] = []
    runs: list[Record] = []
    for pair in pairs:
        pair.write(scratch / f"{pair.seed}")
        texts = [(scratch / f"{pair.seed}" / "autotune" / f"profile{kind}.json").read_text() for kind in (".pump", "")]
        for n, order in enumerate(ORDERS):
            name, dates = f"{pair.seed}.{n}", [pair.dates[day] for day in order]
            pair.write(scratch / name)
            runs.append({"job": name, "work": str(scratch / name), "dates": dates, **pair.options})
            files = {"result": str(scratch / name / "result.json"), "prepared": None}
            given = {"trial": True, "work": str(scratch / f"{pair.seed}"), "pump": texts[0], "start": texts[1]}
            jobs.append({"job": name, "dates": dates, **pair.options, **given, **files})
    found = Found(pairs=len(pairs))
    ends = [
        {e["job"]: e for e in run_jobs(these, pairs[0].zone, script) if e["event"] in ("done", "stopped")}
        for these, script in ((jobs, runner), (runs, None))
    ]
    for run in runs:
        seed, work = int(run["job"].split(".")[0]), scratch / run["job"]
        tried, whole = (of.get(run["job"]) for of in ends)
        differing = []
        if tried is None or whole is None:
            differing.append("no end")
        elif whole["event"] == "stopped":
            found.stopped += 1
            if [tried.get(k) for k in ("event", "date", "stage", "status")] != [
                whole.get(k) for k in ("event", "date", "stage", "status")
            ]:
                differing.append(f"end of {run['dates']}")
        else:
            found.files += 1
            result = work / "result.json"
            if not result.is_file() or result.read_bytes() != (work / "autotune" / "profile.json").read_bytes():
                differing.append(f"profile of {run['dates']}")
        if differing:
            found.differing.setdefault(seed, []).extend(differing)
    return found


def fuzz_trials(seeds: Iterable[int], runner: Path | None = None) -> Found:
    """Compare the trials of the pairs of the seeds with runs; see `fuzz`."""
    return _fuzz(seeds, lambda pairs, scratch: compare_trials(pairs, scratch, runner))


def fuzz(
    seeds: Iterable[int], runner: Path | None = None, keep: Path | None = None, processes: int | None = None
) -> Found:
    """Compare the pairs of the seeds; a process per zone and `PAIRS_A_PROCESS` of them."""

    def compared(pairs: Sequence[Pair], scratch: Path) -> Found:
        found = compare_pairs(pairs, scratch, runner)
        if keep:
            for name in (f"{seed}.{way}" for seed in found.differing for way in ("exact", "default")):
                shutil.copytree(scratch / name, keep / name, dirs_exist_ok=True)
        return found

    return _fuzz(seeds, compared, processes)


def _fuzz(
    seeds: Iterable[int], compare_some: Callable[[Sequence[Pair], Path], Found], processes: int | None = None
) -> Found:
    by_zone: dict[str, list[int]] = {}
    for seed in seeds:
        by_zone.setdefault(list(ZONES)[seed % len(ZONES)], []).append(seed)
    batches = [s[n : n + PAIRS_A_PROCESS] for s in by_zone.values() for n in range(0, len(s), PAIRS_A_PROCESS)]

    def compared(batch: list[int]) -> Found:
        with tempfile.TemporaryDirectory() as scratch:
            return compare_some([make_pair(s) for s in batch], Path(scratch))

    total = Found()
    with ThreadPoolExecutor(processes or os.cpu_count() or 1) as pool:
        for found in pool.map(compared, batches):
            total.add(found)
    return total


def main() -> int:
    """The long form."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity.fuzz")
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1, help="of the first pair; the others follow")
    parser.add_argument("--trials", action="store_true", help="compare trials with runs instead")
    parser.add_argument("--keep", type=Path, help="where the files of differing pairs are kept")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.pairs)
    found = fuzz_trials(seeds) if options.trials else fuzz(seeds, keep=options.keep)
    print(f"seeds {seeds[0]} to {seeds[-1]}", *found.lines(), sep="\n")  # noqa: T201
    return 1 if found.differing else 0


if __name__ == "__main__":
    sys.exit(main())
