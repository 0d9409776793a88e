"""Which days each repetition of a run is made of: a block bootstrap, the same for the same seed.

Neighbouring days are alike (a sensor, an infusion site, an illness), so whole blocks of them are drawn.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

DayT = TypeVar("DayT")

LEAST_DAYS = 4  # below it the repetitions are made of too few different days to say anything
BLOCK_OF_TWO_FROM_DAYS = 6


def block_days(days: int) -> int:
    """How many neighbouring days are drawn together."""
    return 2 if days >= BLOCK_OF_TWO_FROM_DAYS else 1


def resampled(days: Sequence[DayT], count: int, seed: int) -> list[tuple[DayT, ...]]:
    """As many days as were used, drawn in blocks with replacement, `count` times over.

    A block that reaches the end goes on at the beginning, so that every day is drawn as often as any other.

    Args:
        days: the days of the run, in order; at least one.
        count: how many repetitions.
        seed: the same seed draws the same days.
    """
    chance, size, total = random.Random(seed), block_days(len(days)), len(days)
    drawn = []
    for _ in range(count):
        picked: list[DayT] = []
        while len(picked) < total:
            start = chance.randrange(total)
            picked += [days[(start + n) % total] for n in range(size)]
        drawn.append(tuple(picked[:total]))
    return drawn
