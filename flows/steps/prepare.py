"""Step 2: from `raw/` to what upstream reads, every correction in the ledger."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.history.days import DayData, covered_days, cut_days
from flows.history.glucose import normalise_glucose
from flows.history.records import Context
from flows.history.treatments import normalise_treatments
from flows.ledger import Ledger
from flows.local_days import LocalDay, canonical_zone, day_range
from flows.oref0.inputs import check_profile, check_work_dir
from flows.oref0.profile import to_pumpprofile
from flows.oref0.work_dir import copy_openaps_directory, records_bytes, write_day, write_settings
from flows.profiles.parse import TherapyProfile, choose_profile
from flows.run_directory import RunDirectory, dump
from flows.settings import AnalysisRequest, InputsMode
from flows.steps.raw_files import RawFiles, json_object, zone_of
from flows.timestamps import instant_ms

QUARANTINE_SHARE, QUARANTINE_FREE = 0.02, 3


@dataclass(frozen=True)
class Prepared:
    """What upstream will be given: the zone, each day's summary, and what a person should know about it."""

    zone: str
    dates: list[str]
    days: list[dict[str, Any]]
    warnings: list[str]
    ledger: dict[str, Any]
    profile: dict[str, Any] = field(default_factory=dict)


def prepare(request: AnalysisRequest, run: RunDirectory, now: datetime) -> Prepared:
    """Make from `raw/` what upstream reads: settings, days cut at 04:00, every correction in the ledger.

    Args:
        request: profile, time zone, days, inputs mode.
        run: reads raw/*; writes work/*, ledger.json, prepared.json.
        now: the clock.

    Returns:
        Days, warnings and counts.

    Raises:
        Refused: a profile, data or `NO_DAYS_LEFT` reason.
    """
    raw = RawFiles.open(run)
    entries, treatments = raw.records("entries"), raw.records("treatments")
    until = max((f[0] for e in entries if (f := _date_of(e))), default=None)
    zone = zone_of(request, raw, until)
    pump, start, profile, notes = _profiles(request, raw, zone, until)
    check_profile(json.loads(pump))
    write_settings(run.work, pump, start)
    ledger = Ledger()
    if request.inputs is InputsMode.CORRECTED:
        basal = profile.basal_u_per_h if profile else None
        context = Context(zone, basal, now.timestamp() * 1000)
        clean = normalise_glucose(entries, context, ledger)
        events = normalise_treatments(treatments, context, ledger)
        run.write_json("ledger.json", ledger.document())
        notes += _quarantine(ledger, len(entries) + len(treatments))
        days = _days(request, raw, clean, zone)
        used, summaries = _write_corrected(run, days, clean, events)
        notes += [f"{s['date']} is left out: {s['reason']}." for s in summaries if s["reason"]]
    else:
        run.write_json("ledger.json", ledger.document())
        used, summaries = _write_untouched(request, run, raw, entries, treatments, zone)
    notes += check_work_dir(run.work, used, now_ms=now.timestamp() * 1000, zone=zone)
    prepared = Prepared(
        zone=zone,
        dates=used,
        days=summaries,
        warnings=notes,
        ledger=ledger.summary(),
        profile=_profile_identity(profile),
    )
    run.write_json("prepared.json", asdict(prepared))
    return prepared


def prepare_openaps(source: Path, run: RunDirectory, zone: str | None, now: datetime) -> Prepared:
    """Take over an existing OpenAPS directory as it is; see `copy_openaps_directory`.

    Raises:
        Refused: as `prepare`; `NO_TIMEZONE` when neither the option nor the profile names a zone.
    """
    dates = copy_openaps_directory(source, run.work)
    if zone is None:
        pump = json_object((run.work / "settings" / "pumpprofile.json").read_bytes(), "settings/pumpprofile.json")
        named = pump.get("timezone")
        if not isinstance(named, str) or not named:
            raise Refused(Reason.NO_TIMEZONE, where="settings/pumpprofile.json")
        zone = canonical_zone(named)
    warnings = check_work_dir(run.work, dates, now_ms=now.timestamp() * 1000, zone=zone)
    ledger = Ledger()
    run.write_json("ledger.json", ledger.document())
    days = [{"date": d, "status": "used", "reason": None} for d in dates]
    prepared = Prepared(zone, dates, days, warnings, ledger.summary())
    run.write_json("prepared.json", asdict(prepared))
    return prepared


def _date_of(entry: Any) -> tuple[float, bool] | None:
    return instant_ms(entry.get("date") or entry.get("mills"), "UTC") if isinstance(entry, dict) else None


