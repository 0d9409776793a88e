"""What windows say of each block of carb ratios: right where it is known, silent where it cannot be."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from flows.proposal.block_regression import LEAST_WINDOWS, of_windows, regressions, student_quantile
from flows.values.schedule import Block, Schedule
from flows.values.timestamps import iso_utc
from tests.people import DAY, ZONE, write

MINUTE = 60_000
RATIOS = Schedule((Block(0, 10.0), Block(660, 5.0)))
MORNING_MS = 1_778_652_000_000  # 2026-05-13 08:00 in Paris


def test_factors_are_found_block_by_block() -> None:
    chance = random.Random(3)  # noqa: S311
    rows = [[chance.uniform(2, 8) * (n % 3 != 0), chance.uniform(2, 8) * (n % 3 != 1), 0.0] for n in range(24)]
    taken = [1.2 * a + 0.9 * b + chance.gauss(0, 0.2) for a, b, _ in rows]
    first, second, third = of_windows(rows, taken)
    assert third is None, "nothing was eaten in it"
    assert first is not None
    assert second is not None
    assert (first.windows, second.windows) == (16, 16)
    assert first.insulin_factor_low < 1.2 < first.insulin_factor_high
    assert second.insulin_factor_low < 0.9 < second.insulin_factor_high
    assert first.insulin_factor == pytest.approx(1.2, abs=0.05)
    assert second.insulin_factor_high < first.insulin_factor_low


def test_one_block_is_the_mean_of_what_its_insulin_was_worth() -> None:
    # Σxy/Σx² = 1.25; with 7 degrees of freedom the t of 0.95 is 1.895; what is left is 0.25 U each: 8 * 0.0625 / 7.
    (found,) = of_windows([[2.0]] * 8, [2.25, 2.75] * 4)
    assert found is not None
    half = 1.895 * (8 * 0.0625 / 7 / 32) ** 0.5
    assert found.insulin_factor == 1.25
    assert found.insulin_factor_low == pytest.approx(1.25 - half, abs=0.002)
    assert found.insulin_factor_high == pytest.approx(1.25 + half, abs=0.002)


@pytest.mark.parametrize(("windows", "said"), [(LEAST_WINDOWS - 1, False), (LEAST_WINDOWS, True)])
def test_it_takes_eight_windows(windows: int, said: bool) -> None:
    (found,) = of_windows([[2.0]] * windows, [2.0 + 0.1 * (n % 2) for n in range(windows)])
    assert (found is not None) is said


def test_blocks_always_eaten_in_together_cannot_be_told_apart() -> None:
    assert of_windows([[2.0 * n, n] for n in range(1, 11)], [3.0 * n for n in range(1, 11)]) == [None, None]
    assert of_windows([[1.0, 2.0]], [3.0]) == [None, None]
    assert of_windows([], []) == []


@pytest.mark.parametrize(
    ("free", "expected"), [(1, 6.314), (2, 2.920), (3, 2.353), (5, 2.015), (7, 1.895), (10, 1.812), (30, 1.697)]
)
def test_students_t_is_that_of_the_tables(free: int, expected: float) -> None:
    assert student_quantile(0.95, free) == pytest.approx(expected, rel=0.005)


def window(start_ms: int, carbs: float, **changes: Any) -> dict[str, Any]:
    """A window whose insulin is 1 on board + 3 given + (150 - 100) / 50 of a rise left = 5 U."""
    ends = {"CRInitialCarbTime": iso_utc(start_ms), "CREndTime": iso_utc(start_ms + 180 * MINUTE)}
    made = {"CRInitialIOB": 1, "CRInsulin": 3, "CRInitialBG": 100, "CREndBG": 150, "CRCarbs": carbs, **ends}
    return {**made, **changes}


def test_windows_are_read_as_upstream_wrote_them(tmp_path: Path) -> None:
    meals, windows = [], []
    for n in range(LEAST_WINDOWS):
        at = MORNING_MS + n * 10 * MINUTE  # they may overlap in this test: each has its own day's file
        day = f"2026-05-{DAY.day + n}"
        at += n * 24 * 60 * MINUTE
        meals = [{"created_at": iso_utc(at - 3 * MINUTE), "carbs": 40}, {"created_at": iso_utc(at), "carbs": 0.5}]
        windows = [
            window(at, 40),
            window(at, 50),  # not the carbs that upstream counted
            window(at, 40, CRInsulin=-9),  # upstream leaves it out
            window(at, 40, CREndBG=None),
        ]
        write(tmp_path / "autotune" / f"ns-treatments.{day}.json", meals)
        write(tmp_path / "autotune" / f"autotune.{day}.json", {"CRData": windows})
    dates = [f"2026-05-{DAY.day + n}" for n in range(LEAST_WINDOWS)]
    morning, later = regressions(tmp_path, dates, ZONE, RATIOS, 50.0)
    assert later is None
    assert morning is not None
    assert (morning.windows, morning.insulin_factor) == (LEAST_WINDOWS, 1.25)  # 5 U for 40 g at 10 g/U
    (tmp_path / "autotune" / f"autotune.{dates[0]}.json").write_text(json.dumps({"error": "x"}))
    assert regressions(tmp_path, dates, ZONE, RATIOS, 50.0) == [None, None]
