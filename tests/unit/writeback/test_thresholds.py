"""Each number of writing back that decides something, just below and just above; written out here."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.errors import Reason, Refused
from flows.proposal.document import Proposal
from flows.values.parts import Part
from flows.writeback import observe, policy, reconcile, transaction
from flows.writeback.active_on_site import SiteProfiles
from flows.writeback.approval import Scope
from flows.writeback.journal import Change, ChangeOutcome, Step
from flows.writeback.plan import Line, _check
from flows.writeback.planned_schedules import _same
from flows.writeback.policy import check_policy
from flows.writeback.session import SiteSession


def allowed(new: float, current: float = 1.0, step: float = 0.05) -> bool:
    try:
        _check(Part.BASAL, [Line(Part.BASAL, "00:00", "24:00", current, new, "U/h")], step)
    except Refused as refusal:
        assert refusal.reason is Reason.WRITE_VALUE
        return False
    return True


@pytest.mark.parametrize(
    ("new", "is_allowed"),
    [(1.499, True), (1.501, False), (0.641, True), (0.639, False), (0.0, False), (-0.1, False), (float("nan"), False)],
)
def test_no_number_is_written_that_upstream_s_caps_and_a_pump_s_step_cannot_make(new: float, is_allowed: bool) -> None:
    assert allowed(new) is is_allowed


@pytest.mark.parametrize(
    ("written", "said", "is_same"),
    [(100.0, 100.49, True), (100.0, 100.51, False), (0.5, 0.5055, True), (0.5, 0.5065, False)],
)
def test_a_proposal_is_of_this_source_within_its_own_rounding(written: float, said: float, is_same: bool) -> None:
    if is_same:
        _same(written, said, "x")
    else:
        with pytest.raises(Refused):
            _same(written, said, "x")


@pytest.mark.parametrize(("hours", "is_a_night"), [(20.01, True), (20.0, True), (19.99, False), (-1.0, False)])
def test_a_policy_changes_once_a_night(hours: float, is_a_night: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_check_verdict", lambda _: None)
    monkeypatch.setattr(policy, "beyond_limits", lambda _: ())
    request = SimpleNamespace(activate=False, overwrite=False, only=[], hours=[], scope=Scope.STEP)
    rules = SimpleNamespace(activate=True, only=[], max_change_percent_per_night=5, max_change_percent_per_week=10)
    made = cast(Proposal, SimpleNamespace(verdict=SimpleNamespace(worth_changing=())))
    plan: Any = SimpleNamespace(changed=[], lines=[], parts=(Part.BASAL,))

    def check() -> None:
        check_policy(cast(Any, rules), made, cast(Any, request), plan, None, [100.0, hours])

    if is_a_night:
        check()
    else:
        with pytest.raises(Refused, match="less than a night ago"):
            check()


def test_a_switch_leaves_three_seconds_for_what_takes_its_document_back() -> None:
    times = [datetime(2026, 5, 1, 0, 0, second, tzinfo=UTC) for second in range(10)]
    client: Any = SimpleNamespace(site_ahead_s=0.0)
    session = SiteSession(client, lambda: times[0], lambda _: times.pop(0))
    document = {"startDate": "2026-05-01T00:00:00.000Z", "store": {}}
    free_ms = session.free_instant(SiteProfiles((document,), ()), document)
    assert free_ms == datetime(2026, 5, 1, 0, 0, 3, tzinfo=UTC).timestamp() * 1000


@pytest.mark.parametrize(("before", "is_looked_for"), [(9, True), (10, False)])
def test_the_last_ten_documents_that_did_not_arrive_are_looked_for(before: int, is_looked_for: bool) -> None:
    def lost(number: int) -> Change:
        line = {"step": Step.DONE.value, "outcome": ChangeOutcome.BEFORE.value, "why": "write_lost"}
        return Change(cast(Any, None), f"change-{number}", [{"step": Step.BEGUN.value}, line])

    changes = [lost(number) for number in range(before + 1)]
    assert (changes[0] in reconcile._lost(changes)) is is_looked_for


def test_a_switch_is_sent_three_times_at_most() -> None:
    assert transaction.SWITCH_ATTEMPTS == 3
    assert observe.LOOK_AGAIN_S == (0.5, 2.0, 5.0)
