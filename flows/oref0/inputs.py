"""What upstream is about to read, checked before it runs: the inputs it fails on, or silently reads wrong.

Upstream's exit status says nothing about these (see docs/upstream.md), and most would
give a plausible profile. Profile faults and unreadable files always refuse; quirks of treatments, which `corrected`
inputs have repaired, are warned about where data is handed over untouched.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.history.boluses import COUNTED_TYPES
from flows.history.glucose_values import LOWEST_MGDL, upstream_value
from flows.history.records import bolus_u, carbs_g
from flows.history.temp_basals import AAPS, LONGEST_MIN
from flows.language.translatable import translatable
from flows.nightscout.documents import json_type
from flows.oref0.caps import DEFAULT_HIGH, DEFAULT_LOW, UPSTREAM_CARB_RATIO_G_PER_U, WIDEST_CAPS
from flows.profiles.parse import ACCEPTED_ISF_MGDL_PER_U
from flows.values.timestamps import instant_ms

CURVES = ("rapid-acting", "ultra-rapid", "bilinear")
UPSTREAM_DIA_H = (2.0, 12.0)


def check_profile(document: Any) -> None:
    """Refuse a pump or start profile that upstream would die of or misread.

    Raises:
        Refused: a `BASAL_…`, `ISF_…`, `CARB_RATIO_RANGE`, `CURVE_UNKNOWN`, `DIA_MISSING`, `CARB_IMPACT_MISSING` or
            `CAPS_WIDENED` reason.
    """
    if not isinstance(document, dict):
        raise Refused(Reason.FILE_NOT_RECORDS, file="the pump profile", detail=json_type(document))
    _check_basal(document.get("basalprofile"))
    _check_isf(document.get("isfProfile"))
    low, high = UPSTREAM_CARB_RATIO_G_PER_U
    if not low <= _number(document.get("carb_ratio")) <= high:
        raise Refused(Reason.CARB_RATIO_RANGE, low=low, high=high)
    if document.get("curve") not in CURVES:
        raise Refused(Reason.CURVE_UNKNOWN, value=document.get("curve"))
    low, high = UPSTREAM_DIA_H
    if not low <= _number(document.get("dia")) <= high:
        raise Refused(Reason.DIA_MISSING, low=low, high=high)
    if math.isnan(_number(document.get("min_5m_carbimpact"))):
        raise Refused(Reason.CARB_IMPACT_MISSING)
    low, high = WIDEST_CAPS
    for name, default in (("autosens_min", DEFAULT_LOW), ("autosens_max", DEFAULT_HIGH)):
        if not low <= _number(document.get(name, default)) <= high:
            raise Refused(Reason.CAPS_WIDENED, low=low, high=high)


def _check_basal(blocks: Any) -> None:
    if not isinstance(blocks, list) or not blocks:
        raise Refused(Reason.BASAL_EMPTY)
    if not all(
        isinstance(b, dict) and not math.isnan(_number(b.get("rate")) + _number(b.get("minutes"))) for b in blocks
    ):
        raise Refused(Reason.BASAL_ORDER)
    if blocks[0]["minutes"] != 0:
        raise Refused(Reason.BASAL_START)
    minutes = [_number(b["minutes"]) for b in blocks]
    # lib/profile/basal.js sorts by `i`, which as text has another order; without it the order of the file counts.
    numbers = [b.get("i", n) for n, b in enumerate(blocks)]
    numeric = all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
    if not numeric or sorted(set(minutes)) != minutes or sorted(set(numbers)) != numbers:
        raise Refused(Reason.BASAL_ORDER)
    for block in blocks:
        if float(block["rate"]) <= 0:
            hour, minute = divmod(int(_number(block["minutes"])), 60)
            raise Refused(Reason.BASAL_ZERO, start=f"{hour:02d}:{minute:02d}")


def _check_isf(profile: Any) -> None:
    blocks = profile.get("sensitivities") if isinstance(profile, dict) else None
    if not isinstance(blocks, list) or not blocks or not isinstance(blocks[0], dict):
        raise Refused(Reason.ISF_MISSING)
    if blocks[0].get("offset") != 0:
        raise Refused(Reason.ISF_START)
    low, high = ACCEPTED_ISF_MGDL_PER_U
    for block in blocks:
        value = _number(block.get("sensitivity") if isinstance(block, dict) else None)
        if math.isnan(value):
            raise Refused(Reason.ISF_MISSING)
        if not low <= value <= high:
            raise Refused(Reason.ISF_RANGE, value=value, low=low, high=high)


def _number(value: Any) -> float:
    # Upstream computes with numeric text for these fields; only what is no number is wrong. NaN fails every comparison.
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return found if math.isfinite(found) else math.nan


def check_work_dir(work: Path, dates: list[str], *, now_ms: float, zone: str, corrected: bool = False) -> list[str]:
    """Check everything upstream is about to read.

    Reads settings/pumpprofile.json, autotune/profile.json and each day's ns-*.json.

    Args:
        work: the work directory.
        dates: its days.
        now_ms: the clock.
        zone: for times without one.
        corrected: copies were looked for before.

    Returns:
        Warnings about treatments upstream will misread (none after `corrected` inputs).

    Raises:
        Refused: as the failure table has it, one reason a row.
    """
    pump = _load(work / "settings" / "pumpprofile.json", Reason.PUMP_PROFILE_MISSING)
    check_profile(pump)
    start = _load(work / "autotune" / "profile.json", Reason.PUMP_PROFILE_MISSING)
    if start != pump:
        check_profile({**start, "curve": pump["curve"]} if isinstance(start, dict) else start)
    warnings: dict[str, int] = {}
    doses: Counter[tuple[Any, float, float]] = Counter()
    without_insulin: list[str] = []
    for date in dates:
        _check_glucose(_day_file(work, "ns-entries", date, Reason.GLUCOSE_NOT_DATA), date, now_ms)
        treatments = _day_file(work, "ns-treatments", date, Reason.TREATMENTS_NOT_DATA)
        for text, count in _check_treatments(treatments, date, now_ms, zone).items():
            warnings[text] = warnings.get(text, 0) + count
        if not any(_gives_insulin(t) for t in treatments):
            without_insulin.append(date)
        # The days' windows overlap: what a day holds twice counts, what two days hold does not.
        doses |= Counter((t.get("created_at"), bolus_u(t), carbs_g(t)) for t in treatments if bolus_u(t) or carbs_g(t))
    if len(without_insulin) == len(dates):
        raise Refused(Reason.NO_INSULIN, days=", ".join(without_insulin[:5]))
    found = [translatable("{count} treatments {text}.", count=count, text=text) for text, count in warnings.items()]
    if not corrected and (copies := doses.total() - len(doses)):
        found.append(
            translatable(
                "{copies} treatments are the same as another of the same time: upstream counts all of them.",
                copies=copies,
            )
        )
    if without_insulin:
        found.append(
            translatable(
                "No insulin in the treatments of {without_insulin}: those days move the sensitivity wrongly.",
                without_insulin=", ".join(without_insulin),
            )
        )
    return found


def has_usable_glucose(entry: Any) -> bool:
    """Whether upstream takes a reading's glucose: 39 mg/dL or more (lib/autotune-prep/categorize.js, filterRecords)."""
    return isinstance(entry, dict) and upstream_value(entry) >= LOWEST_MGDL


