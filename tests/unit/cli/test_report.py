"""`autotune report`: where the report is, and its PDF, or why there is none; nothing is left behind."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.cli.main import main
from flows.proposal.sealed import seal
from flows.report import pdf
from flows.values.run_directory import RunDirectory
from tests import sample_proposals


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    made = RunDirectory.create(tmp_path / "run", datetime(2026, 11, 25, tzinfo=UTC))
    made.write_json("proposal.json", seal(sample_proposals.document()))
    return made


def browser(directory: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """The only browser of the system, which does what a script says with `$to`, the PDF it is to make."""
    (directory / "bin").mkdir()
    program = directory / "bin" / "chromium"
    program.write_text('#!/bin/sh\nfor a in "$@"; do case $a in --print-to-pdf=*) to=${a#*=};; esac; done\n' + script)
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(pdf, "PLACES", ())
    monkeypatch.setattr(pdf, "NAMES", ("chromium",))


def test_it_says_where_the_report_is(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run.path)]) == 0
    assert capsys.readouterr().out == f"{run.file('report.html')}\n"
    assert main(["report", str(run.path.parent)]) == 2


@pytest.mark.parametrize("where", [None, "elsewhere.pdf", "."])
def test_the_pdf_is_where_it_was_asked_for_and_its_owners_only(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str | None
) -> None:
    browser(tmp_path, monkeypatch, 'printf "%%PDF-1.4 made" > "$to"\n')
    before = set(tmp_path.rglob("*"))
    assert main(["report", str(run.path), "--pdf", *([str(tmp_path / where)] if where else [])]) == 0
    (made,) = set(tmp_path.rglob("*")) - before
    assert made == {None: run.file("report.pdf"), ".": tmp_path / "report.pdf"}.get(where, tmp_path / "elsewhere.pdf")
    assert made.read_bytes() == b"%PDF-1.4 made"
    assert made.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (None, "no Chromium, Chrome or Edge is found"),
        ("exit 1\n", "the browser made none"),
        ('echo "an error page" > "$to"\n', "the browser made none"),
    ],
)
def test_without_a_pdf_it_says_why_and_how_to_print(
    run: RunDirectory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str | None,
    why: str,
) -> None:
    browser(tmp_path, monkeypatch, script or "")
    if script is None:
        (tmp_path / "bin" / "chromium").unlink()
    before = set(tmp_path.rglob("*"))
    assert main(["report", str(run.path), "--pdf"]) == 3
    assert set(tmp_path.rglob("*")) == before
    said = capsys.readouterr().err
    assert why in said and "print report.html from any browser" in said


def test_a_page_in_another_language_lies_beside_the_sealed_one(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = b'<!doctype html>\n<html lang="en" dir="ltr">'
    run.file("report.html").write_bytes(sealed)
    assert main(["report", str(run.path), "--language", "en"]) == 0
    assert main(["report", str(run.path), "--language", "de"]) == 0
    monkeypatch.setenv("AUTOTUNE_LANGUAGE", "de")
    assert main(["report", str(run.path)]) == 0
    german = run.file("report.de.html")
    assert capsys.readouterr().out.splitlines() == [str(run.file("report.html")), str(german), str(german)]
    assert b'<html lang="de"' in german.read_bytes()
    assert run.file("report.html").read_bytes() == sealed


def test_a_language_that_there_is_not_is_one_line(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOTUNE_LANGUAGE", "fr")
    assert main(["report", str(run.path)]) == 2
    assert capsys.readouterr().err == "autotune: AUTOTUNE_LANGUAGE takes en or de, not 'fr'\n"
    assert main(["report", str(run.path), "--language", "en"]) == 0
