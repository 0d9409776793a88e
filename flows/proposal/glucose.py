"""The glucose of the days used, in the metrics clinicians agreed on, and by hour of the local day.

Source of the bands: International Consensus on Time in Range, Diabetes Care 2019;42:1593.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flows.history.glucose_artifacts import compressed
from flows.history.glucose_values import ABOVE_RANGE_MGDL, upstream_mgdl
from flows.history.lows import DEFAULT_RISE_MGDL, lows
from flows.history.slots import covered_share
from flows.proposal.document import Glucose, GlucoseHour, maybe_mmoll, mmoll
from flows.proposal.uncertainty import quantile
from flows.values.local_days import LocalDay
from flows.values.units import HOURS_PER_DAY

LEAST_READINGS_OF_AN_HOUR = 12  # one hour of one day: fewer have no percentiles
PERCENTILES = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
PREGNANCY_MGDL = (63, 140)


def glucose_of(
    days: Sequence[LocalDay],
    entries: Sequence[Sequence[Mapping[str, Any]]],
    treatments: Sequence[Sequence[Mapping[str, Any]]],
    unannounced_share_percent: float | None,
    lows_left_out: Sequence[tuple[float, float]] = (),
    highs_left_out: Sequence[float] = (),
    coverage: float | None = None,
    untold_rise_mgdl: float = DEFAULT_RISE_MGDL,
) -> Glucose | None:
    """Metrics of the days used; `None` where there is no reading.

    Args:
        days: the days used.
        entries, treatments: of each day, as upstream was given them (readings in mg/dL with `sgv` and numeric `date`).
        unannounced_share_percent: of upstream's points, from its own words.
        lows_left_out: epoch ms and mg/dL of the lows below 39 mg/dL, which upstream does not get but a sensor saw; of
            any days.
        highs_left_out: epoch ms of the readings above what a sensor can measure ("HIGH"), likewise. They count in the
            shares, as readings and as time with a sensor; mean, variation and percentiles have no number for them.
        coverage: the share of five minutes with a reading, where it is known from all that the sensor showed; otherwise
            it is told from these readings.
        untold_rise_mgdl: the rise after a low that counts where no carbs were entered (`flows.history.lows`).
    """
    if not days:
        return None
    left_out = {ms: mgdl for ms, mgdl in lows_left_out if any(day.glucose.holds(ms) for day in days)}
    readings = left_out | dict(pair for day in entries for entry in day if (pair := _reading(entry)))
    if not readings:
        return None
    values = list(readings.values())
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
    above = {ms for ms in highs_left_out if ms not in readings and any(day.glucose.holds(ms) for day in days)}
    everything = [*values, *[float(ABOVE_RANGE_MGDL)] * len(above)]
    share = _shares(everything)
    zone = days[0].zone
    all_left_out = [*left_out.items(), *((ms, float(ABOVE_RANGE_MGDL)) for ms in above)]
    found = lows(
        [e for day in entries for e in day],
        [t for day in treatments for t in day],
        zone,
        all_left_out,
        untold_rise_mgdl,
        _compressed(days, entries, treatments, left_out),
    )
    if coverage is None:
        coverage = _coverage(days, sorted({*readings, *above}))
    return Glucose(
        readings=len(everything),
        days=len(days),
        coverage_percent=round(100 * coverage, 1),
        mean_mgdl=round(mean, 1),
        mean_mmoll=mmoll(mean),
        cv_percent=round(100 * spread / mean, 1),
        below_54_percent=share["below_54"],
        from_54_to_69_percent=share["from_54"],
        in_range_70_180_percent=share["in_range"],
        from_181_to_250_percent=share["from_181"],
        above_250_percent=share["above_250"],
        below_63_percent=_at_least(sum(v < PREGNANCY_MGDL[0] for v in everything), len(everything)),
        above_140_percent=_at_most(sum(v > PREGNANCY_MGDL[1] for v in everything), len(everything)),
        lows=len(found),
        rises_after_lows_without_carbs=sum(low.rises_without_carbs for low in found),
        unannounced_share_percent=unannounced_share_percent,
        by_hour=tuple(_by_hour(readings, above, zone)),
    )


def _compressed(
    days: Sequence[LocalDay],
    entries: Sequence[Sequence[Mapping[str, Any]]],
    treatments: Sequence[Sequence[Mapping[str, Any]]],
    lows_left_out: Mapping[float, float],
) -> list[tuple[float, float]]:
    """What looks like compression, day by day as a day's quality is judged."""
    found = []
    for day, mine, events in zip(days, entries, treatments, strict=False):
        seen = [pair for entry in mine if (pair := _reading(entry))]
        curve = sorted([*seen, *(low for low in lows_left_out.items() if day.glucose.holds(low[0]))])
        dated = [dict(t) for t in events if isinstance(t.get("created_at"), str)]
        found += compressed(curve, dated, day.zone)
    return found


