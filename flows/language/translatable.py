"""A text that is stored in English and can be said in another language: it knows the words and the facts it is made of.

For the rooms that say nothing themselves: they hand on such a text, which is a string like any other, and whoever shows
it to a person asks `in_spoken` for it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

from flows.language.catalogue import (
    Language,
    count_phrase,
    known_words,
    number_text,
    phrase,
    spoken,
    to_translate,
    translated,
)

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


def translatable_count(one: str, more: str, count: int) -> str:
    """A count with its noun, such as `3 days`, to be said later among the facts of a text; `{count}` in both forms."""
    return (one if count == 1 else more).format(count=count)


def in_spoken(text: str) -> str:
    """A text in the language that is spoken; one that the catalogue does not know stays as it is.

    A text that was stored has lost its words and facts: they are found again in it, as it says nothing else.
    """
    if spoken() is Language.ENGLISH:
        return text
    if isinstance(text, Translatable):
        return phrase(text.words, **spoken_facts(text.facts))
    if found := COUNTED.fullmatch(text):
        forms = _counts(spoken()).get(found[2])
        return count_phrase(*forms, int(found[1])) if forms else text
    said = translated(text)
    return _of_its_words(text) if said == text else said


# Facts that people named themselves: a profile called `Basal` is called so in every language.
NAMED = frozenset({"name", "names"})


def spoken_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a sentence, those of them that are texts in the language that is spoken."""
    return {
        name: in_spoken(fact) if isinstance(fact, str) and name not in NAMED else fact for name, fact in facts.items()
    }


# --- texts that were stored

LONGEST = 1000  # characters of a text
LEAST_LETTERS = 7  # outside its facts, for words to be recognised by
FIELD = re.compile(r"\{(\w+)(?:![rs])?(:[^{}]*)?\}")
DIGITS = r"[-−+ ]*[0-9.]+%?"
COUNTED = re.compile(r"(\d+) ([a-z ]+)")
NUMBER = re.compile(r"[-−+]?\d+(?:\.\d+)?%?(?:[ \u202f](?:%|h|g|U|U/h|g/U))?")


def _of_its_words(text: str) -> str:
    if len(text) > LONGEST:
        return text
    for words, pattern in _patterns(spoken()):
        if found := pattern.fullmatch(text):
            return _filled(
                translated(words), {n: fact if n in NAMED else _fact(fact) for n, fact in found.groupdict().items()}
            )
    return text


def _filled(words: str, facts: dict[str, str]) -> str:
    return FIELD.sub(lambda field: facts[field[1]], words)


def _fact(text: str) -> str:
    if NUMBER.fullmatch(text):
        return number_text(text)
    said = in_spoken(text)
    return ", ".join(map(in_spoken, text.split(", "))) if said == text else said


@functools.cache
def _patterns(language: Language) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Of all the words with facts, those that say most by themselves first."""
    found = []
    for words in known_words(language):
        if isinstance(words, str) and "{{" not in words:
            fixed = FIELD.sub("", words)
            if fixed != words and sum(map(str.isalpha, fixed)) >= LEAST_LETTERS:
                found.append((words, _pattern(words)))
    return tuple(sorted(found, key=lambda one: -len(FIELD.sub("", one[0]))))


@functools.cache
def _counts(language: Language) -> dict[str, tuple[str, str]]:
    """Counts with their noun, such as `3 days`, by the noun in both forms."""
    pairs = [words for words in known_words(language) if isinstance(words, tuple)]
    return {form.removeprefix("{count} "): pair for pair in pairs for form in pair if form.count("{") == 1}


def _pattern(words: str) -> re.Pattern[str]:
    parts: list[str] = []
    names: set[str] = set()
    done = 0
    for field in FIELD.finditer(words):
        of_a_number = field[2] is not None and field[2][-1] in "fge%d"
        shape = rf"(?P={field[1]})" if field[1] in names else f"(?P<{field[1]}>{DIGITS if of_a_number else '.+?'})"
        parts += [re.escape(words[done : field.start()]), shape]
        names.add(field[1])
        done = field.end()
    return re.compile("".join([*parts, re.escape(words[done:])]), re.DOTALL)
