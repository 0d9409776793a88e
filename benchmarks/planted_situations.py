"""What the rules for situations find and flag falsely: `python -m benchmarks.planted_situations [docs/data.md]`.

Drawn people of two families live fourteen days with their right settings, by loop and by pump, all meals told and some
not. Into each life every situation is planted once, at a time of its own, and the rules look at the records; the same
lives without it say how many days are flagged where nothing is. The same seed gives the same table.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bodies.documents import profile_document, write_directory
from benchmarks.bodies.living import STEP_MS, Habits, Lived, Living, Scene, System, right_in_use
from benchmarks.bodies.model import Array, Bodies, Flags
from benchmarks.bodies.people import Family, drawn_people
from benchmarks.judged import table
from flows.history.events import find_events
from flows.history.records import Context
from flows.history.situations.observed import Observed, observed_treatments
from flows.history.situations.table import SITUATIONS
from flows.history.treatments import normalise_treatments
from flows.values.ledger import Ledger
from flows.values.local_days import LocalDay, day_of, day_range
from flows.values.schedule import Block, Schedule
from flows.values.units import HOUR_MS

BEGIN = "<!-- planted: `python -m benchmarks.planted_situations docs/data.md` writes what follows -->"
END = "<!-- planted: end -->"
FAMILIES, SCENES = (Family.OHSU, Family.CAMBRIDGE), (Scene.CLEAN, Scene.UNANNOUNCED)
ZONE, FIRST_DAY, DAYS, STEPS_A_DAY = "UTC", date(2026, 6, 1), 14, 288
PLANTED_FROM, PLANTED_BEFORE = 4, 10  # the days of which one is drawn, counted from 0
NEED_TIMES = 1.5


class Plant(StrEnum):
    """What is planted, by the rule that is for it."""

    SITE = "site_failure"
    BOLUSES = "boluses_missing"
    CARBS = "untold_meals"
    ILLNESS = "illness"
    STOPPED = "loop_stopped"


WHAT = {
    Plant.SITE: "no insulin arrives for 12 h",
    Plant.BOLUSES: "a day's bolus records are lost",
    Plant.CARBS: "a day's carb records are lost, the boluses are there",
    Plant.ILLNESS: "1.5 times the insulin is needed for three days",
    Plant.STOPPED: "the loop does nothing for 10 h, the pump goes on",
}
HOURS = {Plant.SITE: 12, Plant.BOLUSES: 24, Plant.CARBS: 24, Plant.ILLNESS: 72, Plant.STOPPED: 10}
ANY_HOUR = (Plant.SITE, Plant.STOPPED)  # the others begin with the day, at 04:00
LIVED = (None, Plant.SITE, Plant.ILLNESS, Plant.STOPPED)  # the others are made of the records


@dataclass
class Counts:
    """Of one rule, family and system."""

    found: int = 0
    planted: int = 0
    false_days: int = 0
    clean_days: int = 0


Found = dict[tuple[str, Family, System], Counts]
UNTOLD = "untold_meals, told by nobody"  # two or more on a day, in the lives in which some are not told


@dataclass
class Tampered:
    """Bodies of a life whose insulin, needs and loops are tampered with by step; a column is a lane."""

    bodies: Bodies
    living: Living
    arriving: Array
    needs: Array
    stopped: Flags
    step: int = 0

    def __post_init__(self) -> None:
        self._loops = self.living.loops.copy()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bodies, name)

    def inject(self, state: Array, insulin_u: Array) -> None:
        """A bolus, as far as it arrives."""
        self.bodies.inject(state, insulin_u * self.arriving[self.step])

    def advance(self, state: Array, basal: Array, sensitivity: Array, minutes: float, step_min: float) -> Array:
        """A step of the life; the next one begins."""
        at = self.step
        made = self.bodies.advance(state, basal * self.arriving[at], sensitivity / self.needs[at], minutes, step_min)
        self.step += 1
        if self.step < len(self.stopped):
            self.living.loops = self._loops & ~self.stopped[self.step]
        return made


def measured(family: Family, count: int, seed: int) -> Found:
    """What is found and falsely flagged in one family."""
    drawn = drawn_people(family, seed, count)
    kinds = list(product(System, SCENES))
    people = drawn.only([n for _ in kinds for n in range(count)])
    habits = [Habits(system, scene) for system, scene in kinds for _ in range(count)]
    starts = [{plant: _start(plant, seed, person) for plant in Plant} for person in range(len(people))]
    lanes = [(person, plant) for person in range(len(people)) for plant in LIVED]
    living = Living(people, habits, [person for person, _ in lanes], seed, FIRST_DAY, ZONE)
    tampered: Any = Tampered(living.bodies, living, *_tampering(lanes, starts))
    living.bodies = tampered
    lived = living.live([right_in_use(people.truth, person) for person, _ in lanes], DAYS)
    found: Found = defaultdict(Counts)
    with tempfile.TemporaryDirectory() as scratch:
        for (person, plant), life in zip(lanes, lived, strict=True):
            key = (family, life.habits.system)
            if plant is not None:
                if plant is not Plant.STOPPED or life.habits.system is System.LOOP:
                    _count(found[(plant, *key)], plant, observed(life, Path(scratch)), starts[person][plant])
                continue
            _count_false(found, key, life, observed(life, Path(scratch)))
            for lost, without in ((Plant.BOLUSES, _without_boluses), (Plant.CARBS, _without_carbs)):
                start = starts[person][lost]
                _count(found[(lost, *key)], lost, observed(without(life, start), Path(scratch)), start)
    return found


def observed(life: Lived, directory: Path) -> Observed:
    """What the rules look at, from the documents that a life leaves behind."""
    write_directory(directory, [life], ZONE, [profile_document(life.in_use, int(life.ms[0]), ZONE)])
    entries, treatments = (json.loads((directory / f"{name}.json").read_bytes()) for name in ("entries", "treatments"))
    blocks = tuple(Block(60 * hour, rate) for hour, rate in enumerate(life.in_use.basal_u_per_h))
    context = Context(ZONE, Schedule(blocks), float(life.ms[-1]))
    normalised = normalise_treatments(treatments, context, Ledger())
    return Observed(
        days=_days(life),
        curve=sorted((float(entry["date"]), float(entry["sgv"])) for entry in entries),
        treatments=observed_treatments(normalised),
        events=find_events(normalised, ZONE),
        isf_mgdl_per_u=life.in_use.isf_mgdl_per_u,
        carb_ratio_g_per_u=life.in_use.carb_ratio_g_per_u,
        basal_at=context.scheduled_basal,
    )


def _days(life: Lived) -> list[LocalDay]:
    return day_range(FIRST_DAY, date.fromordinal(FIRST_DAY.toordinal() + len(life.ms) // STEPS_A_DAY - 2), ZONE)


def _start(plant: Plant, seed: int, person: int) -> int:
    """The step at which it begins in a person's life."""
    chance = np.random.default_rng([seed, person, list(Plant).index(plant)])
    day, hour = int(chance.integers(PLANTED_FROM, PLANTED_BEFORE)), int(chance.integers(0, 24))
    return day * STEPS_A_DAY + 12 * (4 + (hour if plant in ANY_HOUR else 0))


