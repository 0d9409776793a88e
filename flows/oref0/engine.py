"""What every engine takes and gives: the same work directory in, the same files out, progress day by day."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from flows.errors import InternalError, Reason, Refused
from flows.oref0.self_check import day_to_check
from flows.values.local_days import LocalDay, utc_offset_min

MEMORY_LIMIT_MB = 1024


@dataclass(frozen=True)
class TuneJob:
    """Days to tune, in order, in a prepared work directory (see `work_dir`).

    `exact` lets nothing stand before upstream's functions; `self_check` computes one day a second time that way.
    """

    work: Path
    days: tuple[LocalDay, ...]
    uam_as_basal: bool = False
    tune_insulin_curve: bool = False
    timeout_seconds: float = 1800.0
    only_prove_zone: bool = False
    exact: bool = False
    self_check: bool = True

    @property
    def zone(self) -> str:
        """The one time zone of the run."""
        return self.days[0].zone

    def utc_offsets(self) -> list[tuple[int, int]]:
        """Instants of the days and their minutes east of UTC, for the engine to prove its time zone by."""
        instants = {
            instant
            for day in self.days
            for instant in (day.glucose.start_ms, day.treatments.start_ms, day.treatments.end_ms)
        }
        return [(ms, utc_offset_min(ms, self.zone)) for ms in sorted(instants)]

    def document(self, work: str) -> dict[str, Any]:
        """The job as the runner reads it; `work` is the directory as the runner sees it."""
        dates = [] if self.only_prove_zone else [str(d) for d in self.days]
        checked = self.self_check and not self.exact
        return {
            "job": "tune",
            "work": work,
            "dates": dates,
            "categorize_uam_as_basal": self.uam_as_basal,
            "tune_insulin_curve": self.tune_insulin_curve,
            "exact": self.exact,
            "check": day_to_check(self.work, dates, tune_insulin_curve=self.tune_insulin_curve) if checked else None,
            "utc_offsets": self.utc_offsets(),
        }


@dataclass(frozen=True)
class Stop:
    """Where upstream stopped: the day, its step (`prep` or `core`), and the exit status it had or would have had."""

    date: str
    stage: str
    status: int


@dataclass(frozen=True)
class SelfCheck:
    """A day computed twice: whether untouched upstream gave the same bytes, and where not, which files differed.

    `way` is how the run itself computed the day: `faster`, or `untouched` where it was unusual. `same` is `None` where
    upstream stopped on the part of the day that was chosen, in the same way both times: there was nothing to compare.
    """

    date: str
    way: str
    same: bool | None
    differing: tuple[str, ...] = ()


@dataclass
class EngineReport:
    """What an engine says of its run; the numbers themselves are in the work directory.

    `upstream_sha256` is the digest of the whole installed tree, as it was compared with the pinned one before the run;
    `faster` names the accelerations in use; `untouched` says of days computed without them why; `redone` that the
    self-check found a difference and every day was computed again without them.
    """

    engine: str
    node: str = ""
    oref0: str = ""
    upstream_sha256: str = ""
    faster: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    untouched: dict[str, str] = field(default_factory=dict)
    check: SelfCheck | None = None
    redone: bool = False
    days_done: list[str] = field(default_factory=list)
    day_ms: list[int] = field(default_factory=list)
    stop: Stop | None = None
    finished: bool = False
    peak_rss_mb: float | None = None

    @property
    def warnings(self) -> list[str]:
        """What a person should know of how it was computed."""
        if not self.redone or self.check is None:
            return []
        return [
            f"The self-check of {self.check.date} found that a faster way of computing gave other bytes than upstream "
            "itself. All days were computed again by upstream alone: the numbers shown are upstream's. "
            "Please report this, with the versions in manifest.json."
        ]

    def document(self) -> dict[str, Any]:
        """For `engine.json`."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> EngineReport:
        """A report read again from `engine.json`."""
        return TypeAdapter(cls).validate_python(document)

    def computed(self) -> dict[str, Any]:
        """How the numbers came about, for the proposal and the manifest."""
        return {
            "engine": self.engine,
            "node": self.node,
            "oref0": self.oref0,
            "faster": bool(self.faster) and len(self.untouched) < len(set(self.days_done)),
            "refused": sorted(set(self.refused.values())),
            "untouched_days": self.untouched,
            "check": {"date": self.check.date, "same": self.check.same} if self.check else None,
            "redone": self.redone,
        }


OnDay = Callable[[str, int, int], None]  # the date done, which it is, of how many


class Engine(Protocol):
    """Runs upstream over the days of a job."""

    name: str

    def run(self, job: TuneJob, on_day: OnDay) -> EngineReport:
        """Run the job; files appear in the work directory as upstream's script would leave them.

        Raises:
            Refused: `ENGINE_MISSING`, `UPSTREAM_CHANGED`, `TIMED_OUT`, `OUT_OF_MEMORY`, `ENGINE_BROKEN`,
                `TIMEZONE_DIFFERS_IN_NODE`.
        """
        ...


def follow(
    lines: Iterable[str],
    report: EngineReport,
    on_day: OnDay,
    on_installed: Callable[[dict[str, str]], str] | None = None,
) -> None:
    """Read the runner's NDJSON into the report, up to the end of its job.

    Args:
        lines: what the runner prints.
        report: is filled in.
        on_day: called when a day is done.
        on_installed: for a runner that tells the digests of the packages it found: what compares them and gives the
            digest of the whole tree, or refuses.

    Raises:
        Refused: `TIMEZONE_DIFFERS_IN_NODE`, `ENGINE_BROKEN`.
    """
    for line in lines:
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except ValueError:
            raise InternalError("the runner printed a line that is not JSON") from None
        match event.get("event"):
            case "installed" if on_installed is not None:
                report.upstream_sha256 = on_installed(event["packages"])
            case "start":
                report.node, report.oref0 = event["node"], event["oref0"]
                report.faster, report.refused = event["faster"]["active"], event["faster"]["refused"]
            case "day":
                if event["way"] != "faster":
                    report.untouched[event["date"]] = event["fallback"]
                report.days_done.append(event["date"])
                report.day_ms.append(event["ms"])
                on_day(event["date"], event["index"], event["of"])
            case "checked":
                report.check = SelfCheck(event["date"], event["way"], event["same"], tuple(event["differing"]))
            case "again":
                report.redone = True
                report.days_done.clear()
                report.day_ms.clear()
            case "stopped":
                report.stop = Stop(event["date"], event["stage"], event["status"])
                report.finished = True
            case "done":
                report.finished = True
                report.peak_rss_mb = round(event["peak_rss_kb"] / 1024, 1)
            case "refused":
                detail = f"{event['here']} minutes east of UTC instead of {event['expected']} at {event['at']}"
                raise Refused(Reason.TIMEZONE_DIFFERS_IN_NODE, zone=event["zone"], detail=detail)
            case "broken":
                raise Refused(Reason.ENGINE_BROKEN, detail=f"{event['error']} {event['code'] or ''}".strip())
        if report.finished:
            return
