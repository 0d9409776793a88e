"""What is computed again for the evidence: how many repetitions at a time, until when, and from which other starts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.oref0.pool import RunnerPool
from flows.oref0.profile import scaled, settings_of
from flows.pipeline import assess as assess_module
from flows.pipeline import trials as trials_module
from flows.pipeline.assess import apart, assess, ceiling_of
from flows.pipeline.judge import judge
from flows.pipeline.tune import tune
from flows.proposal.sealed import read_proposal
from flows.proposal.stopping import LEAST_REPETITIONS
from flows.settings import AnalysisRequest
from flows.values.parts import Part
from tests.parity.test_faster import copy_of_runner
from tests.people import pump_profile
from tests.tuned_runs import tuned_run


@pytest.mark.parametrize(
    ("days", "asked", "curve", "most"),
    [(3, 70, False, 0), (4, 70, False, 70), (14, 70, True, 20), (14, 104, True, 20), (14, 105, True, 21),
     (14, 20, True, 20), (14, 19, True, 19), (14, 1000, True, 200)],
)  # fmt: skip
def test_with_the_curve_there_are_fewer_but_enough_to_say_something(
    days: int, asked: int, curve: bool, most: int
) -> None:
    request = AnalysisRequest(from_directory=".", resamples=asked, tune_insulin_curve=curve)
    assert ceiling_of(request, days) == most


@given(st.integers(0, 300))
def test_apart_leaves_none_out_and_sends_neighbours_to_different_turns(count: int) -> None:
    found = apart([(n,) for n in range(count)])  # type: ignore[misc]
    assert sorted(found) == [(n,) for n in range(count)]
    turns = {one: n % 2 for n, one in enumerate(found)}
    assert sum(turns[(n,)] != turns[(n + 1,)] for n in range(count - 1)) <= 1  # type: ignore[index]


@pytest.mark.parametrize("factor", [0.8, 1.25])
@pytest.mark.parametrize("part", list(Part))
def test_one_kind_of_setting_is_scaled_and_nothing_else(part: Part, factor: float) -> None:
    document = pump_profile() | {"sens": 50}
    before = json.dumps(document)
    now, new = settings_of(document), settings_of(found := scaled(document, part, factor))
    ratios = {
        Part.ISF: new.isf_mgdl_per_u / now.isf_mgdl_per_u,
        Part.CARB_RATIO: new.carb_ratio_g_per_u / now.carb_ratio_g_per_u,
        Part.BASAL: new.daily_basal_u / now.daily_basal_u,
    }
    assert ratios == {p: pytest.approx(factor if p is part else 1.0, abs=2e-3) for p in Part}
    assert found["sens"] == (50 * factor if part is Part.ISF else 50)
    assert json.dumps(document) == before


# ---- with upstream


@pytest.mark.oref0
def test_it_stops_where_more_would_hardly_change_a_decision(tmp_path: Path) -> None:
    request, run = tuned_run(tmp_path, 7, resamples=60)
    evidence = assess(request, run, lambda *_: None)
    assert evidence is not None
    how = evidence["uncertainty"]
    assert (how["ceiling"], how["clear"], how["failed"]) == (60, True, 0)
    assert LEAST_REPETITIONS <= how["resamples"] < 60
    assert how["resamples"] % 7 == 0


@pytest.mark.oref0
def test_every_draw_of_four_days_is_in_the_evidence(tmp_path: Path) -> None:
    request, run = tuned_run(tmp_path, 4)
    evidence = assess(request, run, lambda *_: None)
    assert evidence is not None
    how = evidence["uncertainty"]
    assert (how["resamples"], how["failed"], how["ceiling"], how["clear"]) == (256, 0, 256, True)


@pytest.mark.oref0
def test_where_the_check_differs_all_is_upstreams_own_and_the_verdict_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One other start of each setting: upstream's own way takes its time over every trial.
    monkeypatch.setattr(assess_module, "START_FACTORS", (1.25,))
    request, run = tuned_run(tmp_path, 1, resamples=4)
    exact = assess(request.model_copy(update={"exact": True}), run, lambda *_: None)
    assert exact is not None
    assert exact["self_check"] is None
    script = copy_of_runner(tmp_path, "faster/history-window.js", "6 * 60 * 60", "3 * 60 * 60")
    monkeypatch.setattr(trials_module, "RunnerPool", partial(RunnerPool, script=script))
    evidence = assess(request, run, lambda *_: None)
    assert evidence is not None
    assert evidence["self_check"]["same"] is False
    assert evidence["self_check"]["differing"]
    assert evidence | {"self_check": None} == exact
    judge(request, run, datetime.now(UTC))
    proposal = read_proposal(run.file("proposal.json"))
    assert "self_check" in {reason.rule for reason in proposal.verdict.reasons}


@pytest.mark.oref0
def test_the_start_probe_is_a_run_from_those_settings(tmp_path: Path) -> None:
    request, run = tuned_run(tmp_path, 2, resamples=1)
    evidence = assess(request, run, lambda *_: None)
    assert evidence is not None
    [isf] = [p for p in evidence["start_probe"] if (p["part"], p["factor"]) == ("isf", 1.25)]
    _, other = tuned_run(tmp_path / "other", 2)
    for name in ("profile.pump.json", "profile.json"):
        file = other.work / "autotune" / name
        pump = json.loads((run.work / "autotune" / "profile.pump.json").read_bytes())
        file.write_text(json.dumps(scaled(pump, Part.ISF, 1.25)))
    tune(request, other, lambda *_: None)
    own = settings_of(json.loads((other.work / "autotune" / "profile.json").read_bytes()))
    assert (isf["isf_mgdl_per_u"], isf["basal_u_per_h"]) == (own.isf_mgdl_per_u, list(own.basal_u_per_h))
