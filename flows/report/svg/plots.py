"""Small inline SVG drawings: a frame with axes, steps, bands, lines, bars, labels. Knows nothing of what is drawn.

Every part is drawn in classes of `templates/style.css`, so that it follows light, dark and print. Texts are escaped.
A drawing is made once for wide and once for narrow pages, since text in an SVG shrinks with it; the style shows one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from markupsafe import Markup

from flows.language.catalogue import phrase
from flows.values.units import HOURS_PER_DAY

T = TypeVar("T")
X = TypeVar("X")


@dataclass(frozen=True)
class Frame:
    """The area data are drawn in, and the ranges of both axes."""

    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    left: float = 44
    right: float = 12
    top: float = 14
    bottom: float = 34

    def x(self, value: float) -> float:
        """Where a value of the horizontal axis lies."""
        return _place(value, self.x_range, self.left, self.width - self.right)

    def y(self, value: float) -> float:
        """Where a value of the vertical axis lies."""
        return _place(value, self.y_range, self.height - self.bottom, self.top)


def _place(value: float, of: tuple[float, float], first: float, last: float) -> float:
    span = (of[1] - of[0]) or 1.0
    return round(first + (min(max(value, of[0]), of[1]) - of[0]) / span * (last - first), 2)


# --- the drawing -----------------------------------------------------------------------------------------------------


def drawing(frame: Frame, name: str, title: str, description: str, parts: Iterable[Markup], css: str = "") -> Markup:
    """The SVG, with a title and a description for those who cannot see it.

    Args:
        frame: its size.
        name: unique in the page; letters, digits, `-`.
        title, description: what a screen reader says.
        parts: what is drawn, the farthest back first.
        css: more classes, such as `wide` or `narrow`.
    """
    return Markup(
        '<svg class="plot {css}" role="img" aria-labelledby="{name}-t {name}-d" viewBox="0 0 {w:g} {h:g}">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>{parts}</svg>'
    ).format(
        css=css,
        name=name,
        w=frame.width,
        h=frame.height,
        title=title,
        description=description,
        parts=Markup("").join(parts),
    )


def both(draw: Callable[[Frame, str], Markup], wide: Frame, narrow: Frame) -> Markup:
    """A drawing for wide pages and print, and one for phones; `draw` gets the frame and `wide` or `narrow`."""
    return draw(wide, "wide") + draw(narrow, "narrow")


def group(parts: Iterable[Markup], css: str) -> Markup:
    """Parts that are shown or hidden together, such as the numbers of one unit (`mgdl`, `mmoll`)."""
    return Markup('<g class="{}">{}</g>').format(css, Markup("").join(parts))


# --- axes ------------------------------------------------------------------------------------------------------------


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that cover a range: steps of 1, 2, 2.5 or 5 times a power of ten, about `count` of them."""
    rough = ((high - low) or 1.0) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def x_axis(frame: Frame, marks: Sequence[tuple[float, str]], name: str = "") -> Markup:
    """Marks under the frame, each with its text, and under them the axis' name with its unit."""
    bottom = frame.height - frame.bottom
    parts = [stroke(frame.left, bottom, frame.width - frame.right, bottom, "axis")]
    for x, text in ((frame.x(value), text) for value, text in marks):
        parts += stroke(x, bottom, x, bottom + 4, "axis"), label(x, bottom + 15, text, "tick", "middle")
    if name:
        parts.append(label((frame.left + frame.width - frame.right) / 2, frame.height - 3, name, "name", "middle"))
    return Markup("").join(parts)


def hours_axis(frame: Frame, every: int = 3, name: str = "") -> Markup:
    """The hours of a day as clock times, named local time; the frame's horizontal range is 0 to 24."""
    return x_axis(frame, [(h, f"{h:02d}:00") for h in range(0, HOURS_PER_DAY + 1, every)], name or phrase("local time"))


def y_axis(frame: Frame, marks: Sequence[tuple[float, str]], name: str = "", css: str = "") -> Markup:
    """Grid lines with their texts at the left, and the axis' name with its unit above.

    Args:
        frame: where.
        marks: the value and text of each line.
        name: what is measured, with its unit.
        css: a class for all of it, such as the unit's.
    """
    parts = [
        part
        for value, text in marks
        for part in (rule(frame, value, "grid"), label(frame.left - 6, frame.y(value) + 4, text, "tick", "end"))
    ]
    if name:
        parts.append(label(2, frame.top - 8, name, "name"))
    return group(parts, css)


# --- data ------------------------------------------------------------------------------------------------------------


def steps(frame: Frame, edges: Sequence[float], values: Sequence[float | None], css: str) -> Markup:
    """A line that holds each value from its edge to the next (one more edge than values); broken where one is None."""
    runs = _runs(list(pairwise(edges)), values)
    return _path(([f"{frame.x(a):g} {frame.y(v):g}H{frame.x(b):g}" for (a, b), v in run] for run in runs), css)


