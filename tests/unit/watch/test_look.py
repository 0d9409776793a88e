"""What is told, to whom it concerns, and when: over nights, restarts and a server that is away."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from flows.errors import Reason
from flows.watch import words
from flows.watch.look import COUNTED, UNREACHABLE_FOR, look, remembering
from flows.watch.memory import Memory
from flows.watch.nights import Expected
from flows.watch.results import RunResult
from tests.unit.watch.runs import ADA, BEN, at, refused, result

DUE = tuple(at(f"11-{day} 02:00") for day in range(20, 31))
EXPECTED = [Expected(ADA, "UTC", DUE)]


class Nights:
    """Looks one after the other, each with what the one before remembered, as after a restart."""

    def __init__(self, *expected: Expected) -> None:
        self.memory, self.results, self.expected = Memory(runs=[]), list[RunResult](), expected or tuple(EXPECTED)

    def look(self, now: str, *new: RunResult, reachable: bool = True, moment: datetime | None = None) -> list[str]:
        self.results = sorted([*self.results, *new], key=lambda r: r.at)
        kept = Memory.model_validate_json(self.memory.model_dump_json())
        told, self.memory = look(self.results, self.expected if reachable else None, kept, moment or at(now))
        return [notice.title.removeprefix("Autotune: ") for notice in told]


def test_a_bad_week_is_told_once_a_day_and_once_when_it_is_good_again() -> None:
    nights = Nights(Expected(ADA, "UTC", DUE[4:]))
    assert nights.look("11-24 03:00", result("11-24 02:04")) == ["a proposal is ready for ada"]
    assert nights.look("11-24 03:03") == []
    assert nights.look("11-25 02:02", refused("11-25 02:00")) == ["no result for ada since Tuesday"]
    assert nights.look("11-25 02:05") == []
    assert nights.look("11-25 12:00", refused("11-25 11:59")) == []  # tried again by hand: told already today
    assert nights.look("11-26 04:59") == []
    assert nights.look("11-26 05:00") == ["no result for ada since Tuesday"]
    assert nights.look("11-26 23:59") == []
    assert nights.look("11-27 02:10", result("11-27 02:05")) == ["ada has a result again"]
    assert nights.look("11-28 02:10", result("11-28 02:05")) == ["a proposal is ready for ada"]


def test_what_was_missed_while_it_was_off_is_told_at_the_start_in_one_notice() -> None:
    nights = Nights()
    nights.look("11-24 03:00", result("11-24 02:04"))
    told, _ = look(nights.results, nights.expected, nights.memory, at("11-28 09:00"))
    (notice,) = told
    assert notice.title == "Autotune: no result for ada since Tuesday"
    assert "(4 nights missed)" in notice.text
    assert nights.look("11-28 09:00", result("11-28 08:00")) == ["a proposal is ready for ada"]


def test_at_most_once_a_day_also_where_a_night_was_told_late() -> None:
    nights = Nights()
    nights.look("11-20 01:00", result("11-19 02:04"))
    assert nights.look("11-21 00:30") == ["no result for ada since Thursday"]  # the machine was off
    assert nights.look("11-21 02:01", refused("11-21 02:00")) == []
    assert nights.look("11-22 00:01") == ["no result for ada since Thursday"]


def test_a_schedule_that_is_changed_forgives_no_missed_night() -> None:
    nights = Nights()
    nights.look("11-24 03:00", result("11-24 02:04"))
    assert nights.look("11-26 05:00") == ["no result for ada since Tuesday"]
    nights.expected = (Expected(ADA, "UTC", tuple(moment + timedelta(hours=3) for moment in DUE[7:])),)
    nights.look("11-26 05:03")
    told, _ = look(nights.results, nights.expected, nights.memory, at("11-27 08:00"))
    assert "(3 nights missed)" in told[0].text
    nights.expected = ()  # switched off: nobody is expected, and nothing of it is kept
    assert nights.look("11-27 08:00") == []
    assert nights.memory.expected == []


def test_nights_are_counted_for_a_month() -> None:
    nights = Nights()
    nights.look("11-20 01:00")
    for days, count in ((COUNTED - timedelta(seconds=1), 1), (COUNTED + timedelta(seconds=1), 0)):
        later = [Expected(ADA, "UTC", ())]
        (kept,) = remembering(later, nights.memory.model_copy(deep=True), DUE[0] + days)
        assert kept.due.count(DUE[0]) == count


def test_people_are_told_of_one_by_one() -> None:
    nights = Nights(*EXPECTED, Expected(BEN, "UTC", DUE))
    nights.look("11-19 12:00")
    assert nights.look("11-20 03:00", result("11-20 02:04"), refused("11-20 02:00", person=BEN)) == [
        "no result for ben yet",
        "a proposal is ready for ada",
    ]


def test_a_run_that_no_schedule_asked_for_is_told_too() -> None:
    nights = Nights()
    nights.expected = ()
    assert nights.look("11-24 10:00", refused("11-24 09:59")) == ["no recommendation for ada"]
    assert nights.look("11-24 11:00", refused("11-24 10:59")) == []
    assert nights.look("11-25 00:00", refused("11-25 00:00")) == ["no recommendation for ada"]
    assert nights.look("11-25 10:00", result("11-25 09:59", take_back=True)) == [
        "take the last step back, to be safe (ada)"
    ]


def test_the_first_look_of_all_tells_no_old_run_and_what_is_missed() -> None:
    old = [result("11-18 02:00"), refused("11-19 02:00", person=BEN)]
    told, memory = look(old, EXPECTED, Memory(), at("11-20 01:00"))
    assert told == []
    assert memory.runs == [run.run for run in old]
    told, _ = look(old, EXPECTED, Memory(), at("11-20 05:00"))
    assert [notice.title for notice in told] == ["Autotune: no result for ada since Wednesday"]


def test_the_service_that_does_not_answer_is_told_after_a_while_and_nights_are_judged_all_the_same() -> None:
    nights = Nights()
    nights.look("11-24 03:00", result("11-24 02:04"))
    began = at("11-24 10:00")
    assert nights.look("", reachable=False, moment=began) == []
    assert nights.look("", reachable=False, moment=began + UNREACHABLE_FOR - timedelta(seconds=1)) == []
    assert nights.look("", reachable=False, moment=began + UNREACHABLE_FOR) == ["the service cannot be reached"]
    assert nights.look("11-24 23:00", reachable=False) == []
    assert nights.look("11-25 05:00", reachable=False) == [
        "the service cannot be reached",
        "no result for ada since Tuesday",
    ]
    assert nights.look("11-25 05:03") == ["the service can be reached again"]
    assert nights.look("11-25 05:06") == []


def test_without_a_server_from_the_start_the_runs_show_who_has_nights() -> None:
    nights = Nights()
    nights.look("11-23 03:00", result("11-23 02:04"), result("11-24 02:04"), reachable=False)
    assert "no result for ada since Tuesday" in nights.look("11-25 05:04", reachable=False)


def test_no_sentence_of_a_refusal_gets_into_a_notice() -> None:
    for reason in Reason:
        said = words.why_refused(reason.code)
        assert reason.value[0] not in said
        assert not any(character in "{}0123456789" for character in said.replace(reason.code, "")), reason
    assert words.why_refused("site_unauthorized") == "the site refused the token"
    assert words.why_refused("highs") == "the run was refused"


def test_a_code_that_is_none_is_not_repeated() -> None:
    assert words.why_refused("https://canary.example") == "the run was refused"
    assert words.why_refused("") == words.OUR_FAULT


@pytest.mark.parametrize(
    ("last", "missed", "since"), [("11-24", "11-30", "since Tuesday"), ("11-23", "11-30", "since 2026-11-23")]
)
def test_a_weekday_is_said_within_a_week(last: str, missed: str, since: str) -> None:
    night = at(f"{missed} 00:00").date()
    assert since in words.no_result("ada", (night,), at(f"{last} 02:00"), "UTC", "x").title
