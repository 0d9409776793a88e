"""One case of chaos: what is done, and which accidents happen to it. Written as text it can be repeated."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

ACTS = ("apply", "rollback", "resume")
KINDS = ("kill", "fault", "edit", "disk", "clock", "mixed")
JUMPS_S = (-3 * 86400, -3600, -90, 90, 3600, 3 * 86400)
EARLIER = (30, 42, 48, 54, 60, 66)  # instants of an apply at which what a resume finds was left
TEARS = (0.5, 0.0, 1.0)  # which share of the bytes a write that dies has put down: at least one, never all


@dataclass(frozen=True)
class Case:
    """Places are counted from 1 from the act's beginning: instants, writes, readings of the clock, requests.

    Attributes:
        kind: of `KINDS`, for the table.
        act: `apply`, `rollback`, or `resume` of an apply that was killed at the instant `earlier`.
        activate, switched: with activation; after a Profile Switch that somebody made before.
        kill: the instant at which the process dies; `tear`: how much of a write that is under way then is put down.
        resume_kill: the instant at which the next start dies too.
        disk: the write at which the disk is full; `disk_stays`: and from then on. `disk_short`: half of it fits.
        clock: the reading of the clock from which on it is `jump_s` ahead.
        faults, edits: what the network does to a request, what another client does right after it: place and name.
    """

    kind: str
    act: str
    activate: bool = False
    switched: bool = False
    earlier: int = 0
    kill: int = 0
    tear: float = 0.5
    resume_kill: int = 0
    disk: int = 0
    disk_stays: bool = False
    disk_short: bool = False
    clock: int = 0
    jump_s: int = 0
    faults: tuple[tuple[int, str], ...] = ()
    edits: tuple[tuple[int, str], ...] = ()

    def __str__(self) -> str:
        usual = asdict(Case(self.kind, self.act))
        return json.dumps({k: v for k, v in asdict(self).items() if v != usual[k] or k in ("kind", "act")})

    @classmethod
    def from_text(cls, text: str) -> Case:
        said = json.loads(text)
        pairs = {k: tuple((int(place), str(name)) for place, name in said.get(k, ())) for k in ("faults", "edits")}
        return cls(**{**said, **pairs})

    @property
    def scenario(self) -> Case:
        """What is done, without any accident."""
        return Case("", self.act, self.activate, self.switched, self.earlier)


@dataclass(frozen=True)
class Size:
    """How many places an undisturbed act has."""

    instants: int
    writes: int
    clock: int
    requests: int


def scenarios() -> list[Case]:
    """All acts; a resume of what was killed at several instants."""
    both = (False, True)
    acts = [Case("", act, activate, switched) for act in ACTS[:2] for activate in both for switched in both]
    return acts + [Case("", "resume", activate, earlier=at) for activate in both for at in EARLIER]


def kills(sizes: Mapping[Case, Size], chance: random.Random) -> Iterator[Case]:
    """Every instant of every act; those of a torn write with another share each round."""
    while True:
        cases = []
        for s, size in sizes.items():
            cases += [_of(s, "kill", kill=at, tear=chance.choice(TEARS)) for at in range(1, size.instants + 1)]
            places = range(1, size.requests + 1)
            cases += [_of(s, "kill", faults=((at, name),)) for at in places for name in ("killed", "killed_after")]
        yield from _shuffled(cases, chance)


def faults(sizes: Mapping[Case, Size], names: tuple[str, ...], chance: random.Random) -> Iterator[Case]:
    """Every fault at every request of every act."""
    while True:
        cases = [
            _of(s, "fault", faults=((at, name),))
            for s, size in sizes.items()
            for at in range(1, size.requests + 1)
            for name in names
        ]
        yield from _shuffled(cases, chance)


def others(
    sizes: Mapping[Case, Size], names: tuple[str, ...], edits: tuple[str, ...], chance: random.Random
) -> Iterator[Case]:
    """Another client at every request, a full disk at every write, a clock that jumps at every reading; mixtures."""
    while True:
        cases = []
        for s, size in sizes.items():
            cases += [_of(s, "edit", edits=((at, name),)) for at in range(1, size.requests + 1) for name in edits]
            for at in range(1, size.writes + 1):
                stays, short = chance.random() < 0.5, chance.random() < 0.5
                cases.append(_of(s, "disk", disk=at, disk_stays=stays, disk_short=short))
            cases += [_of(s, "clock", clock=at, jump_s=chance.choice(JUMPS_S)) for at in range(1, size.clock + 1)]
            cases += [mixed(s, size, names, edits, chance) for _ in range(10)]
        yield from _shuffled(cases, chance)


def mixed(s: Case, size: Size, names: tuple[str, ...], edits: tuple[str, ...], chance: random.Random) -> Case:
    """Several accidents at once."""
    at = lambda count: chance.randrange(1, max(count, 1) + 1)  # noqa: E731
    return _of(
        s,
        "mixed",
        kill=at(size.instants) if chance.random() < 0.6 else 0,
        tear=chance.choice(TEARS),
        resume_kill=at(30) if chance.random() < 0.4 else 0,
        disk=at(size.writes) if chance.random() < 0.2 else 0,
        faults=tuple((at(size.requests), chance.choice(names)) for _ in range(chance.randrange(0, 3))),
        edits=((at(size.requests), chance.choice(edits)),) if chance.random() < 0.3 else (),
    )


def _of(scenario: Case, kind: str, **accidents: object) -> Case:
    return Case(**{**asdict(scenario), "kind": kind, **accidents})  # type: ignore[arg-type]


def _shuffled(cases: list[Case], chance: random.Random) -> list[Case]:
    chance.shuffle(cases)
    return cases
