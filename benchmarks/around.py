"""What a run costs around upstream: each step, start-up, and memory."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

from benchmarks import steps
from benchmarks.dense import FIRST, Kind, history, nightscout_profile
from benchmarks.measure import Measured, Once
from benchmarks.side_by_side import Way, in_turns
from benchmarks.ways import AUTOTUNE, Person, autotune, propose, write_source

FEW = 2  # repetitions: memory does not depend on how many there are


def steps_table(base: Path, person: Person, repeat: int) -> str:
    """Each step of a run with its evidence."""
    base.mkdir(parents=True)
    return steps.table([steps.measure(person.source, base / f"run-{n}", None) for n in range(repeat)])


def start(base: Path, person: Person, repeat: int) -> list[Measured]:
    """The help, and the time to the first line of a run."""
    base.mkdir(parents=True)
    ways: list[Way] = [
        ("autotune --help", lambda _: autotune("--help")),
        ("propose: first line", partial(_first_line, person.source)),
    ]
    return in_turns(base, ways, 1, repeat)[0]


def _first_line(source: Path, out: Path) -> Once:
    argv = [sys.executable, "-m", AUTOTUNE, "propose", "--from", str(source), "--no-prefect", "--out", str(out)]
    began = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.readline()
    wall_s = time.perf_counter() - began
    process.terminate()
    process.stderr.read()
    process.wait()
    return Once(None, wall_s)


def memory(base: Path, kind: Kind, days: int) -> list[Measured]:
    """Peaks over much data, without evidence and with a little of it: memory does not depend on how much."""
    base.mkdir(parents=True)
    first = FIRST - timedelta(days=days)  # so many days after it may lie in the future
    profile = {**nightscout_profile(), "startDate": f"{first - timedelta(days=30)}T00:00:00.000Z"}
    write_source(base / "source", *history(days, kind=kind, first=first), profile)
    ways: list[Way] = [
        (f"{kind}, without evidence", lambda out: propose(base / "source", out, "--resamples", "0")),
        (f"{kind}, with {FEW} repetitions", lambda out: propose(base / "source", out, "--resamples", str(FEW))),
    ]
    return in_turns(base, ways, days, 1)[0]
