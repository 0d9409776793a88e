"""The plan: the exact new document, everything else kept, numbers in the profile's own units; and what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flows.errors import Reason, Refused
from flows.nightscout.documents import read_records
from flows.profiles.stored import stored_documents
from flows.proposal.document import Proposal
from flows.report.text.changes import changes_text, to_type_in, verdict_text
from flows.values.parts import Part
from flows.writeback.active_on_site import SERVER_OWNED, SiteProfiles, differences, profile_content, store_of
from flows.writeback.approval import Decision, Scope, SyncRequest
from flows.writeback.approval_checks import report_only_app
from flows.writeback.plan import Plan, plan
from flows.writeback.site_documents import escaped_json, start_date, switch_treatment
from tests.people import read_profile
from tests.proposals import as_one, mmol_document, profile_document, proposal, with_several


def asked(made: Proposal, **options: Any) -> SyncRequest:
    known = {"proposal_id": made.proposal_id, "sha256": made.sha256, "decision": Decision.APPROVE, "what": Scope.ALL}
    return SyncRequest(**{**known, **options})


def planned(source: dict[str, Any], made: Proposal | None = None, **options: Any) -> Plan:
    made = made or proposal(source)
    return plan(made, source, asked(made, **options))


def refusal_of(source: dict[str, Any], made: Proposal | None = None, **options: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        planned(source, made, **options)
    return caught.value


def check_kept(source: dict[str, Any], found: Plan) -> None:
    """All of the source but what the server owns, and beside it one profile that differs in three schedules."""
    others = {k: v for k, v in found.document.items() if k != "store"}
    assert others == {k: v for k, v in profile_content(source).items() if k != "store"}
    assert not SERVER_OWNED & set(found.document)
    assert "startDate" not in found.document
    siblings = {k: v for k, v in found.document["store"].items() if k != found.name}
    assert siblings == source["store"]
    old, new = source["store"][found.source_name], found.document["store"][found.name]
    assert {k for k in {**old, **new} if old.get(k) != new.get(k)} <= {"basal", "sens", "carbratio", "units"}


def check_converts(found: Plan, made: Proposal) -> None:
    """The written profile, read as any profile is, has the proposal's numbers of the parts that were written."""
    written = {**found.document, "startDate": "2026-11-22T12:00:00.000Z"}
    profile = read_profile([json.loads(json.dumps(written))], name=found.name, until_ms=None, zone="Europe/Paris")
    assert profile.units == made.units.value
    assert profile.basal_u_per_h.hourly() == pytest.approx(list(made.for_pump.basal_u_per_h))
    written_parts = {line.part for line in found.lines}
    for block in made.for_pump.isf if Part.ISF in written_parts else ():
        minutes = int(block.start[:2]) * 60 + int(block.start[3:])
        assert profile.isf_mgdl_per_u.at(minutes) == pytest.approx(block.recommended_mgdl_per_u, abs=0.002)
    for ratio in made.for_pump.carb_ratio if Part.CARB_RATIO in written_parts else ():
        minutes = int(ratio.start[:2]) * 60 + int(ratio.start[3:])
        assert profile.carb_ratio_g_per_u.at(minutes) == pytest.approx(ratio.recommended_g_per_u)


@pytest.mark.parametrize("source", [profile_document(), mmol_document()], ids=["mg/dL", "mmol/L"])
def test_everything_is_kept_and_the_numbers_are_the_proposals(source: dict[str, Any]) -> None:
    untouched = copy.deepcopy(source)
    made = proposal(source)
    found = planned(source, made)
    assert source == untouched
    check_kept(source, found)
    check_converts(found, made)
    for field in ("basal", "sens", "carbratio"):
        for entry in found.document["store"][found.name][field]:
            assert isinstance(entry["value"], float)
            assert isinstance(entry["time"], str)


