"""How often the self-check notices a planted fault: `python -m tests.parity.planted --people DIR… [--write FILE]`.

Every person's days are prepared once. A run is some of them in a row, seven to fourteen, drawn by its seed; with the
days change the parts that are checked, and the date and hour of a fault that acts on one. Each run is computed
without a fault and with each of them. The process with a fault checks itself and goes on whatever it finds: what it
writes are the numbers that a run would have proposed if nothing had been noticed, and what it says is whether it was
noticed.

A fault of what is remembered between trials is planted in the runners of the trials of a run's evidence: a variant, the
probes, and a batch of repetitions. The numbers are theirs, and noticed is what `Trials.check` notices.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from flows.errors import Refused
from flows.nightscout.authentication import Credentials
from flows.oref0.engine import EngineReport, TuneJob
from flows.oref0.node import NodeEngine
from flows.oref0.outcome import usable_settings
from flows.oref0.pool import RunnerPool
from flows.oref0.profile import PumpSettings
from flows.oref0.self_check import inputs_number
from flows.pipeline.load import load
from flows.pipeline.parity import copy_inputs
from flows.pipeline.prepare import prepare
from flows.pipeline.trials import Trials, TuneVariant
from flows.proposal.resampling import batches
from flows.settings import AnalysisRequest
from flows.values.local_days import LocalDay
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory
from tests.parity.planted_counts import MATTERS, Numbers, Planted, largest_change, put_into, written
from tests.parity.planted_faults import FAULTS, Change, Fault, planted

LEAST_DAYS, MOST_DAYS = 7, 14
START_FACTORS = (0.8, 1.25)  # as the evidence's start probe has them

# The runner tells what its check found and does nothing about it.
ONLY_TELL = Change("run.js", "if (found.same !== false) return stopped;", "return stopped;")


@dataclass(frozen=True)
class Person:
    """Prepared days: `work` as upstream's directory."""

    name: str
    work: Path
    days: tuple[LocalDay, ...]


# ---- people and runs


def person_of(name: str, directory: Path, base: Path) -> Person:
    """Prepare all days of a directory as `--from` reads it; a pumpprofile.json in it is an OpenAPS profile."""
    pump = directory / "pumpprofile.json"
    request = AnalysisRequest(from_directory=directory, compare=False, openaps_profile=pump if pump.is_file() else None)
    now = datetime.now(UTC)
    run = RunDirectory.create(base, now)
    load(request, run, Credentials(), now)
    prepared = prepare(request, run, now)
    days = tuple(LocalDay(date.fromisoformat(day), prepared.zone) for day in prepared.dates)
    return Person(name, run.work, days)


def ranges(days: int, count: int, seed: int) -> list[tuple[int, int]]:
    """Up to `count` different slices of neighbouring days, of seven to fourteen days or of all that there are."""
    sizes = range(min(LEAST_DAYS, days), min(MOST_DAYS, days) + 1)
    every = [(first, first + size) for size in sizes for first in range(days - size + 1)]
    return random.Random(f"{seed} {days}").sample(every, min(count, len(every)))


# ---- one run with a fault


def run_numbers(
    person: Person, days: Sequence[LocalDay], script: Path | None, base: Path
) -> tuple[Numbers, EngineReport]:
    """What a run comes to, and what it says of itself; `base` is new."""
    copy_inputs(person.work, base)
    report = NodeEngine(runner=script).run(TuneJob(base, tuple(days)), lambda *_: None)
    if report.stop is not None:
        return {"run": None}, report
    return {"run": _settings((base / "autotune" / "profile.json").read_bytes())}, report


def trial_numbers(
    person: Person, days: Sequence[LocalDay], script: Path | None, base: Path
) -> tuple[Numbers, bool | None]:
    """What the trials of a run's evidence come to, and what their check found; `base` is new."""
    base.mkdir(parents=True)
    of_run = tuple(days)
    seed = inputs_number(person.work, [str(day) for day in days]) & 0xFFFF_FFFF
    variants = [TuneVariant("other option", of_run, uam_as_basal=True)]
    variants += [
        TuneVariant(f"{part.value} times {factor:g}", of_run, uam_as_basal=False, scaled=(part, factor))
        for part in Part
        for factor in START_FACTORS
    ]
    repetitions = [
        TuneVariant(f"repetition {n}", drawn, uam_as_basal=False) for n, drawn in enumerate(next(batches(of_run, seed)))
    ]
    request = AnalysisRequest(from_directory=person.work)
    # A single process: on more cores more is checked.
    with Trials(request, person.work, base, (), lambda: None, exact=False, pool=RunnerPool(1, script)) as trials:
        made = trials.compute(variants)
        made |= trials.compute(repetitions)
        check = trials.check(seed)
        names = [one.name for one in (*variants, *repetitions)]
        numbers = {name: trials.settings(made[name]) if name in made else None for name in names}
    return numbers, check.same if check else None


