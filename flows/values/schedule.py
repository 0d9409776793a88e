"""A schedule of one setting over the day: blocks from 00:00, each valid until the next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from flows.values.units import HOURS_PER_DAY, MINUTES_PER_DAY


@dataclass(frozen=True)
class Block:
    """A value from `minutes` after local midnight on."""

    minutes: int
    value: float


@dataclass(frozen=True)
class Schedule:
    """Blocks in order of time, the first at 00:00, no two at the same minute."""

    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        minutes = [b.minutes for b in self.blocks]
        if not minutes or minutes[0] != 0 or sorted(set(minutes)) != minutes:
            raise ValueError("a schedule starts at 00:00 and is in order of time")
        if minutes[-1] >= MINUTES_PER_DAY:
            raise ValueError("a schedule ends before midnight")

    @classmethod
    def constant(cls, value: float) -> Schedule:
        """One value all day."""
        return cls((Block(0, value),))

    def at(self, minutes: float) -> float:
        """The value in force so many minutes after midnight."""
        return next(b.value for b in reversed(self.blocks) if b.minutes <= minutes)

    def mean(self, start: int = 0, end: int = MINUTES_PER_DAY) -> float:
        """The time-weighted mean between two minutes of the day."""
        edges = [start, *(b.minutes for b in self.blocks if start < b.minutes < end), end]
        return sum(self.at(a) * (b - a) for a, b in pairwise(edges)) / (end - start)

    def hourly(self) -> list[float]:
        """24 values, each the time-weighted mean of its hour: blocks within an hour keep the daily total."""
        return [self.mean(h * 60, h * 60 + 60) for h in range(HOURS_PER_DAY)]

    @property
    def within_hours(self) -> bool:
        """Whether a value changes anywhere but on the hour."""
        return any(b.minutes % 60 and b.value != a.value for a, b in pairwise(self.blocks))

    @property
    def distinct(self) -> list[float]:
        """The different values, in order of first appearance."""
        return list(dict.fromkeys(b.value for b in self.blocks))

    def mapped(self, factor: float) -> Schedule:
        """The same shape, every value multiplied."""
        return Schedule(tuple(Block(b.minutes, b.value * factor) for b in self.blocks))

    def later(self, hours: float) -> Schedule:
        """The same schedule running so many hours later by the clock (earlier where negative), wrapped at midnight."""
        shift = round(hours * 60) % MINUTES_PER_DAY
        moved = {(b.minutes + shift) % MINUTES_PER_DAY: b.value for b in self.blocks}
        moved.setdefault(0, self.at((MINUTES_PER_DAY - shift) % MINUTES_PER_DAY))
        return Schedule(tuple(Block(m, moved[m]) for m in sorted(moved)))

    def same_as(self, other: Schedule, relative: float = 1e-6) -> bool:
        """Whether both give the same value at every minute of the day, however they are cut into blocks."""
        edges = {b.minutes for b in (*self.blocks, *other.blocks)}
        return all(math.isclose(self.at(m), other.at(m), rel_tol=relative, abs_tol=1e-9) for m in edges)
