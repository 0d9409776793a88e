"""Each number of reading profiles that decides something, just below and just above; written out here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.errors import Reason, Refused
from flows.oref0.inputs import check_profile
from flows.profiles.active_in_data import ActiveProfiles, basal_at
from flows.profiles.parse import _check_targets, _insulin_action, profile_in
from flows.profiles.stored import stored_documents
from flows.profiles.switches import read_switches
from flows.values.schedule import Schedule

PUMP: dict[str, Any] = {
    "basalprofile": [{"i": 0, "start": "00:00:00", "minutes": 0, "rate": 1.0}],
    "isfProfile": {"sensitivities": [{"i": 0, "start": "00:00:00", "offset": 0, "endoffset": 1440, "sensitivity": 50}]},
    "carb_ratio": 10,
    "curve": "rapid-acting",
    "dia": 6,
    "min_5m_carbimpact": 8,
    "autosens_min": 0.7,
    "autosens_max": 1.2,
}


def refused(**changes: Any) -> Reason | None:
    try:
        check_profile({**PUMP, **changes})
    except Refused as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"autosens_max": 2.0}, None),
        ({"autosens_max": 2.01}, Reason.CAPS_WIDENED),
        ({"autosens_min": 0.5}, None),
        ({"autosens_min": 0.49}, Reason.CAPS_WIDENED),
        ({"carb_ratio": 3}, None),
        ({"carb_ratio": 2.99}, Reason.CARB_RATIO_RANGE),
        ({"carb_ratio": 150}, None),
        ({"carb_ratio": 150.1}, Reason.CARB_RATIO_RANGE),
    ],
)
def test_the_caps_of_a_pump_profile_are_never_wider_than_this(changes: dict[str, Any], reason: Reason | None) -> None:
    assert refused(**changes) is reason


@pytest.mark.parametrize(("percent", "is_taken"), [(10, True), (9, False), (500, True), (501, False)])
def test_a_switch_s_percentage_is_taken_within_nightscout_s_limits(percent: float, is_taken: bool) -> None:
    switch = {
        "eventType": "Profile Switch",
        "created_at": "2026-05-01T10:00:00Z",
        "profile": "Day",
        "percentage": percent,
    }
    (found,) = read_switches([switch], "UTC")
    assert (found.percentage == percent) is is_taken
    assert bool(found.trouble) is not is_taken


@pytest.mark.parametrize(
    ("units", "target", "sensitivity", "is_doubtful"),
    [
        # Without targets a baby's 30 mmol/L may as well be anybody's 30 mg/dL.
        ("mmol/L", 0.0, 500.1 / 18, True),
        ("mmol/L", 0.0, 499.9 / 18, False),
        ("mg/dL", 0.0, 900.0, False),
        ("mg/dL", 24.9, 3.0, True),  # 54 mg/dL per U, were it mmol/L
        ("mg/dL", 25.0, 3.0, False),
        ("mmol/L", 40.1, 54.0, True),
        ("mmol/L", 40.0, 54.0, False),
        # A sensitivity that no profile has in the other unit leaves no doubt.
        ("mg/dL", 5.5, 500.0 / 18, True),
        ("mg/dL", 5.5, 501.0 / 18, False),
        ("mmol/L", 100.0, 5.0, True),
        ("mmol/L", 100.0, 4.9, False),
    ],
)
def test_targets_tell_the_unit_of_the_sensitivities(
    units: str, target: float, sensitivity: float, is_doubtful: bool
) -> None:
    body = {"target_low": [{"time": "00:00", "value": target}], "target_high": [{"time": "00:00", "value": target}]}
    if not is_doubtful:
        return _check_targets(body, units, Schedule.constant(sensitivity))
    with pytest.raises(Refused) as refusal:
        _check_targets(body, units, Schedule.constant(sensitivity))
    assert refusal.value.reason is Reason.PROFILE_UNITS_DOUBTFUL


@pytest.mark.parametrize(
    ("units", "written", "is_taken", "is_warned"),
    [
        ("mg/dl", 4.9, False, False),
        ("mg/dl", 5, True, False),
        ("mg/dl", 500, True, False),
        ("mg/dl", 501, True, True),
        ("mg/dl", 1000, True, True),
        ("mg/dl", 1001, False, False),
        ("mmol", 27.7, True, False),
        ("mmol", 30, True, True),
        ("mmol", 55.5, True, True),
        ("mmol", 56, False, False),
    ],
)
def test_a_baby_s_sensitivity_is_taken_with_a_word(units: str, written: float, is_taken: bool, is_warned: bool) -> None:
    target = 6 if units == "mmol" else 110
    body = {"sens": written, "carbratio": 10, "basal": 0.1, "units": units, "target_low": target}
    (document,) = stored_documents([{"defaultProfile": "A", "store": {"A": body}}], None)
    if not is_taken:
        with pytest.raises(Refused, match="check its units"):
            profile_in(document, "A", zone="UTC")
        return
    assert any("only small children" in note for note in profile_in(document, "A", zone="UTC").notes) is is_warned


@pytest.mark.parametrize(
    ("dia_h", "is_taken", "is_warned"),
    [
        (1.0, True, False),
        (0.99, False, False),
        (24.0, True, True),
        (24.1, False, False),
        (10.0, True, False),
        (10.1, True, True),
    ],
)
def test_a_duration_of_insulin_action_is_one_that_insulins_have(dia_h: float, is_taken: bool, is_warned: bool) -> None:
    notes: list[str] = []
    if is_taken:
        assert _insulin_action(dia_h, {}, notes) == (dia_h, None)
        assert bool(notes) is is_warned
    else:
        with pytest.raises(Refused):
            _insulin_action(dia_h, {}, notes)


@pytest.mark.parametrize(("epoch_ms", "u_per_h"), [(-1, 0.5), (0, 0.5), (999, 0.5), (1000, 0.8), (5000, 0.8)])
def test_before_the_first_change_the_first_settings_count(epoch_ms: float, u_per_h: float) -> None:
    def span(start_ms: float, rate: float) -> SimpleNamespace:
        return SimpleNamespace(start_ms=start_ms, effective=SimpleNamespace(basal_u_per_h=Schedule.constant(rate)))

    active = SimpleNamespace(timeline=(span(0, 0.5), span(1000, 0.8)), zone="UTC")
    assert basal_at(cast(ActiveProfiles, active), epoch_ms) == u_per_h
