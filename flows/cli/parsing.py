"""The command line's own errors: one line that says what is wrong, what is allowed, and what was meant, perhaps.

An option is taken by its whole name only: an abbreviation that is clear today is another option's tomorrow. Light to
import.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from datetime import date
from typing import Any, NoReturn

from flows.cli.console import message
from flows.cli.exit_code import ExitCode
from flows.values.nearest import perhaps

LONGEST = 60  # characters of what was typed that an error repeats
TAKES = {int: "a whole number", float: "a number", date.fromisoformat: "a day such as 2026-11-08"}
# What argparse says, and how it is said here.
IN_OUR_WORDS = [
    (r"argument (\S+): not allowed with argument (\S+)", r"give either \1 or \2, not both"),
    (r"argument (\S+): expected (?:one|1) argument", r"\1 needs a value"),
    (r"argument (\S+): (.+)", r"\1 \2"),
]


class Parser(argparse.ArgumentParser):
    """As argparse, with no abbreviations and one line for what is wrong."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**{**how, "allow_abbrev": False})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Nothing is left over: an unknown word is an error of the command it was given to."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            unknown = next((word for word in rest if word.startswith("-")), rest[0]).partition("=")[0]
            what = "option" if unknown.startswith("-") else "argument"
            meant = perhaps(unknown, self._option_string_actions)
            self.error(f"there is no {what} {shown(unknown)}{meant or f'; `{self.prog} --help` lists what there is'}")
        return found, rest

    def error(self, message_: str) -> NoReturn:
        """End with status 2 and one line."""
        message(f"{self.prog}: {self._in_our_words(message_)}")
        self.exit(ExitCode.USAGE)

    def _in_our_words(self, said: str) -> str:
        if found := re.fullmatch(r"one of the arguments (.+) is required", said):
            return f"give {one_of(map(self._with_value, found[1].split()))}"
        if found := re.fullmatch(r"the following arguments are required: (.+)", said):
            if found[1] == "COMMAND":
                return f"give a command, such as demo; `{self.prog} --help` says what there is"
            missing = [self._with_value(name) for name in found[1].split(", ")]
            return f"give {' and '.join(missing)}; `{self.prog} --help` says what there is"
        for pattern, words in IN_OUR_WORDS:
            if found := re.fullmatch(pattern, said, re.DOTALL):
                return found.expand(words)
        return said

    def _with_value(self, option: str) -> str:
        """The option with the name of its value, as the help has it."""
        action = self._option_string_actions.get(option)
        return f"{option} {action.metavar}" if action is not None and action.metavar else option

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """What was typed as the action reads it; the error says what it takes."""
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError:
            if (takes := TAKES.get(action.type)) is None:
                raise
            raise argparse.ArgumentError(action, f"takes {takes}, not {shown(arg_string)}") from None

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """That a choice is one of those there are."""
        if action.choices is None or value in action.choices:
            return
        names = [str(choice) for choice in action.choices]
        meant = perhaps(str(value), names)
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"there is no command {shown(value)}{meant or f'; `{self.prog} --help` lists them'}")
        raise argparse.ArgumentError(action, f"takes {one_of(names)}, not {shown(value)}{meant}")


def shown(typed: object) -> str:
    """What was typed, as an error repeats it."""
    text = str(typed)
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def one_of(names: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
