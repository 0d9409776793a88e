"""Episodes of low glucose, and those after which glucose rose although nobody entered carbs.

A rise after an untold hypo treatment is booked by oref0@0.7.1 lib/autotune/index.js on the basals of the hours before:
it raises the very basals that may have caused the low. Knows records as upstream gets them, and no files.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flows.history.glucose_values import LOWEST_MGDL, upstream_mgdl
from flows.history.records import carbs_g
from flows.values.timestamps import instant_ms
from flows.values.units import MINUTE_MS


@dataclass(frozen=True)
class Threshold:
    """A number this module judges by, its unit, and why it is where it is."""

    name: str
    value: float
    unit: str
    why: str


THRESHOLDS: tuple[Threshold, ...] = (
    Threshold("low", 70, "mg/dL", "level 1 hypoglycaemia (Diabetes Care 2019;42:1593)"),
    Threshold("very_low", 54, "mg/dL", "level 2 hypoglycaemia (Diabetes Care 2019;42:1593)"),
    Threshold("least", 15, "min", "an episode is 15 minutes below, and over after 15 minutes above (same consensus)"),
    Threshold("jitter", 1, "min", "three readings five minutes apart make the 15 minutes; sensors are seconds early"),
    Threshold("step", 5, "min", "how long a reading stands for where none follows: the usual cadence"),
    Threshold("gap", 20, "min", "four readings lost: nobody knows what glucose did, so an episode ends there"),
    Threshold("together", 2, "min", "closer readings are one, averaged (oref0@0.7.1 lib/autotune-prep/categorize.js)"),
    Threshold("least_reading", LOWEST_MGDL, "mg/dL", "upstream leaves out what is lower (same file)"),
    Threshold("carbs_around", 60, "min", "carbs entered an hour before the low or after it explain the rise"),
    Threshold("rise_within", 60, "min", "fast carbs are absorbed by then"),
    Threshold("treated_with", 10, "g", "what a low is treated with at the least; what it raises is the person's own"),
    Threshold(
        "least_rise",
        20,
        "mg/dL",
        "a sensor at 70 may be off by 15 (integrated CGM): less of a rise may be the sensor's",
    ),
    Threshold(
        "rise", 30, "mg/dL", "of untold 15 g 224 of 471 are found, by 40 only 175; where nothing was eaten 2 against 1"
    ),
)
_OF = {t.name: t.value for t in THRESHOLDS}
DEFAULT_RISE_MGDL = _OF["rise"]
_MS_OF = {t.name: t.value * MINUTE_MS for t in THRESHOLDS if t.unit == "min"}


@dataclass(frozen=True)
class Low:
    """An episode below 70 mg/dL of 15 minutes or more.

    `end_ms` is the first reading no longer low (or when the last low one had stood for five minutes); `hour` is the
    local hour it began in; `very_lows` counts the episodes below 54 mg/dL within it; `rise_mgdl` is how far glucose
    rose above the lowest reading within an hour of it (`None`: no reading); `carbs_entered` from an hour before the
    low to an hour after it; `counts_from_mgdl` the rise that is a sign (`untold_rise_mgdl`); `looks_compressed` that it
    came and went as under the pressure of an arm, so that its rise says nothing of carbs.
    """

    start_ms: float
    end_ms: float
    hour: int
    nadir_mgdl: float
    very_lows: int
    carbs_entered: bool
    rise_mgdl: float | None
    counts_from_mgdl: float = _OF["rise"]
    looks_compressed: bool = False

    @property
    def rises_without_carbs(self) -> bool:
        """The sign of a hypo treatment nobody entered."""
        risen = self.rise_mgdl is not None and self.rise_mgdl >= self.counts_from_mgdl
        return risen and not self.carbs_entered and not self.looks_compressed


def untold_rise_mgdl(isf_mgdl_per_u: float, carb_ratio_g_per_u: float) -> float:
    """The rise after a low, mg/dL, that counts: what 10 g of carbs raise this person's glucose by, from 20 to 30.

    It is never more than 30, so that a wrong ISF or carb ratio hides none.
    """
    own = _OF["treated_with"] * isf_mgdl_per_u / carb_ratio_g_per_u
    return min(max(own, _OF["least_rise"]), _OF["rise"])


def lows(
    entries: Iterable[Any],
    treatments: Iterable[Any],
    zone: str,
    left_out: Iterable[tuple[float, float]] = (),
    counts_from_mgdl: float = _OF["rise"],
    looks_compressed: Sequence[tuple[float, float]] = (),
) -> list[Low]:
    """The episodes of low glucose, oldest first.

    Give it all days at once: an episode over 04:00 is one then. Order does not matter, and records that stand in two
    days or come from two uploaders count once.

    Args:
        entries: readings as upstream gets them: a numeric `date` in ms, `sgv` (or `glucose`) in mg/dL.
        treatments: with `created_at`; only carbs count.
        zone: the run's time zone.
        left_out: instant and mg/dL of the lows below 39 mg/dL, which upstream does not get.
        counts_from_mgdl: the rise that is a sign of untold carbs.
        looks_compressed: start and end of what looks like compression (`flows.history.glucose_artifacts`).
    """
    readings = _readings(entries, left_out)
    instants = [ms for ms, _ in readings]
    carbs = sorted(found[0] for t in treatments if _has_carbs(t) and (found := instant_ms(t.get("created_at"), zone)))
    very_low = [start for start, _ in _episodes(readings, _OF["very_low"])]
    return [
        Low(
            start_ms=start,
            end_ms=end,
            hour=datetime.fromtimestamp(start / 1000, UTC).astimezone(ZoneInfo(zone)).hour,
            nadir_mgdl=nadir,
            very_lows=bisect.bisect_left(very_low, end) - bisect.bisect_left(very_low, start),
            carbs_entered=_any_within(carbs, start - _MS_OF["carbs_around"], end + _MS_OF["carbs_around"]),
            rise_mgdl=rise,
            counts_from_mgdl=counts_from_mgdl,
            looks_compressed=any(first < end and start < last for first, last in looks_compressed),
        )
        for start, end in _episodes(readings, _OF["low"])
        for nadir, rise in [_nadir_and_rise(readings, instants, start, end)]
    ]


TimedGlucose = tuple[float, float]  # epoch ms, mg/dL


def _readings(entries: Iterable[Any], left_out: Iterable[TimedGlucose]) -> list[TimedGlucose]:
    """Readings oldest first; those within two minutes of another are one."""
    found = sorted({*(r for e in entries if (r := _reading(e)) is not None), *left_out})
    together: list[list[TimedGlucose]] = []
    for reading in found:
        if together and reading[0] - together[-1][0][0] < _MS_OF["together"]:
            together[-1].append(reading)
        else:
            together.append([reading])
    return [(group[0][0], sum(value for _, value in group) / len(group)) for group in together]


def _reading(entry: Any) -> TimedGlucose | None:
    if not isinstance(entry, dict):
        return None
    at, value = entry.get("date"), upstream_mgdl(entry)
    if isinstance(at, bool) or not isinstance(at, int | float) or value is None:
        return None
    found = instant_ms(at, "UTC")
    return None if found is None else (found[0], value)


def _has_carbs(treatment: Any) -> bool:
    return isinstance(treatment, dict) and carbs_g(treatment) > 0


def _episodes(readings: Sequence[TimedGlucose], below: float) -> list[tuple[float, float]]:
    """Start and end of each: 15 minutes below it, until 15 minutes not below it or a gap."""
    found: list[tuple[float, float]] = []
    for start, end in _runs(readings, below):
        # After a gap it is later than this by itself: a gap is longer than a reading stands for and 15 minutes.
        if found and start - found[-1][1] < _MS_OF["least"]:
            found[-1] = (found[-1][0], end)
        elif end - start >= _MS_OF["least"] - _MS_OF["jitter"]:
            found.append((start, end))
    return found


def _runs(readings: Sequence[TimedGlucose], below: float) -> Iterator[tuple[float, float]]:
    """Stretches of readings all below: from the first to the one no longer below, or to where readings stop."""
    start: float | None = None
    before: float | None = None
    for at, value in readings:
        if start is not None and before is not None and at - before > _MS_OF["gap"]:
            yield start, before + _MS_OF["step"]
            start = None
        if value < below and start is None:
            start = at
        elif value >= below and start is not None:
            yield start, at
            start = None
        before = at
    if start is not None and before is not None:
        yield start, before + _MS_OF["step"]


def _nadir_and_rise(
    readings: Sequence[TimedGlucose], instants: Sequence[float], start: float, end: float
) -> tuple[float, float | None]:
    within = readings[bisect.bisect_left(instants, start) : bisect.bisect_left(instants, end)]
    nadir = min(value for _, value in within)
    lowest_at = max(at for at, value in within if value == nadir)
    until = bisect.bisect_right(instants, lowest_at + _MS_OF["rise_within"])
    after = [value for _, value in readings[bisect.bisect_right(instants, lowest_at) : until]]
    return round(nadir, 1), round(max(after) - nadir, 1) if after else None


def _any_within(sorted_instants: Sequence[float], first: float, last: float) -> bool:
    return bisect.bisect_left(sorted_instants, first) < bisect.bisect_right(sorted_instants, last)
