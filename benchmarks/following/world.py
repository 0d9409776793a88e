"""Where people, their lives and their documents come from: the bundled families, or a module of one's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from benchmarks.bodies.documents import profile_document, write_directory
from benchmarks.bodies.living import Habits, InUse, Lived, Living
from benchmarks.bodies.people import Family, drawn_people
from benchmarks.bodies.truth import Truth

OWN_BODIES = """\
A module for --bodies is imported by its name and must offer:

  drawn_people(seed: int, count: int) -> People
      People has __len__ and `truth`, a benchmarks.bodies.truth.Truth with a row for each of them, and can be pickled.
  Living(people, habits, lanes, seed, first_day, zone)
      habits: a benchmarks.bodies.living.Habits for each person; lanes: for each lane the number of its person.
      Lanes of a person have the same meals, day factors and sensor noise, whatever their settings, and whatever other
      lanes there are.
  Living.live(in_use, days) -> list of benchmarks.bodies.living.Lived
      The next days of every lane, local midnight to midnight, with these benchmarks.bodies.living.InUse.

It may offer write_directory and profile_document as benchmarks.bodies.documents has them; else those are used.
"""


class People(Protocol):
    """Some drawn people."""

    @property
    def truth(self) -> Truth:
        """Their right settings."""

    def __len__(self) -> int: ...


class Life(Protocol):
    """Lanes that live side by side."""

    def live(self, in_use: Sequence[InUse], days: int) -> list[Lived]:
        """The next days of every lane."""


class LifeOf(Protocol):
    """What makes lanes live."""

    def __call__(
        self, people: Any, habits: Sequence[Habits], lanes: Sequence[int], seed: int, first_day: date, zone: str
    ) -> Life: ...


@dataclass(frozen=True)
class World:
    """One source of people."""

    name: str
    drawn_people: Callable[[int, int], People]
    living: LifeOf
    write_directory: Callable[[Path, Sequence[Lived], str, Sequence[dict[str, Any]]], None]
    profile_document: Callable[[InUse, int, str], dict[str, Any]]


def world_named(family: str | None, module: str | None) -> World:
    """A family's world, or that of a module (`OWN_BODIES` says what it must offer).

    Raises:
        ValueError: there is no such family.
        ImportError, AttributeError: the module is not there, or lacks something.
    """
    if module is not None:
        own = importlib.import_module(module)
        return World(
            module,
            own.drawn_people,
            own.Living,
            getattr(own, "write_directory", write_directory),
            getattr(own, "profile_document", profile_document),
        )
    named = Family(family or "")
    return World(
        named.value, lambda seed, count: drawn_people(named, seed, count), Living, write_directory, profile_document
    )
