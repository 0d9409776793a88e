"""docs/commands.md and docs/refusals.md, and the tables of docs/clinicians.md, made from what the program does.

python -m docs.reference    # writes them; a test keeps them equal
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from docs.rule_tables import harm_as_markdown, main_limits_as_markdown, nearer_as_markdown
from flows.cli.exit_code import ExitCode
from flows.cli.main import parser
from flows.errors import Reason

DOCS = Path(__file__).parent
MADE = "<!-- made by `python -m docs.reference`; a test keeps it true -->"
OF_CLINICIANS: tuple[Callable[[], str], ...] = (main_limits_as_markdown, harm_as_markdown, nearer_as_markdown)


def documents() -> dict[str, str]:
    """The name in docs/ and the text of each."""
    return {"commands.md": commands(), "refusals.md": refusals(), "clinicians.md": clinicians()}


def commands() -> str:
    """Every command: what it is called with, its options, what they take, their defaults and meaning."""
    lines = [
        "# Every command and option",
        "",
        MADE,
        "",
        "`autotune COMMAND --help` says the same. An option is taken by its whole name only. `RUN` is a run directory, "
        "its name, or `last`.",
        "",
        "| exit status | means |",
        "|---|---|",
        f"| {int(ExitCode.OK)} | done |",
        f"| {int(ExitCode.INTERNAL)} | a fault of this program |",
        f"| {int(ExitCode.USAGE)} | wrong usage: one line says what is allowed |",
        f"| {int(ExitCode.REFUSED)} | [refused](refusals.md), with the reason and a remedy |",
    ]
    for name, one in _subcommands(parser()):
        lines += ["", f"## `autotune {name}`", "", *_described(one)]
        for inner, deeper in _subcommands(one):
            lines += ["", f"### `autotune {name} {inner}`", "", *_described(deeper)]
    return "\n".join(lines) + "\n"


def refusals() -> str:
    """Every refusal: its code in `--json`, manifest and journal, its sentence, and its remedy."""
    lines = [
        "# Every refusal and its remedy",
        "",
        MADE,
        "",
        f"A refusal ends with exit status {int(ExitCode.REFUSED)}, its sentence and its remedy; `--json` and "
        "`manifest.json` have the code under `reason_codes`. What stands in braces is filled in.",
        "",
        "| code | what is said | what to do |",
        "|---|---|---|",
    ]
    rows = (f"| `{reason.code}` | {' | '.join(map(_facts, reason.value))} |" for reason in Reason)
    return "\n".join([*lines, *rows]) + "\n"


def clinicians() -> str:
    """The page for clinicians, its tables made anew."""
    text = (DOCS / "clinicians.md").read_text("utf-8")
    for make in OF_CLINICIANS:
        table = make()
        head = "\n".join(table.splitlines()[:2])
        text, count = re.subn(rf"{re.escape(head)}\n(\|.*\n)*", lambda _, table=table: f"{table}\n", text)
        assert count == 1, head
    return text


def _subcommands(one: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _described(one: argparse.ArgumentParser) -> list[str]:
    said = [text[0].upper() + text[1:].rstrip(".") + "." for text in (_line_of(one.prog), one.description) if text]
    rows = [
        f"| {_typed(action)} | {_default(action)} | {_cell(_help(action))} |"
        for action in one._actions
        if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
        if action.help != argparse.SUPPRESS
    ]
    table = ["", "| option | default | meaning |", "|---|---|---|", *rows] if rows else []
    return [" ".join(said), *table]


def _line_of(prog: str) -> str | None:
    """What the help of the command above says of a command."""
    *above, name = prog.split()[1:]
    one = parser()
    for word in above:
        one = dict(_subcommands(one))[word]
    lines = (a._choices_actions for a in one._actions if isinstance(a, argparse._SubParsersAction))
    return next((line.help for choices in lines for line in choices if line.dest == name), None)


def _typed(action: argparse.Action) -> str:
    value = (
        ""
        if action.nargs == 0
        else action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest)
    )
    names = list(action.option_strings)
    if not names:
        return f"`{value}`"
    last = f"{names[-1]} {value}".strip()
    return ", ".join(f"`{name}`" for name in [*names[:-1], last]).replace("|", "\\|")


def _default(action: argparse.Action) -> str:
    value: Any = action.default
    if action.required and action.option_strings:
        return "must be given"
    if isinstance(action, argparse.BooleanOptionalAction):
        return "on" if value else "off"
    if action.nargs == 0 or value in (None, False, [], argparse.SUPPRESS):
        return ""
    return f"`{', '.join(map(str, value)) if isinstance(value, list | tuple) else value}`"


def _help(action: argparse.Action) -> str:
    return re.sub(r" Default: \S+\.$", "", (action.help or "").replace("%%", "%"))


def _facts(text: str) -> str:
    return re.sub(r"\{(\w+)[^}]*\}", r"{\1}", _cell(text))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    for name, text in documents().items():
        (DOCS / name).write_text(text, "utf-8")
