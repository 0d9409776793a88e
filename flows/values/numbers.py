"""Numbers as uploaders write them: strict, so that text which is not a number is never taken for one."""

from __future__ import annotations

import re
import sys
from typing import Any

_NUMERIC_TEXT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
# A comma before exactly three digits may part thousands, "1,500"; after a zero, "0,500", and elsewhere it cannot.
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d+,(?!\d{3}$)\d+|0+,\d{3})")


class NotANumber(ValueError):
    """A field holds something that is neither a number nor missing."""


def number(value: Any) -> float | None:
    """The number a field holds; `None` where it is missing (`null`, an empty text).

    A phone that writes `"2,5"` means 2.5: a comma is read where it can only be a decimal mark.

    Raises:
        NotANumber: for anything else, such as `"5 U"`, `"1,500"`, NaN, a list, an integer of 400 digits.
    """
    if type(value) is float or type(value) is int:  # nearly always: the rest of the way is for what else there is
        if abs(value) <= sys.float_info.max:
            return value
        raise NotANumber
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        value = float(text) if _NUMERIC_TEXT.fullmatch(text) else value
    if value is None:
        return None
    # Neither NaN nor infinite, nor an integer of more than 308 digits, which no float can hold.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise NotANumber
    return value


def number_or_zero(value: Any) -> float:
    """As `number`, with 0 for what is missing or not a number: for adding up books, where garbage counts nothing."""
    try:
        return number(value) or 0.0
    except NotANumber:
        return 0.0


def number_or_none(value: Any) -> float | None:
    """As `number`, always a float, and `None` also for what is not a number."""
    try:
        found = number(value)
    except NotANumber:
        return None
    return None if found is None else float(found)
