"""Profile documents of every class, and any junk at all: each converts, or is refused with a reason to act on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.errors import Reason, Refused
from flows.nightscout.documents import read_records
from flows.oref0.inputs import check_profile
from flows.oref0.profile import to_pumpprofile
from flows.profiles.active_in_data import in_force
from flows.profiles.parse import MMOL_PER_L, TherapyProfile, named_zone
from flows.profiles.schedule_blocks import clock_text
from flows.settings import Insulin
from flows.values.schedule import Block, Schedule
from flows.values.units import MGDL_PER_MMOLL
from tests.people import profile_document, read_profile

GENERATED_DOCUMENTS = int(os.environ.get("AUTOTUNE_TEST_DOCUMENTS", "1000"))
many = settings(max_examples=GENERATED_DOCUMENTS, suppress_health_check=list(HealthCheck))


def chosen(document: Any, **options: Any) -> TherapyProfile:
    documents = document if isinstance(document, list) else [document]
    return read_profile(documents, **{"name": None, "until_ms": None, "zone": None, **options})


def to_document(profile: TherapyProfile) -> dict[str, Any]:
    """A profile as a Nightscout document with it alone, in its own units, without targets."""
    factor = MGDL_PER_MMOLL if profile.units == MMOL_PER_L else 1.0
    units = "mmol" if profile.units == MMOL_PER_L else "mg/dl"
    body: dict[str, Any] = {
        "dia": profile.dia_h,
        "units": units,
        "timezone": profile.timezone,
        "basal": _written(profile.basal_u_per_h),
        "sens": _written(profile.isf_mgdl_per_u, factor),
        "carbratio": _written(profile.carb_ratio_g_per_u),
    }
    document = {"defaultProfile": profile.name, "startDate": profile.start_date, "units": units}
    kept = {k: v for k, v in body.items() if v is not None}
    return {**{k: v for k, v in document.items() if v is not None}, "store": {profile.name: kept}}


def _written(schedule: Schedule, divisor: float = 1.0) -> list[dict[str, Any]]:
    return [
        {"time": clock_text(b.minutes), "timeAsSeconds": b.minutes * 60, "value": b.value / divisor}
        for b in schedule.blocks
    ]


def with_body(**changes: Any) -> dict[str, Any]:
    document = profile_document()
    document["store"]["Default"] |= changes
    return document


def mmol(**changes: Any) -> dict[str, Any]:
    targets = {"target_low": at("00:00", 5.5), "target_high": at("00:00", 6)}
    return with_body(**{"units": "mmol", "sens": at("00:00", 2.8), **targets, **changes}) | {"units": "mmol"}


def at(*items: Any) -> list[dict[str, Any]]:
    return [{"time": time, "value": value} for time, value in zip(items[::2], items[1::2], strict=True)]


def cut(schedule: Schedule) -> list[tuple[int, float]]:
    return [(b.minutes, round(b.value, 6)) for b in schedule.blocks]


# --- schedules: what is written, and what it says

SCHEDULES: list[tuple[str, Any, list[tuple[int, float]], int]] = [
    ("HH:MM", at("00:00", 1, "06:30", 2), [(0, 1), (390, 2)], 0),
    ("H:MM", at("0:00", 1, "2:05", 2), [(0, 1), (125, 2)], 0),
    ("HH:MM:SS", at("00:00:00", 1, "02:00:00", 2), [(0, 1), (120, 2)], 0),
    ("fractions of seconds that are nothing", at("00:00:00.000", 1), [(0, 1)], 0),
    ("Arabic digits, as Android writes them", at("٠٠:٠٠", 1, "٠٦:٠٠", 2), [(0, 1), (360, 2)], 0),
    ("spaces around", at(" 00:00 ", " 1.5 "), [(0, 1.5)], 0),
    ("seconds only", [{"timeAsSeconds": 0, "value": 1}, {"timeAsSeconds": "3600", "value": 2}], [(0, 1), (60, 2)], 0),
    ("seconds only, time empty", [{"time": "", "timeAsSeconds": 0, "value": 1}], [(0, 1)], 0),
    ("both, and the same", [{"time": "00:00", "timeAsSeconds": "0", "value": "1"}], [(0, 1)], 0),
    (
        "both, and different",
        [*at("00:00", 1), {"time": "05:00", "timeAsSeconds": 60, "value": 2}],
        [(0, 1), (300, 2)],
        1,
    ),
    ("an unreadable time with seconds", [{"time": "midnight", "timeAsSeconds": 0, "value": 1}], [(0, 1)], 1),
    ("a readable time with unreadable seconds", [{"time": "00:00", "timeAsSeconds": "x", "value": 1}], [(0, 1)], 0),
    ("not in order", at("12:00", 2, "00:00", 1), [(0, 1), (720, 2)], 1),
    ("a time twice", at("00:00", 1, "00:00", 2), [(0, 2)], 1),
    ("a time twice with the same value", at("00:00", 1, "00:00", 1), [(0, 1)], 0),
    ("a mapping of times", {"00:00": 1, "12:00": "2"}, [(0, 1), (720, 2)], 0),
    ("one entry without a list", {"time": "00:00", "value": 1}, [(0, 1)], 0),
    ("one number for the day", "1.25", [(0, 1.25)], 0),
    ("fields no one asked for", [{"time": "00:00", "value": 1, "i": 7, "_note": []}], [(0, 1)], 0),
]


@pytest.mark.parametrize(("what", "written", "blocks", "notes"), SCHEDULES, ids=[s[0] for s in SCHEDULES])
def test_a_schedule_is_read_however_it_is_written(
    what: str, written: Any, blocks: list[tuple[int, float]], notes: int
) -> None:
    profile = chosen(with_body(basal=written))
    assert cut(profile.basal_u_per_h) == blocks
    assert len(profile.notes) == notes


UNUSABLE: list[tuple[str, Any, str]] = [
    ("first block after midnight", at("01:00", 1), "first entry is at 01:00, not at 00:00"),
    ("24:00", at("00:00", 1, "24:00", 1), "outside the day"),
    ("a negative second", [{"timeAsSeconds": -60, "value": 1}], "outside the day"),
    ("a second beyond the day", [*at("00:00", 1), {"timeAsSeconds": 1e300, "value": 1}], "outside the day"),
    ("half a minute", [*at("00:00", 1), {"timeAsSeconds": 90, "value": 2}], "whole minute"),
    ("seconds in the time", at("00:00:30", 1), "whole minute"),
    ("a time no clock shows", at("00:75", 1), "cannot be read"),
    ("morning and afternoon", at("12:00 AM", 1), "cannot be read"),
    ("no time", [{"value": 1}], "no time"),
    ("no value", [{"time": "00:00"}], "the value at 00:00 is missing"),
    ("a comma that may part thousands", at("00:00", "1,500"), "not a plain number"),
    ("a unit in the value", at("00:00", "0.8 U/h"), "not a plain number"),
    ("a value of true", at("00:00", True), "not a plain number"),
    ("an integer without end", at("00:00", 10**400), "not a plain number"),
    ("NaN", at("00:00", float("nan")), "not a plain number"),
    ("numbers without times", [0.5, 0.6], "entry 1 is not an object"),
    ("nothing", [], "missing or empty"),
    ("true", True, "missing or empty"),
    ("null", None, "missing or empty"),
]


@pytest.mark.parametrize(("what", "written", "detail"), UNUSABLE, ids=[u[0] for u in UNUSABLE])
def test_a_schedule_that_cannot_be_known_is_refused_with_its_place(what: str, written: Any, detail: str) -> None:
    with pytest.raises(Refused) as caught:
        chosen(with_body(basal=written))
    assert caught.value.reason is Reason.PROFILE_FIELD
    assert detail in caught.value.sentence


def test_a_refusal_never_tells_a_value() -> None:
    for changes in (
        {"basal": at("00:00", 77.25)},
        {"sens": at("00:00", 1777.25)},
        {"carbratio": at("00:00", "777.25x")},
    ):
        with pytest.raises(Refused) as caught:
            chosen(with_body(**changes))
        assert "77.25" not in caught.value.sentence + str(caught.value)


# --- units

UNITS: list[tuple[str, Any, Any, Any, str | None, int]] = [
    ("the profile's own", "mmol", None, None, "mmol/L", 0),
    ("the document's", None, "mmol/L", None, "mmol/L", 0),
    ("a sibling's", None, None, "MMOL", "mmol/L", 1),
    ("the profile's before the document's, said aloud", "mmol", "mg/dl", None, "mmol/L", 1),
    ("the document's for one not understood", "kg", "mmol", None, "mmol/L", 1),
    ("nowhere", None, None, None, None, 0),
    ("a number", 5, 7, [], None, 0),
]


@pytest.mark.parametrize(("what", "own", "top", "sibling", "found", "notes"), UNITS, ids=[u[0] for u in UNITS])
def test_units_come_from_the_nearest_place(
    what: str, own: Any, top: Any, sibling: Any, found: str | None, notes: int
) -> None:
    document = mmol(units=own) | {"units": top}
    document["store"]["Other"] = {**document["store"]["Default"], "units": sibling}
    if found is None:
        with pytest.raises(Refused) as caught:
            chosen(document)
        assert caught.value.reason is Reason.PROFILE_UNITS
        return
    profile = chosen(document)
    assert profile.units == found
    assert len(profile.notes) == notes


def test_units_named_nowhere_are_those_all_other_documents_of_the_site_agree_on() -> None:
    silent = mmol(units=None) | {"units": None, "startDate": "2026-03-01T00:00:00Z"}
    profile = chosen([mmol(), silent])
    assert profile.units == "mmol/L"
    assert "other documents" in profile.notes[0]
    with pytest.raises(Refused, match="mg/dL or mmol/L"):
        chosen([mmol(), silent, with_body()])


@pytest.mark.parametrize(
    ("units", "isf", "target", "refused"),
    [
        ("mg/dl", 8, 5.5, True),  # 8 mg/dL or 8 mmol/L: both are possible
        ("mg/dl", 50, 5.5, False),  # 50 mmol/L is not: only the target is odd
        ("mmol", 10, 100, True),
        ("mmol", 2.8, 100, False),
        ("mg/dl", 8, 100, False),
        ("mg/dl", 8, 30, False),  # says nothing
        ("mg/dl", 8, "high", False),
    ],
)
def test_units_that_the_targets_contradict_are_refused_where_the_sensitivity_could_be_either(
    units: str, isf: float, target: Any, refused: bool
) -> None:
    document = with_body(
        units=units, sens=at("00:00", isf), target_low=at("00:00", target), target_high=at("00:00", target)
    )
    document["units"] = units
    if not refused:
        chosen(document)
        return
    with pytest.raises(Refused) as caught:
        chosen(document)
    assert caught.value.reason is Reason.PROFILE_UNITS_DOUBTFUL


# --- stores and names


def test_a_default_is_found_however_its_name_came_to_be_written() -> None:
    for stored, default in [
        ("a < b &", "a &lt; b &amp;"),  # Nightscout 15 escapes the value and not the key
        ("Week_2", "Week.2"),  # AAPS writes _ for the dots MongoDB did not take
        ("Default ", "default"),
    ]:
        document = profile_document(defaultProfile=default)
        document["store"] = {stored: document["store"]["Default"], "Other": document["store"]["Default"]}
        profile = chosen(document)
        assert profile.name == stored
        assert len(profile.notes) == 1


def test_two_names_that_look_alike_are_never_confused() -> None:
    document = profile_document(defaultProfile="DAY")
    body = document["store"]["Default"]
    document["store"] = {"Day": body, "day": body}
    with pytest.raises(Refused, match="'Day', 'day'"):
        chosen(document)


def test_a_name_that_is_asked_for_is_found_or_the_names_are_listed() -> None:
    document = profile_document()
    document["store"]["Night 🌙"] = document["store"]["Default"]
    assert chosen(document, name="Night 🌙").name == "Night 🌙"
    assert chosen(document, name="night 🌙").notes
    assert chosen(document, name="active").name == "Default"
    with pytest.raises(Refused) as caught:
        chosen(document, name="Day")
    assert "'Default', 'Night 🌙'" in caught.value.sentence


def test_very_many_names_are_not_all_listed() -> None:
    body = profile_document()["store"]["Default"]
    document = profile_document(defaultProfile=None, store={f"P{n}" + "x" * 500: body for n in range(50)})
    with pytest.raises(Refused) as caught:
        chosen(document)
    assert len(caught.value.sentence) < 3000
    assert "and 30 more" in caught.value.sentence


def test_a_store_or_profile_written_as_text_is_read() -> None:
    document = profile_document()
    assert chosen({**document, "store": json.dumps(document["store"])}).name == "Default"
    body = json.dumps(json.dumps(document["store"]["Default"]))
    assert chosen({**document, "store": {"Default": body}}).name == "Default"


@pytest.mark.parametrize(
    "empty",
    [{}, None, [], "x", {"store": {}}, {"store": {"Default": {}}}, {"store": {"Default": {"units": "mmol"}}}],
    ids=str,
)
def test_a_document_without_a_profile_is_passed_over_with_a_note(empty: Any) -> None:
    newer = {**empty, "startDate": "2026-04-01T00:00:00Z"} if isinstance(empty, dict) else empty
    profile = chosen([newer, profile_document()])
    assert profile.name == "Default"
    assert "hold no profile" in profile.notes[0]
    with pytest.raises(Refused) as caught:
        chosen([empty])
    assert caught.value.reason is Reason.NO_PROFILE


# --- since when


@pytest.mark.parametrize(
    "dates",
    [
        {"startDate": "1970-01-01T00:00:00.000Z", "created_at": "2026-04-01T10:44:40Z"},
        {"startDate": "1970-01-01T00:00:00.000Z", "mills": "0"},
        {"startDate": None, "mills": 0},
        {"startDate": ""},
        {"startDate": "1980-01-01"},
        {"startDate": "never"},
        {"startDate": 10**400},
        {"startDate": "2026-01-01T00:00:00Z", "mills": 1893456000000},  # Nightscout overwrites mills with startDate
        {"startDate": None, "mills": "1767225600000"},
        {"startDate": 1767225600},
        {"startDate": "2026-01-01 00:00"},
    ],
    ids=str,
)
def test_a_document_is_in_force_since_its_start_date(dates: dict[str, Any]) -> None:
    february = 1_770_000_000_000
    profile = chosen(profile_document(**dates), until_ms=february)
    assert profile.notes == ()


def test_the_order_and_repetition_of_documents_changes_nothing() -> None:
    documents = [profile_document(_id=n, created_at=c) for n in "abc" for c in ("2026-01-01T10:00:00Z", None)]
    first = chosen(documents)
    assert chosen(documents[::-1]) == first
    assert chosen(documents * 2) == first


# --- time zones


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("ETC/GMT+7", "Etc/GMT+7"),
        ("etc/gmt-2", "Etc/GMT-2"),
        ("GMT", "GMT"),
        ("UTC", "UTC"),
        ("europe/paris", "Europe/Paris"),
        ("US/Central", "US/Central"),
        ("Japan", "Japan"),
        (" Europe/Paris ", "Europe/Paris"),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_time_zone_is_given_its_own_spelling(written: Any, found: str | None) -> None:
    assert chosen(with_body(timezone=written)).timezone == found
    assert named_zone([with_body(timezone=written)], name=None, until_ms=None) == found


@pytest.mark.parametrize("written", ["UTC+2", "GMT+02:00", "Mars/Olympus", "W. Europe Standard Time", "x" * 999])
def test_an_unknown_zone_stops_the_run_unless_the_person_named_one(written: str) -> None:
    with pytest.raises(Refused) as caught:
        chosen(with_body(timezone=written))
    assert caught.value.reason is Reason.UNKNOWN_TIMEZONE
    assert "--timezone" in caught.value.remedy
    assert len(caught.value.sentence) < 200
    profile = chosen(with_body(timezone=written), zone="Europe/Paris")
    assert profile.timezone is None
    assert "was used" in profile.notes[0]


def test_the_zone_can_be_had_from_a_profile_whose_schedules_are_at_fault() -> None:
    assert named_zone([with_body(basal=None)], name=None, until_ms=None) == "Europe/Paris"
    top = {**with_body(timezone=None), "timezone": "Europe/Berlin"}
    assert named_zone([top], name="Default", until_ms=None) == "Europe/Berlin"


# --- insulin action and other settings


@pytest.mark.parametrize(
    ("changes", "dia_h", "peak_min", "notes"),
    [
        ({"dia": "5"}, 5, None, 0),
        ({"dia": ""}, None, None, 0),
        ({"dia": 0}, None, None, 1),
        ({"dia": 11}, 11, None, 1),
        ({"dia": None, "iCfg": {"insulinEndTime": 21_600_000, "insulinPeakTime": 3_300_000}}, 6, 55, 0),
        ({"dia": 7, "icfg": {"insulinEndTime": 21_600_000, "insulinPeakTime": 0}}, 7, None, 0),
        ({"basal": at("00:00", 0.025)}, 6, None, 1),
        ({"carbs_hr": "x", "delay": "y", "startDate": "1970", "target_low": None}, 6, None, 0),
    ],
    ids=str,
)
def test_insulin_action_is_read_and_oddities_are_noted(
    changes: dict[str, Any], dia_h: float | None, peak_min: float | None, notes: int
) -> None:
    profile = chosen(with_body(**changes))
    assert (profile.dia_h, profile.insulin_peak_min, len(profile.notes)) == (dia_h, peak_min, notes)


@pytest.mark.parametrize("dia", [-3, 360, "5 h", True, [5]])
def test_a_duration_of_insulin_action_no_one_has_is_refused(dia: Any) -> None:
    with pytest.raises(Refused, match="duration of insulin action"):
        chosen(with_body(dia=dia))


# --- invented documents as apps upload them


def loop() -> list[Any]:
    """Offset zone, values through a unit conversion, blocks off the hour, one document for each change of settings."""
    body = {
        "units": "mmol/L", "timezone": "ETC/GMT+5", "dia": 6, "carbs_hr": "0", "delay": "0",
        "basal": at("00:00", 0.45, "05:30", 0.6000000000000001), "sens": at("00:00", 2.4999999999999996),
        "carbratio": at("00:00", 9), "target_low": at("00:00", 4.999999999999999), "target_high": at("00:00", 6.1),
    }  # fmt: skip
    return [
        {"defaultProfile": "Default", "enteredBy": "Loop", "startDate": f"2026-03-0{n}T10:00:00Z", "mills": f"{n}",
         "units": "mmol/L", "loopSettings": {"deviceToken": "secret"}, "store": {"Default": body}}
        for n in (3, 2, 1)
    ]  # fmt: skip


def trio() -> Any:
    body = {
        "dia": 10, "carbs_hr": 0, "delay": 0, "timezone": "Europe/Oslo", "units": "mmol",
        "target_low": [{"time": "00:00", "timeAsSeconds": 0, "value": 5.6}],
        "target_high": [{"time": "00:00", "timeAsSeconds": 0, "value": 5.6}],
        "sens": [{"time": "00:00", "timeAsSeconds": 0, "value": 3.1}],
        "basal": [{"time": "00:00", "timeAsSeconds": 0, "value": 0.7}],
        "carbratio": [{"time": "00:00", "timeAsSeconds": 0, "value": 11.5}],
    }  # fmt: skip
    return {"defaultProfile": "default", "startDate": "2026-03-01T10:00:00.123Z", "enteredBy": "Trio", "units": "mmol",
            "bundleIdentifier": "x", "deviceToken": "secret", "store": {"default": body}}  # fmt: skip


def old_careportal() -> Any:
    """The single profile of Nightscout's first years: flat, text, no zone, no units in it."""
    return {"dia": "3", "carbs_hr": "20", "delay": "20", "units": "mg/dl", "carbratio": at("00:00", "30"),
            "sens": at("00:00", "100"), "basal": at("00:00", "0.1"), "startDate": "2014-01-01"}  # fmt: skip


