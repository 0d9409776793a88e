"""The first mistakes of a newcomer at the terminal: each is answered in at most five lines that say what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.report.trend.history import trend
from flows.report.trend.past_runs import find_runs
from flows.values.user_directories import runs_root
from tests.people import DAY, export_directory, profile_document
from tests.proposal_documents import SITE, proposal, refused_run, run_directory
from tests.unit.nightscout.test_client import Site, json_answer

MOST_LINES = 5
USAGE, REFUSED = 2, 3

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
    "a time zone with a slip": (
        ["propose", "--from", ".", "--timezone", "Europe/Pari"],
        REFUSED,
        "did you mean Europe/Paris?",
    ),
    "a time zone with a space": (["propose", "--from", ".", "--timezone", "Europe Paris"], REFUSED, "Europe/Paris?"),
    "a time zone by its city": (
        ["propose", "--from", ".", "--timezone", "paris"],
        REFUSED,
        "did you mean Europe/Paris?",
    ),
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


# --- runs that are named ---------------------------------------------------------------------------------------------

RUN, OLDER = "20261125-215733-a1b2c3", "20261101-020000-d4e5f6"


def runs(*names: str, **manifest: Any) -> None:
    """Runs with a proposal where runs are kept."""
    for name in names:
        run_directory(runs_root(), proposal(run=name), **manifest)


@pytest.mark.parametrize(
    ("command", "named", "says"),
    [
        (["show"], RUN[:8], f"Did you mean {RUN}?"),
        (["apply"], f"{RUN[:-1]}9", f"Did you mean {RUN}?"),
        (["rollback"], "lst", "Did you mean last?"),
        (["baseline", "show"], "lats", "Did you mean last?"),
        (["recover"], "nothing-like-it", "`autotune history` lists them"),
        (["tidy", "--keep", "2"], "no/such/run", "`autotune history` lists them"),
        (["parity"], RUN[:13], f"Did you mean {RUN}?"),
    ],
)
def test_a_run_that_is_not_there_says_which_may_have_been_meant(
    command: list[str], named: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runs(RUN, OLDER)
    status, said = answer([*command, named], capsys)
    assert (status, len(said) <= MOST_LINES) == (REFUSED, True), said
    assert f"There is no run {named} here, or under {runs_root()}" in "\n".join(said)
    assert says in said[-1]


def test_where_no_run_was_made_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    status, said = answer(["show", "last"], capsys)
    assert (status, said[-1].strip()) == (REFUSED, "None was made there yet.")


def test_last_is_the_newest_run_with_a_result_that_is_not_of_the_past(capsys: pytest.CaptureFixture[str]) -> None:
    runs(OLDER, RUN)
    runs("20261126-020000-aaaaaa", past=True)
    refused_run(runs_root(), "20261127-020000-bbbbbb", datetime(2026, 11, 27, tzinfo=UTC).isoformat())
    main(["show", "last"])
    assert f"The last run with a result is {RUN}." in capsys.readouterr().err


# --- runs that were mistyped, and days without data ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "no-such-directory"], "Give --from an existing directory."),
        (["--from", "data", "--profile", "Nihgt"], "Choose one with --profile NAME."),
        (["--from", "data", "--profile-file", "nothing.json"], "nothing.json is not there"),
        (["--from", "data", "--timezone", "Europe/Pariss"], "such as America/Denver"),
    ],
)
def test_what_was_mistyped_leaves_no_run(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    export_directory(tmp_path / "data")
    status, said = answer(["propose", "--no-prefect", *arguments], capsys)
    assert (status, len(said) <= MOST_LINES) == (REFUSED, True), said
    assert says in "\n".join(said)
    assert not runs_root().exists()


def test_a_source_that_had_results_keeps_the_run_that_could_not_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "data"
    broken.mkdir()
    (broken / "entries.json").write_text("[")
    arguments = ["propose", "--no-prefect", "--from", str(broken)]
    assert answer(arguments, capsys)[0] == REFUSED
    assert not runs_root().exists()
    runs(RUN, site=None, from_directory=str(broken))
    assert answer(arguments, capsys)[0] == REFUSED
    assert len(list(runs_root().iterdir())) == 2


@pytest.mark.parametrize(
    "days", [["--start", "2026-01-01", "--end", "2026-01-02"], ["--start", "2027-01-01", "--end", "2027-01-02"]]
)
def test_days_without_data_name_the_newest_reading(
    days: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_directory(tmp_path / "data")
    status, said = answer(["propose", "--no-prefect", "--from", str(tmp_path / "data"), *days], capsys)
    assert (status, len(said) <= MOST_LINES) == (REFUSED, True), said
    assert f"the newest reading is of {DAY}" in "\n".join(said)


def test_a_site_without_readings_on_these_days_is_asked_for_its_newest(capsys: pytest.CaptureFixture[str]) -> None:
    site = Site()
    newest = {
        "_id": "a" * 24,
        "type": "sgv",
        "sgv": 120,
        "date": 1_778_673_600_000,
        "dateString": "2026-05-13T12:00:00Z",
    }

    def respond(handler: Any, number: int) -> None:
        asked = handler.path
        found = [profile_document()] if "profile" in asked else [newest] if asked.endswith("sgv.json?count=1") else []
        json_answer(found)(handler, number)

    site.respond = respond
    try:
        days = ["--start", "2026-01-01", "--end", "2026-01-02"]
        status, said = answer(["propose", "--no-prefect", "--site", site.url, *days], capsys)
    finally:
        site.server.shutdown()
        site.server.server_close()
    assert (status, len(said) <= MOST_LINES) == (REFUSED, True), said
    assert "the newest reading is of 2026-05-13" in "\n".join(said)


def test_refused_runs_of_another_address_block_no_history() -> None:
    runs(RUN)
    refused_run(runs_root(), "refused", datetime(2026, 11, 27, tzinfo=UTC).isoformat(), site="https://my.sit.example")
    found = trend(find_runs(runs_root()), runs_root())
    assert ([run.name for run in found.runs], found.source.label, found.others) == ([RUN], SITE, 1)
