"""What a screen's rows and the notes above them are made of."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby, pairwise

from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.profiles.schedule_blocks import clock_text
from flows.values.parts import Part

NAMES = {Part.BASAL: to_translate("basal"), Part.ISF: "ISF", Part.CARB_RATIO: to_translate("carb ratio")}
SAME = 5e-4  # numbers that differ by less are one: no device shows more than three decimals
MOST_NAMED = 6  # times of day in one note


class SheetMark(StrEnum):
    """Why a number is typed: the step changes it, the device does not have the one in use, or it is there already."""

    CHANGED, ROUNDED, AS_NOW = "changed", "rounded", "as-now"


@dataclass(frozen=True)
class SheetRow:
    """One row of a screen: from when to when of the day (minutes), the numbers in use there, and the one to have."""

    start: int
    end: int
    now: tuple[float, ...]
    value: float
    mark: SheetMark

    @property
    def start_text(self) -> str:
        """When it begins, `HH:MM`."""
        return clock_text(self.start)

    @property
    def end_text(self) -> str:
        """When it ends, `HH:MM`."""
        return clock_text(self.end)


@dataclass(frozen=True)
class SheetNote:
    """What is said above the rows: an id for programs, and a sentence."""

    code: str
    text: str


@dataclass(frozen=True)
class Span:
    """A stretch of the day with one number in use, one wanted and one to enter.

    `moved` says that the step reaches it: what is entered is another number than the system has for the one in use.
    """

    start: int
    end: int
    now: float
    wanted: float
    value: float
    moved: bool

    @property
    def mark(self) -> SheetMark:
        """Why it is typed."""
        if math.isclose(self.value, self.now, abs_tol=SAME):
            return SheetMark.AS_NOW
        return SheetMark.CHANGED if self.moved else SheetMark.ROUNDED

    @property
    def wants_change(self) -> bool:
        """Whether the number in use is to become another one."""
        return not math.isclose(self.wanted, self.now, abs_tol=SAME)


@dataclass(frozen=True)
class SettingEntered:
    """What was made of one setting: its numbers over the day, or why there are none, and what else has to be known."""

    spans: tuple[Span, ...] = ()
    problems: tuple[SheetNote, ...] = ()
    notes: tuple[SheetNote, ...] = ()


def joined_rows(spans: Sequence[Span], apart: Iterable[int] = ()) -> tuple[SheetRow, ...]:
    """The rows: neighbours with one number to enter are one, but where a row has to begin in any case."""
    begins = set(apart)
    groups: list[list[Span]] = []
    for span in _cut(spans, begins):
        if groups and groups[-1][-1].value == span.value and span.start not in begins:
            groups[-1].append(span)
        else:
            groups.append([span])
    return tuple(_row(group) for group in groups)


def _cut(spans: Sequence[Span], starts: Collection[int]) -> Iterator[Span]:
    for span in spans:
        edges = [span.start, *sorted(start for start in starts if span.start < start < span.end), span.end]
        yield from (replace(span, start=start, end=end) for start, end in pairwise(edges))


def _row(spans: Sequence[Span]) -> SheetRow:
    marks = {span.mark for span in spans}
    return SheetRow(
        start=spans[0].start,
        end=spans[-1].end,
        now=tuple(now for now, _ in groupby(span.now for span in spans)),
        value=spans[0].value,
        mark=next(mark for mark in SheetMark if mark in marks),
    )


def times(starts: Iterable[int]) -> str:
    """Times of day, the first few."""
    named = [clock_text(start) for start in sorted(set(starts))]
    first, more = ", ".join(named[:MOST_NAMED]), len(named) - MOST_NAMED
    return translatable("{first} and {more} more", first=first, more=more) if more > 0 else first
