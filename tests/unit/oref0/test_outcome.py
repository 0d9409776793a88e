"""Upstream's outcome is judged by what it wrote: every shape of failure it has, as its commands leave it on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.errors import InternalError, Reason, Refused
from flows.oref0.engine import EngineReport, Stop
from flows.oref0.outcome import read_outcome
from flows.proposal.recommendation import recommend
from flows.proposal.sealed import seal
from tests.people import pump_profile, write

DATE = "2026-05-13"
POINTS = {"CSFGlucoseData": [], "ISFGlucoseData": [{}], "basalGlucoseData": [{}], "CRData": []}


def lay_out(work: Path, prepared: Any, profile: Any) -> Path:
    write(work / "autotune" / f"autotune.{DATE}.json", prepared)
    write(work / "autotune" / f"newprofile.{DATE}.json", profile)
    write(work / "autotune" / "profile.json", profile)
    return work


SHAPES: list[tuple[str, Any, Any, Reason]] = [
    ("prep printed nothing", "", pump_profile(), Reason.UPSTREAM_STOPPED),
    ("prep printed an error", '{ "error": "Could not parse input data" }', pump_profile(), Reason.UPSTREAM_STOPPED),
    ("prep was called wrongly", '{ "error": "Insufficient arguments" }', pump_profile(), Reason.UPSTREAM_STOPPED),
    ("prep refused the carb ratio", {"carbs": 0, "mealCOB": 0, "reason": "x"}, "", Reason.UPSTREAM_STOPPED),
    ("core printed undefined", POINTS, "undefined\n", Reason.UPSTREAM_NO_PROFILE),
    ("core printed an error", POINTS, '{ "error": "Could not parse input data" }', Reason.UPSTREAM_NO_PROFILE),
    ("core printed nothing", POINTS, "", Reason.UPSTREAM_NO_PROFILE),
    ("core printed half a profile", POINTS, '{"basalprofile": [', Reason.UPSTREAM_NO_PROFILE),
    ("no points of any kind", {k: [] for k in POINTS}, pump_profile(), Reason.UPSTREAM_NO_EVIDENCE),
    ("an ISF of null", POINTS, pump_profile(isfProfile={"sensitivities": [{}]}), Reason.RECOMMENDATION_INVALID),
    ("a carb ratio of zero", POINTS, pump_profile(carb_ratio=0), Reason.RECOMMENDATION_INVALID),
    ("no basals", POINTS, pump_profile(basalprofile=[]), Reason.RECOMMENDATION_INVALID),
]


@pytest.mark.parametrize(("shape", "prepared", "profile", "reason"), SHAPES, ids=[s[0] for s in SHAPES])
def test_a_shape_that_is_no_result_is_refused(
    shape: str, prepared: Any, profile: Any, reason: Reason, tmp_path: Path
) -> None:
    lay_out(tmp_path, prepared, profile)
    with pytest.raises(Refused) as caught:
        read_outcome(tmp_path, [DATE], EngineReport("node", finished=True))
    assert caught.value.reason is reason


def test_a_stop_is_refused_even_when_its_files_look_well(tmp_path: Path) -> None:
    lay_out(tmp_path, POINTS, pump_profile())
    with pytest.raises(Refused) as caught:
        read_outcome(tmp_path, [DATE, "2026-05-14"], EngineReport("node", stop=Stop(DATE, "core", 1), finished=True))
    assert caught.value.reason is Reason.UPSTREAM_STOPPED


def test_the_kind_of_exception_is_told_and_never_its_message(tmp_path: Path) -> None:
    lay_out(tmp_path, "", "")
    write(tmp_path / "autotune" / f"log.{DATE}.prep.txt", "TypeError: 180 mg/dL is not iterable\n    at x")
    with pytest.raises(Refused) as caught:
        read_outcome(tmp_path, [DATE], EngineReport("node", finished=True))
    assert "TypeError" in str(caught.value)
    assert "180" not in str(caught.value)


def test_a_profile_left_behind_that_is_not_the_last_days_is_our_fault(tmp_path: Path) -> None:
    lay_out(tmp_path, POINTS, pump_profile())
    write(tmp_path / "autotune" / "profile.json", pump_profile(carb_ratio=9))
    with pytest.raises(InternalError):
        read_outcome(tmp_path, [DATE], EngineReport("node", finished=True))


@pytest.mark.parametrize(("field", "value"), [("carb_ratio", 12.1), ("carb_ratio", 6.9), ("isf", 75), ("isf", 40)])
def test_a_setting_beyond_upstreams_caps_is_refused(field: str, value: float, tmp_path: Path) -> None:
    isf = {"sensitivities": [{"sensitivity": value, "offset": 0}]}
    tuned = pump_profile(isfProfile=isf) if field == "isf" else pump_profile(carb_ratio=value)
    outcome = read_outcome(lay_out(tmp_path, POINTS, tuned), [DATE], EngineReport("node", finished=True))
    with pytest.raises(Refused) as caught:
        recommend(pump_profile(), outcome)
    assert caught.value.reason is Reason.BEYOND_CAPS


def test_basals_that_upstreams_smoothing_moved_beyond_its_caps_are_named(tmp_path: Path) -> None:
    tuned = pump_profile()
    tuned["basalprofile"][3]["rate"] = 2.5
    outcome = read_outcome(lay_out(tmp_path, POINTS, tuned), [DATE], EngineReport("node", finished=True))
    assert "03:00" in recommend(pump_profile(), outcome).warnings[0]


def test_a_seal_depends_on_every_value_and_on_no_order() -> None:
    document = {"a": 1.5, "b": {"c": [1, 2]}}
    assert seal(document) == {**document, "sha256": seal({"b": {"c": [1, 2]}, "a": 1.5})["sha256"]}
    assert seal(document)["sha256"] != seal({"a": 1.5, "b": {"c": [2, 1]}})["sha256"]
    assert seal(seal(document)) == seal(document)
    assert json.dumps(seal(document))
