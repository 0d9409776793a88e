"""Valid proposals of version 3 from given current and recommended values, and runs that hold them."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.nightscout.documents import Record
from flows.profiles.parse import unit_name
from flows.profiles.raw_files import RawFiles
from flows.profiles.schedule_blocks import clock_text, read_schedule
from flows.profiles.stored import document_sha256
from flows.proposal.document import Proposal, mmoll
from flows.proposal.sealed import seal
from flows.values.run_directory import RunDirectory
from flows.values.units import MGDL_PER_MMOLL
from flows.writeback.active_on_site import store_of
from tests.proposal_case import glucose

NOW = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
SITE = "https://my.site.example"


def profile_document(**changes: Any) -> Record:
    """A profile document as AAPS and Nightscout's editor leave it: two profiles, targets, fields nobody knows.

    Its blocks of ISF and carb ratio have one value: of several no recommendation is trusted.
    """
    body = {
        "dia": 6,
        "carbratio": [
            {"time": "00:00", "value": 10, "timeAsSeconds": 0, "mark": "kept"},
            {"time": "12:00", "value": 10, "timeAsSeconds": 43200},
        ],
        "sens": [
            {"time": "00:00", "value": 50, "timeAsSeconds": 0},
            {"time": "06:00", "value": 50, "timeAsSeconds": 21600},
        ],
        "basal": [
            {"time": "00:00", "value": 0.8, "timeAsSeconds": 0},
            {"time": "06:00", "value": 1.0, "timeAsSeconds": 21600},
        ],
        "target_low": [{"time": "00:00", "value": 90, "timeAsSeconds": 0}],
        "target_high": [{"time": "00:00", "value": 110, "timeAsSeconds": 0}],
        "timezone": "Europe/Paris",
        "units": "mg/dl",
        "delay": "20",
        "somethingNew": {"deep": [1, 2.5, None, True, "text"]},
    }
    document = {
        "_id": "0123456789abcdef01234567",
        "defaultProfile": "Day",
        "startDate": "2026-11-01T08:00:00.000Z",
        "created_at": "2026-11-01T08:00:01.000Z",
        "mills": "0",
        "units": "mg/dl",
        "enteredBy": "somebody",
        "store": {"Day": body, "Night shift": {**copy.deepcopy(body), "dia": "5", "notes": "a sibling"}},
        "unknownToUs": {"kept": ["as", "it", "is"]},
    }
    return {**document, **changes}


def with_several(field: str, *values: float, **changes: Any) -> Record:
    """The document with these values of `sens` or `carbratio`, one after the other through the day."""
    document = profile_document(**changes)
    for body in document["store"].values():
        body[field] = [{"time": f"{2 * n:02d}:00", "value": v, "timeAsSeconds": 7200 * n} for n, v in enumerate(values)]
    return document


def as_one(part: str, made_from: str, *amounts: int) -> Callable[[dict[str, Any]], None]:
    """Of these several values upstream was given one, made of what was in each block; those with nothing stay."""

    def change(document: dict[str, Any]) -> None:
        meals = sum(amounts) if part == "cr" else None
        one = {"part": part, "made_from": made_from, "factor": 0.9, "meals": meals}
        document["for_pump"]["one_for_several"] = [one]
        blocks, key = ("carb_ratio", "meals") if part == "cr" else ("isf", "points")
        for block, amount in zip(document["for_pump"][blocks], amounts, strict=True):
            block[key] = amount
            if not amount:
                block |= {k.replace("current", "recommended"): v for k, v in block.items() if "current" in k}

    return change


def mmol_document() -> Record:
    """The same person in mmol/L."""
    document = json.loads(json.dumps(profile_document(units="mmol")))
    for body in document["store"].values():
        body["units"] = "mmol"
        for field in ("sens", "target_low", "target_high"):
            for entry in body[field]:
                entry["value"] = round(entry["value"] / MGDL_PER_MMOLL, 1)
    return dict(document)


def proposal(
    source: Record,
    *,
    factor: float = 0.9,
    name: str | None = None,
    site: str | None = SITE,
    created_at: datetime = NOW,
    colour: str = "green",
    run: str = "20261122-120000-abc123",
    change: Callable[[dict[str, Any]], None] | None = None,
    units: str | None = None,
    step: str | None = "change",
) -> Proposal:
    """A sealed proposal for a profile of `source` whose every number is the current one times `factor`, rounded.

    Args:
        source: the profile document.
        factor: of basal and carb ratio; ISF goes the other way.
        name: the profile; the document's default when left out.
        change: changes the document before it is sealed.
        step: its kind: `change` goes half of the way, the others change nothing; `None` as an earlier version.
    """
    store = store_of(source)
    name = name or (source.get("defaultProfile") if source.get("defaultProfile") in store else next(iter(store)))
    body = store[str(name)]
    unit = units or unit_name(body.get("units")) or unit_name(source.get("units")) or "mg/dL"
    mmol = unit == "mmol/L"
    old = {f: read_schedule(body.get(f), f, []) for f in ("basal", "sens", "carbratio")}
    basal = [round(v, 3) for v in old["basal"].hourly()]
    for_pump = [round(round(v * factor / 0.05) * 0.05, 2) or 0.05 for v in basal]
    isf_step = 0.1 if mmol else 1.0
    isf_scale = MGDL_PER_MMOLL if mmol else 1.0
    isf_blocks = []
    for block in old["sens"].blocks:
        new = round(round(block.value / factor / isf_step) * isf_step, 1)
        isf_blocks.append(
            {
                "start": clock_text(block.minutes),
                "current_mgdl_per_u": round(block.value * isf_scale, 3),
                "current_mmoll_per_u": block.value if mmol else mmoll(block.value),
                "recommended_mgdl_per_u": round(new * isf_scale, 3),
                "recommended_mmoll_per_u": new if mmol else mmoll(new),
            }
        )
    carb_blocks = [
        {
            "start": clock_text(b.minutes),
            "current_g_per_u": b.value,
            "recommended_g_per_u": round(b.value * factor, 1),
        }
        for b in old["carbratio"].blocks
    ]
    isf = old["sens"].mean() * isf_scale
    ratio = old["carbratio"].mean()
    document: dict[str, Any] = {
        "schema_version": 3,
        "proposal_id": run,
        "created_at": created_at.isoformat(timespec="seconds"),
        "timezone": "Europe/Paris",
        "inputs": "corrected",
        "units": unit,
        "site_sha256": hashlib.sha256(site.encode()).hexdigest() if site else None,
        "profile": {
            "name": name,
            "document_id": source.get("_id"),
            "start_date": source.get("startDate"),
            "document_sha256": document_sha256(source),
            "units": unit,
        },
        "current": _settings(isf, ratio, basal),
        "recommended": _settings(isf / factor, ratio * factor, [round(v * factor, 3) for v in basal]),
        "for_pump": {
            "basal_step_u_per_h": 0.05,
            "isf_step": isf_step,
            "carb_ratio_step_g_per_u": 0.1,
            "basal_u_per_h": for_pump,
            "daily_basal_u": round(sum(for_pump), 2),
            "isf": isf_blocks,
            "carb_ratio": carb_blocks,
            "remarks": [],
        },
        "verdict": {
            "colour": colour,
            "nothing_to_change": False,
            "worth_changing": ["isf", "carb_ratio", "daily_basal", *(f"basal_{hour:02d}" for hour in range(24))],
            "headline": "a headline",
            "reasons": [],
            "rules_checked": [],
        },
        "evidence": _evidence(isf, ratio, factor, basal, for_pump),
        "glucose": glucose(below_63_percent=0.4, above_140_percent=20.0).model_dump(mode="json"),
        "without_correction": None,
        "days": [{"date": "2026-11-21", "status": "used", "reason": None}],
        "warnings": [],
        "ledger": {},
        "engine": {"oref0": "0.7.1"},
        "options": {"site": site} if site else {"from_directory": "data"},
        "rests_on": {},
    }
    if step is not None:
        document["step"] = _step(step, basal, for_pump, carb_blocks)
    if change:
        change(document)
    whole = Proposal.model_validate(document).model_dump(mode="json")
    return Proposal.model_validate(seal(whole))


def run_with(
    path: Path, made: Proposal, documents: list[Record], sealed: Callable[[dict[str, Any]], Any] | None = None
) -> RunDirectory:
    """A run directory as a run leaves it, as far as writing back reads it; `sealed` changes it after it was sealed."""
    run = RunDirectory.create(path / made.proposal_id, NOW)
    raw = RawFiles(run)
    raw.write("profile", json.dumps(documents).encode(), len(documents))
    raw.close(1)
    document = made.model_dump(mode="json")
    if sealed:
        sealed(document)
    run.write_json("proposal.json", document)
    return run


BECAUSE = {"keep": "nothing_wanted", "wait": "cool_down", "take-back": "last_step_harmed"}


def _step(kind: str, basal: list[float], for_pump: list[float], ratios: list[dict[str, Any]]) -> dict[str, Any]:
    half = [round(round((now + new) / 2 / 0.05 - 0.01) * 0.05, 2) for now, new in zip(basal, for_pump, strict=True)]
    changes = [
        {"part": "basal", "start": f"{hour:02d}:00", "current": now, "new": half[hour], "upstream": for_pump[hour]}
        for hour, now in enumerate(basal)
        if half[hour] not in (now, 0.0)
    ]
    for block in ratios:
        now, upstream = block["current_g_per_u"], block["recommended_g_per_u"]
        numbers = {"current": now, "new": round((now + upstream) / 2, 1), "upstream": upstream}
        changes += [{"part": "cr", "start": block["start"], **numbers}] if numbers["new"] != now else []
    is_change = kind == "change" and bool(changes)
    kind = "keep" if kind == "change" and not changes else kind
    return {
        "kind": kind,
        "said": None if is_change else {"because": BECAUSE[kind], "facts": {"days_left": 3}},
        "changes": changes if is_change else [],
        "daily_basal_current_u": round(sum(basal), 3),
        "daily_basal_new_u": round(sum(half if is_change else basal), 3),
        "look_again_after_days": 7,
        "baseline_is_in_use": True,
    }


def _settings(isf: float, ratio: float, basal: list[float]) -> dict[str, Any]:
    return {
        "isf_mgdl_per_u": isf,
        "isf_mmoll_per_u": mmoll(isf),
        "carb_ratio_g_per_u": ratio,
        "basal_u_per_h": basal,
        "daily_basal_u": round(sum(basal), 3),
        "dia_h": 6.0,
        "insulin_peak_min": 75.0,
    }


def _evidence(isf: float, ratio: float, factor: float, basal: list[float], for_pump: list[float]) -> dict[str, Any]:
    def both(key: str, mgdl: float | None) -> dict[str, Any]:
        return {f"{key}_mgdl_per_u": mgdl, f"{key}_mmoll_per_u": None if mgdl is None else mmoll(mgdl)}

    unknown = {"at_cap": None, "agreement": None, "explanation": []}
    return {
        "isf": {
            **both("current", isf),
            **both("recommended", isf / factor),
            "change_percent": 100 * (1 / factor - 1),
            **both("cap_low", isf * 0.7),
            **both("cap_high", isf * 1.2),
            **both("interval_low", None),
            **both("interval_high", None),
            "points": None,
            "days_too_few_points": None,
            **unknown,
        },
        "carb_ratio": {
            "current_g_per_u": ratio,
            "recommended_g_per_u": ratio * factor,
            "change_percent": 100 * (factor - 1),
            "cap_low_g_per_u": ratio * 0.7,
            "cap_high_g_per_u": ratio * 1.2,
            "interval_low_g_per_u": None,
            "interval_high_g_per_u": None,
            "periods_used": None,
            "periods_ignored": None,
            "carbs_g": None,
            "insulin_u": None,
            **unknown,
        },
        "basal": [
            {
                "hour": hour,
                "current_u_per_h": rate,
                "recommended_u_per_h": rate * factor,
                "for_pump_u_per_h": for_pump[hour],
                "change_percent": 100 * (factor - 1),
                "cap_low_u_per_h": rate * 0.7,
                "cap_high_u_per_h": rate * 1.2,
                "interval_low_u_per_h": None,
                "interval_high_u_per_h": None,
                "points": None,
                "days_missing": 0,
                "total_deviation_mgdl": None,
                "total_deviation_mmoll": None,
                **unknown,
            }
            for hour, rate in enumerate(basal)
        ],
        "repetitions": None,
        "why_no_repetitions": "a test",
        "held_out": None,
        "sensitivity": [],
    }
