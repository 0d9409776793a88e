"""Which profile was in force when: a table of cases for every rule, in invented people's switches."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import Reason, Refused
from flows.profiles.active_in_data import ActiveProfiles, basal_at, in_force
from flows.profiles.parse import profile_in
from flows.profiles.stored import stored_documents
from flows.profiles.switches import read_switches
from flows.profiles.timeline import ProfileSource, same_settings, scaled
from flows.values.local_days import LocalDay
from flows.values.schedule import Block, Schedule
from flows.values.timestamps import instant_ms, iso_utc

ZONE = "Europe/Paris"
HOUR = 3_600_000


def ms(text: str) -> float:
    """An instant of May 2026 by day and hour in UTC: `11T06:00`."""
    found = instant_ms(f"2026-05-{text}:00Z", "UTC")
    assert found
    return found[0]


START, END = ms("10T00:00"), ms("13T00:00")


def body(basal: float = 1.0, isf: float = 50, ratio: float = 10, **changes: Any) -> dict[str, Any]:
    """Two basal blocks, so that a time shift shows; glucose targets as every app writes them."""
    made = {
        "units": "mg/dl", "timezone": ZONE, "dia": 6,
        "basal": [{"time": "00:00", "value": basal}, {"time": "12:00", "value": 2 * basal}],
        "sens": [{"time": "00:00", "value": isf}], "carbratio": [{"time": "00:00", "value": ratio}],
        "target_low": [{"time": "00:00", "value": 100}], "target_high": [{"time": "00:00", "value": 100}],
    }  # fmt: skip
    return {**made, **changes}


def document(start: str = "01T00:00", store: Any = None, **changes: Any) -> dict[str, Any]:
    store = store or {"Day": body(), "Ill": body(1.5)}
    return {"_id": start, "defaultProfile": "Day", "startDate": iso_utc(ms(start)), "store": store, **changes}


def switch(at: str, profile: str = "Ill", **changes: Any) -> dict[str, Any]:
    return {"eventType": "Profile Switch", "created_at": iso_utc(ms(at)), "profile": profile, **changes}


def aaps(at: str, profile: str = "Phone", json_body: Any = None, **changes: Any) -> dict[str, Any]:
    """A switch as AAPS 3 uploads it by API v1: profile as text at 100 %, time shift in milliseconds."""
    text = json.dumps(body(3.0) if json_body is None else json_body)
    made = {"percentage": 100, "timeshift": 0, "duration": 0, "originalProfileName": profile, "profileJson": text}
    return switch(at, profile, **{"enteredBy": "openaps://AndroidAPS", **made, **changes})


def effective(at: str, profile: str = "Phone", percentage: int = 100, shift_h: int = 0, **changes: Any) -> Any:
    """AAPS's note of what really came into force: its profile is scaled and shifted already."""
    p = percentage / 100
    moved = Schedule((Block(0, 3.0 * p), Block(720, 6.0 * p))).later(shift_h)
    basal = [{"time": f"{b.minutes // 60:02d}:00", "value": b.value} for b in moved.blocks]
    made = body(isf=50 / p, ratio=10 / p) | {"basal": basal}
    return {
        "eventType": "Note", "created_at": iso_utc(ms(at)), "profileJson": json.dumps(made),
        "originalProfileName": profile, "originalCustomizedName": f"{profile}({percentage}%)",
        "originalPercentage": percentage, "originalTimeshift": shift_h * HOUR, "originalDuration": 0,
        "originalEnd": 0, **changes,
    }  # fmt: skip


def asked(documents: Any, treatments: Any = (), name: str | None = None, **options: Any) -> ActiveProfiles:
    window = {"window_start_ms": START, "window_end_ms": END, "zone": ZONE, **options}
    return in_force(documents, list(treatments), name=name, **window)


def seen(active: ActiveProfiles) -> list[tuple[str, str, float, float, bool]]:
    """Each span as day and hour of its start (UTC), name, percentage, time shift, temporary."""
    return [(iso_utc(s.start_ms)[8:16], s.name, s.percentage, s.timeshift_h, s.temporary) for s in active.spans]


def rate(active: ActiveProfiles, at: str) -> float | None:
    found = basal_at(active, ms(at))
    return None if found is None else round(found, 6)


DAY = ("10T00:00", "Day", 100, 0, False)

