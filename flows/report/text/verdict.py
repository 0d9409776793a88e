"""The verdict's colour, headline and reasons as words of the language that is spoken."""

from __future__ import annotations

from flows.language.catalogue import phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.proposal.document import Colour, Verdict, VerdictReason
from flows.report.wording import headline_in_spoken
from flows.values.sentence import stored_in_spoken

COLOURS = {
    Colour.GREEN: to_translate("green"),
    Colour.AMBER: to_translate("amber"),
    Colour.RED: to_translate("red"),
}


def colour_word(colour: Colour) -> str:
    """The colour's name."""
    return translated(COLOURS[colour])


def verdict_line(verdict: Verdict) -> str:
    """Colour and headline."""
    colour, headline = colour_word(verdict.colour), headline_in_spoken(verdict.headline)
    return phrase("Verdict: {colour}. {headline}", colour=colour, headline=headline)


def reason_sentence(reason: VerdictReason) -> str:
    """The whole sentence of a reason."""
    return stored_in_spoken(reason.sentence, reason.said)


def reason_title(reason: VerdictReason) -> str:
    """A reason in a few words; a rule of a later version has only its id."""
    return in_spoken(reason.title or reason.rule)
