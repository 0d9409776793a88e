"""The numbers that a device can be set to: from the least to the greatest, on steps that may differ by band.

Counted in thousandths of the unit, so that a number is on its step or it is not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

THOUSANDTHS = 1000
SAME = 1e-6  # in thousandths: the noise of a conversion, not a number of its own


@dataclass(frozen=True)
class StepBand:
    """A step, and the number from which on another one holds (`None`: up to the greatest)."""

    step: float
    below: float | None = None


@dataclass(frozen=True)
class Steps:
    """The least and the greatest number, and the steps between them, the lowest band first.

    A band begins on a step of its own, as with every pump of the table.
    """

    least: float
    greatest: float
    bands: tuple[StepBand, ...]

    @property
    def enterable(self) -> Enterable:
        """The numbers themselves."""
        return _numbers(self)


@dataclass(frozen=True)
class Enterable:
    """All the numbers that can be entered, in thousandths, in order."""

    thousandths: tuple[int, ...] = field(repr=False)

    @property
    def least(self) -> float:
        """The smallest one."""
        return self.thousandths[0] / THOUSANDTHS

    @property
    def greatest(self) -> float:
        """The largest one."""
        return self.thousandths[-1] / THOUSANDTHS

    def has(self, value: float) -> bool:
        """Whether a number is one of them."""
        return self.down(value) is not None and self.down(value) == self.up(value)

    def down(self, value: float) -> float | None:
        """The greatest one that is no greater; `None` below all of them."""
        n = bisect_left(self.thousandths, value * THOUSANDTHS + SAME)
        return self.thousandths[n - 1] / THOUSANDTHS if n else None

    def up(self, value: float) -> float | None:
        """The least one that is no less; `None` above all of them."""
        n = bisect_left(self.thousandths, value * THOUSANDTHS - SAME)
        return self.thousandths[n] / THOUSANDTHS if n < len(self.thousandths) else None

    def nearest(self, value: float) -> float:
        """The nearest one; of two as near the greater."""
        low, high = self.down(value), self.up(value)
        if low is None or high is None:
            return self.least if low is None else self.greatest
        return low if value - low < high - value - SAME / THOUSANDTHS else high

    def step_at(self, value: float) -> float:
        """How far apart the numbers are around one."""
        n = min(max(bisect_left(self.thousandths, value * THOUSANDTHS + SAME), 1), len(self.thousandths) - 1)
        return (self.thousandths[n] - self.thousandths[n - 1]) / THOUSANDTHS

    def shared_with(self, other: Enterable) -> Enterable:
        """Those that another device can be set to, too."""
        return _shared(self, other)


def even(step: float, least: float, greatest: float) -> Steps:
    """One step from the least to the greatest."""
    return Steps(least, greatest, (StepBand(step),))


def spread(count: int, of: Sequence[int]) -> list[int]:
    """So many of some places, evenly apart."""
    return [of[(2 * n + 1) * len(of) // (2 * count)] for n in range(count)]


@lru_cache(maxsize=128)
def _numbers(steps: Steps) -> Enterable:
    found: list[int] = []
    start = 0
    most = round(steps.greatest * THOUSANDTHS)
    for band in steps.bands:
        end = most + 1 if band.below is None else min(round(band.below * THOUSANDTHS), most + 1)
        found += range(start, end, round(band.step * THOUSANDTHS))
        start = end
    least = round(steps.least * THOUSANDTHS)
    return Enterable(tuple(number for number in found if number >= least))


@lru_cache(maxsize=256)
def _shared(one: Enterable, other: Enterable) -> Enterable:
    return Enterable(tuple(sorted(set(one.thousandths) & set(other.thousandths))))
