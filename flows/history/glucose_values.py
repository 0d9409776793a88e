"""One reading's value: which of a record's fields holds it, what upstream takes of it, and what was a low all the same.

The only place that knows these; every reader of glucose in this project asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.values.numbers import NotANumber, number, number_or_zero

# oref0@0.7.1 lib/autotune-prep/categorize.js leaves out what is lower.
LOWEST_MGDL = 39
# Dexcom's codes, as cgm-remote-monitor lib/plugins/errorcodes.js and xDrip+ name them: whole numbers up to 12. What is
# above them and below 39 both show as a low.
HIGHEST_ERROR_CODE = 12
HIGHEST_CODE_MMOLL = 0.7  # the same, from an uploader that divides by 18 whatever the sensor says
BELOW_RANGE_TEXTS, ABOVE_RANGE_TEXTS = ("LOW", "LO"), ("HIGH", "HI")
BELOW_RANGE_MGDL = LOWEST_MGDL - 1  # for a text without a number: one below what any sensor shows
ABOVE_RANGE_MGDL = 401  # and one above


def upstream_value(record: Mapping[str, Any]) -> float:
    """The number upstream takes from a record, in the record's own unit; 0 where there is none."""
    # lib/autotune-prep/categorize.js: `obj.glucose || obj.sgv`
    return number_or_zero(record.get("glucose") or record.get("sgv"))


def upstream_mgdl(record: Mapping[str, Any]) -> float | None:
    """The reading upstream tunes from, in mg/dL; `None` where it leaves the record out."""
    value = upstream_value(record)
    return value if value >= LOWEST_MGDL else None


def value_field(record: Mapping[str, Any]) -> str:
    """The field that holds a reading's value: `sgv`, the sensor's value in Nightscout's schema, where it holds one.

    `glucose` beside it is a copy that Trio and iAPS add.
    """
    if _is_given(record.get("sgv")) or "glucose" not in record:
        return "sgv"
    return "glucose" if _is_given(record["glucose"]) or record.get("sgv") is None else "sgv"


def other_field(field: str) -> str:
    """The field beside that one."""
    return "glucose" if field == "sgv" else "sgv"


def is_below_range(value: Any) -> bool:
    """Whether a value is the text that sensors write below what they can measure."""
    return isinstance(value, str) and value.strip().upper() in BELOW_RANGE_TEXTS


def is_above_range(value: Any) -> bool:
    """Whether a value is the text that sensors write above what they can measure."""
    return isinstance(value, str) and value.strip().upper() in ABOVE_RANGE_TEXTS


def is_error_code(value: float) -> bool:
    """Whether a number is one of a sensor's error codes, and no glucose."""
    return value <= HIGHEST_ERROR_CODE and value == int(value)


def low_left_out_mgdl(value: Any) -> float | None:
    """The glucose that a value means which upstream does not get but which was a low; `None` where it was none.

    One rule for all that judges safety: a text such as "LOW", and any number below 39 mg/dL that is no error code.

    Args:
        value: a reading's value, in mg/dL where it is a number.
    """
    if is_below_range(value):
        return BELOW_RANGE_MGDL
    try:
        mgdl = number(value)
    except NotANumber:
        return None
    if mgdl is None or not 0 < mgdl < LOWEST_MGDL or is_error_code(mgdl):
        return None
    return mgdl


def _is_given(value: Any) -> bool:
    # As upstream's `||`: null, an empty text and 0 are no value.
    if type(value) in (int, float):
        return bool(value)
    try:
        return number(value) not in (None, 0)
    except NotANumber:
        return True
