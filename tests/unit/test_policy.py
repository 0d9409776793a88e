"""Without a person nothing is written unless a policy says how far, and then no further."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.approval import Decision, SyncRequest
from flows.errors import Reason, Refused
from flows.proposal.policy import Policy, check_policy, read_policy
from flows.proposal.write_back import plan
from tests.proposals import profile_document, proposal

POLICY = {"allow": True, "max_change_percent_per_night": 15, "max_change_percent_per_week": 20}


def checked(policy: dict[str, Any], *, factor: float = 0.9, colour: str = "green", **more: Any) -> Reason | str | None:
    source = profile_document()
    made = proposal(source, factor=factor, colour=colour, change=more.pop("change", None))
    week_ago, hours = more.pop("week_ago", None), more.pop("hours", [])
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
        ({}, {"change": unsure}, "nothing in it is sure"),
        ({"max_change_percent_per_night": 5}, {}, "more than 5 % in a night"),
        ({"max_change_percent_per_night": 5}, {"factor": 0.97, "only": ["cr"]}, None),
        ({}, {"activate": True}, "does not allow to activate"),
        ({"activate": True}, {"activate": True}, None),
        ({"only": ["basal"]}, {}, "all of these parts"),
        ({"only": ["basal"]}, {"only": ["basal"]}, None),
        ({}, {"overwrite": True, "name": "Mine"}, "by a person only"),
        ({}, {"hours": [3.0]}, "less than a night ago"),
        ({}, {"hours": [23.0]}, None),
        ({}, {"hours": [-5.0]}, "less than a night ago"),
        ({}, {"change": worth()}, "not worth changing"),
        ({}, {"change": worth("isf")}, "not worth changing"),
        ({}, {"change": worth("isf"), "only": ["isf"]}, None),
        ({}, {"change": worth("isf", "carb_ratio", "basal_00"), "only": ["basal"]}, "basal of 01:00 is not worth"),
        ({}, {"change": worth(*(f"basal_{hour:02d}" for hour in range(24))), "only": ["basal"]}, None),
        ({}, {"week_ago": scaled(1.0)}, None),
        ({}, {"week_ago": scaled(1.3)}, "more than 20 % in a week"),
    ],
)
def test_what_a_policy_allows(policy: dict[str, Any], more: dict[str, Any], said: str | None) -> None:
    found = checked(policy, **more)
    assert found is None if said is None else said in str(found)


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
