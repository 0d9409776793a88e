"""The repetitions of a run, batch after batch until they are enough: the rule of drawing and stopping in one place.

Computes nothing itself: who calls says how the settings of a batch come about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flows.oref0.profile import PumpSettings
from flows.proposal.resampling import Batch, DayT, batches, every_draw
from flows.proposal.stopping import DecidingSetting, settled

# Of up to six days all draws there are (125 to 256) share so many beginnings that they cost what 37 to 86 repetitions
# do without any shared. Whoever asks for fewer than this wants less done.
EVERY_DRAW_FROM_CEILING = 40


@dataclass(frozen=True)
class Repeated:
    """What came of the repetitions.

    Attributes:
        settings: of those with a result, in the order in which they were drawn.
        failed: how many had none.
        ceiling: how many there might have been at most; all draws there are where all were computed.
        clear: whether more would hardly change a decision, or there are no more; `False`: stopped by the ceiling.
    """

    settings: tuple[PumpSettings, ...]
    failed: int
    ceiling: int
    clear: bool


def repeated(
    days: Sequence[DayT],
    seed: int,
    ceiling: int,
    decides: Sequence[DecidingSetting],
    compute: Callable[[Batch[DayT]], Sequence[PumpSettings | None]],
) -> Repeated:
    """Repeat a run until it is settled, until the ceiling, or, of few days, over every draw there is.

    Args:
        days: the days of the run, in order; at least one.
        seed: of the draws.
        ceiling: how many repetitions there are at most; at least one.
        decides: see `flows.proposal.stopping.deciding`.
        compute: the settings of each repetition of a batch, in its order; `None` for one without a result.
    """
    if ceiling >= EVERY_DRAW_FROM_CEILING and (all_draws := every_draw(days)) is not None:
        settings = [one for one in compute(tuple(all_draws)) if one is not None]
        return Repeated(tuple(settings), len(all_draws) - len(settings), ceiling=len(all_draws), clear=True)
    settings, failed = [], 0
    for batch in _up_to(ceiling, batches(days, seed)):
        made = [one for one in compute(batch) if one is not None]
        settings += made
        failed += len(batch) - len(made)
        at_ceiling = len(settings) + failed == ceiling
        # What failed is not among what may still come: the ceiling is one of attempts.
        counts = [one.agreeing(settings) for one in decides]
        if not at_ceiling and settled(counts, len(settings), ceiling - failed):
            return Repeated(tuple(settings), failed, ceiling, clear=True)
    return Repeated(tuple(settings), failed, ceiling, clear=False)


def _up_to(ceiling: int, drawn: Iterator[Batch[DayT]]) -> Iterator[Batch[DayT]]:
    left = ceiling
    while left:
        batch = next(drawn)[:left]
        left -= len(batch)
        yield batch
