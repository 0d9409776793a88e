"""What a transformation is, its class, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random

from tests.properties.person import Person

Change = Callable[[Person, Random], Person]


class Class(Enum):
    """What must be equal between a person's data and the same data written otherwise."""

    BYTES = "identical bytes in work/"
    NUMBERS = "identical numbers"
    WITHIN_1 = "within 1 %"
    WITHIN_3 = "within 3 %"
    KNOWN = "known change"

    @property
    def tolerance(self) -> float:
        """How far a number may be off, as a share of it."""
        return {Class.WITHIN_1: 0.01, Class.WITHIN_3: 0.03}.get(self, 0.0)


class Compared(Enum):
    """What a known change is held against."""

    NUMBERS = "the numbers"
    RATIOS = "each number as a share of the one it started from"
    DAYS = "each day's records lie in its own 04:00 to 04:00, once"
    WORK = "work/ alone"


@dataclass(frozen=True)
class Transformation:
    """A way to write the same data otherwise. `against` changes the data that it is compared with, too."""

    name: str
    kind: Class
    meaning: str
    change: Change
    against: Change | None = None
    compared: Compared = Compared.NUMBERS


TRANSFORMATIONS: dict[str, Transformation] = {}


def transformation(
    kind: Class, meaning: str, *, against: Change | None = None, compared: Compared = Compared.NUMBERS
) -> Callable[[Change], Change]:
    """Enter a function into the table under its own name; `meaning` is one sentence."""

    def enter(change: Change) -> Change:
        add(Transformation(change.__name__, kind, meaning, change, against, compared))
        return change

    return enter


def add(one: Transformation) -> None:
    """Enter a transformation into the table."""
    assert one.name not in TRANSFORMATIONS, one.name
    TRANSFORMATIONS[one.name] = one
