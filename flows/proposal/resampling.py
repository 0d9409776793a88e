"""Which days each repetition of a run is made of: blocks of neighbouring days, the same for the same seed.

Neighbouring days are alike (a sensor, an infusion site, an illness), so whole blocks of them are drawn. Upstream takes
one day after the other, so days stay in the order in which they were drawn. Knows nothing of upstream or its numbers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import product
from math import ceil
from typing import TypeVar

DayT = TypeVar("DayT")
Batch = tuple[tuple[DayT, ...], ...]  # repetitions, each made of days

LEAST_DAYS = 4  # below it the repetitions are made of too few different days to say anything
BLOCK_OF_TWO_FROM_DAYS = 5
MOST_DAYS_FOR_EVERY_DRAW = 6  # seven days have 2401 draws


def block_days(days: int) -> int:
    """How many neighbouring days are drawn together."""
    return 2 if days >= BLOCK_OF_TWO_FROM_DAYS else 1


def batches(days: Sequence[DayT], seed: int) -> Iterator[Batch[DayT]]:
    """Batches of repetitions without end: in each of them every day counts equally often at every place.

    A batch has as many repetitions as there are days, and a repetition as many days. At each block position every day
    is the start of a block once in a batch, in an order of its own; blocks and days are never sorted. Less is left to
    chance than in draws at random, so as many repetitions say more (docs/safety.md).

    Args:
        days: the days of the run, in order; at least one.
        seed: the same seed gives the same batches, on every machine and whoever computes them.
    """
    chance, total = random.Random(seed), len(days)
    while True:
        starts = [chance.sample(range(total), total) for _ in range(_blocks(total))]
        yield tuple(_repetition(days, of_one) for of_one in zip(*starts, strict=True))


def every_draw(days: Sequence[DayT]) -> list[tuple[DayT, ...]] | None:
    """All repetitions that there are, each as likely as any other; `None` for more than six days.

    4 days have 256 (4 blocks of one day), 5 have 125 and 6 have 216 (3 blocks of two).

    Args:
        days: the days of the run, in order; at least one.
    """
    if len(days) > MOST_DAYS_FOR_EVERY_DRAW:
        return None
    return [_repetition(days, starts) for starts in product(range(len(days)), repeat=_blocks(len(days)))]


def _blocks(days: int) -> int:
    return ceil(days / block_days(days))


def _repetition(days: Sequence[DayT], starts: Sequence[int]) -> tuple[DayT, ...]:
    """Blocks that reach the end go on at the beginning; the last is cut where it would be a day too many."""
    total = len(days)
    picked = [days[(start + n) % total] for start in starts for n in range(block_days(total))]
    return tuple(picked[:total])
