"""Why something was not written, in the page's words: the refusal's sentence, and what to do on a page.

The terminal's remedies name its own commands; here stand those of the page where they are others.
"""

from __future__ import annotations

import functools
import re

from flows.errors import Reason, Refused
from flows.language.catalogue import phrase, to_translate, translated
from flows.language.translatable import spoken_facts

FIELD = re.compile(r"\{(\w+)(?:!r)?(:[^{}]*)?\}")
LEFT_OUT = "…"  # where a fact of a person's health was, which no message has
NUMBER = rf"-?\d+(?:\.\d+)?|{LEFT_OUT}"
RUN_AGAIN = to_translate("Run again from today's settings.")
UNDO_IT = to_translate("Undo the last change first; its page says what is put back.")
CHOOSE = to_translate("Choose another part above, or keep the settings you have.")
TO_DO = {
    Reason.PROPOSAL_OLD: RUN_AGAIN,
    Reason.PROPOSAL_EARLIER: RUN_AGAIN,
    Reason.PROPOSAL_ALTERED: RUN_AGAIN,
    Reason.PROPOSAL_OF_BACKFILL: RUN_AGAIN,
    Reason.PROPOSAL_OTHER_SOURCE: RUN_AGAIN,
    Reason.SITE_PROFILE_CHANGED: RUN_AGAIN,
    Reason.APPROVAL_EXPIRED: to_translate("Look at the change again, and approve it again."),
    Reason.PROPOSAL_RED: to_translate("Keep the settings you have. The reasons stand in the report."),
    Reason.PROPOSAL_TAKE_BACK: UNDO_IT,
    Reason.PROPOSAL_NO_STEP: to_translate("Keep the settings you have."),
    Reason.PROPOSAL_UNSURE: to_translate("Keep the settings you have, or say that it is wanted although."),
    Reason.PROPOSAL_OTHER_CURVE: to_translate("Choose the step: it is for the insulin curve in use."),
    Reason.PROPOSAL_SEVERAL: CHOOSE,
    Reason.PROPOSAL_WITHOUT_SITE: to_translate("Type the step in yourself: the entry sheet has every number."),
    Reason.REPORT_ONLY: to_translate("Type the step in yourself: the entry sheet has every number."),
    Reason.NOTHING_TO_WRITE: CHOOSE,
    Reason.NOTHING_LESS_TO_WRITE: CHOOSE,
    Reason.CHANGE_UNSETTLED: to_translate(
        "Settle it first: it is brought to its end, and what was there before is put back."
    ),
    Reason.WRITE_UNKNOWN: to_translate(
        "Look at the profile on the site. Then settle the change here: it is brought to its end, and what was there "
        "before is put back."
    ),
    Reason.EDITED_SINCE: to_translate(
        "Look at the site's profile. If what was there before is to come back nevertheless, say so when undoing."
    ),
    Reason.WRITE_NO_CREDENTIALS: to_translate(
        "Type the step in yourself, or add a token for writing on the machine where runs are made."
    ),
    Reason.WRITE_NOT_PERMITTED: to_translate(
        "This token may read, not write. Type the step in yourself, or add a token for writing on the machine where "
        "runs are made."
    ),
    Reason.CHANGE_UNDER_WAY: to_translate("Wait until the other change has ended, then look at this one again."),
}


def to_do(refusal: Refused) -> str:
    """What to do about a refusal, on the page."""
    if (known := TO_DO.get(refusal.reason)) is not None:
        return translated(known)
    return refusal.spoken_remedy


def refusal_in(message: str) -> tuple[Reason | None, str, str]:
    """The reason, sentence and remedy of a refusal that a run ended with, in the language that is spoken.

    Args:
        message: of the run's state at Prefect's server, which ends with the refusal's text.

    Returns:
        The reason is `None` where this version does not know it, and then the sentence is what was stored.
    """
    _, found, text = message.partition("Refused: ")
    if not found:
        return None, "", ""
    text = " ".join(text.split())
    for reason, pattern in _patterns():
        if (match := pattern.fullmatch(text)) is not None:
            numbers = {name for name, form in FIELD.findall("".join(reason.value)) if form}
            facts = {
                name: float(fact) if name in numbers and fact != LEFT_OUT else _AsStored(fact)
                for name, fact in spoken_facts(dict(match.groupdict())).items()
            }
            sentence, remedy = reason.value
            done = translated(TO_DO[reason]) if reason in TO_DO else phrase(remedy, **facts)
            return reason, phrase(sentence, **facts), done
    return None, text, ""


class _AsStored(str):
    """A fact found in a message; its sentence has given it its quotation marks or its form already."""

    __repr__ = str.__str__

    def __format__(self, _: str) -> str:
        return str(self)


@functools.cache
def _patterns() -> tuple[tuple[Reason, re.Pattern[str]], ...]:
    """Of each reason, those with the most words of their own first."""
    made = []
    for reason in Reason:
        words = " ".join(f"{reason.value[0]} {reason.value[1]}".split())
        made.append((len(FIELD.sub("", words)), reason, re.compile(_as_pattern(words), re.DOTALL)))
    return tuple((reason, pattern) for _, reason, pattern in sorted(made, key=lambda one: -one[0]))


def _as_pattern(words: str) -> str:
    seen: set[str] = set()

    def group(name: str, form: str) -> str:
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{NUMBER if form else '.*?'})"

    made = ""
    for part in re.split(r"(\{\{|\}\}|\{\w+[^{}]*\})", words):
        fact = FIELD.fullmatch(part)
        made += group(*fact.groups()) if fact else re.escape(part[0] if part in ("{{", "}}") else part)
    return made
