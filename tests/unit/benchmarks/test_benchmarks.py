"""What the benchmarks show: medians, ratios by the day, and the Markdown they are written as."""

from __future__ import annotations

from benchmarks.dense import history
from benchmarks.measure import Measured, markdown, rows


def test_ratios_are_of_a_day_against_a_day_of_the_first_way() -> None:
    table = rows(
        [
            Measured("script", 30, [84.0], [70.0]),
            Measured("ours", 90, [9.0, 6.0, 300.0], [4.5, 4.2, 100.0], 140.4),
            Measured("container", 30, [None], [7.0]),
        ]
    )
    assert table[1:] == [
        ["script", "30", "1", "84.00", "70.00", "2333", "–", "1.0", "1.0"],
        ["ours", "90", "3", "9.00", "4.50", "50", "140", "28.0", "46.7"],
        ["container", "30", "1", "–", "7.00", "233", "–", "–", "10.0"],
    ]
    assert rows([Measured("a", 1, [1.0], [1.0])], ratios=False)[0][-1] == "peak MB"
    assert markdown([["way", "s"], ["a", "1"]]) == "| way | s |\n|---|---:|\n| a | 1 |"


def test_a_plain_pump_has_few_treatments_and_as_many_readings() -> None:
    dense, sparse = history(3), history(3, sparse=True)
    assert len(sparse[0]) == len(dense[0])
    assert 10 < len(sparse[1]) < 0.15 * len(dense[1])
