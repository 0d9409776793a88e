"""Texts that are stored in English and said later: by their words, or by the words that are found again in them."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from flows.errors import Reason, Refused
from flows.language.catalogue import Language, speaking
from flows.language.translatable import in_spoken, listed, translatable


def test_a_text_is_english_wherever_it_is_written_and_knows_its_words() -> None:
    text = translatable("noisy glucose for {noisy_h:.1f} h", noisy_h=1.25)
    assert text == "noisy glucose for 1.2 h"
    with speaking(Language.GERMAN):
        assert json.dumps([text]) == '["noisy glucose for 1.2 h"]'
        for same in (text, copy.deepcopy(text), pickle.loads(pickle.dumps(text))):  # noqa: S301 - our own
            assert in_spoken(same) == "1,2 h verrauschte Glukosewerte"
    assert in_spoken(text) is text


STORED = {
    "no carbs entered": "keine Kohlenhydrate eingetragen",
    "noisy glucose for 2.5 h": "2,5 h verrauschte Glukosewerte",
    "2026-11-20 is left out: no glucose readings.": "2026-11-20 ist ausgelassen: keine Glukosewerte.",
    "On 3 days (2026-11-20, 2026-11-21) other settings than those of 'Day 1.5', which is tuned, were in force for some "
    "of the time.": "Andere Einstellungen als die von 'Day 1.5', das berechnet wird, galten zeitweise (3 Tage: "
    "2026-11-20, 2026-11-21).",
    "2026-11-20 is amber: no carbs entered, readings of 2 sensors.": "2026-11-20 ist gelb: keine Kohlenhydrate "
    "eingetragen, Messwerte von 2 Sensoren.",
    "of a program nobody knows": "of a program nobody knows",
    "noisy glucose for many h": "noisy glucose for many h",
    "x" * 2000: "x" * 2000,
}


@pytest.mark.parametrize(("stored", "said"), STORED.items(), ids=[text[:30] for text in STORED])
def test_a_stored_text_is_said_by_the_words_that_are_found_in_it(stored: str, said: str) -> None:
    assert in_spoken(stored) == stored
    with speaking(Language.GERMAN):
        assert in_spoken(stored) == said


def test_texts_after_each_other_are_each_said_in_their_own_words() -> None:
    texts = ["no carbs entered", translatable("readings of {sensors} sensors", sensors=2)]
    assert listed(texts) == "no carbs entered, readings of 2 sensors"
    assert (listed(texts[:1]), listed([])) == ("no carbs entered", "")
    with speaking(Language.GERMAN):
        assert in_spoken(listed(texts)) == "keine Kohlenhydrate eingetragen, Messwerte von 2 Sensoren"


@pytest.mark.parametrize("name", ["Basal", "Profile", "step", "1.5"])
def test_what_people_named_keeps_its_name(name: str) -> None:
    said = translatable(
        "AAPS would not take the profile {name!r} of the same document either, and what it does not take it removes "
        "from the phone.",
        name=name,
    )
    refusal = Refused(Reason.RUN_NOT_FOUND, name=name, root="here", remedy="")
    with speaking(Language.GERMAN):
        for text in (in_spoken(said), in_spoken(str(said)), refusal.spoken_sentence):
            assert name in text.replace("'", " ").replace(",", " ").split()
        assert in_spoken(str(said)) == in_spoken(said) != said
