"""What is printed while a run goes on: lines where nobody watches, a bar on a terminal; colour only there."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest

from flows.cli.console import progress, show
from flows.cli.main import main
from flows.values.progress import tell


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal whatever the machine that tests says of itself."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)


def run_of_two_days() -> None:
    with progress():
        for index in (1, 2):
            tell("day", index=index, of=2, date=f"2026-05-1{index}")
        for index in range(1, 28):
            tell("repetition", index=index, of=27)
        tell("tuned", index=1)


def test_without_a_terminal_progress_is_the_lines_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    run_of_two_days()
    assert capsys.readouterr() == (
        "",
        "  day 1 of 2: 2026-05-11\n  day 2 of 2: 2026-05-12\n"
        "  repeatability: 25 of 27 repetitions\n  repeatability: 27 of 27 repetitions\n",
    )


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("no_color", ["", "1"])
def test_on_a_terminal_a_bar_comes_to_its_end_and_standard_output_stays_empty(
    no_color: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    run_of_two_days()
    shown = screen.getvalue()
    assert "━" * 30 in re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert "day 2 of 2  2026-05-12" in shown
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", shown)) is not bool(no_color)
    assert capsys.readouterr().out == ""


def test_a_run_that_tells_nothing_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress():
        pass
    assert screen.getvalue() == ""


@pytest.mark.usefixtures("terminal")
def test_colour_is_for_a_terminal_that_does_not_forbid_it(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "FAIL  disk            [full]: 1 of 2 GB :warning:" + " and more" * 30
    screens = []
    for made, no_color in ((Terminal(), ""), (Terminal(), "1"), (io.StringIO(), "")):
        monkeypatch.setenv("NO_COLOR", no_color)
        monkeypatch.setattr(sys, "stdout", made)
        show(line, "bold red")
        screens.append(made.getvalue())
    assert screens == [f"\x1b[1;31m{line}\x1b[0m\n", f"{line}\n", f"{line}\n"]


def test_the_doctor_s_refusal_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--site", "ftp://no.example"]) == 3
    printed = capsys.readouterr()
    assert json.loads(printed.out)["reason_codes"] == ["site_url"]
    assert "Refused: " in printed.err