def _profiles(
    request: AnalysisRequest, raw: RawFiles, zone: str, until_ms: float | None
) -> tuple[bytes, bytes | None, TherapyProfile | None, list[str]]:
    if pump := raw.bytes_of("pumpprofile"):
        json_object(pump, "the pump profile")
        return pump, raw.bytes_of("autotune"), None, []
    chosen = choose_profile(raw.records("profile"), name=request.profile, until_ms=until_ms, zone=zone)
    document, notes = to_pumpprofile(chosen, insulin=request.insulin, peak_min=request.insulin_peak_min, zone=zone)
    return dump(document), None, chosen, [*chosen.notes, *notes]


def _profile_identity(profile: TherapyProfile | None) -> dict[str, Any]:
    if profile is None:
        return {}
    return {
        "name": profile.name,
        "document_id": profile.document_id,
        "start_date": profile.start_date,
        "document_sha256": profile.document_sha256,
        "units": profile.units,
    }


def _quarantine(ledger: Ledger, records: int) -> list[str]:
    count = len(ledger.quarantined)
    if not count:
        return []
    reasons = sorted({e.reason for e in ledger.quarantined})
    detail = "; ".join(reasons[:3])
    if count > max(QUARANTINE_FREE, QUARANTINE_SHARE * records):
        raise Refused(Reason.NOT_UNDERSTOOD, count=count, what="records", detail=detail)
    return [f"{count} records could not be understood and were left out ({detail}); see ledger.json."]


def _days(request: AnalysisRequest, raw: RawFiles, entries: list[dict[str, Any]], zone: str) -> list[LocalDay]:
    covered = covered_days(entries, zone)
    if request.start or request.end:
        first = request.start or (covered[0].date if covered else request.end)
        last = request.end or (covered[-1].date if covered else request.start)
        assert first is not None and last is not None
        return day_range(first, last, zone)
    if not covered:
        raise Refused(Reason.NO_RECORDS, what="usable glucose readings")
    if request.days is not None:
        last_day = covered[-1].date
        return day_range(last_day - timedelta(days=request.days - 1), last_day, zone)
    return covered


def _write_corrected(
    run: RunDirectory,
    days: list[LocalDay],
    entries: list[dict[str, Any]],
    treatments: list[dict[str, Any]],
) -> tuple[list[str], list[dict[str, Any]]]:
    cut: list[DayData] = cut_days(days, entries, treatments)
    used = [d for d in cut if not d.skipped]
    if not used:
        reasons = ", ".join(sorted({d.skipped or "" for d in cut}))
        raise Refused(Reason.NO_DAYS_LEFT, count=len(cut), detail=reasons)
    for data in used:
        write_day(run.work, data.day, records_bytes(data.entries), records_bytes(data.treatments))
    return [str(d.day) for d in used], [d.summary() for d in cut]


def _write_untouched(
    request: AnalysisRequest,
    run: RunDirectory,
    raw: RawFiles,
    entries: list[Any],
    treatments: list[Any],
    zone: str,
) -> tuple[list[str], list[dict[str, Any]]]:
    summaries: list[dict[str, Any]] = []
    if raw.dates:
        for date in raw.dates:
            mine, events = raw.bytes_of("entries", date), raw.bytes_of("treatments", date)
            assert mine is not None and events is not None
            write_day(run.work, date, mine, events)
            summaries.append({"date": date, "status": "used", "reason": None})
        return raw.dates, summaries
    # A directory has no server to cut its answers: the same cuts are made here, and nothing else.
    readings = [e for e in entries if isinstance(e, dict) and e.get("type", "sgv") == "sgv" and _is_date(e.get("date"))]
    for day in _days(request, raw, readings, zone):
        window, span = day.upstream_glucose, day.treatments
        mine_records = [e for e in readings if window.start_ms <= e["date"] <= window.end_ms]
        mine_records.sort(key=lambda e: -e["date"])
        events_records = [
            (found[0], t)
            for t in treatments
            if isinstance(t, dict)
            and (found := instant_ms(t.get("created_at"), "UTC"))
            and span.start_ms <= found[0] <= span.end_ms
        ]
        events_records.sort(key=lambda item: -item[0])
        write_day(
            run.work,
            day,
            records_bytes(mine_records[:1500]),
            records_bytes([t for _, t in events_records]),
        )
        summaries.append(
            {
                "date": str(day),
                "status": "used",
                "reason": None,
                "readings": len(mine_records),
                "treatments": len(events_records),
            }
        )
    return [s["date"] for s in summaries], summaries


def _is_date(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
