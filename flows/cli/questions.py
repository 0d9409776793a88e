"""Questions to a person at a terminal: a wrong answer is asked again, an empty one takes the default."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from flows.cli.console import message
from flows.cli.exit_code import UsageError
from flows.errors import Refused
from flows.language.catalogue import phrase, to_translate, translated
from flows.language.translatable import in_spoken, translatable

T = TypeVar("T")
YES, NO = ("y", "yes", "true"), ("n", "no", "false")


class Questions:
    """What a command asks; where nobody is there to answer, defaults count and a missing one is a usage error."""

    def __init__(self, command: str, *, silent: bool) -> None:
        self.command = command
        self.attended = not silent and sys.stdin.isatty()

    def ask(self, question: str, default: str | None, option: str, read: Callable[[str], T]) -> T:
        """The answer as `read` takes it, asked again for as long as it does not.

        Args:
            question: without a colon.
            default: what an empty answer stands for; `None` where there has to be one.
            option: that gives the answer without a question.
            read: raises `ValueError` or `Refused` for what is no answer.

        Raises:
            UsageError: nobody is there to answer, or the default is no answer.
            Refused: as `read`, where nobody is there.
        """
        while True:
            answer = self._line(question, default, option) if self.attended else default
            if answer is None and not self.attended:
                raise UsageError(f"{self.command}: nobody is there to answer: give {option}.")
            try:
                if answer is None:
                    raise ValueError(to_translate("an answer is needed"))
                return read(answer)
            except Refused as refusal:
                if not self.attended:
                    raise
                message(f"  {refusal.spoken_sentence} {refusal.spoken_remedy}")
            except ValueError as error:
                if not self.attended:
                    raise UsageError(f"{self.command}: {option}: {error}.") from None
                message(phrase("  {error}: please answer again.", error=in_spoken(str(error))))

    def given(self, value: str, option: str, read: Callable[[str], T]) -> T:
        """What an option says, as `read` takes it.

        Raises:
            UsageError: it is no answer.
        """
        try:
            return read(value)
        except ValueError as error:
            raise UsageError(f"{self.command}: {option}: {error}.") from None

    def yes(self, question: str, default: bool, option: str) -> bool:
        """Whether the answer is yes."""
        asked = phrase("{question} (yes/no)", question=question)
        return self.ask(asked, phrase("yes") if default else phrase("no"), option, read_yes)

    def secret(self, question: str) -> str | None:
        """What is typed without being shown; `None` for nothing, or where nobody is there."""
        if not self.attended:
            return None
        import getpass

        try:
            return (
                getpass.getpass(
                    phrase("{question} (it is not shown; empty for none):", question=question) + " "
                ).strip()
                or None
            )
        except EOFError:
            return None

    def _line(self, question: str, default: str | None, option: str) -> str | None:
        try:
            return input(f"{question} [{default}]: " if default else f"{question}: ").strip() or default
        except EOFError:
            raise UsageError(f"{self.command}: nobody is there to answer: give {option}.") from None


def read_yes(text: str) -> bool:
    """Whether a text says yes, in English or in the language that is spoken.

    Raises:
        ValueError: it says neither yes nor no.
    """
    said = text.casefold()
    if said in (*YES, translated("yes"), translated("y")):
        return True
    if said in (*NO, translated("no"), translated("n")):
        return False
    raise ValueError(translatable("{text!r} is neither yes nor no", text=text))


def one_of(values: type[StrEnum]) -> Callable[[str], str]:
    """Reads one of some values, or nothing."""

    def read(text: str) -> str:
        if (said := text.casefold()) and said not in set(values):
            raise ValueError(translatable("{text!r} is none of {values}", text=text, values=", ".join(values)))
        return said

    return read
