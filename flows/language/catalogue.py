"""Sentences in the language that is spoken now: English words with named facts are the key, `LANGUAGE.po` has the rest.

A sentence that its catalogue does not have is said in English; a test finds each such, so that none reaches a person.
Light to import: Babel only where it is needed.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from enum import Enum
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from string import Formatter
from typing import Any

CATALOGUES = Path(__file__).parent


class Language(Enum):
    """A language that everything people read exists in; the value is its BCP 47 tag, for `lang` of a page too."""

    ENGLISH = "en"
    GERMAN = "de"


_chosen: ContextVar[Language | None] = ContextVar("language", default=None)


def chosen() -> Language | None:
    """The language that was chosen for what is done now; `None` where none was."""
    return _chosen.get()


def spoken() -> Language:
    """The language that is spoken now."""
    return _chosen.get() or Language.ENGLISH


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Within it people are spoken to in this language."""
    before = _chosen.set(language)
    try:
        yield
    finally:
        _chosen.reset(before)


def to_translate(words: str) -> str:
    """The words as they are: marks those of a table for the catalogue, which `translated` or `phrase` gets later."""
    return words


def phrase(words: str, /, **facts: Any) -> str:
    """A sentence in the language that is spoken.

    Args:
        words: in English, with the facts in braces and numbers with their format, as of `str.format`.
        facts: of the sentence; a number with a format gets the language's decimal mark and a real minus.
    """
    return _Sentence().vformat(translated(words), (), facts) if facts else translated(words)


def count_phrase(one: str, more: str, count: int, /, **facts: Any) -> str:
    """A sentence about a count, in the form that the language has for it; the words name it `{count}`."""
    words = translations(spoken()).ngettext(one, more, count)
    return _Sentence().vformat(words, (), {"count": count, **facts})


def translated(words: str) -> str:
    """The words in the language that is spoken, their facts not filled in."""
    return translations(spoken()).gettext(words) if words else ""


def number_text(text: str) -> str:
    """A number as text with a point, such as `−0.5`, with the language's own decimal mark."""
    if spoken() is Language.ENGLISH:
        return text
    from babel.numbers import get_decimal_symbol

    return text.replace(".", get_decimal_symbol(spoken().value))


def date_text(on: date, form: str = "date") -> str:
    """A day as the language writes it.

    Args:
        on: the day.
        form: `day` with the weekday and no year, `short day` likewise in short, `date` with the year, or `number`: in
            digits.
    """
    from babel.dates import format_date

    patterns = {
        "day": to_translate("EEEE d MMMM"),
        "short day": to_translate("EEE d MMM"),
        "number": to_translate("y-MM-dd"),
    }
    pattern = translated(patterns[form]) if form in patterns else translated("d MMM y")
    return format_date(on, pattern, locale=spoken().value)


@functools.cache
def translations(language: Language) -> NullTranslations:
    """The catalogue of a language; English has none, since its sentences are the keys."""
    if language is Language.ENGLISH:
        return NullTranslations()
    from babel.messages.mofile import write_mo

    compiled = io.BytesIO()
    write_mo(compiled, _read(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


@functools.cache
def known_words(language: Language) -> tuple[str | tuple[str, str], ...]:
    """Every sentence of a language's catalogue in English; of one about a count both forms."""
    ids = (message.id for message in _read(language) if message.id)
    return tuple(words if isinstance(words, str) else (words[0], words[1]) for words in ids)


@functools.cache
def _read(language: Language) -> Any:
    from babel.messages.pofile import read_po

    with (CATALOGUES / f"{language.value}.po").open("rb") as file:
        return read_po(file, locale=language.value)


class _Sentence(Formatter):
    """As `str.format`, but numbers with a format are written as the language writes them."""

    def format_field(self, value: Any, format_spec: str) -> str:
        text = str(super().format_field(value, format_spec))
        if format_spec and isinstance(value, int | float):
            return number_text(text.replace("-", "−"))
        return text
