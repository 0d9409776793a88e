"""A look before a run: which settings would be tuned, what the days are worth, what the site has now. Nothing is tuned.

Leaves one small document in a private directory below the runs, which the next look removes when it is a day old.
"""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused, is_full_disk
from flows.history.days import DayData, cut_days
from flows.history.doubts import Doubt
from flows.history.events import find_events
from flows.history.glucose import read_glucose
from flows.history.insulin_named import insulin_named
from flows.history.losses import losses
from flows.history.quality import doubtful_glucose
from flows.history.records import Context
from flows.history.situations.site_failure import SITE_CHANGES
from flows.history.situations.table import SITUATIONS, find_situations
from flows.history.treatments import normalise_treatments
from flows.nightscout.authentication import Credentials
from flows.nightscout.fetch import fetch_profiles
from flows.nightscout.profile_switches import PROFILE_SWITCHES, switches_since
from flows.nightscout.reach import Reach
from flows.pipeline.load import client_of, load
from flows.pipeline.newest_reading import newest_reading
from flows.pipeline.prepare import days_of_run, instants_left_out, observed
from flows.pipeline.profile_to_tune import ProfileToTune, profile_to_tune
from flows.profiles.parse import ACTIVE, TherapyProfile, profile_in
from flows.profiles.raw_files import RawFiles, zone_of
from flows.profiles.stored import document_sha256
from flows.profiles.timeline import History, ProfileSource, ProfileSpan, same_settings
from flows.settings import AnalysisRequest
from flows.values.ledger import Ledger
from flows.values.local_days import day_of
from flows.values.private_files import make_private
from flows.values.run_directory import RunDirectory
from flows.values.schedule import Schedule
from flows.values.timestamps import instant_ms, iso_utc
from flows.values.units import DAY_MS, HOURS_PER_DAY, SECOND_MS
from flows.writeback.active_on_site import SiteProfiles, start_ms

LOOKS, FILE, DATA = ".looks", "look.json", "data"
VERSION = 1
KEPT = timedelta(days=1)
LOOK_ID = re.compile(r"[0-9a-f]{32}")
MOST_DAYS = 92  # of a directory of files, of which all days would be taken


class LookKind(StrEnum):
    """`days`: the settings that a run would start from, and its days. `site`: the site's profile documents as now."""

    DAYS, SITE = "days", "site"


def look(
    request: AnalysisRequest, kind: LookKind, scratch: Path, credentials: Credentials, now: datetime, reach: Reach
) -> dict[str, Any]:
    """Look at a person's settings and days, or at what the site has.

    Args:
        request: whose data, which days.
        kind: what to look at.
        scratch: where the data lie meanwhile; a directory that is not there yet.
        credentials: for a site.
        now: the clock.
        reach: which addresses the site's name may stand for.

    Returns:
        What look.json holds of it.

    Raises:
        Refused: why there is nothing to see.
    """
    if kind is LookKind.SITE:
        return {"site": _site_now(request, credentials, now, reach)}
    run = RunDirectory.create(scratch, now)
    load(request, run, credentials, now, reach)
    return _settings_and_days(request, run, now)


@contextmanager
def written_down(look_id: str, kind: LookKind, root: Path, now: datetime) -> Iterator[tuple[dict[str, Any], Path]]:
    """What is put into the document that is given, or a refusal, is what look.json holds; the data are removed.

    Args:
        look_id: 32 hexadecimal digits, chosen by whoever asks.
        kind: what is looked at.
        root: of the runs.
        now: the clock.

    Raises:
        ValueError: the id is none.
    """
    if not LOOK_ID.fullmatch(look_id):
        raise ValueError("the id of a look is 32 hexadecimal digits")
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_old(root, now)
    make_private(root, LOOKS)
    make_private(root, LOOKS, look_id)
    directory = RunDirectory(root / LOOKS / look_id)
    found: dict[str, Any] = {"version": VERSION, "kind": kind.value, "read_at": _iso(now), "refused": None}
    try:
        yield found, directory.file(DATA)
    except (Refused, OSError) as error:
        if isinstance(error, OSError) and not is_full_disk(error):
            raise
        refusal = error if isinstance(error, Refused) else Refused(Reason.DISK_FULL, path=root)
        found["refused"] = {
            "code": refusal.reason.code,
            "sentence": refusal.spoken_sentence,
            "remedy": refusal.spoken_remedy,
        }
        _close(directory, found)
        raise refusal from None
    _close(directory, found)


