"""Dynamic ISF is seen where most doses of most days that tell their ISF took another than the profile's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.history.dynamic_isf import dynamic_isf
from flows.profiles.active_in_data import in_force, isfs_at

FIRST = datetime(2026, 5, 1, tzinfo=UTC).timestamp() * 1000
WINDOW = (FIRST, FIRST + 20 * 86_400_000.0)
PROFILE = 50.0


def wizard(day: int, isf: Any, hour: int = 12, as_text: bool = True, **more: Any) -> dict[str, Any]:
    result = {"isf": isf, "ic": 10.0}
    return {
        "eventType": "Bolus Wizard",
        "created_at": f"2026-05-{day:02d}T{hour:02d}:00:00Z",
        "bolusCalculatorResult": json.dumps(result) if as_text else result,
        **more,
    }


def temp(day: int, reason: str, key: str = "reason") -> dict[str, Any]:
    return {"eventType": "Temp Basal", "created_at": f"2026-05-{day:02d}T12:00:00Z", "rate": 1, key: reason}


def found(treatments: list[Any], *isfs: float) -> list[str]:
    return [doubt.sentence for doubt in dynamic_isf(treatments, "UTC", WINDOW, lambda _ms: isfs or (PROFILE,))]


def days(*isfs: float) -> list[Any]:
    return [wizard(day, isf) for day, isf in enumerate(isfs, 1)]


@pytest.mark.parametrize(
    ("treatments", "said"),
    [
        (days(55.1, 44.9, 55.1), True),
        (days(55.0, 45.0, 55.0), False),  # a tenth
        (days(60, 60), False),  # two days
        (days(60, 60, 50, 50), False),  # half of them
        (days(60, 60, 60, 50, 50), True),
        ([*days(60, 60, 60), *(wizard(day, 50, 18) for day in (1, 2, 3))], False),  # half of the doses of each day
        ([*days(60, 60, 60), *(wizard(day, isf, h) for day in (1, 2) for h, isf in ((18, 50), (20, 60)))], True),
        ([wizard(day, "60", as_text=False) for day in (1, 2, 3)], True),
        ([wizard(day, 60, isValid=False) for day in (1, 2, 3)], False),
        ([wizard(day, 60, bolusCalculatorResult="{") for day in (1, 2, 3)], False),
        ([wizard(day, 0) for day in (1, 2, 3)], False),
        ([wizard(day, 60) for day in (22, 23, 24)], False),  # after the days
        ([None, {"eventType": "Note"}, {"created_at": "?"}], False),
    ],
)
def test_it_is_the_isf_that_most_doses_of_most_days_took(treatments: list[Any], said: bool) -> None:
    assert bool(found(treatments)) is said


@pytest.mark.parametrize(("isfs", "said"), [((50.0,), True), ((50.0, 60.0), False), ((60.0, 50.0), False)])
def test_either_isf_of_a_percentage_is_the_profiles(isfs: tuple[float, ...], said: bool) -> None:
    assert bool(found(days(60, 60, 60), *isfs)) is said


def test_where_the_profile_is_unknown_nothing_differs_from_it() -> None:
    assert dynamic_isf(days(60, 60, 60), "UTC", WINDOW, lambda _ms: ()) == []


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("COB: 0, Dev: 3, BGI: -1, ISF: 50→44.9, CR: 10", True),
        ("COB: 0, Dev: 3, BGI: -1, ISF: 50→45, CR: 10", False),
        ("ISF: 3,0->2,6", True),
        ("Autosens ratio: 1.12", True),  # by which ISF is divided
        ("Autosens ratio: 1.11", False),
        ("Autosens ratio: 0.9", True),
        ("Autosens ratio: 0.91", False),
        ("Autosens ratio: 0", False),
        ("Dynamic ISF: On, Sigmoid function", True),
        ("Dynamic ISF/CR: On/Off", True),
        ("Dynamic ISF: Off", False),
        ("ISF: 50, CR: 10", False),
    ],
)
@pytest.mark.parametrize("key", ["reason", "notes"])
def test_it_is_what_a_reason_or_a_note_says(key: str, reason: str, said: bool) -> None:
    assert bool(found([temp(day, reason, key) for day in (1, 2, 3)])) is said


def test_its_days_are_named_and_leaving_them_out_does_not_silence_it() -> None:
    (doubt,) = dynamic_isf(days(60, 60, 60), "UTC", WINDOW, lambda _ms: (PROFILE,))
    assert (doubt.name, doubt.colour, doubt.dates) == ("dynamic_isf", "amber", ())
    assert "On 3 of the 3 days" in doubt.sentence and "(2026-05-01..2026-05-03)" in doubt.sentence


def test_the_isf_of_an_instant_is_that_in_force_and_that_without_the_percentage() -> None:
    blocks = {k: [{"time": "00:00", "value": v}] for k, v in (("basal", 0.8), ("sens", 50), ("carbratio", 10))}
    values = {**blocks, "dia": 6, "units": "mg/dl", "timezone": "UTC"}
    document = {"_id": "1", "defaultProfile": "A", "startDate": "2026-04-01T00:00:00Z", "store": {"A": values}}
    switch = {"eventType": "Profile Switch", "profile": "A", "percentage": 125, "created_at": "2026-05-02T00:00:00Z"}
    active = in_force([document], [switch], name=None, window_start_ms=WINDOW[0], window_end_ms=WINDOW[1], zone="UTC")
    assert [isfs_at(active, FIRST + n * 86_400_000.0) for n in (0, 2)] == [(50.0, 50.0), (40.0, 50.0)]
