"""What public reports describe, on the shared cases: each comes out with the right value, or is said.

The cases are never part of the project: without them these tests skip. Each kind has tests of its own beside its rule.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main

# The case, its options, and what the inspection has to hold: keys of its document, and words of its warnings.
CASES: list[tuple[str, list[str], dict[str, Any], str]] = [
    ("decimal_comma_half", [], {"insulin_u": 162.0, "carbs_g": 1857}, ""),
    ("decimal_comma_treat", [], {"insulin_u": 45.0, "carbs_g": 578}, ""),
    ("mdi_lantus_note", [], {"insulin_u": 45.0, "removed": ("long_acting", 4)}, ""),
    ("mdi_long_acting_type", [], {"insulin_u": 45.0, "removed": ("long_acting", 4)}, ""),
    ("mdi_insulintype_tresiba", [], {"insulin_u": 45.0, "removed": ("long_acting", 4)}, ""),
    ("xdrip_backfill_20min", [], {"rules": {}, "readings": 1080}, ""),
    ("trio_suspend_note", [], {}, "Suspended pumps (1, days touched: 2)"),
    ("aaps34_mode_disabled_1h", [], {}, "Times with the loop off (1, days touched: 1)"),
    ("baby_isf_540", [], {}, "only small children"),
    ("baby_isf_900", [], {}, "only small children"),
    ("baby_isf_30mmol", [], {}, "only small children"),
    ("medtronic_wizard_twice", [], {"carbs_g": 593}, ""),
    ("loop_carbs_thrice", [], {"carbs_g": 698}, "(3 at 2026-05-16 17:31)"),
    ("loop_fiasp", [], {}, "Insulin taken as ultra-rapid"),
    ("aaps_travel_no_offset", [], {}, "1 days are left with --exclude 2026-03-31..2026-04-03"),
    ("stray_late_reading", ["--days", "3"], {"days": 3, "removed": ("stray_reading", 1)}, "apart from all others"),
    ("stray_future_reading", [], {"days": 5, "removed": ("stray_reading", 1)}, "apart from all others (2031"),
    ("warmup_noise4", [], {"amber": "2026-05-15"}, "noisy glucose for 12.0 h"),
    (
        "openaps_sens_differs",
        ["--openaps-profile", "pumpprofile.json"],
        {},
        "sens, 24, and the first of its isfProfile",
    ),
]


def inspected(case: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    if not case.is_dir():
        pytest.skip("the shared cases are not there")
    options = [str(case / option) if option.endswith(".json") else option for option in options]
    status = main(["inspect", "--from", str(case), "--json", *options])
    return status, dict(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(("name", "options", "right", "said"), CASES, ids=[case[0] for case in CASES])
def test_a_public_report_comes_out_right(
    name: str,
    options: list[str],
    right: dict[str, Any],
    said: str,
    reference_data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, found = inspected(reference_data.parent / "cases" / name, options, capsys)
    assert status == 0
    assert any(said in warning for warning in found["warnings"]) or not said
    days = found["days"]
    for amount in ("insulin_u", "carbs_g"):
        if amount in right:
            assert sum(day[amount] for day in days) == pytest.approx(right[amount])
    if "removed" in right:
        rule, count = right["removed"]
        assert found["ledger"]["rules"][rule]["records"] == count
    if "rules" in right:
        assert found["ledger"]["rules"] == right["rules"]
        assert sum(day["readings"] for day in days) == right["readings"]
        assert {day["sensors"] for day in days} == {1}
    if "days" in right:
        assert len(days) == right["days"]
    if "amber" in right:
        assert {day["date"]: day["quality"] for day in days}[right["amber"]] == "amber"


def test_a_segment_not_in_use_is_named(reference_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = inspected(reference_data.parent / "cases" / "tandem_zero_segments", [], capsys)
    assert status == 3
    assert "a later entry at 00:00 says 0" in found["refused"]
