"""Every option that takes a number says in one line which, for what is none and for what is just outside."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from functools import partial

import pytest

from flows.cli.main import main, parser
from flows.cli.run_named import LONGEST_AGE_H

# What the options that are no field of a request take, at most and at least; those of a request are its own fields'.
RANGES: dict[tuple[str, str], str] = {
    ("apply", "--max-age"): f"a number above 0 up to {LONGEST_AGE_H}",
    ("entry", "--max-age"): f"a number above 0 up to {LONGEST_AGE_H}",
    ("backfill", "--weeks"): "a whole number from 1 to 52",
    ("nights", "--days"): "a whole number from 1 to 366",
    ("nights", "--wait-for-data"): "a whole number from 0 to 360",
    ("serve", "--port"): "a whole number from 1 to 65535",
    ("serve", "--page-port"): "a whole number from 1 to 65535",
    ("tidy", "--keep"): "a whole number from 0 up",
    ("propose", "--days"): "a whole number from 1 to 366",
    ("propose", "--timeout"): "a number above 0 up to 14400",
}


def numeric() -> Iterator[tuple[str, argparse.Action]]:
    for command, its in parser()._subparsers._group_actions[0].choices.items():  # type: ignore[union-attr, attr-defined]
        for action in its._actions:
            of_number = isinstance(action.type, partial) and action.type.func.__name__ == "_number"
            if of_number or action.type in (int, float):
                yield command, action


ALL = list(numeric())
IDS = [f"{command} {action.option_strings[0]}" for command, action in ALL]


def answered(command: str, option: str, typed: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of wrong usage."""
    with pytest.raises(SystemExit) as ended:
        main([command, f"{option}={typed}"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(("command", "action"), ALL, ids=IDS)
def test_what_is_allowed_is_said_in_one_line(
    command: str, action: argparse.Action, capsys: pytest.CaptureFixture[str]
) -> None:
    option = action.option_strings[0]
    line = answered(command, option, "seven", capsys)
    found = re.fullmatch(
        rf"autotune {command}: {option} takes "
        r"(a whole number|a number) (from|above) (\S+?)(?: up to (\S+)| to (\S+)| up), not 'seven'",
        line,
    )
    assert found is not None, line
    whole, least, most = found[1] == "a whole number", float(found[3]), found[4] or found[5]
    below = least if found[2] == "above" else least - 1
    for outside in (below, *([float(most) + 1] if most else []), "nan", *([] if most else ["1e999"])):
        typed = str(int(outside)) if whole and isinstance(outside, float) else str(outside)
        assert answered(command, option, typed, capsys) == line.replace("seven", typed)
    assert callable(action.type)
    for inside in (least if found[2] == "from" else least + 0.5, float(most) if most else least + 99):
        assert action.type(str(int(inside)) if whole else str(inside)) == inside


def test_the_ranges_are_these(capsys: pytest.CaptureFixture[str]) -> None:
    assert {(c, a.option_strings[0]) for c, a in ALL} >= set(RANGES)
    for (command, option), takes in RANGES.items():
        assert answered(command, option, "x", capsys) == f"autotune {command}: {option} takes {takes}, not 'x'"
