"""Drawing and stopping together: batch after batch until it is settled, at the ceiling, or over every draw there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice

import pytest

from flows.oref0.profile import PumpSettings
from flows.proposal.repetitions import at_most, repeated, rounds
from flows.proposal.resampling import Batch, batches, every_draw
from flows.proposal.stopping import DecidingSetting, deciding

NOW = PumpSettings(50.0, 10.0, (1.0,) * 24, 6.0, 75.0)
UP, DOWN = replace(NOW, isf_mgdl_per_u=60.0), replace(NOW, isf_mgdl_per_u=40.0)
ISF = deciding(NOW, UP)
DAYS = range(14)


class Computed:
    """Gives what it is told to, again and again, and keeps what it was asked for."""

    def __init__(self, *results: PumpSettings | None) -> None:
        self.results, self.asked = results, list[Batch[int]]()

    def __call__(self, batch: Batch[int]) -> Sequence[PumpSettings | None]:
        before = sum(map(len, self.asked))
        self.asked.append(batch)
        return [self.results[(before + n) % len(self.results)] for n in range(len(batch))]


@pytest.mark.parametrize(
    ("results", "decides", "sizes", "clear"),
    [
        ((UP,), ISF, [14, 14], True),  # 28 of 28: 1.4 %
        ((UP,), (), [14, 14], True),  # nothing to decide
        ((UP, DOWN), ISF, [14, 14], True),  # half of them: never nine in ten
        ((UP,) * 9 + (DOWN,), ISF, [14] * 5 + [10], False),  # nine in ten: never settled
        ((UP,) * 6 + (DOWN,), ISF, [14] * 4, True),  # 36 of 42: 11 %, 48 of 56: 3 %
    ],
)
def test_it_ends_after_a_whole_batch_or_at_the_ceiling(
    results: tuple[PumpSettings, ...], decides: tuple[DecidingSetting, ...], sizes: list[int], clear: bool
) -> None:
    compute = Computed(*results)
    found = repeated(DAYS, 7, 80, decides, compute)
    assert [len(batch) for batch in compute.asked] == sizes
    assert (len(found.settings), found.failed, found.ceiling, found.clear) == (sum(sizes), 0, 80, clear)
    drawn = chain.from_iterable(batches(DAYS, 7))
    assert list(chain(*compute.asked)) == list(islice(drawn, sum(sizes)))


@pytest.mark.parametrize(("ceiling", "sizes", "clear"), [(28, [14, 14], False), (29, [14, 14], True), (5, [5], False)])
def test_at_the_ceiling_it_is_not_clear(ceiling: int, sizes: list[int], clear: bool) -> None:
    compute = Computed(UP)
    found = repeated(DAYS, 7, ceiling, ISF, compute)
    assert ([len(batch) for batch in compute.asked], found.clear) == (sizes, clear)


@pytest.mark.parametrize(
    ("days", "sizes"),
    [(7, [7] * 11 + [3]), (29, [29, 29, 22]), (30, [30, 30, 20]), (31, [20] * 4), (80, [20] * 4), (300, [20] * 4)],
)
def test_longer_runs_are_looked_at_within_a_batch_too(days: int, sizes: list[int]) -> None:
    found = list(rounds(range(days), 7, 80))
    assert [len(batch) for batch in found] == sizes
    assert list(chain(*found)) == list(islice(chain.from_iterable(batches(range(days), 7)), 80))


def test_what_failed_counts_against_the_ceiling_and_for_nothing_else() -> None:
    compute = Computed(None, UP)
    found = repeated(DAYS, 7, 80, ISF, compute)
    # 14 and 14 of them are too few with 7 results each; 21 of at most 80 - 21 are not.
    assert [len(batch) for batch in compute.asked] == [14, 14, 14]
    assert (len(found.settings), found.failed, found.clear) == (21, 21, True)
    nothing = repeated(DAYS, 7, 80, ISF, Computed(None))
    assert (nothing.settings, nothing.failed, nothing.clear) == ((), 80, False)


@pytest.mark.parametrize(("days", "count"), [(4, 256), (5, 125), (6, 216)])
def test_of_up_to_six_days_every_draw_is_computed(days: int, count: int) -> None:
    compute = Computed(UP, DOWN, None)
    found = repeated(range(days), 7, 80, ISF, compute)
    assert compute.asked == [tuple(every_draw(range(days)) or ())]
    assert (len(found.settings) + found.failed, found.ceiling, found.clear) == (count, count, True)
    assert found.failed == count // 3


@pytest.mark.parametrize(("ceiling", "asked", "most"), [(69, [6] * 4, 69), (70, [216], 216)])
def test_who_asks_for_few_gets_few_of_few_days_too(ceiling: int, asked: list[int], most: int) -> None:
    compute = Computed(UP)
    assert repeated(range(6), 7, ceiling, ISF, compute).clear
    assert [len(batch) for batch in compute.asked] == asked
    assert at_most(range(6), ceiling) == most
    assert at_most(range(7), ceiling) == ceiling
