"""The command line: exit status, the one JSON document, and what is said where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.cli import analysis
from flows.cli.main import main
from flows.oref0.provenance import tree_sha256
from flows.oref0.runtime import pinned_packages
from tests.people import DAY, export_directory, openaps_directory, profile_document, pump_profile, write

KEYS = {"status", "reasons", "warnings", "current", "recommended", "days", "ledger", "run_directory"}
SETTINGS = {
    *("isf_mgdl_per_u", "isf_mmoll_per_u", "carb_ratio_g_per_u", "basal_u_per_h", "daily_basal_u"),
    *("dia_h", "insulin_peak_min"),
}


def propose(*arguments: str | Path) -> int:
    return main(["propose", "--no-prefect", *map(str, arguments)])


@pytest.mark.oref0
@pytest.mark.parametrize("engine", ["node", "reference"])
def test_a_proposal_is_printed_and_kept(engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_directory(tmp_path / "data", days=2)
    arguments = ["--from", tmp_path / "data", "--json", "--out", tmp_path / "run", "--engine", engine]
    arguments += ["--resamples", "0"] if engine == "reference" else []
    assert propose(*arguments) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert set(document) >= KEYS
    assert document["status"] == "proposal"
    assert set(document["recommended"]) == set(document["current"]) == SETTINGS
    assert len(document["recommended"]["basal_u_per_h"]) == 24
    assert [d["status"] for d in document["days"]] == ["used", "used"]
    assert document["run_directory"] == str((tmp_path / "run").resolve())
    assert "day 2 of 2" in printed.err
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["versions"]["oref0"] == "0.7.1"
    assert manifest["upstream"]["node_modules_sha256"] == tree_sha256(pinned_packages())
    files = {p.relative_to(tmp_path / "run").as_posix() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    assert not [p for p in (tmp_path / "run").rglob("*") if p.stat().st_mode & 0o077]
    assert set(manifest["inputs_sha256"]) | set(manifest["outputs_sha256"]) == files - {"manifest.json"}
    assert main(["show", str(tmp_path / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == document
    assert main(["show", str(tmp_path / "run"), "-v"]) == 0
    assert "ISF [mg/dL/U]" in capsys.readouterr().out
    assert main(["show", str(tmp_path / "run")]) == 0
    assert 7 <= len(capsys.readouterr().out.splitlines()) <= 12
    computed = manifest["computed"]
    assert (computed["faster"], computed["redone"]) == (engine != "reference", False)
    assert (computed["check"] or {}).get("same") is (None if engine == "reference" else True)


@pytest.mark.oref0
def test_an_exact_run_gives_the_same_numbers_and_says_how(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_directory(tmp_path / "data", days=1)
    documents = []
    for name, more in (("default", []), ("exact", ["--exact"])):
        arguments = ["--from", tmp_path / "data", "--json", "--resamples", "0", "--out", tmp_path / name, *more]
        assert propose(*arguments) == 0
        documents.append(json.loads(capsys.readouterr().out))
    default, exact = documents
    assert default["recommended"] == exact["recommended"]
    assert default["engine"]["faster"] is True
    assert (exact["engine"]["faster"], exact["engine"]["check"]) == (False, None)
    assert list(exact["engine"]["untouched_days"].values()) == ["asked"]


@pytest.mark.oref0
def test_one_day_without_readings_does_not_lose_the_range(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.people import entries

    made = [e for n, e in enumerate(entries(days=3)) if not 288 <= n < 576]
    export_directory(tmp_path / "data", days=3, entries=made)
    assert propose("--from", tmp_path / "data", "--json", "--resamples", "0", "--out", tmp_path / "run") == 0
    days = json.loads(capsys.readouterr().out)["days"]
    assert [(d["status"], d["reason"]) for d in days] == [
        ("used", None),
        ("skipped", "no glucose readings"),
        ("used", None),
    ]
    assert propose("--from", tmp_path / "data", "--json", "--inputs", "upstream", "--out", tmp_path / "untouched") == 3
    assert json.loads(capsys.readouterr().out)["reason_codes"] == ["no_glucose"]


@pytest.mark.oref0
def test_running_again_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_directory(tmp_path / "data")
    for name in ("first", "second"):
        assert propose("--from", tmp_path / "data", "--out", tmp_path / name) == 0
    first, second = (json.loads((tmp_path / n / "manifest.json").read_text()) for n in ("first", "second"))
    # The time of day and the run's name.
    changing = {"proposal.json", "report.json", "engine.json", "report.html", "report.xlsx"}
    for kind in ("inputs_sha256", "outputs_sha256"):
        assert {k: v for k, v in first[kind].items() if k not in changing} == {
            k: v for k, v in second[kind].items() if k not in changing
        }
    capsys.readouterr()


@pytest.mark.oref0
def test_an_openaps_directory_is_tuned_as_it_is_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = openaps_directory(tmp_path / "openaps")
    before = {p: p.read_bytes() for p in source.rglob("*") if p.is_file()}
    assert main(["tune", str(source), "--json", "--out", str(tmp_path / "run")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["timezone"] == "Europe/Paris"
    assert {p: p.read_bytes() for p in source.rglob("*") if p.is_file()} == before
    for name in (f"ns-entries.{DAY}.json", f"ns-treatments.{DAY}.json"):
        assert (tmp_path / "run" / "work" / "autotune" / name).read_bytes() == (source / "autotune" / name).read_bytes()


REFUSED: list[tuple[str, dict[str, Any], list[str], str]] = [
    ("no entries", {"entries": []}, [], "no_records"),
    ("an error answer", {"treatments": {"status": 401}}, [], "file_not_records"),
    ("no profile", {"profile": []}, [], "no_profile"),
    ("a profile that is not there", {}, ["--profile", "Night"], "profile_not_found"),
    ("a zone that is none", {}, ["--timezone", "Mars/Olympus"], "unknown_timezone"),
    ("days without data", {}, ["--start", "2026-01-01", "--end", "2026-01-02"], "no_days_left"),
    ("the end before the start", {}, ["--start", "2026-05-13", "--end", "2026-05-12"], "end_before_start"),
    ("a missing profile file", {}, ["--profile-file", "nothing.json"], "file_missing"),
    (
        "insulin of no kind",
        {"treatments": [{"eventType": "Note", "created_at": "2026-05-13T09:00:00Z"}]},
        [],
        "no_insulin",
    ),
    (
        "treatments of garbage",
        {"treatments": [{"eventType": "Bolus", "insulin": "lots", "created_at": "2026-05-13T09:00:00Z"}] * 9},
        [],
        "not_understood",
    ),
]


@pytest.mark.parametrize(("what", "documents", "arguments", "code"), REFUSED, ids=[r[0] for r in REFUSED])
def test_a_refusal_is_status_3_with_its_reason_in_both_places(
    what: str,
    documents: dict[str, Any],
    arguments: list[str],
    code: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    export_directory(tmp_path / "data", **documents)
    assert propose("--from", tmp_path / "data", "--json", "--out", tmp_path / "run", *arguments) == 3
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert set(document) >= KEYS
    assert document["reason_codes"] == [code]
    assert printed.err.splitlines()[-2].startswith("Refused: ")
    assert not (tmp_path / "run" / "proposal.json").exists()


def test_a_profile_without_a_zone_asks_for_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = profile_document()
    del document["store"]["Default"]["timezone"]
    export_directory(tmp_path / "data", profile=[document])
    assert propose("--from", tmp_path / "data", "--json", "--out", tmp_path / "run") == 3
    assert json.loads(capsys.readouterr().out)["reason_codes"] == ["no_timezone"]


def test_a_damaged_openaps_profile_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_directory(tmp_path / "data")
    file = write(tmp_path / "pump.json", pump_profile(dia=None))
    assert propose("--from", tmp_path / "data", "--json", "--openaps-profile", file, "--out", tmp_path / "run") == 3
    assert json.loads(capsys.readouterr().out)["reason_codes"] == ["dia_missing"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["propose"],
        ["propose", "--from", "a", "--site", "b"],
        ["propose", "--from", "a", "--start", "May"],
        ["tune"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_options_that_contradict_each_other_are_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert propose("--from", tmp_path, "--days", "3", "--start", "2026-05-13") == 2
    assert "give either --days, or --start and --end" in capsys.readouterr().err


def test_our_own_fault_is_status_1_and_shows_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("180 mg/dL")

    monkeypatch.setattr(analysis, "analyse", broken)
    assert propose("--from", tmp_path) == 1
    assert "180" not in capsys.readouterr().err


def test_the_first_line_comes_before_anything_heavy() -> None:
    heavy = ("prefect", "docker", "pydantic", "requests", "rich")
    code = f"""
import sys, flows.cli.main
flows.cli.main.parser()
print([m for m in {heavy} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "[]"
