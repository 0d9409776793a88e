"""Every transformation on a person's data, one outcome each."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

# Each module enters its transformations into the table.
from tests.properties import amounts, beside, files, known, nearly, order_and_copies, times
from tests.properties.compare import Outcome, Status, compare
from tests.properties.person import Person
from tests.properties.running import Made, Tuner, make
from tests.properties.transformation import TRANSFORMATIONS, Class, Transformation

MODULES = (amounts, beside, files, known, nearly, order_and_copies, times)


@dataclass(frozen=True)
class Tried:
    """A transformation tried on a person."""

    person: str
    one: Transformation
    outcome: Outcome
    seconds: float

    def document(self) -> dict[str, object]:
        """For JSON."""
        return {
            "person": self.person,
            "name": self.one.name,
            "class": self.one.kind.value,
            "meaning": self.one.meaning,
            "status": self.outcome.status.value,
            "violated": self.outcome.violated,
            "detail": self.outcome.detail,
            "upstream_reads_the_same": self.outcome.unread,
            "code": self.outcome.code,
            "seconds": round(self.seconds, 2),
        }


def chosen(names: Iterable[str] = (), count: int | None = None, seed: int = 0) -> list[Transformation]:
    """The transformations of these names (all of them for none), or a sample that has one of each class at least.

    Raises:
        KeyError: a name that is none.
    """
    wanted = [TRANSFORMATIONS[n] for n in names] or [TRANSFORMATIONS[n] for n in sorted(TRANSFORMATIONS)]
    if count is None or count >= len(wanted):
        return wanted
    chance = Random(seed)  # noqa: S311
    shuffled = chance.sample(wanted, len(wanted))
    first = [next(t for t in shuffled if t.kind is kind) for kind in Class if any(t.kind is kind for t in shuffled)]
    rest = [t for t in shuffled if t not in first]
    picked = (first + rest)[: max(count, len(first))]
    return [t for t in wanted if t in picked]


class Bench:
    """The properties of one person's data; what the data came to as it is, is made once."""

    def __init__(self, person: Person, directory: Path, tuner: Tuner, *, seed: int = 0, tune_all: bool = False) -> None:
        self.person, self.directory, self.tuner, self.seed, self.tune_all = person, directory, tuner, seed, tune_all
        self._as_it_is: Made | None = None

    def run(self, transformations: Iterable[Transformation]) -> Iterator[Tried]:
        """Try each, one after the other."""
        for one in transformations:
            yield self.try_one(one)

    def try_one(self, one: Transformation) -> Tried:
        """Write the data otherwise, and compare what both come to."""
        begun = time.monotonic()
        changed = one.change(self.person, self._chance(one))
        base = one.against(self.person, self._chance(one)) if one.against else self.person
        if changed.is_like(base):
            return Tried(self.person.name, one, Outcome(Status.NOTHING), time.monotonic() - begun)
        here = self.directory / one.name
        try:
            left = make(base, here / "left") if one.against else self.as_it_is()
            right = make(changed, here / "right")
            outcome = compare(one, left, right, self.tuner, tune_all=self.tune_all)
        finally:
            shutil.rmtree(here, ignore_errors=True)
        return Tried(self.person.name, one, outcome, time.monotonic() - begun)

    def as_it_is(self) -> Made:
        """What the data came to, untouched."""
        if self._as_it_is is None:
            self._as_it_is = make(self.person, self.directory / "as it is")
        return self._as_it_is

    def _chance(self, one: Transformation) -> Random:
        return Random(f"{self.seed} {one.name}")  # noqa: S311