# name; documents; treatments; spans; tuned by None; tuned by "active"
CASES: list[tuple[str, list[Any], list[Any], list[Any], str, str]] = [
    ("the document's default alone", [document()], [], [DAY], "Day", "Day"),
    (
        "a newer document with other settings",
        [document(), document("11T06:00", {"Day": body(1.2)})],
        [],
        [DAY, ("11T06:00", "Day", 100, 0, False)],
        "Day",
        "Day",
    ),
    ("a newer document with the same settings", [document(), document("11T06:00")], [], [DAY], "Day", "Day"),
    ("a document after the data", [document(), document("20T00:00")], [], [DAY], "Day", "Day"),
    (
        "a permanent switch by name",
        [document()],
        [switch("11T06:00")],
        [DAY, ("11T06:00", "Ill", 100, 0, False)],
        "Day",
        "Ill",
    ),
    (
        "a switch by name for three hours (minutes)",
        [document()],
        [switch("11T06:00", duration=180)],
        [DAY, ("11T06:00", "Ill", 100, 0, True), ("11T09:00", "Day", 100, 0, False)],
        "Day",
        "Day",
    ),
    (
        "a switch whose duration is in milliseconds (originalDuration)",
        [document()],
        [switch("11T06:00", duration=180, originalDuration=3 * HOUR)],
        [DAY, ("11T06:00", "Ill", 100, 0, True), ("11T09:00", "Day", 100, 0, False)],
        "Day",
        "Day",
    ),
    (
        "a switch whose duration is in milliseconds and says so nowhere (API v3)",
        [document()],
        [switch("11T06:00", duration=3 * HOUR)],
        [DAY, ("11T06:00", "Ill", 100, 0, True), ("11T09:00", "Day", 100, 0, False)],
        "Day",
        "Day",
    ),
    (
        "a switch with the profile in it, at 80 % until further notice",
        [document()],
        [aaps("11T06:00", percentage=80)],
        [DAY, ("11T06:00", "Phone", 80, 0, False)],
        "Day",
        "Phone",
    ),
    (
        "the name carries the change",
        [document()],
        [aaps("11T06:00", profile="Ill (80%,2h)", originalProfileName="Ill", percentage=80, timeshift=2 * HOUR)],
        [DAY, ("11T06:00", "Ill", 80, 2, False)],
        "Day",
        "Ill",
    ),
    (
        "only the name carries the change",
        [document()],
        [switch("11T06:00", "Ill(120%,-1h)")],
        [DAY, ("11T06:00", "Ill", 120, -1, False)],
        "Day",
        "Ill",
    ),
    (
        "Nightscout's own mark in the name",
        [document()],
        [switch("11T06:00", "Ill@@@@@1778472000000")],
        [DAY, ("11T06:00", "Ill", 100, 0, False)],
        "Day",
        "Ill",
    ),
    (
        "a short switch within a long one: the long one goes on",
        [document()],
        [switch("11T06:00", duration=600), aaps("11T08:00", duration=60)],
        [
            DAY,
            ("11T06:00", "Ill", 100, 0, True),
            ("11T08:00", "Phone", 100, 0, True),
            ("11T09:00", "Ill", 100, 0, True),
            ("11T16:00", "Day", 100, 0, False),
        ],
        "Day",
        "Day",
    ),
    (
        "a permanent switch ends a temporary one",
        [document()],
        [switch("11T06:00", duration=600), aaps("11T08:00")],
        [DAY, ("11T06:00", "Ill", 100, 0, True), ("11T08:00", "Phone", 100, 0, False)],
        "Day",
        "Phone",
    ),
    (
        "a document ends a switch that is older",
        [document(), document("12T00:00", {"Day": body(1.2)})],
        [switch("11T06:00")],
        [DAY, ("11T06:00", "Ill", 100, 0, False), ("12T00:00", "Day", 100, 0, False)],
        "Day",
        "Day",
    ),
    (
        "a switch at the document's own instant counts",
        [document("10T00:00")],
        [switch("10T00:00")],
        [("10T00:00", "Ill", 100, 0, False)],
        "Day",
        "Ill",
    ),
    (
        "a switch from before the window",
        [document()],
        [switch("05T00:00")],
        [("10T00:00", "Ill", 100, 0, False)],
        "Day",
        "Ill",
    ),
    ("a deleted switch", [document()], [switch("11T06:00", isValid=False)], [DAY], "Day", "Day"),
    ("a switch after the data", [document()], [switch("14T06:00")], [DAY], "Day", "Day"),
    ("a switch without a time", [document()], [{"eventType": "Profile Switch", "profile": "Ill"}], [DAY], "Day", "Day"),
    ("a switch to a name that is nowhere", [document()], [switch("11T06:00", "Gone")], [DAY], "Day", "Day"),
    ("a note without a profile", [document()], [{**switch("11T06:00"), "eventType": "Note"}], [DAY], "Day", "Day"),
    (
        "an effective switch alone, at 80 % and 2 h later",
        [document()],
        [effective("11T06:00", percentage=80, shift_h=2)],
        [DAY, ("11T06:00", "Phone", 80, 2, False)],
        "Day",
        "Phone",
    ),
    (
        "an effective switch that ends by itself",
        [document()],
        [effective("11T06:00", originalDuration=2 * HOUR, originalEnd=ms("11T07:59"))],
        [DAY, ("11T06:00", "Phone", 100, 0, True), ("11T07:59", "Day", 100, 0, False)],
        "Day",
        "Day",
    ),
    (
        "an effective switch by its event type",
        [document()],
        [{**effective("11T06:00"), "eventType": "Effective Profile Switch"}],
        [DAY, ("11T06:00", "Phone", 100, 0, False)],
        "Day",
        "Phone",
    ),
    (
        "a switch and its effective note are one",
        [document()],
        [aaps("11T06:00", percentage=80), effective("11T06:01", percentage=80)],
        [DAY, ("11T06:00", "Phone", 80, 0, False)],
        "Day",
        "Phone",
    ),
    (
        "no document at all",
        [],
        [aaps("11T06:00")],
        [("10T00:00", "Phone", 100, 0, False)],
        "Phone",
        "Phone",
    ),
    (
        "a switch before every document",
        [document("20T00:00")],
        [aaps("11T06:00")],
        [DAY, ("11T06:00", "Phone", 100, 0, False)],
        "Day",
        "Phone",
    ),
]


