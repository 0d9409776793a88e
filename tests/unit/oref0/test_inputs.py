"""Every row of upstream's table of silent failures is a typed refusal: exit status 3, a reason, nothing half done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.errors import Reason
from tests.people import DAY, ZONE, entries, openaps_directory, pump_profile, treatments, write

PUMP = "settings/pumpprofile.json"
ENTRIES = f"autotune/ns-entries.{DAY}.json"
TREATMENTS = f"autotune/ns-treatments.{DAY}.json"
START = "settings/autotune.json"

ROWS: list[tuple[str, str, Any, Reason]] = [
    ("no glucose", ENTRIES, [], Reason.NO_GLUCOSE),
    ("all below 39", ENTRIES, [{**e, "sgv": 38} for e in entries()], Reason.NO_GLUCOSE),
    ("mmol/L values", ENTRIES, [{**e, "sgv": round(e["sgv"] / 18, 1)} for e in entries()], Reason.GLUCOSE_IN_MMOL),
    ("one reading", ENTRIES, entries()[:1], Reason.TOO_FEW_READINGS),
    ("five readings", ENTRIES, entries()[:5], Reason.TOO_FEW_READINGS),
    ("glucose is an error answer", ENTRIES, {"status": 401}, Reason.GLUCOSE_NOT_DATA),
    ("glucose file empty", ENTRIES, "", Reason.FILE_NOT_JSON),
    ("glucose file truncated", ENTRIES, json.dumps(entries())[:5000], Reason.FILE_NOT_JSON),
    ("glucose file missing a null", ENTRIES, [None, *entries()], Reason.GLUCOSE_NOT_DATA),
    ("only calibrations", ENTRIES, [{"type": "cal", "date": e["date"]} for e in entries()], Reason.NO_GLUCOSE),
    ("date as text", ENTRIES, [{**e, "date": str(e["date"])} for e in entries()], Reason.GLUCOSE_DATE),
    ("date in seconds", ENTRIES, [{**e, "date": e["date"] // 1000} for e in entries()], Reason.GLUCOSE_DATE),
    ("treatments are an error answer", TREATMENTS, {"status": 401}, Reason.TREATMENTS_NOT_DATA),
    ("treatments are null", TREATMENTS, None, Reason.TREATMENTS_NOT_DATA),
    ("a null treatment", TREATMENTS, [None, *treatments()], Reason.TREATMENTS_NOT_DATA),
    ("no treatments", TREATMENTS, [], Reason.NO_INSULIN),
    ("treatments without insulin", TREATMENTS, [{"eventType": "Note", "created_at": "x"}], Reason.NO_INSULIN),
    ("treatments not JSON", TREATMENTS, "<html>", Reason.FILE_NOT_JSON),
    (
        "temp basal in milliseconds",
        TREATMENTS,
        [{**t, "duration": 1_800_000} if "duration" in t else t for t in treatments()],
        Reason.LONG_TEMP_BASAL,
    ),
    ("pump profile not JSON", PUMP, "{", Reason.FILE_NOT_JSON),
    ("pump profile a list", PUMP, [], Reason.FILE_NOT_RECORDS),
    ("no carb ratio", PUMP, pump_profile(carb_ratio=None), Reason.CARB_RATIO_RANGE),
    ("carb ratio below 2", PUMP, pump_profile(carb_ratio=1.5), Reason.CARB_RATIO_RANGE),
    ("no basals", PUMP, pump_profile(basalprofile=[]), Reason.BASAL_EMPTY),
    *(
        (
            f"a rate of {rate}",
            PUMP,
            pump_profile(basalprofile=[{"i": 0, "minutes": 0, "rate": rate}]),
            Reason.BASAL_ORDER,
        )
        for rate in ("1e999", "Infinity", "NaN", 10**400)
    ),
    (
        "basals numbered by texts",
        PUMP,
        pump_profile(basalprofile=[{**b, "i": n or "0"} for n, b in enumerate(pump_profile()["basalprofile"])]),
        Reason.BASAL_ORDER,
    ),
    (
        "basals of one minute, once as text",
        PUMP,
        pump_profile(basalprofile=[{"i": n, "minutes": m, "rate": 1} for n, m in enumerate((0, "60.0", 60))]),
        Reason.BASAL_ORDER,
    ),
    (
        "a basal of zero",
        PUMP,
        pump_profile(basalprofile=[{"i": 0, "minutes": 0, "rate": 0, "start": "00:00:00"}]),
        Reason.BASAL_ZERO,
    ),
    (
        "basals not from 00:00",
        PUMP,
        pump_profile(basalprofile=[{"i": 0, "minutes": 60, "rate": 1, "start": "01:00:00"}]),
        Reason.BASAL_START,
    ),
    (
        "basals out of order",
        PUMP,
        pump_profile(
            basalprofile=[
                {"i": 0, "minutes": 0, "rate": 1},
                {"i": 1, "minutes": 600, "rate": 1},
                {"i": 2, "minutes": 60, "rate": 1},
            ]
        ),
        Reason.BASAL_ORDER,
    ),
    ("no ISF", PUMP, pump_profile(isfProfile=None), Reason.ISF_MISSING),
    (
        "ISF not from 00:00",
        PUMP,
        pump_profile(isfProfile={"sensitivities": [{"sensitivity": 50, "offset": 60}]}),
        Reason.ISF_START,
    ),
    (
        "ISF in mmol/L",
        PUMP,
        pump_profile(isfProfile={"sensitivities": [{"sensitivity": 2.8, "offset": 0}]}),
        Reason.ISF_RANGE,
    ),
    ("no curve", PUMP, pump_profile(curve=None), Reason.CURVE_UNKNOWN),
    ("unknown curve", PUMP, pump_profile(curve="fiasp"), Reason.CURVE_UNKNOWN),
    ("no dia", PUMP, pump_profile(dia=None), Reason.DIA_MISSING),
    ("no min_5m_carbimpact", PUMP, pump_profile(min_5m_carbimpact=None), Reason.CARB_IMPACT_MISSING),
    ("caps widened", PUMP, pump_profile(autosens_max=5), Reason.CAPS_WIDENED),
    ("start profile with a zero", START, pump_profile(carb_ratio=0.5), Reason.CARB_RATIO_RANGE),
]


@pytest.mark.parametrize(("row", "file", "content", "reason"), ROWS, ids=[r[0] for r in ROWS])
def test_a_row_of_the_failure_table_is_refused(
    row: str, file: str, content: Any, reason: Reason, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = openaps_directory(tmp_path / "openaps")
    write(directory / file, content)
    assert _tune(directory, tmp_path, capsys) == reason.code


def test_a_missing_pump_profile_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = openaps_directory(tmp_path / "openaps")
    (directory / PUMP).unlink()
    assert _tune(directory, tmp_path, capsys) == Reason.PUMP_PROFILE_MISSING.code


def test_missing_treatments_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = openaps_directory(tmp_path / "openaps")
    (directory / TREATMENTS).unlink()
    assert _tune(directory, tmp_path, capsys) == Reason.FILE_MISSING.code


def test_data_after_the_clock_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = openaps_directory(tmp_path / "openaps")
    ahead = 20 * 365 * 86_400_000
    write(directory / ENTRIES, [{**e, "date": e["date"] + ahead} for e in entries()])
    assert _tune(directory, tmp_path, capsys) == Reason.DATA_IN_FUTURE.code


def _tune(directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    out = tmp_path / "run"
    status = main(["tune", str(directory), "--json", "--out", str(out), "--timezone", ZONE])
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert status == 3
    assert document["status"] == "refused"
    assert document["recommended"] is None
    assert document["reasons"][0].split(".")[0] in printed.err
    left = {p.name for p in out.iterdir()}
    assert not left & {"proposal.json", "report.json", "report.txt"}
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["status"] == "refused"
    assert manifest["reason_codes"] == document["reason_codes"]
    return str(document["reason_codes"][0])


MISREAD: list[tuple[str, Callable[[dict[str, Any]], dict[str, Any]], str]] = [
    ("no created_at", lambda t: {k: v for k, v in t.items() if k != "created_at"}, "have no created_at"),
    ("SMB", lambda t: {**t, "eventType": "SMB"} if t["eventType"] == "Correction Bolus" else t, "upstream ignores"),
    ("insulin as text", lambda t: {**t, "insulin": str(t["insulin"])} if "insulin" in t else t, "as text"),
    (
        "AAPS temp basal without absolute",
        lambda t: {k: v for k, v in t.items() if k != "absolute"} | {"enteredBy": "openaps://AndroidAPS"},
        "whose rate upstream does not find",
    ),
    ("deleted", lambda t: {**t, "isValid": False}, "were deleted"),
]


@pytest.mark.oref0
@pytest.mark.parametrize(("row", "change", "words"), MISREAD, ids=[r[0] for r in MISREAD])
def test_what_upstream_misreads_without_an_error_is_warned_about(
    row: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    directory = openaps_directory(tmp_path / "openaps")
    write(directory / TREATMENTS, [change(t) for t in treatments()])
    warnings = _warnings(directory, tmp_path, capsys)
    assert any(words in w for w in warnings), warnings


@pytest.mark.oref0
def test_the_same_treatments_twice_are_warned_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = openaps_directory(tmp_path / "openaps")
    write(directory / TREATMENTS, [*treatments(), *treatments()])
    assert any("upstream counts all of them" in w for w in _warnings(directory, tmp_path, capsys))


def _warnings(directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    asked = ["tune", str(directory), "--json", "--resamples", "0", "--timezone", ZONE]
    assert main([*asked, "--out", str(tmp_path / "run")]) == 0
    return list(json.loads(capsys.readouterr().out)["warnings"])
