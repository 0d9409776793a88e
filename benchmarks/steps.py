"""What each step of a run costs: `python -m benchmarks.steps DIR RUN [--resamples N]`, one JSON line for each step.

DIR is what `--from` reads, RUN a run directory to be made. A process of its own, so that nothing else is counted; the
lines' fields are those of `Step`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import markdown, median, number
from benchmarks.processes import PROC, cpu_of_children, parse_peak_mb

IMPORTS = "start and imports"


@dataclass(frozen=True)
class Step:
    """One step once: CPU of the Python process, CPU of all it started, wall time, and Python's peak so far."""

    name: str
    own_s: float
    children_s: float
    wall_s: float
    python_mb: float | None


def measure(source: Path, run: Path, resamples: int | None) -> list[Step]:
    """The steps of one run, in their order."""
    asked = [] if resamples is None else ["--resamples", str(resamples)]
    argv = [sys.executable, "-m", "benchmarks.steps", str(source), str(run), *asked]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return [Step(**json.loads(line)) for line in said.splitlines()]


def table(runs: list[list[Step]]) -> str:
    """The medians of several runs, step by step, and their sum."""
    rows = [["step", "CPU s", "of it Python", "of it Node", "wall s", "Python MB so far"]]
    total = [0.0, 0.0, 0.0, 0.0]
    for same in zip(*runs, strict=True):
        own, children = median(one.own_s for one in same) or 0.0, median(one.children_s for one in same) or 0.0
        values = [own + children, own, children, median(one.wall_s for one in same) or 0.0]
        total = [a + b for a, b in zip(total, values, strict=True)]
        peak = max((one.python_mb for one in same if one.python_mb is not None), default=None)
        rows.append([same[0].name, *map(number, values), number(peak, 0)])
    rows.append(["all", *map(number, total), ""])
    return markdown(rows)


def main(argv: list[str]) -> int:
    """Run the steps one after the other and print what each cost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steps", description=__doc__)
    parser.add_argument("source", type=Path, metavar="DIR")
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--resamples", type=int, metavar="N", help="as of `autotune propose`")
    options = parser.parse_args(argv)
    began = time.perf_counter()
    steps = _steps(options.source, options.run, options.resamples)
    _tell(Step(IMPORTS, time.process_time(), cpu_of_children(), time.perf_counter() - began, _peak_mb()))
    for name, step in steps:
        own, children, began = time.process_time(), cpu_of_children(), time.perf_counter()
        step()
        wall_s = time.perf_counter() - began
        _tell(Step(name, time.process_time() - own, cpu_of_children() - children, wall_s, _peak_mb()))
    return 0


def _steps(source: Path, directory: Path, resamples: int | None) -> list[tuple[str, Callable[[], object]]]:
    from flows.nightscout.credentials import credentials_for
    from flows.pipeline.assess import assess
    from flows.pipeline.judge import judge
    from flows.pipeline.load import load
    from flows.pipeline.prepare import prepare
    from flows.pipeline.publish import publish
    from flows.pipeline.tune import tune
    from flows.settings import AnalysisRequest
    from flows.values.run_directory import RunDirectory

    now = datetime.now(UTC)
    more: dict[str, Any] = {} if resamples is None else {"resamples": resamples}
    request = AnalysisRequest(from_directory=source, **more)
    run = RunDirectory.create(directory, now)
    return [
        ("load", lambda: load(request, run, credentials_for(request), now)),
        ("prepare", lambda: prepare(request, run, now)),
        ("tune", lambda: tune(request, run, lambda *_: None)),
        ("assess", lambda: assess(request, run, lambda *_: None)),
        ("judge", lambda: judge(request, run, now)),
        ("publish", lambda: publish(request, run, now)),
    ]


def _tell(step: Step) -> None:
    print(json.dumps(asdict(step)), flush=True)


def _peak_mb() -> float | None:
    status = PROC / str(os.getpid()) / "status"
    return parse_peak_mb(status.read_text("utf-8")) if status.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
