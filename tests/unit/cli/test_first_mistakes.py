"""The first mistakes of a newcomer at the terminal: each is answered in at most five lines that say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli.main import main

MOST_LINES = 5
USAGE = 2

# What was typed, the exit status, and what the answer says to do.
TYPED: dict[str, tuple[list[str], int, str]] = {
    "nothing": ([], USAGE, "give a command, such as demo; `autotune --help` says what there is"),
    "a command with a slip": (["propse"], USAGE, "did you mean propose?"),
    "a command without its data": (["propose"], USAGE, "give --site URL or --from DIR"),
    "an option with a slip": (["propose", "--from", "D", "--dys", "7"], USAGE, "did you mean --days?"),
    "an option cut short": (["propose", "--from", "D", "--resamp", "7"], USAGE, "did you mean --resamples?"),
    "a word too many": (["propose", "--from", "D", "seven"], USAGE, "`autotune propose --help` lists what there is"),
    "a number out of its range": (
        ["propose", "--from", "D", "--days", "400"],
        USAGE,
        "--days takes a whole number from 1 to 366, not '400'",
    ),
    "a word for a number": (
        ["propose", "--from", "D", "--days", "week"],
        USAGE,
        "--days takes a whole number from 1 to 366, not 'week'",
    ),
    "a day in another form": (
        ["propose", "--from", "D", "--start", "1.11.2026"],
        USAGE,
        "--start takes a day such as 2026-11-08, not '1.11.2026'",
    ),
    "a choice with a slip": (
        ["propose", "--from", "D", "--insulin", "ultrarapid"],
        USAGE,
        "--insulin takes rapid-acting or ultra-rapid, not 'ultrarapid'; did you mean ultra-rapid?",
    ),
    "a weekday in another form": (["propose", "--from", "D", "--weekdays", "monday"], USAGE, "did you mean mon?"),
    "an option without its value": (["propose", "--from", "D", "--days"], USAGE, "--days needs a value"),
    "a site and a directory": (
        ["propose", "--from", "D", "--site", "https://a.example"],
        USAGE,
        "give either --site or --from",
    ),
    "two ways to say the days": (
        ["propose", "--from", "D", "--days", "3", "--start", "2026-05-01"],
        USAGE,
        "give either --days, or --start and --end",
    ),
    "a part that is none": (
        ["apply", "R", "--only", "basel"],
        USAGE,
        "takes basal, isf or cr, not 'basel'; did you mean basal?",
    ),
}


def answer(typed: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The exit status and the lines on standard error; nothing is on standard output."""
    try:
        status = main(typed)
    except SystemExit as ended:
        status = int(ended.code or 0)
    printed = capsys.readouterr()
    assert printed.out == ""
    return status, printed.err.splitlines()


@pytest.mark.parametrize(("typed", "status", "says"), TYPED.values(), ids=TYPED)
def test_a_mistake_is_answered_in_five_lines_that_say_what_to_do(
    typed: list[str],
    status: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    ended, said = answer(typed, capsys)
    assert (ended, len(said) <= MOST_LINES) == (status, True), said
    assert says in "\n".join(said)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--days", value) for value in ("0", "367", "1.5", "x", "")),
        *(("--timeout", value) for value in ("0", "14401", "nan", "-1", "x")),
        *(("--basal-step", value) for value in ("0.0049", "0.11", "inf", "0,05")),
    ],
)
def test_a_number_out_of_its_range_is_one_line(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = answer(["propose", "--from", "D", f"{option}={value}"], capsys)
    assert (status, len(said)) == (USAGE, 1)
    assert said[0].startswith(f"autotune propose: {option} takes ")
    assert said[0].endswith(f"not {value!r}")


def test_what_was_typed_does_nothing_in_the_answer_and_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    status, said = answer(["propose", "--from", "D", "--days", "\x1b[2J" + "9" * 500], capsys)
    assert (status, len(said)) == (USAGE, 1)
    assert "\x1b" not in said[0]
    assert len(said[0]) < 160
