"""A sentence and the facts in it, made together: words with named facts, from which the sentence follows.

So the two cannot drift apart, and whoever says it in another language has all that the sentence says, and no more. What
is stored is English; `Worded` beside it is how it is said in another language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, ClassVar

from flows.language.catalogue import Language, phrase, spoken, translated
from flows.language.translatable import in_spoken

NamedFacts = Mapping[str, float | str]
FORM = re.compile(r"\+?(?:\.\d)?[fg]?|02d")  # of a number in a sentence
CASE = "case"  # the one fact that need not be among the words: which of a rule's sentences it is


@dataclass(frozen=True)
class Listed:
    """Words of the catalogue as a fact of a sentence: each may hold facts itself, and what joins them is words, too."""

    words: Sequence[str]
    joined_by: str = ", "


@dataclass(frozen=True)
class Worded:
    """A sentence as the words of the catalogue and the facts in it, to say it in another language.

    Attributes:
        words: English, with the facts in braces.
        facts: numbers as exact as they are said, texts that are the same in every language.
        lists: of a fact that is words itself what joins them, and then each.
    """

    words: str
    facts: dict[str, float | str] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)

    # As every part of a document that it is in.
    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "extra": "forbid",
        "allow_inf_nan": False,
        "hide_input_in_errors": True,
    }

    def __str__(self) -> str:
        """In English, as it is stored."""
        return self._said(self.words)

    def _said(self, words: str) -> str:
        named = {name for _, name, _, _ in Formatter().parse(words) if name}
        lists = {name: by.join(map(self._said, each)) for name, (by, *each) in self.lists.items() if name in named}
        return _English().vformat(words, (), {**self.facts, **lists})

    def as_spoken(self) -> str:
        """In the language that is spoken."""
        return self._in_spoken(self.words)

    def _in_spoken(self, words: str) -> str:
        named = _plain_names(words)
        lists = {
            name: (translated(by) if by.strip() else by).join(map(self._in_spoken, each))
            for name, (by, *each) in self.lists.items()
            if name in named
        }
        return phrase(words, **self.facts, **lists)


def _plain_names(words: str) -> set[str]:
    """The names of the facts in words.

    Raises:
        ValueError: they ask for a part of a fact, or for a form that no sentence has, such as one a gigabyte wide.
    """
    fields = [(name, form, turned) for _, name, form, turned in Formatter().parse(words) if name is not None]
    if not all(name.isidentifier() and FORM.fullmatch(form or "") and not turned for name, form, turned in fields):
        raise ValueError("no words of a sentence")
    return {name for name, _, _ in fields}


def worded(words: str, facts: Mapping[str, float | str | Listed]) -> Worded:
    """The words with those of the facts that are in them; a number is as exact as it is said there.

    Args:
        words: with the facts in braces, a number with its format: `{below_70_percent:.1f} %`, a count as `{days:.0f}`.
        facts: numbers in the unit that their name ends in, texts as they stand in the sentence, or words of their own.
    """
    said: dict[str, float | str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    waiting = [words]
    while waiting:
        for _, name, form, _ in Formatter().parse(waiting.pop()):
            if not name:
                continue
            fact = facts[name]
            if isinstance(fact, Listed):
                lists[name] = (fact.joined_by, *fact.words)
                waiting += fact.words
            else:
                said[name] = _as_said(fact, form or "")
    return Worded(words=words, facts=said, lists=lists)


def sentence_of(words: str, facts: Mapping[str, float | str | Listed]) -> tuple[str, dict[str, float | str]]:
    """The sentence in English, and of the facts those in it and its case; `worded` has it for other languages."""
    made = worded(words, facts)
    case = {name: fact for name, fact in facts.items() if name == CASE and not isinstance(fact, Listed)}
    return str(made), made.facts | case


def without_facts(text: str) -> str:
    """Words that are a text as it stands, whatever braces are in it."""
    return text.replace("{", "{{").replace("}", "}}")


def percent_text(share: float, decimals: int = 0) -> str:
    """A share of one as a percentage, as all of them are written: `41 %`."""
    return f"{100 * share:.{decimals}f} %"


def stored_in_spoken(sentence: str, said: Sequence[Worded]) -> str:
    """A stored sentence in the language that is spoken; as it is stored where it has no words of the catalogue.

    A document may have been changed by anybody: words that ask for more than their facts are not followed.
    """
    if spoken() is Language.ENGLISH:
        return sentence
    try:
        return " ".join(one.as_spoken() for one in said) if said else in_spoken(sentence)
    except (LookupError, ValueError, TypeError, RecursionError):
        return sentence


class _English(Formatter):
    """As `str.format`, but a number has a real minus, as every other number people read."""

    def format_field(self, value: Any, format_spec: str) -> str:
        text = str(super().format_field(value, format_spec))
        return text.replace("-", "−") if format_spec and not isinstance(value, str) else text


def _as_said(fact: float | str, form: str) -> float | str:
    return fact if isinstance(fact, str) else float(format(fact, form))
