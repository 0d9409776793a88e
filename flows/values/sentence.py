"""A sentence and the facts in it, made together: words with named facts, from which the sentence follows.

So the two cannot drift apart, and whoever says it in another language has all that the sentence says, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any

NamedFacts = Mapping[str, float | str]
CASE = "case"  # the one fact that need not be among the words: which of a rule's sentences it is


def sentence_of(words: str, facts: NamedFacts) -> tuple[str, dict[str, float | str]]:
    """The sentence, and of the facts those in it; a number is as exact as it is said there.

    Args:
        words: with the facts in braces, a number with its format: `{below_70_percent:.1f} %`, a count as `{days:.0f}`.
        facts: numbers in the unit that their name ends in, texts as they stand in the sentence.
    """
    named = {name: form or "" for _, name, form, _ in Formatter().parse(words) if name}
    said = {name: _as_said(facts[name], form) for name, form in named.items()}
    return _Sentence().vformat(words, (), said), said | {name: fact for name, fact in facts.items() if name == CASE}


def percent_text(share: float, decimals: int = 0) -> str:
    """A share of one as a percentage, as all of them are written: `41 %`."""
    return f"{100 * share:.{decimals}f} %"


class _Sentence(Formatter):
    """As `str.format`, but a number has a real minus, as every other number people read."""

    def format_field(self, value: Any, format_spec: str) -> str:
        text = str(super().format_field(value, format_spec))
        return text.replace("-", "−") if format_spec and not isinstance(value, str) else text


def _as_said(fact: float | str, form: str) -> float | str:
    return fact if isinstance(fact, str) else float(format(fact, form))
