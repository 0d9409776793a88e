"""What days kept aside say, and the facts in it."""

from __future__ import annotations

from typing import Any

import pytest

from flows.oref0.profile import PumpSettings
from flows.proposal.held_out import BETTER_BY, LEAST_POINTS, compare
from tests.numbers_said import numbers_apart

NOW = PumpSettings(50.0, 10.0, (1.0,) * 24, 6.0, 75.0)


def prep(deviation: float, points: int) -> list[dict[str, Any]]:
    """Of a day: so many readings in basal hours, each off by so much."""
    return [{"basalGlucoseData": [{"date": n, "deviation": f"{deviation:.2f}"} for n in range(points)], "CRData": []}]


@pytest.mark.parametrize(
    ("new", "points", "better", "facts"),
    [
        (7.0, LEAST_POINTS, True, {"days": 2.0, "unexplained_percent": 30.0}),
        (13.0, LEAST_POINTS, False, {"days": 2.0, "unexplained_percent": 30.0}),
        (10 * (1 + BETTER_BY), LEAST_POINTS, False, {"days": 2.0}),
        (10 * (1 - BETTER_BY), LEAST_POINTS, False, {"days": 2.0}),
        (7.0, LEAST_POINTS - 1, None, {"days": 2.0}),
    ],
)
def test_the_outcome_and_its_facts(new: float, points: int, better: bool | None, facts: dict[str, float]) -> None:
    found = compare(["2026-05-01", "2026-05-02"], prep(10.0, points), prep(new, points), (NOW, NOW))
    assert (found.better, found.facts) == (better, facts)
    assert found.document()["facts"] == facts
    assert numbers_apart(found.sentence, found.facts, "flows.proposal.held_out") == set()
