"""Is a right schedule of several carb ratios told to change no more than its single-ratio twin?

`python -m benchmarks.several [--schedules N] [--seed N] [--fixtures NAME …] [--json FILE]`

The twin is a person of `fixtures/` with one ratio, at which upstream's caps do not decide (at a cap every schedule
looks alike). Of it are made:

- *night*: the same data, with another ratio in the hours in which nobody ever eats. Nothing else differs.
- *random*: two to five blocks with ratios of 0.5 to 2 times the twin's, and each meal's carbs multiplied by its block's
  factor. Insulin and glucose stay: the schedule is exactly as right, or as wrong, as the twin's one ratio.

What upstream changes (recommended over current) is set against what it changes for the twin; beside it the same data
with the mean over the day as the one ratio, as it was before. The same numbers for the same options.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flows.nightscout.authentication import Credentials
from flows.oref0.several_values import block_at
from flows.pipeline.load import load
from flows.pipeline.prepare import Prepared, prepare
from flows.pipeline.tune import tune
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory
from flows.values.schedule import Block, Schedule
from flows.values.timestamps import instant_ms

TWINS = {"aaps_closed_loop": 22.0, "loop_temp_basal": 27.9, "careportal_mdi": 14.0}  # g per U
BLOCKS, FACTORS = (2, 5), (0.5, 2.0)
LEAST_NIGHT_H = 3
Person = dict[str, Any]  # entries, treatments, profile: as a directory has them


@dataclass(frozen=True)
class Told:
    """What upstream changes: recommended over current, for the twin, the schedule, and by the mean over the day."""

    fixture: str
    kind: str
    blocks: tuple[Block, ...]
    twin: float
    schedule: float
    day_mean: float | None

    @property
    def apart(self) -> float:
        """How far the schedule's change is from the twin's."""
        return self.schedule / self.twin - 1

    @property
    def apart_by_mean(self) -> float | None:
        """The same with the mean over the day."""
        return None if self.day_mean is None else self.day_mean / self.twin - 1


def read_twin(directory: Path) -> Person:
    """A person's files, with the twin's carb ratio in the profile."""
    person = {n: json.loads((directory / f"{n}.json").read_bytes()) for n in ("entries", "treatments", "profile")}
    return with_ratios(person, Schedule.constant(TWINS[directory.name]))


def ratio_of(person: Person) -> float:
    """The twin's one carb ratio, in g per U."""
    return float(_body(person)["carbratio"][0]["value"])


def with_ratios(person: Person, schedule: Schedule, factors: Sequence[float] = ()) -> Person:
    """The person with this schedule of carb ratios; `factors` multiply the carbs eaten in each block."""
    made = copy.deepcopy({"treatments": person["treatments"], "profile": person["profile"]}) | {
        "entries": person["entries"]
    }
    _body(made)["carbratio"] = [
        {"time": f"{b.minutes // 60:02d}:{b.minutes % 60:02d}", "timeAsSeconds": b.minutes * 60, "value": b.value}
        for b in schedule.blocks
    ]
    if factors:
        for treatment, minutes in _meals(made):
            treatment["carbs"] = round(treatment["carbs"] * factors[block_at(schedule, minutes)], 3)
    return made