def _close(directory: RunDirectory, found: dict[str, Any]) -> None:
    shutil.rmtree(directory.file(DATA), ignore_errors=True)
    with suppress(OSError):
        directory.write_json(FILE, found)


def _remove_old(root: Path, now: datetime) -> None:
    """Looks of more than a day ago; a link among them is not followed."""
    with suppress(OSError):
        for directory in (root / LOOKS).iterdir():
            if now.timestamp() - directory.lstat().st_mtime > KEPT.total_seconds() and not directory.is_symlink():
                shutil.rmtree(directory, ignore_errors=True)


# --- what the site has now


def _site_now(request: AnalysisRequest, credentials: Credentials, now: datetime, reach: Reach) -> dict[str, Any]:
    with client_of(request, credentials, reach) as client:
        documents = [d for d in fetch_profiles(client).document if isinstance(d, dict)]
        starts = sorted((start_ms(d) for d in documents), reverse=True) or [0.0]
        since = min(starts[0], now.timestamp() * SECOND_MS) - DAY_MS
        answers = switches_since(client, (PROFILE_SWITCHES,), since, lambda _: 0.0)
    switches = [r for answer in answers for r in answer.document if isinstance(r, dict)]
    site = SiteProfiles(tuple(documents), tuple(switches))
    newest = site.newest
    return {
        "read_at": _iso(now),
        "active_profile": site.active(now.timestamp() * SECOND_MS).name,
        "document_sha256": document_sha256(newest),
        "alike_sha256": [document_sha256(d) for d in site.newest_alike],
        "document": newest,
    }


# --- what a run would start from, and its days


def _settings_and_days(request: AnalysisRequest, run: RunDirectory, now: datetime) -> dict[str, Any]:
    raw = RawFiles.open(run)
    entries, treatments = raw.records("entries"), raw.records("treatments")
    now_ms = now.timestamp() * SECOND_MS
    dated = [f[0] for e in entries if isinstance(e, dict) and (f := instant_ms(e.get("date") or e.get("mills"), "UTC"))]
    past = [ms for ms in dated if ms <= now_ms]
    zone = zone_of(request, raw, max(past, default=None))
    window_ms = (min(past, default=now_ms), max(past, default=now_ms))
    tuned = profile_to_tune(request, raw, treatments, zone, window_ms)
    said = insulin_named(treatments, request.insulin)
    return {
        "zone": zone,
        "insulin": request.insulin or said.curve,
        **_settings(request, tuned, History(raw.records("profile"), treatments, zone), window_ms),
        "days": _days(request, raw, tuned, Context(zone, tuned.basal, now_ms, tuned.basal_at)),
    }