@pytest.mark.parametrize(("part", "field", "how"), [("cr", "carbratio", "meals"), ("isf", "sens", "isf_points")])
def test_several_of_which_upstream_was_given_a_comparable_one_are_written(part: str, field: str, how: str) -> None:
    source = with_several(field, 50, 40, 30)
    made = proposal(source, change=as_one(part, how, 9, 0, 9))
    found = planned(source, made)
    check_kept(source, found)
    check_converts(found, made)
    lines = [(line.current, line.new != line.current) for line in found.lines if line.part is Part(part)]
    assert lines == [(50, True), (40, False), (30, True)]
    (said,) = [note for note in found.notes if "stays as it is" in note]
    assert "from 02:00 stays as it is: there were no" in said
    other = "isf" if part == "cr" else "cr"
    assert not [n for n in planned(source, made, only=["basal", other]).notes if "stays as it is" in n]


def test_an_untuned_schedule_of_several_is_not_written() -> None:
    source = with_several("carbratio", 10, 8)
    made = proposal(source, change=as_one("cr", "time", 0, 0))
    assert refusal_of(source, made, only=["cr"]).reason is Reason.NOTHING_TO_WRITE


REFERENCE_PROFILES = [
    "p01_openaps_mmol_strings_partial_tas",
    "p03_loop_mmolL_etcgmt7_subhour",
    "p09_ns2015_all_strings_subhour",
    "p13_us_central_3records_mills_mismatch",
    "p15_aaps_v1_store_no_tas",
    "p23_autotune123_fork_mgdl_10isf_4cr",
    "p24_DERIVED_aaps_recorded_pump_profile",
]


@pytest.mark.parametrize("name", REFERENCE_PROFILES)
def test_real_profile_documents_survive(name: str, reference_data: Path) -> None:
    documents = [d for d in read_records(reference_data / "profiles" / f"{name}.json") if isinstance(d, dict)]
    source = SiteProfiles(tuple(documents), ()).newest
    made = proposal(source)
    untrusted = made.for_pump.several
    if untrusted:
        assert refusal_of(source, made).reason is Reason.PROPOSAL_SEVERAL
    found = planned(source, made, only=[part for part in Part if part not in untrusted])
    check_kept(source, found)
    check_converts(found, made)
    again = json.loads(json.dumps(found.document))
    assert differences(found.document, again) == []


@pytest.mark.parametrize(
    ("source", "only", "what"),
    [
        (with_several("carbratio", 10, 8), [], "carb ratios"),
        (with_several("carbratio", 10, 8), ["cr"], "carb ratios"),
        (with_several("carbratio", 10, 8), ["basal", "cr"], "carb ratios"),
        (with_several("carbratio", 10, 8), ["basal", "isf"], None),
        (with_several("carbratio", 10, 10, 10), [], None),
        (with_several("carbratio", 10, 10.006), ["cr"], "carb ratios"),
        (with_several("carbratio", 10, 10.004), ["cr"], None),
        (with_several("sens", 50, 49, 50), [], "insulin sensitivities"),
        (with_several("sens", 50, 49, 50), ["isf"], "insulin sensitivities"),
        (with_several("sens", 50, 49, 50), ["basal", "cr"], None),
        (with_several("sens", 2.8, 2.7, units="mmol"), ["isf"], "insulin sensitivities"),
    ],
)
@pytest.mark.parametrize("colour", ["green", "amber"])  # sealed before several were red
def test_settings_the_profile_has_several_of_are_not_written_whatever_was_sealed(
    colour: str, source: dict[str, Any], only: list[str], what: str | None
) -> None:
    if source["units"] == "mmol":
        for body in source["store"].values():
            body["units"] = "mmol"
    made = proposal(source, colour=colour)
    if what is None:
        check_kept(source, planned(source, made, only=only))
        return
    refusal = refusal_of(source, made, only=only)
    assert refusal.reason is Reason.PROPOSAL_SEVERAL
    assert f"several {what}, and the recommendation for them cannot be trusted yet" in str(refusal)
    assert {line.part for line in planned(source, made, only=["basal"]).lines} == {Part.BASAL}


