"""Would the new settings have explained days that they were not tuned on better than the old ones?

Upstream's own prep sorts and scores the held-out days under both; nothing is simulated. A basal deviation is what a
reading moved by that insulin does not explain (mg/dL in five minutes); only instants that prep books to basal under
both settings are compared. A carb ratio is scored by the insulin each meal needed, by lib/autotune/index.js
(oref0@0.7.1): starting insulin on board + given + what the change of glucose would have taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flows.language.catalogue import to_translate
from flows.oref0.profile import PumpSettings
from flows.values.sentence import NamedFacts, Worded, sentence_of, worded

LEAST_POINTS = 24  # two hours of readings in basal hours
BETTER_BY = 0.02  # of the old mean absolute deviation: less is no difference
TOO_FEW = to_translate(
    "The {days:.0f} days kept aside hold too few readings in basal hours to compare the settings on."
)
LESS = to_translate(
    "On {days:.0f} days kept aside the new settings leave {unexplained_percent:.0f} % less unexplained in basal hours."
)
MORE = to_translate(
    "On {days:.0f} days kept aside the new settings leave {unexplained_percent:.0f} % more unexplained in basal hours."
)
NO_BETTER = to_translate(
    "On {days:.0f} days kept aside the new settings explain basal hours no better than the old ones."
)


@dataclass(frozen=True)
class DeviationScores:
    """Of held-out days under one set of settings; `None` where there was nothing to score."""

    mean_absolute_deviation_mgdl: float | None
    rms_deviation_mgdl: float | None
    carb_ratio_residual_u: float | None


@dataclass(frozen=True)
class HeldOutResult:
    """The days, the points compared, both scores, and the honest outcome."""

    days: tuple[str, ...]
    basal_points: int
    meals: int
    old: DeviationScores
    new: DeviationScores
    better: bool | None
    sentence: str
    facts: NamedFacts
    said: Worded

    def document(self) -> dict[str, Any]:
        """For `evidence.json`."""
        return {**asdict(self), "days": list(self.days)}


def compare(
    days: Sequence[str],
    old: Sequence[dict[str, Any]],
    new: Sequence[dict[str, Any]],
    settings: tuple[PumpSettings, ...],
) -> HeldOutResult:
    """Score the held-out days.

    Args:
        days: their dates.
        old, new: upstream's prep output (autotune.DATE.json) of each day under the old and the new settings.
        settings: the old and the new settings.
    """
    basal_old, basal_new = _both(old, new, "basalGlucoseData")
    meals_old, meals_new = _meals(old), _meals(new)
    scores = [
        DeviationScores(_mean_absolute(basal), _rms(basal), _residual(meals, used))
        for basal, meals, used in zip((basal_old, basal_new), (meals_old, meals_new), settings, strict=True)
    ]
    better, words, share = _outcome(len(basal_old), scores[0], scores[1])
    known = {"days": len(days), "unexplained_percent": 100 * share}
    said = *sentence_of(words, known), worded(words, known)
    return HeldOutResult(tuple(days), len(basal_old), len(meals_old), scores[0], scores[1], better, *said)


def what_is_scored(day: dict[str, Any]) -> dict[str, Any]:
    """Of upstream's prep output of a day what `compare` reads: of a run of months all of it would be too much."""
    points = [{name: point.get(name) for name in ("date", "deviation")} for point in day.get("basalGlucoseData") or []]
    return {"basalGlucoseData": points, "CRData": day.get("CRData")}


def _outcome(points: int, old: DeviationScores, new: DeviationScores) -> tuple[bool | None, str, float]:
    """Whether it is better, the words for it, and by which share more or less is left unexplained."""
    before, after = old.mean_absolute_deviation_mgdl, new.mean_absolute_deviation_mgdl
    if points < LEAST_POINTS or before is None or after is None:
        return None, TOO_FEW, 0.0
    share = abs(1 - after / before)
    if after < before * (1 - BETTER_BY):
        return True, LESS, share
    if after > before * (1 + BETTER_BY):
        return False, MORE, share
    return False, NO_BETTER, share


def _both(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], kind: str) -> tuple[list[float], list[float]]:
    first, second = _by_instant(old, kind), _by_instant(new, kind)
    shared = sorted(first.keys() & second.keys())
    return [first[at] for at in shared], [second[at] for at in shared]


def _by_instant(days: Sequence[dict[str, Any]], kind: str) -> dict[tuple[int, Any], float]:
    return {
        (n, point["date"]): float(point["deviation"])
        for n, day in enumerate(days)
        for point in day.get(kind) or []
        if isinstance(point.get("date"), int | float) and _is_number(point.get("deviation"))
    }


def _is_number(value: Any) -> bool:
    # Upstream writes deviations as text with two decimals.
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _mean_absolute(deviations: Sequence[float]) -> float | None:
    return round(math.fsum(map(abs, deviations)) / len(deviations), 3) if deviations else None


def _rms(deviations: Sequence[float]) -> float | None:
    return round(math.sqrt(math.fsum(d * d for d in deviations) / len(deviations)), 3) if deviations else None


def _meals(days: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("CRInitialIOB", "CRInitialBG", "CREndBG", "CRInsulin", "CRCarbs")
    return [meal for day in days for meal in day.get("CRData") or [] if all(_is_number(meal.get(n)) for n in names)]


def _residual(meals: Sequence[dict[str, Any]], settings: PumpSettings) -> float | None:
    """Mean absolute difference, in units, of what the carb ratio gives for a meal and what it took."""
    wrong = []
    for meal in meals:
        change_u = (float(meal["CREndBG"]) - float(meal["CRInitialBG"])) / settings.isf_mgdl_per_u
        took_u = float(meal["CRInitialIOB"]) + float(meal["CRInsulin"]) + change_u
        wrong.append(abs(float(meal["CRCarbs"]) / settings.carb_ratio_g_per_u - took_u))
    return round(math.fsum(wrong) / len(wrong), 3) if wrong else None
