"""Every refusal has a sentence and a remedy, and its text holds no number of a person's data."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import pytest

from flows import errors
from flows.errors import PRIVATE_FACTS, Reason, Refused
from flows.language.catalogue import Language, speaking
from flows.language.translatable import translatable

FACTS = {
    "count": 3, "limit": 5, "low": 1.0, "high": 2.0, "seconds": 5.0, "attempts": 5, "status": 500, "hours": 777.25,
    "minutes": 7.0,
    "value": 777.25, "cap_low": 777.25, "cap_high": 777.25, "found": 777.25, "declared": 777.25,
}  # fmt: skip


def facts_of(reason: Reason) -> dict[str, object]:
    names = {name for text in reason.value for _, name, _, _ in string.Formatter().parse(text) if name}
    return {name: FACTS.get(name, f"<{name}>") for name in names}


@pytest.mark.parametrize("reason", Reason, ids=lambda r: r.code)
def test_a_reason_reads_as_a_sentence_with_a_remedy(reason: Reason) -> None:
    facts = facts_of(reason)
    refusal = Refused(reason, **facts)
    assert refusal.sentence[0].isupper() or refusal.sentence[0] in "<0123456789"
    assert refusal.sentence.endswith(".")
    assert refusal.remedy.endswith((".", "<remedy>"))
    assert "777" not in str(refusal)
    assert ("777" in refusal.sentence) is bool(facts.keys() & PRIVATE_FACTS)


def test_the_table_of_texts_has_each_reason_in_the_same_order_and_nothing_else() -> None:
    texts = json.loads(Path(errors.__file__).with_name("refusals.json").read_text("utf-8"))
    assert list(texts) == list(Reason.__members__)  # an alias, too: no two reasons read the same
    assert len(set(map(str, texts.values()))) == len(Reason)


def numbers(text: str) -> list[str]:
    """Those in a text, apart from that in the name of upstream."""
    return sorted(re.findall(r"\d+", text.replace("oref0", "")))


def test_every_refusal_is_said_in_the_language_that_is_spoken_and_stored_in_english() -> None:
    for reason in Reason:
        refusal = Refused(reason, **facts_of(reason))
        english, kept = str(refusal), (refusal.sentence, refusal.remedy)
        assert (refusal.spoken_sentence, refusal.spoken_remedy) == kept
        with speaking(Language.GERMAN):
            said = refusal.spoken_sentence, refusal.spoken_remedy
            assert str(Refused(reason, **facts_of(reason))) == english
        assert (str(refusal), refusal.sentence, refusal.remedy) == (english, *kept)
        for there, here in zip(kept, said, strict=True):
            assert here == there if there == "<remedy>" else here != there
            assert sorted(re.findall(r"<\w+>", here)) == sorted(re.findall(r"<\w+>", there))
            assert numbers(here) == numbers(there)


def test_the_facts_of_a_refusal_are_said_in_the_language_too() -> None:
    file = Refused(Reason.FILE_NOT_JSON, file="a.json", detail="it is not UTF-8")
    name = Refused(Reason.WRITE_NAME, detail=translatable("it has more than {most} characters", most=40))
    with speaking(Language.GERMAN):
        assert file.spoken_sentence == "a.json ist kein lesbares JSON (kein UTF-8)."
        assert name.spoken_sentence == "Diesen Namen kann ein Profil nicht bekommen: er hat mehr als 40 Zeichen."
    assert str(file).startswith("a.json is not readable JSON (it is not UTF-8).")
    assert name.sentence == "The name cannot be given to a profile: it has more than 40 characters."
