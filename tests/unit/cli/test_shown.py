"""What `show` prints of a run: about ten lines, all of it with -v, the report in a browser with --open."""

from __future__ import annotations

import shutil
import webbrowser
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.cli.main import main
from flows.proposal.sealed import seal
from flows.values.run_directory import RunDirectory
from flows.values.user_directories import runs_root
from tests import sample_proposals

NAME = "20261125-215733-a1b2c3"


@pytest.fixture
def run() -> RunDirectory:
    made = RunDirectory.create(runs_root() / NAME, datetime(2026, 11, 25, tzinfo=UTC))
    document = sample_proposals.sealed(sample_proposals.document(step=True)).model_dump(mode="json")
    made.write_json("proposal.json", seal(document))
    made.file("report.html").write_text("<title>a report</title>")
    return made


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A browser that notes what it was given."""
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    program.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{program} %s")
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # what it read of the environment before
    return tmp_path / "opened"


def test_a_run_is_ten_lines_and_with_v_all_of_it(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(run.path)]) == 0
    short = capsys.readouterr().out.splitlines()
    assert len(short) <= 12
    assert main(["show", NAME, "-v"]) == 0
    long = capsys.readouterr().out
    assert "ISF [mg/dL/U]" in long
    assert short[0] == long.splitlines()[0]
    assert f"`autotune show {NAME} -v`" in "".join(short)


def test_it_says_where_the_run_is_on_the_page(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", NAME]) == 0
    assert "On the page" not in capsys.readouterr().err
    monkeypatch.setenv("AUTOTUNE_PAGE_URL", "https://at.example/tune/")
    assert main(["show", NAME]) == 0
    shown = capsys.readouterr()
    assert f"On the page: https://at.example/tune/r/{NAME}\n" in shown.err
    assert "On the page" not in shown.out
    elsewhere = tmp_path / "elsewhere" / NAME  # where the page does not look
    shutil.copytree(run.path, elsewhere)
    assert main(["show", str(elsewhere)]) == 0
    assert "On the page" not in capsys.readouterr().err


def test_open_gives_the_report_to_the_browser(
    run: RunDirectory, browser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(run.path), "--open"]) == 0
    assert browser.read_text().strip() == run.file("report.html").as_uri()
    assert capsys.readouterr().err == ""


def test_a_report_that_cannot_be_opened_is_named(
    run: RunDirectory, browser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.file("report.html").unlink()
    assert main(["show", str(run.path), "--open"]) == 0
    assert not browser.exists()
    assert str(run.file("report.html")) in capsys.readouterr().err
