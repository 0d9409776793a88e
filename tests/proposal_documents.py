"""Invented proposals of version 2 and run directories around them, for tests of what reads them."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flows.proposal.document import Proposal, mmoll
from flows.proposal.sealed import seal

SITE = "https://site.example"
DAY = date(2026, 5, 1)


def settings(isf: float, carb_ratio: float, basal: float | list[float]) -> dict[str, Any]:
    hours = basal if isinstance(basal, list) else [basal] * 24
    return {
        "isf_mgdl_per_u": isf,
        "isf_mmoll_per_u": mmoll(isf),
        "carb_ratio_g_per_u": carb_ratio,
        "basal_u_per_h": hours,
        "daily_basal_u": round(sum(hours), 3),
        "dia_h": 6.0,
        "insulin_peak_min": 75.0,
    }


def proposal(
    *,
    run: str = "20260515-020000-aaaaaa",
    created_at: str = "2026-05-15T02:00:00+00:00",
    first: date = DAY,
    days: int = 14,
    current: dict[str, Any] | None = None,
    recommended: dict[str, Any] | None = None,
    units: str = "mg/dL",
    site: str | None = SITE,
    name: str = "Default",
    colour: str = "green",
    title: str = "A reason",
    sentence: str = "Every number is within what upstream may move.",
    facts: dict[str, float | str] | None = None,
    in_range: float | None = 71.0,
    below: float = 3.0,
    **changes: Any,
) -> dict[str, Any]:
    """A sealed document that the models accept."""
    now = current or settings(50.0, 10.0, 0.8)
    new = recommended or settings(54.25, 9.1, 0.85)
    agreement = {"moves_up": 94, "moves_down": 6, "unchanged": 0, "share": 0.94}
    nobody: dict[str, Any] = {"explanation": [], "at_cap": None}
    hours = [
        {
            **nobody,
            "hour": hour,
            "current_u_per_h": was,
            "recommended_u_per_h": will,
            "for_pump_u_per_h": round(round(will / 0.05) * 0.05, 4),
            "change_percent": round(100 * (will - was) / was, 1),
            "cap_low_u_per_h": 0.7 * was,
            "cap_high_u_per_h": 1.2 * was,
            "interval_low_u_per_h": 0.95 * will,
            "interval_high_u_per_h": 1.05 * will,
            "agreement": agreement,
            "points": 120,
            "days_missing": 0,
            "total_deviation_mgdl": 12.0,
            "total_deviation_mmoll": mmoll(12.0),
        }
        for hour, (was, will) in enumerate(zip(now["basal_u_per_h"], new["basal_u_per_h"], strict=True))
    ]
    pump_basal = [h["for_pump_u_per_h"] for h in hours]
    document = {
        "schema_version": 2,
        "proposal_id": run,
        "created_at": created_at,
        "timezone": "Europe/Paris",
        "inputs": "corrected",
        "units": units,
        "site_sha256": hashlib.sha256(site.encode()).hexdigest() if site else None,
        "profile": {"name": name, "units": units, "document_id": "0" * 24, "pump_sha256": "1" * 64},
        "current": now,
        "recommended": new,
        "for_pump": {
            "basal_step_u_per_h": 0.05,
            "isf_step": 1.0,
            "carb_ratio_step_g_per_u": 0.1,
            "basal_u_per_h": pump_basal,
            "daily_basal_u": round(sum(pump_basal), 3),
            "isf": [
                {
                    "start": "00:00",
                    "current_mgdl_per_u": now["isf_mgdl_per_u"],
                    "current_mmoll_per_u": now["isf_mmoll_per_u"],
                    "recommended_mgdl_per_u": new["isf_mgdl_per_u"],
                    "recommended_mmoll_per_u": new["isf_mmoll_per_u"],
                }
            ],
            "carb_ratio": [
                {
                    "start": "00:00",
                    "current_g_per_u": now["carb_ratio_g_per_u"],
                    "recommended_g_per_u": new["carb_ratio_g_per_u"],
                }
            ],
            "remarks": [],
        },
        "verdict": {
            "colour": colour,
            "nothing_to_change": False,
            "headline": "A change worth talking over.",
            "reasons": [
                {
                    "rule": "a_rule",
                    "colour": colour,
                    "title": title,
                    "sentence": sentence,
                    "source": "tests",
                    "facts": facts or {},
                }
            ],
            "rules_checked": ["a_rule"],
        },
        "evidence": {
            "isf": {
                **nobody,
                **_both("current", now["isf_mgdl_per_u"]),
                **_both("recommended", new["isf_mgdl_per_u"]),
                **_both("cap_low", 0.8 * now["isf_mgdl_per_u"]),
                **_both("cap_high", 1.4 * now["isf_mgdl_per_u"]),
                **_both("interval_low", 0.97 * new["isf_mgdl_per_u"]),
                **_both("interval_high", 1.03 * new["isf_mgdl_per_u"]),
                "change_percent": 8.5,
                "agreement": agreement,
                "points": 200,
                "days_too_few_points": 0,
            },
            "carb_ratio": {
                **nobody,
                "current_g_per_u": now["carb_ratio_g_per_u"],
                "recommended_g_per_u": new["carb_ratio_g_per_u"],
                "change_percent": -9.0,
                "cap_low_g_per_u": 7.0,
                "cap_high_g_per_u": 12.0,
                "interval_low_g_per_u": 0.9 * new["carb_ratio_g_per_u"],
                "interval_high_g_per_u": 1.1 * new["carb_ratio_g_per_u"],
                "agreement": agreement,
                "periods_used": 20,
                "periods_ignored": 2,
                "carbs_g": 900.0,
                "insulin_u": 95.0,
            },
            "basal": hours,
            "repetitions": {
                "count": 100,
                "failed": 0,
                "seed": 1,
                "block_days": 2,
                "share": 0.9,
                "ceiling": 120,
                "clear": True,
            },
            "why_no_repetitions": None,
            "held_out": None,
            "sensitivity": [],
        },
        "glucose": None if in_range is None else glucose(in_range, below, days),
        "without_correction": None,
        "days": [
            {"date": str(first + timedelta(days=n)), "status": "used", "reason": None, "quality": "green"}
            for n in range(days)
        ],
        "warnings": [],
        "ledger": {},
        "engine": {"oref0": "0.7.1"},
        "options": {},
        "rests_on": {},
        **changes,
    }
    return seal(json.loads(Proposal.model_validate_json(json.dumps(document)).model_dump_json()))


def glucose(in_range: float, below: float, days: int, coverage: float = 95.0) -> dict[str, Any]:
    names = [f"{p}_{u}" for p in ("p5", "p25", "median", "p75", "p95") for u in ("mgdl", "mmoll")]
    return {
        "readings": 288 * days,
        "days": days,
        "coverage_percent": coverage,
        "mean_mgdl": 146.0,
        "mean_mmoll": mmoll(146.0),
        "cv_percent": 33.0,
        "below_54_percent": round(below / 4, 3),
        "from_54_to_69_percent": round(below * 3 / 4, 3),
        "in_range_70_180_percent": in_range,
        "from_181_to_250_percent": round((100 - in_range - below) * 0.8, 3),
        "above_250_percent": round((100 - in_range - below) * 0.2, 3),
        "lows": 3,
        "rises_after_lows_without_carbs": 0,
        "unannounced_share_percent": 10.0,
        "by_hour": [{"hour": h, "readings": 12 * days, **dict.fromkeys(names)} for h in range(24)],
    }


def run_directory(root: Path, document: dict[str, Any], site: str | None = SITE, **options: Any) -> Path:
    """A finished run around a proposal, as its readers see it."""
    run = root / str(document["proposal_id"])
    run.mkdir(parents=True)
    (run / "proposal.json").write_text(json.dumps(document))
    asked = {"site": site, "from_directory": None, "profile": None, **options}
    manifest = {"status": "proposal", "written_at": document["created_at"], "options": asked}
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def refused_run(root: Path, name: str, written_at: str, code: str = "no_entries", **options: Any) -> Path:
    """A run that ended without a proposal."""
    run = root / name
    run.mkdir(parents=True)
    asked = {"site": SITE, "from_directory": None, "profile": None, **options}
    manifest = {
        "status": "refused",
        "written_at": written_at,
        "reasons": ["There is not enough glucose data."],
        "reason_codes": [code],
        "options": asked,
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def _both(name: str, mgdl: float) -> dict[str, float]:
    return {f"{name}_mgdl_per_u": mgdl, f"{name}_mmoll_per_u": mmoll(mgdl)}