def _coverage(days: Sequence[LocalDay], instants: Sequence[float]) -> float:
    shares = [
        covered_share([ms for ms in instants if day.glucose.holds(ms)], day.glucose.start_ms, day.glucose.end_ms)
        for day in days
    ]
    return whole_of(days, shares)


def whole_of(days: Sequence[LocalDay], shares: Sequence[float]) -> float:
    """The share of all days together, from that of each."""
    return sum(d.length_hours * share for d, share in zip(days, shares, strict=True)) / sum(
        d.length_hours for d in days
    )


def _reading(entry: Mapping[str, Any]) -> tuple[float, float] | None:
    at, value = entry.get("date"), upstream_mgdl(entry)
    if isinstance(at, bool) or not isinstance(at, int | float) or value is None:
        return None
    return float(at), value


def _shares(values: Sequence[float]) -> dict[str, float]:
    """The bands' shares; those with a limit are rounded so that they are beyond it where the readings are."""
    counts, of = Counter(_band(v) for v in values), len(values)
    below_54, below_70 = (_at_least(n, of) for n in (counts["below_54"], counts["below_54"] + counts["from_54"]))
    return {
        "below_54": below_54,
        "from_54": round(below_70 - below_54, 2),  # so that both add up to the share below 70
        "in_range": round(100 * counts["in_range"] / of, 2),
        "from_181": round(100 * counts["from_181"] / of, 2),
        "above_250": _at_most(counts["above_250"], of),
    }


def _at_least(count: int, of: int) -> float:
    """The share in percent, rounded down: `>=` a limit of two decimals exactly where the readings are."""
    return (10_000 * count // of) / 100


def _at_most(count: int, of: int) -> float:
    """The share in percent, rounded up: `>` a limit of two decimals exactly where the readings are."""
    return -(-10_000 * count // of) / 100


def _band(mgdl: float) -> str:
    if mgdl < 70:
        return "below_54" if mgdl < 54 else "from_54"
    if mgdl <= 180:
        return "in_range"
    return "from_181" if mgdl <= 250 else "above_250"


def _by_hour(readings: Mapping[float, float], above: Collection[float], zone: str) -> list[GlucoseHour]:
    where = ZoneInfo(zone)
    hours: list[list[float]] = [[] for _ in range(HOURS_PER_DAY)]
    highs = Counter(datetime.fromtimestamp(ms / 1000, where).hour for ms in above)
    for ms, value in readings.items():
        hours[datetime.fromtimestamp(ms / 1000, where).hour].append(value)
    found = []
    for hour, values in enumerate(hours):
        enough = len(values) >= LEAST_READINGS_OF_AN_HOUR
        mgdl = {name: round(quantile(values, q), 1) if enough else None for name, q in PERCENTILES.items()}
        numbers = {f"{name}_mgdl": v for name, v in mgdl.items()} | {
            f"{name}_mmoll": maybe_mmoll(v) for name, v in mgdl.items()
        }
        count = len(values) + highs[hour]
        shares = {
            "below_70_percent": round(100 * sum(v < 70 for v in values) / count, 2) if count else None,
            "above_180_percent": round(100 * (sum(v > 180 for v in values) + highs[hour]) / count, 2)
            if count
            else None,
        }
        found.append(GlucoseHour(hour=hour, readings=len(values), **numbers, **shares))
    return found


def gmi_percent(mean_mgdl: float) -> float:
    """The glucose management indicator: the HbA1c, in percent, that people with this mean glucose have on average.

    Source: Bergenstal and others, Diabetes Care 2018;41:2275: 3.31 + 0.02392 × the mean in mg/dL.
    """
    return 3.31 + 0.02392 * mean_mgdl