@pytest.mark.parametrize(
    ("what", "documents", "treatments", "spans", "by_default", "by_active"), CASES, ids=[c[0] for c in CASES]
)
def test_what_was_in_force_when(
    what: str, documents: list[Any], treatments: list[Any], spans: list[Any], by_default: str, by_active: str
) -> None:
    active = asked(documents, treatments)
    assert seen(active) == spans
    assert active.profile.name == by_default
    assert asked(documents, treatments, name="active").profile.name == by_active
    assert asked(documents[::-1], treatments[::-1] * 2).spans == active.spans
    assert (active.spans[0].start_ms, active.spans[-1].end_ms) == (START, END)


def test_what_is_tuned_is_at_100_percent_and_unshifted() -> None:
    for treatment in (aaps("11T06:00", percentage=80, timeshift=2 * HOUR), effective("11T06:00", "Phone", 80, 2)):
        active = asked([document()], [treatment], name="active")
        assert active.profile.basal_u_per_h == Schedule((Block(0, 3.0), Block(720, 6.0)))
        assert active.profile.isf_mgdl_per_u == Schedule.constant(50)
        assert active.profile.carb_ratio_g_per_u == Schedule.constant(10)


@pytest.mark.parametrize(
    ("what", "treatment", "before_noon", "after_noon"),
    [
        ("no switch", None, 1, 2),
        ("unscaled", aaps("11T00:00"), 3, 6),
        ("80 %: basal × 0.8", aaps("11T00:00", percentage=80), 2.4, 4.8),
        ("percentage as text", aaps("11T00:00", percentage="80"), 2.4, 4.8),
        ("an effective note is scaled already", effective("11T00:00", percentage=80), 2.4, 4.8),
        ("the profile as an object", aaps("11T00:00", profileJson=body(3.0)), 3, 6),
        ("the profile encoded twice", aaps("11T00:00", profileJson=json.dumps(json.dumps(body(3.0)))), 3, 6),
        ("mmol/L in it", aaps("11T00:00", json_body=body(3.0, isf=2.8, units="mmol")), 3, 6),
        ("a percentage of nothing", aaps("11T00:00", percentage=0), 3, 6),
        ("unreadable JSON, but the name is known", aaps("11T00:00", profile="Ill", profileJson="{"), 1.5, 3),
        ("unreadable JSON, and the name is not known", aaps("11T00:00", profileJson="{"), None, None),
        ("a percentage that is none", aaps("11T00:00", percentage="much"), None, None),
        ("a percentage no one uses", aaps("11T00:00", percentage=5000), None, None),
        ("a profile at fault", aaps("11T00:00", json_body=body(basal=99)), None, None),
    ],
)  # fmt: skip
def test_the_basal_at_an_instant_is_that_in_force(
    what: str, treatment: Any, before_noon: float | None, after_noon: float | None
) -> None:
    active = asked([document()], [treatment] if treatment else [])
    # 12 May, 09:59 and 10:00 UTC are 11:59 and 12:00 in Paris.
    assert rate(active, "12T09:59") == before_noon
    assert rate(active, "12T10:00") == after_noon


