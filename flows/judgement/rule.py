"""What a safety rule is: a row with its threshold in words and the source of that threshold, beside its function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flows.judgement.case import Case, RuleFinding
from flows.language.catalogue import to_translate
from flows.proposal.document import VerdictReason

OUR_CHOICE = to_translate("this project's choice, reasoned in docs/safety.md")
CONSENSUS = to_translate("International Consensus on Time in Range, Diabetes Care 2019;42:1593")
USERS = to_translate("AAPS and OpenAPS documentation on autotune")
CAPS = "oref0@0.7.1 lib/autotune/index.js (autosens_min, autosens_max)"
ONE_OF_EACH = to_translate("oref0@0.7.1 lib/autotune/index.js (one ISF, one carb ratio)")
SMOOTHING = to_translate("oref0@0.7.1 lib/autotune/index.js (hours without data)")
CURVE = "oref0@0.7.1 lib/autotune/index.js (diaDeviations, peakDeviations)"
NEVER = "–"


@dataclass(frozen=True)
class SafetyRule:
    """A rule: what it finds in a few words, when it is amber or red, and where the threshold comes from.

    `forbids_steps`: where it is red, no step is taken from these data, not even one that takes insulin away.
    """

    name: str
    title: str
    amber: str
    red: str
    source: str
    find: Callable[[Case], RuleFinding | None]
    forbids_steps: bool = False

    def reason(self, found: RuleFinding) -> VerdictReason:
        """What it has found as a reason of a verdict."""
        return VerdictReason(
            rule=self.name,
            title=self.title,
            colour=found.colour,
            sentence=found.sentence,
            source=self.source,
            facts=dict(found.facts),
            said=found.said,
        )
