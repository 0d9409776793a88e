"""What a run costs around upstream: fetching, preparing, judging and reporting, start-up, Prefect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from benchmarks.dense import FIRST, history, nightscout_profile
from benchmarks.measure import Measured
from benchmarks.site import serving

STEPS = """
import resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
from flows.nightscout.authentication import Credentials
from flows.run_directory import RunDirectory
from flows.settings import AnalysisRequest
from flows.steps.judge import judge
from flows.steps.load import load
from flows.steps.prepare import prepare
from flows.steps.publish import publish
from flows.steps.tune import tune
now = datetime.now(UTC)
source, days = sys.argv[1], sys.argv[2].split("..")
where = {"site": source, "timezone": "Europe/Paris"} if source.startswith("http") else {"from_directory": source}
request = AnalysisRequest(**where, start=days[0], end=days[1])
run = RunDirectory.create(Path(sys.argv[3]), now)
for name, step in (
    ("fetch" if "site" in where else "read", lambda: load(request, run, Credentials(), now)),
    ("prepare", lambda: prepare(request, run, now)),
    ("tune", lambda: tune(request, run, lambda *_: None)),
    ("judge and report", lambda: (judge(request, run, now), publish(request, run, now))),
):
    cpu, wall = time.process_time(), time.perf_counter()
    step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}\\t{time.process_time() - cpu}\\t{time.perf_counter() - wall}\\t{peak}")
"""


def steps(days: int) -> list[Measured]:
    """Each step of a run of dense days from a loopback site, CPU of this side alone."""
    entries, treatments = history(days)
    with tempfile.TemporaryDirectory() as scratch, serving(entries, treatments, nightscout_profile()) as address:
        argv = [sys.executable, "-c", STEPS, address, _range(days), f"{scratch}/run"]
        state = {**os.environ, "AUTOTUNE_STATE": f"{scratch}/state"}
        said = subprocess.run(argv, check=True, capture_output=True, text=True, env=state).stdout
    found = []
    for line in said.splitlines():
        name, cpu_s, wall_s, peak_mb = line.split("\t")
        found.append(Measured(name, days, [float(cpu_s)], [float(wall_s)], float(peak_mb)))
    return found


def commands(days: int, repeat: int) -> list[Measured]:
    """The command line: help, the time to its first line, and whole runs with and without Prefect, checked and not."""
    with tempfile.TemporaryDirectory() as scratch:
        person = Path(scratch) / "person"
        person.mkdir()
        entries, treatments = history(days)
        documents = {"entries": entries, "treatments": treatments, "profile": [nightscout_profile()]}
        for name, document in documents.items():
            (person / f"{name}.json").write_text(json.dumps(document), "utf-8")
        base = [sys.executable, "-m", "flows.cli.main"]
        propose = [*base, "propose", "--from", str(person), "--no-compare"]
        alone = [*propose, "--no-prefect"]
        ways = {
            "autotune --help": [*base, "--help"],
            f"propose, {days} days, without repetitions, no Prefect": [*alone, "--resamples", "0"],
            f"propose, {days} days, 100 repetitions, no Prefect": alone,
            f"propose, {days} days, without repetitions, through Prefect": [*propose, "--resamples", "0"],
        }
        found = [Measured(name, 1) for name in [*ways, "propose: first line"]]
        for n in range(repeat):
            for one in found[:-1]:
                argv = list(ways[one.name])
                if "propose" in argv:
                    argv += ["--out", f"{scratch}/{n}-{len(one.name)}"]
                home = {**os.environ, "PREFECT_HOME": f"{scratch}/prefect-{n}"}

                def once(argv: list[str] = argv, home: dict[str, str] = home) -> None:
                    subprocess.run(argv, check=True, capture_output=True, env=home)

                one.add(once)
            found[-1].add(lambda n=n: _first_line([*alone, "--out", f"{scratch}/first-{n}"]))
        return found


def _first_line(argv: list[str]) -> None:
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.readline()
    process.kill()
    process.wait()
    process.stderr.close()


def _range(days: int) -> str:
    return f"{FIRST}..{FIRST + timedelta(days=days - 1)}"
