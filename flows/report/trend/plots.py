"""The drawings of the trend page, in SVG: settings over time, the basal of each hour, time in range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise

from markupsafe import Markup

from flows.language.catalogue import number_text, phrase, to_translate, translated
from flows.proposal.document import Colour
from flows.report.svg.plots import (
    Frame,
    band,
    both,
    dots,
    drawing,
    group,
    line,
    mark,
    rule,
    steps,
    stroke,
    ticks,
    x_axis,
    y_axis,
)
from flows.report.trend.history import Trend
from flows.report.trend.past_runs import PastRun, Tuned
from flows.report.wording import day_shown, fixed
from flows.values.units import HOURS_PER_DAY, MGDL_PER_MMOLL

WIDE = Frame(860, 230, (0, 1), (0, 1), left=52, right=16, top=22, bottom=30)
NARROW = Frame(340, 220, (0, 1), (0, 1), left=44, right=12, top=22, bottom=30)
SMALL = Frame(180, 92, (0, 1), (0, 1), left=32, right=6, top=8, bottom=8)
DATE_WIDTH = 78  # what a date under the axis takes, with the space beside it
CALENDAR: tuple[Callable[[date], bool], ...] = (
    lambda d: True,
    lambda d: d.toordinal() % 2 == 0,
    lambda d: d.weekday() == 0,
    lambda d: d.weekday() == 0 and d.toordinal() % 14 == 1,
    *((lambda d, n=n: d.day == 1 and d.month % n == 1 % n) for n in (1, 2, 3, 6, 12)),
    lambda d: d.day == d.month == 1 and d.year % 5 == 0,
)
DOTS_UP_TO = 60  # runs; more are a line

Pair = tuple[float, float]


@dataclass(frozen=True)
class Measure:
    """What one drawing shows: its values, its axis in one unit or in both."""

    name: str
    title: str
    value: Callable[[Tuned], float]
    interval: Callable[[PastRun], Pair | None]
    unit: str
    decimals: int
    glucose: bool = False

    def text(self, value: float) -> str:
        """A number with its unit; of glucose in both."""
        if not self.glucose:
            return f"{fixed(value, self.decimals)} {translated(self.unit)}"
        both_units = to_translate("{mgdl:.1f} mg/dL per U ({mmoll:.2f} mmol/L per U)")
        return phrase(both_units, mgdl=value, mmoll=value / MGDL_PER_MMOLL)


MEASURES = (
    Measure(
        "isf",
        to_translate("ISF"),
        lambda s: s.isf_mgdl_per_u,
        lambda r: r.intervals.isf_mgdl_per_u,
        "",
        1,
        glucose=True,
    ),
    Measure(
        *(
            "carb-ratio",
            to_translate("Carb ratio"),
            lambda s: s.carb_ratio_g_per_u,
            lambda r: r.intervals.carb_ratio_g_per_u,
        ),
        *("g per U", 1),
    ),
    Measure(
        *("basal", to_translate("Basal of a whole day"), lambda s: s.daily_basal_u, lambda _: None),
        *(to_translate("U a day"), 2),
    ),
)


def settings_over_time(trend: Trend, measure: Measure) -> Markup:
    """One setting: recommended and in force at each run, the interval, and what was applied."""
    runs, times = trend.proposals, _times(trend)
    new, now = _values(runs, measure, "recommended"), _values(runs, measure, "current")
    spans = [measure.interval(r) for r in runs]
    lows, highs = ([s[n] if s else None for s in spans] for n in (0, 1))
    y_range = _padded([*new, *now, *(v for span in spans if span for v in span)])
    description = phrase(
        "{what} in {runs} runs from {first} to {to}. Recommended between {least} and {most}, last {last}; in force "
        "then {now}. Applied {applied} times. The table of all runs has every number.",
        what=translated(measure.title),
        runs=len(runs),
        first=day_shown(trend.day(runs[0].at)),
        to=day_shown(trend.day(runs[-1].at)),
        least=measure.text(min(new)),
        most=measure.text(max(new)),
        last=measure.text(new[-1]),
        now=measure.text(now[-1]),
        applied=len(trend.applications),
    )

    def draw(frame: Frame, css: str) -> Markup:
        frame = replace(frame, x_range=_time_range(trend), y_range=y_range)
        parts = [
            _glucose_axes(frame) if measure.glucose else _axis(frame, translated(measure.unit)),
            _dates_axis(frame),
            band(frame, times, lows, highs, "interval"),
            _applied_lines(frame, trend),
            _in_force(frame, trend, times, now),
            line(frame, times, new, "new-line"),
            _points(frame, runs, times, new),
        ]
        title = phrase("{what} over time", what=translated(measure.title))
        return drawing(frame, f"{measure.name}-{css}", title, description, parts, css)

    return both(draw, WIDE, NARROW)


def hour_over_time(trend: Trend, hour: int, y_range: Pair) -> Markup:
    """The basal of one hour over the runs, on the scale all hours share."""
    runs, times = trend.proposals, _times(trend)
    new = [r.recommended.basal_u_per_h[hour] for r in runs if r.recommended]
    now = [r.current.basal_u_per_h[hour] for r in runs if r.current]
    frame = replace(SMALL, x_range=_time_range(trend), y_range=y_range)
    decimals = 2 if y_range[1] - y_range[0] < 1 else 1
    parts = [
        y_axis(frame, [(v, fixed(v, decimals)) for v in ticks(*y_range, count=3)]),
        _applied_lines(frame, trend),
        _in_force(frame, trend, times, now),
        line(frame, times, new, "new-line"),
        dots(frame, times[-1:], new[-1:], "new-dot", 2.5),
    ]
    description = phrase(
        "Recommended between {least:.2f} and {most:.2f} U/h, last {last:.2f} U/h; in force then {now:.2f} U/h.",
        **{"least": min(new), "most": max(new), "last": new[-1], "now": now[-1]},
    )
    title = phrase("Basal at {start} over time", start=f"{hour:02d}:00")
    return drawing(frame, f"hour-{hour}", title, description, parts)


def hours_range(trend: Trend) -> Pair:
    """The scale that the drawings of all hours share: zero is not on it where nothing is near."""
    return _padded([rate for r in trend.proposals for s in (r.current, r.recommended) if s for rate in s.basal_u_per_h])


def in_range_over_time(trend: Trend) -> Markup:
    """Time in range: each run's days as a bar at their share, those compared drawn strong."""
    runs = [r for r in trend.proposals if r.shares and r.days]
    if not runs:
        return Markup("")
    compared = {d.run for a in trend.applications for d in (a.before, a.after) if d is not None}
    shares = [r.shares.in_range_percent for r in runs if r.shares]
    first, last = min(min(r.days) for r in runs), max(max(r.days) for r in runs)
    changes = [_day(a.at, trend) for a in trend.applications]
    x_range = (min([first.toordinal(), *changes]) - 0.5, max([last.toordinal() + 1, *changes]) + 0.5)
    low, high = min([*shares, 68.0]), max([*shares, 72.0])
    y_range = (max(0.0, low - 4), min(100.0, high + 4))
    description = phrase(
        "Percent of readings between 70 and 180 mg/dL (3.9 and 10.0 mmol/L) in the days of {runs} runs: from "
        "{least:.1f} % to {most:.1f} %, last {last:.1f} %. The consensus goal is more than 70 %.",
        **{"runs": len(runs), "least": min(shares), "most": max(shares), "last": shares[-1]},
    )

    def draw(frame: Frame, css: str) -> Markup:
        frame = replace(frame, x_range=x_range, y_range=y_range)
        parts = [
            y_axis(
                frame, [(v, number_text(f"{v:g}")) for v in ticks(*y_range, count=4)], phrase("% of readings in range")
            ),
            _dates_axis(frame),
            rule(frame, 70.0, "target-line"),
            _applied_lines(frame, trend),
        ]
        for run, share in zip(runs, shares, strict=True):
            start, end = frame.x(min(run.days).toordinal()), frame.x(max(run.days).toordinal() + 1)
            kind = "days-compared" if run.name in compared else "days-other"
            parts.append(stroke(start, frame.y(share), end, frame.y(share), kind))
        return drawing(frame, f"in-range-{css}", phrase("Time in range over time"), description, parts, css)

    return both(draw, WIDE, NARROW)


