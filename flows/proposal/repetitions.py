"""The repetitions of a run, batch after batch until they are enough: the rule of drawing and stopping in one place.

Computes nothing itself: who calls says how the settings of a batch come about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from flows.oref0.profile import PumpSettings
from flows.proposal.resampling import Batch, DayT, batches, every_draw
from flows.proposal.stopping import DecidingSetting, settled
from flows.settings import AnalysisRequest

# Of up to six days all draws there are (125 to 256) share so many beginnings that they cost what 37 to 86 repetitions
# do without any shared. Whoever asks for fewer than usual wants less done.
EVERY_DRAW_FROM_CEILING: int = AnalysisRequest.model_fields["resamples"].default
# A batch has as many repetitions as there are days; of longer runs they are looked at more often than after each.
MOST_BETWEEN_LOOKS, MANY_DAYS_ROUND = 30, 20


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
        compute: the settings of some repetitions, in any order; `None` for one without a result.
    """
    if (all_draws := _every_draw(days, ceiling)) is not None:
        settings = [one for one in compute(all_draws) if one is not None]
        return Repeated(tuple(settings), len(all_draws) - len(settings), ceiling=len(all_draws), clear=True)
    settings, failed = [], 0
    for batch in rounds(days, seed, ceiling):
        made = [one for one in compute(batch) if one is not None]
        settings += made
        failed += len(batch) - len(made)
        at_ceiling = len(settings) + failed == ceiling
        # What failed is not among what may still come: the ceiling is one of attempts.
        counts = [one.agreeing(settings) for one in decides]
        if not at_ceiling and settled(counts, len(settings), ceiling - failed):
            return Repeated(tuple(settings), failed, ceiling, clear=True)
    return Repeated(tuple(settings), failed, ceiling, clear=False)


def at_most(days: Sequence[DayT], ceiling: int) -> int:
    """How many repetitions there are at most: the ceiling, or, of few days, all draws there are."""
    all_draws = _every_draw(days, ceiling)
    return ceiling if all_draws is None else len(all_draws)


def rounds(days: Sequence[DayT], seed: int, ceiling: int) -> Iterator[Batch[DayT]]:
    """The repetitions up to the ceiling, as many at a time as are computed before they are looked at again.

    Whole batches of up to thirty days, parts of twenty of more; the last is smaller where the ceiling comes first.
    """
    drawn = chain.from_iterable(batches(days, seed))
    size = len(days) if len(days) <= MOST_BETWEEN_LOOKS else MANY_DAYS_ROUND
    for before in range(0, ceiling, size):
        yield tuple(islice(drawn, min(size, ceiling - before)))


def _every_draw(days: Sequence[DayT], ceiling: int) -> Batch[DayT] | None:
    if ceiling < EVERY_DRAW_FROM_CEILING or (found := every_draw(days)) is None:
        return None
    return tuple(found)
