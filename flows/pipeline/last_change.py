"""What a run knows of the last change of settings: when it was, and the readings of each day before and after it.

Written by `prepare`, read by `judge`. A site is asked for the readings before the run's own days only after a change.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.errors import Refused
from flows.history.glucose import Readings, read_glucose
from flows.history.glucose_by_day import GlucoseDay, glucose_by_day
from flows.history.records import Context
from flows.profiles.last_change import LastChange, last_change
from flows.profiles.parse import TherapyProfile
from flows.profiles.raw_files import RawFiles
from flows.proposal.follow_up import LONGEST_AFTER_DAYS, follow_up
from flows.proposal.step_document import Baseline, FollowUp
from flows.proposal.step_limits import OF
from flows.values.ledger import Ledger
from flows.values.local_days import LocalDay, Window, day_of
from flows.values.run_directory import RunDirectory, json_or_none
from flows.values.units import DAY_MS
from flows.writeback.active_on_site import SiteProfiles
from flows.writeback.baseline import known_baseline
from flows.writeback.markers import newest_marked

FILE = "last_change.json"
EARLIER = "earlier-entries"  # the kind in `raw/`


def earlier_window(raw: RawFiles, zone: str, first_ms: float, end_ms: float) -> Window | None:
    """The readings that are needed for the days before a change, and are before the run's own; `None`: none are.

    Args:
        raw: profile documents and treatments.
        zone: the run's.
        first_ms, end_ms: of the run's own readings.
    """
    try:
        change = last_change(raw.records("profile"), raw.records("treatments"), zone, None, end_ms)
    except Refused:  # the run itself says why, where it matters
        return None
    if change.since_ms is None or end_ms - change.since_ms > (LONGEST_AFTER_DAYS + 1) * DAY_MS:
        return None
    start = change.since_ms - (OF["before"] + 1) * DAY_MS
    return Window(int(start), int(first_ms)) if start < first_ms else None


def write_last_change(
    run: RunDirectory,
    raw: RawFiles,
    treatments: list[Any],
    tuned: TherapyProfile | None,
    readings: Readings,
    context: Context,
    last: str,
) -> None:
    """Write last_change.json.

    Args:
        run: the run directory.
        raw: profile documents, and earlier readings.
        treatments: as served.
        tuned: the profile in use; `None` of an OpenAPS profile, of which no change is known.
        readings: of the run.
        context: zone and clock.
        last: the last day used.
    """
    end_ms = LocalDay(date.fromisoformat(last), context.zone).glucose.end_ms
    change = last_change(raw.records("profile"), treatments, context.zone, tuned, end_ms) if tuned else LastChange()
    days: dict[str, GlucoseDay] = {}
    if change.since_ms is not None:
        earlier = read_glucose(raw.records(EARLIER), context, Ledger()) if raw.has(EARLIER) else None
        for found in (earlier, readings):
            days |= {day.date: day for day in glucose_by_day(found, context.zone)} if found else {}
    run.write_json(
        FILE,
        {
            "since": _iso(change.since_ms),
            "back": _iso(change.back_ms),
            "last": last,
            "adds_insulin": change.adds_insulin,
            "takes_insulin": change.takes_insulin,
            "applied": _applied(run, raw) if change.since_ms is not None else {},
            "baseline": _baseline(raw),
            "days": [asdict(day) for _, day in sorted(days.items()) if day.date <= last],
        },
    )


@dataclass(frozen=True)
class Recent:
    """What a step has to know of what was changed before.

    Attributes:
        follow_up: of the last change, from its seventh day on for a week.
        days_since: since the settings in use came into force, where that was in the last weeks.
        days_back: since they came into force again, after others had been tried.
        baseline: that limits count from, where the site's documents have one.
    """

    follow_up: FollowUp | None = None
    days_since: float | None = None
    days_back: float | None = None
    baseline: Baseline | None = None


def read_last_change(run: RunDirectory, zone: str) -> Recent:
    """What `write_last_change` wrote; nothing in a run of before there was the file."""
    found = json_or_none(run.file(FILE))
    if not isinstance(found, dict):
        return Recent()
    known = found.get("baseline")
    baseline = None if known is None else Baseline.model_validate(known)
    last = date.fromisoformat(found["last"])
    end_ms = LocalDay(last, zone).glucose.end_ms
    since, back = (_ms(found[name]) for name in ("since", "back"))
    days_since, days_back = (None if at is None else (end_ms - at) / DAY_MS for at in (since, back))
    if since is None or days_since is None or not OF["cool_down"] <= days_since <= LONGEST_AFTER_DAYS + 1:
        return Recent(None, days_since, days_back, baseline)
    first = day_of(since, zone).date + timedelta(days=1)
    days = [GlucoseDay(**day) for day in found["days"]]
    does = {name: found[name] for name in ("adds_insulin", "takes_insulin")}
    followed = follow_up(days, first, last, **does, **found["applied"])
    return Recent(followed, days_since, days_back, baseline)


def _baseline(raw: RawFiles) -> dict[str, Any] | None:
    documents = [d for d in raw.records("profile") if isinstance(d, dict)]
    known = known_baseline(documents)
    return None if known is None else known.model_dump(mode="json")


def _applied(run: RunDirectory, raw: RawFiles) -> dict[str, str]:
    """Which change of ours wrote the newest profile document, and the run of its proposal beside this one."""
    documents = [d for d in raw.records("profile") if isinstance(d, dict)]
    marked = newest_marked(SiteProfiles(tuple(documents), ())) if documents else None
    if marked is None or marked.kind != "apply":
        return {}
    beside = (d.name for d in sorted(run.path.parent.iterdir()) if d.is_dir() and _proposal_of(d) == marked.proposal)
    return {"change": marked.change, "proposal": marked.proposal, "run": next(beside, "")}


def _proposal_of(directory: Path) -> str | None:
    manifest = json_or_none(directory / "manifest.json")
    return str(manifest.get("proposal_sha256")) if isinstance(manifest, dict) else None


def _iso(ms: float | None) -> str | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def _ms(iso: str | None) -> float | None:
    return None if iso is None else datetime.fromisoformat(iso).timestamp() * 1000
