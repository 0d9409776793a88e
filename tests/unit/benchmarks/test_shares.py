"""The tables of steps and of Prefect's share, and how a run is made to go on to its ceiling."""

from __future__ import annotations

import pytest

from benchmarks import at_the_ceiling, prefect_share, steps
from benchmarks.measure import Once
from benchmarks.prefect_share import Share
from benchmarks.steps import Step
from flows.proposal import stopping


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
        connected=[Once(1.85, 1, 1.85)],
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
        ["0.10", "–"],
        ["0.65", "–"],
        ["0.50", "–"],
        ["1.20", "0.00"],
        ["11.00", "–"],
        ["15.50", "–"],
    ]


def test_a_run_to_the_ceiling_never_has_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "LEAST_REPETITIONS", stopping.LEAST_REPETITIONS)  # put back afterwards
    ceiling = 1000
    assert stopping.settled([], ceiling - 1, ceiling)
    at_the_ceiling.never_stop()
    assert not stopping.settled([], ceiling - 1, ceiling)