def _tampering(
    lanes: Sequence[tuple[int, Plant | None]], starts: Sequence[dict[Plant, int]]
) -> tuple[Array, Array, Flags]:
    shape = (DAYS * STEPS_A_DAY, len(lanes))
    arriving, needs, stopped = np.ones(shape), np.ones(shape), np.zeros(shape, bool)
    for lane, (person, plant) in enumerate(lanes):
        if plant is None:
            continue
        steps = slice(starts[person][plant], starts[person][plant] + 12 * HOURS[plant])
        arriving[steps, lane] = 0.0 if plant is Plant.SITE else 1.0
        needs[steps, lane] = NEED_TIMES if plant is Plant.ILLNESS else 1.0
        stopped[steps, lane] = plant is Plant.STOPPED
    return arriving, needs, stopped


def _without_boluses(life: Lived, start: int) -> Lived:
    inside = _inside(life, start, Plant.BOLUSES)
    return replace(life, boluses=[one for one in life.boluses if not inside(one[0])])


def _without_carbs(life: Lived, start: int) -> Lived:
    inside = _inside(life, start, Plant.CARBS)
    meals = [(ms, true_g, None if inside(ms) else told_g) for ms, true_g, told_g in life.meals]
    doses = [(ms, units, "correction" if inside(ms) else kind) for ms, units, kind in life.boluses]
    return replace(life, meals=meals, boluses=doses, rescues=[one for one in life.rescues if not inside(one[0])])