def night_schedule(person: Person) -> Schedule:
    """The twin's ratio, and twice that in the longest run of whole hours without a meal; within one day."""
    hours = {minutes // 60 for _, minutes in _meals(person)}
    runs = [range(a, b) for a in range(24) for b in range(a + 1, 25) if not hours & set(range(a, b))]
    longest = max(runs, key=len, default=range(0))
    if len(longest) < LEAST_NIGHT_H:
        raise ValueError("no hours without meals")
    ratio = ratio_of(person)
    edges = {0: ratio, longest[0] * 60: 2 * ratio}
    if longest[-1] < 23:
        edges[(longest[-1] + 1) * 60] = ratio
    return Schedule(tuple(Block(minutes, value) for minutes, value in sorted(edges.items())))


def random_schedule(person: Person, chance: random.Random) -> tuple[Schedule, list[float]]:
    """Blocks on the half hour, and the factor of each on the twin's ratio."""
    count = chance.randint(*BLOCKS)
    starts = [0, *sorted(chance.sample(range(30, 24 * 60, 30), count - 1))]
    ratio = ratio_of(person)
    values = [round(ratio * FACTORS[0] * (FACTORS[1] / FACTORS[0]) ** chance.random(), 1) for _ in starts]
    blocks = tuple(Block(start, value) for start, value in zip(starts, values, strict=True))
    return Schedule(blocks), [value / ratio for value in values]


def change_told(person: Person, base: Path, *, days: int | None = None) -> float:
    """Upstream's carb ratio over the one it was given, by the application's own steps."""
    data = base / "data"
    data.mkdir(parents=True)
    for name, records in person.items():
        (data / f"{name}.json").write_text(json.dumps(records), "utf-8")
    now = datetime.now(UTC)
    request = AnalysisRequest(from_directory=data, compare=False, days=days)
    run = RunDirectory.create(base / "run", now)
    load(request, run, Credentials(), now)
    prepared: Prepared = prepare(request, run, now)
    tune(request, run, lambda *_: None)
    given = json.loads((run.work / "settings" / "pumpprofile.json").read_bytes())["carb_ratio"]
    tuned = json.loads((run.work / "autotune" / f"newprofile.{prepared.dates[-1]}.json").read_bytes())["carb_ratio"]
    return float(tuned / given)


def compared(
    fixture: str, person: Person, kind: str, schedule: Schedule, factors: Sequence[float], twin: float, base: Path,
    *, mean: bool = True, days: int | None = None,
) -> Told:  # fmt: skip
    """One schedule against its twin."""
    made = with_ratios(person, schedule, factors)
    told = change_told(made, base / "several", days=days)
    by_mean = None
    if mean:
        one = with_ratios(made, Schedule.constant(round(schedule.mean(), 3)))
        by_mean = change_told(one, base / "mean", days=days)
    return Told(fixture, kind, schedule.blocks, twin, told, by_mean)


def _body(person: Person) -> dict[str, Any]:
    document = person["profile"][0]
    body: dict[str, Any] = document["store"][document["defaultProfile"]]
    return body


def _meals(person: Person) -> list[tuple[dict[str, Any], int]]:
    """Each record with carbs, and its minutes after local midnight."""
    zone = ZoneInfo(_body(person)["timezone"])
    found = []
    for treatment in person["treatments"]:
        if treatment.get("carbs"):
            at = instant_ms(treatment["created_at"], "UTC")
            assert at is not None
            local = datetime.fromtimestamp(at[0] / 1000, zone)
            found.append((treatment, local.hour * 60 + local.minute))
    return found


def _row(name: str, apart: Iterable[float | None]) -> str:
    known = [100 * value for value in apart if value is not None]
    if not known:
        return f"{name:<34} –"
    spread = statistics.stdev(known) if len(known) > 1 else 0.0
    return f"{name:<34} {len(known):>3}  {statistics.mean(known):>+6.1f}  {spread:>5.1f}  {max(known, key=abs):>+6.1f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; 1 where a schedule is more than 3 % from its twin on average."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedules", type=int, default=44)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fixtures", nargs="+", default=list(TWINS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    root = Path(__file__).parents[1] / "fixtures"
    chance = random.Random(options.seed)  # noqa: S311
    told: list[Told] = []
    with tempfile.TemporaryDirectory() as scratch:
        people = {name: read_twin(root / name) for name in options.fixtures}
        twins = {n: change_told(person, Path(scratch) / f"twin {n}") for n, person in people.items()}
        for name, person in people.items():
            base = Path(scratch) / f"night {name}"
            told.append(compared(name, person, "night", night_schedule(person), (), twins[name], base))
            print(told[-1], file=sys.stderr, flush=True)
        for n in range(options.schedules):
            name = options.fixtures[n % len(options.fixtures)]
            schedule, factors = random_schedule(people[name], chance)
            base = Path(scratch) / f"random {n}"
            told.append(compared(name, people[name], "random", schedule, factors, twins[name], base))
            print(told[-1], file=sys.stderr, flush=True)
    print(f"{'apart from the twin, in %':<34}   n    mean     sd  farthest")
    for kind in ("night", "random"):
        mine = [t for t in told if t.kind == kind]
        print(_row(f"{kind}: by the meals", (t.apart for t in mine)))
        print(_row(f"{kind}: by the mean over the day", (t.apart_by_mean for t in mine)))
    if options.json:
        rows = [{**t.__dict__, "blocks": [b.__dict__ for b in t.blocks]} for t in told]
        options.json.write_text(json.dumps(rows, indent=1), "utf-8")
    return int(abs(statistics.mean(t.apart for t in told)) > 0.03)


if __name__ == "__main__":
    sys.exit(main())
