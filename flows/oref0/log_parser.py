"""What upstream said and wrote about a day, as typed facts: deviations, caps, points, meals, what it did not change.

Reads the two logs of the day (console.error of upstream's own code) and its files. Every pattern stands below the line
of upstream it reads. What is not known is skipped; a day that cannot be read whole is no day at all.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flows.oref0.profile import block_at
from flows.values.run_directory import json_or_none
from flows.values.units import HOURS_PER_DAY, SECOND_MS

LEAST_ISF_POINTS = 10  # oref0@0.7.1 lib/autotune/index.js: `if (ISFGlucose.length < 10)`
_N = r"(-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Infinity)|NaN)"

# oref0@0.7.1 lib/autotune/index.js: console.error("Hour",hour.toString(),"total deviations:",deviations,"mg/dL");
_DEVIATIONS = re.compile(rf"^Hour (\d+) total deviations: {_N} mg/dL$", re.MULTILINE)
# oref0@0.7.1 lib/autotune/index.js: console.error("Hour",hour,"basal adjustment needed:",basalNeeded,"U/hr");
_NEEDED = re.compile(rf"^Hour (\d+) basal adjustment needed: {_N} U/hr$", re.MULTILINE)
# oref0@0.7.1 lib/autotune/index.js: console.error("Limiting hour",hour,"basal to",maxRate.toFixed(2),"(which is",
#   autotuneMax,"* pump basal of",hourlyPumpProfile[hour].rate,")"); and the same with minRate and autotuneMin
_BASAL_CAP = re.compile(rf"^Limiting hour (\d+) basal to {_N} \(which is {_N} \* pump basal of {_N} \)$", re.MULTILINE)
# oref0@0.7.1 lib/autotune/index.js: console.error("CRTotalCarbs:",CRTotalCarbs,"CRTotalInsulin:",CRTotalInsulin,
#   "totalCR:",totalCR);
_MEALS = re.compile(rf"^CRTotalCarbs: {_N} CRTotalInsulin: {_N} totalCR: {_N}$", re.MULTILINE)
# oref0@0.7.1 lib/autotune/index.js: console.error("Limiting fullNewCR from",fullNewCR,"to",maxCR.toFixed(2),
#   "(which is",autotuneMax,"* pump CR of",pumpCarbRatio,")"); and "Limiting CR to", and both with minCR
_CR_CAP = re.compile(rf"^Limiting (?:fullNewCR from {_N}|CR) to {_N} \(which is {_N} \* pump CR of {_N} \)$", re.M)
# oref0@0.7.1 lib/autotune/index.js: console.error("oldCR:",carbRatio,"fullNewCR:",fullNewCR,"newCR:",newCR);
_CR = re.compile(rf"^oldCR: {_N} fullNewCR: {_N} newCR: {_N}$", re.MULTILINE)
# oref0@0.7.1 lib/autotune/index.js: console.error("Limiting adjusted ISF of",adjustedISF.toFixed(2),"to",
#   maxISF.toFixed(2),"(which is pump ISF of",pumpISF,"/",autotuneMin,")"); and "Limiting ISF of", both with minISF
_ISF_CAP = re.compile(rf"^Limiting (?:adjusted )?ISF of {_N} to {_N} \(which is pump ISF of {_N} / {_N} \)$", re.M)
# oref0@0.7.1 lib/autotune/index.js: console.error("p50deviation:",p50deviation,"p50BGI",p50BGI,"p50ratios:",p50ratios,
#   "Old ISF:",ISF,"fullNewISF:",fullNewISF,"adjustedISF:",adjustedISF,"newISF:",newISF,"newDIA:",…);
_ISF = re.compile(
    rf"^p50deviation: {_N} p50BGI {_N} p50ratios: {_N} Old ISF: {_N} fullNewISF: {_N} adjustedISF: {_N} newISF: {_N} ",
    re.MULTILINE,
)
# oref0@0.7.1 lib/autotune-prep/categorize.js: console.error(absorbing.toString(),"mealCOB:",…,"at",BGTime,"dev:",dev5m,
#   "avgDev:",deviation,"avgDelta:",avgDelta,type,BG,myCarbs); once for each data point
_POINT = re.compile(r"^[01] mealCOB: .* at (\d\d:\d\d:\d\d) dev: .* (csf|uam|basal|ISF) \S+ \S+$", re.MULTILINE)
# oref0@0.7.1 lib/autotune-prep/categorize.js: console.error("CRInitialIOB:",CRInitialIOB,"CRInitialBG:",…); as a meal
#   period opens. It closes into CRData, or is ignored (under an hour, carbs left at the end), or is never closed.
_MEAL_OPENED = re.compile(r"^CRInitialIOB: ", re.MULTILINE)
# oref0@0.7.1 lib/autotune-prep/categorize.js: console.error("Adding",UAMLength,"UAM deviations to",ISFLength,
#   "ISF ones");
_UAM_FOR_ISF = re.compile(r"^Adding \d+ UAM deviations to \d+ ISF ones$", re.MULTILINE)
# oref0@0.7.1 lib/autotune-prep/categorize.js: console.error("Adding",CSFLength,"CSF deviations to",ISFLength,
#   "ISF ones");
_MEALS_FOR_ISF = re.compile(r"^Adding \d+ CSF deviations to \d+ ISF ones$", re.MULTILINE)


@dataclass(frozen=True)
class Hour:
    """One hour of the local day: what glucose did unexplained in it, and what became of its basal rate.

    `deviation_mgdl` and `needed_u_per_h` are of glucose in this hour; upstream books them on the three hours before.
    `unannounced` of the `points` were rises taken for meals nobody entered. `cap` is the factor of the pump's basal
    that stopped it. `smoothed`: no change of its own, so it went a fifth of the way to its neighbours.
    """

    deviation_mgdl: float
    needed_u_per_h: float
    points: int
    unannounced: int
    cap: float | None
    smoothed: bool
    before_u_per_h: float


@dataclass(frozen=True)
class Isf:
    """The sensitivity: the one of before, the one the day's points alone would give (`None`: no number), and the cap.

    `cap` is the factor the pump's ISF is divided by. Points may be borrowed from rises or meals where there are few.
    """

    points: int
    before_mgdl_per_u: float | None
    full_mgdl_per_u: float | None
    cap: float | None
    borrowed_rises: bool
    borrowed_meals: bool

    @property
    def too_few(self) -> bool:
        """Upstream left it alone."""
        return self.points < LEAST_ISF_POINTS


@dataclass(frozen=True)
class CarbRatio:
    """The carb ratio: meal periods used and ignored, carbs and insulin of those used, and what they alone give."""

    periods_used: int
    periods_ignored: int
    carbs_g: float
    insulin_u: float
    before_g_per_u: float | None
    full_g_per_u: float | None
    cap: float | None


@dataclass(frozen=True)
class DayLog:
    """All of a day. `kinds` counts the data points as upstream first sorted them: csf, uam, basal, ISF."""

    date: str
    hours: tuple[Hour, ...]
    isf: Isf
    carb_ratio: CarbRatio
    kinds: dict[str, int]


def read_day(work: Path, date: str, zone: str) -> DayLog | None:
    """What upstream said about the day; `None` where a log or a file is missing or cut off.

    Reads autotune/log.DATE.prep.txt, log.DATE.core.txt, autotune.DATE.json, profile.DATE.json, newprofile.DATE.json.

    Args:
        work: the work directory.
        date: the local day.
        zone: the run's time zone, whose hours upstream books on (it ran with that `TZ`).
    """
    files = work / "autotune"
    prep, core = _text(files / f"log.{date}.prep.txt"), _text(files / f"log.{date}.core.txt")
    points, start = json_or_none(files / f"autotune.{date}.json"), json_or_none(files / f"profile.{date}.json")
    smoothed = smoothed_hours(work, date)
    if prep is None or core is None or smoothed is None:
        return None
    try:
        kinds = Counter(kind for _, kind in _POINT.findall(prep))
        hours = tuple(_hours(prep, core, points["basalGlucoseData"], start["basalprofile"], smoothed, zone))
        isf = _isf(prep, core, len(points["ISFGlucoseData"]))
        sensitivity = float(start["isfProfile"]["sensitivities"][0]["sensitivity"])
        return DayLog(date, hours, isf, _carb_ratio(prep, core, points["CRData"], sensitivity), dict(kinds))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, OSError):
        return None


def smoothed_hours(work: Path, date: str) -> tuple[bool, ...] | None:
    """The hours upstream moved towards their neighbours that day; `None` where a profile is missing.

    oref0@0.7.1 lib/autotune/index.js counts them in `untuned`, which goes from profile to profile: what counts is that
    it grew. It grows too where an hour stood at its cap and was pushed further: upstream sees no change and smooths.
    """
    files = work / "autotune"
    start, new = json_or_none(files / f"profile.{date}.json"), json_or_none(files / f"newprofile.{date}.json")
    try:
        before, after = ([block_at(p["basalprofile"], h) for h in range(HOURS_PER_DAY)] for p in (start, new))
        return tuple(
            int(b.get("untuned") or 0) < int(a.get("untuned") or 0) for b, a in zip(before, after, strict=True)
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
        return None


def _hours(
    prep: str, core: str, basal: list[Any], blocks: list[Any], smoothed: tuple[bool, ...], zone: str
) -> Iterator[Hour]:
    deviations, needed = _by_hour(_DEVIATIONS, core), _by_hour(_NEEDED, core)
    caps = {int(h): _finite(factor) for h, _, factor, _ in _BASAL_CAP.findall(core)}
    # oref0@0.7.1 lib/autotune/index.js: BGTime.getHours(), by the clock on the wall: of 25 hours two are one.
    instants = [_local(point["date"], zone) for point in basal]
    points = Counter(at.hour for at in instants)
    kinds: dict[str, list[str]] = {}
    for clock, kind in _POINT.findall(prep):
        kinds.setdefault(clock, []).append(kind)
    rises = Counter(at.hour for at in instants if _kind(kinds, at) == "uam")
    for hour in range(HOURS_PER_DAY):
        yield Hour(
            deviation_mgdl=deviations[hour],
            needed_u_per_h=needed[hour],
            points=points[hour],
            unannounced=rises[hour],
            cap=caps.get(hour),
            smoothed=smoothed[hour],
            before_u_per_h=float(block_at(blocks, hour)["rate"]),
        )


def _isf(prep: str, core: str, points: int) -> Isf:
    _, _, _, before, full, _, _ = _ISF.findall(core)[-1]
    caps = _ISF_CAP.findall(core)
    return Isf(
        points=points,
        before_mgdl_per_u=_finite(before),
        full_mgdl_per_u=_finite(full),
        cap=_finite(caps[-1][-1]) if caps else None,
        borrowed_rises=bool(_UAM_FOR_ISF.search(prep)),
        borrowed_meals=bool(_MEALS_FOR_ISF.search(prep)),
    )


def _carb_ratio(prep: str, core: str, periods: list[Any], isf_mgdl_per_u: float) -> CarbRatio:
    def insulin_u(period: dict[str, Any]) -> float:
        # oref0@0.7.1 lib/autotune/index.js: CRInitialIOB + CRInsulin + CRBGChange / ISF; it counts where that is > 0.
        needed = (period["CREndBG"] - period["CRInitialBG"]) / isf_mgdl_per_u
        return float(period["CRInitialIOB"] + period["CRInsulin"] + needed)

    carbs, insulin, ratio = _MEALS.findall(core)[-1]
    before, _, _ = _CR.findall(core)[-1]
    caps = _CR_CAP.findall(core)
    used = sum(insulin_u(p) > 0 for p in periods)
    return CarbRatio(
        periods_used=used,
        periods_ignored=max(len(_MEAL_OPENED.findall(prep)), len(periods)) - used,
        carbs_g=_finite(carbs) or 0.0,
        insulin_u=_finite(insulin) or 0.0,
        before_g_per_u=_finite(before),
        full_g_per_u=_finite(ratio) or None,  # 0 / 0 or 0 / insulin: no meal to learn from
        cap=_finite(caps[-1][-2]) if caps else None,
    )


def _by_hour(pattern: re.Pattern[str], core: str) -> dict[int, float]:
    found = {int(hour): float(value) for hour, value in pattern.findall(core)}
    if not all(math.isfinite(found[hour]) for hour in range(HOURS_PER_DAY)):
        raise ValueError
    return found


def _local(epoch_ms: float, zone: str) -> datetime:
    return datetime.fromtimestamp(math.floor(epoch_ms / SECOND_MS), UTC).astimezone(ZoneInfo(zone))


def _kind(kinds: dict[str, list[str]], at: datetime) -> str | None:
    # The log has clocks only; where the clock was put back one stands twice, the earlier instant first.
    found = kinds.get(f"{at:%H:%M:%S}")
    return found[min(at.fold, len(found) - 1)] if found else None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _text(file: Path) -> str | None:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return None
