"""What lies in a run directory, held against upstream's own commands: its proposal's numbers and its manifest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.oref0.profile import PumpSettings, settings_of
from flows.pipeline.parity_differences import MISSING, FileDifference
from flows.values.run_directory import RunDirectory

STORED, PROPOSAL, MANIFEST = "stored", "proposal", "manifest"
PROPOSAL_FILE = "proposal.json"


class ManifestDifference(FileDifference):
    """A file of the run that is missing, or has other bytes than when the run ended; `upstream` is its sha256 then."""

    def __str__(self) -> str:
        is_now = "is missing" if self.found == MISSING else "has other bytes than when the run ended"
        return f"DIFFERENT from the manifest: {self.file} {is_now}"


def manifest_differences(run: RunDirectory) -> tuple[int, list[FileDifference]]:
    """How many files the manifest names, and those that are missing or have other bytes than when it was written.

    What was put beside them later, such as a report as PDF, the manifest does not name.
    """
    manifest = run.read_json("manifest.json") if run.file("manifest.json").is_file() else {}
    named: dict[str, Any] = {}
    for kind in ("inputs_sha256", "outputs_sha256"):
        named |= manifest.get(kind) or {}
    now = run.digests(lambda name: name in named)
    found: list[FileDifference] = [
        ManifestDifference(MANIFEST, name, "sha256", None, None, str(was), now.get(name, MISSING))
        for name, was in sorted(named.items())
        if now.get(name) != was
    ]
    return len(named), found


def proposal_differences(run: RunDirectory, upstream: Path) -> tuple[int, list[FileDifference]]:
    """How many numbers of the proposal upstream's own are compared with, and those that are others.

    Args:
        run: it may have no proposal, as where it was refused.
        upstream: the work directory as upstream's commands left it.
    """
    if not run.file(PROPOSAL_FILE).is_file():
        return 0, []
    proposal, directory = run.read_json(PROPOSAL_FILE), upstream / "autotune"
    numbers = [
        pair
        for of, file in (("current", "profile.pump.json"), ("recommended", "profile.json"))
        for pair in _numbers(of, settings_of(json.loads((directory / file).read_bytes())), proposal.get(of) or {})
    ]
    return len(numbers), [found for found in numbers if found.upstream != found.found]


def _numbers(of: str, upstream: PumpSettings, stored: dict[str, Any]) -> Iterator[FileDifference]:
    for name in ("isf_mgdl_per_u", "carb_ratio_g_per_u"):
        yield _number(f"{of}.{name}", None, getattr(upstream, name), stored.get(name, MISSING))
    rates = stored.get("basal_u_per_h") or []
    for hour, rate in enumerate(upstream.basal_u_per_h):
        other = rates[hour] if hour < len(rates) else MISSING
        yield _number(f"{of}.basal_u_per_h[{hour}]", hour, rate, other)


def _number(field: str, hour: int | None, upstream: float, stored: Any) -> FileDifference:
    same = isinstance(stored, int | float) and round(float(stored), 3) == round(upstream, 3)
    text = f"{round(upstream, 3):g}"
    return FileDifference(PROPOSAL, PROPOSAL_FILE, field, None, hour, text, text if same else str(stored))
