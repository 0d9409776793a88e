"""Numbers as uploaders write them: strict, so that text which is not a number is never taken for one."""

from __future__ import annotations

import math
import re
from typing import Any

_NUMERIC_TEXT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class NotANumber(ValueError):
    """A field holds something that is neither a number nor missing."""


def number(value: Any) -> float | None:
    """The number a field holds; `None` where it is missing (`null`, an empty text).

    Raises:
        NotANumber: for anything else, such as `"5 U"`, `"1,5"`, NaN, a list, an integer of 400 digits.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str) and _NUMERIC_TEXT.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotANumber
    try:
        finite = math.isfinite(value)
    except OverflowError:  # an integer of more than 308 digits
        finite = False
    if not finite:
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