def aaps() -> Any:
    body = {"dia": 5.5, "timezone": "Europe/Prague", "units": "mg/dl", "basal": at("00:00", 0.9, "06:00", 1.1),
            "sens": at("00:00", 45), "carbratio": at("00:00", 8),
            "target_low": at("00:00", 100), "target_high": at("00:00", 100)}  # fmt: skip
    ms = 1_772_360_000_000
    return {"defaultProfile": "A", "date": ms, "mills": ms, "created_at": "2026-03-01T10:13:20Z", "app": "AAPS",
            "startDate": "2026-03-01T10:13:20Z", "store": {"A": body, "B": {**body, "units": ""}}}  # fmt: skip


@pytest.mark.parametrize("make", [loop, trio, old_careportal, aaps], ids=lambda m: m.__name__)
def test_what_apps_upload_becomes_a_profile_upstream_can_run_with(make: Any) -> None:
    profile = chosen(make(), until_ms=1_780_000_000_000)
    pump, _ = to_pumpprofile(profile, insulin=Insulin.RAPID_ACTING, peak_min=None, zone="Europe/Paris")
    check_profile(pump)
    assert "secret" not in repr(profile)
    assert 40 <= profile.isf_mgdl_per_u.at(0) <= 100


def test_every_reference_document_converts_or_is_refused_with_a_reason_to_act_on(reference_data: Path) -> None:
    files = [*(reference_data / "profiles").glob("*.json"), *reference_data.glob("*/profile*.json")]
    assert files
    for file in sorted(files):
        for document in read_records(file):
            try:
                profile = read_profile([document], name=None, until_ms=None, zone="UTC")
                pump, _ = to_pumpprofile(profile, insulin=Insulin.RAPID_ACTING, peak_min=None, zone="UTC")
                check_profile(pump)
            except Refused as refusal:
                assert refusal.reason in (Reason.BASAL_ZERO, Reason.CARB_RATIO_RANGE, Reason.PROFILE_FIELD), file.name
                assert len(refusal.remedy) > 20


