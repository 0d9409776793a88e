"""How good a day is for tuning: green, amber or red, by declared rules, each with its reason."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Literal

from flows.history.doubts import DOUBTFUL_GLUCOSE, Doubt, amber_doubt
from flows.history.glucose_artifacts import compression_lows, flat_hours, impossible_steps, noisy_hours
from flows.history.glucose_values import BELOW_RANGE_MGDL, upstream_mgdl
from flows.history.losses import LOST_TEMP_BASALS_SHARE, Loss, lost_on
from flows.history.records import bolus_u, carbs_g
from flows.history.sensors import how_many_sensors
from flows.history.slots import covered_share
from flows.history.temp_basals import is_temp_basal
from flows.history.uploaders import uploader
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.nightscout.documents import Record
from flows.values.local_days import LocalDay
from flows.values.sentence import percent_text
from flows.values.timestamps import instant_ms
from flows.values.units import HOUR_MS, HOURS_PER_DAY

DayColour = Literal["green", "amber", "red"]


@dataclass(frozen=True)
class DayFacts:
    """What is known of a local day.

    `readings` are those that upstream is given. `coverage` is the share of 5-minute slots in which the sensor showed
    anything, also "LOW" or "HIGH"; `lows_left_out` and `highs_left_out` are how many of these upstream is not given.
    `noisy_h` and `flat_h` are hours of readings that the sensor marks as noisy, and of one value; the last two are
    counts (`flows.history.glucose_artifacts`). `lost_…` are how many records could not be understood
    (`flows.history.losses`).
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
    noisy_h: float = 0.0
    flat_h: float = 0.0
    impossible_steps: int = 0
    compression_lows: int = 0
    lost_insulin: int = 0
    lost_carbs: int = 0
    lost_temp_basals: int = 0


@dataclass(frozen=True)
class QualityRule:
    """When a day is less than green: the colour, what is said, why the threshold is where it is, and what to do."""

    name: str
    colour: DayColour
    holds: Callable[[DayFacts], bool]
    says: Callable[[DayFacts], str]
    why: str
    remedy: str


# oref0@0.7.1 lib/autotune-prep/categorize.js starts at the sixth-oldest reading: with five or fewer it has no points.
LEAST_READINGS = 6
LEAST_COVERAGE, GOOD_COVERAGE = 0.5, 0.7
LONG_GAP_H = 3.0
# An hour moves an hour's basal by itself. A single step may be a calibration; there and back are two.
NOISY_H, IMPOSSIBLE_STEPS, FLAT_H, COMPRESSION_LOWS = 1.0, 2, 2.0, 1
FILL_IN = to_translate(
    "fill in the missing readings from the sensor's own app or another uploader, or leave the day out"
)
CORRECT = to_translate("correct the records in Nightscout; ledger.json names each")
EXCLUDE = to_translate("leave the day out (`--exclude`)")

OF_READINGS = ("untrusted", "noise", "impossible_steps", "flat", "compression_lows")

