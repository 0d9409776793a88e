"""How long a run waits by being postponed: half an hour each time, and what is left the last time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flows.orchestration.postponing import EVERY_MIN, Postponement

FIRST, LATER = "0c9a3f4e-6f1b-4f0e-9c1d-3a5b7c9d1e2f", "1d9a3f4e-6f1b-4f0e-9c1d-3a5b7c9d1e2f"


@pytest.mark.parametrize(
    ("wait_min", "waits_min"),
    [(1, [1]), (29, [29]), (30, [30]), (31, [30, 1]), (45, [30, 15]), (60, [30, 30]), (180, [30] * 6)],
)
def test_the_waits_add_up_to_what_was_asked_for(wait_min: int, waits_min: list[int]) -> None:
    key, run, waited, keys = None, FIRST, [], []
    while (now := Postponement.of(run, key, wait_min)).left_min:
        waited.append(now.next_in())
        key, run = now.next_key(), LATER  # the later run has its own id, and the first one's in its key
        keys.append(key)
    assert waited == [timedelta(minutes=minutes) for minutes in waits_min]
    assert len(set(keys)) == len(keys)
    assert all(FIRST in key for key in keys)


@pytest.mark.parametrize("key", [None, "", "scheduled 1 2 3", "autotune-postponed:x:1", f"autotune-postponed:{FIRST}:"])
def test_a_key_of_somebody_else_is_the_first_run_s(key: str | None) -> None:
    assert Postponement.of(FIRST, key, EVERY_MIN) == Postponement(FIRST, 0, EVERY_MIN)