@pytest.mark.parametrize(
    ("what", "shift", "later_h"),
    [
        ("milliseconds (AAPS 3)", {"timeshift": 2 * HOUR}, 2),
        ("hours (AAPS before)", {"timeshift": 2}, 2),
        ("text", {"timeshift": "2"}, 2),
        ("earlier", {"timeshift": -2 * HOUR}, -2),
        ("a part of an hour does not count, as in AAPS", {"timeshift": 2 * HOUR + 1_800_000}, 2),
        ("the other way round (AAPS 2)", {"timeshift": 2, "CircadianPercentageProfile": True}, -2),
        ("none", {"timeshift": ""}, 0),
        ("as API v3 may spell it", {"timeshift": None, "timeShift": None}, 0),
    ],
)
def test_a_time_shift_moves_the_schedule(what: str, shift: dict[str, Any], later_h: int) -> None:
    active = asked([document()], [aaps("11T00:00", **shift)])
    noon_moved = ms("12T10:00") + later_h * HOUR  # the doubling at noon in Paris
    assert (basal_at(active, noon_moved - 60_000), basal_at(active, noon_moved)) == (3, 6)
    assert active.spans[-1].timeshift_h == later_h


def test_sensitivity_and_carb_ratio_are_divided_by_the_percentage() -> None:
    span = asked([document()], [aaps("11T00:00", percentage=80)]).spans[-1]
    assert span.effective is not None
    assert span.effective.isf_mgdl_per_u.at(0) == pytest.approx(62.5)
    assert span.effective.carb_ratio_g_per_u.at(0) == pytest.approx(12.5)


def test_rates_before_and_after_the_window_are_known_too() -> None:
    active = asked([document()], [aaps("09T00:00", duration=60), aaps("14T00:00", duration=60)])
    assert rate(active, "09T00:30") == 3
    assert rate(active, "14T00:30") == 3
    assert rate(active, "01T00:00") == rate(active, "30T00:00") == 1
    assert not active.warnings


@pytest.mark.parametrize(
    ("what", "documents", "treatments", "said"),
    [
        ("changed by a document", [document(), document("11T06:00", {"Day": body(1.2)})], [],
         "changed in the data: 2026-05-11 08:00 from 'Day' to 'Day'"),
        ("changed by a switch", [document()], [switch("11T06:00")], "2026-05-11 08:00 from 'Day' to 'Ill'"),
        ("another profile than the default", [document()], [switch("11T06:00")], "--profile active tunes"),
        ("a percentage", [document()], [aaps("11T06:00", percentage=80, duration=90)],
         "for 1.5 hours (80 % for 1.5 h)"),
        ("a time shift", [document()], [aaps("11T06:00", timeshift=HOUR, duration=90)], "100 %, +1 h for 1.5 h"),
        ("a limited duration", [document()], [switch("11T06:00", duration=90)], "for 1.5 hours (1 time)"),
        ("all documents newer", [document("20T00:00")], [], "starts after the data ends"),
        ("a name that is nowhere", [document()], [switch("11T06:00", "Gone")],
         "names 'Gone', which is in no profile document"),
        ("unreadable JSON", [document()], [aaps("11T06:00", profileJson="{")], "not readable JSON"),
        ("a percentage that is none", [document()], [aaps("11T06:00", percentage="x")],
         "its percentage is not a number"),
        ("a negative duration", [document()], [aaps("11T06:00", duration=-5)], "its duration is negative"),
        ("days and weeks of shift", [document()], [aaps("11T06:00", timeshift=99 * HOUR)], "more than 24 hours"),
        ("a switch that a newer document overrules", [document(), document("12T00:00", {"Day": body(1.2)})],
         [aaps("11T06:00")], "AAPS goes on with the switch"),
        ("an old document at fault", [document("01T00:00", {"Day": body(basal=99)}), document("12T00:00")], [],
         "The profile in force from 2026-05-10 02:00 on, 'Day', cannot be read"),
        ("another zone", [document(), document("11T06:00", {"Day": body(timezone="Europe/London")})], [],
         "time zone changed in the data: 2026-05-11 08:00 from Europe/Paris to Europe/London"),
        ("no document", [], [aaps("11T06:00")], "no profile document"),
    ],
)  # fmt: skip
def test_what_a_person_should_know_is_said(what: str, documents: Any, treatments: Any, said: str) -> None:
    warnings = asked(documents, treatments).warnings
    assert any(said in w for w in warnings), warnings


