"""The verdict in a sentence; no number is in it, so that it may stand where others see it."""

from __future__ import annotations

from flows.proposal.document import Colour, GlucoseLimit
from flows.proposal.step_document import NextStep, StepKind

Beyond = tuple[GlucoseLimit, ...]


def headline(colour: Colour, nothing_certain: bool, beyond: Beyond) -> str:
    """The verdict in a sentence.

    Args:
        colour: of the verdict.
        nothing_certain: nothing is off by enough, and repeatable enough, to act on.
        beyond: limits of the consensus that glucose is beyond: then the settings in use are no safe choice either.
    """
    if colour is Colour.RED:
        outside = " Glucose is outside the consensus limits as it is: discuss it with your diabetes team."
        return f"Do not use these numbers: see the reasons.{outside if beyond else ''}"
    if beyond and nothing_certain:
        return (
            "Glucose is outside the consensus limits, and no change of a setting is repeatable enough to be "
            "recommended: discuss it with your diabetes team."
        )
    if beyond:
        return "Glucose is outside the consensus limits: read the reasons before changing anything."
    if nothing_certain:
        return "Nothing to change: no setting is off by enough, and repeatably so, to act on."
    if colour is Colour.AMBER:
        return "A recommendation with reservations: read the reasons before changing anything."
    return "A recommendation that nothing in the data speaks against."


def headline_of_step(colour: Colour, step: NextStep, beyond: Beyond) -> str:
    """The verdict of a step in a sentence.

    Args:
        colour: of the verdict.
        step: what is to be done.
        beyond: limits of the consensus that glucose is beyond.
    """
    outside = " Glucose is outside the consensus limits: discuss it with your diabetes team." if beyond else ""
    if step.kind is StepKind.TAKE_BACK:
        return f"Take the last step back, to be safe: glucose got worse after it.{outside}"
    if colour is Colour.RED:
        return f"Change nothing from these data: see the reasons.{outside}"
    if step.kind is StepKind.WAIT:
        return f"Wait: no step tonight.{outside}"
    if step.kind is StepKind.CHANGE:
        only = ", a reduction" if step.only_reductions else ""
        reservations = ": read the reasons first." if colour is Colour.AMBER else "."
        return f"One small step{only}{reservations}{outside}"
    if beyond:
        return (
            "Glucose is outside the consensus limits, and no step towards other settings has enough behind it: discuss "
            "it with your diabetes team."
        )
    if colour is Colour.AMBER:
        return "Nothing to change, with reservations: read the reasons."
    return "Nothing to change: glucose is within the limits, and no setting is off by enough to act on."


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
