"""The tables of steps and of Prefect's share, and how a run is made to go on to its ceiling."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import at_the_ceiling, prefect_share, steps
from benchmarks.measure import Once
from benchmarks.prefect_share import Share
from benchmarks.steps import Step


def test_steps_show_their_medians_and_the_sum_of_these() -> None:
    runs = [
        [Step("load", 0.1, 0.0, 0.2, 50.0), Step("tune", 0.1, 1.0, 0.9, 51.0)],
        [Step("load", 0.3, 0.0, 0.4, 50.4), Step("tune", 0.3, 2.0, 1.1, None)],
        [Step("load", 9.9, 0.0, 9.9, 49.0), Step("tune", 0.2, 9.0, 1.0, 53.0)],
    ]
    assert steps.table(runs).splitlines()[2:] == [
        "| load | 0.30 | 0.30 | 0.00 | 0.40 | 50 |",
        "| tune | 2.20 | 0.20 | 2.00 | 1.00 | 53 |",
        "| all | 2.50 | 0.50 | 2.00 | 1.40 |  |",
    ]


def test_prefects_share_is_what_a_run_through_it_used_beyond_the_same_without_it() -> None:
    share = Share(
        import_steps=[Once(0.5, 1, 0.5)],
        import_flow=[Once(1.75, 1, 1.75)],
        alone=[Once(4.0, 3, 1.0), Once(5.0, 3, 1.1), Once(90.0, 3, 1.2)],
        through_server=[Once(99.0, 5, 3.1)],
        with_temporary=[Once(16.0, 9, 4.0)],
        first_temporary=[Once(20.5, 12, 4.0)],
        server_s=[0.75, 0.25, 0.5],
        idle_share=0.02,
    )
    columns = [
        line.strip("| ").split(" | ") for line in prefect_share.table({"a": share, "none": Share()}).splitlines()
    ]
    assert [column[1:] for column in columns[2:]] == [
        ["5.00", "–"],
        ["2.00", "–"],  # of the process itself: 3.1 - 1.1
        ["1.25", "–"],
        ["0.75", "–"],
        ["0.50", "–"],
        ["1.20", "0.00"],
        ["11.00", "–"],
        ["15.50", "–"],
    ]


@pytest.fixture
def rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a rule that says when to stop."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(at_the_ceiling, "RULE", "a_rule_of_stopping")
    monkeypatch.delitem(sys.modules, "a_rule_of_stopping", raising=False)
    return tmp_path / "a_rule_of_stopping.py"


def test_a_run_to_the_ceiling_never_has_enough(rule: Path) -> None:
    rule.write_text("LEAST_REPETITIONS = 20\ndef settled(done):\n    return done >= LEAST_REPETITIONS\n", "utf-8")
    from importlib import import_module

    settled = import_module("a_rule_of_stopping").settled
    assert settled(20)
    at_the_ceiling.never_stop()
    assert not settled(1000)


def test_a_rule_without_the_number_that_is_changed_is_noticed(rule: Path) -> None:
    rule.write_text("ENOUGH = 20\n", "utf-8")
    with pytest.raises(RuntimeError, match="LEAST_REPETITIONS"):
        at_the_ceiling.never_stop()


def test_where_no_run_stops_before_its_ceiling_nothing_is_changed(rule: Path) -> None:
    assert not rule.exists()
    assert not at_the_ceiling.may_stop()
    at_the_ceiling.never_stop()