def test_an_old_flat_document_is_written_as_nightscout_reads_it() -> None:
    body = profile_document()["store"]["Day"]
    flat = {**body, "_id": "0" * 24, "startDate": "2026-11-01T00:00:00.000Z", "created_at": "2026-11-01T00:00:00.000Z"}
    made = proposal(flat)
    found = planned(flat, made)
    assert found.document["defaultProfile"] == "Default"
    assert found.document["store"]["Default"] == body
    assert set(found.document["store"][found.name]) == set(body)
    check_converts(found, made)


def test_a_store_written_as_text_is_written_as_an_object() -> None:
    source = profile_document()
    text = {**source, "store": json.dumps(source["store"])}
    found = planned(text, proposal(text))
    assert {k: v for k, v in found.document["store"].items() if k != found.name} == source["store"]


@pytest.mark.parametrize(
    ("only", "changed"), [(["basal"], {"basal"}), (["isf"], {"sens"}), (["cr", "basal"], {"carbratio", "basal"})]
)
def test_parts_that_were_not_asked_for_stay_as_they_are(only: list[str], changed: set[str]) -> None:
    source = profile_document()
    found = planned(source, only=only)
    old, new = source["store"]["Day"], found.document["store"][found.name]
    assert {k for k in old if old[k] != new[k]} == changed
    assert {line.part for line in found.lines} == set(map(Part, only))
    assert found.daily_basal_current_u == pytest.approx(22.8)
    assert found.daily_basal_new_u == pytest.approx(20.4 if "basal" in only else 22.8)


def other_current(document: dict[str, Any]) -> None:
    document["current"]["basal_u_per_h"][3] = 0.9


def other_blocks(document: dict[str, Any]) -> None:
    document["for_pump"]["isf"] = document["for_pump"]["isf"][:1]


def other_ratio(document: dict[str, Any]) -> None:
    for block in document["for_pump"]["carb_ratio"]:
        block["current_g_per_u"] = 11.0


def zero_basal(document: dict[str, Any]) -> None:
    document["for_pump"]["basal_u_per_h"][0] = 0.0


def far_basal(document: dict[str, Any]) -> None:
    document["for_pump"]["basal_u_per_h"][0] = 8.0  # a decimal point lost


def far_isf(document: dict[str, Any]) -> None:
    document["for_pump"]["isf"][0]["recommended_mgdl_per_u"] = 2.8  # mmol/L in a profile of mg/dL


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (other_current, Reason.PROPOSAL_OTHER_SOURCE),
        (other_blocks, Reason.PROPOSAL_OTHER_SOURCE),
        (other_ratio, Reason.PROPOSAL_OTHER_SOURCE),
        (zero_basal, Reason.WRITE_VALUE),
        (far_basal, Reason.WRITE_VALUE),
        (far_isf, Reason.WRITE_VALUE),
    ],
    ids=lambda v: getattr(v, "__name__", v.name if isinstance(v, Reason) else v),
)
def test_numbers_that_cannot_be_the_recommendation_of_this_source_are_refused(change: Any, reason: Reason) -> None:
    source = profile_document()
    refusal = refusal_of(source, proposal(source, change=change))
    assert refusal.reason is reason
    assert not [n for n in ("2.8", "8.0", "0.9 ", "11.0") if n in str(refusal)]


def test_a_proposal_in_other_units_than_its_source_is_refused() -> None:
    source = mmol_document()
    assert refusal_of(source, proposal(source, units="mg/dL")).reason is Reason.PROPOSAL_OTHER_SOURCE


def test_nothing_to_change_is_nothing_to_write() -> None:
    source = profile_document()
    assert refusal_of(source, proposal(source, factor=1.0)).reason is Reason.NOTHING_TO_WRITE


@pytest.mark.parametrize(
    "name", ["", " x", "x ", "a<b>", "a & b", "a.b", "$x", "Tuned (80%)", "x@@@@@1", "x" * 41, "a\nb", '"', "-x"]
)
def test_names_that_something_would_change_are_refused(name: str) -> None:
    assert refusal_of(profile_document(), name=name).reason is Reason.WRITE_NAME


@pytest.mark.parametrize("name", ["Autotune", "Été 2", "tuned_basal-1", "夜"])
def test_plain_names_are_taken(name: str) -> None:
    assert name in planned(profile_document(), name=name).document["store"]