# --- properties

VALUES = st.floats(0.05, 30, allow_nan=False)


def schedules(low: float, high: float) -> st.SearchStrategy[Schedule]:
    values = st.floats(low, high, allow_nan=False)
    later = st.dictionaries(st.integers(1, 1439), values, max_size=10)
    return st.tuples(values, later).map(
        lambda t: Schedule((Block(0, t[0]), *(Block(m, v) for m, v in sorted(t[1].items()))))
    )


@given(
    st.sampled_from(["mg/dL", "mmol/L"]),
    schedules(0, 35),
    schedules(5.1, 499),
    schedules(1, 200),
    st.none() | st.floats(1, 24),
    st.sampled_from([None, "Europe/Paris", "Etc/GMT+7"]),
    st.text(min_size=1, max_size=20),
)
def test_a_profile_survives_the_way_to_a_nightscout_document_and_back(
    units: str,
    basal: Schedule,
    isf: Schedule,
    ratio: Schedule,
    dia_h: float | None,
    zone: str | None,
    name: str,
) -> None:
    profile = TherapyProfile(name, basal, isf, ratio, dia_h, zone, units, None, None, "", (name,))
    document = json.loads(json.dumps(to_document(profile)))
    again = read_profile([document], name=name, until_ms=None, zone=None)
    for before, after in (
        (profile.basal_u_per_h, again.basal_u_per_h),
        (profile.isf_mgdl_per_u, again.isf_mgdl_per_u),
        (profile.carb_ratio_g_per_u, again.carb_ratio_g_per_u),
    ):
        assert [b.minutes for b in before.blocks] == [b.minutes for b in after.blocks]
        assert [b.value for b in after.blocks] == pytest.approx([b.value for b in before.blocks], rel=1e-9)
    assert (again.name, again.dia_h, again.timezone, again.units) == (name, dia_h, zone, units)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**3), 10**3)
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["00:00", "24:00", "1", "mmol", "mg/dl", "Default", "2026-01-01T00:00:00Z", "0", '{"a":1}', "[["]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["time", "value", "00:00", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(good, good, good, JUNK)


ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "time": mostly(st.sampled_from(["00:00", "06:00", "12:30", "2:00"])),
        "timeAsSeconds": mostly(st.sampled_from([0, "0", 21600, 90])),
        "value": mostly(VALUES | VALUES.map(str)),
    },
)
BLOCKS = mostly(st.lists(ENTRY, max_size=4) | st.just(at("00:00", 6)) | st.just({"00:00": 6}))
BODY = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("basal", "sens", "carbratio", "target_low", "target_high"), BLOCKS),
        "units": mostly(st.sampled_from(["mmol", "mg/dl"])),
        "timezone": mostly(st.sampled_from(["Europe/Paris", "ETC/GMT+7"])),
        "dia": mostly(st.just(6)),
        "iCfg": JUNK,
    },
)
NAMES = st.sampled_from(["Default", "Other", "a.b", "active"]) | st.text(max_size=4)
MOMENTS = mostly(st.sampled_from(["2026-01-01T00:00:00Z", "1970-01-01T00:00:00Z", 1_767_225_600_000, "2026-02-01"]))
LOOSE_DOCUMENT = mostly(
    st.fixed_dictionaries(
        {},
        optional={
            "store": mostly(st.dictionaries(NAMES, mostly(BODY), max_size=3)),
            "defaultProfile": mostly(NAMES),
            "units": mostly(st.sampled_from(["mmol", "mg/dl"])),
            **dict.fromkeys(("startDate", "created_at", "mills"), MOMENTS),
            "_id": JUNK,
            "basal": BLOCKS,
        },
    )
)
LOOSE_SWITCH = mostly(
    st.fixed_dictionaries(
        {},
        optional={
            "eventType": st.sampled_from(["Profile Switch", "Note", "Effective Profile Switch"]) | JUNK,
            "created_at": MOMENTS,
            "profile": mostly(NAMES | st.just("Default (80%,2h)")),
            "profileJson": mostly(BODY | BODY.map(json.dumps) | st.sampled_from(["{", "[" * 5000, '"x"'])),
            **dict.fromkeys(("percentage", "originalPercentage"), mostly(st.sampled_from([80, "120", 0]))),
            **dict.fromkeys(("timeshift", "originalTimeshift"), mostly(st.sampled_from([2, -1, 7_200_000]))),
            **dict.fromkeys(
                ("duration", "originalDuration", "originalEnd"), mostly(st.sampled_from([0, 60, 3_600_000]))
            ),
            "originalProfileName": mostly(NAMES),
            "isValid": JUNK,
        },
    )
)


