"""The drawings of the report: basals, blocks, caps and intervals, glucose of a day, deviations, time in range.

Takes the rows of settings, and the other parts of a proposal document as dictionaries. Every number written into a
drawing stands in the document; numbers of glucose are written in both units, of which the page shows one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

from markupsafe import Markup

from flows.language.catalogue import phrase, to_translate, translated
from flows.report.rows import MGDL, MMOLL, STOPPED, Row, RowEntry, blocks_of
from flows.report.svg import plots
from flows.report.svg.plots import Frame
from flows.report.wording import DECIMALS, decimals_of, exact, fixed
from flows.values.units import HOURS_PER_DAY, MGDL_PER_MMOLL

EDGES = tuple(float(h) for h in range(HOURS_PER_DAY + 1))
MIDDLES = tuple(h + 0.5 for h in range(HOURS_PER_DAY))
# International Consensus on Time in Range, Diabetes Care 2019;42:1593; marked where they are not too near the target's.
VERY_LOW_MGDL, VERY_HIGH_MGDL, APART_MGDL = 54, 250, 12
LOWEST_SHOWN, HIGHEST_SHOWN = 40.0, 300.0
WIDE, NARROW = 880.0, 330.0
BAR, LEAST_FOR_NUMBER = 26.0, 30.0  # height of the bar of shares; width of a share with its number under it
HATCHED = {"very-low": 4.0, "low": 7.0}  # between the lines
PERCENTILES = (
    ("p95", to_translate("95th percentile")),
    ("p75", to_translate("75th")),
    ("median", to_translate("median")),
    ("p25", to_translate("25th")),
    ("p5", to_translate("5th")),
)
NUMBERS = ("current", "recommended", "cap_low", "cap_high", "interval_low", "interval_high")


def basal(hours: Sequence[Row], *, for_pump: bool) -> Markup:
    """Basal over the day: now, recommended, for the pump, the interval of each hour, and upstream's caps.

    Args:
        hours: a row an hour.
        for_pump: whether the line for the pump is drawn (not when there is nothing to enter).
    """
    of = {name: [getattr(hour, name) for hour in hours] for name in NUMBERS}
    for end in ("interval_low", "interval_high"):  # where a cap stopped it, an interval says nothing
        of[end] = [None if hour.cap_label else value for hour, value in zip(hours, of[end], strict=True)]
    of["to_enter"] = [hour.entries[0].to_enter for hour in hours]
    every = [v for values in of.values() for v in values if v is not None]
    low, high = max(0.0, min(every) * 0.92), max(max(every) * 1.04, 0.05)
    new, new_line, new_text = (
        ("to_enter", "pump-line", phrase("for the pump"))
        if for_pump
        else ("recommended", "new-line", phrase("recommended"))
    )
    marks = plots.ticks(low, high, 5)
    places = max(decimals_of(mark) for mark in marks)
    stopped = [h.recommended if h.evidence.at_cap else None for h in hours]
    changes = ", ".join(
        phrase("{start} {now} to {new}", start=h.entries[0].start, now=exact(h.current, 3), new=exact(h.recommended, 3))
        for h in hours
    )
    words = phrase("From now to recommended, in U/h: {changes}. The table of basals has every number.", changes=changes)
    ends = [
        (of["cap_high"][-1], phrase("upper cap"), "cap-text"),
        (of[new][-1], new_text, "new-text"),
        (of["current"][-1], phrase("now"), "now-text"),
        (of["cap_low"][-1], phrase("lower cap"), "cap-text"),
    ]

    def draw(frame: Frame, size: str) -> Markup:
        parts = [
            plots.y_axis(frame, [(m, fixed(m, places)) for m in marks], phrase("basal, U/h")),
            plots.hours_axis(frame, 3 if size == "wide" else 6),
            plots.boxes(frame, EDGES, of["interval_low"], of["interval_high"], "interval", 1),
            plots.steps(frame, EDGES, of["cap_low"], "cap-line"),
            plots.steps(frame, EDGES, of["cap_high"], "cap-line"),
            plots.steps(frame, EDGES, of["current"], "now-line"),
            plots.steps(frame, EDGES, of[new], new_line),
            plots.dots(frame, MIDDLES, of["recommended"], "new-dot", 3.2),
            plots.dots(frame, MIDDLES, stopped, "cap-dot", 6),
            *(_ends(frame, ends, apart=15, beside=8) if size == "wide" else ()),
        ]
        return plots.drawing(frame, f"basal-{size}", phrase("Basal by hour of the day"), words, parts, size)

    return _over_the_day(draw, (low, high), (330, 250), right=104)


def _ends(frame: Frame, ends: Sequence[tuple[float, str, str]], apart: float, beside: float) -> list[Markup]:
    """Names beside the right ends of lines: the value, text and class of each, moved apart where they would overlap."""
    places = plots.spread([frame.y(value) for value, *_ in ends], apart, frame.top, frame.height - frame.bottom)
    x = frame.width - frame.right + beside
    return [plots.label(x, y + 4, text, css) for y, (_, text, css) in zip(places, ends, strict=True)]


def blocks(same: Sequence[Row], what: str, name: str) -> Markup:
    """The blocks of a schedule over the day, now and for the pump.

    Args:
        same: the ISF in both units, or the carb ratio.
        what: for the axis and title.
        name: of the drawing in the page.
    """
    entries = same[0].entries
    edges = [0.0, *(int(e.start[:2]) + int(e.start[3:]) / 60 for e in entries[1:]), float(HOURS_PER_DAY)]
    current, new = [e.current for e in entries], [e.to_enter for e in entries]
    low, high = min(*current, *new) * 0.85, max(*current, *new) * 1.12
    changes = ", ".join(
        phrase("from {start} {change}", start=b[0].start, change=translated(" or ").join(map(_change, b)))
        for b in blocks_of(same)
    )

    def axis(frame: Frame, row: Row) -> Markup:
        ratio = row.entries[0].current / current[0]
        marks = [(m / ratio, fixed(m, DECIMALS[row.unit])) for m in plots.ticks(low * ratio, high * ratio, 4)]
        return plots.y_axis(frame, marks, f"{what}, {translated(row.unit)}", _class(row))

    def draw(frame: Frame, size: str) -> Markup:
        parts = [
            plots.hours_axis(frame, 3 if size == "wide" else 6),
            *(axis(frame, row) for row in same),
            plots.steps(frame, edges, current, "now-line"),
            plots.steps(frame, edges, new, "pump-line"),
        ]
        words = phrase("Now to new: {changes}.", changes=changes)
        title = phrase("{what}, blocks of the day", what=what)
        return plots.drawing(frame, f"{name}-{size}", title, words, parts, size)

    return _over_the_day(draw, (low, high), (210, 200))


def _change(entry: RowEntry) -> str:
    least = DECIMALS[entry.unit]
    now, new = exact(entry.current, least), exact(entry.to_enter, least)
    return phrase("{now} to {new} {unit}", now=now, new=new, unit=translated(entry.unit))


def _over_the_day(
    draw: Callable[[Frame, str], Markup],
    y_range: tuple[float, float],
    heights: tuple[float, float],
    right: float = 20,
    left: float = 38,
) -> Markup:
    """A drawing of the hours of a day: its heights on wide and narrow pages, the room at the right and at the left."""
    return plots.both(
        draw,
        Frame(WIDE, heights[0], (0, HOURS_PER_DAY), y_range, right=right, top=24, bottom=38),
        Frame(NARROW, heights[1], (0, HOURS_PER_DAY), y_range, left=left, right=16, top=24, bottom=38),
    )


def _class(row: Row) -> str:
    return {MGDL: "mgdl", MMOLL: "mmoll"}.get(row.field, "")


def between_caps(same: Sequence[Row], what: str, name: str, share: str) -> Markup:
    """A number between upstream's caps: now, recommended, and its interval.

    Args:
        same, what, name: as of `blocks`.
        share: of the repetitions in the interval, as text.
    """
    row, middle = same[0], 34.0
    margin = (row.cap_high - row.cap_low) * 0.02 or 1.0
    numbers = row.current, row.recommended
    span = (min(row.cap_low, *numbers) - margin, max(row.cap_high, *numbers) + margin)
    words = "; ".join(_strip_sentence(shown, share) for shown in same)

    def draw(frame: Frame, size: str) -> Markup:
        x1, x2 = frame.x(row.cap_low), frame.x(row.cap_high)
        parts = [plots.box(x1, middle - 7, max(x2 - x1, 1), 14, "track")]
        if row.interval_low is not None and row.interval_high is not None and not row.cap_label:
            a, b = frame.x(row.interval_low), frame.x(row.interval_high)
            parts.append(plots.box(min(a, b), middle - 7, max(b - a, 2), 14, "interval"))
        parts += [
            Markup('<circle class="now-dot" cx="{:g}" cy="{:g}" r="6"/>').format(frame.x(row.current), middle),
            plots.mark(frame.x(row.recommended), middle, "new-dot", 8),
            *(plots.group(_strip_words(frame, row, shown, middle), _class(shown)) for shown in same),
        ]
        title = phrase("{what} between upstream's caps", what=what)
        return plots.drawing(frame, f"{name}-{size}", title, words, parts, size)

    return plots.both(
        draw,
        Frame(WIDE, 84, span, (0, 1), left=20, right=20),
        Frame(NARROW, 84, span, (0, 1), left=12, right=12),
    )


def _strip_words(frame: Frame, row: Row, shown: Row, middle: float) -> list[Markup]:
    """Labels where `row` has its numbers, with those of `shown`."""
    now, new = frame.x(row.current), frame.x(row.recommended)
    current, recommended, low, high = (f"{number} {translated(shown.unit)}" for number in _four(shown))
    return [
        plots.label(now, middle - 16, phrase("now {number}", number=current), "now-text", _anchor(frame, now)),
        plots.label(
            new, middle + 24, phrase("recommended {number}", number=recommended), "new-text", _anchor(frame, new)
        ),
        plots.label(frame.x(row.cap_low), middle + 42, phrase("cap {number}", number=low), "cap-text"),
        plots.label(frame.x(row.cap_high), middle + 42, phrase("cap {number}", number=high), "cap-text", "end"),
    ]


def _four(row: Row) -> list[str]:
    # What is and what is recommended as it is; caps and intervals to the decimals of a drawing.
    least = DECIMALS[row.unit]
    settings, caps = (row.current, row.recommended), (row.cap_low, row.cap_high)
    return [*(exact(value, least) for value in settings), *(fixed(value, least) for value in caps)]


def _anchor(frame: Frame, x: float) -> str:
    room = 90.0
    return "start" if x - frame.left < room else "end" if frame.width - frame.right - x < room else "middle"


def _strip_sentence(row: Row, share: str) -> str:
    current, recommended, low, high = _four(row)
    text = phrase(
        "Now {current}, recommended {recommended}, caps {low} and {high}",
        **{"current": current, "recommended": recommended, "low": low, "high": high},
    )
    if row.cap_label:
        text += f", {translated(STOPPED)}"
    elif row.interval_low is not None:
        least, most = (fixed(end, DECIMALS[row.unit]) for end in (row.interval_low, row.interval_high))
        of = phrase("{share} of the repetitions between {least} and {most}", share=share, least=least, most=most)
        text += f", {of}"
    return f"{text} {translated(row.unit)}"


def glucose_of_the_day(hours: Sequence[dict[str, Any]], target_mgdl: tuple[int, int]) -> Markup:
    """The median of each hour, and the bands that hold half and nine tenths of its readings.

    Args:
        hours: of the document.
        target_mgdl: the lower and upper end of the range aimed at.
    """
    beyond = [v for v in (VERY_LOW_MGDL, VERY_HIGH_MGDL) if min(abs(v - end) for end in target_mgdl) >= APART_MGDL]
    levels = [float(level) for level in (*target_mgdl, *beyond)]
    of = {n: [h[f"{n}_mgdl"] for h in hours] for n in ("p5", "p25", "median", "p75", "p95")}
    high = max([HIGHEST_SHOWN, *(v * 1.03 for v in of["p95"] if v is not None)])
    last = {name: next((v for v in reversed(values) if v is not None), None) for name, values in of.items()}
    ends = [
        (value, translated(text), "new-text" if name == "median" else "cap-text")
        for name, text in PERCENTILES
        if (value := last[name]) is not None
    ]

    def draw(frame: Frame, size: str) -> Markup:
        bottom, top = (frame.y(end) for end in target_mgdl)
        parts = [
            plots.box(frame.left, top, frame.width - frame.left - frame.right, bottom - top, "target"),
            plots.y_axis(frame, [(v, fixed(v, 0)) for v in levels], phrase("glucose, mg/dL"), "mgdl"),
            plots.y_axis(
                frame, [(v, fixed(v / MGDL_PER_MMOLL, 1)) for v in levels], phrase("glucose, mmol/L"), "mmoll"
            ),
            plots.hours_axis(frame, 3 if size == "wide" else 6),
            plots.band(frame, MIDDLES, of["p5"], of["p95"], "interval-outer"),
            plots.band(frame, MIDDLES, of["p25"], of["p75"], "interval"),
            *(plots.rule(frame, end, "target-line") for end in target_mgdl),
            plots.line(frame, MIDDLES, of["median"], "pump-line"),
            *(_ends(frame, ends, apart=14, beside=6) if size == "wide" else ()),
        ]
        words = phrase("Median and percentiles of each hour; the table under the drawing has every number.")
        return plots.drawing(frame, f"glucose-{size}", phrase("Glucose by hour of the day"), words, parts, size)

    return _over_the_day(draw, (LOWEST_SHOWN, high), (330, 260), right=104)


def deviations(hours: Sequence[dict[str, Any]]) -> Markup:
    """The total deviation of each hour: above zero glucose rose without an explanation, below it fell."""
    values = [h["total_deviation_mgdl"] for h in hours]
    known = [v for v in values if v is not None] or [0.0]
    low, high = min(0.0, *known), max(0.0, *known)
    low, high = (-10.0, 10.0) if low == high else (low * 1.08, high * 1.08)
    marks = plots.ticks(low, high, 5)
    other = [(m * MGDL_PER_MMOLL, m) for m in plots.ticks(low / MGDL_PER_MMOLL, high / MGDL_PER_MMOLL, 5)]
    places = max((decimals_of(m) for _, m in other), default=0)
    above, below = ([v if v is not None and v * sign > 0 else None for v in values] for sign in (1, -1))
    zeros = [0.0] * len(values)

    def draw(frame: Frame, size: str) -> Markup:
        inset = 2 if size == "narrow" else 5
        parts = [
            plots.y_axis(frame, [(m, fixed(m, 0)) for m in marks], phrase("total deviation, mg/dL"), "mgdl"),
            plots.y_axis(frame, [(v, fixed(m, places)) for v, m in other], phrase("total deviation, mmol/L"), "mmoll"),
            plots.hours_axis(frame, 3 if size == "wide" else 6),
            plots.boxes(frame, EDGES, zeros, above, "bar", inset),
            plots.boxes(frame, EDGES, below, zeros, "bar-below", inset),
            plots.rule(frame, 0.0, "zero"),
        ]
        words = phrase("A bar for each hour; the table under the drawing has every number.")
        return plots.drawing(frame, f"deviations-{size}", phrase("Deviations by hour of the day"), words, parts, size)

    return _over_the_day(draw, (low, high), (230, 210), left=42)


def time_in_range(shares: Sequence[tuple[float, str]], name: str = "time-in-range") -> Markup:
    """One bar of shares in percent, each with its class, the lowest glucose first; its larger shares under it.

    A gap parts them and lows are hatched, so that they are told apart without colour; the table has every share.

    Args:
        shares: of the readings, with their classes.
        name: unique in the page.
    """
    words = phrase("From below 54 mg/dL (3.0 mmol/L) to above 250 mg/dL (13.89 mmol/L); the table names each share.")

    def draw(frame: Frame, size: str) -> Markup:
        edges = pairwise(map(frame.x, accumulate((share for share, _ in shares), initial=0.0)))
        return plots.drawing(
            frame,
            f"{name}-{size}",
            phrase("Time in range"),
            words,
            [part for ends, (share, css) in zip(edges, shares, strict=True) for part in _share(*ends, share, css)],
            size,
        )

    sizes = (Frame(width, BAR + 18, (0, 100), (0, 1), left=0, right=0, top=0, bottom=0) for width in (WIDE, NARROW))
    return plots.both(draw, *sizes)


def _share(left: float, right: float, share: float, css: str) -> Iterator[Markup]:
    """A part of the bar, a gap of two short of the next; its number where there is room for it."""
    right = max(right - 2, left + 1)
    if share <= 0:
        return
    yield plots.box(left, 0, right - left, BAR, f"share {css}")
    if css in HATCHED:
        yield plots.hatch(left, 0, right - left, BAR, HATCHED[css])
    if right - left >= LEAST_FOR_NUMBER:
        yield plots.label((left + right) / 2, BAR + 14, f"{fixed(share, 0)} %", "share-text", "middle")
