"""Every refusal has a sentence and a remedy, and its text holds no number of a person's data."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest

from flows import errors
from flows.errors import PRIVATE_FACTS, Reason, Refused

FACTS = {
    "count": 3, "limit": 5, "low": 1.0, "high": 2.0, "seconds": 5.0, "attempts": 5, "status": 500, "hours": 777.25,
    "minutes": 7.0,
    "value": 777.25, "cap_low": 777.25, "cap_high": 777.25, "found": 777.25, "declared": 777.25,
}  # fmt: skip


@pytest.mark.parametrize("reason", Reason, ids=lambda r: r.code)
def test_a_reason_reads_as_a_sentence_with_a_remedy(reason: Reason) -> None:
    sentence, remedy = reason.value
    names = {name for text in (sentence, remedy) for _, name, _, _ in string.Formatter().parse(text) if name}
    refusal = Refused(reason, **{n: FACTS.get(n, f"<{n}>") for n in names})
    assert refusal.sentence[0].isupper() or refusal.sentence[0] in "<0123456789"
    assert refusal.sentence.endswith(".")
    assert refusal.remedy.endswith((".", "<remedy>"))
    assert "777" not in str(refusal)
    assert ("777" in refusal.sentence) is bool(names & PRIVATE_FACTS)


def test_the_table_of_texts_has_each_reason_in_the_same_order_and_nothing_else() -> None:
    texts = json.loads(Path(errors.__file__).with_name("refusals.json").read_text("utf-8"))
    assert list(texts) == list(Reason.__members__)  # an alias, too: no two reasons read the same
    assert len(set(map(str, texts.values()))) == len(Reason)
