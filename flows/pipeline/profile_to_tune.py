"""Which settings a run tunes: an OpenAPS profile as it is, or the Nightscout profile in force, as upstream's file."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from flows.history.doubts import SHORT_DIA, Doubt, amber_doubt
from flows.history.dynamic_isf import dynamic_isf
from flows.history.insulin_changed import Action, insulin_changed
from flows.history.insulin_named import RAPID, insulin_named
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.oref0.profile import SHORTEST_EXPONENTIAL_DIA_H, settings_of, to_pumpprofile
from flows.oref0.several_values import NAMES, different, is_several, without_repeats
from flows.pipeline.applied_profile import applied_profile
from flows.profiles.active_in_data import ActiveProfiles, basal_at, in_force, isfs_at
from flows.profiles.openaps import OpenapsSchedule, read_openaps_schedule
from flows.profiles.parse import ACTIVE, MG_PER_DL, unit_name
from flows.profiles.raw_files import RawFiles, json_object
from flows.profiles.stored import quoted
from flows.settings import AnalysisRequest, Insulin
from flows.values.numbers import number_or_none
from flows.values.parts import Part
from flows.values.run_directory import dump
from flows.values.schedule import Block, Schedule

SAME_ISF = 0.005  # of its value: a rounding
PEAK_LIMITS_MIN = (35, 120)  # what upstream's exponential curves are made for


@dataclass(frozen=True)
class ProfileToTune:
    """The pump profile for upstream and the one to start from, as bytes; whose it is; what to tell the person.

    Of several sensitivities or carb ratios `pump` holds the mean over the day: it is the same on all days.
    """

    pump: bytes
    start: bytes | None
    active: ActiveProfiles | None
    basal: Schedule
    notes: list[str] = field(default_factory=list)
    doubts: tuple[Doubt, ...] = ()
    insulin_known: bool = True  # said by the person, or named by the data; an OpenAPS profile names it

    @property
    def basal_at(self) -> Callable[[float], float | None] | None:
        """The basal rate in force at an instant, where documents and switches are known."""
        return partial(basal_at, self.active) if self.active else None

    def schedules(self) -> dict[str, Any]:
        """`source_profile.json`: the schedules as the profile has them, in mg/dL, g and U, and the person's units.

        `unread` names those that have several entries and cannot be read; what stands for them is what upstream tunes.
        """
        unread: tuple[Part, ...] = ()
        if self.active is not None:
            profile = self.active.profile
            isf, ratio, units = profile.isf_mgdl_per_u, profile.carb_ratio_g_per_u, profile.units
        else:
            pump = json_object(self.pump, "the pump profile")
            isf, ratio, units = openaps_schedules(pump)
            unread = tuple(part for part in NAMES if read_openaps_schedule(pump, part).unread)
        return {
            "units": units,
            "isf_mgdl_per_u": [asdict(b) for b in isf.blocks],
            "carb_ratio_g_per_u": [asdict(b) for b in ratio.blocks],
            "basal_u_per_h": [asdict(b) for b in self.basal.blocks],
            "unread": [part.value for part in unread],
        }

    def several(self) -> dict[Part, Schedule]:
        """The schedules, however cut, of which upstream is given one value; an OpenAPS profile is given as it is."""
        if self.active is None:
            return {}
        profile = self.active.profile
        both = {Part.ISF: profile.isf_mgdl_per_u, Part.CARB_RATIO: profile.carb_ratio_g_per_u}
        return {part: without_repeats(schedule) for part, schedule in both.items() if is_several(schedule)}

    def identity(self) -> dict[str, Any]:
        """Which document and profile this is; no number of it."""
        pump = {"pump_sha256": hashlib.sha256(self.pump).hexdigest()}
        if several := self.several():  # whose means over the day, in `pump`, may stay where their blocks do not
            held = {part.value: [asdict(b) for b in schedule.blocks] for part, schedule in several.items()}
            pump["several_sha256"] = hashlib.sha256(dump(held)).hexdigest()
        if self.active is None:
            return pump
        profile = self.active.profile
        return {
            **pump,
            "name": profile.name,
            "document_id": profile.document_id,
            "start_date": profile.start_date,
            "document_sha256": profile.document_sha256,
            "units": profile.units,
            "in_force": self.active.document(),
        }


def profile_to_tune(
    request: AnalysisRequest, raw: RawFiles, treatments: list[Any], zone: str, window_ms: tuple[float, float]
) -> ProfileToTune:
    """Choose and convert the profile.

    Args:
        request: names, insulin, peak.
        raw: profile documents, or an OpenAPS profile, which is used as it is.
        treatments: as loaded, for Profile Switches.
        zone: the run's time zone.
        window_ms: first and last instant of the data.

    Raises:
        Refused: a `PROFILE_…` reason.
    """
    if pump := raw.bytes_of("pumpprofile"):
        given = as_it_is(pump, raw.bytes_of("autotune"))
        curve = json_object(pump, "the pump profile").get("curve")
        curve = curve if isinstance(curve, str) else None
        doubts = (*insulin_named(treatments, curve).doubts, *insulin_changed(treatments, zone, window_ms, curve))
        return replace(given, doubts=doubts)
    documents = raw.records("profile")
    applied = applied_profile(documents, treatments, zone, window_ms[1]) if request.profile is None else None
    active = in_force(
        documents,
        treatments,
        name=request.profile if applied is None else ACTIVE,
        window_start_ms=window_ms[0],
        window_end_ms=window_ms[1],
        zone=zone,
    )
    chosen = active.profile
    named = insulin_named(treatments, request.insulin)
    said_of_applied = (
        [translatable("{applied}, which was applied and is in force, is tuned.", applied=quoted(applied))]
        if applied
        else []
    )
    peak_min, notes = _peak(request, chosen.insulin_peak_min, named.peak_min)
    insulin = request.insulin or Insulin(named.curve or RAPID)
    if request.insulin is None and insulin != RAPID:
        notes.append(translatable("Insulin taken as {insulin}, as the data name it.", insulin=insulin))
    document, more = to_pumpprofile(chosen, insulin=insulin, peak_min=peak_min, zone=zone)
    said = [*said_of_applied, *chosen.notes, *active.warnings, *notes, *more]
    changed = insulin_changed(treatments, zone, window_ms, request.insulin, actions_of(active))
    dynamic = dynamic_isf(treatments, zone, window_ms, partial(isfs_at, active))
    doubts = (*named.doubts, *_short_dia(chosen.dia_h), *changed, *dynamic)
    known = request.insulin is not None or named.curve is not None or peak_min is not None
    return ProfileToTune(dump(document), None, active, chosen.basal_u_per_h, said, doubts, known)


def actions_of(active: ActiveProfiles) -> list[Action]:
    """How insulin acts by each profile that was in force for good."""
    return [
        Action(span.start_ms, span.profile.dia_h, span.profile.insulin_peak_min)
        for span in active.spans
        if span.profile is not None and not span.temporary
    ]


def _short_dia(dia_h: float | None) -> list[Doubt]:
    """A duration of insulin action that upstream's curves do not have, and raise."""
    if dia_h is None or dia_h >= SHORTEST_EXPONENTIAL_DIA_H:
        return []
    words = to_translate(
        "The profile's duration of insulin action is {dia_h:g} h, and these numbers are for {shortest_dia_h:g} h: in a "
        "system that goes on with the shorter one insulin still at work is not counted. Set it to {shortest_dia_h:g} h "
        "or more first."
    )
    return [amber_doubt(SHORT_DIA, words, dia_h=dia_h, shortest_dia_h=SHORTEST_EXPONENTIAL_DIA_H)]