def _check_glucose(entries: list[Any], date: str, now_ms: float) -> None:
    records = [e for e in entries if isinstance(e, dict)]
    if len(records) < len(entries):
        raise Refused(Reason.GLUCOSE_NOT_DATA, day=date, detail="a null among the readings")
    dated = [e for e in records if e.get("sgv") is not None or e.get("glucose") is not None]
    if wrong := [e for e in dated if not isinstance(e.get("date"), int | float) or e["date"] < 1e11]:
        raise Refused(Reason.GLUCOSE_DATE, day=date, count=len(wrong))
    values = [upstream_value(e) for e in dated]
    usable = [v for v in values if v >= LOWEST_MGDL]
    if not usable:
        positive = [v for v in values if 1 < v < 30]
        if positive and len(positive) > len(values) / 2 and any(v != int(v) for v in positive):
            raise Refused(Reason.GLUCOSE_IN_MMOL, day=date)
        raise Refused(Reason.NO_GLUCOSE, days=date)
    if len(usable) < 6:
        raise Refused(Reason.TOO_FEW_READINGS, day=date, count=len(usable))
    if future := sum(1 for e in dated if e["date"] > now_ms):
        raise Refused(Reason.DATA_IN_FUTURE, day=date, count=future)


def _check_treatments(treatments: list[Any], date: str, now_ms: float, zone: str) -> dict[str, int]:
    if any(not isinstance(t, dict) for t in treatments):
        raise Refused(Reason.TREATMENTS_NOT_DATA, day=date, detail="a null among the treatments")
    future = 0
    for record in treatments:
        found = instant_ms(record.get("created_at"), zone)
        future += bool(found and found[0] > now_ms and _gives_insulin(record))
        duration = record.get("duration")
        is_temp_basal = record.get("eventType") == "Temp Basal" and isinstance(duration, int | float)
        if is_temp_basal and duration > LONGEST_MIN:
            raise Refused(Reason.LONG_TEMP_BASAL, day=date, hours=duration / 60)
    if future:
        raise Refused(Reason.DATA_IN_FUTURE, day=date, count=future)
    counts = {text: sum(map(holds, treatments)) for text, holds in MISREAD.items()}
    return {text: count for text, count in counts.items() if count}