def _settings(profile: bytes) -> PumpSettings | None:
    try:
        return usable_settings(json.loads(profile))
    except (ValueError, Refused):
        return None


def planted_in(person: Person, days: Sequence[LocalDay], faults: Sequence[Fault]) -> Iterator[Planted]:
    """What each fault does in one run.

    Raises:
        AssertionError: the self-check finds a difference without a fault.
    """
    of_run = f"{days[0]} to {days[-1]}"
    chance = random.Random(f"{person.name} {of_run}")
    place = {"day": chance.choice(days).date.day, "hour": chance.randrange(24)}
    right: dict[bool, Numbers] = {}
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        for n, fault in enumerate(faults):
            if fault.of_trials not in right:
                right[fault.of_trials], same = _computed(fault.of_trials, person, days, None, base / "right")
                if same is False:
                    raise AssertionError(f"{person.name}, {of_run}: the self-check finds a difference without a fault")
            script = planted(base / f"{n} runner", [*fault.changes, ONLY_TELL], **place)
            wrong, same = _computed(fault.of_trials, person, days, script, base / f"{n}")
            yield Planted(fault.name, person.name, of_run, largest_change(right[fault.of_trials], wrong), same is False)


def _computed(
    of_trials: bool, person: Person, days: Sequence[LocalDay], script: Path | None, base: Path
) -> tuple[Numbers, bool | None]:
    if of_trials:
        return trial_numbers(person, days, script, base / "trials")
    numbers, report = run_numbers(person, days, script, base / "run")
    return numbers, report.check.same if report.check else None


# ---- the command


def people_of(directories: Sequence[Path], references: Sequence[Path], base: Path) -> Iterator[Person]:
    """Prepare everybody; those of `references` go by a number."""
    named = [(directory.name, directory) for directory in directories]
    named += [(f"reference {n}", directory) for n, directory in enumerate(references, 1)]
    for n, (name, directory) in enumerate(named):
        yield person_of(name, directory, base / str(n))


def runs(people: Sequence[Person], count: int, trials: int, seed: int) -> Iterator[tuple[Person, list[LocalDay], bool]]:
    """Everybody's first run, then everybody's second …; whether it is one of the first `trials`."""
    drawn = [(person, ranges(len(person.days), count, seed)) for person in people]
    for n in range(count):
        for person, slices in drawn:
            if n < len(slices):
                yield person, list(person.days[slice(*slices[n])]), n < trials


def kept(file: Path | None) -> list[Planted]:
    """What an earlier start of the command found."""
    lines = file.read_text("utf-8").splitlines() if file and file.is_file() else []
    return [Planted(**json.loads(line)) for line in lines]


def plant_all(options: argparse.Namespace, faults: Sequence[Fault], scratch: Path) -> list[Planted]:
    """What every fault does in every run, and what was kept; told and kept run by run."""
    people = list(people_of(options.people, options.reference, scratch))
    found = kept(options.keep)
    done = {(one.fault, one.person, one.days) for one in found}
    for person, days, with_trials in runs(people, options.seeds, options.trials, options.seed):
        of_run = f"{days[0]} to {days[-1]}"
        waiting = [
            fault
            for fault in faults
            if (with_trials or not fault.of_trials) and (fault.name, person.name, of_run) not in done
        ]
        planted_now = list(planted_in(person, days, waiting))
        found += planted_now
        if options.keep:
            with options.keep.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(one)) + "\n" for one in planted_now)
        missed = [one.fault for one in planted_now if one.change > MATTERS and not one.caught]
        say(f"{person.name}, {of_run}: missed {', '.join(missed) or 'none'}")
    return found


def say(text: str) -> None:
    """Print it at once."""
    print(text, flush=True)  # noqa: T201


def main() -> int:
    """Plant every fault in every run, print what was caught, and write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity.planted")
    parser.add_argument("--people", type=Path, nargs="+", default=[], metavar="DIR", help="as --from reads them")
    parser.add_argument("--reference", type=Path, nargs="+", default=[], metavar="DIR", help="shown by a number only")
    parser.add_argument("--seeds", type=int, default=10, help="runs of each person; fewer where the days are few")
    parser.add_argument("--trials", type=int, default=2, help="of these runs, with how many trials are faults planted")
    parser.add_argument("--seed", type=int, default=1, help="of all draws")
    parser.add_argument("--only", metavar="NAME,NAME", help="these faults only")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="where results are appended, and not made again")
    parser.add_argument("--write", type=Path, metavar="FILE", help="the document with the marks")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if options.only is None or fault.name in options.only.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        found = plant_all(options, faults, Path(scratch))
    text = written(found, faults)
    say(text)
    if options.write:
        options.write.write_text(put_into(options.write.read_text("utf-8"), text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