def damaged(whole: Any, places: list[tuple[list[int], Any]]) -> Any:
    """The document with other things, or nothing, in some of its places."""
    copy = json.loads(json.dumps(whole))
    for path, junk in places:
        container: Any = copy
        for depth, step in enumerate(path, 1):
            keys = list(container) if isinstance(container, dict) else list(range(len(container)))
            if not keys:
                break
            key = keys[step % len(keys)]
            if depth == len(path) or not isinstance(container[key], dict | list):
                if junk == "gone":
                    del container[key]
                else:
                    container[key] = junk
                break
            container = container[key]
    return copy


DAMAGE = st.lists(st.tuples(st.lists(st.integers(0, 30), min_size=1, max_size=6), JUNK | st.just("gone")), max_size=3)
WHOLE = [mmol(), trio(), aaps(), *loop(), old_careportal(), profile_document()]
DAMAGED = st.builds(damaged, st.sampled_from(WHOLE), DAMAGE)
DOCUMENT = st.one_of(LOOSE_DOCUMENT, DAMAGED, DAMAGED)
WHOLE_SWITCHES: list[Any] = [
    {"eventType": event, "created_at": "2026-01-10T00:00:00Z", "profile": "Default", "originalProfileName": "Default",
     **dict.fromkeys(("percentage", "originalPercentage"), 80), "duration": 60, "timeshift": 2,
     "profileJson": mmol()["store"]["Default"]}
    for event in ("Profile Switch", "Note")
]  # fmt: skip
SWITCH = LOOSE_SWITCH | st.builds(damaged, st.sampled_from(WHOLE_SWITCHES), DAMAGE)


@many
@given(
    st.lists(DOCUMENT, min_size=1, max_size=3),
    st.lists(SWITCH, max_size=3),
    st.none() | st.just("active") | NAMES,
    st.sampled_from([None, "Europe/Paris"]),
)
def test_junk_never_raises_anything_but_a_refusal(
    documents: list[Any], treatments: list[Any], name: str | None, zone: str | None
) -> None:
    window = {"window_start_ms": 1_768_000_000_000, "window_end_ms": 1_770_000_000_000}
    for attempt in (
        lambda: named_zone(documents, name=name, until_ms=None),
        lambda: in_force(documents, treatments, name=name, zone=zone, **window).document(),
    ):
        try:
            attempt()
        except Refused as refusal:
            assert refusal.sentence.endswith(".")
            assert refusal.remedy