def boxes(
    frame: Frame,
    edges: Sequence[float],
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    css: str,
    inset: float = 0.0,
) -> Markup:
    """A box from low to high between each edge and the next, `inset` narrower on both sides."""
    return Markup("").join(
        box(
            frame.x(start) + inset,
            frame.y(high),
            max(frame.x(end) - frame.x(start) - 2 * inset, 0.5),
            max(frame.y(low) - frame.y(high), 1.5),
            css,
        )
        for (start, end), low, high in zip(pairwise(edges), lows, highs, strict=True)
        if low is not None and high is not None
    )


def line(frame: Frame, xs: Sequence[float], values: Sequence[float | None], css: str) -> Markup:
    """A line through points; broken where a value is None, a lone point is a short dash."""
    return _path(([f"{x:g} {frame.y(v):g}" for x, v in _spots(frame, run)] for run in _runs(xs, values)), css)


def band(
    frame: Frame, xs: Sequence[float], lows: Sequence[float | None], highs: Sequence[float | None], css: str
) -> Markup:
    """The area between two lines; broken where either has no value."""
    pairs = [None if low is None or high is None else (low, high) for low, high in zip(lows, highs, strict=True)]

    def outline(run: Sequence[tuple[float, tuple[float, float]]]) -> list[str]:
        spots = _spots(frame, run)
        there = [f"{x:g} {frame.y(high):g}" for x, (_, high) in spots]
        return there + [f"{x:g} {frame.y(low):g}" for x, (low, _) in reversed(spots)]

    return _path(map(outline, _runs(xs, pairs)), css, end="Z")


def _spots(frame: Frame, run: Sequence[tuple[float, T]]) -> list[tuple[float, T]]:
    """Where values lie from left to right; a lone one is given some width."""
    if len(run) > 1:
        return [(frame.x(x), value) for x, value in run]
    ((x, value),) = run
    return [(frame.x(x) - 3, value), (frame.x(x) + 3, value)]


def _runs(xs: Sequence[X], values: Sequence[T | None]) -> list[list[tuple[X, T]]]:
    runs: list[list[tuple[X, T]]] = [[]]
    for x, value in zip(xs, values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((x, value))
    return [run for run in runs if run]


def dots(frame: Frame, xs: Sequence[float], values: Sequence[float | None], css: str, radius: float = 3) -> Markup:
    """A dot for each value that is there."""
    return Markup("").join(
        Markup('<circle class="{}" cx="{:g}" cy="{:g}" r="{:g}"/>').format(css, frame.x(x), frame.y(v), radius)
        for x, v in zip(xs, values, strict=True)
        if v is not None
    )


# --- pieces ----------------------------------------------------------------------------------------------------------


def label(x: float, y: float, text: str, css: str, anchor: str = "start") -> Markup:
    """A text; `anchor` is start, middle or end."""
    return Markup('<text class="{}" x="{:g}" y="{:g}" text-anchor="{}">{}</text>').format(css, x, y, anchor, text)


def spread(places: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Places for labels near those asked for, at least `apart` from each other, between low and high if they fit."""
    order = sorted(range(len(places)), key=places.__getitem__)
    result, floor, ceiling = list(places), low, high
    for index in order:
        result[index] = max(result[index], floor)
        floor = result[index] + apart
    for index in reversed(order):
        result[index] = min(result[index], ceiling)
        ceiling = result[index] - apart
    return result


def box(x: float, y: float, width: float, height: float, css: str) -> Markup:
    """A rectangle."""
    return Markup('<rect class="{}" x="{:g}" y="{:g}" width="{:g}" height="{:g}"/>').format(css, x, y, width, height)


def hatch(x: float, y: float, width: float, height: float, gap: float) -> Markup:
    """Diagonal lines over a box, so that it is told from its neighbours without colour; `gap` lies between them."""
    starts = (gap * n - height for n in range(1, math.ceil((width + height) / gap)))
    ends = ((start, max(start, 0.0), min(start + height, width)) for start in starts)
    lines = ([f"{x + at:g} {y + height - (at - start):g}" for at in (a, b)] for start, a, b in ends if b > a)
    return _path(lines, "hatch")


def mark(x: float, y: float, css: str, size: float = 6) -> Markup:
    """A diamond."""
    corners = (x, y - size), (x + size, y), (x, y + size), (x - size, y)
    return _path([[f"{a:g} {b:g}" for a, b in corners]], css, end="Z")


def rule(frame: Frame, value: float, css: str) -> Markup:
    """A horizontal line through the frame."""
    return stroke(frame.left, frame.y(value), frame.width - frame.right, frame.y(value), css)


def stroke(x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    """A straight line."""
    return Markup('<line class="{}" x1="{:g}" y1="{:g}" x2="{:g}" y2="{:g}"/>').format(css, x1, y1, x2, y2)


def _path(lines: Iterable[Iterable[str]], css: str, end: str = "") -> Markup:
    """Lines through points, each as `x y`; with `Z` at its end a line is closed."""
    return Markup('<path class="{}" d="{}"/>').format(css, "".join(f"M{'L'.join(line)}{end}" for line in lines))
