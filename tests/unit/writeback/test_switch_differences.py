"""A Profile Switch on the site is the one that was sent where every reader makes the same of it."""

from __future__ import annotations

from typing import Any

import pytest

from flows.writeback.observe import switch_differences
from flows.writeback.site_documents import switch_treatment

AT_MS = 1_780_000_000_000
SENT = switch_treatment("Autotune", {"dia": 5}, AT_MS, "notes")


@pytest.mark.parametrize(
    "change",
    [
        {"percentage": 80},
        {"percentage": None},
        {"profile": "Day"},
        {"duration": 30},
        {"duration": "30 min"},
        {"durationInMilliseconds": 1_800_000, "duration": None},
        {"timeshift": 2},
        {"timeshift": 7_200_000},
        {"CircadianPercentageProfile": True, "timeshift": 3},
        {"isValid": False},
        {"profileJson": "{}"},
        {"profileJson": None},
    ],
)
def test_what_says_something_else_is_not_what_was_sent(change: dict[str, Any]) -> None:
    assert switch_differences(SENT, {**SENT, **change})


@pytest.mark.parametrize(
    "change", [{}, {"_id": "1", "mills": AT_MS, "utcOffset": 0}, {"duration": "0"}, {"carbs": None, "insulin": None}]
)
def test_what_the_server_adds_is_no_difference(change: dict[str, Any]) -> None:
    assert switch_differences(SENT, {**SENT, **change}) == []
