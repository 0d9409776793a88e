"""Proof: our engines against upstream's own commands on the same work directory, file by file, byte for byte."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.oref0.engine import TuneJob
from flows.pipeline.load import load
from flows.pipeline.parity_differences import FileDifference, difference
from flows.pipeline.parity_stored import STORED, manifest_differences, proposal_differences
from flows.pipeline.prepare import Prepared, prepare
from flows.pipeline.tune import engine_named
from flows.settings import AnalysisRequest, EngineName
from flows.values.bundled import bundled
from flows.values.local_days import LocalDay, canonical_zone
from flows.values.progress import tell
from flows.values.run_directory import RunDirectory

# What upstream itself writes; its words on standard error (log.*) are compared too.
COMPARED = ("autotune.", "newprofile.", "profile.", "log.")


@dataclass
class Parity:
    """What was compared with upstream's own commands, and where it differs.

    Attributes:
        engines: those that computed the days anew.
        files: of these engines.
        stored_files, proposal_numbers, manifest_files: what was compared of a run; none where no run was given.
        differences: in the order a run writes what differs.
    """

    engines: list[str]
    files: int = 0
    stored_files: int = 0
    proposal_numbers: int = 0
    manifest_files: int = 0
    differences: list[FileDifference] = field(default_factory=list)

    @property
    def identical(self) -> bool:
        """Whether every file of every engine has upstream's bytes, and the run holds what they come to."""
        return self.files > 0 and not self.differences

    @property
    def differing(self) -> list[str]:
        """What differs, without where in it."""
        return [f"{one.of}: {one.file}" for one in self.differences]

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "identical": self.identical,
            "engines": self.engines,
            "files": self.files,
            "stored_files": self.stored_files,
            "proposal_numbers": self.proposal_numbers,
            "manifest_files": self.manifest_files,
            "differing": self.differing,
            "differences": [one.document() for one in self.differences],
        }

    def lines(self) -> list[str]:
        """For the terminal."""
        if not self.identical:
            return list(map(str, self.differences))
        lines = [f"Identical: {self.files} files of {', '.join(self.engines)} have the bytes of upstream's commands."]
        if self.stored_files:
            lines.append(
                f"So have the {self.stored_files} files that the run holds; {self.proposal_numbers} numbers of its "
                f"proposal are upstream's, and {self.manifest_files} files are as its manifest has them."
            )
        return lines


def prove(run: Path | None, *, docker: bool, now: datetime) -> Parity:
    """Compute a run's days again with upstream's commands and with each engine; compare these, and what the run holds.

    Args:
        run: a run directory; the bundled person when `None`.
        docker: whether the container is compared too.
        now: the clock.

    Raises:
        Refused: the run directory has no prepared inputs, or an engine's reason.
    """
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        source = RunDirectory(run.resolve()) if run else _bundled_run(base / "run", now)
        if not source.file("prepared.json").is_file():
            raise Refused(
                Reason.FILE_MISSING,
                file="prepared.json",
                remedy="Give a run directory that `autotune propose` made.",
            )
        zone, dates = _prepared(source)
        manifest = source.read_json("manifest.json") if source.file("manifest.json").exists() else None
        options = (manifest.get("options") if isinstance(manifest, dict) else None) or {}
        if not isinstance(options, dict):
            raise source.damaged("manifest.json", "its options are none")
        ours = [EngineName.NODE, *([EngineName.DOCKER] if docker else [])]
        for name in (EngineName.REFERENCE, *ours):
            try:
                copy_inputs(source.work, base / name)
            except OSError as error:  # also shutil's own
                raise source.damaged("work", f"its files cannot be copied ({type(error).__name__})") from None
            job = TuneJob(
                work=base / name,
                days=tuple(LocalDay(day, zone) for day in dates),
                uam_as_basal=bool(options.get("uam_as_basal")),
                tune_insulin_curve=bool(options.get("tune_insulin_curve")),
            )
            engine_named(name).run(job, lambda d, i, of: tell("day", date=d, index=i, of=of))
        return _compared(source if run else None, base, ours)


def _compared(run: RunDirectory | None, base: Path, engines: Sequence[EngineName]) -> Parity:
    """Each engine's work directory, and what the run holds, beside that of upstream's commands."""
    upstream = base / EngineName.REFERENCE
    found = Parity(engines=[name.value for name in engines])
    for name in engines:
        names = _names(upstream, base / name)
        found.files += len(names)
        found.differences += differences(name.value, upstream, base / name, names)
    if run is not None:
        names = _names(run.work)
        if names:  # else it was refused before anything was computed
            names = _names(upstream, run.work)
            found.stored_files = len(names)
            found.differences += differences(STORED, upstream, run.work, names)
        found.proposal_numbers, numbers = proposal_differences(run, upstream)
        found.manifest_files, others = manifest_differences(run)
        found.differences += [*numbers, *others]
    found.differences.sort(key=lambda one: one.step)
    return found


def _prepared(run: RunDirectory) -> tuple[str, list[date]]:
    """The zone and the days a run was prepared for.

    Raises:
        Refused: `RUN_DAMAGED`, `UNKNOWN_TIMEZONE`.
    """
    try:
        prepared = Prepared(**run.read_json("prepared.json"))
        return canonical_zone(prepared.zone), [date.fromisoformat(d) for d in prepared.dates]
    except (TypeError, ValueError, AttributeError):
        raise run.damaged("prepared.json", "it does not hold what it should") from None


def copy_inputs(source: Path, target: Path) -> None:
    """A work directory as it was before the first day: settings, day files and the start profile."""
    shutil.copytree(source / "settings", target / "settings")
    (target / "autotune").mkdir(parents=True)
    for file in (source / "autotune").iterdir():
        if file.name.startswith("ns-") or file.name == "profile.pump.json":
            shutil.copy(file, target / "autotune" / file.name)
    days = sorted((source / "autotune").glob("profile.????-??-??.json"))
    start = days[0] if days else source / "autotune" / "profile.json"
    shutil.copy(start, target / "autotune" / "profile.json")


def compare(reference: Path, ours: Path, prefixes: Sequence[str] = COMPARED) -> tuple[int, list[str]]:
    """How many of upstream's files were compared, and the names of those that differ or are missing on one side."""
    names = _names(reference, ours, prefixes=prefixes)
    return len(names), [one.file for one in differences("", reference, ours, names)]


def differences(of: str, reference: Path, ours: Path, names: Sequence[str]) -> list[FileDifference]:
    """Where the files of two work directories differ, or are missing on one side."""
    both = ((name, _bytes(reference / "autotune" / name), _bytes(ours / "autotune" / name)) for name in names)
    return [found for name, one, other in both if (found := difference(of, name, one, other))]


def _names(*works: Path, prefixes: Sequence[str] = COMPARED) -> list[str]:
    """The names of upstream's own files in any of the work directories."""
    there = (file.name for work in works for file in (work / "autotune").iterdir())
    return sorted({name for name in there if name.startswith(tuple(prefixes))})


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _bundled_run(path: Path, now: datetime) -> RunDirectory:
    from flows.nightscout.authentication import Credentials

    run = RunDirectory.create(path, now)
    request = AnalysisRequest(from_directory=bundled("fixtures/demonstration"))
    load(request, run, Credentials(), now)
    prepare(request, run, now)
    return run
