"""What the benchmarks show: medians, ratios by the day, their Markdown; and the people they are of."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import MARK, Results, numbers
from benchmarks.dense import Kind, history
from benchmarks.measure import Measured, Once, markdown, rows


def test_ratios_are_of_a_day_against_a_day_of_the_first_way() -> None:
    table = rows(
        [
            Measured("script", 30, [Once(84.0, 70.0, node_mb=107.6)]),
            Measured(
                "ours", 90, [Once(9.0, 4.5, 1.0, 59.0, 140.4), Once(6.0, 4.2), Once(300.0, 100.0, 2.0, 61.2, 139)]
            ),
            Measured("container", 30, [Once(None, 7.0)]),
        ]
    )
    assert table[1:] == [
        ["script", "30", "1", "84.00", "70.00", "–", "108", "1.00", "1.00"],
        ["ours", "90", "3", "9.00", "4.50", "61", "140", "28.00", "46.67"],
        ["container", "30", "1", "–", "7.00", "–", "–", "–", "10.00"],
    ]
    assert rows([Measured("a", 1, [Once(1.0, 1.0)])], ratios=False)[0][-1] == "Node MB"
    assert markdown([["way", "s"], ["a", "1"]]) == "| way | s |\n|---|---:|\n| a | 1 |"


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [(Kind.LOOP, 185, 200), (Kind.PUMP, 8, 12), (Kind.PEN, 4, 8), (Kind.CROWDED, 1900, 2000)],
)
def test_each_kind_of_person_has_its_own_number_of_treatments_a_day_and_as_many_readings(
    kind: Kind, least: int, most: int
) -> None:
    days, hours_before_and_after = 3, 36
    entries, treatments = history(days, kind=kind)
    assert least < len(treatments) / (days + hours_before_and_after / 24) < most
    assert len(entries) == len(history(days)[0])
    assert ("Temp Basal" in {t["eventType"] for t in treatments}) is (kind is not Kind.PEN)
    assert treatments == sorted(treatments, key=lambda t: t["created_at"], reverse=True)


def test_what_stands_above_the_mark_of_a_document_is_kept_and_what_stands_below_it_is_not() -> None:
    results = Results()
    results.show("a")
    results.section("Title", "| table |")
    assert results.written(f"words\n\n{MARK}\n\nold\n") == f"words\n\n{MARK}\n\na\n\n### Title\n\n| table |\n"
    with pytest.raises(ValueError, match="not found"):
        results.written("a document without the mark")


def test_numbers_of_days_come_in_order_so_that_the_script_is_there_before_runs_that_are_too_long_for_it() -> None:
    assert numbers("90,1,30") == [1, 30, 90]
    assert numbers("") == []
