"""Weeks of life: each round the product computes from the last days, a policy acts on it, and a week is lived.

Lanes of a person under different policies have the same meals, day factors and sensor noise: what differs at the end is
what the policies did. Everything is decided by the seed.
"""

from __future__ import annotations

import gc
import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.bodies.living import InUse, Lived
from benchmarks.following.draw import Person, Right, right_of, settings_at
from benchmarks.following.lanes import COMPUTING, Followed, Lane, Policy, Round
from benchmarks.following.policies import decide
from benchmarks.following.product import Answer, Product
from benchmarks.following.score import score
from benchmarks.following.world import People, World, world_named
from flows.proposal.document import Units
from flows.proposal.follow_up import LONGEST_AFTER_DAYS
from flows.writeback.active_on_site import MARKER
from flows.writeback.baseline import marker_fields, settings_as_baseline

FIRST_DAY, ZONE = date(2026, 5, 4), "Europe/Paris"
TUNED_DAYS, WEEK_DAYS = 14, 7
# A day goes from 04:00 to 04:00: of the last one four hours are still to come when a round computes, as in
# `autotune propose --from DIR --days 14` at midnight. Treatments of the day before the first act into it.
SEEN_DAYS = TUNED_DAYS + 1
# After a change the readings of the fortnight before it are looked at too; a run on a site asks for no more of them.
FOLLOWED_DAYS = LONGEST_AFTER_DAYS + 1
# What is sliced of what was lived.
BY_STEP = ("ms", "sensed_mgdl", "true_mgdl", "basal_u_per_h")
EVENTS = ("boluses", "meals", "rescues", "exercise")


@dataclass(frozen=True)
class Asked:
    """What a study is of."""

    family: str | None
    bodies: str | None
    people: int
    seed: int
    rounds: int
    end_days: int
    first_day: date = FIRST_DAY

    @property
    def last_day(self) -> date:
        """The last day that is lived."""
        return self.first_day + timedelta(days=TUNED_DAYS + WEEK_DAYS * self.rounds + self.end_days - 1)

    def world(self) -> World:
        """Where its people come from."""
        return world_named(self.family, self.bodies)


@dataclass(frozen=True)
class Group:
    """People who are followed together, and the policies they follow."""

    asked: Asked
    everybody: People
    habits: tuple[Any, ...]
    people: tuple[Person, ...]
    policies: tuple[Policy, ...]


def check_dates(asked: Asked, today: date) -> None:
    """Upstream takes data of after the clock for something else (`docs/following.md`): no day may be later.

    Raises:
        ValueError: the study would end today or later.
    """
    if asked.last_day >= today:
        raise ValueError(f"the last day, {asked.last_day}, is not before today, {today}: begin earlier or live less")


def follow(group: Group) -> list[Followed]:
    """Let a group of people live and follow their policies; days, lanes and answers are the same for a seed."""
    with Product(ZONE) as product, tempfile.TemporaryDirectory() as scratch:
        return _Following(group, product, Path(scratch)).people()


@dataclass
class _Lane:
    person: Person
    right: Right
    policy: Policy
    start: InUse
    in_use: InUse
    before: InUse  # the last change
    changed_on: date | None = None
    lived: list[Lived] = field(default_factory=list)
    profiles: list[dict[str, Any]] = field(default_factory=list)  # newest first
    rounds: list[Round] = field(default_factory=list)


