"""Safety rules about what the records leave in doubt: each doubt of `flows.history.doubts` is a reason."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flows.history import doubts
from flows.history.doubts import Doubt
from flows.history.situations.table import SITUATIONS
from flows.judgement.case import Case, RuleFinding
from flows.judgement.rule import NEVER, OUR_CHOICE, USERS, SafetyRule
from flows.language.catalogue import to_translate
from flows.proposal.document import Colour


def doubted(name: str, case: Case) -> RuleFinding | None:
    """The gravest doubt of a name, with the sentences of all."""
    found = [doubt for doubt in case.doubts if doubt.name == name]
    if not found:
        return None
    sentence = " ".join(doubt.sentence for doubt in found)
    known = tuple(doubt.said for doubt in found if doubt.said is not None)
    said = known if len(known) == len(found) else ()
    return RuleFinding(Colour(max(doubt.colour for doubt in found)), sentence, _all_facts(found), said)


def _all_facts(found: Sequence[Doubt]) -> dict[str, float | str]:
    """Of all doubts; where a later one has a name again, with its place among them."""
    facts: dict[str, float | str] = {}
    for n, doubt in enumerate(found, 1):
        facts |= {f"{name}_{n}" if name in facts else name: fact for name, fact in doubt.facts.items()}
    return facts


def _rule(name: str, title: str, amber: str, source: str) -> SafetyRule:
    return SafetyRule(name, title, amber, NEVER, source, partial(doubted, name))


RULES: tuple[SafetyRule, ...] = (
    _rule(
        doubts.LONG_ACTING,
        to_translate("Long-acting insulin may be among the boluses"),
        "one large equal dose a day at one hour, without carbs",
        OUR_CHOICE,
    ),
    _rule(
        doubts.OTHER_INSULIN,
        to_translate("The data name another insulin"),
        "not the curve of the run, more than one kind, neither curve, or stronger than U100",
        USERS,
    ),
    _rule(
        doubts.TRAVEL,
        to_translate("The person was in another time zone"),
        "records or switches name another zone",
        OUR_CHOICE,
    ),
    _rule(
        doubts.SAME_EVENT,
        to_translate("One meal or dose may be stored several times"),
        "equal records of one instant whose ids differ",
        OUR_CHOICE,
    ),
    _rule(
        doubts.DOUBTFUL_GLUCOSE,
        to_translate("Some readings may be no glucose"),
        "a day used with noise, impossible steps, a stuck sensor or lows that look like compression",
        OUR_CHOICE,
    ),
    _rule(
        doubts.INSULIN_CHANGED,
        to_translate("The insulin was changed within the days"),
        "three doses or more of one curve, and all after them, three or more, of another; a note or a new cartridge "
        "that names another curve; another profile's duration by 0.5 h or peak by 10 min",
        USERS,
    ),
    _rule(
        doubts.SHORT_DIA,
        to_translate("The duration of insulin action is too short"),
        "the profile's duration is below 5 h, which upstream raises to 5",
        "oref0@0.7.1 lib/iob/index.js",
    ),
    _rule(
        doubts.DYNAMIC_ISF,
        to_translate("Doses were calculated with another ISF"),
        "on most of three days or more, most doses that tell their ISF took one more than 10 % from the profile's",
        OUR_CHOICE,
    ),
    *(_rule(row.name, row.title, row.threshold, OUR_CHOICE) for row in SITUATIONS),
)