def _settings(
    request: AnalysisRequest, tuned: ProfileToTune, history: History, window_ms: tuple[float, float]
) -> dict[str, Any]:
    document = tuned.schedules()
    chosen: dict[str, Any] = {
        "units": document["units"],
        "isf_mgdl_per_u": document["isf_mgdl_per_u"],
        "carb_ratio_g_per_u": document["carb_ratio_g_per_u"],
        "basal_u_per_h": document["basal_u_per_h"],
        "basal_u_per_day": _per_day(tuned.basal),
        "name": None,
        "since": None,
        "rule": "file",
    }
    if tuned.active is None:
        return {"profile": chosen, "others": [], "differs_from_active": False}
    spans = history.timeline(*window_ms)
    profile, end_ms = tuned.active.profile, window_ms[1]
    state = history.state(end_ms, permanent_only=True)
    in_use = state is not None and state.profile is not None and same_settings(state.profile, profile)
    since_ms = history.decided_ms(end_ms) if in_use else 0.0
    chosen |= {
        "name": profile.name,
        "since": iso_utc(since_ms) if since_ms else None,
        "rule": _rule(request, tuned.active.source, switched=in_use and state is not None and state.switch is not None),
    }
    others = [_other(name, profile_, spans) for name, profile_ in _profiles(history, end_ms) if name != profile.name]
    if state is not None and not in_use and state.name not in {other["name"] for other in others}:
        others.insert(0, _other(state.name, state.profile, spans))
    for other in others:
        other["active_now"] = state is not None and other["name"] == state.name
    return {"profile": chosen, "others": others, "differs_from_active": state is not None and not in_use}


def _rule(request: AnalysisRequest, source: ProfileSource, *, switched: bool) -> str:
    """Which rule chose the profile: its name was asked for, a switch put it in force, or it is the document's own."""
    if request.profile not in (None, ACTIVE):
        return "asked"
    if source is not ProfileSource.DOCUMENT:
        return "switch"
    return "default and switch" if switched else "default"


def _profiles(history: History, end_ms: float) -> Iterator[tuple[str, TherapyProfile | None]]:
    document = history.document_at(end_ms)
    for name in document.names if document is not None else ():
        read = None
        with suppress(Refused):
            read = profile_in(document, name, zone=history.zone, others=history.stored) if document else None
        yield name, read


def _other(name: str, profile: TherapyProfile | None, spans: Iterable[ProfileSpan]) -> dict[str, Any]:
    return {
        "name": name,
        "basal_u_per_day": _per_day(profile.basal_u_per_h) if profile else None,
        "isf_mgdl_per_u": [asdict(block) for block in profile.isf_mgdl_per_u.blocks] if profile else [],
        "carb_ratio_g_per_u": [asdict(block) for block in profile.carb_ratio_g_per_u.blocks] if profile else [],
        "periods": [span.document() for span in spans if span.name == name],
    }


def _days(request: AnalysisRequest, raw: RawFiles, tuned: ProfileToTune, context: Context) -> list[dict[str, Any]]:
    zone, ledger = context.zone, Ledger()
    readings = read_glucose(raw.records("entries"), context, ledger)
    treatments = normalise_treatments(raw.records("treatments"), context, ledger)
    asked = days_of_run(request, readings.for_upstream, zone, newest_reading(raw, zone, context.now_ms))
    lost, days = losses(ledger, zone), asked[-MOST_DAYS:]
    cut = cut_days(days, readings.for_upstream, treatments, None, (), *instants_left_out(readings), lost)
    doubts: list[Doubt] = doubtful_glucose([day.summary() for day in cut])
    if any(not day.skipped for day in cut):
        doubts += find_situations(observed(cut, readings, treatments, tuned, context))
    seen: dict[str, set[str]] = defaultdict(set)
    for event in find_events(treatments, zone):
        for day in event.days(zone):
            seen[str(day)].add(event.kind)
    for record in treatments:
        if record.get("eventType") in SITE_CHANGES and (at := instant_ms(record.get("created_at"), zone)):
            seen[str(day_of(at[0], zone))].add("site-change")
    return [_day(day, sorted(seen[str(day.day)]), doubts) for day in cut]


TITLES = {row.name: row.title for row in SITUATIONS}


def _day(day: DayData, events: list[str], doubts: list[Doubt]) -> dict[str, Any]:
    date = str(day.day)
    return {
        "date": date,
        "quality": day.colour,
        "usable": day.skipped is None,
        "why": list(day.remarks),
        "events": events,
        "found": [d.name for d in doubts if date in d.dates and d.name in TITLES],
    }


def _per_day(basal: Schedule) -> float:
    return round(basal.mean() * HOURS_PER_DAY, 2)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
