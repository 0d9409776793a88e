"""What every engine takes and gives: the same work directory in, the same files out, progress day by day."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from flows.errors import InternalError, Reason, Refused
from flows.language.catalogue import to_translate
from flows.oref0.self_check import CheckedPart, parts_to_check
from flows.values.local_days import LocalDay, utc_offset_min

MEMORY_LIMIT_MB = 1024
# What Node.js may have for what is new and mostly forgotten soon, in MB. With its own choice, 32, the repetitions of
# 300 days make a process of 330 MB, with this one of 230, for less than a twentieth of the time; 8 cost a tenth.
YOUNG_MB = 24


def node_options(memory_limit_mb: int) -> list[str]:
    """The options of a Node.js process that may use so much."""
    return [f"--max-old-space-size={memory_limit_mb}", f"--max-semi-space-size={YOUNG_MB}"]


@dataclass(frozen=True)
class TuneJob:
    """Days to tune, in order, in a prepared work directory (see `work_dir`).

    `exact` lets nothing stand before upstream's functions; `self_check` computes parts of days a second time that way.
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

    def document(self, work: str) -> dict[str, Any]:
        """The job as the runner reads it; `work` is the directory as the runner sees it."""
        dates = [] if self.only_prove_zone else [str(d) for d in self.days]
        checked = self.self_check and not self.exact
        parts = parts_to_check(self.work, dates, tune_insulin_curve=self.tune_insulin_curve) if checked else []
        return {
            "job": "tune",
            "work": work,
            "dates": dates,
            "categorize_uam_as_basal": self.uam_as_basal,
            "tune_insulin_curve": self.tune_insulin_curve,
            "exact": self.exact,
            "check": [part.document() for part in parts],
            "utc_offsets": utc_offsets(self.days),
        }


@dataclass(frozen=True)
class Trial:
    """Days to tune, in any order, of which only the last profile is wanted: a repetition, a variant, a probe.

    `work` is the directory the days' records are read from; nothing is written there. `pump` and `start` are the
    profiles' texts. The last profile goes to `result`, and what prep made of the last day to `prepared`, where named.
    A runner remembers days of earlier trials, so `work` may not change while it lives; `exact` remembers nothing.
    """

    work: Path
    days: tuple[LocalDay, ...]
    pump: str
    start: str
    result: Path
    prepared: Path | None = None
    uam_as_basal: bool = False
    tune_insulin_curve: bool = False
    timeout_seconds: float = 1800.0
    exact: bool = False

    @property
    def zone(self) -> str:
        """The one time zone of the run."""
        return self.days[0].zone

    def document(self, work: str) -> dict[str, Any]:
        """The job as the runner reads it; `work` is the directory as the runner sees it."""
        return {
            "job": "trial",
            "trial": True,
            "work": work,
            "dates": [str(d) for d in self.days],
            "pump": self.pump,
            "start": self.start,
            "result": str(self.result.resolve()),
            "prepared": str(self.prepared.resolve()) if self.prepared else None,
            "categorize_uam_as_basal": self.uam_as_basal,
            "tune_insulin_curve": self.tune_insulin_curve,
            "exact": self.exact,
            "utc_offsets": utc_offsets(self.days),
        }


@dataclass(frozen=True)
class TrialPart:
    """A part of a trial's day, with the profiles that the trial had on it."""

    part: CheckedPart
    pump: str
    start: str
    uam_as_basal: bool


@dataclass(frozen=True)
class Comparison:
    """Parts of earlier trials' days computed a second time by untouched upstream, and `again` remembered days anew."""

    work: Path
    days: tuple[LocalDay, ...]
    parts: tuple[TrialPart, ...]
    again: int
    tune_insulin_curve: bool = False
    timeout_seconds: float = 1800.0

    @property
    def zone(self) -> str:
        """The one time zone of the run."""
        return self.days[0].zone

    def document(self, work: str) -> dict[str, Any]:
        """The job as the runner reads it; `work` is the directory as the runner sees it."""
        return {
            "job": "compare",
            "work": work,
            "compare": [
                {
                    **one.part.document(),
                    "pump": one.pump,
                    "profile": one.start,
                    "categorize_uam_as_basal": one.uam_as_basal,
                    "tune_insulin_curve": self.tune_insulin_curve,
                }
                for one in self.parts
            ],
            "again": self.again,
            "utc_offsets": utc_offsets(self.days),
        }


Job = TuneJob | Trial | Comparison


def utc_offsets(days: Sequence[LocalDay]) -> list[tuple[int, int]]:
    """Instants of the days and their minutes east of UTC, for the engine to prove its time zone by."""
    instants = {
        instant for day in days for instant in (day.glucose.start_ms, day.treatments.start_ms, day.treatments.end_ms)
    }
    return [(ms, utc_offset_min(ms, days[0].zone)) for ms in sorted(instants)]


@dataclass(frozen=True)
class Stop:
    """Where upstream stopped: the day, its step (`prep` or `core`), and the exit status it had or would have had."""

    date: str
    stage: str
    status: int


@dataclass(frozen=True)
class SelfCheck:
    """Parts of days computed twice: whether untouched upstream gave the same bytes, and where not, what differed.

    `compared` of the `parts` came to a result both times; `same` is `None` where none did: there was nothing to
    compare. `way` is how the run itself computed them: `faster`, or `untouched` where all were unusual. `date` is of a
    version that checked a part of one day.
    """

    same: bool | None
    differing: tuple[str, ...] = ()
    parts: int = 1
    compared: int = 1
    way: str = "faster"
    date: str | None = None

    def told(self) -> dict[str, Any]:
        """For the proposal and the manifest."""
        return {"same": self.same, "parts": self.parts, "compared": self.compared}


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
            to_translate(
                "The self-check found that a faster way of computing gave other bytes than upstream itself. All days "
                "were computed again by upstream alone: the numbers shown are upstream's. Please report this, with the "
                "versions in manifest.json."
            )
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
            "check": self.check.told() if self.check else None,
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
                told = (event["same"], tuple(event["differing"]), event["parts"], event["compared"], event["way"])
                report.check = SelfCheck(*told)
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
