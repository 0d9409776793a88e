"""A site's Profile Switches from an instant on: all of them, however many there are, or a refusal.

What is active may rest on one switch beneath thousands of temporary ones, and Nightscout cuts an answer at the oldest
end without saying so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flows.errors import Reason, Refused
from flows.nightscout.client import Answer, NightscoutClient
from flows.values.timestamps import instant_ms, iso_utc
from flows.values.units import HOUR_MS

NEWEST = 1000  # asked for first
PAGE = 5000  # in one answer of those before
MAX_ANSWERS = 100
# Old servers and uploaders stored created_at with the phone's offset, and the server compares text: reach further out.
TEXT_MARGIN_MS = 14 * HOUR_MS
PATH = "treatments.json"
PROFILE_SWITCHES = "find%5BeventType%5D=Profile%20Switch&"
NOTES_OF_AAPS = "find%5BoriginalProfileName%5D%5B%24exists%5D=true&"


def switches_since(
    client: NightscoutClient, kinds: tuple[str, ...], since_ms: float, decided_ms: Callable[[list[Any]], float]
) -> list[Answer]:
    """The answers that hold every record from `since_ms` on, or from where none before it decides any more.

    Neighbouring answers may share records.

    Args:
        client: of the site.
        kinds: `PROFILE_SWITCHES`, `NOTES_OF_AAPS`.
        since_ms: epoch milliseconds.
        decided_ms: given all records so far, from when on they decide what matters, whatever came before.

    Raises:
        Refused: a `SITE_…` reason; `SWITCHES_TOO_MANY`.
    """
    since = max(0, int(since_ms))
    answers, cut_off = [], {}
    for kind in kinds:
        bound = f"{kind}find%5Bcreated_at%5D%5B%24gte%5D={quote(iso_utc(since))}&count={NEWEST}"
        answers.append(client.records(PATH, bound))
        if answers[-1].records >= NEWEST:
            cut_off[kind] = _complete_from_ms(answers[-1], since)
    if not cut_off or decided_ms([r for a in answers for r in a.document]) >= max(cut_off.values()):
        return answers
    for kind, until in cut_off.items():
        for answer in client.window(PATH, "created_at", (since, max(since, until)), _written, PAGE, also=kind):
            if len(answers) >= MAX_ANSWERS:
                raise Refused(Reason.SWITCHES_TOO_MANY, since=iso_utc(since)[:10])
            answers.append(answer)
    return answers


def _complete_from_ms(answer: Answer, since_ms: int) -> int:
    """From when on nothing is missing in an answer that was cut off: its last record, and what text may hide.

    The server sorts and cuts by the text, whatever instant that is.

    Raises:
        Refused: `SITE_INCOMPLETE` where that text is no instant, or one from before what was asked for, so that it
            sorts elsewhere than it reads: nobody knows what lies beneath it.
    """
    texts = [r["created_at"] for r in answer.document if isinstance(r, dict) and isinstance(r.get("created_at"), str)]
    found = instant_ms(min(texts), "UTC") if texts else None
    if found is None or found[0] < since_ms - TEXT_MARGIN_MS:
        raise Refused(Reason.SITE_INCOMPLETE, what=PATH, detail="its oldest Profile Switches have no time")
    return int(found[0]) + TEXT_MARGIN_MS


def _written(epoch_ms: int) -> str:
    return quote(iso_utc(epoch_ms))
