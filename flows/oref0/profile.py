"""A therapy profile as upstream's pumpprofile.json, and upstream's profiles as typed settings.

Field list and defaults: oref0@0.7.1 lib/autotune-prep, lib/autotune, lib/iob, lib/profile/index.js (`defaults`).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flows.language.translatable import translatable
from flows.oref0.caps import DEFAULT_HIGH, DEFAULT_LOW
from flows.profiles.parse import TherapyProfile
from flows.settings import Insulin
from flows.values.parts import Part
from flows.values.units import HOURS_PER_DAY, MINUTES_PER_DAY

MIN_5M_CARBIMPACT_MGDL = 8
DEFAULT_PEAK_MIN = {Insulin.RAPID_ACTING.value: 75, Insulin.ULTRA_RAPID.value: 55}
DEFAULT_DIA_H, SHORTEST_EXPONENTIAL_DIA_H = 6.0, 5.0


@dataclass(frozen=True)
class PumpSettings:
    """The settings autotune is about: 24 hourly `basal_u_per_h`, one ISF, one carb ratio, and the insulin's action."""

    isf_mgdl_per_u: float
    carb_ratio_g_per_u: float
    basal_u_per_h: tuple[float, ...]
    dia_h: float | None
    insulin_peak_min: float | None

    def document(self) -> dict[str, Any]:
        """For JSON documents."""
        return {**asdict(self), "basal_u_per_h": list(self.basal_u_per_h)}

    @property
    def daily_basal_u(self) -> float:
        """Units of basal insulin a day."""
        return math.fsum(self.basal_u_per_h)


def to_pumpprofile(
    profile: TherapyProfile, *, insulin: Insulin, peak_min: int | None, zone: str
) -> tuple[dict[str, Any], list[str]]:
    """Upstream's pump profile for a therapy profile, and what had to be decided on the way.

    Basals are hourly means (upstream would sample the top of each hour). Of several sensitivities or carb ratios it
    holds the mean over the day, in whose place comes what `several_values` makes of the days of a run.
    """
    notes: list[str] = []
    if profile.basal_u_per_h.within_hours:
        notes.append("Basal rates change within an hour: the mean of each hour was used; the daily total is kept.")
    dia_h = _dia(profile.dia_h, notes)
    document: dict[str, Any] = {
        "min_5m_carbimpact": MIN_5M_CARBIMPACT_MGDL,
        "dia": int(dia_h) if dia_h == int(dia_h) else dia_h,
        "curve": insulin.value,
        "useCustomPeakTime": peak_min is not None,
        "insulinPeakTime": peak_min if peak_min is not None else DEFAULT_PEAK_MIN[insulin.value],
        "basalprofile": [
            {
                "i": hour,
                "minutes": hour * 60,
                "rate": round(rate, 3),
                "start": f"{hour:02d}:00:00",
            }
            for hour, rate in enumerate(profile.basal_u_per_h.hourly())
        ],
        "isfProfile": {
            "first": 1,
            "sensitivities": [
                {
                    "endoffset": MINUTES_PER_DAY,
                    "i": 0,
                    "offset": 0,
                    "sensitivity": round(profile.isf_mgdl_per_u.mean(), 3),
                    "start": "00:00:00",
                    "x": 0,
                }
            ],
            "units": "mg/dL",
            "user_preferred_units": "mg/dL",
        },
        "carb_ratio": round(profile.carb_ratio_g_per_u.mean(), 3),
        "autosens_max": DEFAULT_HIGH,
        "autosens_min": DEFAULT_LOW,
        "timezone": zone,
    }
    return document, notes


def _dia(dia_h: float | None, notes: list[str]) -> float:
    if dia_h is None:
        notes.append(
            translatable(
                "The profile names no duration of insulin action: {taken_h:g} h was taken.",
                taken_h=DEFAULT_DIA_H,
            )
        )
        return DEFAULT_DIA_H
    if dia_h < SHORTEST_EXPONENTIAL_DIA_H:
        notes.append(
            translatable(
                "The profile's duration of insulin action is {dia_h:g} h; upstream's insulin curves start at "
                "{least_h:g} h, which was used.",
                dia_h=dia_h,
                least_h=SHORTEST_EXPONENTIAL_DIA_H,
            )
        )
        return SHORTEST_EXPONENTIAL_DIA_H
    return dia_h


def settings_of(document: dict[str, Any]) -> PumpSettings:
    """The settings in one of upstream's profiles (pumpprofile.json, newprofile.DATE.json, profile.json).

    Each hour's basal is that of `block_at`, as oref0@0.7.1 lib/autotune/index.js reads a profile; ISF is the first
    sensitivity. Fields that are missing raise `KeyError` or `TypeError`.
    """
    blocks = [block_at(document["basalprofile"], hour) for hour in range(HOURS_PER_DAY)]
    return PumpSettings(
        isf_mgdl_per_u=float(document["isfProfile"]["sensitivities"][0]["sensitivity"]),
        carb_ratio_g_per_u=float(document["carb_ratio"]),
        basal_u_per_h=tuple(round(float(block["rate"]), 3) for block in blocks),
        dia_h=_maybe(document.get("dia")),
        insulin_peak_min=_peak(document),
    )


def scaled(document: dict[str, Any], part: Part, factor: float) -> dict[str, Any]:
    """A pump profile with one kind of setting, all basals or the ISF or the carb ratio, multiplied by a factor."""
    changed = copy.deepcopy(document)
    match part:
        case Part.ISF:
            for block in changed["isfProfile"]["sensitivities"]:
                block["sensitivity"] = round(block["sensitivity"] * factor, 3)
            if "sens" in changed:
                changed["sens"] = round(changed["sens"] * factor, 3)
        case Part.CARB_RATIO:
            changed["carb_ratio"] = round(changed["carb_ratio"] * factor, 3)
        case Part.BASAL:
            for block in changed["basalprofile"]:
                block["rate"] = round(block["rate"] * factor, 3)
    return changed


def block_at(blocks: Sequence[Any], hour: int) -> dict[str, Any]:
    """The block in force at an hour, as upstream makes a profile hourly: the last one starting at or before it."""
    return dict([b for b in blocks if b["minutes"] <= hour * 60][-1])


def _peak(document: dict[str, Any]) -> float | None:
    # lib/autotune/index.js: without a custom peak the curve's own is used.
    if not document.get("useCustomPeakTime"):
        return DEFAULT_PEAK_MIN.get(str(document.get("curve")))
    return _maybe(document.get("insulinPeakTime"))


def _maybe(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
