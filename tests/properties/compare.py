"""What two ways of writing the same data came to: the first difference, and whether upstream would notice it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from flows.oref0.profile import PumpSettings
from flows.values.timestamps import instant_ms
from tests.properties.running import Made, Tuner
from tests.properties.transformation import Class, Compared, Transformation

# What oref0@0.7.1 reads of a record: lib/autotune-prep/{index,categorize}.js, lib/iob/history.js, lib/meal/history.js.
READ_OF_TREATMENTS = (
    *("created_at", "timestamp", "eventType", "_type", "insulin", "carbs", "carb_input"),
    *("duration", "rate", "absolute", "amount", "temp", "bolus"),
)
TOLD_APART = ("xdrip", "HAPP_App", "openaps://AndroidAPS")  # the names in `enteredBy` that upstream knows
COUNTED_TYPES = ("Meal Bolus", "Correction Bolus", "Snack Bolus", "Bolus Wizard", "Carb Correction", "Temp Basal")
SMALLEST_STEP = 0.001  # upstream's rounding: no number can be nearer than that
LONGEST_VALUE = 60


class Status(StrEnum):
    """How a transformation came out. All but `OK` and `NOTHING` are violations."""

    OK = "ok"
    NOTHING = "nothing to change"
    DIFFERS = "differs"
    REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """One transformation on one person's data.

    `unread` says of a difference of bytes that upstream reads the same; `code` is that of a refusal.
    """

    status: Status
    detail: str = ""
    unread: bool = False
    code: str | None = None

    @property
    def violated(self) -> bool:
        """Whether the property does not hold."""
        return self.status in (Status.DIFFERS, Status.REFUSED)


def compare(one: Transformation, left: Made, right: Made, tuner: Tuner, *, tune_all: bool = False) -> Outcome:
    """Whether the property holds between the data (left) and the same written otherwise (right).

    Args:
        one: the transformation, with its class.
        left, right: what was made of both.
        tuner: asked only where the files differ and the class allows that.
        tune_all: ask it too where bytes differ that should not, to say how far the numbers are off.
    """
    if left.refused or right.refused:
        if left.refused == right.refused:
            return Outcome(Status.OK, f"refused alike: {left.refused}", code=left.refused)
        return Outcome(
            Status.REFUSED, f"{left.refused or 'not refused'} → {right.refused or 'not refused'}", code=right.refused
        )
    if one.compared is Compared.DAYS:
        return _own_days(left, right)
    bytes_count = one.kind is Class.BYTES or one.compared is Compared.WORK
    beside = one.kind in (Class.BYTES, Class.NUMBERS)
    files = left.files(beside=beside), right.files(beside=beside)
    if files[0] == files[1]:
        return Outcome(Status.OK)
    if bytes_count:
        unread = _as_read(files[0]) == _as_read(files[1])
        far = (
            "" if unread or not tune_all else f"; {_numbers(one, left, right, tuner).detail or 'the numbers are equal'}"
        )
        return Outcome(Status.DIFFERS, first_difference(*files) + far, unread)
    if one.kind is Class.NUMBERS:
        for name in ("lows_left_out.json", "highs_left_out.json"):
            if files[0].get(name) != files[1].get(name):
                return Outcome(Status.DIFFERS, first_difference({name: files[0][name]}, {name: files[1][name]}))
    return _numbers(one, left, right, tuner)


# --- bytes


def first_difference(left: dict[str, bytes], right: dict[str, bytes]) -> str:
    """The file and the first record in it that differ, in words."""
    for name in sorted(left.keys() | right.keys(), key=lambda n: ("ns-" not in n, n)):
        if name not in left or name not in right:
            return f"{name} is {'new' if name in right else 'missing'}"
        if left[name] != right[name]:
            return f"{name}: {_in_file(json.loads(left[name]), json.loads(right[name]))}"
    return "nothing"


def _in_file(left: Any, right: Any) -> str:
    if not isinstance(left, list) or not isinstance(right, list):
        return _in_record(left, right)
    counts = f"{len(left)} → {len(right)} records; " if len(left) != len(right) else ""
    for n, (mine, other) in enumerate(zip(left, right, strict=False)):
        if json.dumps(mine) != json.dumps(other):
            return f"{counts}record {n} ({_when(mine)}): {_in_record(mine, other)}"
    return f"{counts}the first {min(len(left), len(right))} are equal"


def _when(record: Any) -> str:
    return str(record.get("created_at") or record.get("date") or "") if isinstance(record, dict) else ""


def _in_record(left: Any, right: Any) -> str:
    if not isinstance(left, dict) or not isinstance(right, dict):
        return f"{_short(left)} → {_short(right)}"
    if left == right:
        return "another order of keys, or numbers spelled otherwise"
    names = [k for k in [*left, *(k for k in right if k not in left)] if _differs(left, right, k)]
    return ", ".join(f"{k} {_short(left.get(k, '(none)'))} → {_short(right.get(k, '(none)'))}" for k in names)


def _differs(left: dict[str, Any], right: dict[str, Any], key: str) -> bool:
    return (key in left) != (key in right) or left.get(key) != right.get(key)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _as_read(files: dict[str, bytes]) -> dict[str, Any]:
    """The files reduced to what upstream reads of them."""
    return {name: _reduced(name, json.loads(content)) for name, content in files.items()}


def _reduced(name: str, document: Any) -> Any:
    if "ns-entries" in name:
        return [(e.get("date"), e.get("glucose") or e.get("sgv")) for e in document]
    if "ns-treatments" in name:
        return [_reduced_treatment(t) for t in document if _counts(t)]
    if "pump" in name and isinstance(document, dict):
        return {k: v for k, v in document.items() if k != "timezone"}
    return document


def _counts(treatment: Any) -> bool:
    if not isinstance(treatment, dict):
        return True
    given = treatment.get("insulin") or treatment.get("carbs") or treatment.get("_type") or treatment.get("bolus")
    return bool(given) or treatment.get("eventType") == "Temp Basal" or treatment.get("enteredBy") in TOLD_APART


def _reduced_treatment(treatment: Any) -> Any:
    if not isinstance(treatment, dict):
        return treatment
    read = {k: treatment[k] for k in READ_OF_TREATMENTS if treatment.get(k) is not None}
    for name in ("insulin", "carbs"):
        if not read.get(name):
            read.pop(name, None)
    if "carbs" not in read and treatment.get("enteredBy") not in TOLD_APART:
        read.pop("timestamp", None)  # history.js writes created_at over it; meal/history.js compares it
    read["eventType"] = read.get("eventType") if read.get("eventType") in COUNTED_TYPES else None
    read["enteredBy"] = treatment.get("enteredBy") if treatment.get("enteredBy") in TOLD_APART else None
    return read


# --- numbers


def _numbers(one: Transformation, left: Made, right: Made, tuner: Tuner) -> Outcome:
    if one.kind is Class.KNOWN and (wrong := _other_dates(left, right)):
        return Outcome(Status.DIFFERS, wrong)
    found = tuner.settings(left), tuner.settings(right)
    if isinstance(found[0], str) or isinstance(found[1], str):
        if found[0] == found[1]:
            return Outcome(Status.OK, f"upstream stops alike: {found[0]}")
        codes = [f if isinstance(f, str) else "not refused" for f in found]
        return Outcome(Status.REFUSED, f"{codes[0]} → {codes[1]}", code=codes[1])
    (start, tuned), (other_start, other) = found
    mine, theirs = _values(tuned), _values(other)
    if one.compared is Compared.RATIOS:
        mine, theirs = _shares(mine, _values(start)), _shares(theirs, _values(other_start))
    wrong = [
        f"{name} {mine[name]:g} → {theirs[name]:g} ({theirs[name] / mine[name] - 1:+.2%})"
        for name in mine
        if not _near(mine[name], theirs[name], one.kind.tolerance)
    ]
    if wrong:
        return Outcome(Status.DIFFERS, _worst(wrong))
    largest = max(abs(theirs[n] / mine[n] - 1) for n in mine)
    return Outcome(Status.OK, f"numbers differ by {largest:.2%} at most" if largest else "")


def _values(settings: PumpSettings) -> dict[str, float]:
    values = {"carb ratio": settings.carb_ratio_g_per_u, "ISF": settings.isf_mgdl_per_u}
    return values | {f"basal {h:02d}:00": rate for h, rate in enumerate(settings.basal_u_per_h)}


def _shares(values: dict[str, float], of: dict[str, float]) -> dict[str, float]:
    return {name: value / of[name] for name, value in values.items()}


def _near(mine: float, other: float, tolerance: float) -> bool:
    if not tolerance:
        return mine == other
    return abs(mine - other) <= max(tolerance * abs(mine), SMALLEST_STEP) + 1e-9


def _worst(wrong: list[str]) -> str:
    rest = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return "; ".join(wrong[:3]) + rest


def _moved(left: Made, right: Made) -> timedelta:
    return right.person.now - left.person.now


def _other_dates(left: Made, right: Made) -> str | None:
    expected = [str(date.fromisoformat(d) + _moved(left, right)) for d in left.dates]
    return None if right.dates == expected else f"days {expected} expected, {right.dates} used"


# --- days


def _own_days(left: Made, right: Made) -> Outcome:
    """Each record lies in the day whose 04:00 to 04:00, by the clock on the wall, holds it; none is lost or double."""
    by_ms = _moved(left, right).total_seconds() * 1000
    windows = [_windows(left, 0.0), _windows(right, by_ms)]
    for kind in ("entries", "treatments"):
        counts = []
        for made, moved in ((left, 0.0), (right, by_ms)):
            counted: Counter[str] = Counter()
            for day in made.dates:
                start, end = _window(day, made.zone)
                for record in made.records(kind, day):
                    ms = _instant(kind, record)
                    if kind == "entries" and not start <= ms < end:
                        return Outcome(
                            Status.DIFFERS, f"ns-entries.{day}.json holds a reading of {record.get('dateString')}"
                        )
                    if start <= ms < end and all(any(a <= ms - moved < b for a, b in w) for w in windows):
                        counted[f"{ms - moved:.0f} {_amounts(record)}"] += 1
            counts.append(counted)
        lost, new = counts[0] - counts[1], counts[1] - counts[0]
        if lost or new:
            return Outcome(Status.DIFFERS, f"{kind}: {lost.total()} lost, {new.total()} new or double")
    return Outcome(Status.OK)


def _window(day: str, zone: str) -> tuple[float, float]:
    first = date.fromisoformat(day)
    start, end = (datetime.combine(d, time(4), ZoneInfo(zone)) for d in (first, first + timedelta(days=1)))
    return start.timestamp() * 1000, end.timestamp() * 1000


def _windows(made: Made, by_ms: float) -> list[tuple[float, float]]:
    return [(a - by_ms, b - by_ms) for a, b in (_window(day, made.zone) for day in made.dates)]


def _instant(kind: str, record: dict[str, Any]) -> float:
    found = instant_ms(record["date" if kind == "entries" else "created_at"], "UTC")
    assert found is not None
    return found[0]


def _amounts(record: dict[str, Any]) -> str:
    return json.dumps([record.get(k) for k in ("sgv", "glucose", "insulin", "carbs", "rate", "duration")])
