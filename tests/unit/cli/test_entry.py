"""`autotune entry`: whose run, what is checked first, and what is printed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.nightscout.documents import Record
from flows.writeback.journal import Journal
from flows.writeback.journal_lines import ChangeOutcome, Step
from tests.proposals import SITE, mmol_document, profile_document, proposal, run_with


def entry(run: Path | str, *arguments: str) -> int:
    return main(["entry", str(run), *arguments])


def made(path: Path, source: Record | None = None, documents: list[Record] | None = None, **how: Any) -> Path:
    """A run of now."""
    source = source or profile_document()
    how = {"created_at": datetime.now(UTC), **how}
    return run_with(path, proposal(source, **how), [source] if documents is None else documents).path


def test_the_sheet_has_what_to_know_before_the_first_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(made(tmp_path), "--for", "trio", "--pump", "omnipod") == 0
    said = capsys.readouterr().out
    assert said.index("Before you type") < said.index("FIRST") < said.index("3. Basal Rates [U/h]")
    assert "[ ] 00:00–06:00  0.75   now 0.80   changed ▼" in said
    assert "[ ] 06:00–24:00  0.95   now 1.00   changed ▼" in said
    assert "[ ] 00:00–24:00  9.5   now 10.0   changed ▼" in said
    assert "5. Insulin Sensitivities [mg/dL/U]: stays as it is" in said
    assert said.index("3. Basal") < said.index("4. Carb Ratios") < said.index("5. Insulin")
    assert "whole day 21.60 U (now 22.80 U, wanted 21.60 U)" in said


def test_the_document_says_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path))
    run = made(tmp_path)
    assert entry(run.name, "--for", "trio", "--json") == 0  # by its name, as with `apply`
    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["system"], document["what"]) == ("sheet", "Trio 0.8", "step")
    assert document["proposal_sha256"] == json.loads((run / "proposal.json").read_text())["sha256"]
    screens = {screen["setting"]: screen for screen in document["screens"]}
    assert screens["basal"]["rows"][0] == {
        "start": "00:00",
        "end": "06:00",
        "now": [0.8],
        "value": 0.75,
        "mark": "changed",
    }
    assert screens["isf"]["rows"][0]["mark"] == "as-now"
    assert document["daily_basal_entered_u"] == pytest.approx(21.6)
    assert any("--pump" in note["text"] for note in document["notes"])


def test_what_it_cannot_take_is_said_before_any_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = profile_document()
    source["store"]["Day"]["carbratio"] = [{"time": "00:00", "value": 60}]
    run = made(tmp_path, source)
    assert entry(run, "--for", "trio") == 3
    said = capsys.readouterr().out
    assert "It takes carb ratio from 1 to 50 g/U: the one of 00:00 cannot be entered." in said
    assert "[ ]" not in said
    assert entry(run, "--for", "trio", "--json") == 3
    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["screens"]) == ("refused", [])
    assert [refusal["code"] for refusal in document["refusals"]] == ["cr_range"]


def test_what_changes_within_an_hour_stays_as_the_profile_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = profile_document()
    source["store"]["Day"]["basal"] = [
        {"time": "00:00", "value": 0.5},
        {"time": "00:30", "value": 0.7},
        {"time": "01:00", "value": 1.0},
    ]

    def first_hour_stays(document: dict[str, Any]) -> None:
        document["step"]["changes"] = [c for c in document["step"]["changes"] if c["start"] > "00:00"]

    run = made(tmp_path / "with", source, change=first_hour_stays)
    assert entry(run, "--for", "loop", "--pump", "omnipod") == 0
    said = capsys.readouterr().out
    assert "00:00–00:30  0.50   as now" in said
    assert "00:30–01:00  0.70   as now" in said
    # Of a run that does not have the profile's document any more, by the proposal's own numbers.
    run = made(tmp_path / "without", source, documents=[], change=first_hour_stays)
    assert entry(run, "--for", "loop", "--pump", "omnipod") == 0
    assert "00:00–01:00  0.60   as now" in capsys.readouterr().out


def test_a_run_of_a_directory_has_a_sheet_though_nothing_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert entry(made(tmp_path, site=None), "--for", "medtronic") == 0
    assert "1. Basal [U/h]" in capsys.readouterr().out


def test_all_of_upstreams_numbers_in_the_unit_of_the_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(made(tmp_path, mmol_document()), "--for", "iaps", "--pump", "omnipod", "--all") == 0
    said = capsys.readouterr().out
    assert "upstream's numbers whole" in said
    assert "3. Insulin Sensitivities [mmol/L/U]" in said
    assert "3.1   now 2.8   changed ▲" in said


def test_the_page_has_a_box_for_each_row_and_loads_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sheet.html"
    source = profile_document()
    assert entry(made(tmp_path, source), "--for", "iaps", "--pump", "omnipod", "--html", str(file)) == 0
    page = file.read_text("utf-8")
    assert file.stat().st_mode & 0o077 == 0
    assert page.count('type="checkbox"') == 4  # two rates, an ISF, a carb ratio
    assert page.index("Before you type") < page.index("FIRST") < page.index("Basal Profile") < page.index("0.75")
    assert not [tag for tag in ("<script", "<link", "src=", 'href="http') if tag in page]
    assert f"The page is in {file}." in capsys.readouterr().err
    assert entry(made(tmp_path / "again"), "--for", "iaps", "--html", str(tmp_path)) == 2  # it is a directory


def test_there_is_no_page_of_what_cannot_be_taken(tmp_path: Path) -> None:
    source = profile_document()
    source["store"]["Day"]["carbratio"] = [{"time": "00:00", "value": 60}]
    assert entry(made(tmp_path, source), "--for", "trio", "--html", str(tmp_path / "sheet.html")) == 3
    assert not (tmp_path / "sheet.html").exists()


def applied(sha256: str, days_ago: float, monkeypatch: pytest.MonkeyPatch, root: Path, kind: str = "apply") -> None:
    """A change in the journal of the site, as `apply` and `rollback` write it."""
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(root))
    at = datetime.now(UTC) - timedelta(days=days_ago)
    journal = Journal(SITE, root, lambda: at)
    with journal.locked():
        change = journal.begin(kind=kind, proposal_sha256=sha256, at=at.isoformat())
        for step in (Step.BACKED_UP, Step.CHECKED, Step.WRITING, Step.WRITTEN):
            change.note(step)
        change.note(Step.DONE, outcome=ChangeOutcome.AFTER)


@pytest.mark.parametrize(
    ("kind", "days_ago", "said"),
    [
        ("apply", 6.99, "Wait: the last change was applied on"),
        ("apply", 7.0, None),
        ("rollback", 13.99, "Wait: the last change was rolled back on"),
        ("rollback", 14.0, None),
    ],
)
def test_that_the_last_change_is_still_watched_is_said_first(
    kind: str,
    days_ago: float,
    said: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    applied("a" * 64, days_ago, monkeypatch, tmp_path / "applied", kind)
    assert entry(made(tmp_path / "run"), "--for", "trio", "--pump", "omnipod") == 0
    first = capsys.readouterr().out.partition("Before you type:\n")[2]
    assert ("Wait: " in first) is (said is not None)
    assert said is None or first.startswith(f"  - {said}")


def test_that_the_step_was_written_already_is_said_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "run")
    sha256 = json.loads((run / "proposal.json").read_text())["sha256"]
    applied(sha256, 1, monkeypatch, tmp_path / "applied")
    assert entry(run, "--for", "aaps", "--pump", "dana", "--json") == 0
    codes = [note["code"] for note in json.loads(capsys.readouterr().out)["notes"]]
    assert codes[0] == "written_already"
    assert "last_change_watched" not in codes  # its own change is no reason to wait
    applied(sha256, 0.5, monkeypatch, tmp_path / "applied", "rollback")
    assert entry(run, "--for", "aaps", "--pump", "dana", "--json") == 0
    codes = [note["code"] for note in json.loads(capsys.readouterr().out)["notes"]]
    assert codes[0] == "last_change_watched"  # it was taken back
    assert "written_already" not in codes


def test_a_journal_that_cannot_be_read_is_said_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "applied"
    applied("a" * 64, 1, monkeypatch, root)
    (lines,) = root.glob("*/journal.jsonl")
    first, _, *later = lines.read_text("utf-8").splitlines(keepends=True)
    lines.write_text("".join([first, *later]), "utf-8")
    assert entry(made(tmp_path / "run"), "--for", "trio", "--pump", "omnipod") == 0
    assert "  - Whether a step was written lately is not known" in capsys.readouterr().out


REFUSED: list[tuple[str, dict[str, Any], list[str], str]] = [
    ("red", {"colour": "red"}, [], "red"),
    ("no step", {"step": "keep"}, [], "keep"),
    ("too old", {"created_at": datetime.now(UTC) - timedelta(hours=49)}, [], "48"),
]


@pytest.mark.parametrize(("what", "how", "arguments", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_may_not_be_written_is_not_to_be_typed(
    what: str,
    how: dict[str, Any],
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert entry(made(tmp_path, **how), "--for", "trio", *arguments) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Refused: ")
    assert said in printed.err


def test_an_older_proposal_is_taken_where_it_is_named(tmp_path: Path) -> None:
    run = made(tmp_path, created_at=datetime.now(UTC) - timedelta(hours=49))
    assert entry(run, "--for", "trio", "--max-age", "50") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--for", "tandem", "--pump", "omnipod"],
    ],
)
def test_what_makes_no_sense_is_wrong_usage(arguments: list[str], tmp_path: Path) -> None:
    assert entry(made(tmp_path), *arguments) == 2


def test_a_system_that_is_not_known_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        entry(made(tmp_path), "--for", "abacus")
    assert ended.value.code == 2
    assert "abacus" in capsys.readouterr().err