RULES: tuple[QualityRule, ...] = (
    QualityRule(
        "no_readings",
        "red",
        lambda f: f.readings == 0,
        lambda f: to_translate("no glucose readings"),
        "upstream stops on such a day",
        FILL_IN,
    ),
    QualityRule(
        "few_readings",
        "red",
        lambda f: 0 < f.readings < LEAST_READINGS,
        lambda f: translatable("only {readings} glucose readings", readings=f.readings),
        "upstream finds no data points and still smooths the basals",
        FILL_IN,
    ),
    QualityRule(
        "half_a_day",
        "red",
        lambda f: f.readings >= LEAST_READINGS and f.coverage < LEAST_COVERAGE,
        lambda f: translatable(
            "glucose for {coverage} of the day only (at least {least_coverage} is needed)",
            coverage=percent_text(f.coverage),
            least_coverage=percent_text(LEAST_COVERAGE),
        ),
        "half of the hours would be tuned from the other half by smoothing",
        FILL_IN,
    ),
    QualityRule(
        "thin",
        "amber",
        lambda f: LEAST_COVERAGE <= f.coverage < GOOD_COVERAGE,
        lambda f: translatable("glucose for {coverage} of the day", coverage=percent_text(f.coverage)),
        "the consensus on CGM metrics asks for 70 % (Diabetes Care 2019;42:1593)",
        FILL_IN,
    ),
    QualityRule(
        "gap",
        "amber",
        lambda f: f.longest_gap_h > LONG_GAP_H and f.coverage >= LEAST_COVERAGE,
        lambda f: translatable("no glucose for {longest_gap_h:.1f} h in a row", longest_gap_h=f.longest_gap_h),
        "upstream takes the readings on both sides of a gap for neighbours",
        FILL_IN,
    ),
    QualityRule(
        "no_insulin",
        "red",
        lambda f: f.boluses == 0 and f.temp_basals == 0,
        lambda f: to_translate("no bolus and no temporary basal"),
        "without insulin records every fall is booked on the sensitivity",
        to_translate("upload the boluses or the temporary basals of that day"),
    ),
    QualityRule(
        "no_carbs",
        "amber",
        lambda f: f.carb_entries == 0,
        lambda f: to_translate("no carbs entered"),
        "unannounced meals are booked on the basals",
        to_translate("enter the carbs of that day, or leave it out if something was eaten"),
    ),
    QualityRule(
        "sensors",
        "amber",
        lambda f: f.sensors > 1,
        lambda f: translatable("readings of {sensors} sensors", sensors=f.sensors),
        "the step from one sensor to another looks like a rise or fall",
        to_translate("keep one sensor or uploader: `--exclude` the day of the change"),
    ),
    QualityRule(
        "untrusted",
        "red",
        lambda f: f.coverage >= LEAST_COVERAGE > f.coverage - (f.noisy_h + f.flat_h) / HOURS_PER_DAY,
        lambda f: translatable(
            "glucose to rely on for less than {least_coverage} of the day", least_coverage=percent_text(LEAST_COVERAGE)
        ),
        "what is noisy or stuck is no reading: as half_a_day",
        EXCLUDE,
    ),
    QualityRule(
        "lost_insulin",
        "red",
        lambda f: f.lost_insulin > 0,
        lambda f: translatable(
            "{lost_insulin} insulin dose(s) that could not be understood", lost_insulin=f.lost_insulin
        ),
        "insulin that is missing is booked on sensitivity, carb ratio and basal",
        CORRECT,
    ),
    QualityRule(
        "lost_carbs",
        "red",
        lambda f: f.lost_carbs > 0,
        lambda f: translatable("{lost_carbs} carb entries that could not be understood", lost_carbs=f.lost_carbs),
        "carbs that are missing are booked on sensitivity and basal",
        CORRECT,
    ),
    QualityRule(
        "many_lost_temp_basals",
        "red",
        lambda f: f.lost_temp_basals > LOST_TEMP_BASALS_SHARE * (f.temp_basals + f.lost_temp_basals),
        lambda f: translatable(
            "{lost_temp_basals} temporary basals that could not be understood", lost_temp_basals=f.lost_temp_basals
        ),
        "the scheduled rate stands for them",
        CORRECT,
    ),
    QualityRule(
        "lost_temp_basals",
        "amber",
        lambda f: 0 < f.lost_temp_basals <= LOST_TEMP_BASALS_SHARE * (f.temp_basals + f.lost_temp_basals),
        lambda f: translatable(
            "{lost_temp_basals} temporary basal(s) that could not be understood", lost_temp_basals=f.lost_temp_basals
        ),
        "the scheduled rate stands for it",
        CORRECT,
    ),
    QualityRule(
        "noise",
        "amber",
        lambda f: f.noisy_h >= NOISY_H,
        lambda f: translatable("noisy glucose for {noisy_h:.1f} h", noisy_h=f.noisy_h),
        "oref0 does not dose from `noise` 3 or more (lib/determine-basal/determine-basal.js)",
        EXCLUDE,
    ),
    QualityRule(
        "impossible_steps",
        "amber",
        lambda f: f.impossible_steps >= IMPOSSIBLE_STEPS,
        lambda f: translatable(
            "{impossible_steps} steps between readings that glucose cannot make", impossible_steps=f.impossible_steps
        ),
        "upstream takes them for carbs or insulin; real data at hand have steps up to 55 mg/dL in five minutes",
        EXCLUDE,
    ),
    QualityRule(
        "flat",
        "amber",
        lambda f: f.flat_h >= FLAT_H,
        lambda f: translatable("one value for {flat_h:.1f} h: the sensor or its uploader was stuck", flat_h=f.flat_h),
        "the longest of real sensors within their range is 11 readings",
        EXCLUDE,
    ),
    QualityRule(
        "compression_lows",
        "amber",
        lambda f: f.compression_lows >= COMPRESSION_LOWS,
        lambda f: translatable(
            "{compression_lows} sudden low(s) at night that came and went without insulin or carbs: they look like "
            "compression, and untreated lows may look the same",
            compression_lows=f.compression_lows,
        ),
        "upstream takes the fall for too much basal and the return for too little",
        to_translate("leave the day out (`--exclude`) if the low was none"),
    ),
)


