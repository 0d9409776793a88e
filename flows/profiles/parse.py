"""Nightscout profile documents, in all their shapes, as one typed therapy profile in mg/dL, U and g.

Knows nothing of upstream's files. What it has to assume it says in `notes`; what it cannot know it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flows.errors import Reason, Refused
from flows.language.translatable import translatable
from flows.nightscout.documents import Record
from flows.profiles.schedule_blocks import (
    check_range,
    optional_number,
    read_schedule,
    unusable,
)
from flows.profiles.stored import (
    StoredDocument,
    choose_name,
    document_in_force,
    find_name,
    stored_documents,
)
from flows.values.local_days import canonical_zone
from flows.values.numbers import number_or_none
from flows.values.schedule import Schedule
from flows.values.units import HOUR_MS, MGDL_PER_MMOLL, MINUTE_MS

# Beyond these a profile holds a slip or another unit: it is refused. Babies have 540 to 900, and AAPS allows 1000.
ACCEPTED_ISF_MGDL_PER_U = (5.0, 1000.0)
USUAL_ISF_MGDL_PER_U = (5.0, 500.0)
BASAL_LIMIT_U_PER_H = 35.0  # more than any pump delivers
ACCEPTED_CARB_RATIO_G_PER_U = (1.0, 200.0)
ACCEPTED_DIA_H = (1.0, 24.0)
LONG_DIA_H = 10.0
NEAR_ZERO_BASAL_U_PER_H = 0.1
ACTIVE = "active"  # the name that asks for what was in force at the end of the data
MG_PER_DL, MMOL_PER_L = "mg/dL", "mmol/L"
# The letters of every way to write them.
UNIT_NAMES = {
    **dict.fromkeys(("mgdl", "mg", "mgperdl"), MG_PER_DL),
    **dict.fromkeys(("mmol", "mmoll", "mmolperl", "mmols"), MMOL_PER_L),
}
# No one aims below 40 mg/dL or above 25 mmol/L: targets between the two say nothing about their unit.
HIGHEST_MMOLL_TARGET, LOWEST_MGDL_TARGET = 25.0, 40.0


@dataclass(frozen=True)
class TherapyProfile:
    """One named profile of one document.

    `basal_u_per_h`, `isf_mgdl_per_u` and `carb_ratio_g_per_u` are schedules over the local day; `dia_h` is the duration
    of insulin action in hours or `None`; `timezone` canonical or `None`; `units` the document's own ("mg/dL" or
    "mmol/L"); `names` all profiles of the document; `insulin_peak_min` the insulin's peak where the uploader names it.
    """

    name: str
    basal_u_per_h: Schedule
    isf_mgdl_per_u: Schedule
    carb_ratio_g_per_u: Schedule
    dia_h: float | None
    timezone: str | None
    units: str
    document_id: str | None
    start_date: str | None
    document_sha256: str
    names: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())
    insulin_peak_min: float | None = None


def named_zone(documents: list[Any], *, name: str | None, until_ms: float | None) -> str | None:
    """The time zone of the profile in force by the documents, canonical; `None` where none is named.

    Nothing else of the profile is read, so that a fault in a schedule is told where the profile is used.

    Raises:
        Refused: `NO_PROFILE`, `UNKNOWN_TIMEZONE`; `PROFILE_NOT_FOUND` for a name that was asked for.
    """
    document = document_in_force(stored_documents(documents, None), until_ms)
    if name not in (None, ACTIVE):
        chosen, _ = choose_name(document, name)
        return zone_in(document, document.store[chosen], None, [])
    default = find_name(document.names, document.record.get("defaultProfile"))
    return common_zone(document, [default] if default else document.names, None)


def common_zone(document: StoredDocument, names: Iterable[str], known: str | None) -> str | None:
    """The one zone that these profiles of a document name, canonical; `None` where it is none or several."""
    zones = {zone for name in names if (zone := zone_in(document, document.store[name], known, []))}
    return zones.pop() if len(zones) == 1 else None


def profile_in(
    document: StoredDocument,
    name: str,
    notes: Iterable[str] = (),
    *,
    zone: str | None,
    others: Iterable[StoredDocument] = (),
) -> TherapyProfile:
    """A named profile of a document.

    Args:
        document: the document.
        name: one of its names.
        notes: what was assumed on the way here.
        zone: the person's, where it is known otherwise: a zone of the document that no one knows is then no refusal.
        others: all documents of the same site: where this one names no units and they all agree, theirs are taken.

    Raises:
        Refused: `PROFILE_UNITS`, `PROFILE_UNITS_DOUBTFUL`, `PROFILE_FIELD`, `UNKNOWN_TIMEZONE`.
    """
    written = list(notes)
    body = document.store[name]
    units = _units(document, name, others, written)
    record = document.record
    return read_body(
        body,
        name=name,
        units=units,
        timezone=zone_in(document, body, zone, written),
        document_id=str(record["_id"]) if record.get("_id") else None,
        start_date=str(record["startDate"]) if record.get("startDate") else None,
        sha256=document.sha256,
        names=document.names,
        notes=written,
    )


def read_body(
    body: Record,
    *,
    name: str,
    units: str,
    timezone: str | None,
    document_id: str | None,
    start_date: str | None,
    sha256: str,
    names: tuple[str, ...],
    notes: list[str],
) -> TherapyProfile:
    """The profile in a store's entry or in a Profile Switch's `profileJson`, its units and time zone being known.

    Raises:
        Refused: `PROFILE_UNITS_DOUBTFUL`, `PROFILE_FIELD`.
    """
    factor = MGDL_PER_MMOLL if units == MMOL_PER_L else 1.0
    written = read_schedule(body.get("sens"), "insulin sensitivity", notes)
    isf = written.mapped(factor)
    check_range(isf, "insulin sensitivity", ACCEPTED_ISF_MGDL_PER_U, "mg/dL per U")
    if max(isf.distinct) > (most := USUAL_ISF_MGDL_PER_U[1]):
        notes.append(
            translatable(
                "The insulin sensitivity is above {most:g} mg/dL/U ({most_mmoll:.1f} mmol/L/U), as only small children "
                "have it: check that the profile's units are right before believing a recommendation.",
                most=most,
                most_mmoll=most / MGDL_PER_MMOLL,
            )
        )
    _check_targets(body, units, written)
    ratio = read_schedule(body.get("carbratio"), "carb ratio", notes)
    check_range(ratio, "carb ratio", ACCEPTED_CARB_RATIO_G_PER_U, "g per U")
    basal = read_schedule(body.get("basal"), "basal", notes)
    check_range(basal, "basal", (0.0, BASAL_LIMIT_U_PER_H), "U/h")
    if 0 < max(b.value for b in basal.blocks) < NEAR_ZERO_BASAL_U_PER_H:
        notes.append(
            translatable(
                "The basal is below {least:g} U/h all day. If the pump doses by itself in an "
                "automatic mode, this is not the basal it gives: enter that one before believing a recommendation.",
                least=NEAR_ZERO_BASAL_U_PER_H,
            )
        )
    insulin = body.get("iCfg") or body.get("icfg")
    dia_h, peak_min = _insulin_action(body.get("dia"), insulin if isinstance(insulin, dict) else {}, notes)
    return TherapyProfile(
        name=name,
        basal_u_per_h=basal,
        isf_mgdl_per_u=isf,
        carb_ratio_g_per_u=ratio,
        dia_h=dia_h,
        timezone=timezone,
        units=units,
        document_id=document_id,
        start_date=start_date,
        document_sha256=sha256,
        names=names,
        notes=tuple(dict.fromkeys(notes)),
        insulin_peak_min=peak_min,
    )


def zone_in(document: StoredDocument, body: Record, known: str | None, notes: list[str]) -> str | None:
    """The zone the profile or its document names, canonical; see `read_zone`.

    Raises:
        Refused: `UNKNOWN_TIMEZONE`.
    """
    return read_zone([body.get("timezone"), document.record.get("timezone")], known, notes)


def read_zone(written: Iterable[Any], known: str | None, notes: list[str]) -> str | None:
    """The first zone that is named, canonical; an unknown one is only noted where the zone is known otherwise.

    Raises:
        Refused: `UNKNOWN_TIMEZONE`.
    """
    for named in written:
        if isinstance(named, str) and named.strip():
            try:
                return canonical_zone(named[:80])
            except Refused:
                if known is None:
                    raise
                notes.append(
                    translatable(
                        "The profile's time zone {named!r} is not known; {known} was used, as asked for.",
                        named=named[:80],
                        known=known,
                    )
                )
                return None
    return None


def _units(document: StoredDocument, name: str, others: Iterable[StoredDocument], notes: list[str]) -> str:
    """The store's own units, else the document's, else a sibling's, else those all other documents agree on."""
    own, of_document = document.store[name].get("units"), unit_name(document.record.get("units"))
    if found := unit_name(own):
        if of_document not in (None, found):
            notes.append(
                translatable(
                    "The profile says {found} and its document {of_document}: the profile's own was taken.",
                    found=found,
                    of_document=of_document,
                )
            )
        return found
    if isinstance(own, str) and own.strip():
        notes.append("The profile's own units are not understood; the document's were looked at instead.")
    if of_document:
        return of_document
    if siblings := units_in(document):
        said = "The profile names no units; {} was taken from another profile of the same document."
        return only_units(siblings, said, notes)
    elsewhere = {u for d in others for u in units_in(d)}
    said = "The profile document names no units; {} was taken from the site's other documents."
    return only_units(elsewhere, said, notes)


