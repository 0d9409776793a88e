"""Documents in the form Nightscout, AAPS and a purifier leave as they are: names, texts, starts, Profile Switches.

Knows nothing of what a profile says, no site, and reads no clock.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from flows.errors import Reason, Refused
from flows.language.translatable import translatable
from flows.nightscout.documents import Record
from flows.values.units import SECOND_MS

ENTERED_BY = "autotune-flows"
LONGEST_NAME = 40


def check_name(name: str) -> None:
    """Refuse what Nightscout or an app would change in a name.

    Nightscout 15 escapes HTML in `defaultProfile` but not in keys, MongoDB takes neither dots nor a leading `$` in
    keys, Nightscout reads `@@@@@` and AAPS `(80%)` as marks of their own.

    Raises:
        Refused: `WRITE_NAME`.
    """
    if len(name) > LONGEST_NAME:
        raise Refused(Reason.WRITE_NAME, detail=translatable("it has more than {most} characters", most=LONGEST_NAME))
    if not re.fullmatch(r"[^\W_](?:[\w \-]*[\w\-])?", name):
        raise Refused(Reason.WRITE_NAME, detail="it holds something else than letters, digits, spaces and hyphens")


def check_no_markup(value: Any, where: str = "") -> None:
    """Refuse texts that DOMPurify, which Nightscout 15 puts over everything posted, would give back changed.

    It writes a text as HTML does; keys it leaves as they are.

    Raises:
        Refused: `WRITE_MARKUP`.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            check_no_markup(inner, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for inner in value:
            check_no_markup(inner, where)
    elif isinstance(value, str) and re.search(r"[<>\r\x00\xa0]|&(?!(?:amp|lt|gt|nbsp);)", value):
        raise Refused(Reason.WRITE_MARKUP, where=where.split(".")[-1][:LONGEST_NAME])


def switch_treatment(name: str, body: Record, created_at_ms: int, notes: str) -> Record:
    """The Profile Switch that makes a profile active: for Nightscout by its name, for AAPS by the profile it carries.

    Duration 0 means until the next switch. Sent without `units`: Nightscout 0.12 drops that field.

    Args:
        name: as the document's store has it.
        body: the profile itself.
        created_at_ms: when; not before the document's start, else Nightscout does not count it.
        notes: plain text that says why.
    """
    return {
        "eventType": "Profile Switch",
        "created_at": start_date(created_at_ms),
        "enteredBy": ENTERED_BY,
        "profile": name,
        "originalProfileName": name,
        "profileJson": escaped_json(body),
        "percentage": 100,
        "timeshift": 0,
        "duration": 0,
        "notes": notes,
    }


def carried_profile(switch: Record) -> Any:
    """The profile a Profile Switch carries; a text that is no JSON as it is."""
    written = switch.get("profileJson")
    try:
        return json.loads(written) if isinstance(written, str) else written
    except ValueError:
        return written


def escaped_json(body: Record) -> str:
    """JSON text that no purifier has a reason to change: ASCII, `<`, `>` and `&` written as escapes."""
    text = json.dumps(body, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return re.sub(r"[<>&]", lambda found: f"\\u{ord(found.group()):04x}", text)


def with_start_date(document: Record, like: Record, epoch_ms: int) -> Record:
    """A document with its start, and with `date` and `mills` saying the same where `like` has them.

    API v3, and AAPS with it, sorts profile documents by `date`.
    """
    follows: Record = {
        key: str(epoch_ms) if isinstance(like[key], str) else epoch_ms for key in ("date", "mills") if key in like
    }
    return {**document, **follows, "startDate": start_date(epoch_ms)}


def start_date(epoch_ms: int) -> str:
    """A `startDate` that every reader takes: UTC, a whole second (AAPS reads milliseconds as its own upload)."""
    return datetime.fromtimestamp(epoch_ms // SECOND_MS, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
