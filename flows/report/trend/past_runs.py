"""The runs that lie under a directory, each as far as a history needs it. Reads and never writes.

A directory of runs grows for years, and not everything in it is one: what cannot be read is skipped and counted.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, TypeAdapter

from flows.judgement.headline import colour_today, headline_today
from flows.language.catalogue import to_translate
from flows.proposal.consensus_limits import age_group, exceeded, sides
from flows.proposal.document import Colour, GlucoseLimit, Units, mmoll
from flows.proposal.sealed import digest
from flows.settings import of_past
from flows.values.local_days import LocalDay
from flows.values.private_files import Missing, parse_document, read_private
from flows.values.units import HOURS_PER_DAY, SECOND_MS
from flows.writeback.applied import YEARS, Applied, applications, changes_of, damaged_records, instant

LARGEST_NUMBER = 100_000  # no setting and no share comes near
LARGEST_BYTES = 32_000_000  # a proposal of a year is far smaller
_number = TypeAdapter(Annotated[float, Field(strict=True, ge=0, le=LARGEST_NUMBER)]).validate_python
_positive = TypeAdapter(Annotated[float, Field(strict=True, gt=0, le=LARGEST_NUMBER)]).validate_python


class RunOutcome(StrEnum):
    """How a run ended."""

    PROPOSAL, REFUSED, FAILED = "proposal", "refused", "failed"


class Skipped(StrEnum):
    """Why a directory is no part of a history."""

    FOREIGN = to_translate("no run directory")
    UNFINISHED = to_translate("a run that has not ended")
    UNREADABLE = to_translate("not readable")
    ALTERED = to_translate("changed after it was sealed")
    UNKNOWN = to_translate("written by another version")


@dataclass(frozen=True)
class Tuned:
    """Settings as upstream tunes them, not rounded for a pump."""

    isf_mgdl_per_u: float
    isf_mmoll_per_u: float
    carb_ratio_g_per_u: float
    basal_u_per_h: tuple[float, ...]
    daily_basal_u: float


@dataclass(frozen=True)
class Intervals:
    """Where nine of ten repetitions lie, low and high."""

    isf_mgdl_per_u: tuple[float, float] | None
    isf_mmoll_per_u: tuple[float, float] | None
    carb_ratio_g_per_u: tuple[float, float] | None


NO_INTERVALS = Intervals(None, None, None)


@dataclass(frozen=True)
class Shares:
    """Of the readings of the days used, in percent."""

    in_range_percent: float
    below_70_percent: float
    below_54_percent: float
    coverage_percent: float


@dataclass(frozen=True)
class Source:
    """Whose data: a site or a directory. `key` tells sources apart, `label` is for the person."""

    key: str
    label: str


@dataclass(frozen=True)
class PastRun:
    """One run. Settings are there for a proposal; `why` is there for a run without one."""

    name: str
    at: datetime
    zone: str
    source: Source
    profile: str | None
    outcome: RunOutcome
    why: str = ""
    units: Units = Units.MG_PER_DL
    colour: Colour | None = None
    nothing_to_change: bool = False
    headline: str = ""
    current: Tuned | None = None
    recommended: Tuned | None = None
    intervals: Intervals = NO_INTERVALS
    days: tuple[date, ...] = ()
    shares: Shares | None = None
    sha256: str = ""
    applied: tuple[Applied, ...] = ()
    past: bool = False  # made later than its days: `at` is then when they ended

    @property
    def last_applied(self) -> Applied | None:
        """The last time it was applied."""
        return self.applied[-1] if self.applied else None


@dataclass(frozen=True)
class Found:
    """What lies under a directory of runs.

    Attributes:
        runs: the oldest first.
        skipped: the names of what was skipped, and why.
        changed: by source, when a change through this program left another profile on its site than before.
        damaged: files that tell what was applied, and cannot be read.
    """

    runs: tuple[PastRun, ...]
    skipped: tuple[tuple[str, Skipped], ...]
    changed: dict[str, tuple[datetime, ...]]
    damaged: tuple[str, ...] = ()


def site_key(site: str) -> str:
    """What tells a site apart, from its tidied address."""
    return "site:" + hashlib.sha256(site.encode()).hexdigest()


def directory_key(directory: str | Path) -> str:
    """What tells a directory of data apart."""
    return f"directory:{Path(directory).resolve()}"


def find_runs(root: Path) -> Found:
    """Read every run directory directly under `root`; a root that is not there holds none."""
    directories: list[Path] = []
    with suppress(OSError):
        directories = sorted(d for d in root.iterdir() if not d.name.startswith(".") and d.is_dir())
    found = {directory: read_run(directory) for directory in directories}
    runs = {directory: run for directory, run in found.items() if isinstance(run, PastRun)}
    complete, changed = [], {}
    for source in {run.source.key for run in runs.values()}:
        mine = {directory: run for directory, run in runs.items() if run.source.key == source}
        applied, changed[source] = with_changes(mine)
        complete += applied
    return Found(
        runs=tuple(sorted(complete, key=lambda r: (r.at, r.name))),
        skipped=tuple((_text(directory.name), why) for directory, why in found.items() if isinstance(why, Skipped)),
        changed=changed,
        damaged=tuple(sorted({_text(file) for directory in runs for file in damaged_records(directory)})),
    )


def with_changes(runs: dict[Path, PastRun]) -> tuple[list[PastRun], tuple[datetime, ...]]:
    """The runs of one source with what was applied of each, and when its site's profile became another.

    Args:
        runs: by their directories.
    """
    changes = changes_of(runs)
    applied = [replace(run, applied=applications(run.sha256, changes)) for run in runs.values()]
    return applied, tuple(change.at for change in changes)


def read_run(directory: Path) -> PastRun | Skipped:
    """One run as its directory tells of it, without what was applied of it."""
    try:
        proposal, manifest = _read(directory / "proposal.json"), _read(directory / "manifest.json")
    except (OSError, ValueError, RecursionError):
        return Skipped.UNREADABLE
    if proposal is None and manifest is None:
        return Skipped.UNFINISHED if (directory / "raw").is_dir() else Skipped.FOREIGN
    try:
        if proposal is None:
            return _without_proposal(directory, manifest or {})
        if digest(proposal) != proposal.get("sha256"):
            return Skipped.ALTERED
        version = proposal.get("schema_version")
        readers = {1: _version_1, 2: _version_2, 3: _version_2}
        return readers[version](directory, proposal, manifest or {}) if version in readers else Skipped.UNKNOWN
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return Skipped.UNREADABLE


def _read(file: Path) -> dict[str, Any] | None:
    """A JSON object; `None` where there is no such file. No link is followed."""
    try:
        document = parse_document(read_private(file.parent, file.name, largest_bytes=LARGEST_BYTES))
    except Missing:
        return None
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    return document


# --- the forms -------------------------------------------------------------------------------------------------------


def _without_proposal(directory: Path, manifest: dict[str, Any]) -> PastRun | Skipped:
    at = instant(manifest.get("written_at"))
    if manifest.get("status") not in ("refused", "failed") or at is None:
        return Skipped.FOREIGN
    outcome = RunOutcome(manifest["status"])
    reasons = manifest.get("reasons") if outcome is RunOutcome.REFUSED else [f"Our fault: {manifest.get('error')}."]
    options = manifest.get("options") or {}
    zone, past = _zone(options.get("timezone")), of_past(options)
    return PastRun(
        name=_text(directory.name),
        at=_ended(_day(options["end"]), zone) if past else at,
        past=past,
        zone=zone,
        source=_source(options, None),
        profile=_name(options.get("profile")),
        outcome=outcome,
        why=" ".join(_text(r) for r in reasons or []),
    )


def _version_1(directory: Path, proposal: dict[str, Any], manifest: dict[str, Any]) -> PastRun:
    """Version 1 had no verdict and no glucose."""
    mmol = "mmol" in str(proposal["profile"].get("units")).lower()
    return _with_proposal(
        directory,
        proposal,
        _source(manifest.get("options") or {}, None),
        units=Units.MMOL_PER_L if mmol else Units.MG_PER_DL,
        intervals=_intervals_1(proposal.get("evidence") or {}),
    )


def _version_2(directory: Path, proposal: dict[str, Any], manifest: dict[str, Any]) -> PastRun:
    """By the fields a history needs and not by the whole model: a field that came later is missed by no old run."""
    verdict, evidence = proposal["verdict"], proposal["evidence"]
    options = manifest.get("options") or proposal["options"]
    colour, nothing, said = _verdict(verdict, proposal["glucose"], options)
    return _with_proposal(
        directory,
        proposal,
        _source(options, proposal["site_sha256"]),
        past=of_past(options),
        units=Units(proposal["units"]),
        colour=colour,
        nothing_to_change=nothing,
        headline=_text(said),
        intervals=Intervals(
            _pair(evidence["isf"], "mgdl_per_u"),
            _pair(evidence["isf"], "mmoll_per_u"),
            _pair(evidence["carb_ratio"], "g_per_u"),
        ),
        shares=_shares(proposal["glucose"]) if proposal["glucose"] else None,
    )


def _with_proposal(
    directory: Path, proposal: dict[str, Any], source: Source, past: bool = False, **more: Any
) -> PastRun:
    """What the versions have in common, and what they have not."""
    if (at := instant(proposal["created_at"])) is None:
        raise ValueError("no point in time")
    zone = _zone(proposal["timezone"])
    if past:
        at = _ended(max(_day(day["date"]) for day in proposal["days"]), zone)
    return PastRun(
        name=_text(directory.name),
        at=at.astimezone(UTC),
        zone=zone,
        source=source,
        past=past,
        profile=_name(proposal["profile"].get("name")),
        outcome=RunOutcome.PROPOSAL,
        current=_tuned(proposal["current"]),
        recommended=_tuned(proposal["recommended"]),
        days=tuple(_day(d["date"]) for d in proposal["days"] if d["status"] == "used"),
        sha256=proposal["sha256"],
        **more,
    )


def _verdict(
    verdict: dict[str, Any], glucose: dict[str, Any] | None, options: dict[str, Any]
) -> tuple[Colour, bool, str]:
    """The colour, whether there is nothing to change, and the headline.

    Beyond a limit it is neither green nor nothing to change, however it was sealed.
    """
    nothing = verdict["nothing_to_change"] is True
    found: dict[int, float | None] = {}
    if glucose:
        very_low, low = _number(glucose["below_54_percent"]), _number(glucose["from_54_to_69_percent"])
        later = {63: glucose.get("below_63_percent"), 140: glucose.get("above_140_percent")}
        found = {
            **{54: very_low, 70: round(very_low + low, 2), 250: _number(glucose["above_250_percent"])},
            **{at: None if share is None else _number(share) for at, share in later.items()},
        }
    beyond = sides(exceeded(found, age_group(options)))
    known = tuple(GlucoseLimit(side) for side in verdict.get("beyond_limits") or ())
    sealed = Colour(verdict["colour"])
    said = headline_today(verdict["headline"], sealed, nothing, beyond, known)
    return colour_today(sealed, beyond), nothing and not beyond, said


def _shares(glucose: dict[str, Any]) -> Shares:
    names = ("in_range_70_180_percent", "below_54_percent", "from_54_to_69_percent", "coverage_percent")
    in_range, very_low, low, coverage = (_number(glucose[n]) for n in names)
    return Shares(in_range, round(very_low + low, 3), very_low, coverage)


def _tuned(settings: dict[str, Any]) -> Tuned:
    isf, ratio = _positive(settings["isf_mgdl_per_u"]), _positive(settings["carb_ratio_g_per_u"])
    basal = tuple(_number(v) for v in settings["basal_u_per_h"])
    if len(basal) != HOURS_PER_DAY:
        raise ValueError("a basal schedule has 24 hours")
    in_mmoll = _positive(settings["isf_mmoll_per_u"]) if "isf_mmoll_per_u" in settings else mmoll(isf)
    return Tuned(isf, in_mmoll, ratio, basal, round(sum(basal), 3))


def _intervals_1(evidence: dict[str, Any]) -> Intervals:
    if not (found := evidence.get("settings")):
        return NO_INTERVALS
    isf = (_positive(found["isf"]["interval_low"]), _positive(found["isf"]["interval_high"]))
    ratio = (_positive(found["carb_ratio"]["interval_low"]), _positive(found["carb_ratio"]["interval_high"]))
    return Intervals(isf, (mmoll(isf[0]), mmoll(isf[1])), ratio)


def _pair(found: dict[str, Any], unit: str) -> tuple[float, float] | None:
    low, high = found[f"interval_low_{unit}"], found[f"interval_high_{unit}"]
    return None if low is None or high is None else (_positive(low), _positive(high))


def _name(value: Any) -> str | None:
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    """Text that can be written: file names and JSON may hold halves of characters."""
    return str(value).encode("utf-8", "replace").decode()


def _day(text: str) -> date:
    if (day := date.fromisoformat(text)).year not in YEARS:
        raise ValueError("no day of a run")
    return day


def _ended(last: date, zone: str) -> datetime:
    """When a run of a backfill would have been made: as its last day ended."""
    return datetime.fromtimestamp(LocalDay(last, zone).glucose.end_ms / SECOND_MS, UTC)


def _zone(name: Any) -> str:
    try:
        return ZoneInfo(str(name)).key
    except (OSError, ValueError, KeyError):
        return "UTC"


def _source(options: dict[str, Any], site_sha256: str | None) -> Source:
    if site := options.get("site"):
        return Source(site_key(_text(site)), _text(site))
    if directory := options.get("from_directory"):
        return Source(directory_key(str(directory)), _text(directory))
    if site_sha256:
        return Source(f"site:{site_sha256}", f"a site whose address is not recorded ({site_sha256[:8]})")
    return Source("unknown", "data whose source is not recorded")