def units_in(document: StoredDocument) -> set[str]:
    """All units that a document and its profiles name."""
    written = [document.record.get("units"), *(b.get("units") for b in document.store.values())]
    return {u for w in written if (u := unit_name(w))}


def only_units(found: set[str], said: str, notes: list[str]) -> str:
    """The units where all agree on them; `said` says where from, with `{}` for the units.

    Raises:
        Refused: `PROFILE_UNITS` where none are named, or several.
    """
    if len(found) != 1:
        raise Refused(Reason.PROFILE_UNITS)
    (units,) = found
    notes.append(said.format(units))
    return units


def unit_name(value: Any) -> str | None:
    """`mg/dL` or `mmol/L` for any way to write them, else `None`."""
    return UNIT_NAMES.get(re.sub(r"[^a-z]", "", value.lower())) if isinstance(value, str) else None


def _check_targets(body: Record, units: str, sensitivity: Schedule) -> None:
    """Refuse units that the profile's own targets contradict, where its sensitivities could be in either.

    Nightscout, AAPS, Loop and Trio write the targets in the same units as the sensitivities. Without targets a baby's
    sensitivity in mmol/L, 30, may as well be anybody's in mg/dL.
    """
    targets = [t for key in ("target_low", "target_high") for t in _values(body.get(key)) if t > 0]
    if not targets:
        if units == MMOL_PER_L and max(sensitivity.distinct) * MGDL_PER_MMOLL > USUAL_ISF_MGDL_PER_U[1]:
            raise Refused(Reason.PROFILE_UNITS_DOUBTFUL, units=units, other=MG_PER_DL)
        return
    if units == MG_PER_DL and max(targets) < HIGHEST_MMOLL_TARGET:
        other, factor = MMOL_PER_L, MGDL_PER_MMOLL
    elif units == MMOL_PER_L and min(targets) > LOWEST_MGDL_TARGET:
        other, factor = MG_PER_DL, 1.0
    else:
        return
    low, high = USUAL_ISF_MGDL_PER_U
    if all(low <= b.value * factor <= high for b in sensitivity.blocks):
        raise Refused(Reason.PROFILE_UNITS_DOUBTFUL, units=units, other=other)


