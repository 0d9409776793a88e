"""The verdict in a sentence; no number is in it, so that it may stand where others see it."""

from __future__ import annotations

from flows.language.catalogue import to_translate
from flows.proposal.document import Colour, GlucoseLimit
from flows.proposal.step_document import NextStep, StepKind

Beyond = tuple[GlucoseLimit, ...]


OUTSIDE = to_translate("Glucose is outside the consensus limits: discuss it with your diabetes team.")
OUTSIDE_AS_IT_IS = to_translate("Glucose is outside the consensus limits as it is: discuss it with your diabetes team.")
# With reservations, and a reduction: each a sentence of its own.
ONE_STEP = {
    (False, False): to_translate("One small step."),
    (False, True): to_translate("One small step, a reduction."),
    (True, False): to_translate("One small step: read the reasons first."),
    (True, True): to_translate("One small step, a reduction: read the reasons first."),
}


def headline(colour: Colour, nothing_certain: bool, beyond: Beyond) -> str:
    """The verdict in a sentence.

    Args:
        colour: of the verdict.
        nothing_certain: nothing is off by enough, and repeatable enough, to act on.
        beyond: limits of the consensus that glucose is beyond: then the settings in use are no safe choice either.
    """
    if colour is Colour.RED:
        return _with(to_translate("Do not use these numbers: see the reasons."), OUTSIDE_AS_IT_IS if beyond else "")
    if beyond and nothing_certain:
        return to_translate(
            "Glucose is outside the consensus limits, and no change of a setting is repeatable enough to be "
            "recommended: discuss it with your diabetes team."
        )
    if beyond:
        return to_translate("Glucose is outside the consensus limits: read the reasons before changing anything.")
    if nothing_certain:
        return to_translate("Nothing to change: no setting is off by enough, and repeatably so, to act on.")
    if colour is Colour.AMBER:
        return to_translate("A recommendation with reservations: read the reasons before changing anything.")
    return to_translate("A recommendation that nothing in the data speaks against.")


def headline_of_step(colour: Colour, step: NextStep, beyond: Beyond) -> str:
    """The verdict of a step in a sentence.

    Args:
        colour: of the verdict.
        step: what is to be done.
        beyond: limits of the consensus that glucose is beyond.
    """
    outside = OUTSIDE if beyond else ""
    if step.kind is StepKind.TAKE_BACK:
        return _with(to_translate("Take the last step back, to be safe: glucose got worse after it."), outside)
    if colour is Colour.RED:
        return _with(to_translate("Change nothing from these data: see the reasons."), outside)
    if step.kind is StepKind.WAIT:
        return _with(to_translate("Wait: no step tonight."), outside)
    if step.kind is StepKind.CHANGE:
        return _with(ONE_STEP[colour is Colour.AMBER, step.only_reductions], outside)
    if beyond:
        return to_translate(
            "Glucose is outside the consensus limits, and no step towards other settings has enough behind it: discuss "
            "it with your diabetes team."
        )
    if colour is Colour.AMBER:
        return to_translate("Nothing to change, with reservations: read the reasons.")
    return to_translate("Nothing to change: glucose is within the limits, and no setting is off by enough to act on.")


def _with(sentence: str, more: str) -> str:
    return f"{sentence} {more}" if more else sentence


def colour_today(sealed: Colour, beyond: Beyond) -> Colour:
    """The sealed colour; amber for a green that was sealed before the limits were a rule, where one is exceeded."""
    return Colour.AMBER if beyond and sealed is Colour.GREEN else sealed


def headline_today(
    sealed: str, colour: Colour, nothing_certain: bool, beyond: Beyond, beyond_when_sealed: Beyond
) -> str:
    """The sealed headline; today's where glucose is beyond a limit and the verdict was sealed before that was a rule.

    Nobody whose glucose is beyond a limit is told that there is nothing to change.
    """
    if not beyond or beyond_when_sealed or colour is Colour.RED:
        return sealed
    return headline(colour_today(colour, beyond), nothing_certain, beyond)
