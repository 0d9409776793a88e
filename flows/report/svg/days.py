"""The glucose of each day as a small drawing of its own, all on one scale, with the target range behind it.

One drawing serves wide and narrow pages: it is as small on both. Its only numbers are marks of axes, and for those who
cannot see it the lowest and the highest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from flows.language.catalogue import date_text, phrase, to_translate
from flows.proposal.document import DailyCurve, mmoll
from flows.report.svg import plots
from flows.report.svg.plots import Frame
from flows.report.wording import day_shown, fixed
from flows.values.local_days import GLUCOSE_FROM
from flows.values.units import HOURS_PER_DAY

WIDTH, HEIGHT = 224.0, 130.0
LOWEST_MGDL, LEAST_TOP_MGDL, MOST_TOP_MGDL, TOP_STEP_MGDL = 40, 250, 400, 50
CLOCK_MARKS = (6, 12, 18, HOURS_PER_DAY)
PER_HOUR = 4  # numbers of a curve
FIRST_HOUR = int(GLUCOSE_FROM.total_seconds() // 3600)


@dataclass(frozen=True)
class DrawnDay:
    """A day's drawing, its name for a person, and the date by which the days of a run know it."""

    date: str
    name: str
    drawing: Markup


def daily(curves: Sequence[DailyCurve], target_mgdl: tuple[int, int]) -> list[DrawnDay]:
    """A drawing a day, in their order.

    Args:
        curves: all of one scale.
        target_mgdl: the lower and upper end of the range aimed at.
    """
    highest = max((v for c in curves for v in c.values_mgdl if v is not None), default=0)
    top = min(max(-(-highest // TOP_STEP_MGDL) * TOP_STEP_MGDL, LEAST_TOP_MGDL), MOST_TOP_MGDL)
    frame = Frame(WIDTH, HEIGHT, (0, HOURS_PER_DAY), (LOWEST_MGDL, top), left=34, right=2, top=4, bottom=20)
    behind = _behind(frame, target_mgdl)
    return [
        DrawnDay(
            c.day.isoformat(),
            date_text(c.day, "short day"),
            plots.drawing(
                frame,
                f"day-{c.day}",
                phrase("Glucose on {day}", day=day_shown(c.day.isoformat())),
                _words(c),
                [behind, _curve(frame, c.values_mgdl)],
                "day",
            ),
        )
        for c in curves
    ]


def _behind(frame: Frame, target_mgdl: tuple[int, int]) -> Markup:
    """What is the same on each day: the range, its ends in both units, the clock."""
    low, high = target_mgdl
    bottom, right = frame.height - frame.bottom, frame.width - frame.right
    ends = [(float(end), str(end), fixed(mmoll(end), 1)) for end in target_mgdl]
    marks = [(hour, frame.x(hour - FIRST_HOUR)) for hour in CLOCK_MARKS]
    return Markup("").join(
        [
            plots.box(
                frame.left,
                frame.y(high),
                frame.width - frame.left - frame.right,
                frame.y(low) - frame.y(high),
                "target",
            ),
            _lines("grid", (f"{x:g} {frame.top:g}V{bottom:g}" for _, x in marks)),
            _lines("target-line", (f"{frame.left:g} {frame.y(end):g}H{right:g}" for end in target_mgdl)),
            _lines("axis", [f"{frame.left:g} {bottom:g}H{right:g}"]),
            plots.group((_end(frame, at, text) for at, text, _ in ends), "mgdl"),
            plots.group((_end(frame, at, text) for at, _, text in ends), "mmoll"),
            *(plots.label(x, frame.height - 4, f"{hour % HOURS_PER_DAY:02d}", "tick", "middle") for hour, x in marks),
        ]
    )


def _lines(css: str, lines: Iterable[str]) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(css, "".join(f"M{line}" for line in lines))


def _end(frame: Frame, at: float, text: str) -> Markup:
    return plots.label(frame.left - 4, frame.y(at) + 4, text, "tick", "end")


def _curve(frame: Frame, values: Sequence[int | None]) -> Markup:
    """The line, in whole units of the drawing and each point from the one before: short, as there are many days."""
    path, last = "", None
    for n, value in enumerate(values):
        if value is None:
            continue
        at = round(frame.x((n + 0.5) / PER_HOUR)), round(frame.y(value))
        # A sensor that shows a number every quarter of an hour may miss one; what is longer is a gap.
        if last is not None and n - last[0] <= 2:
            path += f"l{at[0] - last[1]} {at[1] - last[2]}".replace(" -", "-")
        else:
            path += f"M{at[0]} {at[1]}h0"
        last = (n, *at)
    return Markup('<path class="day-line" d="{}"/>').format(path)


def _words(curve: DailyCurve) -> str:
    values = curve.values_mgdl
    known = [v for v in values if v is not None]
    if not known:
        return phrase("No readings.")
    low, high = (f"{v} mg/dL ({fixed(mmoll(v), 1)} mmol/L)" for v in (min(known), max(known)))
    words = to_translate("Lowest {low}, highest {high}; readings in {known} of {quarters} quarters of an hour.")
    return phrase(words, low=low, high=high, known=len(known), quarters=len(values))
