"""What the data leave in doubt: the person is told in one line with the remedy, and the verdict knows.

A doubt is no correction: nothing is changed because of it. `flows.judgement.rules.records` has a rule for each name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LONG_ACTING = "long_acting_pattern"
OTHER_INSULIN = "other_insulin"
TRAVEL = "travel"
SAME_EVENT = "same_event_unsure"
DOUBTFUL_GLUCOSE = "doubtful_glucose"


@dataclass(frozen=True)
class Doubt:
    """One kind of doubt: its rule's name, how grave it is, and the sentence with the count and what to do.

    The sentence holds no amount and no reading: it is printed, and stored where health data must not be.
    """

    name: str
    colour: Literal["amber", "red"]
    sentence: str


def doubt_of(document: Mapping[str, str]) -> Doubt:
    """A doubt read from `prepared.json`."""
    return Doubt(document["name"], "red" if document["colour"] == "red" else "amber", document["sentence"])
