"""Proposals of invented people for tests of the report: coherent numbers from a formula, no run needed."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from typing import Any

from flows.judgement.headline import headline_of_step
from flows.oref0.caps import Caps
from flows.proposal.consensus_limits import beyond_limits
from flows.proposal.document import Colour, Proposal, maybe_mmoll, mmoll
from flows.proposal.sealed import seal
from flows.proposal.step import next_step
from flows.proposal.step_case import StepCase
from flows.values.units import MGDL_PER_MMOLL

FIRST_DAY = date(2026, 3, 20)
CAP_LOW, CAP_HIGH = 0.7, 1.2


def document(
    *,
    units: str = "mg/dL",
    colour: str = "amber",
    days: int = 14,
    blocks: int = 1,
    evidence: bool = True,
    glucose: bool = True,
    nothing_to_change: bool = False,
    step: bool = False,
    seed: int = 1,
) -> dict[str, Any]:
    """A proposal document (not yet sealed), to be changed as a test needs.

    Args:
        units: of the source profile.
        colour: of the verdict.
        days: asked for; the fifth of more than five is left out.
        blocks: of the ISF and carb ratio schedules, all with one value.
        evidence: without it everything that may be missing is.
        glucose: whether the document holds the window's glucose.
        nothing_to_change: whether the verdict says so.
        step: whether it ends in one, as those since schema 3 do; the verdict is of both then.
        seed: of the small random differences.
    """
    chance = random.Random(seed)  # noqa: S311
    now = [round((0.8 + 0.25 * math.sin((h - 3) / 24 * 2 * math.pi)) * 20) / 20 for h in range(24)]
    new = [_tuned(rate, hour, chance) for hour, rate in enumerate(now)]
    if nothing_to_change:
        new = [round(rate * 1.004, 3) for rate in now]
    pump = [round(rate * 20) / 20 for rate in new]
    isf_now, isf_new = (54.0, 49.316)
    ratio_now, ratio_new = (10.0, 8.714)
    mmol = units == "mmol/L"
    made: dict[str, Any] = {
        "schema_version": 2,
        "proposal_id": "20261125-215733-a1b2c3",
        "created_at": "2026-11-25T21:57:33+00:00",
        "timezone": "Europe/Berlin",
        "inputs": "corrected",
        "units": units,
        "site_sha256": "5b" * 32,
        "profile": {
            "name": "Workdays",
            "document_id": "69af7b35d3a4238435ff6b65",
            "start_date": "2026-03-10T02:00:21Z",
            "document_sha256": "e2ce" * 16,
            "pump_sha256": "ed07" * 16,
            "units": units,
        },
        "current": _settings(isf_now, ratio_now, now),
        "recommended": _settings(isf_new, ratio_new, new),
        "for_pump": {
            "basal_step_u_per_h": 0.05,
            "isf_step": 0.1 if mmol else 1.0,
            "carb_ratio_step_g_per_u": 0.1,
            "basal_u_per_h": pump,
            "daily_basal_u": round(sum(pump), 3),
            "isf": _isf_blocks(isf_now, isf_new, blocks, mmol),
            "carb_ratio": [
                {
                    "start": start,
                    "current_g_per_u": ratio_now,
                    "recommended_g_per_u": round(ratio_new, 1),
                }
                for start in _starts(blocks)
            ],
            "remarks": ["The daily total is kept; single hours are rounded up or down for it."],
        },
        "verdict": {
            **_verdict(colour, nothing_to_change),
            "worth_changing": () if nothing_to_change else _worth(now, new),
        },
        "evidence": _evidence(now, new, pump, (isf_now, isf_new), (ratio_now, ratio_new), evidence, chance),
        "glucose": _glucose(chance, days) if glucose else None,
        "without_correction": {
            "recommended": _settings(47.25, ratio_new, [*new[:4], *(round(rate * 0.98, 3) for rate in new[4:])]),
            "reason": None,
            "reason_code": None,
            "changed": ["ISF: 49.316 mg/dL per U instead of 47.25"],
        }
        if evidence
        else None,
        "days": [_day(n, chance) for n in range(days)],
        "curves": [_curve(n) for n in range(days)] if glucose else [],
        "warnings": ["Upstream's smoothing of hours without data moved the basal at 03:00 beyond its own caps."],
        "ledger": _ledger() if evidence else {},
        "engine": {
            "engine": "node",
            "node": "v24.11.0",
            "oref0": "0.7.1",
            "faster": True,
            "refused": [],
            "untouched_days": {},
            "check": {"date": "2026-03-22", "same": True},
            "redone": False,
        },
        "options": {"days": days, "insulin": "rapid-acting", "resamples": 100, "uam_as_basal": False, "site": None},
        "rests_on": {
            f"work/autotune/{name}.{FIRST_DAY + timedelta(days=n)}.json": f"{n:02x}" * 32
            for n in range(days)
            for name in ("autotune", "newprofile")
        },
    }
    return _with_step(made) if step else made


def proposal(**options: Any) -> Proposal:
    """The same, sealed and validated."""
    return sealed(document(**options))


def sealed(changed: dict[str, Any]) -> Proposal:
    """A document of a test as a proposal; lone surrogates, which a hash cannot hold, are sealed as if escaped."""
    try:
        return Proposal.model_validate(seal(changed))
    except UnicodeEncodeError:
        return Proposal.model_validate({**changed, "sha256": "0" * 64})


def stepped(
    *,
    basal: float = 1.0,
    ratio: float = 10.0,
    shares: dict[str, float] | None = None,
    units: str = "mg/dL",
    seal_with: dict[str, Any] | None = None,
    **of_case: Any,
) -> Proposal:
    """A proposal whose step comes of what upstream says, and whose verdict has that step's headline.

    Args:
        basal: by which upstream multiplies each hour's rate; every fifth hour's by a tenth more.
        ratio: upstream's carb ratio in g/U; 10 is in use.
        shares: of glucose, in percent, by the names of their fields.
        units: of the source profile.
        seal_with: parts of the document to seal in the place of those made.
        of_case: more of the case of the step, such as the follow-up of the last one.
    """
    made = document(units=units)
    made["glucose"] |= shares or {}
    new = [
        round(rate * (basal + (0.1 * (basal != 1) if hour % 5 == 0 else 0)), 3)
        for hour, rate in enumerate(made["current"]["basal_u_per_h"])
    ]
    made["recommended"] |= {"basal_u_per_h": new, "daily_basal_u": round(sum(new), 3), "carb_ratio_g_per_u": ratio}
    made["for_pump"]["carb_ratio"][0]["recommended_g_per_u"] = ratio
    whole = sealed(made)
    caps = Caps(CAP_LOW, CAP_HIGH)
    step = next_step(StepCase(whole.current, whole.recommended, whole.for_pump, caps, whole.glucose, **of_case))
    beyond = beyond_limits(whole)
    verdict = {
        **made["verdict"],
        "headline": headline_of_step(whole.verdict.colour, step, beyond),
        "beyond_limits": list(beyond),
    }
    stepped_one = {"schema_version": 3, "verdict": verdict, "verdict_of_all": made["verdict"]}
    return sealed({**made, **stepped_one, "step": step.model_dump(mode="json"), **(seal_with or {})})


# --- parts -----------------------------------------------------------------------------------------------------------


def _with_step(made: dict[str, Any]) -> dict[str, Any]:
    whole = sealed(made)
    against = ["too_little_data"] if whole.verdict.colour is Colour.RED else []
    caps = Caps(CAP_LOW, CAP_HIGH)
    step = next_step(StepCase(whole.current, whole.recommended, whole.for_pump, caps, whole.glucose, against=against))
    return {**made, "schema_version": 3, "verdict_of_all": made["verdict"], "step": step.model_dump(mode="json")}


def _tuned(rate: float, hour: int, chance: random.Random) -> float:
    wanted = rate * (1.28 if 3 <= hour < 8 else 0.86 if 15 <= hour < 18 else 1 + chance.uniform(-0.06, 0.08))
    return round(min(max(wanted, rate * CAP_LOW), rate * CAP_HIGH), 3)


def _settings(isf: float, ratio: float, basal: list[float]) -> dict[str, Any]:
    return {
        "isf_mgdl_per_u": isf,
        "isf_mmoll_per_u": mmoll(isf),
        "carb_ratio_g_per_u": ratio,
        "basal_u_per_h": basal,
        "daily_basal_u": round(sum(basal), 3),
        "dia_h": 6.0,
        "insulin_peak_min": 75,
    }


def _starts(blocks: int) -> list[str]:
    return [f"{24 * n // blocks:02d}:{'30' if n % 2 else '00'}" for n in range(blocks)]


def _isf_blocks(now: float, new: float, blocks: int, mmol: bool) -> list[dict[str, Any]]:
    made = []
    for start in _starts(blocks):
        current = now  # one value: of several nothing is to be entered
        wanted = current * new / now
        rounded = round(wanted / MGDL_PER_MMOLL, 1) * MGDL_PER_MMOLL if mmol else float(round(wanted))
        made.append(
            {
                "start": start,
                "current_mgdl_per_u": current,
                "current_mmoll_per_u": mmoll(current),
                "recommended_mgdl_per_u": round(rounded, 3),
                "recommended_mmoll_per_u": mmoll(rounded),
            }
        )
    return made


def _verdict(colour: str, nothing: bool) -> dict[str, Any]:
    headlines = {
        "green": "The evidence is consistent; the recommendation can be discussed as it stands",
        "amber": "Worth discussing, with care for the points below",
        "red": "Not to be used: the data do not carry a change of settings",
    }
    reasons = {
        "red": ("lows_with_more_insulin", "Glucose was below 54 mg/dL (3.0 mmol/L) for 2.4 % of the time, and the "
                "recommendation would give more insulin.", "International Consensus, Diabetes Care 2019;42:1593"),
        "amber": ("low_agreement", "Fewer than nine of ten repetitions agree on which way to move the basal at "
                  "18:00, 19:00 and 20:00.", "docs/safety.md"),
        "green": ("caps", "Every number lies within upstream's own caps.", "oref0@0.7.1 lib/autotune/index.js"),
    }  # fmt: skip
    chosen = {"red": ("red", "amber"), "amber": ("amber",), "green": ()}[colour]
    return {
        "colour": colour,
        "nothing_to_change": nothing,
        "headline": "Nothing to change" if nothing else headlines[colour],
        "reasons": [
            {
                "rule": reasons[c][0],
                "title": "ISF and basal, in words",
                "colour": c,
                "sentence": reasons[c][1],
                "source": reasons[c][2],
            }
            for c in chosen
        ],
        "rules_checked": [r[0] for r in reasons.values()] + ["receiver_limits", "daily_basal", "hour_to_hour"],
    }


def _worth(now: list[float], new: list[float]) -> tuple[str, ...]:
    hours = (hour for hour, (was, will) in enumerate(zip(now, new, strict=True)) if abs(will / was - 1) >= 0.1)
    return ("isf", "carb_ratio", *(f"basal_{hour:02d}" for hour in hours))


def _agreement(now: float, new: float, chance: random.Random) -> dict[str, Any]:
    sure = min(100, round(50 + abs(new / now - 1) * 300 + chance.uniform(0, 10)))
    unchanged = chance.randint(0, min(2, 100 - sure))
    up, down = (sure, 100 - sure - unchanged) if new >= now else (100 - sure - unchanged, sure)
    return {"moves_up": up, "moves_down": down, "unchanged": unchanged, "share": sure / 100}


def _evidence(
    now: list[float],
    new: list[float],
    pump: list[float],
    isf: tuple[float, float],
    ratio: tuple[float, float],
    known: bool,
    chance: random.Random,
) -> dict[str, Any]:
    low, high = (round(isf[1] * 0.93, 3), round(isf[1] * 1.05, 3)) if known else (None, None)
    caps = (round(isf[0] / CAP_HIGH, 3), round(isf[0] / CAP_LOW, 3))
    return {
        "isf": {
            "current_mgdl_per_u": isf[0],
            "current_mmoll_per_u": mmoll(isf[0]),
            "recommended_mgdl_per_u": isf[1],
            "recommended_mmoll_per_u": mmoll(isf[1]),
            "change_percent": _percent(*isf),
            "cap_low_mgdl_per_u": caps[0],
            "cap_low_mmoll_per_u": mmoll(caps[0]),
            "cap_high_mgdl_per_u": caps[1],
            "cap_high_mmoll_per_u": mmoll(caps[1]),
            "at_cap": None,
            "interval_low_mgdl_per_u": low,
            "interval_low_mmoll_per_u": maybe_mmoll(low),
            "interval_high_mgdl_per_u": high,
            "interval_high_mmoll_per_u": maybe_mmoll(high),
            "agreement": _agreement(*isf, chance) if known else None,
            "points": 842 if known else None,
            "days_too_few_points": 1 if known else None,
            "explanation": ["Glucose fell faster after corrections than the old sensitivity says."],
        },
        "carb_ratio": {
            "current_g_per_u": ratio[0],
            "recommended_g_per_u": ratio[1],
            "change_percent": _percent(*ratio),
            "cap_low_g_per_u": ratio[0] * CAP_LOW,
            "cap_high_g_per_u": ratio[0] * CAP_HIGH,
            "at_cap": None,
            "interval_low_g_per_u": 8.402 if known else None,
            "interval_high_g_per_u": 9.018 if known else None,
            "agreement": _agreement(*ratio, chance) if known else None,
            "periods_used": 38 if known else None,
            "periods_ignored": 4 if known else None,
            "carbs_g": 2110.0 if known else None,
            "insulin_u": 242.15 if known else None,
            "explanation": ["Meals took more insulin than the old ratio gives."],
        },
        "basal": [_hour(h, *rates, known, chance) for h, rates in enumerate(zip(now, new, pump, strict=True))],
        "repetitions": {
            "count": 100,
            "failed": 0,
            "seed": 2497234014,
            "block_days": 2,
            "share": 0.9,
            "ceiling": 100,
            "clear": False,
        }
        if known
        else None,
        "why_no_repetitions": None if known else "there are fewer than four days to draw from",
        "held_out": _held_out() if known else None,
        "sensitivity": [
            {
                "variant": name,
                "isf_mgdl_per_u": other,
                "isf_mmoll_per_u": mmoll(other),
                "carb_ratio_g_per_u": 8.91,
                "basal_u_per_h": new,
                "daily_basal_u": total,
            }
            for name, other, total in (("unannounced rises as basal", 49.316, 20.664), ("last 7 days", 51.402, 19.918))
        ]
        if known
        else [],
    }


def _percent(now: float, new: float) -> float:
    return round((new / now - 1) * 100, 2)


def _hour(hour: int, now: float, new: float, pump: float, known: bool, chance: random.Random) -> dict[str, Any]:
    caps = (round(now * CAP_LOW, 3), round(now * CAP_HIGH, 3))
    seen = known and hour != 14  # an hour without readings
    wide = chance.uniform(0.02, 0.07)
    deviation = round((new - now) * 900 + chance.uniform(-20, 20), 1) if seen else None
    up = "more" if new >= now else "less"
    return {
        "hour": hour,
        "current_u_per_h": now,
        "recommended_u_per_h": new,
        "for_pump_u_per_h": pump,
        "change_percent": _percent(now, new),
        "cap_low_u_per_h": caps[0],
        "cap_high_u_per_h": caps[1],
        "at_cap": "high" if new >= caps[1] else "low" if new <= caps[0] else None,
        "interval_low_u_per_h": round(max(new * (1 - wide), caps[0]), 3) if known else None,
        "interval_high_u_per_h": round(min(new * (1 + wide), caps[1]), 3) if known else None,
        "agreement": _agreement(now, new, chance) if known else None,
        "points": chance.randint(12, 90) if seen else None,
        "days_without_points": (0 if seen else 2) if known else None,
        "days_missing": 0 if seen else 3,
        "total_deviation_mgdl": deviation,
        "total_deviation_mmoll": maybe_mmoll(deviation),
        "explanation": [f"Upstream found a need for {up} basal in this hour."]
        if seen
        else ["No own evidence: the hours around it were averaged."],
    }


def _held_out() -> dict[str, Any]:
    def scores(mean: float, rms: float, residual: float) -> dict[str, Any]:
        return {
            "mean_absolute_deviation_mgdl": mean,
            "mean_absolute_deviation_mmoll": mmoll(mean),
            "rms_deviation_mgdl": rms,
            "rms_deviation_mmoll": mmoll(rms),
            "carb_ratio_residual_u": residual,
        }

    return {
        "days": ["2026-03-23", "2026-03-28", "2026-04-01"],
        "basal_points": 342,
        "meals": 8,
        "old": scores(1.105, 1.43, 2.326),
        "new": scores(0.95, 1.248, 1.468),
        "better": True,
        "sentence": "On 3 days kept aside the new settings explain basal hours better.",
    }


def _glucose(chance: random.Random, days: int) -> dict[str, Any]:
    hours = []
    for hour in range(24):
        middle = round(132 + 34 * math.sin((hour - 5) / 24 * 4 * math.pi) + chance.uniform(-4, 4), 1)
        of_middle = (("p5", 0.55), ("p25", 0.82), ("median", 1.0), ("p75", 1.24), ("p95", 1.62))
        marks = {name: middle * share for name, share in of_middle}
        gone = hour == 14
        entry: dict[str, Any] = {"hour": hour, "readings": 0 if gone else 12 * days}
        for name, value in marks.items():
            entry[f"{name}_mgdl"] = None if gone else round(value, 1)
            entry[f"{name}_mmoll"] = None if gone else mmoll(round(value, 1))
        hours.append(entry)
    return {
        "readings": 276 * days,
        "days": days,
        "coverage_percent": 95.8,
        "mean_mgdl": 141.3,
        "mean_mmoll": mmoll(141.3),
        "cv_percent": 34.2,
        "below_54_percent": 0.4,
        "from_54_to_69_percent": 2.9,
        "in_range_70_180_percent": 73.6,
        "from_181_to_250_percent": 18.3,
        "above_250_percent": 4.8,
        "lows": 9,
        "rises_after_lows_without_carbs": 2,
        "unannounced_share_percent": 11.7,
        "by_hour": hours,
    }


def _day(n: int, chance: random.Random) -> dict[str, Any]:
    left_out, thin = n == 4, n % 9 == 6
    return {
        "date": str(FIRST_DAY + timedelta(days=n)),
        "status": "skipped" if left_out else "used",
        "reason": "glucose for 41 % of the day only (at least 50 % is needed)" if left_out else None,
        "quality": "red" if left_out else "amber" if thin else "green",
        "remarks": ["no glucose for 3.4 h in a row"] if thin else [],
        "hours": 24.0,
        "readings": 118 if left_out else 288 - chance.randint(0, 12),
        "coverage": 0.41 if left_out else 0.97,
        "insulin_u": round(chance.uniform(14, 24), 2),
        "carbs_g": float(chance.randint(120, 260)),
    }


def _curve(n: int) -> dict[str, str]:
    values = [round(132 + 34 * math.sin((q / 4 + n) / 24 * 4 * math.pi) + q * (37 + n) % 23) for q in range(96)]
    gone = range(40, 76) if n == 4 else range(20, 26)  # the day left out has glucose for a part of it only
    text = " ".join("-" if q in gone else str(value) for q, value in enumerate(values))
    return {"day": str(FIRST_DAY + timedelta(days=n)), "mgdl": text}


def _ledger() -> dict[str, Any]:
    return {
        "changes": 2064,
        "quarantined": 1,
        "records": {"treatments": {"loaded": 3031, "removed": 12, "added_by_splitting": 0, "passed_on": 3019}},
        "rules": {
            "temp_basal_rate": {
                "records": 2052,
                "description": "temp basals given absolute = rate (or rate from absolute or percent)",
                "change": {"insulin_u": 0.0, "carbs_g": 0.0, "readings": 0},
            },
            "duplicate_event": {
                "records": 12,
                "description": "the same event from two uploaders counted once",
                "change": {"insulin_u": -14.35, "carbs_g": -60.0, "readings": 0},
            },
        },
    }