def _gives_insulin(record: Any) -> bool:
    return isinstance(record, dict) and (bolus_u(record) > 0 or record.get("eventType") == "Temp Basal")


def _no_rate(record: dict[str, Any]) -> bool:
    if record.get("eventType") != "Temp Basal" or record.get("duration") in (None, 0):
        return False
    if record.get("enteredBy") == AAPS:
        return record.get("absolute") is None
    return record.get("rate") is None and record.get("amount") is None


MISREAD: dict[str, Callable[[dict[str, Any]], bool]] = {
    "have no created_at: upstream loses the boluses after them": lambda t: not t.get("created_at"),
    "are temporary basals whose rate upstream does not find": _no_rate,
    "hold insulin under an event type upstream ignores": lambda t: (
        bolus_u(t) > 0
        and t.get("eventType") not in COUNTED_TYPES
        and t.get("_type") != "Bolus"
        and t.get("enteredBy") != "xdrip"
    ),
    "hold insulin, carbs or a duration as text: upstream adds them up wrongly": lambda t: any(
        isinstance(t.get(k), str) and t[k].strip() for k in ("insulin", "carbs", "duration")
    ),
    "were deleted by their uploader (isValid false): upstream counts them": lambda t: (
        t.get("isValid") is False and _gives_insulin(t)
    ),
}


def _load(file: Path, missing: Reason, **told: str) -> Any:
    name = f"{file.parent.name}/{file.name}"
    try:
        return json.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise Refused(missing, file=name, **told) from None
    except ValueError:
        raise Refused(Reason.FILE_NOT_JSON, file=name, detail="cut off or no JSON") from None


def _day_file(work: Path, kind: str, date: str, reason: Reason) -> list[Any]:
    file = work / "autotune" / f"{kind}.{date}.json"
    document = _load(file, Reason.FILE_MISSING, remedy="Fetch that day's data again.")
    if not isinstance(document, list):
        raise Refused(reason, day=date, detail=json_type(document))
    return document
