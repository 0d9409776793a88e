"""A sentence follows from its facts, also from those that were stored."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.language.catalogue import Language, phrase, speaking
from flows.values.sentence import FORM, Listed, Worded, sentence_of, stored_in_spoken, worded
from tests.conftest import ROOT

ROOMS = ("judgement", "proposal", "history")  # whose sentences are stored
WORDS = "For {share_percent:.1f} % of {days:.0f} days ({change_percent:+.0f} %, {factor:g}) at {hours}."
NUMBERS = st.floats(-1e6, 1e6)


@given(NUMBERS, st.integers(0, 10_000), NUMBERS, NUMBERS, st.text(max_size=20))
def test_stored_facts_make_the_same_sentence(share: float, days: int, change: float, factor: float, at: str) -> None:
    given_facts = {"share_percent": share, "days": days, "change_percent": change, "factor": factor, "hours": at}
    sentence, facts = sentence_of(WORDS, given_facts)
    assert sentence == phrase(WORDS, **given_facts)
    assert phrase(WORDS, **json.loads(json.dumps(facts))) == sentence


@pytest.mark.parametrize(
    ("words", "facts", "said", "kept"),
    [
        ("{a:.1f} %", {"a": 4.26}, "4.3 %", {"a": 4.3}),
        ("{a:.0f} of {b:.0f}", {"a": 3, "b": 24}, "3 of 24", {"a": 3.0, "b": 24.0}),
        ("{a:+.0f} % in {b}", {"a": -9.6, "b": "08-10"}, "−10 % in 08-10", {"a": -10.0, "b": "08-10"}),
        ("{a:g} h", {"a": 5.0, "other": 7.0}, "5 h", {"a": 5.0}),
        ("{a}", {"a": "{b} 100 %"}, "{b} 100 %", {"a": "{b} 100 %"}),
        ("Nothing.", {"case": "unread"}, "Nothing.", {"case": "unread"}),
        ("Nothing.", {}, "Nothing.", {}),
    ],
)
def test_a_fact_is_as_exact_as_it_is_said(
    words: str, facts: dict[str, float | str], said: str, kept: dict[str, float | str]
) -> None:
    assert sentence_of(words, facts) == (said, kept)


@pytest.mark.parametrize(("words", "facts"), [("{days:.0f}", {}), ("{days:.0f}", {"day": 1})])
def test_words_without_their_fact_are_an_error(words: str, facts: dict[str, float | str]) -> None:
    with pytest.raises(KeyError):
        sentence_of(words, facts)


def test_a_share_is_given_in_percent() -> None:
    with pytest.raises(ValueError):  # a reader of the facts would take 0.33 for what the name says
        sentence_of("{share:.0%}", {"share": 0.33})


def test_words_among_the_facts_have_facts_themselves_and_are_said_in_the_language() -> None:
    listed = Listed(["carb ratio {carb_ratio_percent:+.0f} %", "insulin curve"], " and ")
    one = worded("Unusual values ({what}).", {"what": listed, "carb_ratio_percent": -12.4, "more": 1.0})
    assert str(one) == "Unusual values (carb ratio −12 % and insulin curve)."
    assert one.facts == {"carb_ratio_percent": -12.0}
    assert Worded(**json.loads(json.dumps(asdict(one)))).as_spoken() == str(one)
    with speaking(Language.GERMAN):
        assert one.as_spoken() == "Unusual values (KH-Faktor −12 % und Insulinkurve)."


def test_a_stored_sentence_without_words_stays_as_it_is() -> None:
    with speaking(Language.GERMAN):
        assert stored_in_spoken("Said by an earlier version.", ()) == "Said by an earlier version."
        assert stored_in_spoken("Unusual values", ()) == "Ungewöhnliche Werte"


@pytest.mark.parametrize(
    "said",
    [
        Worded("{days.__class__} days", {"days": 3.0}),
        Worded("{days[0]} days", {"days": "3"}),
        Worded("{days:999999999} days", {"days": "3"}),
        Worded("{days!r} days", {"days": "3"}),
        Worded("{} days", {"days": 3.0}),
        Worded("{missing} days", {"days": 3.0}),
        Worded("{days", {"days": 3.0}),
        Worded("{days:.0f} days", {"days": "three"}),
        Worded("{all}", {}, {"all": (", ", "{all}")}),
        Worded("{all}", {}, {"all": ()}),
    ],
)
def test_words_of_a_document_that_ask_for_more_than_facts_leave_the_stored_sentence(said: Worded) -> None:
    with speaking(Language.GERMAN):
        assert stored_in_spoken("On 3 days.", [said]) == "On 3 days."


def test_every_form_of_a_number_that_sentences_have_is_followed() -> None:
    forms = {
        form
        for room in ROOMS
        for path in (ROOT / "flows" / room).rglob("*.py")
        for form in re.findall(r"[\" ]\{\w+:([^}{ ]+)\}", path.read_text("utf-8"))
    }
    assert forms
    assert not [form for form in forms if not FORM.fullmatch(form)]
