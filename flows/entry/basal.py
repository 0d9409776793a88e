"""Basal rates on the steps of one device, the day's total kept, and in no more blocks than it has.

No rate is above what was wanted by more than half a step of the device, whatever that does to the day: what cannot be
kept is less insulin, and is said.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from flows.entry.steps import Enterable, spread
from flows.proposal.rounding import EXACT
from flows.proposal.step_limits import OF
from flows.values.schedule import Schedule
from flows.values.units import MINUTES_PER_DAY


@dataclass(frozen=True)
class Stretch:
    """Minutes of the day with one rate, in U/h: now, wanted, and what is entered."""

    start: int
    minutes: int
    now: float
    wanted: float
    entered: float = 0.0

    @property
    def hours(self) -> float:
        """How long it is."""
        return self.minutes / 60


class NotEnterable(ValueError):
    """A rate that no number of the device comes near enough to; says when it begins."""

    def __init__(self, start: int) -> None:
        super().__init__("a rate is not enterable")
        self.start = start


def stretches(now: Schedule, wanted: Schedule, block_minutes: int) -> list[Stretch]:
    """The day cut where a rate changes, on the device's blocks; within one of them the time-weighted mean."""
    starts = {
        edge
        for block in (*now.blocks, *wanted.blocks)
        for edge in (block.minutes // block_minutes, -(-block.minutes // block_minutes))
    }
    edges = sorted(edge * block_minutes for edge in starts if edge * block_minutes < MINUTES_PER_DAY)
    return [
        Stretch(start, end - start, now.mean(start, end), wanted.mean(start, end))
        for start, end in pairwise([*edges, MINUTES_PER_DAY])
    ]


def by_block(day: Sequence[Stretch], block_minutes: int) -> list[Stretch]:
    """The same day with a stretch for each block of so many minutes."""
    return [
        replace(one, start=start, minutes=block_minutes)
        for one in day
        for start in range(one.start, one.start + one.minutes, block_minutes)
    ]


def on_device_steps(wanted: Sequence[Stretch], rates: Enterable) -> list[Stretch]:
    """Each rate on one of the two numbers around it, their sum as near to what is wanted as half a step more allows.

    Raises:
        NotEnterable: no number is near enough to a rate.
    """
    low_high = [_around(one, rates) for one in wanted]
    entered = [high for _, high in low_high]
    too_much = math.fsum((rate - one.wanted) * one.hours for rate, one in zip(entered, wanted, strict=True))
    may_fall = [n for n, (low, high) in enumerate(low_high) if low < high]

    def own_excess(n: int) -> tuple[float, float]:
        """How much of its step a rate was raised by, and what going down takes from the day."""
        low, high = low_high[n]
        return -round((high - wanted[n].wanted) / (high - low), 6), round((high - low) * wanted[n].hours, 9)

    for (_, less), group in groupby(sorted(may_fall, key=lambda n: (own_excess(n), n)), key=own_excess):
        together = list(group)
        fall = min(len(together), math.floor(too_much / less + 0.5 + EXACT))
        for n in spread(fall, together) if fall > 0 else ():
            entered[n] = low_high[n][0]
            too_much -= less
    fallen = [n for n in may_fall if entered[n] == low_high[n][0]]
    for n in sorted(fallen, key=lambda n: (-own_excess(n)[1], n)):  # a long stretch may have taken more than it had to
        if (less := own_excess(n)[1]) < -2 * too_much - EXACT:
            entered[n] = low_high[n][1]
            too_much += less
    return [replace(one, entered=rate) for one, rate in zip(wanted, entered, strict=True)]


def _around(one: Stretch, rates: Enterable) -> tuple[float, float]:
    """The lowest and the highest number that may stand for a rate; both are one where there is no choice."""
    low, high = rates.down(one.wanted), rates.up(one.wanted)
    half = rates.step_at(one.wanted) / 2 + EXACT
    if low is None or high is None:
        only = rates.least if low is None else rates.greatest
        if one.wanted <= 0 or abs(only - one.wanted) > half:
            raise NotEnterable(one.start)
        return only, only
    return (low, high) if high - one.wanted <= half else (low, low)


def joined(day: Sequence[Stretch]) -> list[list[Stretch]]:
    """Neighbours with one rate to enter together."""
    return [list(group) for _, group in groupby(day, key=lambda one: one.entered)]


def in_fewer_blocks(day: Sequence[Stretch], most: int, fixed: Collection[int] = (0,)) -> list[Stretch]:
    """The rates in no more blocks than the device has: of two neighbours the lower rate, where that takes least.

    No rate falls by more than a step may change an hour; where that leaves too many blocks, so it is.

    Args:
        day: on the device's steps.
        most: blocks.
        fixed: where blocks begin in any case, since other settings share them.
    """
    day = list(day)
    while len(starts := {group[0].start for group in joined(day)} | set(fixed)) > most:
        groups = joined(day)
        neighbours = [(a, b) for a, b in pairwise(groups) if b[0].start not in fixed]
        pairs = [pair for a, b in neighbours if _may_join(pair := sorted((a, b), key=lambda group: group[0].entered))]
        if not pairs:
            return day
        lower, higher = min(pairs, key=_loss)
        day = [replace(one, entered=lower[0].entered) if one in higher else one for one in day]
        assert len({group[0].start for group in joined(day)} | set(fixed)) < len(starts)
    return day


def _may_join(pair: list[list[Stretch]]) -> bool:
    lower, higher = pair
    least = 1 - OF["hour_step"] / 100
    return all(lower[0].entered >= least * one.wanted - EXACT for one in higher)


def _loss(pair: list[list[Stretch]]) -> float:
    lower, higher = pair
    return (higher[0].entered - lower[0].entered) * math.fsum(one.hours for one in higher)


def total(day: Sequence[Stretch]) -> float:
    """What is entered, in U a day."""
    return math.fsum(one.entered * one.hours for one in day)
