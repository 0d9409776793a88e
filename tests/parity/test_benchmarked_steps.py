"""The benchmark of the steps measures a real run: it comes to the end, step by step."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.dense import Kind
from benchmarks.steps import IMPORTS, measure
from benchmarks.ways import lay_out
from flows.values.run_directory import RunDirectory


@pytest.mark.oref0
def test_the_steps_that_are_measured_are_those_of_a_run(tmp_path: Path) -> None:
    person = lay_out(tmp_path / "person", 1, Kind.PEN)
    steps = measure(person.source, tmp_path / "run", 0)
    assert [s.name for s in steps] == [IMPORTS, "load", "prepare", "tune", "assess", "judge", "publish"]
    assert RunDirectory(tmp_path / "run").read_json("manifest.json")["status"] == "proposal"
    assert [s.name for s in steps if s.children_s > 0] == ["tune"]  # no evidence was asked for
