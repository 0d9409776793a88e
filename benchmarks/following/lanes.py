"""What is kept of a study: for each person and policy the settings, what was said each round, and the glucose.

One JSON file for each person. A study that was interrupted reads what is there and goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmarks.bodies.living import InUse
from benchmarks.following.draw import Person, Right
from benchmarks.following.score import Score, together
from flows.values.run_directory import write_atomically


class Policy(StrEnum):
    """What a person does with what is computed."""

    KEEP, TRUTH, UPSTREAM, HALF, OURS = "keep", "truth", "upstream", "half", "ours"


COMPUTING = (Policy.UPSTREAM, Policy.HALF, Policy.OURS)


class Said(StrEnum):
    """What came out of a round."""

    STEP, WAIT, KEEP, TAKEN_BACK, REFUSED = "step", "wait", "keep", "taken back", "refused"


@dataclass(frozen=True)
class Round:
    """One week: what was said, in what words, the settings that followed, and the glucose of the days then lived.

    `computed` is what upstream recommends, unrounded; `None` where nothing was computed.
    """

    said: Said
    why: tuple[str, ...]
    computed: InUse | None
    in_use: InUse
    week: Score


@dataclass(frozen=True)
class Lane:
    """One person under one policy, from the first day to the last."""

    policy: Policy
    start: InUse
    before: Score
    rounds: tuple[Round, ...]
    end: Score

    @property
    def in_use_at_end(self) -> InUse:
        """The settings of the days that are scored."""
        return self.rounds[-1].in_use if self.rounds else self.start

    @property
    def changes(self) -> int:
        """How often the settings were moved, there or back."""
        settings = [self.start, *(one.in_use for one in self.rounds)]
        return sum(a != b for a, b in pairwise(settings))


@dataclass(frozen=True)
class Followed:
    """One person, and their lanes by policy."""

    person: Person
    right: Right
    lanes: dict[Policy, Lane]

    def gain(self, policy: Policy, of: str) -> float:
        """How a number of the end differs from that of the twin who kept the settings (`of`: a property of Score)."""
        ends = self.lanes[policy].end, self.lanes[Policy.KEEP].end
        return float(getattr(ends[0], of) - getattr(ends[1], of))


class Kept:
    """A directory with what a study has found so far."""

    def __init__(self, directory: Path, asked: dict[str, Any]) -> None:
        """Take the directory over.

        Raises:
            ValueError: another study is in it.
        """
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        said = directory / "study.json"
        if said.is_file() and json.loads(said.read_bytes()) != asked:
            raise ValueError(f"{directory} holds another study: {said.read_text('utf-8')}")
        write_atomically(said, json.dumps(asked).encode())

    def read(self) -> dict[int, Followed]:
        """Everybody who is there."""
        files = self._directory.glob("person-*.json")
        found = (_FOLLOWED.validate_json(file.read_bytes()) for file in files)
        return {one.person.number: one for one in found}

    def add(self, people: Sequence[Followed]) -> None:
        """Keep lanes, beside those that are there of the same people."""
        there = self.read()
        for one in people:
            lanes = {**there[one.person.number].lanes, **one.lanes} if one.person.number in there else one.lanes
            self._write(replace(one, lanes=lanes))

    def forget(self, policy: Policy) -> None:
        """Drop a policy's lanes, so that they are lived again."""
        for one in self.read().values():
            self._write(replace(one, lanes={p: lane for p, lane in one.lanes.items() if p is not policy}))

    def _write(self, one: Followed) -> None:
        content = json.dumps(asdict(one), separators=(",", ":")).encode()
        write_atomically(self._directory / f"person-{one.person.number:03d}.json", content)


_FOLLOWED = TypeAdapter(Followed)


def whole(lane: Lane) -> Score:
    """The glucose of all rounds, while the settings were on their way."""
    return together(one.week for one in lane.rounds)
