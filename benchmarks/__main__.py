"""Ours against upstream's own script and commands, side by side in one run: `python -m benchmarks [--days N]`.

Prints CPU and wall seconds and ratios, and fails when an output file differs: a faster wrong number is no result.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from benchmarks.dense import FIRST, ZONE, history, pump_profile
from benchmarks.site import serving
from flows.history.days import cut_days
from flows.local_days import LocalDay
from flows.oref0.engine import Engine, TuneJob
from flows.oref0.node import NodeEngine
from flows.oref0.reference import ReferenceEngine
from flows.oref0.runtime import ensure_oref0, find_node
from flows.oref0.work_dir import records_bytes, write_day, write_settings
from flows.parity import compare, copy_inputs

TOOLS = ("bash", "jq", "bc", "curl")


def measured(what: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds of the processes started, and wall seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    what()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - began


def script(directory: Path, address: str, job: TuneJob) -> None:
    """Upstream's oref0-autotune over the loopback site."""
    binaries = ensure_oref0().parent / ".bin"
    path = os.pathsep.join([str(binaries), str(find_node().executable.parent), os.environ["PATH"]])
    arguments = [
        f"--dir={directory}",
        f"--ns-host={address}",
        f"--start-date={job.days[0]}",
        f"--end-date={job.days[-1]}",
    ]
    subprocess.run(
        ["bash", str(binaries / "oref0-autotune"), *arguments],
        env={"PATH": path, "TZ": ZONE, "API_SECRET": "none", "HOME": str(directory)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--days", type=int, default=30)
    days = parser.parse_args().days
    entries, treatments = history(days)
    cut = cut_days([LocalDay(FIRST + timedelta(days=n), ZONE) for n in range(days)], entries, treatments)
    window = sum(len(d.treatments) for d in cut) / days
    print(f"{days} days, {len(cut[0].entries)} readings and {window:.0f} treatments in a day's 60 hours")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Node {find_node().version} ({find_node().source})\n")
    rows: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        source = base / "source"
        write_settings(source, json.dumps(pump_profile()).encode(), None)
        for data in cut:
            write_day(source, data.day, records_bytes(data.entries), records_bytes(data.treatments))
        job = TuneJob(source, tuple(d.day for d in cut))
        works: dict[str, Path] = {}
        lacking = [t for t in TOOLS if shutil.which(t) is None]
        if lacking:
            print(f"(upstream's script is left out: it needs {', '.join(lacking)})")
        else:
            works["upstream's script"] = base / "script"
            (base / "script").mkdir()
            shutil.copytree(source / "settings", base / "script" / "settings")
            with serving(entries, treatments) as address:
                used = measured(lambda: script(base / "script", address, job))
            rows.append(("upstream's script", *used))
        engines: list[tuple[str, Engine]] = [
            ("upstream's commands", ReferenceEngine()),
            ("ours, untouched", NodeEngine()),
        ]
        for name, engine in engines:
            works[name] = base / engine.name
            copy_inputs(source, works[name])
            here = TuneJob(works[name], job.days)
            rows.append((name, *measured(lambda e=engine, j=here: e.run(j, lambda *_: None))))  # type: ignore[misc]
        first = rows[0]
        print(f"{'way':24}{'CPU s':>9}{'wall s':>9}{'ms a day':>10}{'× by CPU':>10}{'× by wall':>11}")
        for name, cpu, wall in rows:
            print(
                f"{name:24}{cpu:9.1f}{wall:9.1f}{1000 * wall / days:10.0f}{first[1] / cpu:10.2f}{first[2] / wall:11.2f}"
            )
        reference = works["upstream's commands"]
        for name, work in works.items():
            prefixes = ("autotune.2", "newprofile.", "profile.")
            for log in (work / "autotune").glob("autotune.*.log"):
                log.unlink()
            files, differing = compare(reference, work, prefixes)
            print(f"{name}: {files - len(differing)} of {files} files have the bytes of upstream's commands")
            if differing:
                print("DIFFERENT:", *differing)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