def facts_of(
    day: LocalDay,
    entries: Sequence[Record],
    treatments: Sequence[Record],
    lows_ms: Iterable[float] = (),
    highs_ms: Iterable[float] = (),
    shown_ms: Sequence[float] | None = None,
    lost: Sequence[Loss] = (),
) -> DayFacts:
    """Count what a day holds; what is outside the day's own hours (04:00 to 04:00) is not counted.

    Args:
        day: the local day.
        entries, treatments: as upstream is given them; the entries are this day's.
        lows_ms, highs_ms: instants (epoch ms, of any days) at which the sensor was below 39 mg/dL or above its range,
            which upstream is not given: the sensor was on all the same.
        shown_ms: all instants, ascending and of any days, at which the sensor showed something, before a fast cadence
            was thinned; without it those of `entries`, `lows_ms` and `highs_ms`.
        lost: doses of any days that could not be understood.
    """
    window = day.glucose
    missing = lost_on(day, lost)
    lows, highs = ([ms for ms in instants if window.holds(ms)] for instants in (lows_ms, highs_ms))
    mine = [t for t in treatments if (found := instant_ms(t["created_at"], day.zone)) and window.holds(found[0])]
    boluses = [bolus_u(t) for t in mine if bolus_u(t) > 0]
    carbs = [carbs_g(t) for t in mine if carbs_g(t) > 0]
    instants = sorted([*(float(e["date"]) for e in entries), *lows, *highs])
    edges = [window.start_ms, *instants, window.end_ms]
    first, last = (bisect_left(shown_ms or (), ms) for ms in (window.start_ms, window.end_ms))
    shown = instants if shown_ms is None else shown_ms[first:last]
    seen = [(float(e["date"]), mgdl) for e in entries if (mgdl := upstream_mgdl(e)) is not None]
    curve = sorted([*seen, *((ms, float(BELOW_RANGE_MGDL)) for ms in lows)])
    return DayFacts(
        readings=len(entries),
        coverage=covered_share(shown, window.start_ms, window.end_ms),
        longest_gap_h=round(max(b - a for a, b in pairwise(edges)) / HOUR_MS, 2),
        boluses=len(boluses),
        insulin_u=round(sum(boluses), 3),
        carb_entries=len(carbs),
        carbs_g=round(sum(carbs), 1),
        temp_basals=sum(is_temp_basal(t) for t in mine),
        sensors=how_many_sensors(entries),
        uploaders=len({uploader(t) for t in mine}),
        lows_left_out=len(lows),
        highs_left_out=len(highs),
        noisy_h=noisy_hours(entries),
        flat_h=flat_hours(curve),
        impossible_steps=impossible_steps(curve),
        compression_lows=compression_lows(curve, treatments, day.zone),
        lost_insulin=missing.insulin,
        lost_carbs=missing.carbs,
        lost_temp_basals=missing.temp_basals,
    )


def facts_in(summary: Mapping[str, Any]) -> DayFacts:
    """A day's facts read back from its summary; an older one lacks some."""
    return DayFacts(**{f.name: summary[f.name] for f in fields(DayFacts) if f.name in summary})


def rules_of(facts: DayFacts) -> list[QualityRule]:
    """The rules that say something of a day, worst first."""
    return sorted((rule for rule in RULES if rule.holds(facts)), key=lambda rule: rule.colour != "red")


def judge_day(facts: DayFacts) -> tuple[DayColour, list[str]]:
    """The day's colour, and what is said of it (worst first)."""
    found = rules_of(facts)
    return (found[0].colour if found else "green"), [rule.says(facts) for rule in found]


def doubtful_glucose(summaries: Iterable[Mapping[str, Any]]) -> list[Doubt]:
    """A doubt that names the days used whose readings are not all glucose, where there are any.

    Args:
        summaries: of all days.
    """
    days = [(str(day["date"]), facts_in(day)) for day in summaries if day["status"] == "used"]
    dates = [day for day, facts in days if any(rule.name in OF_READINGS for rule in rules_of(facts))]
    if not dates:
        return []
    words = to_translate(
        "On {days_doubtful:.0f} of {days:.0f} days readings are doubtful: noise, impossible steps, a stuck sensor or "
        "lows that look like compression (what is said of each day tells which). Leave out what was no glucose: "
        "--exclude {dates} (or --exclude-found)."
    )
    counted = {"days_doubtful": len(dates), "days": len(days)}
    return [amber_doubt(DOUBTFUL_GLUCOSE, words, tuple(dates), dates=",".join(dates), **counted)]
