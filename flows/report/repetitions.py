"""Why a run was repeated as often as it was and not more: the same words in every form."""

from __future__ import annotations

from flows.language.catalogue import phrase
from flows.proposal.evidence_document import Repetitions


def why_no_more(how: Repetitions | None) -> str:
    """A part of a sentence without numbers; nothing where it is not known, as in proposals of earlier versions."""
    if how is None or how.clear is None:
        return ""
    if how.every_draw:
        return phrase("every draw of these days there is")
    if how.clear:
        return phrase("clear: more repetitions would hardly change a decision")
    return phrase("at the ceiling: more repetitions might change a decision")