def _values(schedule: Any) -> list[float]:
    items = schedule if isinstance(schedule, list) else [schedule]
    found = [number_or_none(item.get("value") if isinstance(item, dict) else item) for item in items]
    return [value for value in found if value is not None]


def _insulin_action(dia: Any, insulin: Record, notes: list[str]) -> tuple[float | None, float | None]:
    """Duration in hours and peak in minutes; newer AAPS writes an insulin object (milliseconds) beside `dia`."""
    what = "duration of insulin action"
    ends_ms = optional_number(insulin.get("insulinEndTime"), what)
    peak_ms = optional_number(insulin.get("insulinPeakTime"), "peak of insulin action")
    peak_min = peak_ms / MINUTE_MS if peak_ms and 10 * MINUTE_MS <= peak_ms <= 180 * MINUTE_MS else None
    dia_h = optional_number(dia, what)
    if dia_h is None and ends_ms:
        dia_h = ends_ms / HOUR_MS
    if dia_h is None:
        return None, peak_min
    if dia_h == 0:
        notes.append("The profile's duration of insulin action is 0, which is none at all: it counts as missing.")
        return None, peak_min
    low, high = ACCEPTED_DIA_H
    if not low <= dia_h <= high:
        raise unusable(what, translatable("it is outside {low:g}–{high:g} hours", low=low, high=high))
    if dia_h > LONG_DIA_H:
        notes.append(
            translatable(
                "The profile's duration of insulin action is above {most_h:g} h; please check it.",
                most_h=LONG_DIA_H,
            )
        )
    return dia_h, peak_min
