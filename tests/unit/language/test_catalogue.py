"""One catalogue: every sentence is in every language, with the same facts, and numbers and dates follow it."""

from __future__ import annotations

from datetime import date
from string import Formatter

import pytest
from babel.messages.pofile import read_po

from flows.language.catalogue import CATALOGUES, Language, date_text, number_text, phrase, speaking
from flows.language.messages import messages

OTHERS = [language for language in Language if language is not Language.ENGLISH]


def facts_in(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_there(language: Language) -> None:
    """`python -m flows.language.messages` adds what is missing here, to be translated, and drops what is not used."""
    with (CATALOGUES / f"{language.value}.po").open("rb") as file:
        known = {message.id: message for message in read_po(file) if message.id}
    asked = {message.id for message in messages() if message.id}
    assert asked - known.keys() == set()
    assert known.keys() - asked == set()
    empty = [key for key, message in known.items() if message.fuzzy or not message.string or not all(message.string)]
    assert empty == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_facts_of_its_sentence(language: Language) -> None:
    with (CATALOGUES / f"{language.value}.po").open("rb") as file:
        for message in read_po(file):
            if not message.id:
                continue
            originals = message.id if isinstance(message.id, tuple | list) else [message.id]
            translations = message.string if isinstance(message.string, tuple | list) else [message.string]
            for text in translations:
                assert facts_in(text) <= set.union(*map(facts_in, originals)), text
                assert facts_in(text) >= set.intersection(*map(facts_in, originals)), text


def test_numbers_have_the_decimal_mark_and_the_minus_of_the_language() -> None:
    assert phrase("{change:+.1f} %", change=-0.5) == "−0.5 %"
    with speaking(Language.GERMAN):
        assert phrase("{change:+.1f} %", change=-0.5) == "−0,5 %"
        assert number_text("1.15") == "1,15"
    assert number_text("1.15") == "1.15"


def test_a_text_among_the_facts_is_no_format() -> None:
    with speaking(Language.GERMAN):
        assert phrase("{name}", name="{change:.1f} 1.5") == "{change:.1f} 1.5"


def test_days_are_written_as_the_language_writes_them() -> None:
    on = date(2026, 12, 2)
    assert (date_text(on, "day"), date_text(on)) == ("Wednesday 2 December", "2 Dec 2026")
    with speaking(Language.GERMAN):
        assert (date_text(on, "day"), date_text(on)) == ("Mittwoch, 2. Dezember", "2. Dez. 2026")
