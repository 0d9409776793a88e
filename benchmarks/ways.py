"""The ways of computing the same days: upstream's script, its commands, our engines, and our whole command."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.dense import FIRST, ZONE, Kind, Records, history, nightscout_profile, pump_profile
from benchmarks.measure import Once
from benchmarks.processes import run
from flows.history.days import cut_days
from flows.oref0.engine import Engine, TuneJob
from flows.oref0.runtime import ensure_upstream, find_node
from flows.oref0.work_dir import records_bytes, write_day, write_settings
from flows.values.local_days import LocalDay

TOOLS = ("bash", "jq", "bc", "curl")
AUTOTUNE = "flows.cli.main"
AT_THE_CEILING = "benchmarks.at_the_ceiling"


@dataclass(frozen=True)
class Person:
    """Days of one simulated person: as a directory that `--from` reads, and laid out as upstream reads them."""

    kind: Kind
    job: TuneJob
    source: Path
    entries: Records
    treatments: Records
    treatments_a_window: float

    @property
    def days(self) -> int:
        """How many days are tuned."""
        return len(self.job.days)


def lay_out(base: Path, days: int, kind: Kind, *, tune_insulin_curve: bool = False) -> Person:
    """Make the person's two directories, `source` and `work`."""
    entries, treatments = history(days, kind=kind)
    source, work = base / "source", base / "work"
    write_source(source, entries, treatments, nightscout_profile())
    cut = cut_days([LocalDay(FIRST + timedelta(days=n), ZONE) for n in range(days)], entries, treatments)
    write_settings(work, json.dumps(pump_profile()).encode(), None)
    for data in cut:
        write_day(work, data.day, records_bytes(data.entries), records_bytes(data.treatments))
    job = TuneJob(work, tuple(d.day for d in cut), tune_insulin_curve=tune_insulin_curve)
    return Person(kind, job, source, entries, treatments, sum(len(d.treatments) for d in cut) / days)


def write_source(directory: Path, entries: Records, treatments: Records, profile: dict[str, Any]) -> None:
    """Write what `--from` reads."""
    directory.mkdir(parents=True)
    documents = {"entries": entries, "treatments": treatments, "profile": [profile]}
    for name, document in documents.items():
        (directory / f"{name}.json").write_text(json.dumps(document), "utf-8")


def compute(
    engine: Engine, person: Person, work: Path, *, exact: bool = False, self_check: bool = True
) -> float | None:
    """Let an engine compute the person's days in a directory of their own; its peak memory in MB as it says itself."""
    report = engine.run(replace(person.job, work=work, exact=exact, self_check=self_check), lambda *_: None)
    assert report.finished
    assert report.stop is None
    assert not report.redone
    return report.peak_rss_mb


def lacking_tools() -> list[str]:
    """What upstream's script needs and this machine has not."""
    return [t for t in TOOLS if shutil.which(t) is None]


def script(person: Person, directory: Path, address: str) -> Once:
    """Upstream's oref0-autotune over a loopback site, with the Node.js that ours takes."""
    binaries = ensure_upstream().package.parent / ".bin"
    path = os.pathsep.join([str(binaries), str(find_node().executable.parent), os.environ["PATH"]])
    arguments = [
        f"--dir={directory}",
        f"--ns-host={address}",
        f"--start-date={person.job.days[0]}",
        f"--end-date={person.job.days[-1]}",
        *(["--tune-insulin-curve=true"] if person.job.tune_insulin_curve else []),
    ]
    measured = run(
        ["bash", binaries / "oref0-autotune", *arguments],
        {"PATH": path, "TZ": ZONE, "API_SECRET": "none", "HOME": str(directory)},
    )
    for log in (directory / "autotune").glob("autotune.*.log"):
        log.unlink()
    return measured


def environment(prefect: Mapping[str, str]) -> dict[str, str]:
    """This process's, with this Prefect: a person's own, and its server, take no part."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")} | dict(prefect)


def autotune(*arguments: str | Path, module: str = AUTOTUNE, prefect: Mapping[str, str] | None = None) -> Once:
    """Run the command line."""
    return run([sys.executable, "-m", module, *arguments], environment(prefect or {}))


def propose(
    source: Path, out: Path, *options: str, module: str = AUTOTUNE, prefect: Mapping[str, str] | None = None
) -> Once:
    """Our whole command over a directory.

    Args:
        source: what `--from` reads.
        out: the run directory it makes.
        options: more of `autotune propose`.
        module: the command line, or the one that goes on to the ceiling.
        prefect: the environment of Prefect (PREFECT_HOME, PREFECT_API_URL); without one it runs with `--no-prefect`.
    """
    how = ["--prefect" if prefect else "--no-prefect"]
    return autotune("propose", "--from", source, "--out", out, *how, *options, module=module, prefect=prefect)


def repetitions(out: Path) -> int:
    """How many repetitions a run's evidence is made of."""
    file = out / "evidence.json"
    uncertainty = json.loads(file.read_text("utf-8"))["uncertainty"] if file.is_file() else None
    return int(uncertainty["resamples"]) if uncertainty else 0