class _Following:
    def __init__(self, group: Group, product: Product, scratch: Path) -> None:
        self.asked, self.world, self.product, self.scratch = group.asked, group.asked.world(), product, scratch
        self.group, self.began, self.answers = group, time.monotonic(), dict[str, Answer]()
        self.lanes = [self._lane(person, policy) for person in group.people for policy in group.policies]
        numbers = [lane.person.number for lane in self.lanes]
        self.living = self.world.living(
            group.everybody, group.habits, numbers, self.asked.seed, self.asked.first_day, ZONE
        )

    def people(self) -> list[Followed]:
        self._live(TUNED_DAYS)
        before = [score(_sensed(lane.lived)) for lane in self.lanes]
        for number in range(self.asked.rounds):
            self._round(number)
        ended = [len(lane.lived) for lane in self.lanes]
        self._live(self.asked.end_days)
        made = [
            Lane(lane.policy, lane.start, first, tuple(lane.rounds), score(_sensed(lane.lived[from_here:])))
            for lane, first, from_here in zip(self.lanes, before, ended, strict=True)
        ]
        of = {person.number: (person, dict[Policy, Lane]()) for person in self.group.people}
        for lane, one in zip(self.lanes, made, strict=True):
            of[lane.person.number][1][one.policy] = one
        rights = {lane.person.number: lane.right for lane in self.lanes}
        return [Followed(person, rights[number], lanes) for number, (person, lanes) in of.items()]

    def _lane(self, person: Person, policy: Policy) -> _Lane:
        right = right_of(self.group.everybody.truth, person.number)
        start = settings_at(person.start, right)
        day_before = _midnight_ms(self.asked.first_day - timedelta(days=1))
        first = self.world.profile_document(start, day_before, ZONE)
        return _Lane(person, right, policy, start, start, start, profiles=[first])

    def _live(self, days: int) -> None:
        for lane, lived in zip(self.lanes, self.living.live([lane.in_use for lane in self.lanes], days), strict=True):
            lane.lived.append(lived)

    def _round(self, number: int) -> None:
        today = self.asked.first_day + timedelta(days=TUNED_DAYS + WEEK_DAYS * number)
        self.answers.clear()
        decisions = []
        for lane in self.lanes:
            with _without_garbage_collection():
                answer = self._answer(lane, today) if lane.policy in COMPUTING else None
            decisions.append(decide(lane.policy, answer, lane.in_use, lane.before, lane.right))
        for lane, decision in zip(self.lanes, decisions, strict=True):
            if decision.in_use != lane.in_use:
                lane.before, lane.in_use, lane.changed_on = lane.in_use, decision.in_use, today
                lane.profiles.insert(0, self._written(lane, today))
        self._live(WEEK_DAYS)
        for lane, decision in zip(self.lanes, decisions, strict=True):
            week = score(_sensed(lane.lived[-1:]))
            lane.rounds.append(Round(decision.said, decision.why, decision.computed, decision.in_use, week))
        numbers = [person.number for person in self.group.people]
        print(
            f"people {numbers[0]} to {numbers[-1]}: round {number + 1} of {self.asked.rounds} after "
            f"{time.monotonic() - self.began:.0f} s",
            file=sys.stderr,
            flush=True,
        )

    def _written(self, lane: _Lane, today: date) -> dict[str, Any]:
        """The document of the settings in use, with the baseline in its marker as `apply` writes it."""
        document = self.world.profile_document(lane.in_use, _midnight_ms(today), ZONE)
        if lane.policy is not Policy.OURS:
            return document
        first = lane.profiles[-1]
        at = datetime.fromtimestamp(_midnight_ms(self.asked.first_day) / 1000, UTC)
        baseline = settings_as_baseline(first["store"][first["defaultProfile"]], Units.MG_PER_DL, at)
        return {**document, MARKER: marker_fields(baseline)}

    def _answer(self, lane: _Lane, today: date) -> Answer:
        """The product's answer at midnight; asked once for lanes whose documents are the same."""
        now_ms = _midnight_ms(today)
        lived = list(_seen(lane, today))
        with tempfile.TemporaryDirectory(dir=self.scratch) as place:
            source = Path(place) / "data"
            self.world.write_directory(source, lived, ZONE, lane.profiles)
            digest = hashlib.sha256()
            for file in sorted(source.iterdir()):
                digest.update(file.read_bytes())
            if (key := digest.hexdigest()) not in self.answers:
                first, last = today - timedelta(days=TUNED_DAYS), today - timedelta(days=1)
                now = datetime.fromtimestamp(now_ms / 1000, UTC)
                self.answers[key] = self.product.run(source, first, last, now, Path(place) / "run")
        return self.answers[key]


def _midnight_ms(day: date) -> int:
    return round(datetime.combine(day, clock.min, ZoneInfo(ZONE)).timestamp() * 1000)


def _sensed(lived: Sequence[Lived]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.concatenate([one.sensed_mgdl for one in lived])


def _seen(lane: _Lane, today: date) -> Iterator[Lived]:
    """What a run at a midnight is given: the tuned days, and the readings before a change it follows up."""
    from_ms = _midnight_ms(today - timedelta(days=SEEN_DAYS))
    changed_on = lane.changed_on if lane.policy is Policy.OURS else None
    if changed_on is not None and (today - changed_on).days <= FOLLOWED_DAYS:
        for one in _between(lane.lived, _midnight_ms(changed_on - timedelta(days=SEEN_DAYS)), from_ms):
            yield _readings_of(one)
    yield from _between(lane.lived, from_ms, _midnight_ms(today))


def _between(lived: Sequence[Lived], from_ms: int, until_ms: int) -> Iterator[Lived]:
    """What was lived from an instant on, before another."""
    for one in lived:
        within = (one.ms >= from_ms) & (one.ms < until_ms)
        if not within.any():
            continue
        part: dict[str, Any] = {name: getattr(one, name)[within] for name in BY_STEP}
        part |= {name: [event for event in getattr(one, name) if from_ms <= event[0] < until_ms] for name in EVENTS}
        yield replace(one, **part)


def _readings_of(one: Lived) -> Lived:
    """The same days with nothing in them that is a treatment."""
    zone = ZoneInfo(ZONE)
    hours = [datetime.fromtimestamp(ms / 1000, zone).hour for ms in one.ms.tolist()]
    nothing: dict[str, Any] = {name: [] for name in EVENTS}
    return replace(one, basal_u_per_h=np.array(one.in_use.basal_u_per_h)[hours], **nothing)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    # A tenth of a run's time; what is left over is collected between the runs.
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