def as_it_is(pump: bytes, start: bytes | None) -> ProfileToTune:
    """An OpenAPS profile, with a note where it has more than upstream tunes, or says it in two ways."""
    document = json_object(pump, "the pump profile")
    notes = [note for part in NAMES for note in _notes_on(NAMES[part], read_openaps_schedule(document, part))]
    notes += _note_on_sens(document)
    return ProfileToTune(pump, start, None, settings_of_bytes(pump), notes)


def _note_on_sens(document: dict[str, Any]) -> list[str]:
    """oref0 0.7.1 tunes the first of `isfProfile`; `sens` beside it is what other programs read."""
    sens = number_or_none(document.get("sens"))
    schedule = read_openaps_schedule(document, Part.ISF).schedule
    if sens is None or schedule is None or math.isclose(sens, schedule.blocks[0].value, rel_tol=SAME_ISF):
        return []
    return [
        translatable(
            "The profile's sens, {sens:g}, and the first of its isfProfile, {value:g}, differ: upstream tunes the one "
            "of isfProfile. Correct the one that is wrong.",
            sens=sens,
            value=schedule.blocks[0].value,
        )
    ]


def _notes_on(what: str, found: OpenapsSchedule) -> list[str]:
    notes = []
    if found.unread:
        notes.append(
            translatable(
                "The profile has several {what}, and their times or values cannot be read; autotune tunes one.",
                what=what,
            )
        )
    elif found.schedule is not None and different(found.schedule.distinct) > 1:
        notes.append(translatable("The profile has several {what}; autotune tunes one.", what=what))
    if found.ambiguous:
        named = ", ".join(found.ambiguous)
        notes.append(
            translatable(
                "Entries of the {what} have two times that differ: their offsets, {named}, were taken.",
                what=what,
                named=named,
            )
        )
    return notes


