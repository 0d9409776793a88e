"""How good a day is for tuning: green, amber or red, by declared rules, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from flows.history.records import bolus_u, carbs_g
from flows.history.temp_basals import is_temp_basal
from flows.history.uploaders import uploader
from flows.nightscout.documents import Record
from flows.values.local_days import LocalDay
from flows.values.timestamps import instant_ms
from flows.values.units import HOUR_MS

DayColour = Literal["green", "amber", "red"]
SLOT_MS = 300_000


@dataclass(frozen=True)
class DayFacts:
    """What is known of a local day.

    `readings` are those that upstream is given. `coverage` is the share of 5-minute slots in which the sensor showed
    anything, also "LOW" or "HIGH"; `lows_left_out` and `highs_left_out` are how many of these upstream is not given.
    """

    readings: int
    coverage: float
    longest_gap_h: float
    boluses: int
    insulin_u: float
    carb_entries: int
    carbs_g: float
    temp_basals: int
    sensors: int
    uploaders: int
    lows_left_out: int = 0
    highs_left_out: int = 0


@dataclass(frozen=True)
class QualityRule:
    """When a day is less than green: the colour, what is said, and why the threshold is where it is."""

    name: str
    colour: DayColour
    holds: Callable[[DayFacts], bool]
    says: Callable[[DayFacts], str]
    why: str


# oref0@0.7.1 lib/autotune-prep/categorize.js starts at the sixth-oldest reading: with five or fewer it has no points.
LEAST_READINGS = 6
LEAST_COVERAGE, GOOD_COVERAGE = 0.5, 0.7
LONG_GAP_H = 3.0

RULES: tuple[QualityRule, ...] = (
    QualityRule(
        "no_readings", "red", lambda f: f.readings == 0, lambda f: "no glucose readings", "upstream stops on such a day"
    ),
    QualityRule(
        "few_readings",
        "red",
        lambda f: 0 < f.readings < LEAST_READINGS,
        lambda f: f"only {f.readings} glucose readings",
        "upstream finds no data points and still smooths the basals",
    ),
    QualityRule(
        "half_a_day",
        "red",
        lambda f: f.readings >= LEAST_READINGS and f.coverage < LEAST_COVERAGE,
        lambda f: f"glucose for {f.coverage:.0%} of the day only (at least {LEAST_COVERAGE:.0%} is needed)",
        "half of the hours would be tuned from the other half by smoothing",
    ),
    QualityRule(
        "thin",
        "amber",
        lambda f: LEAST_COVERAGE <= f.coverage < GOOD_COVERAGE,
        lambda f: f"glucose for {f.coverage:.0%} of the day",
        "the consensus on CGM metrics asks for 70 % (Diabetes Care 2019;42:1593)",
    ),
    QualityRule(
        "gap",
        "amber",
        lambda f: f.longest_gap_h > LONG_GAP_H and f.coverage >= LEAST_COVERAGE,
        lambda f: f"no glucose for {f.longest_gap_h:.1f} h in a row",
        "upstream takes the readings on both sides of a gap for neighbours",
    ),
    QualityRule(
        "no_insulin",
        "red",
        lambda f: f.boluses == 0 and f.temp_basals == 0,
        lambda f: "no bolus and no temporary basal",
        "without insulin records every fall is booked on the sensitivity",
    ),
    QualityRule(
        "no_carbs",
        "amber",
        lambda f: f.carb_entries == 0,
        lambda f: "no carbs entered",
        "unannounced meals are booked on the basals",
    ),
    QualityRule(
        "sensors",
        "amber",
        lambda f: f.sensors > 1,
        lambda f: f"readings of {f.sensors} sensors",
        "the step from one sensor to another looks like a rise or fall",
    ),
)


def facts_of(
    day: LocalDay,
    entries: Sequence[Record],
    treatments: Sequence[Record],
    lows_ms: Iterable[float] = (),
    highs_ms: Iterable[float] = (),
) -> DayFacts:
    """Count what a day holds; what is outside the day's own hours (04:00 to 04:00) is not counted.

    Args:
        day: the local day.
        entries, treatments: as upstream is given them; the entries are this day's.
        lows_ms, highs_ms: instants (epoch ms, of any days) at which the sensor was below 39 mg/dL or above its range,
            which upstream is not given: the sensor was on all the same.
    """
    window = day.glucose
    lows, highs = ([ms for ms in instants if window.holds(ms)] for instants in (lows_ms, highs_ms))
    mine = [t for t in treatments if (found := instant_ms(t["created_at"], day.zone)) and window.holds(found[0])]
    boluses = [bolus_u(t) for t in mine if bolus_u(t) > 0]
    carbs = [carbs_g(t) for t in mine if carbs_g(t) > 0]
    instants = sorted([*(float(e["date"]) for e in entries), *lows, *highs])
    edges = [window.start_ms, *instants, window.end_ms]
    slots = {int((ms - window.start_ms) // SLOT_MS) for ms in instants}
    return DayFacts(
        readings=len(entries),
        coverage=min(1.0, len(slots) / (day.length_hours * 12)),
        longest_gap_h=round(max(b - a for a, b in pairwise(edges)) / HOUR_MS, 2),
        boluses=len(boluses),
        insulin_u=round(sum(boluses), 3),
        carb_entries=len(carbs),
        carbs_g=round(sum(carbs), 1),
        temp_basals=sum(is_temp_basal(t) for t in mine),
        sensors=len({str(e.get("device") or "") for e in entries}),
        uploaders=len({uploader(t) for t in mine}),
        lows_left_out=len(lows),
        highs_left_out=len(highs),
    )


def judge_day(facts: DayFacts) -> tuple[DayColour, list[str]]:
    """The day's colour, and what is said of it (worst first)."""
    found = [rule for rule in RULES if rule.holds(facts)]
    red = [r.says(facts) for r in found if r.colour == "red"]
    amber = [r.says(facts) for r in found if r.colour == "amber"]
    return ("red" if red else "amber" if amber else "green"), [*red, *amber]
