"""The coverage study counts what it says it counts, of proposals of either version, and the same every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import coverage
from benchmarks.coverage import MARK, Ran, in_short, run, written
from benchmarks.judged import Judged, coverage_rows, judged, spreads_of, wilson
from benchmarks.people import FIRST_SEED, KINDS, Made, drawn, make, noise_only
from tests.conftest import ROOT

NOW = {"isf_mgdl_per_u": 40.0, "carb_ratio_g_per_u": 10.0, "basal_u_per_h": [1.0] * 24}
NEW = {"isf_mgdl_per_u": 44.0, "carb_ratio_g_per_u": 9.0, "basal_u_per_h": [1.1] * 24}
COUNTS = {"moves_up": 9, "moves_down": 0, "unchanged": 1}
TRUTH = {
    "isf_mgdl_per_u": 50.0,
    "carb_ratio_g_per_u": 8.0,
    "basal_u_per_h": [1.15] * 23 + [2.0],
    "true_if_read_at_another_time": {"4 h": {"isf_mgdl_per_u": 46.0, "carb_ratio_g_per_u": 7.0}},
}


def proposal(version: int) -> dict[str, Any]:
    found: dict[str, Any] = {"schema_version": version, "current": NOW, "recommended": NEW}
    ends = {"isf": (42.0, 47.0, "mgdl_per_u"), "carb_ratio": (7.5, 9.5, "g_per_u"), "hour": (1.05, 1.2, "u_per_h")}

    def of(name: str) -> dict[str, Any]:
        low, high, unit = ends[name]
        if version == 1:
            return {"interval_low": low, "interval_high": high, **COUNTS}
        return {f"interval_low_{unit}": low, f"interval_high_{unit}": high, "agreement": COUNTS}

    evidence = {"isf": of("isf"), "carb_ratio": of("carb_ratio"), "basal": [of("hour")] * 24}
    return {**found, "evidence": {"settings": evidence} if version == 1 else evidence}


@pytest.mark.parametrize("version", [1, 2])
def test_numbers_of_either_version_are_held_against_the_truth(version: int) -> None:
    isf, ratio, *hours, day = judged("p", "k", proposal(version), TRUTH)
    assert (isf.covered, isf.covered_by_any, isf.reachable, isf.nearer, isf.repeatable) == (
        False,
        True,
        True,
        True,
        True,
    )
    assert (ratio.covered, ratio.repeatable, ratio.direction_right, ratio.nearer) == (True, True, False, True)
    assert [h.covered for h in hours] == [True] * 23 + [False]
    assert [h.reachable for h in hours] == [True] * 23 + [False]
    assert (day.interval, day.nearer, day.setting) == (None, True, "basal a day")


@pytest.mark.parametrize("evidence", [None, {"settings": None}])
def test_a_run_without_repetitions_has_no_intervals(evidence: Any) -> None:
    assert spreads_of({"schema_version": 1, "evidence": evidence}) == (None, None, [None] * 24)
    second = proposal(2)
    for one in (second["evidence"]["isf"], second["evidence"]["carb_ratio"], *second["evidence"]["basal"]):
        one.update(agreement=None)
    assert spreads_of(second) == (None, None, [None] * 24)


def test_the_rows_count_each_number_where_it_belongs() -> None:
    def one(kind: str, **changes: Any) -> Judged:
        known = {"current": 1.0, "recommended": 1.2, "truths": (1.3,), "cap_low": 0.7, "cap_high": 1.4}
        return Judged("p", kind, "ISF", **{**known, "interval": (1.1, 1.25), "up": 1.0, **changes})

    numbers = [
        one("a"),
        one("a", interval=(1.2, 1.4)),
        one("a", truths=(1.5, 1.2), interval=None),
        one("b", truths=(1.02,), recommended=1.01, up=0.5, down=0.5),
        one("b", truths=(0.9, 1.15), up=0.95),
    ]
    assert coverage_rows(numbers)[1:] == [
        ["ISF", "a", "1/2", "1/2", "–", "3/3", "–", "3/3", "–"],
        ["ISF", "b", "0/2", "0/2", "1/1", "0/1", "1/1", "0/1", "0/1"],
        ["ISF", "all", "1/4", "1/4", "1/1", "3/4", "1/1", "3/4", "0/1"],
    ]


@given(of=st.integers(1, 500), data=st.data())
def test_a_share_of_few_is_little_sure(of: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    low, high = wilson(hits, of)
    assert 0 <= low <= hits / of + 1e-9
    assert hits / of - 1e-9 <= high <= 1
    more = wilson(10 * hits, 10 * of)
    assert more[1] - more[0] < high - low


def test_a_share_of_none_is_not_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(18, 20)
    assert (round(low, 2), round(high, 2)) == (0.7, 0.97)


def test_few_people_are_called_few() -> None:
    numbers = judged("p", "k", proposal(2), TRUTH)
    short = in_short(numbers)
    assert "held the 6 h truth in 0 of 1 people (95 % confidence: 0% to 79%)" in short
    assert "held the truth in 23 of 24 hours, and in 23 of the 23 whose truth lies within" in short
    assert "too few people" in short
    assert "too few people" not in in_short([replace(n, person=str(p)) for p in range(20) for n in numbers])


def test_the_same_number_draws_the_same_person() -> None:
    names = [name for name, *_ in drawn(4, 14)]
    assert names == [f"{kind} {FIRST_SEED}" for kind in KINDS] + [f"{KINDS[0]} {FIRST_SEED + 1}"]
    assert noise_only(2) == noise_only(2)


def test_people_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    people = [("a person, drawn", "k", _small), ("another", "k", _small)]
    made = make(people, 2, tmp_path, 1)
    written_at = [(m.directory / "entries.json").stat().st_mtime_ns for m in made]
    assert make(people, 2, tmp_path, 1) == made
    assert [(m.directory / "entries.json").stat().st_mtime_ns for m in made] == written_at
    assert made[0].truth["first_local_day"] == "2026-05-04"


def _small() -> dict[str, Any]:
    return noise_only(1)


def test_the_document_has_the_place_for_what_is_measured() -> None:
    assert MARK in (ROOT / "docs" / "coverage.md").read_text("utf-8")


def test_without_the_simulator_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coverage, "NEEDED", ("a_package_nobody_has",))
    monkeypatch.setattr("sys.argv", ["coverage"])
    assert coverage.main() == 2
    assert "a_package_nobody_has" in capsys.readouterr().err


@pytest.mark.oref0
def test_a_person_of_noise_goes_through_the_real_pipeline(tmp_path: Path) -> None:
    (person,) = make([("noise only", "constructed", _four)], 4, tmp_path, 1)
    ran = run(person, 2, tmp_path / "runs")
    assert ran.proposal is not None
    text = written([], [ran, Ran(Made("no data", "k", tmp_path), None, "There is nothing.")], 4, 2)
    assert "| noise only |" in text
    assert "of 26 |" in text
    assert "refused: There is nothing." in text


def _four() -> dict[str, Any]:
    return noise_only(4)
