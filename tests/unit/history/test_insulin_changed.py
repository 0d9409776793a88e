"""A change of insulin within the days names the days up to it; a short duration of insulin action is a doubt."""

from __future__ import annotations

from typing import Any

import pytest

from flows.history.insulin_changed import insulin_changed
from flows.pipeline.profile_to_tune import _short_dia


def doses(*names: str | None) -> list[dict[str, Any]]:
    return [
        {"eventType": "Bolus", "insulin": 2, "insulinType": name, "created_at": f"2026-05-{n:02d}T10:00:00Z"}
        for n, name in enumerate(names, 1)
    ]


A, B = "NovoRapid", "Fiasp"


@pytest.mark.parametrize(
    ("names", "last"),
    [
        ([A, A, A, B, B, B], 4),
        ([A, A, B, B, B], None),  # two are no change
        ([A, A, A, B, B], None),
        ([A, A, A, B, A, B, B, B], None),  # both at once
        ([A] * 6, None),
        ([A, A, A, "novorapid "], None),  # the same
        ([A, A, A, None, B, B, B], 5),  # one without a name
        ([A, A, A, "Lantus", A, A], None),  # long-acting insulin is another matter
        ([None] * 4, None),
    ],
)
def test_a_change_is_one_insulin_before_and_another_after(names: list[str | None], last: int | None) -> None:
    found = insulin_changed(doses(*names), "UTC")
    assert [d.dates for d in found] == ([tuple(f"2026-05-{n:02d}" for n in range(1, last + 1))] if last else [])
    assert all(d.dates[-1] in d.sentence for d in found)


@pytest.mark.parametrize(("dia_h", "count"), [(4.9, 1), (5, 0), (None, 0)])
def test_a_duration_below_five_hours_is_a_doubt(dia_h: float | None, count: int) -> None:
    assert len(_short_dia(dia_h)) == count
