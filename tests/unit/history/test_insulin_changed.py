"""A change of insulin within the days names the days up to it; a short duration of insulin action is a doubt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flows.history.insulin_changed import Action, insulin_changed
from flows.pipeline.profile_to_tune import _short_dia, actions_of
from flows.profiles.active_in_data import in_force


def doses(*names: str | None) -> list[dict[str, Any]]:
    return [
        {"eventType": "Bolus", "insulin": 2, "insulinType": name, "created_at": f"2026-05-{n:02d}T10:00:00Z"}
        for n, name in enumerate(names, 1)
    ]


A, B = "NovoRapid", "Fiasp"
DAY, HOUR = 86_400_000.0, 3_600_000.0
FIRST = datetime(2026, 5, 1, 8, tzinfo=UTC).timestamp() * 1000
WINDOW = (FIRST, FIRST + 9 * DAY)


def changed_on(treatments: list[dict[str, Any]], **more: Any) -> str | None:
    """The last of the days that are named."""
    found = insulin_changed(treatments, "UTC", WINDOW, **more)
    assert all(d.dates[0] == "2026-05-01" and d.dates[-1] in d.sentence for d in found)
    return found[0].dates[-1] if found else None


@pytest.mark.parametrize(
    ("names", "last"),
    [
        ([A, A, A, B, B, B], 4),
        ([A, A, B, B, B], None),  # two are no change
        ([A, A, A, B, B], None),
        ([A, A, A, B, A, B, B, B], None),  # both at once
        ([A] * 6, None),
        ([A, A, A, "Humalog", "Humalog", "Humalog"], None),  # the same curve
        (["Lyumjev", "Lyumjev", "Lyumjev", B, B, B], None),
        (["Actrapid", "Actrapid", "Actrapid", A, A, A], 4),  # which is neither
        ([A, A, A, "novorapid "], None),  # the same
        ([A, A, A, None, B, B, B], 5),  # one without a name
        ([A, A, A, "Lantus", A, A], None),  # long-acting insulin is another matter
        ([None] * 4, None),
    ],
)
def test_a_change_is_one_insulin_before_and_another_after(names: list[str | None], last: int | None) -> None:
    assert changed_on(doses(*names)) == (f"2026-05-{last:02d}" if last else None)


def test_what_lies_outside_the_days_is_no_change_within_them() -> None:
    six = doses(A, A, A, B, B, B)
    assert len(insulin_changed(six, "UTC", (FIRST, FIRST + 5 * DAY + 2 * HOUR))) == 1
    assert insulin_changed(six, "UTC", (FIRST, FIRST + 5 * DAY + 1 * HOUR)) == []  # two of the other are left


# ---- what people write


def note(day: int, text: str, event: str = "Note") -> dict[str, Any]:
    return {"eventType": event, "notes": text, "created_at": f"2026-05-{day:02d}T12:00:00Z"}


CARTRIDGE = "Insulin Change"


@pytest.mark.parametrize(
    ("treatments", "chosen", "last"),
    [
        ([note(4, "Switched to Fiasp")], None, 4),
        ([note(4, "Switched to Fiasp", "Announcement")], None, 4),
        ([note(4, "Fiasp 3 U")], None, None),  # no change is said
        ([note(4, "Switch to Fiasp tomorrow")], None, None),
        ([note(4, "Changed the cannula, regular check")], None, None),
        ([note(4, "Changed from Fiasp to NovoRapid"), note(2, "started Fiasp")], None, 4),
        ([note(4, "Changed from Fiasp, or NovoRapid")], None, None),  # to which is not said
        ([note(4, "Switched to Fiasp", "BG Check")], None, None),
        ([*doses(B, B), note(4, "changed to Fiasp")], None, None),  # the doses named it before
        ([*doses(A, A), note(4, "changed to Fiasp")], None, 4),
        ([note(4, "Fiasp", CARTRIDGE)], None, None),  # nothing is known of before
        ([note(4, "Fiasp", CARTRIDGE)], "ultra-rapid", None),
        ([note(4, "Fiasp", CARTRIDGE)], "rapid-acting", 4),
        ([note(2, "Humalog", CARTRIDGE), note(4, "NovoRapid", CARTRIDGE)], None, None),
        ([note(2, "Humalog", CARTRIDGE), note(4, "Fiasp", CARTRIDGE), note(7, "Fiasp", CARTRIDGE)], None, 4),
        ([*doses(A, A, A), note(2, "Fiasp", CARTRIDGE), note(3, "Fiasp", CARTRIDGE)], None, 2),
        ([note(2, "Humalog", CARTRIDGE), note(4, "", CARTRIDGE)], None, None),
        ([{**note(4, "Switched to Fiasp"), "isValid": False}], None, None),
        ([note(11, "Switched to Fiasp")], None, None),  # after the days
    ],
)
def test_a_change_is_what_a_note_or_a_cartridge_says(
    treatments: list[dict[str, Any]], chosen: str | None, last: int | None
) -> None:
    assert changed_on(treatments, chosen=chosen) == (f"2026-05-{last:02d}" if last else None)


# ---- the profile in force


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ((5.0, None), (5.5, None), True),
        ((5.0, None), (5.49, None), False),
        ((6.0, 75.0), (6.0, 65.0), True),
        ((6.0, 75.0), (6.0, 65.1), False),
        ((None, None), (5.0, 55.0), False),  # it did not say
        ((5.0, 55.0), (None, None), False),
    ],
)
def test_a_change_is_another_duration_or_peak_of_the_profile(
    before: tuple[float | None, float | None], after: tuple[float | None, float | None], found: bool
) -> None:
    actions = [Action(FIRST, *before), Action(FIRST + 3 * DAY, *after)]
    assert changed_on([], actions=actions) == ("2026-05-04" if found else None)


def test_of_several_changes_the_last_one_counts() -> None:
    actions = [Action(FIRST, 5.0, None), Action(FIRST + DAY, 6.0, None)]
    assert changed_on([note(4, "Switched to Fiasp")], actions=actions) == "2026-05-04"


# ---- a short duration


@pytest.mark.parametrize(("dia_h", "count"), [(4.9, 1), (5, 0), (None, 0)])
def test_a_duration_below_five_hours_is_a_doubt(dia_h: float | None, count: int) -> None:
    assert len(_short_dia(dia_h)) == count


# ---- the profiles of a person


@pytest.mark.parametrize(
    ("later", "last"),
    [
        ({"dia": 6}, None),
        ({"dia": 6.49}, None),
        ({"dia": 6.5}, "2026-05-04"),
        ({"dia": None, "sens": [{"time": "00:00", "value": 60}]}, None),
    ],
)
def test_the_documents_in_force_are_looked_at(later: dict[str, Any], last: str | None) -> None:
    blocks = {k: [{"time": "00:00", "value": v}] for k, v in (("basal", 0.8), ("sens", 50), ("carbratio", 10))}
    values = {**blocks, "dia": 6, "units": "mg/dl", "timezone": "UTC"}
    documents = [
        {"_id": str(n), "defaultProfile": "Default", "startDate": start, "store": {"Default": held}}
        for n, (start, held) in enumerate([("2026-04-01T00:00:00Z", values), ("2026-05-04T12:00:00Z", values | later)])
    ]
    active = in_force(documents, [], name=None, window_start_ms=WINDOW[0], window_end_ms=WINDOW[1], zone="UTC")
    assert changed_on([], actions=actions_of(active)) == last
