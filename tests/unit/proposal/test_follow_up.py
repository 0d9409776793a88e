"""Whether a step helped: what takes it back, just below and just above, and where nothing is judged."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from flows.history.glucose_by_day import GlucoseDay
from flows.proposal.follow_up import follow_up
from flows.proposal.step_document import FollowUpVerdict

STEP = date(2026, 5, 15)
FIRST = STEP + timedelta(days=1)


def day(
    at: date, below_70: float = 2.0, below_54: float = 0.3, in_range: float = 75.0, readings: int = 1000
) -> GlucoseDay:
    low, very_low, within = (round(readings * share / 100) for share in (below_70, below_54, in_range))
    return GlucoseDay(str(at), readings, very_low, low, within, readings - low - within)


def days(count: int, before: int = 14, **after: float) -> list[GlucoseDay]:
    was = [day(STEP - timedelta(days=n)) for n in range(1, before + 1)]
    return [*was, day(STEP, 50.0), *(day(FIRST + timedelta(days=n), **after) for n in range(count))]


@pytest.mark.parametrize(
    ("after", "reasons"),
    [
        ({"below_70": 3.0}, []),
        ({"below_70": 3.1}, ["below_70"]),
        ({"below_70": 3.1, "below_54": 0.8}, ["below_70"]),
        ({"below_54": 1.0}, []),
        ({"below_54": 1.1}, ["below_54"]),
        ({"in_range": 71.1}, []),
        ({"in_range": 71.0}, ["in_range"]),
        ({"below_70": 9.0, "below_54": 3.0, "in_range": 60.0}, ["below_70", "below_54", "in_range"]),
    ],
)
def test_a_step_is_taken_back_where_glucose_got_worse(after: dict[str, float], reasons: list[str]) -> None:
    found = follow_up(days(7, **after), FIRST, FIRST + timedelta(days=6))
    assert list(found.reasons) == reasons
    assert (found.verdict is FollowUpVerdict.TAKE_BACK) is bool(reasons)
    assert (found.taken_on, found.days_since, found.weekdays_paired) == ("2026-05-15", 7, 7)


@pytest.mark.parametrize(
    ("does", "after", "reasons"),
    [
        ("takes", {"below_70": 9.0, "below_54": 3.0, "in_range": 69.0}, ()),
        ("adds", {"below_70": 9.0, "in_range": 69.0}, ("below_70", "in_range")),
        ("adds", {"below_70": 2.0, "in_range": 60.0}, ()),
        ("takes", {"below_70": 2.0, "in_range": 60.0}, ("in_range",)),
    ],
)
def test_a_step_is_blamed_for_its_own_side_alone(does: str, after: dict[str, float], reasons: tuple[str, ...]) -> None:
    sides = {"adds_insulin": does == "adds", "takes_insulin": does == "takes"}
    found = follow_up(days(7, **after), FIRST, FIRST + timedelta(days=6), **sides)
    assert found.reasons == reasons


def test_few_lows_may_become_a_few_more() -> None:
    was = [day(STEP - timedelta(days=n), 0.5) for n in range(1, 15)]
    later = [day(FIRST + timedelta(days=n), 2.0) for n in range(7)]
    assert not follow_up([*was, *later], FIRST, FIRST + timedelta(days=6)).reasons
    later = [day(FIRST + timedelta(days=n), 2.1) for n in range(7)]
    assert follow_up([*was, *later], FIRST, FIRST + timedelta(days=6)).reasons == ("below_70",)


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ({"in_range": 78.9}, FollowUpVerdict.UNCLEAR),
        ({"in_range": 79.0}, FollowUpVerdict.BETTER),
        ({"below_70": 1.0}, FollowUpVerdict.UNCLEAR),
        ({"below_70": 0.9}, FollowUpVerdict.BETTER),
    ],
)
def test_better_or_unclear_is_said_too(after: dict[str, float], verdict: FollowUpVerdict) -> None:
    assert follow_up(days(7, **after), FIRST, FIRST + timedelta(days=6)).verdict is verdict


@pytest.mark.parametrize(("before", "after", "known"), [(14, 3, False), (14, 4, True), (3, 7, False), (4, 7, True)])
def test_where_days_are_missing_nothing_is_judged(before: int, after: int, known: bool) -> None:
    found = follow_up(days(after, before, below_70=20.0), FIRST, FIRST + timedelta(days=6))
    assert (found.verdict is not FollowUpVerdict.NOT_KNOWN) is known
    assert (found.before is not None) is known


@pytest.mark.parametrize(("readings", "counts"), [(699, False), (700, True)])
def test_a_day_with_gaps_does_not_count(readings: int, counts: bool) -> None:
    made = [*days(6), day(FIRST + timedelta(days=6), readings=readings)]
    assert follow_up(made, FIRST, FIRST + timedelta(days=6)).weekdays_paired == 6 + counts


def test_only_weekdays_of_both_sides_are_compared() -> None:
    weekend = [day(at, 30.0) for n in range(1, 15) if (at := STEP - timedelta(days=n)).weekday() >= 5]
    week = [day(at) for n in range(1, 15) if (at := STEP - timedelta(days=n)).weekday() < 5]
    later = [day(at) for n in range(7) if (at := FIRST + timedelta(days=n)).weekday() < 5]
    found = follow_up([*weekend, *week, *later], FIRST, FIRST + timedelta(days=6))
    assert found.before is not None
    assert found.after is not None
    assert found.before == found.after.model_copy(update={"days": 10})


def test_the_second_week_counts_with_the_first_and_no_third_does() -> None:
    made = [*days(14), *(day(FIRST + timedelta(days=n), 90.0) for n in range(14, 21))]
    assert follow_up(made, FIRST, FIRST + timedelta(days=20)).verdict is FollowUpVerdict.UNCLEAR