# --- pieces ----------------------------------------------------------------------------------------------------------


def _values(runs: Sequence[PastRun], measure: Measure, which: str) -> list[float]:
    return [measure.value(settings) for r in runs if (settings := getattr(r, which)) is not None]


def _times(trend: Trend) -> list[float]:
    return [_day(r.at, trend) for r in trend.proposals]


def _day(at: datetime, trend: Trend) -> float:
    clock = trend.local(at)
    return clock.toordinal() + (clock.hour + clock.minute / 60) / HOURS_PER_DAY


def _time_range(trend: Trend) -> Pair:
    times = [*_times(trend), *(_day(a.at, trend) for a in trend.applications)]
    margin = max(0.03 * (max(times) - min(times)), 0.5)
    return min(times) - margin, max(times) + margin


def _padded(values: Sequence[float]) -> Pair:
    low, high = min(values), max(values)
    margin = max(0.12 * (high - low), 0.04 * high, 0.02)
    return max(0.0, low - margin), high + margin


def _axis(frame: Frame, name: str) -> Markup:
    marks = ticks(*frame.y_range, count=4)
    step = marks[1] - marks[0] if len(marks) > 1 else 1.0
    decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2
    return y_axis(frame, [(v, fixed(v, decimals)) for v in marks], name)