@pytest.mark.parametrize("text", ["a < b", "x & y", "<b>", "a\xa0b", "&eacute;", "line\r\n"])
def test_texts_that_nightscout_15_would_change_are_refused(text: str) -> None:
    source = profile_document(notes=text)
    refusal = refusal_of(source)
    assert refusal.reason is Reason.WRITE_MARKUP
    assert "notes" in str(refusal)


def test_texts_it_has_changed_already_are_written() -> None:
    source = profile_document(notes="a &amp; b &lt; c")
    source["store"]["Fish & <Chips>"] = source["store"].pop("Night shift")  # keys are left as they are
    assert planned(source).document["notes"] == "a &amp; b &lt; c"


def test_a_switch_carries_a_profile_that_can_be_read_by_itself() -> None:
    source = profile_document()
    for body in source["store"].values():
        body.pop("units")
    source["store"]["Day"]["notes"] = "&lt; 80"
    found = planned(source)
    assert found.profile_json["units"] == "mg/dl"
    switch = switch_treatment(found.name, found.profile_json, 1_795_608_000_000, "why")
    assert switch["created_at"] == "2026-11-25T12:00:00.000Z"
    assert not [c for c in switch["profileJson"] if c in "<>&" or ord(c) > 127]
    assert json.loads(switch["profileJson"]) == found.profile_json
    assert "units" not in switch  # 0.12 drops it
    assert "glucose" not in switch
    (as_stored,) = stored_documents([{"startDate": "x", "store": {"x": json.loads(switch["profileJson"])}}], None)
    assert as_stored.names == ("x",)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
@settings(max_examples=25)
def test_what_a_switch_carries_is_read_back_as_it_was(value: Any) -> None:
    text = escaped_json({"x": value})
    assert json.loads(text) == {"x": value}
    assert text.isascii()
    assert not set(text) & set("<>&")


@given(st.dictionaries(st.text(min_size=1), st.integers() | st.text() | st.lists(st.floats(allow_nan=False))))
@settings(max_examples=25)
def test_any_field_nobody_knows_is_kept_or_the_document_is_refused(fields: dict[str, Any]) -> None:
    known = {"store", "defaultProfile", "startDate", "units", *SERVER_OWNED}
    unknown = {k: v for k, v in fields.items() if k not in known}
    source = profile_document(**unknown)
    try:
        found = planned(source)
    except Refused as refusal:
        assert refusal.reason is Reason.WRITE_MARKUP
    else:
        check_kept(source, found)


def test_a_start_is_a_whole_second_in_utc() -> None:
    assert start_date(1_795_608_000_999) == "2026-11-25T12:00:00.000Z"


def test_the_diff_is_in_the_persons_units_with_daily_totals() -> None:
    source = mmol_document()
    found = planned(source)
    made = proposal(source)
    text = changes_text(found, made, activate=False)
    assert "Insulin sensitivity (ISF) [mmol/L/U]" in text
    assert "  00:00–24:00       2.8 →      3.1   +10.7 %" in text
    assert "  whole day       22.80 →    20.40 U  −10.5 %" in text
    assert "Nothing becomes active" in text
    assert "becomes ACTIVE" in changes_text(found, made, activate=True)
    assert "keep current value" not in text


def test_a_basal_that_changes_within_an_hour_is_kept_where_the_hour_stays_and_told_where_not() -> None:
    source = profile_document()
    half = [("00:00", 0.8), ("00:30", 1.2), ("01:00", 1.0), ("02:00", 0.9), ("02:30", 1.1), ("03:00", 1.0)]
    source["store"]["Day"]["basal"] = [{"time": time, "value": value, "own": time} for time, value in half]

    def pump(**hours: float) -> Callable[[dict[str, Any]], None]:
        rates = [hours.get(f"h{hour}", 1.0) for hour in range(24)]
        return lambda document: document["for_pump"].update(basal_u_per_h=rates)

    same = planned(source, proposal(source, change=pump()))
    assert same.profile_json["basal"] == source["store"]["Day"]["basal"]
    assert not [note for note in same.notes if "whole hour" in note]
    made = proposal(source, change=pump(h2=0.9))
    found = planned(source, made)
    written = [(entry["time"], entry["value"]) for entry in found.profile_json["basal"]]
    assert written == [("00:00", 0.8), ("00:30", 1.2), ("01:00", 1.0), ("02:00", 0.9), ("03:00", 1.0)]
    assert [(line.start, line.new) for line in found.changed if line.part is Part.BASAL] == [("02:00", 0.9)]
    assert "within the hour of 02:00 now" in changes_text(found, made, activate=False)
    assert not [note for note in planned(source, made, only=["isf"]).notes if "whole hour" in note]