def openaps_schedules(pump: dict[str, Any]) -> tuple[Schedule, Schedule, str]:
    """ISF, carb ratio and units of a valid OpenAPS pump profile; its numbers are in mg/dL whatever it prefers.

    Upstream tunes the first ISF and `carb_ratio`, which stand for a schedule that is not there or cannot be read.
    """
    isf_profile = pump["isfProfile"]
    first = float(isf_profile["sensitivities"][0]["sensitivity"])
    isf = read_openaps_schedule(pump, Part.ISF).schedule or Schedule.constant(first)
    ratio = read_openaps_schedule(pump, Part.CARB_RATIO).schedule or Schedule.constant(float(pump["carb_ratio"]))
    preferred = unit_name(isf_profile.get("user_preferred_units")) or unit_name(pump.get("out_units"))
    return isf, ratio, preferred or MG_PER_DL


def settings_of_bytes(pump: bytes) -> Schedule:
    """The hourly basal schedule of an OpenAPS pump profile; a flat nothing where it has none (it is refused later)."""
    try:
        rates = settings_of(json_object(pump, "the pump profile")).basal_u_per_h
    except (KeyError, TypeError, ValueError, IndexError):
        return Schedule.constant(0.0)
    return Schedule(tuple(Block(hour * 60, rate) for hour, rate in enumerate(rates)))


PROFILE_PEAK_BEYOND = to_translate(
    "The profile's peak of insulin action is not between {low} and {high} min: the curve's was used."
)
DOSES_PEAK_BEYOND = to_translate(
    "The doses' peak of insulin action is not between {low} and {high} min: the curve's was used."
)
PROFILE_PEAK_USED = to_translate("The profile's own peak of insulin action was used: {own_min:g} min.")
DOSES_PEAK_USED = to_translate("The doses' own peak of insulin action was used: {own_min:g} min.")


def _peak(
    request: AnalysisRequest, of_profile_min: float | None, of_doses_min: float | None
) -> tuple[int | None, list[str]]:
    """The peak that was asked for, else the profile's, else that of the doses where nobody chose a curve."""
    if request.insulin is None and of_profile_min is None:
        own_min, beyond, used = of_doses_min, DOSES_PEAK_BEYOND, DOSES_PEAK_USED
    else:
        own_min, beyond, used = of_profile_min, PROFILE_PEAK_BEYOND, PROFILE_PEAK_USED
    if request.insulin_peak_min is not None or own_min is None:
        return request.insulin_peak_min, []
    low, high = PEAK_LIMITS_MIN
    if not low <= own_min <= high:
        return None, [translatable(beyond, low=low, high=high)]
    return round(own_min), [translatable(used, own_min=own_min)]