def _glucose_axes(frame: Frame) -> Markup:
    """The same drawing under the axis of either unit; the page shows the one chosen."""
    converted = replace(frame, y_range=(frame.y_range[0] / MGDL_PER_MMOLL, frame.y_range[1] / MGDL_PER_MMOLL))
    return group([_axis(frame, translated("mg/dL per U"))], "mgdl") + group(
        [_axis(converted, phrase("mmol/L per U"))], "mmoll"
    )


def _dates_axis(frame: Frame) -> Markup:
    """Days, Mondays or firsts of a month: the densest of them that have room."""
    first, last = (date.fromordinal(round(v)) for v in frame.x_range)
    every = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    for fits in CALENDAR:
        marks = [d for d in every if fits(d) and _has_room(frame, d)]
        if all(frame.x(b.toordinal()) - frame.x(a.toordinal()) >= DATE_WIDTH for a, b in pairwise(marks)):
            break
    marks = marks or [every[len(every) // 2]]
    return x_axis(frame, [(d.toordinal(), day_shown(d.isoformat())) for d in marks])


def _has_room(frame: Frame, day: date) -> bool:
    x = frame.x(day.toordinal())
    return DATE_WIDTH / 2 - 8 <= x <= frame.width - DATE_WIDTH / 2 + 8 and frame.x_range[0] <= day.toordinal()


def _in_force(frame: Frame, trend: Trend, times: Sequence[float], values: Sequence[float]) -> Markup:
    """The settings in force, as each run found them: they change where something was applied, else at the run."""
    applied = [_day(a.at, trend) for a in trend.applications]
    changed = [max((t for t in applied if a < t <= b), default=b) for a, b in pairwise(times)]
    return steps(frame, [times[0] - 0.3, *changed, times[-1] + 0.3], values, "now-line")


def _applied_lines(frame: Frame, trend: Trend) -> Markup:
    places = (frame.x(_day(application.at, trend)) for application in trend.applications)
    return Markup("").join(stroke(x, frame.top, x, frame.height - frame.bottom, "applied-line") for x in places)


def _points(frame: Frame, runs: Sequence[PastRun], times: Sequence[float], values: Sequence[float]) -> Markup:
    """A dot for a run, hollow where its verdict is red, a diamond where it was applied."""
    parts = []
    for run, time, value in zip(runs, times, values, strict=True):
        if run.applied:
            parts.append(mark(frame.x(time), frame.y(value), "applied-mark"))
        elif run.colour is Colour.RED:
            parts.append(dots(frame, [time], [value], "now-dot"))
        elif len(runs) <= DOTS_UP_TO:
            parts.append(dots(frame, [time], [value], "new-dot"))
    return Markup("").join(parts)
