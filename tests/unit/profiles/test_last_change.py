"""When the settings in use came into force, and whether others were tried and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from flows.profiles.last_change import LOOKED_BACK_DAYS, LastChange, last_change
from flows.values.timestamps import iso_utc
from flows.values.units import DAY_MS
from tests.unit.profiles.test_active_in_data import ZONE, body, ms

END = ms("31T00:00")


def days_ago(days: float) -> float:
    return END - days * DAY_MS


def written(days: float, basal: float) -> dict[str, Any]:
    """A document with one profile that begins so many days before the end."""
    start = iso_utc(days_ago(days))
    return {"_id": start, "defaultProfile": "Day", "startDate": start, "store": {"Day": body(basal)}}


def switched(days: float, basal: float, **changes: Any) -> dict[str, Any]:
    at = iso_utc(days_ago(days))
    return {"eventType": "Profile Switch", "created_at": at, "profile": f"P{basal}", **changes}


def store(*basals: float) -> dict[str, Any]:
    both = {"Day": body(1.0), **{f"P{basal}": body(basal) for basal in basals}}
    return {**written(200, 1.0), "store": both}


WEEKENDS = (41, 39, 34, 32, 27, 25, 20, 18, 13, 11, 6, 4)  # days ago, there and back


WEEKENDS = (41, 39, 34, 32, 27, 25, 20, 18, 13, 11, 6, 4)  # days ago, there and back


@pytest.mark.parametrize(
    ("documents", "switches", "found"),
    [
        ([written(200, 1.0)], [], LastChange()),
        ([written(200, 1.0), written(8, 1.1)], [], LastChange(since_ms=days_ago(8))),
        ([written(200, 1.0), written(LOOKED_BACK_DAYS + 0.1, 1.1)], [], LastChange()),
        ([written(200, 1.0), written(LOOKED_BACK_DAYS - 0.1, 1.1)], [], LastChange(since_ms=days_ago(34.9))),
        # saved again without a change
        ([written(200, 1.0), written(8, 1.0)], [], LastChange()),
        # two changes: what is in force now counts
        ([written(200, 1.0), written(20, 1.1), written(8, 1.2)], [], LastChange(since_ms=days_ago(8))),
        # by a Profile Switch, and not by one that ends by itself
        ([store(1.1)], [switched(6, 1.1)], LastChange(since_ms=days_ago(6))),
        ([store(1.1)], [switched(6, 1.1, duration=600)], LastChange()),
        ([store(1.1)], [switched(6, 1.1, percentage=120)], LastChange(since_ms=days_ago(6))),
        # tried for three days and taken back, or not even tried
        ([written(200, 1.0), written(13, 1.1), written(10, 1.0)], [], LastChange(back_ms=days_ago(10))),
        ([written(200, 1.0), written(12.9, 1.1), written(10, 1.0)], [], LastChange()),
        # tried twice, and taken back each time
        (
            [written(n, basal) for n, basal in ((200, 1.0), (30, 1.1), (23, 1.0), (13, 1.2), (6, 1.0))],
            [],
            LastChange(back_ms=days_ago(6)),
        ),
        # tried again after it was taken back
        ([written(n, basal) for n, basal in ((200, 1.0), (30, 1.1), (23, 1.0), (8, 1.1))], [], LastChange(days_ago(8))),
        # a profile for weekends comes and goes
        (
            [store(1.1)],
            [switched(d, 1.1 if n % 2 else 1.0) for n, d in enumerate(WEEKENDS)],
            LastChange(),
        ),
    ],
)
def test_the_last_change_is_found(
    documents: list[dict[str, Any]], switches: list[dict[str, Any]], found: LastChange
) -> None:
    known = last_change(documents, switches, ZONE, None, END)
    for name in ("since_ms", "back_ms"):
        wanted = getattr(found, name)
        assert getattr(known, name) == (None if wanted is None else pytest.approx(wanted, abs=1000))


@pytest.mark.parametrize(
    ("new", "adds", "takes"),
    [
        (body(1.1), True, False),
        (body(0.9), False, True),
        (body(ratio=9), True, False),
        (body(isf=60), False, True),
        (body(1.1, ratio=11), True, True),
    ],
)
def test_a_change_gives_more_insulin_or_less(new: dict[str, Any], adds: bool, takes: bool) -> None:
    known = last_change([written(200, 1.0), {**written(8, 1.0), "store": {"Day": new}}], [], ZONE, None, END)
    assert (known.adds_insulin, known.takes_insulin) == (adds, takes)
