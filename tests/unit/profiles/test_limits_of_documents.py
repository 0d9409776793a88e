"""What is read from profile documents and switches, at the values where another reading begins."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.client import Answer
from flows.profiles.openaps import read_openaps_schedule
from flows.profiles.parse import _check_targets, _insulin_action, profile_in, read_zone
from flows.profiles.raw_files import RawFiles, zone_of
from flows.profiles.schedule_blocks import clock_seconds, entry_minutes, read_schedule
from flows.profiles.stored import StoredDocument, find_name, listed, quoted, skipped_note, stored_documents
from flows.profiles.switches import Switch, read_switches
from flows.profiles.timeline import History
from flows.settings import AnalysisRequest
from flows.values.parts import Part
from flows.values.run_directory import RunDirectory
from flows.values.schedule import Schedule
from tests.unit.profiles.test_active_in_data import HOUR, aaps, body, document, effective, ms, switch

MINUTE, DAY = HOUR / 60, 24 * HOUR
AT = ms("11T06:00")


def one(**changes: Any) -> Switch:
    (found,) = read_switches([{**switch("11T06:00", "Day"), **changes}], "UTC")
    return found


@pytest.mark.parametrize(
    ("changes", "minutes", "is_trouble"),
    [
        ({}, None, False),
        ({"duration": 0}, None, False),
        ({"duration": 0.5}, 0.5, False),
        ({"duration": -0.5}, None, True),
        ({"duration": "long"}, None, True),
        ({"duration": ""}, None, False),
        ({"duration": 59_999}, 59_999, False),
        ({"duration": 60_000}, 1, False),  # 41 days are milliseconds
        ({"durationInMilliseconds": 30_000}, 0.5, False),
        ({"durationInMilliseconds": 0, "duration": 30}, 30, False),
        ({"originalDuration": 60_000, "durationInMilliseconds": 120_000, "duration": 30}, 1, False),
    ],
)
def test_a_switch_s_duration_is_minutes_or_milliseconds(
    changes: dict[str, Any], minutes: float | None, is_trouble: bool
) -> None:
    found = one(**changes)
    assert found.end_ms == (None if minutes is None else AT + minutes * MINUTE)
    assert bool(found.trouble) is is_trouble


@pytest.mark.parametrize(
    ("changes", "hours", "is_trouble"),
    [
        ({}, 0, False),
        ({"timeshift": 2}, 2, False),
        ({"timeshift": -2.9}, -2, False),
        ({"timeShift": 24}, 24, False),
        ({"timeshift": -24}, -24, False),
        ({"timeshift": 25}, 0, False),  # milliseconds
        ({"timeshift": DAY}, 24, False),
        ({"timeshift": DAY + HOUR}, 0, True),
        ({"timeshift": "late"}, 0, True),
        ({"timeshift": "", "profile": "Day (100%,3h)"}, 3, False),
        ({"timeshift": 0, "profile": "Day (100%,3h)"}, 0, False),
        ({"timeshift": 2, "CircadianPercentageProfile": True}, -2, False),
        ({"timeshift": 0, "CircadianPercentageProfile": True}, 0, False),
    ],
)
def test_a_time_shift_is_hours_or_milliseconds(changes: dict[str, Any], hours: float, is_trouble: bool) -> None:
    found = one(**changes)
    assert (found.timeshift_h, bool(found.trouble)) == (hours, is_trouble)


@pytest.mark.parametrize(
    ("changes", "percentage", "is_trouble"),
    [
        ({}, 100, False),
        ({"percentage": 0}, 100, False),
        ({"percentage": 0, "profile": "Day(80%)"}, 80, False),
        ({"percentage": 90, "profile": "Day(80%)"}, 90, False),
        ({"percentage": ""}, 100, False),
        ({"percentage": "much"}, 100, True),
        ({"percentage": 9.9}, 100, True),
        ({"percentage": 10}, 10, False),
        ({"percentage": 500}, 500, False),
        ({"percentage": 500.1}, 100, True),
    ],
)
def test_a_percentage_that_cannot_be_used_changes_nothing(
    changes: dict[str, Any], percentage: float, is_trouble: bool
) -> None:
    found = one(**changes)
    assert (found.percentage, bool(found.trouble)) == (percentage, is_trouble)


@pytest.mark.parametrize(
    ("stated", "end"),
    [(None, 60), (0, 60), (AT, 60), (AT + MINUTE, 1), (AT + 60 * MINUTE, 60), (AT + 61 * MINUTE, 60)],
)
def test_an_effective_switch_ends_where_it_says_but_no_later_than_it_lasts(stated: float | None, end: float) -> None:
    (found,) = read_switches([effective("11T06:00", originalDuration=60 * MINUTE, originalEnd=stated)], "UTC")
    assert found.end_ms == AT + end * MINUTE
    plain = one(originalDuration=60 * MINUTE, originalEnd=AT + MINUTE)
    assert plain.end_ms == AT + 60 * MINUTE


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"profile": "Day (80%,2h)"}, "Day"),
        ({"profile": "Day@@@@@1700000000000"}, "Day"),
        ({"profile": "Shown", "originalProfileName": "Own"}, "Own"),
        ({"profile": "Shown", "originalProfileName": " "}, "Shown"),
        ({"profile": "Shown", "originalProfileName": 5}, "Shown"),
        ({"profile": None, "originalCustomizedName": "Night(80%)"}, "Night"),
        ({"profile": None, "notes": "said"}, ""),
    ],
)
def test_a_switch_s_name_is_that_of_its_profile(changes: dict[str, Any], name: str) -> None:
    assert one(**changes).name == name


def test_of_switches_at_one_instant_the_effective_one_counts_then_the_content() -> None:
    some = [switch("11T06:00", "A"), switch("11T06:00", "B"), effective("11T06:00"), switch("11T05:00", "C")]
    found = read_switches(some, "UTC")
    assert [s.name for s in found] == ["Phone", "B", "A", "C"]
    assert read_switches(some[::-1], "UTC") == found
    later = [effective("11T05:00"), switch("11T06:00", "A")]
    assert [s.name for s in read_switches(later, "UTC")] == ["A", "Phone"]


@pytest.mark.parametrize(
    ("record", "is_one", "is_effective"),
    [
        (switch("11T06:00"), True, False),
        ({**switch("11T06:00"), "profileJson": "{}", "originalProfileName": "A"}, True, False),
        ({**switch("11T06:00"), "eventType": "Note"}, False, False),
        ({**switch("11T06:00"), "eventType": "Note", "profileJson": "{}"}, False, False),
        ({**switch("11T06:00"), "eventType": "Note", "originalProfileName": "A"}, False, False),
        ({**switch("11T06:00"), "eventType": "Note", "profileJson": "{}", "originalCustomizedName": "A"}, True, True),
        ({**switch("11T06:00"), "eventType": "Effective Profile Switch"}, True, True),
        ({**switch("11T06:00"), "eventType": None}, False, False),
    ],
)
def test_a_note_with_a_profile_and_its_name_is_an_effective_switch(
    record: dict[str, Any], is_one: bool, is_effective: bool
) -> None:
    found = read_switches([record], "UTC")
    assert bool(found) is is_one
    assert any(s.effective for s in found) is is_effective


@pytest.mark.parametrize(
    ("changes", "is_aaps"),
    [
        ({}, False),
        ({"enteredBy": "openaps://AndroidAPS"}, True),
        ({"app": "AndroidAPS"}, True),
        ({"enteredBy": "me", "app": "AndroidAPS"}, False),
    ],
)
def test_a_switch_of_aaps_says_so(changes: dict[str, Any], is_aaps: bool) -> None:
    assert one(**changes).from_aaps is is_aaps


@pytest.mark.parametrize(
    ("written", "is_body", "is_unreadable"),
    [
        (None, False, False),
        ("", False, False),
        ({}, False, False),
        ('{"dia": 5}', True, False),
        ({"dia": 5}, True, False),
        ("{}", False, True),
        ("[1]", False, True),
        ("{", False, True),
        (5, False, True),
    ],
)
def test_a_switch_s_own_profile_is_an_object_with_something_in_it(
    written: Any, is_body: bool, is_unreadable: bool
) -> None:
    found = one(profileJson=written)
    assert (found.body is not None, found.unreadable) == (is_body, is_unreadable)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("01:02", 3720),
        ("01:02:03", 3723),
        ("1:2", 3720),
        ("00:00", 0),
        ("00:59", 3540),
        ("00:60", None),
        ("00:00:59", 59),
        ("00:00:60", None),
        (5, None),
    ],
)
def test_a_clock_time_has_sixty_minutes_and_seconds(text: Any, seconds: float | None) -> None:
    assert clock_seconds(text) == seconds


@pytest.mark.parametrize(
    ("item", "minutes", "said"),
    [
        ({"time": "00:00"}, 0, ""),
        ({"timeAsSeconds": 0}, 0, ""),
        ({"timeAsSeconds": 60}, 1, ""),
        ({"timeAsSeconds": 86_340}, 1439, ""),
        ({"time": "01:00", "timeAsSeconds": 3600}, 60, ""),
        ({"time": "01:00", "timeAsSeconds": 7200}, 60, "two times that differ"),
        ({"time": "01:00", "timeAsSeconds": "x"}, 60, ""),
        ({"time": "soon", "timeAsSeconds": 3600}, 60, "unreadable time"),
        ({"time": "", "timeAsSeconds": 3600}, 60, ""),
        ({"time": None, "timeAsSeconds": 3600}, 60, ""),
        ({"timeAsSeconds": -1}, None, "outside the day"),
        ({"timeAsSeconds": 86_400}, None, "outside the day"),
        ({"time": "24:00"}, None, "outside the day"),
        ({"timeAsSeconds": 61}, None, "does not start on a whole minute"),
        ({}, None, "entry 2 has no time;"),
        ({"time": ""}, None, "has no time;"),
        ({"time": "soon"}, None, "has a time that cannot be read"),
        ({"timeAsSeconds": "soon"}, None, "has a time that cannot be read"),
    ],
)
def test_an_entry_starts_on_a_minute_of_the_day(item: dict[str, Any], minutes: int | None, said: str) -> None:
    notes: list[str] = []
    try:
        assert entry_minutes(item, "basal", 2, notes) == minutes
    except Refused as refusal:
        assert minutes is None
        notes.append(refusal.sentence)
    assert len(notes) == (1 if said else 0)
    assert said in "".join(notes)


def block(time: str, value: Any) -> dict[str, Any]:
    return {"time": time, "value": value}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([block("00:00", 1), block("06:00", 2)], None),
        ([block("06:00", 2), block("00:00", 1)], "not in order"),
        ([block("00:00", 3), block("00:00", 1), block("06:00", 2)], "the last one was taken"),
        ([block("00:00", 1), block("00:00", 1), block("06:00", 2)], None),
        ({"00:00": 1, "06:00": 2}, None),
        ([block("00:01", 1)], "not at 00:00"),
        ([], "missing or empty"),
        ({}, "missing or empty"),
        (True, "missing or empty"),
        ([1], "entry 1 is not an object"),
        ([block("00:00", 1), 2], "entry 2 is not an object"),
    ],
)
def test_a_schedule_begins_at_midnight_and_goes_in_order(written: Any, said: str | None) -> None:
    notes: list[str] = []
    try:
        assert [(b.minutes, b.value) for b in read_schedule(written, "basal", notes).blocks] == [(0, 1), (360, 2)]
    except Refused as refusal:
        notes.append(refusal.sentence)
    assert len(notes) == (0 if said is None else 1)
    assert (said or "") in "".join(notes)


def stored(**changes: Any) -> StoredDocument:
    (found,) = stored_documents([document(**changes)], "UTC")
    return found


@pytest.mark.parametrize(
    ("changes", "start_ms"),
    [
        ({}, ms("01T00:00")),
        ({"startDate": None, "mills": AT}, AT),
        ({"startDate": "", "mills": AT}, AT),
        ({"startDate": "soon", "mills": AT}, AT),
        ({"startDate": "1970-01-01T00:00:00Z", "mills": AT}, 0),
        ({"startDate": "2000-12-31T00:00:00Z", "mills": AT}, 0),
        ({"startDate": "2001-01-01T00:00:00Z", "mills": AT}, 978_307_200_000),
        ({"startDate": 0, "mills": AT}, 0),
        ({"startDate": -1, "mills": AT}, AT),
        ({"startDate": DAY - 1, "mills": AT}, 0),
        ({"startDate": DAY, "mills": AT}, AT),
        ({"startDate": None}, 0),
    ],
)
def test_a_document_is_in_force_since_its_start_or_since_ever(changes: dict[str, Any], start_ms: float) -> None:
    assert stored(**changes).start_ms == start_ms


@pytest.mark.parametrize(("created", "created_ms"), [(None, 0), ("soon", 0), ("2026-05-11T06:00:00Z", AT)])
def test_a_document_without_a_time_of_making_is_the_oldest(created: Any, created_ms: float) -> None:
    assert stored(created_at=created).created_ms == created_ms


@pytest.mark.parametrize(
    ("count", "said"), [(20, ""), (21, " and 1 more"), (25, " and 5 more")], ids=["all", "one more", "five more"]
)
def test_twenty_names_are_listed(count: int, said: str) -> None:
    assert listed(["x"] * count) == ", ".join(["'x'"] * 20) + said


def test_a_long_name_is_cut() -> None:
    assert quoted("x" * 100) == repr("x" * 80)


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (["Day", "day"], "Day", "Day"),
        (["day"], "Day ", "day"),
        (["day", "DAY"], "Day", None),
        (["a.b"], "a_b", "a.b"),
        (["a&b"], "a&amp;b", "a&b"),
        (["Day"], "Night", None),
        (["Day"], 5, None),
    ],
)
def test_a_name_is_found_when_only_one_is_like_it(names: list[str], wanted: Any, found: str | None) -> None:
    assert find_name(names, wanted) == found


@pytest.mark.parametrize(
    ("more", "said"),
    [([], []), ([None], ["1 "]), ([{}], ["1 "]), ([{"store": {"A": {"dia": 5}}}, 5], ["2 "])],
    ids=["none", "null", "empty", "two"],
)
def test_documents_without_a_profile_are_counted(more: list[Any], said: list[str]) -> None:
    every = [document(), *more]
    notes = skipped_note(every, stored_documents(every, "UTC"))
    assert [note[:2] for note in notes] == said
    assert skipped_note(more, []) == []


@pytest.mark.parametrize(
    ("body_of_a", "names"),
    [({"sens": 50}, ("A", "B")), ({"sens": ""}, ("B",)), ({"sens": [], "basal": {}, "carbratio": None}, ("B",))],
)
def test_a_name_stands_for_a_body_with_a_schedule(body_of_a: dict[str, Any], names: tuple[str, ...]) -> None:
    assert stored(store={"A": body_of_a, "B": json.dumps(body())}).names == names


@pytest.mark.parametrize(
    ("low", "high", "is_doubtful"), [(0, 100, True), (-0.5, 100, True), (40, 100, False), (100, None, True)]
)
def test_a_target_of_nothing_says_nothing_about_units(low: Any, high: Any, is_doubtful: bool) -> None:
    targets = {"target_low": low, "target_high": [block("00:00", high)]}
    if is_doubtful:
        with pytest.raises(Refused):
            _check_targets(targets, "mmol/L", Schedule.constant(50.0))
    else:
        _check_targets(targets, "mmol/L", Schedule.constant(50.0))


def test_a_small_target_is_one() -> None:
    with pytest.raises(Refused):
        _check_targets({"target_low": 0.5}, "mg/dL", Schedule.constant(3.0))


@pytest.mark.parametrize(("isf", "is_doubtful"), [(4.9, False), (5, True), (500, True), (500.1, False)])
def test_the_other_unit_has_to_give_a_sensitivity_somebody_has(isf: float, is_doubtful: bool) -> None:
    try:
        _check_targets({"target_low": 100}, "mmol/L", Schedule.constant(isf))
    except Refused:
        assert is_doubtful
    else:
        assert not is_doubtful


@pytest.mark.parametrize(
    ("peak", "expected"), [(9.99, None), (10, 10), (75, 75), (180, 180), (180.1, None), (None, None), (0, None)]
)
def test_a_peak_is_one_that_insulins_have(peak: float | None, expected: float | None) -> None:
    insulin = {"insulinPeakTime": None if peak is None else peak * MINUTE}
    assert _insulin_action(6, insulin, []) == (6, expected)


@pytest.mark.parametrize(
    ("dia", "end_h", "expected", "notes"),
    [
        (6, 8, 6, 0),
        (None, 8, 8, 0),
        (None, 0, None, 0),
        (None, None, None, 0),
        (0, 8, None, 1),
        (0, None, None, 1),
        (1, None, 1, 0),
    ],
)
def test_a_duration_of_nothing_counts_as_missing(dia: Any, end_h: Any, expected: float | None, notes: int) -> None:
    insulin = {} if end_h is None else {"insulinEndTime": end_h * HOUR}
    said: list[str] = []
    assert _insulin_action(dia, insulin, said)[0] == expected
    assert len(said) == notes


@pytest.mark.parametrize(
    ("basal", "is_said"), [(0, False), (0.05, True), (0.09, True), (0.1, False), (35, False), (1, False)]
)
def test_a_basal_of_next_to_nothing_is_asked_about(basal: float, is_said: bool) -> None:
    flat = {**body(), "basal": [block("00:00", basal)]}
    notes = profile_in(stored(store={"Day": flat}), "Day", zone="UTC").notes
    assert any("all day" in note for note in notes) is is_said


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({"basal": 35.1}, False),
        ({"carbratio": 0.9}, False),
        ({"carbratio": 1}, True),
        ({"carbratio": 200}, True),
        ({"carbratio": 200.1}, False),
        ({"basal": -0.1}, False),
    ],
)
def test_a_profile_holds_what_a_pump_delivers(changes: dict[str, Any], is_taken: bool) -> None:
    try:
        profile_in(stored(store={"Day": {**body(), **changes}}), "Day", zone="UTC")
    except Refused as refusal:
        assert not is_taken and "check its units" in refusal.sentence
    else:
        assert is_taken


@pytest.mark.parametrize(
    ("written", "known", "found", "notes"),
    [
        (["Europe/Paris", "UTC"], None, "Europe/Paris", 0),
        ([" ", 5, "Europe/Paris"], None, "Europe/Paris", 0),
        (["Nowhere/" + "x" * 100, "UTC"], "UTC", None, 1),
        ([], None, None, 0),
    ],
)
def test_the_first_zone_that_is_named_counts(written: list[Any], known: Any, found: Any, notes: int) -> None:
    said: list[str] = []
    assert read_zone(written, known, said) == found
    assert len(said) == notes
    assert all(repr(written[0][:80]) in note for note in said)


@pytest.mark.parametrize(
    ("own", "top", "sibling", "other", "units"),
    [
        ("mmol", None, None, None, "mmol/L"),
        ("mmol", "mg/dl", None, None, "mmol/L"),
        (None, "mmol", "mg/dl", None, "mmol/L"),
        ("?", "mmol", None, None, "mmol/L"),
        (None, None, "mmol", None, "mmol/L"),
        (None, None, "mmol", "mg/dl", "mmol/L"),
        (None, None, None, "mmol", "mmol/L"),
        (None, None, None, None, None),
    ],
)
def test_units_are_looked_for_from_the_profile_outwards(
    own: Any, top: Any, sibling: Any, other: Any, units: Any
) -> None:
    plain = {"sens": 3, "carbratio": 10, "basal": 1}
    store = {"Day": {**plain, "units": own}, "Ill": {**plain, "units": sibling}}
    this = stored(store=store, units=top)
    (second,) = stored_documents([document("02T00:00", {"A": plain}, units=other)], "UTC")
    if units is None:
        with pytest.raises(Refused) as refusal:
            profile_in(this, "Day", zone="UTC", others=[this, second])
        assert refusal.value.reason is Reason.PROFILE_UNITS
    else:
        found = profile_in(this, "Day", zone="UTC", others=[this, second])
        assert found.units == units
        assert bool(found.notes) is (own == "?" or (top is None and own is None) or (own == "mmol" and top == "mg/dl"))


def test_two_units_among_the_siblings_or_documents_say_nothing() -> None:
    plain = {"sens": 3, "carbratio": 10, "basal": 1}
    store = {"Day": plain, "A": {**plain, "units": "mmol"}, "B": {**plain, "units": "mg/dl"}}
    others = stored_documents([document("02T00:00", {"A": plain}, units=u) for u in ("mmol", "mg/dl")], "UTC")
    alone = stored(store={"Day": plain})
    for this, beside in ((stored(store=store), others[:1]), (alone, others)):
        with pytest.raises(Refused) as refusal:
            profile_in(this, "Day", zone="UTC", others=[this, *beside])
        assert refusal.value.reason is Reason.PROFILE_UNITS


# ---- what was in force when


def test_a_switch_without_a_zone_is_read_in_the_person_s() -> None:
    local = {**switch("11T06:00"), "created_at": "2026-05-11T06:00:00"}
    assert History([document()], [local], "Europe/Paris").switches[0].at_ms == AT - 2 * HOUR
    assert History([document()], [local], None).switches[0].at_ms == AT


def test_without_document_or_switch_nothing_is_decided() -> None:
    assert History([], [], None).decided_ms(AT) == 0
    assert History([document()], [], None).decided_ms(AT) == ms("01T00:00")
    assert History([document()], [switch("10T00:00")], None).decided_ms(AT) == ms("10T00:00")


def test_a_timeline_holds_nothing_that_begins_at_its_end() -> None:
    history = History([document()], [switch("11T06:00")], None)
    assert [s.name for s in history.timeline(ms("10T00:00"), AT)] == ["Day"]
    assert [s.name for s in history.timeline(ms("10T00:00"), AT + 1)] == ["Day", "Ill"]
    assert [s.name for s in history.timeline(AT, AT + 1)] == ["Ill"]


def test_a_document_that_begins_with_a_switch_may_hold_what_it_names() -> None:
    newer = document("11T06:00", {"Day": body()}, created_at="2026-05-11T06:00:01Z")
    older = document("11T06:00", {"Only": body(2.0)}, created_at="2026-05-11T06:00:00Z", defaultProfile="Only")
    history = History([newer, older], [switch("11T06:00", "Only")], None)
    assert not history.names_missing_profile(history.switches[0])
    state = history.state(AT)
    assert state is not None and state.profile is not None and state.name == "Only"


def test_a_switch_of_a_document_to_come_is_found_there() -> None:
    coming = [
        document(at, {"Only": body(r)}, defaultProfile="Only") for at, r in (("12T00:00", 2.0), ("13T00:00", 4.0))
    ]
    history = History([document(), *coming], [switch("11T06:00", "Only")], None)
    state = history.state(AT)
    assert state is not None and state.profile is not None
    assert state.profile.basal_u_per_h.at(0) == 2.0  # the next one's


@pytest.mark.parametrize(("minutes", "name"), [(-1, "Day"), (0, "Ill"), (59, "Ill"), (60, "Day")])
def test_a_switch_counts_from_its_instant_to_before_its_end(minutes: float, name: str) -> None:
    history = History([document()], [switch("11T06:00", duration=60)], None)
    state = history.state(AT + minutes * MINUTE)
    assert state is not None and state.name == name


@pytest.mark.parametrize(("start", "name"), [("11T05:59", "Ill"), ("11T06:00", "Ill"), ("11T06:01", "Day")])
def test_a_switch_as_old_as_the_document_counts(start: str, name: str) -> None:
    state = History([document(start)], [switch("11T06:00")], None).state(AT + HOUR)
    assert state is not None and state.name == name


def test_a_switch_of_aaps_is_the_profile_at_a_hundred_percent() -> None:
    history = History([document()], [aaps("11T06:00", percentage=80)], None)
    state = history.state(AT)
    assert state is not None and state.profile is not None
    assert (state.percentage, state.profile.basal_u_per_h.at(0)) == (80, 3.0)


# ---- OpenAPS and raw/


@pytest.mark.parametrize(
    ("entries", "blocks", "unread", "ambiguous"),
    [
        ([{"offset": 0, "sensitivity": 50}], [(0, 50)], False, ()),
        ([{"start": "00:00", "sensitivity": 0.5}], [(0, 0.5)], False, ()),
        ([{"start": "00:00:30", "sensitivity": 50}], None, False, ()),
        ([{"offset": 0, "sensitivity": 0}], None, False, ()),
        ([{"offset": 0, "sensitivity": -0.5}], None, False, ()),
        ([{"offset": 0, "sensitivity": None}, {"offset": 60, "sensitivity": 40}], None, True, ()),
        ([{"sensitivity": 50}, {"offset": 60, "sensitivity": 40}], None, True, ()),
        ([{"offset": 0, "sensitivity": 50}, {"start": "01:00", "sensitivity": 40}], [(0, 50), (60, 40)], False, ()),
        ([{"offset": 0, "sensitivity": 50}, {"offset": 0, "sensitivity": 50}], [(0, 50)], False, ()),
        ([{"offset": 0, "sensitivity": 50}, {"offset": 0, "sensitivity": 40}], None, True, ()),
        ([{"offset": 0, "start": "00:01", "sensitivity": 50}], [(0, 50)], False, ("00:00",)),
        ([{"offset": 0, "start": "00:00", "sensitivity": 50}], [(0, 50)], False, ()),
        ([{"offset": 0.5, "sensitivity": 50}], None, False, ()),
        ([], None, False, ()),
    ],
)
def test_a_pump_s_schedule_is_read_or_named(entries: Any, blocks: Any, unread: bool, ambiguous: Any) -> None:
    found = read_openaps_schedule({"isfProfile": {"sensitivities": entries}}, Part.ISF)
    assert (None if found.schedule is None else [(b.minutes, b.value) for b in found.schedule.blocks]) == blocks
    assert (found.unread, found.ambiguous) == (unread, ambiguous)


@pytest.fixture
def raw(tmp_path: Path) -> RawFiles:
    return RawFiles(RunDirectory.create(tmp_path / "run", datetime(2026, 5, 11, tzinfo=UTC)))


def page(*records: dict[str, Any]) -> bytes:
    return json.dumps(records).encode()


def test_raw_files_are_numbered_from_one_and_counted_by_kind(raw: RawFiles, tmp_path: Path) -> None:
    assert not raw.has("entries")
    raw.write("entries", page({"a": 1}, {"a": 2}), 2)
    raw.answer("treatments", Answer("treatments.json", {}, page({"b": 1}), [{"b": 1}]))
    raw.answer("status", Answer("status.json", {}, b"{}", {}), date="2026-05-11")
    (tmp_path / "pump.json").write_text("{}")
    raw.copy("pumpprofile", tmp_path / "pump.json")
    assert raw.has("entries") and not raw.has("profile")
    assert [f["file"] for f in raw.files][:2] == ["001-entries.json", "002-treatments.json"]
    assert [f["records"] for f in raw.files] == [2, 1, 1, 1]
    loaded = raw.close(7)
    assert (loaded.files, loaded.entries, loaded.treatments, loaded.profiles, loaded.requests) == (4, 2, 1, 0, 7)
    assert raw.bytes_of("status", "2026-05-11") == b"{}"
    assert raw.bytes_of("status") is None
    assert raw.bytes_of("entries") == page({"a": 1}, {"a": 2})


def test_records_that_two_pages_share_count_once_and_those_of_one_page_as_served(raw: RawFiles) -> None:
    raw.write("entries", page({"a": 1}, {"a": 1}), 2)
    raw.write("treatments", page({"b": 1}), 1)
    assert raw.records("entries") == [{"a": 1}, {"a": 1}]
    raw.write("entries", page({"a": 1}, {"a": 2}), 2)
    assert raw.records("entries") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(("written", "zone"), [("Europe/Paris", "Europe/Paris"), ("", None), (5, None)])
def test_a_pump_profile_names_its_zone_or_nobody_knows_it(raw: RawFiles, written: Any, zone: str | None) -> None:
    raw.write("pumpprofile", json.dumps({"timezone": written}).encode(), 1)
    request = AnalysisRequest(from_directory=raw.run.path)
    if zone is not None:
        assert zone_of(request, raw, None) == zone
        return
    with pytest.raises(Refused) as refusal:
        zone_of(request, raw, None)
    assert refusal.value.reason is Reason.NO_TIMEZONE
