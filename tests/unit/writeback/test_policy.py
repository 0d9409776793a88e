"""Without a person nothing is written unless a policy says how far, and then no further."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.errors import Reason, Refused
from flows.profiles.schedule_blocks import read_schedule
from flows.report.text.changes import changes_text
from flows.values.parts import Part
from flows.writeback.approval import Decision, Scope, SyncRequest
from flows.writeback.plan import FIELDS, Plan, plan
from flows.writeback.policy import Policy, check_policy, read_policy
from tests.proposals import profile_document, proposal

POLICY = {"allow": True, "max_change_percent_per_night": 15, "max_change_percent_per_week": 20}


def checked(policy: dict[str, Any], *, factor: float = 0.9, colour: str = "green", **more: Any) -> Reason | str | None:
    source = profile_document()
    made = proposal(source, factor=factor, colour=colour, change=more.pop("change", None))
    week_ago, hours = more.pop("week_ago", None), more.pop("hours_since", [])
    request = SyncRequest(proposal_id="x", sha256=made.sha256, decision=Decision.POLICY, **more)
    try:
        policy_read = Policy.model_validate({**POLICY, **policy})
        check_policy(policy_read, made, request, plan(made, source, request), week_ago, hours)
    except Refused as refusal:
        assert refusal.reason is Reason.POLICY_FORBIDS
        return str(refusal)
    return None


def scaled(factor: float) -> dict[str, Any]:
    body = profile_document()["store"]["Day"]
    for field in ("basal", "carbratio"):
        for entry in body[field]:
            entry["value"] *= factor
    for entry in body["sens"]:
        entry["value"] /= factor
    return dict(body)


def worth(*keys: str) -> Any:
    return lambda document: document["verdict"].update(worth_changing=list(keys))


def unsure(document: dict[str, Any]) -> None:
    document["verdict"]["nothing_to_change"] = True


@pytest.mark.parametrize(
    ("policy", "more", "said"),
    [
        ({}, {}, None),
        ({}, {"colour": "amber"}, "not green"),
        ({}, {"colour": "red"}, "not green"),
        ({}, {"change": unsure}, "nothing in it is repeatable"),
        ({"max_change_percent_per_night": 5}, {}, "more than 5 % in a night"),
        ({"max_change_percent_per_night": 5}, {"factor": 0.97}, None),
        ({}, {"activate": True}, "does not allow to activate"),
        ({"activate": True}, {"activate": True}, None),
        ({"only": ["basal"]}, {}, "all of these parts"),
        ({"only": ["basal", "cr"]}, {}, None),
        ({}, {"only": ["basal"]}, "only the step"),
        ({}, {"hours": [3]}, "only the step"),
        ({}, {"what": "all"}, "only the step"),
        ({}, {"what": "reductions"}, "only the step"),
        ({}, {"overwrite": True, "name": "Mine"}, "by a person only"),
        ({}, {"hours_since": [3.0]}, "less than a night ago"),
        ({}, {"hours_since": [23.0]}, None),
        ({}, {"hours_since": [-5.0]}, "less than a night ago"),
        ({}, {"change": worth()}, "not worth changing"),
        ({}, {"change": worth("isf")}, "not worth changing"),
        ({}, {"change": worth("daily_basal", "carb_ratio")}, None),
        ({}, {"change": worth("isf", "carb_ratio", "basal_00")}, "basal of 01:00 is not worth"),
        ({}, {"change": worth("carb_ratio", *(f"basal_{hour:02d}" for hour in range(24)))}, None),
        ({}, {"week_ago": scaled(1.0)}, None),
        ({}, {"week_ago": scaled(1.3)}, "more than 20 % in a week"),
    ],
)
def test_what_a_policy_allows(policy: dict[str, Any], more: dict[str, Any], said: str | None) -> None:
    found = checked(policy, **more)
    assert found is None if said is None else said in str(found)


LOW, HIGH, OTHER = "beyond_low_limit", "beyond_high_limit", "old_data"


def limits(*rules: str, group: str = "adult", **shares: float | None) -> Any:
    """Glucose of these shares, and a verdict with these reasons, sealed today or (without any) before it was a rule.

    Of the step only the basal, which falls.
    """

    def change(document: dict[str, Any]) -> None:
        document["step"]["changes"] = [c for c in document["step"]["changes"] if c["part"] == "basal"]
        document["glucose"] |= {f"{name}_percent": share for name, share in shares.items()}
        document["options"]["age_group"] = group
        reasons = [{"rule": rule, "colour": "amber", "sentence": "said", "source": "there"} for rule in rules]
        document["verdict"] |= {
            "colour": "amber" if rules else "green",
            "reasons": reasons,
            "beyond_limits": [side for side in ("low", "high") if f"beyond_{side}_limit" in rules],
        }

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (limits(below_54=0.4, from_54_to_69=3.59, above_250=5.0), None),
        (limits(LOW, below_54=0.4, from_54_to_69=3.6), None),
        (limits(LOW, below_54=1.0), None),
        (limits(LOW, HIGH, below_54=1.0, above_250=80.0), None),
        (limits(HIGH, above_250=5.1), "beyond the high limit"),
        (limits(LOW, OTHER, below_54=1.0), "amber, not green"),
        (limits(HIGH, OTHER, above_250=5.1), "amber, not green"),
        (limits(OTHER), "amber, not green"),
        (limits(LOW, group="pregnant", below_63=4.0), None),
        (limits(HIGH, group="pregnant", above_140=25.1), "beyond the high limit"),
        (limits(group="pregnant", above_140=25.0), None),
        # sealed before the limits were a rule
        (limits(below_54=1.0), None),
        (limits(above_250=5.1), "beyond the high limit"),
        (limits(group="pregnant", below_63=None), "not known whether glucose"),
        (limits(group="pregnant", above_140=None), "not known whether glucose"),
        (lambda document: document.update(glucose=None), "not known whether glucose"),
    ],
)
def test_beyond_a_low_limit_only_less_insulin_and_beyond_the_high_one_alone_nothing(
    change: Any, said: str | None
) -> None:
    found = checked({}, change=change)
    assert found is None if said is None else said in str(found)


def of_upstream_s(factor: float, change: Any, what: Scope = Scope.REDUCTIONS, **more: Any) -> Plan:
    source = profile_document()
    made = proposal(source, factor=factor, change=change)
    known = {"proposal_id": "x", "sha256": made.sha256, "decision": Decision.APPROVE, "what": what}
    return plan(made, source, SyncRequest(**{**known, **more}))


def rising_and_falling(document: dict[str, Any]) -> None:
    """Basal up at 03:00 and down in all other hours; ISF up, carb ratio down: what rises, or falls, is more insulin."""
    limits(LOW, below_54=1.0)(document)
    document["for_pump"]["basal_u_per_h"][3] = 0.85


def test_what_would_give_more_insulin_stays_and_is_named() -> None:
    whole, cut = (of_upstream_s(0.9, rising_and_falling, what) for what in (Scope.ALL, Scope.REDUCTIONS))
    assert (whole.only_less, cut.only_less) == (False, True)
    assert {line.part for line in whole.changed if line.more_insulin} == {Part.BASAL, Part.CARB_RATIO}
    assert [line for line in cut.changed if line.more_insulin] == []
    kept = [line for line in whole.changed if not line.more_insulin]
    assert list(cut.changed) == kept
    stay = {line.start: line.new for line in cut.lines if line.part is Part.BASAL}["03:00"]
    body = cut.profile_json
    assert (stay, body["carbratio"]) == (0.8, profile_document()["store"]["Day"]["carbratio"])
    at_three = [entry["value"] for entry in body["basal"] if entry["time"] <= "03:00"][-1]
    assert at_three == 0.8
    said = changes_text(cut, proposal(profile_document()), activate=False)
    assert "Only what gives less insulin is written" in said
    assert "basal of 03:00, carb ratio of 00:00, carb ratio of 12:00" in said
    assert cut.daily_basal_new_u == pytest.approx(whole.daily_basal_new_u - 0.05)


@given(
    st.lists(st.sampled_from([0.7, 0.75, 0.8, 0.85, 0.9, 0.95]), min_size=24, max_size=24),
    st.sampled_from([45.0, 50.0, 56.0]),
    st.sampled_from([9.0, 10.0, 11.0]),
)
@settings(max_examples=50, deadline=None)
def test_whatever_is_proposed_no_hour_has_more_insulin(basal: list[float], isf: float, ratio: float) -> None:
    def change(document: dict[str, Any]) -> None:
        limits(LOW, below_54=2.0)(document)
        document["for_pump"]["basal_u_per_h"] = basal
        for block in document["for_pump"]["isf"]:
            block["recommended_mgdl_per_u"] = isf
        for block in document["for_pump"]["carb_ratio"]:
            block["recommended_g_per_u"] = ratio

    try:
        body = of_upstream_s(0.9, change).profile_json
    except Refused as refusal:
        assert refusal.reason is Reason.NOTHING_LESS_TO_WRITE
        rises = all(new >= now for new, now in zip(basal, [0.8] * 6 + [1.0] * 18, strict=True))
        assert rises and isf <= 50 and ratio <= 10
        return
    old, new = ({f: read_schedule(b[f], f, []) for f in FIELDS.values()} for b in (scaled(1.0), body))
    for minutes in range(0, 1440, 30):
        assert new["basal"].at(minutes) <= old["basal"].at(minutes)
        assert new["sens"].at(minutes) >= old["sens"].at(minutes)
        assert new["carbratio"].at(minutes) >= old["carbratio"].at(minutes)
    assert new["basal"].hourly() == pytest.approx(list(map(min, zip(old["basal"].hourly(), basal, strict=True))))


def test_an_hour_with_two_rates_is_cut_only_where_neither_rises() -> None:
    source = profile_document()
    half = [("00:00", 0.8), ("00:30", 1.2), ("01:00", 1.0), ("01:30", 1.2), ("02:00", 1.0)]
    source["store"]["Day"]["basal"] = [{"time": time, "value": value} for time, value in half]

    def change(document: dict[str, Any]) -> None:
        limits(LOW, below_54=2.0)(document)
        document["for_pump"]["basal_u_per_h"] = [0.85, 0.95, *[1.0] * 22]

    made = proposal(source, change=change)
    known = {"proposal_id": "x", "sha256": made.sha256, "decision": Decision.APPROVE}
    found = plan(made, source, SyncRequest(**known, what=Scope.REDUCTIONS, only=["basal"]))
    written = [(entry["time"], entry["value"]) for entry in found.profile_json["basal"]]
    assert written == [("00:00", 0.8), ("00:30", 1.2), ("01:00", 0.95), ("02:00", 1.0)]


def test_a_plan_with_more_insulin_is_stopped_even_if_somebody_made_one() -> None:
    source = profile_document()
    made = proposal(source, factor=1.1, change=limits(LOW, below_54=1.0))
    request = SyncRequest(proposal_id="x", sha256=made.sha256, decision=Decision.POLICY)
    planned = plan(made, source, request)
    with pytest.raises(Refused, match="would give more insulin"):
        check_policy(Policy.model_validate(POLICY), made, request, planned, None, [])


def test_nothing_that_gives_less_is_nothing_written() -> None:
    with pytest.raises(Refused) as caught:
        of_upstream_s(1.1, limits(LOW, below_54=1.0), only=["basal", "isf"])
    assert caught.value.reason is Reason.NOTHING_LESS_TO_WRITE


def test_beyond_a_limit_what_is_not_sure_is_not_written() -> None:
    def change(document: dict[str, Any]) -> None:
        limits(LOW, below_54=1.0)(document)
        document["verdict"]["worth_changing"] = []

    assert "nothing in it is repeatable" in str(checked({}, change=change))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, Reason.POLICY_OFF),
        ('{"allow": false}', Reason.POLICY_OFF),
        ("{}", Reason.POLICY_UNREADABLE),
        ("nonsense", Reason.POLICY_UNREADABLE),
        (json.dumps({"allow": True}), Reason.POLICY_UNREADABLE),
        (json.dumps({**POLICY, "max_change_percent_per_night": 50}), Reason.POLICY_UNREADABLE),
        (json.dumps({**POLICY, "aktivate": True}), Reason.POLICY_UNREADABLE),
        (json.dumps({**POLICY, "allow": "yes"}), Reason.POLICY_UNREADABLE),
    ],
)
def test_a_policy_is_off_or_complete(text: str | None, reason: Reason, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(Refused) as caught:
        read_policy(str(file) if text is not None else None)
    assert caught.value.reason is reason


def test_a_policy_is_read(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(POLICY))
    assert read_policy(str(tmp_path / "policy.json")).activate is False
