"""The data's own end and clock: readings astray move no window, and travel is noticed from any sign of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flows.history.glucose import read_glucose
from flows.history.records import Context
from flows.history.strays import stray_instants
from flows.history.travel import _offset_min, travel, zones_named
from flows.values.ledger import Ledger
from flows.values.local_days import LocalDay, day_of
from flows.values.timestamps import iso_utc
from flows.values.units import DAY_MS, HOUR_MS, MINUTE_MS

ZONE = "Europe/Berlin"
START_MS = 1_774_836_000_000  # 2026-03-30 04:00 in Berlin, the day after the clock went forward
NOW_MS = START_MS + 300 * DAY_MS
THREE_DAYS = [START_MS + n * 5 * MINUTE_MS for n in range(3 * 288)]
DAYS = [LocalDay(day_of(START_MS + n * DAY_MS, ZONE).date, ZONE) for n in range(3)]
END_MS = THREE_DAYS[-1]


@pytest.mark.parametrize(
    ("what", "others", "strays"),
    [
        ("none", [], 0),
        ("five weeks late", [END_MS + 35 * DAY_MS], 1),
        ("before all", [START_MS - 9 * DAY_MS], 1),
        ("an hour of them", [END_MS + 9 * DAY_MS + n * 5 * MINUTE_MS for n in range(12)], 12),
        ("more than an hour", [END_MS + 9 * DAY_MS + n * 5 * MINUTE_MS for n in range(13)], 0),
        ("48 h apart", [END_MS + 48 * HOUR_MS], 0),
        ("a little more", [END_MS + 48 * HOUR_MS + 1], 1),
        ("two groups", [END_MS + 9 * DAY_MS, END_MS + 20 * DAY_MS], 2),
        ("in the future", [NOW_MS + 11 * MINUTE_MS], 1),
        ("of a clock that is ahead", [NOW_MS + 10 * MINUTE_MS], 1),
        ("in 2031", [START_MS + 1900 * DAY_MS], 1),
        ("an hour of the future", [NOW_MS + HOUR_MS + n * 5 * MINUTE_MS for n in range(12)], 12),
    ],
)  # fmt: skip
def test_a_reading_astray_is_no_part_of_the_data(what: str, others: list[float], strays: int) -> None:
    assert len(stray_instants([*THREE_DAYS, *others], NOW_MS)) == strays
    ledger = Ledger()
    records = [{"sgv": 120, "type": "sgv", "date": int(ms), "device": "x"} for ms in [*THREE_DAYS, *others]]
    kept = read_glucose(records, Context(ZONE, None, NOW_MS), ledger).for_upstream
    assert len(kept) == len(records) - strays
    assert sum(e.rule == "stray_reading" for e in ledger.entries) == strays


def test_readings_a_little_ahead_of_the_clock_at_the_data_s_end_stay() -> None:
    assert stray_instants(THREE_DAYS, END_MS - 10 * MINUTE_MS) == set()
    for ahead, strays in ((1, 1), (12, 12), (13, 0)):  # more than an hour of them: it is the clock that is wrong
        now_ms = THREE_DAYS[-ahead] - 11 * MINUTE_MS
        assert stray_instants(THREE_DAYS, now_ms) == set(THREE_DAYS[len(THREE_DAYS) - strays :])


def test_few_readings_in_all_are_not_astray_from_each_other() -> None:
    assert stray_instants([], NOW_MS) == set()
    assert stray_instants([START_MS, START_MS + 9 * DAY_MS], NOW_MS) == set()
    hour = [START_MS + n * 5 * MINUTE_MS for n in range(13)]
    assert stray_instants([*hour[:12], START_MS + 9 * DAY_MS], NOW_MS) == set()
    assert stray_instants([*hour, START_MS + 9 * DAY_MS], NOW_MS) == {START_MS + 9 * DAY_MS}
    assert stray_instants([NOW_MS + DAY_MS * n for n in range(1, 14)], NOW_MS) == set()


# --- travel


def entries(offsets: list[int | None], field: str = "utcOffset") -> list[dict[str, Any]]:
    """Readings of three days; the offset of each day, in minutes, as a field or at the end of a time."""
    found = []
    for ms in THREE_DAYS:
        offset = offsets[int((ms - START_MS) // DAY_MS)]
        record: dict[str, Any] = {"sgv": 100, "date": ms}
        if offset is not None and field == "utcOffset":
            record["utcOffset"] = offset
        elif offset is not None:
            sign, minutes = "-" if offset < 0 else "+", abs(offset)
            colon = ":" if field == "created_at" else ""
            text = iso_utc(ms + offset * MINUTE_MS)[:-1] + f"{sign}{minutes // 60:02d}{colon}{minutes % 60:02d}"
            record[field] = text
        found.append(record)
    return found


OFFSETS: list[tuple[str, list[int | None], str, str | None]] = [
    ("at home", [120, 120, 120], "utcOffset", None),
    ("none named", [None, None, None], "utcOffset", None),
    ("0 says nothing", [0, 0, 0], "utcOffset", None),
    ("away on the third", [120, 120, -240], "utcOffset", "1 of 3 days|(most by −6 h)|--exclude 2026-04-01"),
    ("away on two", [120, -240, -240], "dateString", "2 of 3 days|1 days are left|2026-03-31..2026-04-01"),
    ("with a colon", [-240, 120, -240], "created_at", "--exclude 2026-03-30,2026-04-01"),
    ("all the time", [330, 330, 330], "utcOffset", "each of the 3 days|+3.5 h|--timezone"),
    ("half an hour", [150, 120, 120], "utcOffset", "1 of 3 days"),
    ("29 minutes", [149, 120, 120], "utcOffset", None),
    ("half an hour behind", [90, 120, 120], "utcOffset", "1 of 3 days"),
    ("a quarter of an hour", [135, 120, 120], "utcOffset", None),
]


@pytest.mark.parametrize(("what", "offsets", "field", "said"), OFFSETS, ids=[o[0] for o in OFFSETS])
def test_offsets_of_records_tell_travel(what: str, offsets: list[int | None], field: str, said: str | None) -> None:
    found = travel(entries(offsets, field), [], [], DAYS)
    assert [d.name for d in found] == (["travel"] if said else [])
    assert all(words in found[0].sentence for words in (said or "").split("|") if said)


@pytest.mark.parametrize(("count", "is_travel"), [(144, False), (145, True)])
def test_a_second_phone_is_no_journey(count: int, is_travel: bool) -> None:
    marked = [{**e, "utcOffset": -240 if n % 288 < count else 120} for n, e in enumerate(entries([None] * 3))]
    assert bool(travel(marked, [], [], DAYS)) is is_travel


@pytest.mark.parametrize(
    ("record", "minutes"),
    [
        ({"utcOffset": 90}, 90),
        ({"utcOffset": -90, "dateString": "2026-03-30T10:00:00+05:30"}, -90),
        ({"utcOffset": 0, "dateString": "2026-03-30T10:00:00+05:30"}, 330),
        ({"utcOffset": True}, None),
        ({"created_at": "2026-03-30T10:00:00-03:30"}, -210),
        ({"sysTime": "2026-03-30T10:00:00.000+0030"}, 30),
        ({"created_at": "2026-03-30T10:00:00+00:00", "eventTime": "2026-03-30T10:00:00+0100"}, 60),
        ({"created_at": "2026-03-30T10:00:00Z"}, None),
        ({"created_at": "2026-03-30+0100"}, None),  # no time of the day
        ({"created_at": "2026-03-30 +0100"}, 60),
    ],
)
def test_an_offset_stands_in_a_field_or_at_the_end_of_a_time(record: dict[str, Any], minutes: int | None) -> None:
    assert _offset_min(record) == minutes


@pytest.mark.parametrize(("count", "most"), [(47, "+7"), (48, "−6")])
def test_records_and_half_hours_of_a_zone_weigh_the_same(count: int, most: str) -> None:
    abroad = [{"date": START_MS + n * MINUTE_MS, "utcOffset": -240} for n in range(count)]
    zones = [(float(START_MS - DAY_MS), ZONE), (float(DAYS[2].glucose.start_ms), "Asia/Tokyo")]
    (doubt,) = travel(abroad, [], zones, DAYS)
    assert f"(most by {most} h)" in doubt.sentence
    assert "2 of 3 days" in doubt.sentence


@pytest.mark.parametrize(("later_ms", "is_travel"), [(0, False), (1, True)])
def test_a_zone_that_ends_as_the_days_begin_is_none_of_theirs(later_ms: int, is_travel: bool) -> None:
    zones = [(START_MS - 9.0 * DAY_MS, "Asia/Tokyo"), (float(DAYS[0].glucose.start_ms + later_ms), "America/New_York")]
    assert bool(travel([], [], zones, DAYS)) is is_travel


def test_before_the_first_zone_named_the_run_s_counts() -> None:
    zones = [(float(DAYS[1].glucose.start_ms), ZONE), (float(DAYS[2].glucose.start_ms), "Asia/Tokyo")]
    (doubt,) = travel([], [], zones, DAYS)
    assert "1 of 3 days" in doubt.sentence


def switch(day: float, zone: str, **more: Any) -> dict[str, Any]:
    body = {"timezone": zone, "basal": [{"time": "00:00", "value": 1}]}
    at = iso_utc(START_MS + day * DAY_MS)
    return {"eventType": "Profile Switch", "created_at": at, "profileJson": json.dumps(body), **more}


def document(day: float, zone: str) -> dict[str, Any]:
    return {"startDate": iso_utc(START_MS + day * DAY_MS), "defaultProfile": "A", "store": {"A": {"timezone": zone}}}


ZONES: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]], str | None]] = [
    ("one document", [document(-99, ZONE)], [], None),
    ("the same zone in a switch", [document(-99, ZONE)], [switch(1, "europe/berlin")], None),
    ("another name of the same clock", [document(-99, ZONE)], [switch(1, "Europe/Paris")], None),
    ("a switch far away", [document(-99, ZONE)], [switch(1, "America/New_York")], "2026-03-31..2026-04-01"),
    ("and back", [document(-99, ZONE)], [switch(1, "America/New_York"), switch(2, ZONE)], "--exclude 2026-03-31."),
    ("a document far away", [document(-99, ZONE), document(2, "Asia/Tokyo")], [], "(most by +7 h)"),
    ("a first document far away", [document(-99, "Asia/Tokyo"), document(2, ZONE)], [], "2 of 3 days"),
    ("long ago", [document(-99, "Asia/Tokyo"), document(-9, ZONE)], [], None),
    ("one zone, and the person asked for another", [document(-99, "Asia/Tokyo")], [], None),
    ("a zone nobody knows", [document(-99, ZONE)], [switch(1, "Mars/Olympus")], None),
    ("a switch that cannot be read", [document(-99, ZONE)], [switch(1, ZONE, profileJson="{")], None),
]


@pytest.mark.parametrize(("what", "documents", "switches", "said"), ZONES, ids=[z[0] for z in ZONES])
def test_zones_of_documents_and_switches_tell_travel(
    what: str, documents: list[dict[str, Any]], switches: list[dict[str, Any]], said: str | None
) -> None:
    found = travel([], [], zones_named(documents, switches), DAYS)
    assert bool(found) is bool(said)
    assert said is None or said in found[0].sentence


@pytest.mark.parametrize("name", [["a"], {"a": 1}, 5, None, True])
def test_a_default_profile_that_is_no_name_names_no_zone(name: Any) -> None:
    document = {"defaultProfile": name, "startDate": "2026-05-13T10:00:00Z", "store": {"a": {"timezone": "UTC"}}}
    assert zones_named([document], []) == []