def test_the_diff_marks_what_is_not_worth_changing() -> None:
    source = profile_document()

    def isf_and_two_hours(document: dict[str, Any]) -> None:
        document["verdict"]["worth_changing"] = ["isf", "basal_03", "basal_04"]
        reason = {"rule": "r", "title": "t", "colour": "amber", "sentence": "A reason.", "source": "s"}
        document["verdict"].update(colour="amber", reasons=[reason])

    made = proposal(source, change=isf_and_two_hours)
    text = changes_text(planned(source), made, activate=False)
    marked = [
        row.split()[0] for row in text.splitlines() if row.endswith("too small or not repeatable: keep current value")
    ]
    assert marked == ["00:00–03:00", "05:00–06:00", "06:00–24:00", "00:00–24:00"]
    assert "--only and --hours write just" in text
    assert verdict_text(made).splitlines() == ["Verdict   AMBER: a headline", "  AMBER: A reason."]
    assert "  06:00  0.9\n" in to_type_in(planned(source))


def test_what_aaps_would_not_take_is_said() -> None:
    source = profile_document()
    source["store"]["Day"]["sens"][1]["time"] = "06:30"
    source["store"]["Day"]["dia"] = 4
    notes = " ".join(planned(source).notes)
    assert "full hour" in notes
    assert "duration of insulin action" in notes
    assert planned(profile_document()).notes == ()


@pytest.mark.parametrize("targets", [[], "", [{"time": "06:00", "value": "high"}]])
def test_targets_that_cannot_be_read_are_said_and_keep_nobody_from_writing(targets: Any) -> None:
    source = profile_document()
    source["store"]["Day"]["target_low"] = targets
    assert "targets cannot be read" in " ".join(planned(source).notes)


@pytest.mark.parametrize(
    ("changes", "app"),
    [
        ({"enteredBy": "Loop"}, "Loop"),
        ({"loopSettings": {"bundleIdentifier": "com.x.loopkit.Loop"}}, "Loop"),
        ({"enteredBy": "Trio"}, "Trio"),
        ({"enteredBy": "freeaps-x"}, "FreeAPS X"),
        ({"enteredBy": "AndroidAPS"}, None),
        ({}, None),
    ],
)
def test_apps_that_read_no_profile_are_known(changes: dict[str, Any], app: str | None) -> None:
    assert report_only_app(profile_document(**changes)) == app


def test_the_old_form_of_a_document_has_its_store() -> None:
    assert set(store_of(profile_document())) == {"Day", "Night shift"}


AAPS_TAKES = [("adult", 9.0, True), ("adult", 9.1, False), ("adult", 5.0, True), ("adult", 4.9, False)]
AAPS_TAKES += [("pregnant", 10.0, True), ("pregnant", 10.1, False)]


@pytest.mark.parametrize(("age_group", "dia_h", "taken"), AAPS_TAKES)
def test_what_aaps_takes_depends_on_the_age_group(age_group: str, dia_h: float, taken: bool) -> None:
    source = profile_document()
    source["store"]["Day"]["dia"] = dia_h
    made = proposal(source, change=lambda document: document["options"].update(age_group=age_group))
    assert bool(planned(source, made).notes) is not taken


