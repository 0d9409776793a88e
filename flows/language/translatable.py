"""A text that is stored in English and can be said in another language: it knows the words and the facts it is made of.

For the rooms that say nothing themselves: they hand on such a text, which is a string like any other, and whoever shows
it to a person asks `in_spoken` for it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from flows.language.catalogue import Language, phrase, spoken, to_translate, translated

COMMA = to_translate("{one}, {other}")


class Translatable(str):
    """The text in English; written into a file or a log it is that, and nothing else."""

    words: str
    facts: dict[str, Any]

    def __new__(cls, words: str, facts: dict[str, Any]) -> Translatable:
        """The words with the facts filled in."""
        text = super().__new__(cls, words.format(**facts))
        text.words, text.facts = words, facts
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        """So that a copy knows its words as well."""
        return Translatable, (self.words, self.facts)


def translatable(words: str, /, **facts: Any) -> str:
    """A text of words with named facts, to be said later.

    Args:
        words: in English, as of `phrase`; they are found for the catalogue by this function's name.
        facts: of the text; one that is a text of the catalogue itself is translated with it.
    """
    return Translatable(words, facts)


def listed(texts: Iterable[str], words: str = COMMA) -> str:
    """Texts after each other, each said later in its own words; one alone is itself, and none is no text.

    Args:
        texts: in English.
        words: that join two, `{one}` and `{other}`.
    """
    first, *others = list(texts) or [""]
    return functools.reduce(lambda one, other: Translatable(words, {"one": one, "other": other}), others, first)


def in_spoken(text: str) -> str:
    """A text in the language that is spoken; one that the catalogue does not know stays as it is."""
    if spoken() is Language.ENGLISH:
        return text
    if isinstance(text, Translatable):
        return phrase(text.words, **spoken_facts(text.facts))
    return translated(text)


def spoken_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a sentence, those of them that are texts in the language that is spoken."""
    return {name: in_spoken(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
