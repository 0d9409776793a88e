"""So many drawn people of a family whom a clinic would recognise, with their right settings.

A body is kept when it stands the tests of its family where there are any, needs what people need
(`benchmarks.bodies.clinic`), and lives with its right settings below 70 mg/dL for less than 4 % of the time: whom
nothing suits says nothing about settings.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import numpy as np

from benchmarks.bodies import padova, parameters
from benchmarks.bodies.clinic import People, looks_like_a_person
from benchmarks.bodies.living import Habits, Living, System, right_in_use
from benchmarks.bodies.model import Array, Bodies, Family, together
from benchmarks.bodies.outcome import outcome
from benchmarks.bodies.truth import HIGH_MGDL, Truth, day_course, right_settings

__all__ = ["Family", "People", "drawn_people"]

DRAWN_AT_ONCE, TRIED_AT_ONCE, MOST_DRAWS = 64, 8, 50
LARGEST_CORRECTION_ISF = 150.0  # ours: beyond it a body comes down from 200 mg/dL nearly by itself
TRIAL_DAYS, TRIAL_FROM, TRIAL_ZONE, MOST_BELOW_70_PERCENT = 7, date(2026, 1, 5), "UTC", 4.0


def drawn_people(family: Family, seed: int, count: int) -> People:
    """So many people; the same seed gives the same ones, and fewer of them are the first of more.

    Raises:
        ValueError: too few of the drawn bodies will do.
        ModuleNotFoundError: the family needs a package that is not installed.
    """
    found: list[People] = []
    for block in range(MOST_DRAWS):
        bodies, course = _drawn(family, seed, block)
        for first in range(0, len(bodies), TRIED_AT_ONCE):
            some = list(range(first, min(first + TRIED_AT_ONCE, len(bodies))))
            found.append(_suited(family, bodies.only(some), course[some], seed))
            if sum(map(len, found)) >= count:
                return _all(found).only(list(range(count)))
    raise ValueError("too few of the drawn bodies will do")


def _drawn(family: Family, seed: int, block: int) -> tuple[Bodies, Array]:
    number = list(Family).index(family)
    bodies: Bodies
    if family is Family.PADOVA:
        bodies = padova.draw_some(np.random.default_rng([seed, number, block, 0]), DRAWN_AT_ONCE)
    else:
        bodies = parameters.draw_block(family, seed, block, DRAWN_AT_ONCE)
    course = day_course(np.random.default_rng([seed, number, block, 1]), len(bodies))
    rests = np.flatnonzero(bodies.can_rest(HIGH_MGDL))
    seen = rests[looks_like_a_person(family, bodies.only(rests.tolist()))]
    return bodies.only(seen.tolist()), course[seen]


def _suited(family: Family, bodies: Bodies, course: Array, seed: int) -> People:
    """Those of them whom their right settings suit, with a loop and with a pump."""
    truth = right_settings(bodies, course)
    people = People(family, bodies, course, truth)
    people = people.only(np.flatnonzero(truth.isf_correction_mgdl_per_u <= LARGEST_CORRECTION_ISF).tolist())
    lanes = [n for n in range(len(people)) for _ in System]
    habits = [Habits(system) for _ in range(len(people)) for system in System]
    living = Living(people.only(lanes), habits, list(range(len(lanes))), seed, TRIAL_FROM, TRIAL_ZONE)
    lived = living.live([right_in_use(people.truth, n) for n in lanes], TRIAL_DAYS)
    suits = np.ones(len(people), bool)
    for n, one in zip(lanes, lived, strict=True):
        suits[n] &= outcome(one.true_mgdl).below_70 < MOST_BELOW_70_PERCENT
    return people.only(np.flatnonzero(suits).tolist())


def _all(several: list[People]) -> People:
    truths = [one.truth for one in several]
    truth = Truth(*(np.concatenate([getattr(one, f.name) for one in truths]) for f in fields(Truth)))
    bodies = together([one.bodies for one in several])
    return People(several[0].family, bodies, np.concatenate([one.course for one in several]), truth)