def test_nothing_is_said_of_one_profile_in_force_all_the_time() -> None:
    for treatments in ([], [switch("11T06:00", "Day")], [aaps("02T00:00", "Day", json_body=body())]):
        active = asked([document(), document("11T12:00")], treatments)
        assert active.warnings == ()
        assert active.other_profile_hours == {}


def test_days_are_counted_from_04_to_04_by_the_hours_other_settings_were_in_force() -> None:
    # 11 May 01:00 to 04:00 UTC is 03:00 to 06:00 in Paris: one hour of the 10th, two of the 11th.
    active = asked([document()], [switch("11T01:00", duration=180)])
    assert active.other_profile_hours == {"2026-05-10": 1, "2026-05-11": 2}


def test_a_day_of_unknown_settings_is_one_of_other_settings() -> None:
    active = asked([document()], [aaps("11T10:00", profileJson="{", duration=60)])
    assert set(active.other_profile_hours) == {"2026-05-11"}


LATE = document("11T12:00")  # 14:00 in Paris

# name; documents; treatments; hours of the 10th, 11th and 12th (04:00 to 04:00) of which nothing is known
UNKNOWN: list[tuple[str, list[Any], list[Any], list[float]]] = [
    ("a document from before the days", [document()], [], [0, 0, 0]),
    ("a document from amid the days", [LATE], [], [24, 10, 0]),
    ("the oldest of two", [LATE, document("12T12:00", {"Day": body(1.2)})], [], [24, 10, 0]),
    ("an older switch", [LATE], [aaps("10T22:00")], [20, 0, 0]),
    (
        "an older switch to what is tuned",
        [LATE, document("12T12:00", {"Day": body(1.2)})],
        [aaps("10T22:00", json_body=body(1.2))],
        [20, 0, 0],
    ),
    ("an older switch to a name that is nowhere", [LATE], [switch("10T22:00", "Gone")], [24, 10, 0]),
    ("a switch alone", [], [aaps("11T12:00")], [24, 10, 0]),
    ("a document from after the days", [document("20T00:00")], [], [24, 24, 24]),
    ("a document that has no date", [document(startDate="1970-01-01T00:00:00Z")], [], [0, 0, 0]),
]


@pytest.mark.parametrize(("what", "documents", "treatments", "hours"), UNKNOWN, ids=[c[0] for c in UNKNOWN])
def test_before_the_oldest_document_or_switch_nobody_knows_what_was_set(
    what: str, documents: list[Any], treatments: list[Any], hours: list[float]
) -> None:
    active = asked(documents, treatments)
    days = [LocalDay(date(2026, 5, day), ZONE) for day in (10, 11, 12)]
    assert [active.unknown_hours(day) for day in days] == hours
    assert 0 not in active.other_profile_hours.values()
    for day in days:
        assert active.unknown_hours(day) + active.other_profile_hours.get(str(day), 0) <= day.length_hours


# --- the profile that was asked for


def test_a_name_is_looked_up_in_the_document_in_force_and_listed_when_it_is_not_there() -> None:
    newer = document("11T06:00", {"Day": body(), "Sport": body(0.7)})
    assert asked([document(), newer], name="Sport").profile.basal_u_per_h.at(0) == 0.7
    with pytest.raises(Refused) as caught:
        asked([document(), newer], name="Ill")
    assert caught.value.reason is Reason.PROFILE_NOT_FOUND
    assert "'Day', 'Sport'" in caught.value.sentence


