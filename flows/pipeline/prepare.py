"""Step 2: from `raw/` to what upstream reads, every correction in the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.errors import Reason, Refused
from flows.history.automatic import check_automatic_basal
from flows.history.daily_curves import daily_curves
from flows.history.days import DayData, Selection, covered_days, cut_days, first_and_last_day
from flows.history.duplicates import unsure_copies
from flows.history.events import find_events, notes_on
from flows.history.found_days import leave_out_found
from flows.history.glucose import Readings, read_glucose
from flows.history.glucose_values import ABOVE_RANGE_MGDL, upstream_mgdl
from flows.history.long_acting import long_acting_pattern
from flows.history.losses import Loss, kinds_of, losses, without_a_time
from flows.history.quality import doubtful_glucose, facts_of, judge_day
from flows.history.quarantine import check_quarantine
from flows.history.records import Context
from flows.history.situations.observed import Observed, observed_treatments
from flows.history.situations.table import find_situations
from flows.history.strays import stray_instants
from flows.history.travel import travel, zones_named
from flows.history.treatments import normalise_treatments
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.nightscout.as_served import sensor_readings, served_day
from flows.oref0.inputs import check_profile, check_work_dir
from flows.oref0.upstream_records import readings_for_upstream, treatments_for_upstream
from flows.oref0.work_dir import copy_openaps_directory, records_bytes, write_day, write_settings
from flows.pipeline.day_notes import day_notes
from flows.pipeline.last_change import write_last_change
from flows.pipeline.newest_reading import newest_reading
from flows.pipeline.previous import previous_profile
from flows.pipeline.profile_to_tune import ProfileToTune, as_it_is, profile_to_tune
from flows.pipeline.several import set_one_values
from flows.profiles.raw_files import RawFiles, json_object, zone_of
from flows.settings import AnalysisRequest, InputsMode, StartFrom
from flows.values.ledger import Ledger
from flows.values.local_days import LocalDay, canonical_zone, day_of, day_range
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory, json_or_none
from flows.values.timestamps import instant_ms
from flows.values.units import SECOND_MS

LEAST_GOOD_SHARE = 1 / 3  # of the days asked for
# What a sensor saw and upstream does not get: readings below 39 mg/dL, and the text "HIGH".
LOWS_LEFT_OUT, HIGHS_LEFT_OUT = "lows_left_out.json", "highs_left_out.json"


@dataclass(frozen=True)
class Prepared:
    """What upstream will be given: the zone, each day's summary, and what a person should know about it.

    `left_out_files` are the files with readings that upstream is not given (empty in runs of before they were written).
    `insulin_known`: whether the person or the data name the insulin.
    `doubts` is what the records leave open (`flows.history.doubts`), each also among the warnings.
    `curves`: the glucose of each day (`flows.history.daily_curves`).
    """

    zone: str
    dates: list[str]
    days: list[dict[str, Any]]
    warnings: list[str]
    ledger: dict[str, Any]
    profile: dict[str, Any] = field(default_factory=dict)
    left_out_files: list[str] = field(default_factory=list)
    doubts: list[dict[str, Any]] = field(default_factory=list)
    insulin_known: bool = True
    curves: dict[str, str] = field(default_factory=dict)


def prepare(request: AnalysisRequest, run: RunDirectory, now: datetime) -> Prepared:
    """Make from `raw/` what upstream reads: settings, days cut at 04:00, every correction in the ledger.

    Args:
        request: profile, time zone, days, inputs mode.
        run: reads raw/*; writes work/*, uncorrected/*, ledger.json, lows_left_out.json, highs_left_out.json,
            source_profile.json, several_values.json (of a profile with several), prepared.json.
        now: the clock.

    Returns:
        Days, warnings and counts.

    Raises:
        Refused: a profile, data or `NO_DAYS_LEFT` reason.
    """
    raw = RawFiles.open(run)
    entries, treatments = raw.records("entries"), raw.records("treatments")
    now_ms = now.timestamp() * SECOND_MS
    dated = [f[0] for e in entries if (f := _date_of(e))]
    strays = stray_instants(dated, now_ms)
    instants = [ms for ms in dated if ms not in strays]
    zone = zone_of(request, raw, max(instants, default=None))
    last = LocalDay(request.end, zone).glucose.end_ms if request.end else now_ms
    window_ms = (min(instants, default=now_ms), min(max(instants, default=now_ms), last))
    tuned = profile_to_tune(request, raw, treatments, zone, window_ms)
    if not tuned.several():  # else what upstream is given is not known yet, and is checked then
        check_profile(json.loads(tuned.pump))
    run.write_json("source_profile.json", tuned.schedules())
    start, notes = tuned.start, list(tuned.notes)
    last_ratios: dict[Part, float] = {}
    if request.start_from is StartFrom.PREVIOUS:
        previous = previous_profile(request, tuned.identity(), run.path)
        start, last_ratios = previous.start, previous.ratios
        notes.append(previous.said)
    write_settings(run.work, tuned.pump, start)
    ledger = Ledger()
    doubts = list(tuned.doubts)
    context = Context(zone, tuned.basal, now_ms, tuned.basal_at)
    if request.inputs is InputsMode.CORRECTED:
        readings = read_glucose(entries, context, ledger)
        clean = readings.for_upstream
        events = normalise_treatments(treatments, context, ledger)
        run.write_json("ledger.json", ledger.document())
        lost = losses(ledger, zone)
        notes += check_quarantine(ledger, len(entries), sum(bool(kinds_of(t)) for t in treatments))
        notes += without_a_time(lost)
        check_automatic_basal(events, zone)
        newest = newest_reading(raw, zone, now_ms)
        days = days_of_run(request, clean, zone, newest)
        doubts += long_acting_pattern(events, zone)
        doubts += unsure_copies(events, zone)
        doubts += travel(entries, treatments, zones_named(raw.records("profile"), treatments), days)
        cut, event_notes = _cut(request, days, readings, events, lost, newest)
        doubts += doubtful_glucose([d.summary() for d in cut])
        doubts += find_situations(observed(cut, readings, events, tuned, context))
        days_used = {str(d.day) for d in cut if not d.skipped}
        doubts = [doubt for doubt in doubts if not doubt.dates or days_used.intersection(doubt.dates)]
        if request.exclude_found:
            cut, doubts, more = leave_out_found(cut, doubts)
            notes += more
        used, summaries, more = _write_corrected(run, cut, request)
        notes += [*more, *event_notes([d for d in cut if not d.skipped])]
        if request.compare and ledger.entries:
            _write_uncorrected(run, used, entries, treatments, tuned.pump, start, zone)
    else:
        run.write_json("ledger.json", ledger.document())
        # Only for the lows and highs: upstream is given what was served.
        readings = read_glucose(entries, context, Ledger())
        used, summaries = _write_untouched(request, run, raw, entries, treatments, zone, readings)
        doubts += doubtful_glucose(summaries)
    notes += set_one_values(run, tuned, used, zone, last_ratios)
    left_out_files = _write_left_out(run, readings)
    in_use = tuned.active.profile if tuned.active is not None else None
    write_last_change(run, raw, treatments, in_use, readings, context, used[-1])
    if tuned.active is not None:
        other = tuned.active.other_profile_hours
        summaries = [
            {
                **s,
                "other_profile_hours": round(other.get(s["date"], 0.0), 2),
                "unknown_profile_hours": tuned.active.unknown_hours(LocalDay(date.fromisoformat(s["date"]), zone)),
            }
            for s in summaries
        ]
    notes += check_work_dir(run.work, used, now_ms=now_ms, zone=zone, corrected=request.inputs is InputsMode.CORRECTED)
    if strays and request.inputs is InputsMode.CORRECTED:
        dates = ", ".join(sorted({str(day_of(ms, zone)) for ms in strays}))
        notes.append(
            translatable(
                "{strays_count} reading(s) lie apart from all others ({dates}) and are no part of the data.",
                strays_count=len(strays),
                dates=dates,
            )
        )
    notes += [doubt.sentence for doubt in doubts]
    doubted = [asdict(doubt) for doubt in doubts]
    prepared = Prepared(
        zone,
        used,
        summaries,
        notes,
        ledger.summary(),
        tuned.identity(),
        left_out_files,
        doubted,
        tuned.insulin_known,
        daily_curves(readings, [s["date"] for s in summaries], zone),
    )
    run.write_json("prepared.json", asdict(prepared))
    return prepared


def prepare_openaps(source: Path, run: RunDirectory, zone: str | None, now: datetime) -> Prepared:
    """Take over an existing OpenAPS directory as it is; see `copy_openaps_directory`.

    Raises:
        Refused: as `prepare`; `NO_TIMEZONE` when neither the option nor the profile names a zone.
    """
    dates = copy_openaps_directory(source, run.work)
    content = (run.work / "settings" / "pumpprofile.json").read_bytes()
    pump = json_object(content, "settings/pumpprofile.json")
    if zone is None:
        named = pump.get("timezone")
        if not isinstance(named, str) or not named:
            raise Refused(Reason.NO_TIMEZONE, where="settings/pumpprofile.json")
        zone = canonical_zone(named)
    warnings = check_work_dir(run.work, dates, now_ms=now.timestamp() * SECOND_MS, zone=zone)
    tuned = as_it_is(content, None)
    run.write_json("source_profile.json", tuned.schedules())
    ledger = Ledger()
    run.write_json("ledger.json", ledger.document())
    served = [e for d in dates for e in served_records(run.work / "autotune" / f"ns-entries.{d}.json")]
    readings = read_glucose(served, Context(zone, None, now.timestamp() * SECOND_MS), Ledger())
    days = [_as_served(run.work, d, zone, readings) for d in dates]
    notes = [*tuned.notes, *warnings]
    files = _write_left_out(run, readings)
    curves = daily_curves(readings, dates, zone)
    prepared = Prepared(zone, dates, days, notes, ledger.summary(), tuned.identity(), files, curves=curves)
    run.write_json("prepared.json", asdict(prepared))
    return prepared


def _date_of(entry: Any) -> tuple[float, bool] | None:
    return instant_ms(entry.get("date") or entry.get("mills"), "UTC") if isinstance(entry, dict) else None


def _write_left_out(run: RunDirectory, readings: Readings) -> list[str]:
    run.write_json(LOWS_LEFT_OUT, [asdict(low) for low in readings.lows_left_out])
    run.write_json(HIGHS_LEFT_OUT, [asdict(high) for high in readings.highs_left_out])
    return [LOWS_LEFT_OUT, HIGHS_LEFT_OUT]


def days_of_run(request: AnalysisRequest, entries: list[dict[str, Any]], zone: str, newest: str) -> list[LocalDay]:
    """The days asked for, of those with readings where no dates were named.

    Raises:
        Refused: `NO_RECORDS`.
    """
    if request.start and request.end:
        return day_range(request.start, request.end, zone)
    ends = first_and_last_day(entries, zone)
    if request.start or request.end:
        first = request.start or (ends[0] if ends else request.end)
        last = request.end or (ends[1] if ends else request.start)
        assert first is not None and last is not None
        return day_range(first, last, zone)
    if ends is None:
        raise Refused(
            Reason.NO_RECORDS,
            what=translatable("usable glucose readings in these days ({newest})", newest=newest)
            if newest
            else to_translate("usable glucose readings"),
        )
    if request.days is not None:
        return day_range(ends[1] - timedelta(days=request.days - 1), ends[1], zone)
    return covered_days(entries, zone)


def _cut(
    request: AnalysisRequest,
    days: list[LocalDay],
    readings: Readings,
    treatments: list[dict[str, Any]],
    lost: list[Loss],
    newest: str,
) -> tuple[list[DayData], Callable[[list[DayData]], list[str]]]:
    """The days asked for, judged, and what to say of events on those that are used.

    Raises:
        Refused: too few good days.
    """
    zone = days[0].zone
    events = find_events(treatments, zone)
    wanted = {kind.value for kind in request.exclude_events}
    event_days = {d.date for e in events if e.kind in wanted for d in e.days(zone)}
    selection = Selection(frozenset(request.exclude), frozenset(w.value for w in request.weekdays))
    cut = cut_days(days, readings.for_upstream, treatments, selection, event_days, *instants_left_out(readings), lost)
    _enough(cut, [d for d in cut if not d.skipped], selection, event_days, newest)
    return cut, lambda used: notes_on((e for e in events if any(d.day in e.days(zone) for d in used)), zone)


def observed(
    cut: list[DayData],
    readings: Readings,
    treatments: list[dict[str, Any]],
    tuned: ProfileToTune,
    context: Context,
) -> Observed:
    """What the rules for situations look at: the days used."""
    pump = json_object(tuned.pump, "the pump profile")
    seen = [(float(e["date"]), mgdl) for e in readings.for_upstream if (mgdl := upstream_mgdl(e)) is not None]
    seen += [(high.date, float(ABOVE_RANGE_MGDL)) for high in readings.highs_left_out]
    return Observed(
        days=[d.day for d in cut if not d.skipped],
        curve=sorted([*seen, *((low.date, low.mgdl) for low in readings.lows_left_out)]),
        treatments=observed_treatments(treatments),
        events=find_events(treatments, context.zone),
        isf_mgdl_per_u=float(pump["isfProfile"]["sensitivities"][0]["sensitivity"]),
        carb_ratio_g_per_u=float(pump["carb_ratio"]),
        basal_at=context.scheduled_basal,
    )


def _write_corrected(
    run: RunDirectory, cut: list[DayData], request: AnalysisRequest
) -> tuple[list[str], list[dict[str, Any]], list[str]]:
    used = [d for d in cut if not d.skipped]
    for data in used:
        given, taken = readings_for_upstream(data.entries), treatments_for_upstream(data.treatments)
        write_day(run.work, data.day, records_bytes(given), records_bytes(taken))
    return [str(d.day) for d in used], [d.summary() for d in cut], day_notes(cut, request.exclude)


def instants_left_out(readings: Readings) -> tuple[list[float], list[float], list[float]]:
    lows = [low.date for low in readings.lows_left_out]
    return lows, [high.date for high in readings.highs_left_out], readings.shown_ms


def _enough(cut: list[DayData], used: list[DayData], selection: Selection, event_days: set[date], newest: str) -> None:
    if not used and all(d.facts.readings and not (d.facts.boluses or d.facts.temp_basals) for d in cut):
        raise Refused(Reason.NO_INSULIN, days=", ".join(str(d.day) for d in cut[:5]))
    reasons = ", ".join(sorted({d.skipped for d in cut if d.skipped}))
    if not used:
        empty = newest and not any(d.facts.readings for d in cut)
        raise Refused(Reason.NO_DAYS_LEFT, count=len(cut), detail=f"{reasons}; {newest}" if empty else reasons)
    asked = [d for d in cut if selection.why_not(d.day, event_days) is None]
    if len(used) < LEAST_GOOD_SHARE * len(asked):
        raise Refused(Reason.TOO_FEW_GOOD_DAYS, used=len(used), count=len(asked), detail=reasons)


def _write_untouched(
    request: AnalysisRequest,
    run: RunDirectory,
    raw: RawFiles,
    entries: list[Any],
    treatments: list[Any],
    zone: str,
    seen: Readings,
) -> tuple[list[str], list[dict[str, Any]]]:
    dates = raw.dates
    for day in dates:
        mine, events = raw.bytes_of("entries", day), raw.bytes_of("treatments", day)
        assert mine is not None and events is not None
        write_day(run.work, day, mine, events)
    if not dates:
        readings = sensor_readings(entries)
        days = days_of_run(request, readings, zone, "")
        dates = [str(day) for day in days]
        _write_served(run.work, days, readings, treatments)
    return dates, [_as_served(run.work, date, zone, seen) for date in dates]


def _as_served(work: Path, day: str, zone: str, seen: Readings) -> dict[str, Any]:
    """A day that is handed over as it is, judged like any other: nothing is corrected, and nothing left out for it."""
    local = LocalDay(date.fromisoformat(day), zone)
    entries = sensor_readings(served_records(work / "autotune" / f"ns-entries.{day}.json"))
    treatments = served_records(work / "autotune" / f"ns-treatments.{day}.json")
    dated = [e for e in entries if isinstance(e.get("date"), int | float) and local.glucose.holds(e["date"])]
    facts = facts_of(
        local, dated, [t for t in treatments if isinstance(t.get("created_at"), str)], *instants_left_out(seen)
    )
    colour, remarks = judge_day(facts)
    return {"date": day, "status": "used", "reason": None, "quality": colour, "remarks": remarks, **asdict(facts)}


def served_records(file: Path) -> list[dict[str, Any]]:
    """The records of a day's file; none where it is missing or no list."""
    found = json_or_none(file)
    return [record for record in found if isinstance(record, dict)] if isinstance(found, list) else []


def _write_uncorrected(
    run: RunDirectory,
    dates: list[str],
    entries: list[Any],
    treatments: list[Any],
    pump: bytes,
    start: bytes | None,
    zone: str,
) -> None:
    """The same days as upstream would have been given them: for saying what the corrections changed."""
    write_settings(run.uncorrected, pump, start)
    days = [LocalDay(date.fromisoformat(day), zone) for day in dates]
    _write_served(run.uncorrected, days, sensor_readings(entries), treatments)


def _write_served(work: Path, days: list[LocalDay], readings: list[dict[str, Any]], treatments: list[Any]) -> None:
    for day in days:
        mine, events = served_day(day, readings, treatments)
        write_day(work, day, records_bytes(mine), records_bytes(events))
