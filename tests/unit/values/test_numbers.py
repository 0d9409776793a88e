"""Numbers as uploaders write them: read where the text can mean one number only."""

from __future__ import annotations

from typing import Any

import pytest

from flows.values.numbers import NotANumber, number, number_or_none

READ: list[tuple[Any, float]] = [
    (5, 5),
    ("5", 5),
    (" 2.5 ", 2.5),
    ("2,5", 2.5),
    ("2,0", 2),
    ("-0,35", -0.35),
    ("12,25", 12.25),
    ("0,500", 0.5),
    ("00,125", 0.125),
    ("1,2345", 1.2345),
]
GARBAGE: list[Any] = [
    *("5 U", "1,500", "12,345", "1,2,3", "1.234,5", ",5", "5,", "1,5 U", "nan", "inf", "0x10", "1_000", "1e999"),
    *(float("nan"), float("inf"), True, [], {}, 10**400, "9" * 400),
]


@pytest.mark.parametrize(("written", "meant"), READ, ids=str)
def test_a_number_is_read_with_the_mark_it_can_only_have(written: Any, meant: float) -> None:
    assert number(written) == meant
    assert number_or_none(written) == meant


@pytest.mark.parametrize("written", GARBAGE, ids=lambda value: str(value)[:12])
def test_what_may_mean_something_else_is_no_number(written: Any) -> None:
    with pytest.raises(NotANumber):
        number(written)
    assert number_or_none(written) is None


@pytest.mark.parametrize("missing", [None, "", "  "])
def test_an_empty_field_is_a_missing_number(missing: Any) -> None:
    assert number(missing) is None
