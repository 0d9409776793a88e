"""Repetitions, intervals and days kept aside: drawn by a seed, counted honestly, scored by upstream's own prep."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import Reason, Refused
from flows.oref0.profile import settings_of
from flows.pipeline import trials as trials_module
from flows.pipeline.assess import assess
from flows.pipeline.judge import judge
from flows.proposal.evidence import repetitions_document
from flows.proposal.held_out import LEAST_POINTS, compare
from flows.proposal.sealed import read_proposal
from flows.proposal.uncertainty import quantile, spread, spreads
from flows.report.text.certainty import certainty
from flows.report.text.terminal import summary
from tests.people import pump_profile
from tests.tuned_runs import tuned_run

PUMP = settings_of(pump_profile())


@given(values=st.lists(st.floats(0.1, 400), min_size=1, max_size=200), current=st.floats(0.1, 400))
def test_a_spread_counts_every_repetition_once_within_their_range(values: list[float], current: float) -> None:
    found = spread(current, values)
    assert found.repetitions == len(values)
    assert min(values) - 0.001 <= found.interval_low <= found.interval_high <= max(values) + 0.001
    within = sum(found.interval_low - 0.001 <= v <= found.interval_high + 0.001 for v in values)
    assert within >= 0.9 * len(values) - 2


def test_quantiles_and_ways() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0, 2.0], 0.25) == 1.25
    found = spread(50.0, [50.0005, 51.0, 49.0, 52.0])
    assert (found.moves_up, found.moves_down, found.unchanged) == (2, 1, 1)
    document = spreads(PUMP, [PUMP, replace(PUMP, isf_mgdl_per_u=60.0)])
    assert document["isf"]["moves_up"] == 1
    assert [b["unchanged"] for b in document["basal"]] == [2] * 24


def test_the_document_has_how_the_repetitions_ended_where_the_evidence_says_it() -> None:
    how = {"resamples": 56, "failed": 1, "seed": 7, "block_days": 2, "share": 0.9}
    before = repetitions_document(how)
    assert (before.count, before.failed, before.ceiling, before.clear) == (56, 1, None, None)
    found = repetitions_document({**how, "ceiling": 80, "clear": True})
    assert (found.count, found.failed, found.seed, found.ceiling, found.clear) == (56, 1, 7, 80, True)


def day(deviation: float, points: int = LEAST_POINTS, **meal: float) -> dict[str, Any]:
    basal = [{"date": n, "deviation": f"{deviation * (-1) ** n:.2f}"} for n in range(points)]
    meals = {"CRInitialIOB": 1.0, "CRInitialBG": 100, "CREndBG": 150, "CRInsulin": 5.0, "CRCarbs": 60, **meal}
    return {"basalGlucoseData": basal, "CRData": [meals]}


@pytest.mark.parametrize(
    ("old", "new", "better", "words"),
    [
        (2.0, 1.5, True, "25 % less unexplained"),
        (2.0, 1.99, False, "no better"),
        (2.0, 2.5, False, "25 % more unexplained"),
    ],
)
def test_days_kept_aside_are_judged_honestly(old: float, new: float, better: bool, words: str) -> None:
    found = compare(["2026-05-01"], [day(old)], [day(new)], (PUMP, PUMP))
    assert (found.better, found.old.mean_absolute_deviation_mgdl) == (better, old)
    assert words in found.sentence
    assert found.old.rms_deviation_mgdl == old


def test_only_instants_booked_to_basal_under_both_are_compared() -> None:
    new = day(1.0, LEAST_POINTS + 5)
    new["basalGlucoseData"][-1]["deviation"] = "100.00"
    found = compare(["d"], [day(1.0)], [new], (PUMP, PUMP))
    assert (found.basal_points, found.new.mean_absolute_deviation_mgdl) == (LEAST_POINTS, 1.0)


def test_a_meal_is_scored_by_the_insulin_it_took() -> None:
    # 1 U on board + 5 U given + (150 - 100) / 50 of a rise left = 7 U; 60 g at 10 g/U give 6 U.
    found = compare(["d"], [day(1.0)], [day(1.0)], (PUMP, replace(PUMP, carb_ratio_g_per_u=60 / 7)))
    assert found.old.carb_ratio_residual_u == 1.0
    assert found.new.carb_ratio_residual_u == pytest.approx(0.0, abs=0.001)


def test_too_few_points_are_no_outcome() -> None:
    found = compare(["d"], [day(2.0, 3)], [day(1.0, 3)], (PUMP, PUMP))
    assert found.better is None
    assert "too few" in found.sentence
    nothing = compare([], [], [], (PUMP, PUMP))
    assert (nothing.better, nothing.old.carb_ratio_residual_u) == (None, None)


# ---- with upstream


@pytest.mark.oref0
def test_a_run_of_eight_days_is_repeated_and_held_against_days_kept_aside(tmp_path: Path) -> None:
    request, run = tuned_run(tmp_path, 8, resamples=6)
    before = {p: p.read_bytes() for p in (run.work / "autotune").iterdir()}
    told: list[tuple[int, int]] = []
    evidence = assess(request, run, lambda done, of: told.append((done, of)))
    assert evidence is not None
    assert evidence == run.read_json("evidence.json") == assess(request, run, lambda *_: None)
    assert evidence["uncertainty"] == {
        "resamples": 6, "failed": 0, "ceiling": 6, "clear": False, "seed": evidence["uncertainty"]["seed"],
        "block_days": 2, "share": 0.9,
    }  # fmt: skip
    low, high = (evidence["settings"]["isf"][f"interval_{end}"] for end in ("low", "high"))
    assert 50 / 1.2 - 0.01 <= low <= high <= 50 / 0.7 + 0.01
    assert [sum(b[k] for k in ("moves_up", "moves_down", "unchanged")) for b in evidence["settings"]["basal"]] == [
        6
    ] * 24
    assert evidence["held_out"]["days"] == ["2026-05-16", "2026-05-20"]
    assert evidence["held_out"]["basal_points"] > 0
    assert [v["variant"] for v in evidence["sensitivity"]] == ["unannounced rises as basal", "last 7 days"]
    assert told[-1] == (19, 19)
    assert [(p["part"], p["factor"]) for p in evidence["start_probe"]] == [
        (part, factor) for part in ("basal", "isf", "cr") for factor in (0.8, 1.25)
    ]
    assert (evidence["self_check"]["same"], evidence["self_check"]["differing"]) == (True, [])
    assert sorted(p.name for p in run.path.iterdir()).count("assess") == 0
    assert {p: p.read_bytes() for p in (run.work / "autotune").iterdir()} == before
    judge(request, run, datetime.now(UTC))
    proposal = read_proposal(run.file("proposal.json"))
    lines = certainty(proposal)
    assert "repeated 6 times" in lines[0]
    assert any("kept aside" in line for line in lines)
    assert all(line in summary(run, proposal) for line in lines)
    isf = proposal.evidence.isf
    assert (isf.interval_low_mgdl_per_u, isf.interval_high_mgdl_per_u) == (low, high)
    assert isf.interval_low_mmoll_per_u == pytest.approx(low / 18, abs=0.0005)


@pytest.mark.oref0
def test_a_variant_is_what_a_run_of_its_own_gives(tmp_path: Path) -> None:
    request, run = tuned_run(tmp_path / "a", 2, resamples=5)
    evidence = assess(request, run, lambda *_: None)
    assert evidence is not None
    assert evidence["settings"] is None
    assert "fewer than 4 days" in evidence["why_not"]
    assert evidence["held_out"] is None
    _, other = tuned_run(tmp_path / "b", 2, uam_as_basal=True)
    own = settings_of(json.loads((other.work / "autotune" / "profile.json").read_text()))
    assert evidence["sensitivity"][0]["basal_u_per_h"] == list(own.basal_u_per_h)
    assert evidence["sensitivity"][0]["isf_mgdl_per_u"] == own.isf_mgdl_per_u


@pytest.mark.oref0
def test_without_repetitions_or_runners_the_recommendation_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, run = tuned_run(tmp_path, 1, resamples=0)
    assert assess(request, run, lambda *_: None) is None
    assert not run.file("evidence.json").exists()

    class Missing:
        def __init__(self) -> None:
            raise Refused(Reason.ENGINE_MISSING, what="Node.js", detail="none was found", remedy="Install Node.js.")

    monkeypatch.setattr(trials_module, "RunnerPool", Missing)
    evidence = assess(request.model_copy(update={"resamples": 5}), run, lambda *_: None)
    assert evidence is not None
    assert "Node.js" in evidence["why_not"]
    judge(request, run, datetime.now(UTC))
    proposal = read_proposal(run.file("proposal.json"))
    assert certainty(proposal) == [f"Not known: {evidence['why_not']}"]
    assert "certainty_unknown" in {r.rule for r in proposal.whole_verdict.reasons}
