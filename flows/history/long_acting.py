"""Long-acting insulin of a pen among the boluses: it is what the profile's basal stands for, and no bolus.

Known by its words it is left out. Known by its pattern alone, one large equal dose a day at one hour and no carbs, it
is only named: nobody can know it from that.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from flows.history.doubts import LONG_ACTING, Doubt, amber_doubt
from flows.history.records import Changed, Context, Dropped, Quarantined, RecordVerdict, bolus_u, carbs_g
from flows.history.temp_basals import is_temp_basal
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record
from flows.values.local_days import day_of
from flows.values.numbers import number_or_zero
from flows.values.timestamps import instant_ms
from flows.values.units import HOURS_PER_DAY, MINUTE_MS

_INSULINS = (
    r"lantus|toujeo|levemir|tresiba|a?basaglar|semglee|rezvoglar|awiqli|icodec|suliqua|soliqua|xultophy|insulatard"
    r"|glargine?|degludec|detemir|protaphane?|huminsulin basal|insuman basal|(?:humulin|novolin) [ni]|nph|isophane"
)
_INSULIN = re.compile(rf"\b(?:{_INSULINS})\b", re.IGNORECASE)
_LONG_ACTING = re.compile(rf"\b(?:{_INSULINS}|basal|long[- ]?acting)\b", re.IGNORECASE)
# A note of a few words that names the insulin is the dose's own; a sentence may be about another dose.
WORDS_OF_A_LABEL = 4
_NOT_THIS_DOSE = re.compile(r"\b(?:no|not|forgot\w*|missed|without|instead|late|kein\w*|ohne|statt|vergessen)\b", re.I)
REASON = "long-acting insulin, which the profile's basal stands for"

LEAST_DOSE_U = 3.0
SAME_DOSE_U = 0.051  # a pen's step is 0.5 or 1 U
LEAST_DAYS = 3
LEAST_SHARE = 0.6  # of the days: a dose may be forgotten, or entered elsewhere
SAME_HOUR_H = 1.5
NO_CARBS_WITHIN_MIN = 60
LARGER_THAN_OTHERS = 1.5  # times the median of the other boluses
EQUAL_DOSE = to_translate(
    "On {days_with_dose:.0f} of {days:.0f} days one equal dose without carbs was given at about the same hour, larger "
    "than the other boluses: if it is long-acting insulin, which the profile's basal is, write its name into the notes."
)


def is_long_acting(name: str) -> bool:
    """Whether an insulin's name, or an event's type, is of long-acting insulin."""
    return bool(_LONG_ACTING.search(name))


def long_acting_is_no_bolus(record: Record, _: Context) -> RecordVerdict:
    """A pen's long-acting dose is basal insulin: AAPS marks it, xDrip+ and people name it, each in its own field."""
    insulin = bolus_u(record)
    if insulin <= 0 or is_temp_basal(record):
        return None
    named = (record.get("eventType"), record.get("insulinType"))
    if record.get("isBasalInsulin") is True or any(isinstance(n, str) and is_long_acting(n) for n in named):
        return _without_insulin(record)
    long_acting = sum(units for name, units in injections(record) if is_long_acting(name))
    if long_acting > 0:
        rest = round(insulin - long_acting, 3)
        return Changed({**record, "insulin": rest}, f"without its {REASON}") if rest > 0 else _without_insulin(record)
    note = record.get("notes")
    if not isinstance(note, str) or carbs_g(record) > 0 or not _INSULIN.search(note):
        return None
    if len(re.findall(r"[^\W\d_]{2,}", note)) <= WORDS_OF_A_LABEL and not _NOT_THIS_DOSE.search(note):
        return _without_insulin(record)
    return Quarantined("a bolus with a note about long-acting insulin: which of the two it was cannot be known")


def injections(record: Record) -> list[tuple[str, float]]:
    """Each insulin that xDrip+ adds up in one record, with its units."""
    value: Any = record.get("insulinInjections")  # a JSON text: [{"insulin": "Novorapid", "units": 5}, ...]
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    if not isinstance(value, list):
        return []
    return [(str(i.get("insulin") or ""), number_or_zero(i.get("units"))) for i in value if isinstance(i, dict)]


def _without_insulin(record: Record) -> RecordVerdict:
    return Changed({**record, "insulin": None}, REASON) if carbs_g(record) > 0 else Dropped(REASON)


def long_acting_pattern(treatments: Sequence[Record], zone: str) -> list[Doubt]:
    """A doubt where one equal dose a day, larger than the other boluses, comes at one hour without carbs.

    Args:
        treatments: normalised.
        zone: the person's.
    """
    if any(is_temp_basal(t) for t in treatments):
        return []  # a pump gives the basal
    doses = [(_at(t), bolus_u(t)) for t in treatments if bolus_u(t) > 0]
    meals = [_at(t) for t in treatments if carbs_g(t) > 0]
    alone = [
        (ms, units)
        for ms, units in doses
        if units >= LEAST_DOSE_U and not any(abs(ms - m) <= NO_CARBS_WITHIN_MIN * MINUTE_MS for m in meals)
    ]
    days = len({day_of(ms, zone).date for ms, _ in doses})
    by_dose: dict[float, list[float]] = defaultdict(list)
    for ms, units in alone:
        same = next((u for u in by_dose if abs(u - units) <= SAME_DOSE_U), units)
        by_dose[same].append(ms)
    for units, instants in by_dose.items():
        taken = [i for i in instants if _is_at_one_hour(i, instants, zone)]
        on = {day_of(ms, zone).date for ms in taken}
        others = [u for _, u in doses if abs(u - units) > SAME_DOSE_U]
        if (
            len(on) >= max(LEAST_DAYS, LEAST_SHARE * days)
            and len(taken) == len(on)
            and (not others or units >= LARGER_THAN_OTHERS * median(others))
        ):
            return [
                amber_doubt(
                    LONG_ACTING,
                    EQUAL_DOSE,
                    days_with_dose=len(on),
                    days=days,
                )
            ]
    return []


def _is_at_one_hour(ms: float, instants: Iterable[float], zone: str) -> bool:
    middle = median(sorted(_hour(i, ms, zone) for i in instants))
    return abs(middle) <= SAME_HOUR_H


def _hour(ms: float, beside_ms: float, zone: str) -> float:
    """Hours of the clock by which an instant is later than another, from -12 to 12."""
    clock = [datetime.fromtimestamp(x / 1000, ZoneInfo(zone)) for x in (ms, beside_ms)]
    ahead = (clock[0].hour - clock[1].hour) + (clock[0].minute - clock[1].minute) / 60
    return (ahead + HOURS_PER_DAY / 2) % HOURS_PER_DAY - HOURS_PER_DAY / 2


def _at(treatment: Record) -> float:
    found = instant_ms(treatment["created_at"], "UTC")
    assert found is not None  # rule `created_at` let it through
    return found[0]
