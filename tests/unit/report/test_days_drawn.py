"""The days drawn one by one: gaps stay gaps, one scale, words for those who cannot see them."""

from __future__ import annotations

import re
from datetime import date

import pytest

from flows.proposal.document import DailyCurve
from flows.report.html.report import report_html
from flows.report.svg.days import DrawnDay, daily
from tests import sample_proposals


def drawn(values: list[int | None], range_mgdl: tuple[int, int] = (70, 180)) -> DrawnDay:
    text = " ".join("-" if v is None else str(v) for v in [*values, *[None] * (96 - len(values))])
    return daily([DailyCurve(day=date(2026, 3, 23), mgdl=text)], range_mgdl)[0]


def pieces(day: DrawnDay) -> int:
    """Of the line."""
    found = re.search(r'<path class="day-line" d="([^"]*)"', day.drawing)
    assert found
    return found[1].count("M")


@pytest.mark.parametrize(("gap", "lines"), [(0, 1), (1, 1), (2, 2)])
def test_a_gap_of_half_an_hour_is_left_open(gap: int, lines: int) -> None:
    assert pieces(drawn([100, 110, *[None] * gap, 120, 130])) == lines


def test_a_day_without_readings_says_so() -> None:
    day = drawn([])
    assert pieces(day) == 0
    assert "No readings." in day.drawing


def test_what_is_drawn_is_said_in_both_units_and_the_day_has_its_name() -> None:
    day = drawn([58, 231])
    assert day.name == "Mon 23 Mar"
    assert "Lowest 58 mg/dL (3.2 mmol/L), highest 231 mg/dL (12.8 mmol/L); readings in 2 of 96 quarters" in day.drawing


def test_the_range_of_pregnancy_is_drawn_where_it_is_asked_for() -> None:
    assert all(f">{end}<" in drawn([100], (63, 140)).drawing for end in ("63", "140", "3.5", "7.8"))


@pytest.mark.parametrize(("group", "ends"), [("pregnant", ["63", "140"]), ("adult", ["70", "180"])])
def test_the_page_draws_the_range_of_the_person(group: str, ends: list[str]) -> None:
    document = sample_proposals.document()
    document["options"]["age_group"] = group
    page = report_html(sample_proposals.sealed(document)).decode()
    for name in ("glucose-wide", "day-2026-03-20"):
        drawn_one = page.partition(f'aria-labelledby="{name}-t')[2].partition("</svg>")[0]
        marks = re.findall(r">(\d+)</text>", drawn_one.partition('class="mgdl"')[2].partition("</g>")[0])
        assert marks[:2] == ends, name


def test_all_days_have_one_scale() -> None:
    curves = [DailyCurve(day=date(2026, 3, n), mgdl=" ".join([str(mgdl)] * 96)) for n, mgdl in ((1, 100), (2, 390))]
    places = [re.findall(r'class="target" [^>]*', day.drawing) for day in daily(curves, (70, 180))]
    assert places[0] == places[1]
    assert places[0] != re.findall(r'class="target" [^>]*', drawn([100]).drawing)
