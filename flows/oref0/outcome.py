"""What upstream did, judged by what it wrote and never by its exit status: a typed outcome or a typed refusal.

Upstream prints `undefined` or `{"error": …}` with status 0, and a profile whose basals moved although it had no data
points (see docs/upstream.md). Every such shape is told apart here.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.errors import InternalError, Reason, Refused
from flows.oref0.engine import EngineReport
from flows.oref0.profile import PumpSettings, settings_of
from flows.values.run_directory import json_or_none

POINT_KINDS = ("CSFGlucoseData", "ISFGlucoseData", "basalGlucoseData")


@dataclass(frozen=True)
class DayOutcome:
    """What upstream sorted a day's readings into: data points for carb sensitivity, ISF and basal, and meals used."""

    date: str
    csf_points: int
    isf_points: int
    basal_points: int
    carb_ratio_periods: int

    @property
    def empty(self) -> bool:
        """No point of any kind: upstream's profile for such a day moved by smoothing only."""
        return not (self.csf_points or self.isf_points or self.basal_points)


@dataclass(frozen=True)
class UpstreamResult:
    """Upstream's result for a whole run."""

    tuned: PumpSettings
    profile: dict[str, Any]
    days: tuple[DayOutcome, ...]


def read_outcome(work: Path, dates: list[str], report: EngineReport) -> UpstreamResult:
    """Read what upstream wrote for every day of the run.

    Reads autotune/autotune.DATE.json, newprofile.DATE.json and profile.json.

    Raises:
        Refused: `UPSTREAM_STOPPED`, `UPSTREAM_NO_PROFILE`, `UPSTREAM_NO_EVIDENCE`, `RECOMMENDATION_INVALID`.
    """
    files = work / "autotune"
    days = []
    reached = dates[: dates.index(report.stop.date) + 1] if report.stop else dates
    for date in reached:
        days.append(_prepped(files / f"autotune.{date}.json", date, files))
        _new_profile(files / f"newprofile.{date}.json", date)
    if report.stop is not None:
        raise Refused(
            Reason.UPSTREAM_STOPPED,
            stage=report.stop.stage,
            day=report.stop.date,
            detail="see its log",
        )
    if all(day.empty for day in days):
        raise Refused(Reason.UPSTREAM_NO_EVIDENCE, days=", ".join(dates[:5]))
    last = (files / f"newprofile.{dates[-1]}.json").read_bytes()
    if (files / "profile.json").read_bytes() != last:
        raise InternalError("the last day's new profile is not the profile upstream left behind")
    profile = json.loads(last)
    return UpstreamResult(tuned=usable_settings(profile), profile=profile, days=tuple(days))


def starts_elsewhere(work: Path, first_date: str) -> bool:
    """Whether a run began with other settings than the pump's: an earlier result.

    Reads autotune/profile.pump.json and autotune/profile.DATE.json, the copy upstream's script keeps of the start.
    """
    names = ("profile.pump.json", f"profile.{first_date}.json")
    pump, start = (settings_of(json.loads((work / "autotune" / name).read_bytes())) for name in names)
    return start != pump


def usable_settings(profile: Any) -> PumpSettings:
    """The settings of one of upstream's profiles, each a finite number above zero.

    Raises:
        Refused: `RECOMMENDATION_INVALID`.
    """
    try:
        settings = settings_of(profile)
    except (KeyError, TypeError, ValueError, IndexError):
        raise Refused(Reason.RECOMMENDATION_INVALID, field="profile") from None
    values = {
        "insulin sensitivity": settings.isf_mgdl_per_u,
        "carb ratio": settings.carb_ratio_g_per_u,
        **{f"basal at {h:02d}:00": rate for h, rate in enumerate(settings.basal_u_per_h)},
    }
    for field, value in values.items():
        if not math.isfinite(value) or value <= 0:
            raise Refused(Reason.RECOMMENDATION_INVALID, field=field)
    return settings


def _prepped(file: Path, date: str, files: Path) -> DayOutcome:
    document = json_or_none(file)
    if isinstance(document, dict) and all(isinstance(document.get(k), list) for k in POINT_KINDS):
        return DayOutcome(
            date=date,
            csf_points=len(document["CSFGlucoseData"]),
            isf_points=len(document["ISFGlucoseData"]),
            basal_points=len(document["basalGlucoseData"]),
            carb_ratio_periods=len(document.get("CRData") or []),
        )
    printed = document if isinstance(document, dict) else {}
    details = (
        ("reason" in printed, "its carb ratios are missing or below 2"),
        ("error" in printed, "it could not read its input or was called wrongly"),
        (not file.exists() or not file.stat().st_size, "it printed nothing" + _thrown(files / f"log.{date}.prep.txt")),
        (True, "it printed something that is not prepared data"),
    )
    detail = next(text for holds, text in details if holds)
    raise Refused(Reason.UPSTREAM_STOPPED, stage="prep", day=date, detail=detail)


def _new_profile(file: Path, date: str) -> dict[str, Any]:
    text = file.read_text("utf-8") if file.is_file() else ""
    document = json_or_none(file)
    if isinstance(document, dict) and "basalprofile" in document:
        return document
    details = (
        (text.strip() == "undefined", "it printed `undefined`: a basal rate of 0"),
        (isinstance(document, dict) and "error" in document, "it could not read the prepared data"),
        (not text.strip(), "it printed nothing" + _thrown(file.with_name(f"log.{date}.core.txt"))),
        (True, "it printed something that is not a profile"),
    )
    detail = next(words for holds, words in details if holds)
    raise Refused(Reason.UPSTREAM_NO_PROFILE, day=date, detail=detail)


def _thrown(log: Path) -> str:
    """The kind of exception in upstream's words, never its message: that may quote data."""
    words = log.read_text("utf-8", errors="replace") if log.is_file() else ""
    found = re.findall(r"^(?:Uncaught )?(\w*Error)\b", words, re.MULTILINE)
    return f" ({found[-1]})" if found else ""
