"""The `reference` engine: upstream's own two commands for every day, as its script calls them. Kept for parity."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TextIO

from flows.errors import Reason, Refused
from flows.oref0.engine import EngineReport, OnDay, Stop, TuneJob
from flows.oref0.node import Deadline, NodeEngine, kill_group, scrubbed_environment
from flows.oref0.runtime import ensure_upstream, find_node
from flows.oref0.work_dir import has_start
from flows.values.run_directory import write_atomically
from flows.values.units import SECOND_MS


class ReferenceEngine:
    """oref0@0.7.1 bin/oref0-autotune-prep.js and bin/oref0-autotune-core.js, a process each."""

    name = "reference"

    def run(self, job: TuneJob, on_day: OnDay) -> EngineReport:
        """See `Engine.run`."""
        NodeEngine().run(replace(job, only_prove_zone=True), on_day)
        node, upstream = find_node(), ensure_upstream()
        version = json.loads((upstream.package / "package.json").read_text("utf-8"))["version"]
        report = EngineReport(engine=self.name, node=node.version, oref0=version, upstream_sha256=upstream.sha256)
        end = time.monotonic() + job.timeout_seconds
        options = {"--categorize_uam_as_basal": job.uam_as_basal, "--tune-insulin-curve": job.tune_insulin_curve}
        flags = [flag for flag, asked in options.items() if asked]
        for index, day in enumerate(job.days, 1):
            began = time.monotonic()
            date, files = str(day), job.work / "autotune"
            write_atomically(files / f"profile.{date}.json", (files / "profile.json").read_bytes())
            prepared, new = f"autotune.{date}.json", files / f"newprofile.{date}.json"
            inputs = [f"ns-treatments.{date}.json", "profile.json", f"ns-entries.{date}.json", "profile.pump.json"]
            for stage, arguments, output in (
                ("prep", [*flags, *inputs], prepared),
                ("core", [prepared, "profile.json", "profile.pump.json"], new.name),
            ):
                command = [str(node.executable), str(upstream.package / "bin" / f"oref0-autotune-{stage}.js")]
                status = _run([*command, *arguments], job, files, output, f"log.{date}.{stage}.txt", end)
                if status != 0:
                    break
            if status != 0 or not has_start(new.read_bytes()):
                report.stop = Stop(date, stage, status)
                break
            write_atomically(files / "profile.json", new.read_bytes())
            report.days_done.append(date)
            report.day_ms.append(round((time.monotonic() - began) * SECOND_MS))
            on_day(date, index, len(job.days))
        report.finished = True
        return report


def _run(argv: list[str], job: TuneJob, cwd: Path, output: str, log: str, end: float) -> int:
    with _private(cwd / output) as stdout, _private(cwd / log) as stderr:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=scrubbed_environment(job.zone),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            umask=0o077,
            text=True,
        )
        try:
            with Deadline(max(0.001, end - time.monotonic()), partial(kill_group, process)) as deadline:
                status = process.wait()
        finally:
            kill_group(process)
    if deadline.passed:
        raise Refused(Reason.TIMED_OUT, seconds=job.timeout_seconds)
    return status


def _private(file: Path) -> TextIO:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w")
