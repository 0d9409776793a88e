"""The `reference` engine: upstream's own two commands for every day, as its script calls them. Kept for parity."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from flows.errors import Reason, Refused
from flows.oref0.engine import EngineReport, OnDay, Stop, TuneJob
from flows.oref0.node import Deadline, NodeEngine, kill_group, scrubbed_environment
from flows.oref0.runtime import ensure_upstream, find_node
from flows.values.run_directory import write_atomically


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
        flags = (["--categorize_uam_as_basal"] if job.uam_as_basal else []) + (
            ["--tune-insulin-curve"] if job.tune_insulin_curve else []
        )

        def command(stage: str, arguments: list[str], output: str, log: str) -> int:
            argv = [
                str(node.executable),
                str(upstream.package / "bin" / f"oref0-autotune-{stage}.js"),
                *arguments,
            ]
            return _run(argv, job, job.work / "autotune", output, log, end)

        for index, day in enumerate(job.days, 1):
            began = time.monotonic()
            date, files = str(day), job.work / "autotune"
            write_atomically(files / f"profile.{date}.json", (files / "profile.json").read_bytes())
            inputs = [f"ns-treatments.{date}.json", "profile.json", f"ns-entries.{date}.json"]
            status = command(
                "prep",
                [*flags, *inputs, "profile.pump.json"],
                f"autotune.{date}.json",
                f"log.{date}.prep.txt",
            )
            if status == 0:
                inputs = [f"autotune.{date}.json", "profile.json", "profile.pump.json"]
                stage = "core"
                status = command("core", inputs, f"newprofile.{date}.json", f"log.{date}.core.txt")
            else:
                stage = "prep"
            new = files / f"newprofile.{date}.json"
            if status != 0 or not _is_profile(new):
                report.stop = Stop(date, stage, status)
                break
            write_atomically(files / "profile.json", new.read_bytes())
            report.days_done.append(date)
            report.day_ms.append(round((time.monotonic() - began) * 1000))
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
        deadline = Deadline(process, max(0.001, end - time.monotonic()))
        try:
            with deadline:
                status = process.wait()
        finally:
            kill_group(process)
    if deadline.passed:
        raise Refused(Reason.TIMED_OUT, seconds=job.timeout_seconds)
    return status


def _private(file: Path) -> TextIO:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w")


def _is_profile(file: Path) -> bool:
    # bin/oref0-autotune.sh: jq must read it, and the word "start" be in it.
    try:
        return "start" in json.dumps(json.loads(file.read_text("utf-8")))
    except ValueError:
        return False
