"""Which nights count as missed: by local dates, for each person, from how runs ended."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flows.watch.nights import CLOCKS_DIFFER, PATIENCE, REMEMBERED, Expected, from_runs, merged, standing
from flows.watch.results import RunResult
from flows.watch.words import NOT_ENDED
from tests.unit.watch.runs import ADA, BEN, at, refused, result

DUE = tuple(at(f"11-{day} 02:00") for day in range(20, 31))
EXPECTED = Expected(ADA, "UTC", DUE)


def missed(results: list[RunResult], now: str, expected: Expected = EXPECTED) -> list[str]:
    found = standing(expected, sorted(results, key=lambda r: r.at), at(now))
    return [f"{night:%m-%d}" for night in found.missed]


@pytest.mark.parametrize(
    ("results", "now", "nights"),
    [
        # A night with its proposal; before the next is due, and while it may still come.
        ([result("11-24 02:05")], "11-24 12:00", []),
        ([result("11-24 02:05")], "11-25 01:59", []),
        ([result("11-24 02:05")], "11-25 04:59", []),
        ([result("11-24 02:05")], "11-25 05:00", ["11-25"]),
        # A run that ended without one is not waited for.
        ([result("11-24 02:05"), refused("11-25 02:00")], "11-25 02:01", ["11-25"]),
        ([result("11-24 02:05"), result("11-25 02:00", "failed")], "11-25 02:01", ["11-25"]),
        # Several nights; three failures of one night are one night.
        ([result("11-24 02:05")], "11-27 05:00", ["11-25", "11-26", "11-27"]),
        ([result("11-24 02:05"), *(refused(f"11-25 02:0{n}") for n in range(3))], "11-25 03:00", ["11-25"]),
        # By hand at noon: the night is good again, and only the next counts.
        ([result("11-24 02:05"), refused("11-25 02:00"), result("11-25 12:00")], "11-25 13:00", []),
        ([refused("11-25 02:00"), result("11-25 12:00"), refused("11-26 02:00")], "11-26 03:00", ["11-26"]),
        # A refusal by hand before a night is not that night's.
        ([result("11-24 02:05"), refused("11-24 20:00")], "11-25 03:00", []),
        # Never a proposal: counted from the first night that was due.
        ([], "11-22 06:00", ["11-20", "11-21", "11-22"]),
        # Another person's proposal helps nobody.
        ([result("11-24 02:05", person=BEN)], "11-20 06:00", ["11-20"]),
    ],
)
def test_nights_without_a_proposal_are_missed(results: list[RunResult], now: str, nights: list[str]) -> None:
    assert missed(results, now) == nights


def test_patience_and_clocks_just_below_and_above() -> None:
    due = DUE[0]
    for moment, count in ((due + PATIENCE - timedelta(seconds=1), 0), (due + PATIENCE, 1)):
        assert len(standing(EXPECTED, [], moment).missed) == count
    long = Expected(ADA, "UTC", DUE, PATIENCE + timedelta(minutes=60))
    assert not standing(long, [], due + PATIENCE).missed
    for early, count in ((CLOCKS_DIFFER, 0), (CLOCKS_DIFFER + timedelta(seconds=1), 1)):
        run = RunResult("r", ADA, due - early, "UTC", result("11-20 02:00").outcome)
        assert len(standing(EXPECTED, [run], due + PATIENCE).missed) == count
        ended = RunResult("r", ADA, due - early, "UTC", refused("11-20 02:00").outcome, "site_forbidden")
        assert len(standing(EXPECTED, [ended], due + timedelta(minutes=1)).missed) == 1 - count


def test_the_reason_is_that_of_the_last_night() -> None:
    early, late = refused("11-25 02:00", "site_unauthorized"), refused("11-26 02:00", "site_unreachable")
    assert "could not be reached" in standing(EXPECTED, [early, late], at("11-26 03:00")).why
    # The last night left nothing: what the server says of its run, else that none ended.
    said = Expected(ADA, "UTC", DUE, said={at("11-26 02:00"): "its run was cancelled"})
    assert standing(said, [early], at("11-26 06:00")).why == "its run was cancelled"
    assert standing(EXPECTED, [early], at("11-26 06:00")).why == NOT_ENDED


def test_runs_that_are_due_every_few_minutes_are_told_apart() -> None:
    due = [at("11-26 02:00") + timedelta(minutes=3 * n) for n in range(4)]
    often = Expected(ADA, "UTC", tuple(due))
    assert standing(often, [refused("11-26 02:03")], at("11-26 02:04")).missed
    assert not standing(often, [result("11-26 02:03"), refused("11-26 02:04")], at("11-26 02:05")).missed
    assert standing(often, [result("11-26 02:03"), refused("11-26 02:06")], at("11-26 02:07")).missed


def test_a_run_that_ended_without_a_word_is_not_waited_for() -> None:
    night = at("11-26 02:00")
    before = [result("11-25 02:05")]
    ended = Expected(ADA, "UTC", DUE, ended={night: "its run was cancelled"}, said={night: "not this"})
    found = standing(ended, before, at("11-26 02:01"))
    assert ([str(day) for day in found.missed], found.why) == (["2026-11-26"], "its run was cancelled")
    still = Expected(ADA, "UTC", DUE, said={night: "its run is still in progress"})
    assert not standing(still, before, at("11-26 02:01")).missed
    assert not standing(ended, [*before, result("11-26 02:30")], at("11-26 02:31")).missed


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Europe/Paris", "Pacific/Auckland", "Asia/Kathmandu"])
@pytest.mark.parametrize("first", [date(2026, 3, 6), date(2026, 3, 27), date(2026, 4, 3), date(2026, 10, 23)])
def test_each_date_is_one_night_in_every_zone_and_over_a_clock_change(zone: str, first: date) -> None:
    days = [first + timedelta(days=n) for n in range(5)]
    due = [datetime(d.year, d.month, d.day, 2, 30, tzinfo=ZoneInfo(zone)).astimezone(UTC) for d in days]
    expected = Expected(ADA, zone, tuple(due))
    assert list(standing(expected, [], due[-1] + PATIENCE).missed) == days
    proposal = RunResult("r", ADA, due[1] + timedelta(minutes=3), zone, result("11-20 02:00").outcome)
    assert list(standing(expected, [proposal], due[-1] + PATIENCE).missed) == days[2:]


def test_two_schedules_of_one_person_are_one_persons_nights() -> None:
    one = Expected(ADA, "UTC", DUE[:2], ended={DUE[1]: "b"}, said={DUE[0]: "a"})
    other = Expected(ADA, "Europe/Paris", (DUE[1] + timedelta(hours=1),), PATIENCE * 2)
    both = merged([one, Expected(BEN, "UTC", DUE), other])
    assert [e.person for e in both] == [ADA, BEN]
    assert (both[0].zone, both[0].patience) == ("UTC", PATIENCE * 2)
    assert (both[0].ended, both[0].said) == ({DUE[1]: "b"}, {DUE[0]: "a"})
    assert len(standing(both[0], [], at("11-22 01:00")).missed) == 2  # nights, and not runs


def test_runs_on_two_dates_in_a_row_show_who_has_nights() -> None:
    nightly = [result("11-24 02:05"), result("11-25 02:05")]
    now_and_then = [result("11-23 10:00", person=BEN), result("11-25 10:00", person=BEN)]
    (found,) = from_runs([*nightly, *now_and_then], at("11-25 12:00"))
    assert found.person == ADA
    assert found.due[0] == at("11-26 02:05")
    assert from_runs(nightly, at("11-25 02:05") + REMEMBERED)
    assert not from_runs(nightly, at("11-25 02:06") + REMEMBERED)
