"""The ways of computing the same days: upstream's script, its commands, and our engines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.dense import FIRST, ZONE, history, pump_profile
from flows.history.days import cut_days
from flows.oref0.engine import Engine, TuneJob
from flows.oref0.runtime import ensure_oref0, find_node
from flows.oref0.work_dir import records_bytes, write_day, write_settings
from flows.values.local_days import LocalDay

TOOLS = ("bash", "jq", "bc", "curl")


@dataclass(frozen=True)
class Person:
    """Days of one invented person, laid out as upstream reads them."""

    job: TuneJob
    entries: list[dict[str, Any]]
    treatments: list[dict[str, Any]]
    treatments_a_window: float


def lay_out(directory: Path, days: int, *, sparse: bool, tune_insulin_curve: bool = False) -> Person:
    """Make the person's work directory."""
    entries, treatments = history(days, sparse=sparse)
    cut = cut_days([LocalDay(FIRST + timedelta(days=n), ZONE) for n in range(days)], entries, treatments)
    write_settings(directory, json.dumps(pump_profile()).encode(), None)
    for data in cut:
        write_day(directory, data.day, records_bytes(data.entries), records_bytes(data.treatments))
    job = TuneJob(directory, tuple(d.day for d in cut), tune_insulin_curve=tune_insulin_curve)
    return Person(job, entries, treatments, sum(len(d.treatments) for d in cut) / days)


def compute(engine: Engine, person: Person, work: Path, **options: bool) -> float | None:
    """Let an engine compute the person's days in a directory of their own; its peak memory in MB."""
    report = engine.run(replace(person.job, work=work, **options), lambda *_: None)
    assert report.finished
    assert report.stop is None
    assert not report.redone
    return report.peak_rss_mb


def lacking_tools() -> list[str]:
    """What upstream's script needs and this machine has not."""
    return [t for t in TOOLS if shutil.which(t) is None]


def script(person: Person, directory: Path, address: str) -> None:
    """Upstream's oref0-autotune over a loopback site."""
    binaries = ensure_oref0().parent / ".bin"
    path = os.pathsep.join([str(binaries), str(find_node().executable.parent), os.environ["PATH"]])
    arguments = [
        f"--dir={directory}",
        f"--ns-host={address}",
        f"--start-date={person.job.days[0]}",
        f"--end-date={person.job.days[-1]}",
        *(["--tune-insulin-curve=true"] if person.job.tune_insulin_curve else []),
    ]
    subprocess.run(
        ["bash", str(binaries / "oref0-autotune"), *arguments],
        env={"PATH": path, "TZ": ZONE, "API_SECRET": "none", "HOME": str(directory)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    for log in (directory / "autotune").glob("autotune.*.log"):
        log.unlink()
