"""What people are told whose settings are right and whose data are good.

`python -m benchmarks.following.told --family ohsu --people 20 --seed 3 [--write docs/following.md]`: drawn people live
fourteen days with their right settings, everything told, half with a loop and half on a pump, and the whole product
runs, repetitions included. It ends with 1 where fewer than half are told in green that there is nothing to change.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.bodies.living import Habits, InUse, System
from benchmarks.bodies.people import Family
from benchmarks.following.document import put
from benchmarks.following.draw import Start, right_of, settings_at
from benchmarks.following.follow import FIRST_DAY, SEEN_DAYS, TUNED_DAYS, ZONE
from benchmarks.following.world import world_named
from benchmarks.judged import table
from flows.errors import Refused
from flows.nightscout.credentials import credentials_for
from flows.pipeline.load import load
from flows.pipeline.prepare import prepare
from flows.pipeline.run_locally import tune_and_publish
from flows.proposal.document import Colour
from flows.proposal.step_document import StepKind
from flows.settings import AgeGroup, AnalysisRequest, Insulin
from flows.values.run_directory import RunDirectory

LEAST_SHARE = 0.5  # of right people with good data who are told so
REFUSED = "refused"


@dataclass(frozen=True)
class Told:
    """What one person is told.

    Attributes:
        colour: of the verdict; `refused` where there is none.
        kind: of the step; of a refusal its code.
        rules: that found something.
    """

    person: int
    system: System
    colour: str
    kind: str
    rules: tuple[str, ...]

    @property
    def green(self) -> bool:
        """Whether it is said, without reservation, that there is nothing to change."""
        return (self.colour, self.kind) == (Colour.GREEN, StepKind.KEEP)


@dataclass(frozen=True)
class Asked:
    """A run of the product for one person."""

    source: Path
    run: Path
    person: int
    system: System
    resamples: int


def told(asked: Asked) -> Told:
    """Run the product as it is at the midnight after the last day."""
    first = FIRST_DAY + timedelta(days=SEEN_DAYS - TUNED_DAYS)
    after = FIRST_DAY + timedelta(days=SEEN_DAYS)
    now = datetime.combine(after, time.min, ZoneInfo(ZONE)).astimezone(UTC)
    request = AnalysisRequest(
        from_directory=asked.source,
        start=first,
        end=after - timedelta(days=1),
        resamples=asked.resamples,
        compare=False,
        age_group=AgeGroup.ADULT,
        insulin=Insulin.RAPID_ACTING,
    )
    run = RunDirectory.create(asked.run, now)
    try:
        load(request, run, credentials_for(request), now)
        prepare(request, run, now)
        tune_and_publish(request, run, now)
    except Refused as refusal:
        return Told(asked.person, asked.system, REFUSED, refusal.reason.code, ())
    proposal = json.loads((run.path / "proposal.json").read_bytes())
    verdict = proposal["verdict"]
    rules = tuple(reason["rule"] for reason in verdict["reasons"])
    return Told(asked.person, asked.system, verdict["colour"], proposal["step"]["kind"], rules)


def told_all(people: Sequence[Asked], jobs: int) -> list[Told]:
    """What everybody is told, over so many processes."""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(told, people))


def lived(family: str | None, module: str | None, people: int, seed: int, resamples: int, base: Path) -> list[Asked]:
    """Let everybody live, and write what they leave behind; people of odd number are on a pump."""
    world = world_named(family, module)
    everybody = world.drawn_people(seed, people)
    systems = [list(System)[number % len(System)] for number in range(people)]
    right = [settings_at(Start.RIGHT, right_of(everybody.truth, number)) for number in range(people)]
    life = world.living(everybody, [Habits(system) for system in systems], range(people), seed, FIRST_DAY, ZONE)
    found = []
    for number, one in enumerate(life.live(right, SEEN_DAYS)):
        place = base / str(number)
        world.write_directory(place / "data", [one], ZONE, [_document(world.profile_document, right[number])])
        found.append(Asked(place / "data", place / "run", number, systems[number], resamples))
    return found


def _document(profile_document: Callable[[InUse, int, str], dict[str, Any]], in_use: InUse) -> dict[str, Any]:
    day_before = datetime.combine(FIRST_DAY - timedelta(days=1), time.min, ZoneInfo(ZONE))
    return profile_document(in_use, round(day_before.timestamp() * 1000), ZONE)


def report(all_told: Sequence[Told]) -> str:
    """A row for each way of dosing, and what keeps people from green."""
    rows = [["", "people", "told in green that nothing is to change", "green", "amber", "red", "a step", "refused"]]
    for name, them in (*((s.value, [t for t in all_told if t.system is s]) for s in System), ("all", list(all_told))):
        colours = Counter(one.colour for one in them)
        steps = sum(one.kind == StepKind.CHANGE for one in them)
        rows.append(
            [
                name,
                str(len(them)),
                f"{sum(one.green for one in them)} of {len(them)}",
                *(str(colours[colour]) for colour in (Colour.GREEN, Colour.AMBER, Colour.RED)),
                str(steps),
                str(colours[REFUSED]),
            ]
        )
    rules = Counter(rule for one in all_told if not one.green for rule in one.rules)
    held = ", ".join(f"`{rule}` {count}" for rule, count in rules.most_common()) or "nothing"
    return f"{table(rows)}\n\nWhat the others are told of: {held}."


def main(arguments: Sequence[str] | None = None) -> int:
    """Live, run, count, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.following.told", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--family", choices=[family.value for family in Family], help="the people of a bundled family")
    source.add_argument("--bodies", metavar="MODULE", help="own people: `python -m benchmarks.following --help`")
    parser.add_argument("--people", type=int, default=20, help="how many (20)")
    parser.add_argument("--seed", type=int, default=3, help="of the people and of their days (3)")
    parser.add_argument("--resamples", type=int, default=100, help="repetitions of each run (100)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this document")
    options = parser.parse_args(arguments)
    if FIRST_DAY + timedelta(days=SEEN_DAYS) > date.today():  # noqa: DTZ011 - the machine's own day
        print("the days are not over yet", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        them = lived(options.family, options.bodies, options.people, options.seed, options.resamples, Path(scratch))
        all_told = told_all(them, options.jobs)
    for one in all_told:
        print(one.person, one.system, one.colour, one.kind, ", ".join(one.rules))
    text = report(all_told)
    print(text)
    if options.write:
        named = f"{options.family or options.bodies}, seed {options.seed}"
        people = f"--family {options.family}" if options.family else f"--bodies {options.bodies}"
        command = (
            f"python -m benchmarks.following.told {people} --people {options.people} --seed {options.seed} "
            "--write docs/following.md"
        )
        put(options.write, f"told, {named}", command, f"### What right people are told: {named}\n\n{text}")
    return 0 if sum(one.green for one in all_told) >= LEAST_SHARE * len(all_told) else 1


if __name__ == "__main__":
    sys.exit(main())
