"""Profile documents in the shapes Nightscout holds them in, as one typed profile, and on to upstream's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import Reason, Refused
from flows.nightscout.documents import read_records
from flows.oref0.inputs import check_profile
from flows.oref0.profile import settings_of, to_pumpprofile
from flows.profiles.parse import TherapyProfile, unit_name
from flows.settings import Insulin
from flows.values.schedule import Block, Schedule
from tests.people import profile_document, read_profile


def chosen(document: Any, **options: Any) -> TherapyProfile:
    documents = document if isinstance(document, list) else [document]
    return read_profile(documents, **{"name": None, "until_ms": None, "zone": "UTC", **options})


def with_body(**changes: Any) -> dict[str, Any]:
    document = profile_document()
    document["store"]["Default"] |= changes
    return document


def blocks(*items: tuple[str, float]) -> list[dict[str, Any]]:
    return [{"time": time, "value": value} for time, value in items]


def test_a_plain_profile_is_read() -> None:
    profile = chosen(profile_document())
    assert profile.name == "Default"
    assert profile.isf_mgdl_per_u == Schedule.constant(50)
    assert profile.carb_ratio_g_per_u == Schedule.constant(10)
    assert profile.timezone == "Europe/Paris"
    assert profile.dia_h == 6
    assert profile.notes == ()


@pytest.mark.parametrize("units", ["mmol", "mmol/L", "mmol/l", "MMOL/L", " mmol "])
def test_mmol_sensitivities_become_mgdl(units: str) -> None:
    document = profile_document(units=None)
    document["store"]["Default"] |= {"units": units, "sens": blocks(("00:00", 2.8))}
    assert chosen(document).isf_mgdl_per_u.at(0) == pytest.approx(50.4)
    assert chosen(document).units == "mmol/L"


@pytest.mark.parametrize("units", ["mg/dl", "mg/dL", "mgdl", "MG/DL"])
def test_mgdl_sensitivities_stay(units: str) -> None:
    assert chosen(with_body(units=units)).isf_mgdl_per_u.at(0) == 50


def test_a_segment_that_is_not_in_use_is_named_and_not_taken_for_a_rate_of_zero() -> None:
    # tconnectsync repeats 00:00 = 0 for segments that are not in use.
    unused = [{"time": "00:00", "timeAsSeconds": 0, "value": 0}] * 2
    with pytest.raises(Refused, match="a later entry at 00:00 says 0; remove the entries not in use"):
        chosen(with_body(basal=[*blocks(("00:00", 0.7), ("10:00", 0.8)), *unused]))
    assert chosen(with_body(basal=[*blocks(("00:00", 0.7), ("00:00", 0.8))])).basal_u_per_h.at(0) == 0.8


def test_units_are_taken_from_the_store_then_the_top_then_siblings() -> None:
    store_first = with_body(units="mmol", sens=blocks(("00:00", 3)))
    assert chosen(store_first).units == "mmol/L"
    top = with_body(units=None)
    assert chosen(top).units == "mg/dL"
    sibling = with_body(units=None)
    sibling["units"] = None
    sibling["store"]["Other"] = {"units": "mg/dl"}
    assert chosen(sibling).units == "mg/dL"


REFUSED: list[tuple[str, Any, Reason]] = [
    ("no units anywhere", {**with_body(units=None), "units": None}, Reason.PROFILE_UNITS),
    ("mmol numbers called mg/dL", with_body(sens=blocks(("00:00", 2.8))), Reason.PROFILE_FIELD),
    ("mg/dL numbers called mmol", with_body(units="mmol"), Reason.PROFILE_UNITS_DOUBTFUL),
    ("no basal", with_body(basal=None), Reason.PROFILE_FIELD),
    ("an empty basal", with_body(basal=[]), Reason.PROFILE_FIELD),
    ("a basal that is no number", with_body(basal=blocks(("00:00", "fast"))), Reason.PROFILE_FIELD),  # type: ignore[arg-type]
    ("a basal not from 00:00", with_body(basal=blocks(("01:00", 1))), Reason.PROFILE_FIELD),
    ("a basal no pump delivers", with_body(basal=blocks(("00:00", 100))), Reason.PROFILE_FIELD),
    ("a block without a time", with_body(basal=[{"value": 1}]), Reason.PROFILE_FIELD),
    ("a block after midnight", with_body(basal=blocks(("00:00", 1), ("24:00", 1))), Reason.PROFILE_FIELD),
    ("a carb ratio of 0", with_body(carbratio=blocks(("00:00", 0))), Reason.PROFILE_FIELD),
    ("no documents", [], Reason.NO_PROFILE),
    ("an empty document", [{}], Reason.NO_PROFILE),
    ("a null document", [None], Reason.NO_PROFILE),
    ("an empty store", [{"store": {}}], Reason.NO_PROFILE),
]


@pytest.mark.parametrize(("what", "document", "reason"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_cannot_be_known_is_refused(what: str, document: Any, reason: Reason) -> None:
    with pytest.raises(Refused) as caught:
        chosen(document)
    assert caught.value.reason is reason


def test_times_are_read_from_the_clock_or_the_seconds_and_doubts_are_noted() -> None:
    basal = [
        {"time": "2:00", "value": "0.8"},
        {"timeAsSeconds": "0", "value": 0.7},
        {"time": "05:00", "timeAsSeconds": 3600 * 6, "value": 0.9},
        {"time": "08:00", "value": 1.0},
        {"time": "08:00", "value": 1.1},
    ]
    profile = chosen(with_body(basal=basal))
    assert [(b.minutes, b.value) for b in profile.basal_u_per_h.blocks] == [
        (0, 0.7),
        (120, 0.8),
        (300, 0.9),
        (480, 1.1),
    ]
    assert len(profile.notes) == 3


def test_an_old_flat_document_and_a_single_number_are_read() -> None:
    profile = chosen({"units": "mg/dl", "basal": 0.5, "sens": "90", "carbratio": 12, "dia": "4", "timezone": "GMT"})
    assert (profile.basal_u_per_h.at(0), profile.isf_mgdl_per_u.at(0), profile.dia_h) == (0.5, 90, 4)


def test_the_newest_document_not_after_the_data_is_in_force() -> None:
    old = profile_document(_id="old", startDate="2026-01-01T00:00:00Z")
    new = profile_document(_id="new", startDate="2026-03-01T00:00:00Z")
    future = profile_document(_id="future", startDate="2027-01-01T00:00:00Z")
    middle = 1_772_000_000_000  # February 2026
    assert chosen([future, old, new], until_ms=middle).document_id == "old"
    assert chosen([new, future, old], until_ms=middle + 86_400_000 * 60).document_id == "new"
    assert chosen([future], until_ms=middle).document_id == "future"


def test_a_tie_is_settled_by_created_at() -> None:
    first = profile_document(_id="first", created_at="2026-01-01T10:00:00Z")
    second = profile_document(_id="second", created_at="2026-01-01T11:00:00Z")
    assert chosen([first, second]).document_id == chosen([second, first]).document_id == "second"


def test_names_are_listed_when_the_default_is_not_there() -> None:
    document = profile_document(defaultProfile="Gone")
    assert "taken" in chosen(document).notes[0]
    document["store"]["Night"] = document["store"]["Default"]
    with pytest.raises(Refused) as caught:
        chosen(document)
    assert "'Default', 'Night'" in str(caught.value)
    assert chosen(document, name="Night").name == "Night"


def test_several_blocks_begin_as_means_and_sub_hour_basals_keep_the_daily_total() -> None:
    profile = chosen(
        with_body(
            sens=blocks(("00:00", 40), ("12:00", 60)),
            carbratio=blocks(("00:00", 8), ("06:00", 12)),
            basal=blocks(("00:00", 0.5), ("06:30", 1.5), ("07:30", 0.5)),
        )
    )
    pump, notes = to_pumpprofile(profile, insulin=Insulin.RAPID_ACTING, peak_min=None, zone="UTC")
    settings = settings_of(pump)
    assert settings.isf_mgdl_per_u == 50
    assert settings.carb_ratio_g_per_u == 11
    assert settings.basal_u_per_h[6] == settings.basal_u_per_h[7] == 1.0
    assert settings.daily_basal_u == pytest.approx(23 * 0.5 + 1.5 - 0.5 + 0.5)
    assert len(notes) == 1, "of several values it is told once it is known what upstream is given"
    check_profile(pump)


@pytest.mark.parametrize(("dia_h", "given", "noted"), [(3, 5, True), (5, 5, False), (7, 7, False), (None, 6, True)])
def test_a_duration_upstream_would_raise_silently_is_raised_aloud(dia_h: Any, given: float, noted: bool) -> None:
    pump, notes = to_pumpprofile(chosen(with_body(dia=dia_h)), insulin=Insulin.ULTRA_RAPID, peak_min=50, zone="UTC")
    assert pump["dia"] == given
    assert bool(notes) is noted
    assert (pump["curve"], pump["useCustomPeakTime"], pump["insulinPeakTime"]) == ("ultra-rapid", True, 50)


SCHEDULES = st.dictionaries(st.integers(1, 1439), st.floats(0.05, 5), max_size=12).map(
    lambda d: Schedule((Block(0, 0.5), *(Block(m, round(v, 3)) for m, v in sorted(d.items()))))
)


@given(SCHEDULES)
def test_hourly_means_keep_the_daily_total(schedule: Schedule) -> None:
    assert sum(schedule.hourly()) == pytest.approx(24 * schedule.mean())
    by_minute = sum(schedule.at(m) for m in range(1440)) / 1440
    assert schedule.mean() == pytest.approx(by_minute)


@given(SCHEDULES)
def test_a_profile_survives_the_way_to_upstreams_file_and_back(schedule: Schedule) -> None:
    written = [{"time": f"{b.minutes // 60:02d}:{b.minutes % 60:02d}", "value": b.value} for b in schedule.blocks]
    profile = chosen(with_body(basal=written))
    assert profile.basal_u_per_h == schedule
    pump, _ = to_pumpprofile(profile, insulin=Insulin.RAPID_ACTING, peak_min=None, zone="UTC")
    assert settings_of(pump).basal_u_per_h == tuple(round(v, 3) for v in schedule.hourly())


@pytest.mark.parametrize(
    ("written", "name"), [("", None), (None, None), ("kg", None), ("mmol/L", "mmol/L"), ("mg/dL", "mg/dL")]
)
def test_unit_names(written: Any, name: str | None) -> None:
    assert unit_name(written) == name


def test_every_profile_of_the_reference_converts_or_is_refused_with_a_reason(reference_data: Path) -> None:
    for file in sorted((reference_data / "profiles").glob("p*.json")):
        try:
            profile = chosen(read_records(file))
            pump, _ = to_pumpprofile(profile, insulin=Insulin.RAPID_ACTING, peak_min=None, zone="UTC")
            check_profile(pump)
        except Refused as refusal:
            assert len(refusal.sentence) > 20, file.name
            assert refusal.remedy
