"""How often a rule of drawing and stopping decides otherwise than many repetitions: what is counted, and its tables.

A decision is whether nine of ten repetitions move a deciding setting as recommended (`flows.proposal.stopping`). Knows
nothing of how repetitions are computed.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.judged import table
from flows.oref0.profile import PumpSettings
from flows.proposal.agreement import is_agreed
from flows.proposal.repetitions import repeated
from flows.proposal.resampling import Batch, DayT
from flows.proposal.stopping import DecidingSetting

POOL = 300  # random repetitions whose decisions a run is held against
AT_RANDOM = 100  # what a run had before there was a rule
CEILINGS = (56, 70, 80, 100)
OLD_BLOCK_OF_TWO_FROM_DAYS = 6

Compute = Callable[[Batch[DayT]], Sequence[PumpSettings | None]]


@dataclass(frozen=True)
class OneRun:
    """How many repetitions a run took, and how many of its decisions are not those of the pool."""

    repetitions: int
    differing: int


@dataclass(frozen=True)
class Decided:
    """A person's runs, by the name of the rule; `decisions` is how many each of them makes."""

    person: str
    decisions: int
    runs: Mapping[str, Sequence[OneRun]]


def random_draws(days: Sequence[DayT], count: int, seed: int) -> Batch[DayT]:
    """Blocks drawn at random with replacement: how repetitions were drawn before there were balanced batches.

    Args:
        days: the days of the run, in order; at least one.
        count: how many repetitions.
        seed: the same seed draws the same days.
    """
    chance, total = random.Random(seed), len(days)
    size = 2 if total >= OLD_BLOCK_OF_TWO_FROM_DAYS else 1
    drawn = []
    for _ in range(count):
        picked: list[DayT] = []
        while len(picked) < total:
            start = chance.randrange(total)
            picked += [days[(start + n) % total] for n in range(size)]
        drawn.append(tuple(picked[:total]))
    return tuple(drawn)


def decisions(decides: Sequence[DecidingSetting], settings: Sequence[PumpSettings]) -> list[bool]:
    """Of each deciding setting whether the repetitions, of which there is at least one, agree."""
    return [is_agreed(one.agreeing(settings), len(settings)) for one in decides]


def decided(
    person: str,
    days: Sequence[DayT],
    decides: Sequence[DecidingSetting],
    sequences: int,
    seed: int,
    compute: Compute[DayT],
) -> Decided:
    """Compare 100 random repetitions, and the rule with several ceilings, with 300 random ones.

    There are two pools of 300, and every other run is held against the other one: the 100 are taken from the pool they
    are not held against, so that they have no more repetitions in common with it than the balanced ones have.

    Args:
        person: their name in the tables.
        days: of the run, in order.
        decides: the deciding settings of the run.
        sequences: how many runs of each rule.
        seed: of all draws.
        compute: as for `flows.proposal.repetitions.repeated`; in order.
    """
    chance = random.Random(f"{seed} {person}")
    pools = [_usable(compute(random_draws(days, POOL, chance.getrandbits(32)))) for _ in range(2)]

    runs: dict[str, list[OneRun]] = {f"{AT_RANDOM} at random": [], **{_rule(ceiling): [] for ceiling in CEILINGS}}
    for n in range(sequences):
        pool, other = pools[n % 2], pools[1 - n % 2]
        truth = decisions(decides, pool)
        made = {f"{AT_RANDOM} at random": tuple(chance.sample(other, min(AT_RANDOM, len(other))))}
        of_draws = chance.getrandbits(32)
        made |= {_rule(ceiling): repeated(days, of_draws, ceiling, decides, compute).settings for ceiling in CEILINGS}
        for rule, settings in made.items():
            differing = sum(a is not b for a, b in zip(truth, decisions(decides, settings), strict=True))
            runs[rule].append(OneRun(len(settings), differing))
    return Decided(person, len(decides), runs)


def _rule(ceiling: int) -> str:
    return f"balanced, ceiling {ceiling}"


def _usable(settings: Sequence[PumpSettings | None]) -> list[PumpSettings]:
    return [one for one in settings if one is not None]


# ---- tables


def by_rule(people: Sequence[Decided]) -> list[list[str]]:
    """A row for each rule over all people; the last column with its standard error over people."""
    head = ["repetitions", "how many in the mean", "runs with another decision", "decisions that differ"]
    first = next(iter(people[0].runs))
    rows = [[*head, f"runs more than {first}, in points"]]
    for rule in people[0].runs:
        of = [(one, run) for one in people for run in one.runs[rule]]
        runs = [run for _, run in of]
        rows.append(
            [
                rule,
                f"{sum(run.repetitions for run in runs) / len(runs):.0f}",
                _share(sum(run.differing > 0 for run in runs), len(runs)),
                _share(sum(run.differing for run in runs), sum(one.decisions for one, _ in of), decimals=1),
                "–" if rule == first else _points([_differing(one, rule) - _differing(one, first) for one in people]),
            ]
        )
    return rows


def by_person(people: Sequence[Decided]) -> list[list[str]]:
    """A row for each person: runs with another decision, and in brackets the mean number of repetitions."""
    rows = [["person", "decisions", *people[0].runs]]
    for one in people:
        cells = [
            f"{_percent(sum(run.differing > 0 for run in runs), len(runs))} "
            f"({sum(run.repetitions for run in runs) / len(runs):.0f})"
            for runs in one.runs.values()
        ]
        rows.append([one.person, str(one.decisions), *cells])
    return rows


def written(people: Sequence[Decided]) -> str:
    """Both tables with what they are of, as Markdown."""
    sequences = len(next(iter(people[0].runs.values())))
    return "\n\n".join(
        [
            f"{len(people)} people, {sum(one.decisions for one in people)} decisions, {sequences} runs of each person "
            f"by each rule. A run is held against {POOL} other repetitions, drawn at random, and every other run "
            "against a second such pool; their own error is in every row.",
            table(by_rule(people)),
            "By person: the share of runs with another decision, and in brackets the mean number of repetitions.",
            table(by_person(people)),
        ]
    )


def _differing(one: Decided, rule: str) -> float:
    runs = one.runs[rule]
    return 100 * sum(run.differing > 0 for run in runs) / len(runs)


def _points(apart: Sequence[float]) -> str:
    if len(apart) < 2:
        return f"{statistics.mean(apart):+.0f}"
    return f"{statistics.mean(apart):+.0f} ± {statistics.stdev(apart) / len(apart) ** 0.5:.0f}"


def _share(part: int, of: int, decimals: int = 0) -> str:
    return f"{_percent(part, of, decimals)} ({part} of {of})" if of else "–"


def _percent(part: int, of: int, decimals: int = 0) -> str:
    return f"{100 * part / of:.{decimals}f} %"