def _inside(life: Lived, start: int, plant: Plant) -> Callable[[int], bool]:
    first = int(life.ms[start])
    return lambda ms: first <= ms < first + HOURS[plant] * HOUR_MS


def _flagged(seen: Observed, name: str) -> set[date]:
    days = next(row.find(seen) for row in SITUATIONS if row.name == name)
    return days & {day.date for day in seen.days}


def _count(counts: Counts, plant: Plant, seen: Observed, start: int) -> None:
    first = seen.days[0].glucose.start_ms + (start - 4 * 12) * STEP_MS
    touched = {day_of(first + hour * HOUR_MS, ZONE).date for hour in range(HOURS[plant])}
    counts.planted += 1
    counts.found += bool(touched & _flagged(seen, plant))


def _count_false(found: Found, key: tuple[Family, System], life: Lived, seen: Observed) -> None:
    """Days of a life into which nothing was planted.

    Where a meal was told to nobody, its carbs and its bolus are missing: such a day is not clean for the rules of both.
    """
    untold: dict[date, int] = defaultdict(int)
    for ms, _, told_g in life.meals:
        untold[day_of(ms, ZONE).date] += told_g is None
    for row in SITUATIONS:
        counts, days = found[(row.name, *key)], {day.date for day in seen.days}
        flagged = _flagged(seen, row.name)
        clean = {day for day in days if row.name not in (Plant.CARBS, Plant.BOLUSES) or not untold[day]}
        counts.clean_days += len(clean)
        counts.false_days += len(flagged & clean)
        if row.name == Plant.CARBS:
            several = {day for day in days if untold[day] > 1}
            found[(UNTOLD, *key)].planted += len(several)
            found[(UNTOLD, *key)].found += len(flagged & several)


def written(found: Found, count: int, seed: int) -> str:
    """The table, and what it is of."""
    rows = []
    for name in (*Plant, UNTOLD):
        what = WHAT[name] if isinstance(name, Plant) else "two meals of a day or more, without carbs and bolus"
        for system in System:
            of = [found.get((str(name), family, system), Counts()) for family in FAMILIES]
            rows.append([f"`{str(name).split(',')[0]}`", what, str(system), *map(_share, of), *map(_false, of)])
    head = ["rule", "what was planted", "system", *(f"{f}: found" for f in FAMILIES)]
    head += [f"{f}: false days" for f in FAMILIES]
    return (
        f"Seed {seed}, {count} people of each family, system and scene (all meals told, and 15–25 % of them not), "
        f"{DAYS} days with right settings.\n\n{table([head, *rows])}"
    )


def _share(counts: Counts) -> str:
    return f"{counts.found}/{counts.planted}" if counts.planted else "–"


def _false(counts: Counts) -> str:
    return f"{counts.false_days}/{counts.clean_days}" if counts.clean_days else "–"


def put(document: str, text: str) -> str:
    """The document with the text between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=8, help="of each family, system and scene")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("document", type=Path, nargs="?", help="put the table into it")
    options = parser.parse_args(argv)
    found: Found = {}
    for family in FAMILIES:
        found |= measured(family, options.people, options.seed)
        print(f"{family}: {datetime.now(UTC):%H:%M:%S}", file=sys.stderr, flush=True)
    text = written(found, options.people, options.seed)
    print(text)
    if options.document:
        options.document.write_text(put(options.document.read_text("utf-8"), text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
