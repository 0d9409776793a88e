"""Which switches and documents count, at the very instants at which one begins to."""

from __future__ import annotations

from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.profiles.active_in_data import ActiveProfiles, _some
from flows.profiles.timeline import same_settings, scaled
from flows.values.local_days import LocalDay, day_of
from flows.values.timestamps import iso_utc
from tests.unit.profiles.test_active_in_data import (
    END,
    HOUR,
    START,
    ZONE,
    aaps,
    asked,
    body,
    document,
    ms,
    seen,
    switch,
)

OLDER = "is older than the newest profile document"


def said(active: ActiveProfiles, part: str) -> bool:
    return any(part in warning for warning in active.warnings)


def refused(*arguments: Any) -> Refused | None:
    try:
        asked(*arguments)
    except Refused as refusal:
        return refusal
    return None


@pytest.mark.parametrize(("name", "is_found"), [("Phone", True), ("active", True), (None, True), ("Other", False)])
def test_without_a_document_only_the_switch_s_own_name_is_found(name: str | None, is_found: bool) -> None:
    refusal = refused([], [aaps("09T00:00")], name)
    assert (refusal is None) if is_found else (refusal is not None and refusal.reason is Reason.PROFILE_NOT_FOUND)


NO_DEFAULT = document(defaultProfile="Gone")
UNREADABLE = aaps("09T00:00", percentage=5)


@pytest.mark.parametrize(
    ("treatments", "name", "is_found"),
    [
        ([switch("09T00:00")], None, True),
        ([switch("09T00:00")], "Nobody", False),
        ([], None, False),
        ([UNREADABLE], None, False),
    ],
)
def test_a_switch_stands_in_for_a_missing_default_alone(
    treatments: list[Any], name: str | None, is_found: bool
) -> None:
    refusal = refused([NO_DEFAULT], treatments, name)
    assert (refusal is None) if is_found else (refusal is not None and refusal.reason is Reason.PROFILE_NOT_FOUND)


def test_a_switch_that_cannot_be_used_is_refused_with_the_reason() -> None:
    refusal = refused([document()], [UNREADABLE], "active")
    assert refusal is not None and refusal.reason is Reason.PROFILE_SWITCH_UNREADABLE
    assert "percentage" in refusal.sentence


@pytest.mark.parametrize(
    ("start", "treatments", "is_said"),
    [
        ("08T00:00", [aaps("05T00:00")], True),
        ("08T00:00", [aaps("05T00:00", enteredBy="careportal", originalProfileName=None)], False),
        ("08T00:00", [aaps("05T00:00", duration=60_000_000, durationInMilliseconds=60_000_000)], False),
        ("08T00:00", [aaps("05T00:00", percentage=5)], False),
        ("08T00:00", [switch("08T00:00", "Gone", enteredBy="openaps://AndroidAPS")], False),
        ("08T00:00", [aaps("14T00:00")], False),
        ("13T00:00", [aaps("05T00:00")], True),  # the document begins as the data end
    ],
)
def test_only_a_permanent_switch_of_aaps_before_the_document_is_said_to_be_older(
    start: str, treatments: list[Any], is_said: bool
) -> None:
    assert said(asked([document(start)], treatments), OLDER) is is_said


@pytest.mark.parametrize(
    ("before", "after", "is_said"),
    [(ZONE, ZONE, False), (ZONE, None, False), (None, ZONE, False), (ZONE, "Europe/Lisbon", True)],
)
def test_a_change_of_zone_needs_two_zones(before: str | None, after: str | None, is_said: bool) -> None:
    documents = [
        document(store={"Day": body(timezone=before)}),
        document("11T06:00", {"Day": body(1.2, timezone=after)}),
    ]
    assert said(asked(documents), "time zone changed") is is_said


@pytest.mark.parametrize(
    ("at", "minutes", "is_said"),
    [
        ("13T00:00", 0, True),  # the end of the data
        ("13T00:01", 0, False),
        ("09T23:00", 60, True),  # it ends where the data begin
        ("09T22:59", 60, False),
        ("11T00:00", 60, True),
    ],
)
def test_a_switch_that_cannot_be_used_is_named_where_it_touches_the_data(at: str, minutes: int, is_said: bool) -> None:
    found = asked([document()], [switch(at, "Gone", duration=minutes)])
    assert said(found, "which is in no profile document") is is_said


@pytest.mark.parametrize(
    ("start", "minutes", "hours"),
    [
        ("11T00:00", 120, {"2026-05-10": 2.0}),  # until 04:00 in Paris
        ("11T00:00", 121, {"2026-05-10": 2.0, "2026-05-11": 0.017}),
        ("11T03:00", 20, {"2026-05-11": 0.333}),
    ],
)
def test_hours_of_another_profile_are_counted_day_by_day(start: str, minutes: int, hours: dict[str, float]) -> None:
    assert asked([document()], [switch(start, duration=minutes)]).other_profile_hours == hours


def test_a_switch_at_the_end_of_the_data_is_no_part_of_it() -> None:
    assert [name for _, name, *_ in seen(asked([document()], [switch("13T00:00")]))] == ["Day"]


def test_of_an_empty_window_the_profile_from_its_instant_on_is_the_one() -> None:
    at = ms("11T06:00")
    switches = [switch("11T06:00"), switch("11T07:00", "Day")]
    found = asked([document()], switches, window_start_ms=at, window_end_ms=at)
    assert [(s.name, s.start_ms, s.end_ms) for s in found.spans] == [("Ill", at, at)]


@pytest.mark.parametrize(("count", "more"), [(4, ""), (5, ""), (6, " and 1 more"), (8, " and 3 more")])
def test_a_warning_names_five_and_counts_the_rest(count: int, more: str) -> None:
    assert _some(["x"] * count) == ", ".join(["x"] * min(count, 5)) + more


@pytest.mark.parametrize(
    ("minutes", "hours"), [(-60, 0.0), (0, 0.0), (1, 0.02), (80, 1.33), (1440, 24.0), (1500, 24.0)]
)
def test_hours_before_the_oldest_document_are_unknown(minutes: float, hours: float) -> None:
    day: LocalDay = day_of(START + 12 * HOUR, ZONE)
    at = day.glucose.start_ms + minutes * HOUR / 60
    found = asked([document(startDate=iso_utc(at))], window_start_ms=START, window_end_ms=END)
    assert found.known_from_ms == at
    assert found.unknown_hours(day) == hours


@pytest.mark.parametrize(("hours", "is_known"), [(47.5, True), (48.5, False), (-47.5, True), (-48.5, False)])
def test_rates_are_known_two_days_around_the_data(hours: float, is_known: bool) -> None:
    at = (END if hours > 0 else START) + hours * HOUR
    found = asked([document()], [{**switch("01T00:00"), "created_at": iso_utc(at)}])
    begun = [span.start_ms for span in found.timeline]
    assert (at in begun) is is_known


def test_a_profile_scaled_by_nothing_is_the_same() -> None:
    tuned = asked([document()]).profile
    assert same_settings(scaled(tuned, 100), tuned)
    assert not same_settings(scaled(tuned, 101), tuned)
    assert scaled(tuned, 50).isf_mgdl_per_u.at(0) == 100.0
