"""A setting over the day as it is and as it becomes: two lines of steps, dashed and solid."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from flows.language.catalogue import phrase, translated
from flows.report.planned_rows import PlannedPart
from flows.report.svg import plots
from flows.report.svg.plots import Frame
from flows.report.wording import decimals_of, fixed
from flows.values.units import HOURS_PER_DAY

WIDE, NARROW = 720, 360


def before_and_after(shown: PlannedPart, name: str) -> Markup:
    """The drawing, for wide and for narrow pages.

    Args:
        shown: the setting with its rows; the table beside the drawing has every number.
        name: unique in the page; letters, digits, `-`.
    """
    edges = [*(_hour(entry.start) for entry in shown.entries), float(HOURS_PER_DAY)]
    now, after = ([getattr(e, field) for e in shown.entries] for field in ("current", "to_enter"))
    low, high = min(*now, *after), max(*now, *after)
    room = max((high - low) * 0.15, high * 0.05)
    y_range = max(0.0, low - room), high + room
    marks = plots.ticks(*y_range, 4)
    places = max(decimals_of(mark) for mark in marks)
    what = f"{translated(shown.heading)}, {translated(shown.unit)}"
    words = phrase("Dashed as it is now, solid as it becomes: {changes}.", changes=_changes(shown))

    def draw(frame: Frame, size: str) -> Markup:
        parts = [
            plots.y_axis(frame, [(m, fixed(m, places)) for m in marks], what),
            plots.hours_axis(frame, 3 if size == "wide" else 6),
            plots.steps(frame, edges, now, "now-line"),
            plots.steps(frame, edges, after, "after-line"),
        ]
        return plots.drawing(frame, f"{name}-{size}", what, words, parts, size)

    frames = [
        Frame(width, height, (0, HOURS_PER_DAY), y_range, top=24, bottom=38, right=16)
        for width, height in ((WIDE, 220), (NARROW, 200))
    ]
    return plots.both(draw, *frames)


def _changes(shown: PlannedPart) -> str:
    return ", ".join(
        phrase("{time} from {now} to {after}", time=row.span, now=row.now, after=row.after) for row in shown.changed
    )


def _hour(clock: str) -> float:
    hours, minutes = clock.split(":")[:2]
    return int(hours) + int(minutes) / 60


def drawn(parts: Sequence[PlannedPart]) -> list[tuple[PlannedPart, Markup]]:
    """Each setting of which a number changes, with its drawing."""
    return [(shown, before_and_after(shown, f"change-{shown.part.value}")) for shown in parts if shown.changed]
