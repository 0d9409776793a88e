"""What the data leave in doubt: the person is told in one line with the remedy, and the verdict knows.

A doubt is no correction: nothing is changed because of it. `flows.judgement.rules.records` has a rule for each name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Literal

from flows.values.sentence import Listed, NamedFacts, Worded, sentence_of, worded

LONG_ACTING = "long_acting_pattern"
OTHER_INSULIN = "other_insulin"
TRAVEL = "travel"
SAME_EVENT = "same_event_unsure"
DOUBTFUL_GLUCOSE = "doubtful_glucose"
SHORT_DIA = "short_dia"
INSULIN_CHANGED = "insulin_changed"
DYNAMIC_ISF = "dynamic_isf"


@dataclass(frozen=True)
class Doubt:
    """One kind of doubt: its rule's name, how grave it is, and the sentence with the count and what to do.

    The sentence holds no amount and no reading: it is printed, and stored where health data must not be. `dates` are
    the days it is about, which `--exclude-found` leaves out; none where it is about all of them. `facts` are
    those in the sentence, by name; `said` is it as the words of the catalogue.
    """

    name: str
    colour: Literal["amber", "red"]
    sentence: str
    dates: tuple[str, ...] = ()
    facts: NamedFacts = field(default_factory=dict)
    said: Worded | None = None


def amber_doubt(name: str, words: str, dates: tuple[str, ...] = (), /, **facts: float | str | Listed) -> Doubt:
    """A doubt whose sentence is made from words with the facts in braces (`flows.values.sentence`, `to_translate`)."""
    sentence, said = sentence_of(words, facts)
    return Doubt(name, "amber", sentence, dates, said, worded(words, facts))


def doubt_of(document: Mapping[str, Any]) -> Doubt:
    """A doubt read from `prepared.json`."""
    colour: Literal["amber", "red"] = "red" if document["colour"] == "red" else "amber"
    dates, facts = document.get("dates") or (), document.get("facts") or {}
    stored = document.get("said")
    lists = {name: tuple(words) for name, words in (stored or {}).get("lists", {}).items()}
    said = Worded(stored["words"], stored["facts"], lists) if stored else None
    return Doubt(document["name"], colour, document["sentence"], tuple(dates), facts, said)


def days_said(days: Sequence[date]) -> str:
    """As --exclude takes them: single days, and first..last of days in a row; `days` ascend."""
    breaks = [n for n, (a, b) in enumerate(pairwise(days), 1) if b - a > timedelta(days=1)]
    rows = [days[a:b] for a, b in pairwise([0, *breaks, len(days)])]
    return ",".join(str(row[0]) if len(row) == 1 else f"{row[0]}..{row[-1]}" for row in rows)
