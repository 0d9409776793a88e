"""Every option of 0.1.0 keeps its spelling, meaning and default, and takes no more; the table of options is that of the
fields."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from flows import settings
from flows.cli import option_table
from flows.cli.main import main, parser
from flows.cli.options import GROUPS
from flows.settings import AnalysisRequest, Option, OptionGroup
from flows.values.aliases import NameKind, current
from tests.conftest import ROOT

# What the command line of 0.1.0 made of every option: the request, the other values, or the error. An error of usage
# has other words since: it is one line that names the same options, and what they take.
# Of a command's later rows only what differs from its first.
BEFORE: list[dict[str, Any]] = json.loads(Path(__file__).with_name("options_0_1_0.json").read_text("utf-8"))
# Defaults that have changed since, on purpose: CHANGELOG.md says why.
DEFAULTS_SINCE = {"resamples": 70, "age_group": None}
# The demonstration's person says what a person says at set-up; what is typed comes first, as the rows below have it.
SAID_BY_THE_PERSON = json.loads((ROOT / "fixtures" / "demonstration" / "settings.json").read_text("utf-8"))
FIRST = {row["arguments"][0]: row for row in reversed(BEFORE)}
ANALYSE = ("demo", "propose", "inspect", "export", "tune")


class Asked(BaseException):
    """Ends a command when its request is made."""


def requested(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any] | None, int | None]:
    """The request that a command makes, or its exit status."""
    made: list[dict[str, Any]] = []

    def record(**options: Any) -> None:
        made.append(AnalysisRequest(**options).options())
        raise Asked

    importlib.import_module("flows.pipeline.run_locally")  # which reads the real one's fields as it is loaded
    monkeypatch.setattr(settings, "AnalysisRequest", record)
    try:
        return None, main(arguments)
    except SystemExit as ended:
        return None, int(ended.code or 0)
    except Asked:
        return made[0], None


def plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | list | None) else str(value)


@pytest.mark.parametrize("row", BEFORE, ids=lambda row: " ".join(row["arguments"]))
def test_an_option_of_before_means_what_it_meant(
    row: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = row["arguments"]
    command = arguments[0]
    if command in ANALYSE:
        request, status = requested(arguments, monkeypatch)
        if "request" in row:
            assert request is not None
            expected = {**FIRST[command]["request"], **DEFAULTS_SINCE}
            if command == "demo":
                expected |= SAID_BY_THE_PERSON
            if row is not FIRST[command]:
                expected |= row["request"]
            assert {name: request[name] for name in expected} == expected
    elif "error" in row:
        with pytest.raises(SystemExit) as ended:
            parser().parse_args(arguments)
        status = int(ended.value.code or 0)
    if "error" in row:
        said, error = capsys.readouterr().err.splitlines(), row["error"]
        assert status == row["status"]
        if isinstance(error, list):
            assert said[-len(error) :] == error
            return
        line = said[-1]
        assert line.startswith("autotune")
        assert len(said) <= 2  # with the first line of a command
        assert set(re.findall(r"(?<!\S)--[\w-]+", line)) >= set(re.findall(r"(?<![\w-])--[\w-]+", error))
        assert not re.search("argument --|error:|invalid|Input should|expected", line)
        return
    values = vars(parser().parse_args(arguments))
    for name, value in {**FIRST[command]["values"], **row["values"]}.items():
        assert plain(values[current(NameKind.PARAMETER, name)]) == value


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--from", "D", "--days", "3", "--start", "2026-05-01"], "give either --days, or --start and --end"),
        (["--from", "D", "--basal-step", "9"], "--basal-step takes a number from 0.005 to 0.1, not '9'"),
        (["--from", "D", "--timeout", "0"], "--timeout takes a number above 0 up to 14400, not '0'"),
        (["--from", "D", "--days", "0"], "--days takes a whole number from 1 to 366, not '0'"),
        (
            ["--from", "D", "--weekdays", "tue,thurs"],
            "--weekdays takes mon, tue, wed, thu, fri, sat or sun, not 'thurs'; did",
        ),
        (
            ["--from", "D", "--inputs", "upstream", "--weekdays", "mon"],
            "give no --exclude, --weekdays, --exclude-events or",
        ),
        (["--from", "D", "--openaps-profile", "P", "--profile", "N"], "give no --profile-file and no --profile with"),
        (["--site", "a.example", "--end", "2026-05-01"], "give --start too"),
    ],
)
def test_an_error_names_the_options_as_they_are_typed(
    typed: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["propose", *typed])
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert status == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("autotune")
    assert said in line
    assert "`" not in line


def test_the_options_of_before_are_all_there() -> None:
    """The rows above hold every option of every command there was."""
    typed = {(row["arguments"][0], word) for row in BEFORE for word in row["arguments"] if word.startswith("--")}
    assert len(typed) > 100
    commands = parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    new = {"recover", "baseline", "nights", "backfill", "notices", "serve", "report", "entry", "page"}
    assert {command for command, _ in typed} == set(commands) - new  # type: ignore[arg-type]


def test_the_table_is_made_from_the_fields() -> None:
    assert option_table.FILE.read_text("utf-8") == option_table.made_from_fields()  # else: -m flows.cli.option_table


def test_every_field_but_the_saved_block_is_an_option_in_a_group_of_the_help() -> None:
    rows = option_table.read()
    assert set(AnalysisRequest.model_fields) - {row["field"] for row in rows} == {"site_block"}
    assert set(GROUPS) == set(OptionGroup) == {row["group"] for row in rows}


def test_the_run_form_knows_nothing_of_options() -> None:
    assert "spelling" not in json.dumps(AnalysisRequest.model_json_schema())
    marks = AnalysisRequest.model_fields["ask_now"].metadata
    assert Option(OptionGroup.DATA, "--now") in marks


@pytest.mark.parametrize("command", ["propose", "demo", "inspect"])
def test_the_help_of_a_run_shows_the_groups(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = capsys.readouterr().out
    places = [shown.find(f"\n{group}:\n") for group in GROUPS if command != "demo" or group in ("person", "expert")]
    assert -1 not in places
    assert places == sorted(places)
