"""Why upstream recommends what it recommends: its own words over all days, counted for each setting and hour."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from flows.oref0.caps import Caps
from flows.oref0.log_parser import CarbRatio, DayLog, Isf, read_day, smoothed_hours
from flows.oref0.profile import PumpSettings
from flows.proposal.evidence_document import Cap
from flows.proposal.explanation_facts import BasalFacts, CarbRatioFacts, IsfFacts, Moved
from flows.proposal.explanation_text import FOR_BASAL, FOR_CARB_RATIO, FOR_ISF, sentences
from flows.proposal.recommendation import ROUNDING, within
from flows.values.sentence import Worded
from flows.values.units import HOURS_PER_DAY

SettingFacts = TypeVar("SettingFacts", bound=Moved)


@dataclass(frozen=True)
class Explained(Generic[SettingFacts]):
    """Of one setting: the facts counted in upstream's words, and what they come to; nothing where words are missing."""

    facts: SettingFacts | None = None
    said: tuple[Worded, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """In English, as they are stored."""
        return tuple(map(str, self.said))


@dataclass(frozen=True)
class Explanation:
    """Of a run.

    Attributes:
        isf, carb_ratio: of these settings.
        basal: of each hour.
        days_smoothed: of each hour, the days on which it was only smoothed; also known without upstream's words.
        unannounced_share_percent: of upstream's data points, those it took for rises nobody entered.
    """

    isf: Explained[IsfFacts]
    carb_ratio: Explained[CarbRatioFacts]
    basal: tuple[Explained[BasalFacts], ...]
    days_smoothed: tuple[int, ...]
    unannounced_share_percent: float | None


def explain(work: Path, dates: list[str], zone: str, pump: PumpSettings, recommended: PumpSettings) -> Explanation:
    """Read upstream's words of every day, and say for each setting what they come to.

    Where a day's words are missing nothing is said: sums over the other days would be wrong.

    Args:
        work: the work directory; reads autotune/{log,autotune,profile,newprofile}.DATE.* and profile.pump.json.
        dates: the days of the run.
        zone: the run's time zone.
        pump: the pump's settings, the measure of the caps.
        recommended: what upstream made of them.
    """
    smoothed = [found for date in dates if (found := smoothed_hours(work, date))]
    days_smoothed = tuple(sum(day[hour] for day in smoothed) for hour in range(HOURS_PER_DAY))
    days = [read_day(work, date, zone) for date in dates]
    known = [day for day in days if day is not None]
    if not known or len(known) < len(days):
        return Explanation(Explained(), Explained(), (Explained(),) * HOURS_PER_DAY, days_smoothed, None)
    caps, data_share = _caps(work)
    isf, ratio = _isf(known, pump, recommended, caps, data_share), _carb_ratio(known, pump, recommended, caps)
    basal = [_basal(known, hour, pump, recommended, caps) for hour in range(HOURS_PER_DAY)]
    return Explanation(
        Explained(isf, sentences(FOR_ISF, isf)),
        Explained(ratio, sentences(FOR_CARB_RATIO, ratio)),
        tuple(Explained(facts, sentences(FOR_BASAL, facts)) for facts in basal),
        days_smoothed,
        _unannounced(known),
    )


def _basal(days: Sequence[DayLog], hour: int, pump: PumpSettings, recommended: PumpSettings, caps: Caps) -> BasalFacts:
    current, new = pump.basal_u_per_h[hour], recommended.basal_u_per_h[hour]
    # oref0@0.7.1 lib/autotune/index.js books an hour's deviations on the basals "1-3 hour prior".
    after = [[day.hours[(hour + n) % HOURS_PER_DAY] for n in (1, 2, 3)] for day in days]
    own = [day.hours[hour] for day in days]
    needed = [round(math.fsum(h.needed_u_per_h for h in three), 2) for three in after]
    without = [not any(h.points for h in three) for three in after]
    limits = caps.basal(current)
    at_cap = [_stands_at(h.before_u_per_h, *limits) and bool(h.cap) for h in own]
    return BasalFacts(
        **_moved(current, new, limits, own[0].before_u_per_h, needed, [h.cap for h in own]),
        hour=hour,
        points=sum(h.points for h in own),
        total_deviation_mgdl=round(math.fsum(h.deviation_mgdl for h in own), 3),
        days_missing=sum(h.smoothed for h in own),
        days_without_points=sum(h.smoothed and none for h, none in zip(own, without, strict=True)),
        days_held_at_cap=sum(
            h.smoothed and held and not none for h, held, none in zip(own, at_cap, without, strict=True)
        ),
        points_after=sum(h.points for three in after for h in three),
        unannounced_after=sum(h.unannounced for three in after for h in three),
    )


def _isf(
    days: Sequence[DayLog], pump: PumpSettings, recommended: PumpSettings, caps: Caps, data_share: float
) -> IsfFacts:
    current = pump.isf_mgdl_per_u
    found = [day.isf for day in days]
    # A low factor is a high sensitivity: the pump's ISF is divided by it.
    limits, factors = caps.isf(current), [1 / day.cap if day.cap else None for day in found]
    ways, start = [_isf_way(day) for day in found], found[0].before_mgdl_per_u
    return IsfFacts(
        **_moved(current, recommended.isf_mgdl_per_u, limits, start, ways, factors),
        points=sum(day.points for day in found),
        days_too_few_points=sum(day.too_few for day in found),
        days_rising_under_insulin=sum(not day.too_few and (day.full_mgdl_per_u or 0) < 0 for day in found),
        days_borrowed_rises=sum(day.borrowed_rises for day in found),
        days_borrowed_meals=sum(day.borrowed_meals for day in found),
        data_counts_percent=round(100 * data_share),
    )


def _isf_way(day: Isf) -> float:
    # oref0@0.7.1 lib/autotune/index.js: below zero the sensitivity is left as it was.
    if day.too_few or day.before_mgdl_per_u is None or day.full_mgdl_per_u is None or day.full_mgdl_per_u < 0:
        return 0.0
    return day.full_mgdl_per_u - day.before_mgdl_per_u


def _carb_ratio(days: Sequence[DayLog], pump: PumpSettings, recommended: PumpSettings, caps: Caps) -> CarbRatioFacts:
    current, found = pump.carb_ratio_g_per_u, [day.carb_ratio for day in days]
    limits = caps.carb_ratio(current)
    ways, start = [_ratio_way(day) for day in found], found[0].before_g_per_u
    return CarbRatioFacts(
        **_moved(current, recommended.carb_ratio_g_per_u, limits, start, ways, [day.cap for day in found]),
        periods_used=sum(day.periods_used for day in found),
        periods_ignored=sum(day.periods_ignored for day in found),
        carbs_g=round(math.fsum(day.carbs_g for day in found), 1),
        insulin_u=round(math.fsum(day.insulin_u for day in found), 3),
        days_without_meals=sum(day.full_g_per_u is None for day in found),
    )


def _ratio_way(day: CarbRatio) -> float:
    if day.full_g_per_u is None or day.before_g_per_u is None:
        return 0.0
    return day.full_g_per_u - day.before_g_per_u


def _moved(
    current: float,
    new: float,
    limits: tuple[float, float],
    start: float | None,
    ways: Sequence[float],
    factors: Sequence[float | None],
) -> dict[str, Any]:
    """The fields of `Moved`; `ways` and `factors` are of each day: where it wanted to go, the cap that stopped it."""
    low, high = limits
    stopped = [factor for factor in factors if factor is not None]
    cap = None
    if _stands_at(new, low, high) and (stopped or new != current):
        cap = Cap.HIGH if high - new < new - low else Cap.LOW
    found = Moved(
        days=len(ways),
        current=current,
        recommended=new,
        at_cap=cap,
        past_cap=not within(new, limits),
        cap_low_percent=round(100 * (1 - low / current)),
        cap_high_percent=round(100 * (high / current - 1)),
        days_capped_low=sum(factor < 1 for factor in stopped),
        days_capped_high=sum(factor >= 1 for factor in stopped),
        days_up=sum(way > 0 for way in ways),
        days_down=sum(way < 0 for way in ways),
        started_from_previous=start is not None and abs(start - current) > ROUNDING,
    )
    return vars(found)


def _stands_at(value: float, low: float, high: float) -> bool:
    return not low + ROUNDING < value < high - ROUNDING


def _unannounced(days: Sequence[DayLog]) -> float | None:
    total = sum(sum(day.kinds.values()) for day in days)
    return round(100 * sum(day.kinds.get("uam", 0) for day in days) / total, 1) if total else None


def _caps(work: Path) -> tuple[Caps, float]:
    """The pump profile's caps and how much of an ISF the data decides (0–1), or upstream's where it cannot be read."""
    try:
        pump: Any = json.loads((work / "autotune" / "profile.pump.json").read_text("utf-8"))
        share = float(pump.get("autotune_isf_adjustmentFraction", 1.0))
        return Caps.of(pump), share if math.isfinite(share) else 1.0
    except (OSError, ValueError, TypeError, AttributeError):
        return Caps(), 1.0
