"""The insulin a person took explains glucose better than the same insulin at other times, or it could not be seen."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from flows.proposal import insulin_response as rule
from flows.proposal.insulin_response import against_shifted, insulin_response


def series(count: int, share: float, seed: int = 1) -> tuple[list[float], list[float]]:
    """What insulin explains, wandering as it does, and what was seen: a share of it, the rest a sensor's."""
    chance, expected, seen, level = random.Random(seed), [], [], 0.0  # noqa: S311
    for _ in range(count):
        level = 0.9 * level + chance.gauss(0, 1)
        expected.append(level)
        seen.append(share * level + chance.gauss(0, 2.3))
    return expected, seen


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("share", "is_seen"), [(1.0, True), (0.5, True), (0.0, False), (-1.0, False)])
def test_a_response_is_seen_where_there_is_one(share: float, is_seen: bool, seed: int) -> None:
    found = against_shifted(*series(600, share, seed))
    assert found is not None and (found.correlation > found.needed) is is_seen


def test_the_bar_is_3_5_standard_deviations_above_the_shifted(monkeypatch: pytest.MonkeyPatch) -> None:
    made = series(600, 0.4)
    bars = []
    for times in (0, 1, 3.5):
        monkeypatch.setattr(rule, "CLEARLY_ABOVE_SD", times)
        found = against_shifted(*made)
        assert found is not None
        bars.append(found.needed)
    assert bars[2] - bars[0] == pytest.approx(3.5 * (bars[1] - bars[0]), abs=0.01)
    monkeypatch.undo()
    assert against_shifted(*made) == found == against_shifted(*made)  # 3.5 is the rule's own; nothing is drawn


def work(path: Path, counts: list[int]) -> Path:
    expected, seen = series(sum(counts), 1.0)
    (path / "autotune").mkdir()
    at = 0
    for day, count in enumerate(counts, 1):
        points = [{"BGI": e, "avgDelta": str(s)} for e, s in zip(expected[at:], seen[at:], strict=True)][:count]
        at += count
        document = {"ISFGlucoseData": [*points, {"BGI": "NaN", "avgDelta": 1}, {"avgDelta": 1}]}
        (path / "autotune" / f"autotune.2026-05-0{day}.json").write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(("counts", "is_known"), [([30, 20], True), ([30, 19], False), ([50], True)])
def test_it_takes_fifty_points_of_all_days(counts: list[int], is_known: bool, tmp_path: Path) -> None:
    dates = [f"2026-05-0{n}" for n in range(1, len(counts) + 1)]
    assert (insulin_response(work(tmp_path, counts), dates) is not None) is is_known


def test_of_insulin_or_glucose_that_never_varies_nothing_is_said() -> None:
    varying = series(100, 1.0)[0]
    assert against_shifted(varying, [1.0] * 100) is None and against_shifted([0.0] * 100, varying) is None
