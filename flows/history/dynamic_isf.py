"""Dynamic ISF or autosens at work, as far as treatments show it: which ISF a dose was calculated with.

AAPS writes it with each use of its calculator (`bolusCalculatorResult`, in mg/dL); oref-based systems say it in a
`reason` or a note, where they write one into treatments. What stands in `devicestatus` only is not loaded.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from flows.history.doubts import DYNAMIC_ISF, Doubt, amber_doubt, days_said
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record, is_deleted
from flows.profiles.stored import json_value
from flows.values.local_days import day_of
from flows.values.numbers import number_or_none
from flows.values.timestamps import instant_ms

DIFFERS = 0.1  # of the profile's ISF: less is a rounding, or a percentage of a few points
MOST = 0.5  # of the doses of a day, and of the days with such doses: more than this
LEAST_DAYS = 3
_NEARLY = 1e-9
_NUMBER = r"(\d+(?:[.,]\d+)?)"
# oref0 lib/determine-basal: "ISF: 50→42"; iAPS and Trio: "Autosens ratio: 1.2", "Dynamic ISF: On".
_FROM_TO = re.compile(rf"\bISF:? *{_NUMBER} *(?:→|->|to) *{_NUMBER}", re.IGNORECASE)
_RATIO = re.compile(rf"\b(?:autosens|sensitivity|dynamic)[ _]ratio:? *{_NUMBER}", re.IGNORECASE)
_SAID = re.compile(r"\bdynamic[ _]?isf(?:/cr)?\b(?!:? *(?:off|no|false|disabled))", re.IGNORECASE)


def dynamic_isf(
    treatments: Iterable[Any],
    zone: str,
    window_ms: tuple[float, float],
    isfs_at: Callable[[float], Sequence[float]],
) -> list[Doubt]:
    """A doubt where most doses of most days that tell their ISF took another than the profile's.

    It has no dates: where it is on it is on every day, also on those whose doses do not tell, and leaving some days
    out must not silence it.

    Args:
        treatments: as loaded.
        zone: the person's.
        window_ms: the first and last instant of the data.
        isfs_at: the profile's ISF at an instant, in mg/dL/U: one that is right is enough. None where it is unknown.
    """
    told: dict[date, list[bool]] = defaultdict(list)
    for record in treatments:
        if not isinstance(record, dict) or is_deleted(record):
            continue
        at = instant_ms(record.get("created_at"), zone)
        if at is None or not window_ms[0] <= at[0] <= window_ms[1]:
            continue
        differs = _differs(record, isfs_at(at[0]))
        if differs is not None:
            told[day_of(at[0], zone).date].append(differs)
    days = sorted(day for day, doses in told.items() if sum(doses) > MOST * len(doses))
    if len(told) < LEAST_DAYS or len(days) <= MOST * len(told):
        return []
    words = to_translate(
        "On {days_differing:.0f} of the {days_told:.0f} days on which doses tell it ({dates}), most were calculated "
        "with an ISF more than {differs_percent:.0f} % from the profile's: it looks like dynamic ISF or autosens, or "
        "like a profile that is not among the data. Upstream knows the profile's only, and a system that goes on with "
        "its own does not dose by a tuned one: set ISF there."
    )
    counted = {"days_differing": len(days), "days_told": len(told), "differs_percent": 100 * DIFFERS}
    return [amber_doubt(DYNAMIC_ISF, words, dates=days_said(days), **counted)]


def _differs(record: Record, isfs: Sequence[float]) -> bool | None:
    """Whether the ISF of a record differs from the profile's; `None` where nothing tells."""
    result = record.get("bolusCalculatorResult")
    parsed = json_value(result) if isinstance(result, str) else result
    used = number_or_none(parsed.get("isf")) if isinstance(parsed, dict) else None
    if used is not None and used > 0:
        return all(_apart(used, isf) for isf in isfs) if isfs else None
    for text in (record.get("reason"), record.get("notes")):
        if isinstance(text, str) and (said := _told_by(text)) is not None:
            return said
    return None


def _told_by(text: str) -> bool | None:
    if found := _FROM_TO.search(text):
        before, after = (float(number.replace(",", ".")) for number in found.groups())
        return _apart(after, before)
    if found := _RATIO.search(text):
        ratio = float(found.group(1).replace(",", "."))
        return _apart(1 / ratio, 1.0) if ratio > 0 else None
    return True if _SAID.search(text) else None


def _apart(used: float, isf: float) -> bool:
    return abs(used - isf) > DIFFERS * isf * (1 + _NEARLY)