def test_the_step_is_written_and_nothing_beside_it() -> None:
    source = profile_document()
    made = proposal(source)
    found = planned(source, made, what=Scope.STEP)
    body, was = found.profile_json, source["store"]["Day"]
    assert (found.what, found.parts) == (Scope.STEP, (Part.BASAL, Part.CARB_RATIO))
    assert [entry["value"] for entry in body["basal"]] == [0.75, 0.95]
    assert [entry["value"] for entry in body["carbratio"]] == [9.5, 9.5]
    assert body["sens"] == was["sens"]
    assert "The step to take now." in changes_text(found, made, activate=False)


def test_what_a_step_leaves_stays_to_the_last_digit_and_within_the_hour() -> None:
    source = profile_document()
    rates = [("00:00", 0.8333), ("05:20", 0.7), ("06:00", 1.0)]
    source["store"]["Day"]["basal"] = [{"time": time, "value": value} for time, value in rates]
    source["store"]["Day"]["carbratio"] = [
        {"time": "00:00", "value": 10.0004},
        {"time": "12:00", "value": 10.0},
    ]

    def change(document: dict[str, Any]) -> None:
        step = document["step"]
        step["changes"] = [c for c in step["changes"] if c["start"] in ("07:00", "12:00") and c["current"] in (1, 10)]
        document["for_pump"]["carb_ratio"][0]["current_g_per_u"] = 10.0
        document["for_pump"]["one_for_several"] = [{"part": "cr", "made_from": "meals", "factor": 0.9, "meals": 9}]

    found = planned(source, proposal(source, change=change), what=Scope.STEP)
    written = [(entry["time"], entry["value"]) for entry in found.profile_json["basal"]]
    assert written == [*rates, ("07:00", 0.95), ("08:00", 1.0), ("12:00", 0.95), ("13:00", 1.0)]
    assert [entry["value"] for entry in found.profile_json["carbratio"]] == [10.0004, 9.5]


@pytest.mark.parametrize(
    ("options", "what", "parts", "changed"),
    [
        ({"what": "step"}, Scope.STEP, {"basal", "cr"}, 24 + 2),
        ({"what": "all"}, Scope.ALL, {"basal", "isf", "cr"}, 24 + 2 + 2),
        ({"what": "reductions"}, Scope.REDUCTIONS, {"basal", "isf"}, 24 + 2),
        ({"what": "step", "only": ["isf"]}, Scope.ALL, {"isf"}, 2),
        ({"only": ["isf"]}, Scope.ALL, {"isf"}, 2),
        ({"what": "reductions", "only": ["isf"]}, Scope.REDUCTIONS, {"isf"}, 2),
        ({"what": "step", "hours": [5, 3, 5]}, Scope.ALL, {"basal"}, 2),
        ({"what": "all", "hours": [23]}, Scope.ALL, {"basal"}, 1),
    ],
)
def test_what_is_written_is_what_was_named(options: dict[str, Any], what: Scope, parts: set[str], changed: int) -> None:
    found = planned(profile_document(), **options)
    assert (found.what, {line.part for line in found.changed}, len(found.changed)) == (what, parts, changed)
    assert found.hours == tuple(sorted(set(options.get("hours", []))))


def test_hours_by_name_are_upstreams_whole() -> None:
    found = planned(profile_document(), hours=[3, 7])
    written = [(entry["time"], entry["value"]) for entry in found.profile_json["basal"]]
    assert written == [
        ("00:00", 0.8), ("03:00", 0.7), ("04:00", 0.8), ("06:00", 1.0), ("07:00", 0.9), ("08:00", 1.0)
    ]  # fmt: skip


@pytest.mark.parametrize("options", [{"hours": [24]}, {"hours": [-1]}, {"hours": [3], "only": ["basal"]}])
def test_hours_are_of_the_day_and_of_the_basal_alone(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        asked(proposal(profile_document()), **options)


def test_no_step_of_a_proposal_without_one_is_planned() -> None:
    source = profile_document()
    assert refusal_of(source, proposal(source, step=None), what=Scope.STEP).reason is Reason.PROPOSAL_EARLIER
    assert refusal_of(source, proposal(source, step="keep"), what=Scope.STEP).reason is Reason.NOTHING_TO_WRITE