def test_active_at_a_switch_that_cannot_be_read_is_refused_and_the_default_is_not() -> None:
    treatments = [aaps("11T06:00", profileJson="{")]
    assert asked([document()], treatments).profile.name == "Day"
    with pytest.raises(Refused) as caught:
        asked([document()], treatments, name="active")
    assert caught.value.reason is Reason.PROFILE_SWITCH_UNREADABLE
    assert "2026-05-11T06:00:00.000Z" in caught.value.sentence


def test_a_default_that_is_not_there_gives_way_to_what_was_switched_to() -> None:
    lost = document(defaultProfile="Gone")
    with pytest.raises(Refused):
        asked([lost])
    active = asked([lost], [switch("11T06:00")])
    assert active.profile.name == "Ill"
    assert "not in it" in active.warnings[0]


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        asked([], [switch("11T06:00")])
    assert caught.value.reason is Reason.NO_PROFILE


def test_the_zone_is_the_documents_since_aaps_writes_a_neighbours_into_its_switches() -> None:
    elsewhere = aaps("11T06:00", json_body=body(3.0, timezone="Africa/Cairo"))
    active = asked([document()], [elsewhere], name="active", zone=None)
    assert (active.profile.timezone, active.zone) == (ZONE, ZONE)
    alone = asked([], [elsewhere], name="active", zone=None)
    assert alone.profile.timezone == "Africa/Cairo"
    assert "neighbour" in alone.profile.notes[0]


def test_without_switches_the_answer_is_that_of_the_documents() -> None:
    newer = document("11T06:00", {"Day": body(1.2), "Other": body()})
    for name, taken in ((None, "Day"), ("Other", "Other")):
        (stored,) = stored_documents([newer], ZONE)
        assert asked([document(), newer], name=name).profile == profile_in(stored, taken, zone=ZONE)


def test_the_document_for_the_run_directory_holds_no_therapy_number() -> None:
    active = asked([document()], [aaps("11T06:00", json_body=body(3.125), percentage=80, duration=90)])
    text = json.dumps(active.document())
    assert "3.125" not in text
    assert active.document()["spans"][1]["source"] == ProfileSource.SWITCH


def test_an_instant_is_a_window_too() -> None:
    active = asked([document()], [switch("11T06:00")], name="active", window_start_ms=END)
    assert [s.name for s in active.spans] == ["Ill"]
    assert active.profile.name == "Ill"


# --- reading the records


@pytest.mark.parametrize(
    "moment",
    [
        {"created_at": "2026-05-11T06:00:00Z"},
        {"created_at": "2026-05-11T08:00:00+02:00"},
        {"created_at": "2026-05-11T08:00:00"},
        {"created_at": None, "mills": 1778479200000},
        {"created_at": None, "date": 1778479200000},
        {"created_at": "yesterday", "mills": "1778479200000"},
    ],
    ids=str,
)
def test_a_switch_is_at_its_instant(moment: dict[str, Any]) -> None:
    (found,) = read_switches([{**switch("01T00:00"), **moment}], ZONE)
    assert found.at_ms == ms("11T06:00")


@pytest.mark.parametrize("event", ["Profile Switch", "profile switch", "ProfileSwitch", "Profile  Switch"])
def test_a_switch_is_known_by_its_event_type(event: str) -> None:
    assert read_switches([{**switch("11T06:00"), "eventType": event}], ZONE)


# --- properties

SCHEDULES = st.dictionaries(st.integers(1, 1439), st.floats(0.05, 5), max_size=12).map(
    lambda d: Schedule((Block(0, 0.5), *(Block(m, v) for m, v in sorted(d.items()))))
)


@given(SCHEDULES, st.integers(-30, 30), st.integers(0, 1439))
def test_a_later_schedule_has_each_value_so_many_hours_later(schedule: Schedule, hours: int, minute: int) -> None:
    moved = schedule.later(hours)
    assert moved.at((minute + hours * 60) % 1440) == schedule.at(minute)
    assert moved.mean() == pytest.approx(schedule.mean())
    assert moved.later(-hours).same_as(schedule)


@given(st.integers(10, 500), st.integers(-12, 12), SCHEDULES)
def test_a_switch_undone_is_the_profile_itself(percentage: int, shift_h: int, basal: Schedule) -> None:
    base = asked([document()]).profile
    profile = type(base)(**{**base.__dict__, "basal_u_per_h": basal})
    there = scaled(profile, percentage, shift_h)
    assert same_settings(scaled(there, 10_000 / percentage, -shift_h), profile)
    assert there.basal_u_per_h.mean() == pytest.approx(basal.mean() * percentage / 100)
