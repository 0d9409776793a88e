"""Which numbers of a proposal may be entered into the pump, and which to keep: decided once for every form shown."""

from __future__ import annotations

from flows.language.catalogue import to_translate
from flows.language.translatable import listed, translatable
from flows.oref0.several_values import NAMES
from flows.proposal.consensus_limits import beyond_limits
from flows.proposal.document import Colour, Proposal
from flows.proposal.step_document import StepKind

SAME = 1e-9  # floating point, not a choice
KEEP, AS_NOW = to_translate("keep current value"), to_translate("as now")
TOO_SMALL = to_translate("too small or not repeatable: keep current value")
RED = to_translate("The verdict is red: these numbers are not for a pump, and none to enter is shown.")
NOTHING_BEYOND = to_translate(
    "Glucose is outside the consensus limits, and no change of a setting is repeatable enough to act on: no numbers to "
    "enter are shown. Discuss it with your diabetes team."
)
NOTHING = to_translate(
    "No change is repeatable enough to act on, so no numbers to enter are shown. Keep the settings that are in the "
    "pump."
)
NO_STEP = to_translate(
    "No step is to be taken tonight, so no numbers to enter are shown. Keep the settings that are in the pump."
)
SEVERAL = to_translate(
    "The profile has several {what}, and what upstream made of them as if they were one cannot be trusted yet: no "
    "numbers to enter are shown."
)


def may_be_entered(proposal: Proposal) -> bool:
    """Whether there are numbers to enter at all: the verdict is not red, and something is worth changing."""
    return why_nothing_to_enter(proposal) is None


def why_nothing_to_enter(proposal: Proposal) -> str | None:
    """In one sentence; `None` where numbers are to be entered."""
    if proposal.step is not None and proposal.step.kind is not StepKind.CHANGE:
        return NO_STEP
    if proposal.verdict.colour is Colour.RED:
        return RED
    if proposal.step is not None:
        return None
    if untrusted := proposal.for_pump.untrusted:  # sealed before that made a verdict red
        return translatable(
            SEVERAL, what=listed((NAMES[part] for part in untrusted), to_translate("{one} and {other}"))
        )
    if not proposal.verdict.nothing_certain:
        return None
    return NOTHING_BEYOND if beyond_limits(proposal) else NOTHING


def worth_changing(proposal: Proposal, key: str) -> bool | None:
    """Whether a setting changes by enough, and repeatably enough; `None` where the document does not say of any."""
    verdict = proposal.verdict
    # A proposal sealed before the list existed has numbers to enter, and none on it.
    if not verdict.worth_changing and not verdict.nothing_certain:
        return None
    return key in verdict.worth_changing


def keep_label(proposal: Proposal, key: str, now: float, new: float) -> str:
    """The word beside a number to enter: `as now`, `keep current value`, or nothing for what is worth changing."""
    if same(now, new):
        return AS_NOW
    return KEEP if worth_changing(proposal, key) is False else ""


def same(now: float, new: float) -> bool:
    """Whether two numbers of a setting are one."""
    return abs(now - new) < SAME
