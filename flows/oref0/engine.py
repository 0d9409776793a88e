"""What every engine takes and gives: the same work directory in, the same files out, progress day by day."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from flows.errors import OurFault, Reason, Refused
from flows.local_days import LocalDay, utc_offset_min

MEMORY_LIMIT_MB = 1024


@dataclass(frozen=True)
class TuneJob:
    """Days to tune, in order, in a prepared work directory (see `work_dir`)."""

    work: Path
    days: tuple[LocalDay, ...]
    uam_as_basal: bool = False
    tune_insulin_curve: bool = False
    timeout_seconds: float = 1800.0
    only_prove_zone: bool = False

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
        return {
            "job": "tune",
            "work": work,
            "dates": [] if self.only_prove_zone else [str(d) for d in self.days],
            "categorize_uam_as_basal": self.uam_as_basal,
            "tune_insulin_curve": self.tune_insulin_curve,
            "utc_offsets": self.utc_offsets(),
        }


@dataclass(frozen=True)
class Stop:
    """Where upstream stopped: the day, its step (`prep` or `core`), and the exit status it had or would have had."""

    date: str
    stage: str
    status: int


@dataclass
class EngineReport:
    """What an engine says of its run; the numbers themselves are in the work directory."""

    engine: str
    node: str = ""
    oref0: str = ""
    days_done: list[str] = field(default_factory=list)
    day_ms: list[int] = field(default_factory=list)
    stop: Stop | None = None
    finished: bool = False
    peak_rss_mb: float | None = None


OnDay = Callable[[str, int, int], None]  # the date done, which it is, of how many


class Engine(Protocol):
    """Runs upstream over the days of a job."""

    name: str

    def run(self, job: TuneJob, on_day: OnDay) -> EngineReport:
        """Run the job; files appear in the work directory as upstream's script would leave them.

        Raises:
            Refused: `ENGINE_MISSING`, `TIMED_OUT`, `OUT_OF_MEMORY`, `ENGINE_BROKEN`, `TIMEZONE_DIFFERS_IN_NODE`.
        """
        ...


def follow(lines: Iterable[str], report: EngineReport, on_day: OnDay) -> None:
    """Read the runner's NDJSON into the report.

    Raises:
        Refused: `TIMEZONE_DIFFERS_IN_NODE`, `ENGINE_BROKEN`.
    """
    for line in lines:
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except ValueError:
            raise OurFault("the runner printed a line that is not JSON") from None
        kind = event.get("event")
        if kind == "start":
            report.node, report.oref0 = event["node"], event["oref0"]
        elif kind == "day":
            report.days_done.append(event["date"])
            report.day_ms.append(event["ms"])
            on_day(event["date"], event["index"], event["of"])
        elif kind == "stopped":
            report.stop = Stop(event["date"], event["stage"], event["status"])
            report.finished = True
        elif kind == "done":
            report.finished = True
            report.peak_rss_mb = round(event["peak_rss_kb"] / 1024, 1)
        elif kind == "refused":
            detail = f"{event['here']} minutes east of UTC instead of {event['expected']} at {event['at']}"
            raise Refused(Reason.TIMEZONE_DIFFERS_IN_NODE, zone=event["zone"], detail=detail)
        elif kind == "broken":
            raise Refused(Reason.ENGINE_BROKEN, detail=f"{event['error']} {event['code'] or ''}".strip())
