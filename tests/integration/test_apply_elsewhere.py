"""Two journals for one site, of which one sees by the marker what the other wrote; and approvals that run out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.writeback.active_on_site import MARKER
from flows.writeback.approval import APPROVAL_VALID
from flows.writeback.markers import marked_change
from flows.writeback.transaction import Attempt
from tests.integration.standin import StandIn
from tests.integration.test_apply import posts, profile_switch, refusal_of
from tests.writing import Clock, Person, active_name, newest_content


@pytest.fixture
def elsewhere(someone: Person, memory: Path) -> Person:
    """The same run on another machine: with a journal of its own."""
    return someone.with_(journals=memory / "another machine")


@pytest.mark.parametrize("activate", [False, True])
def test_what_another_journal_applied_is_applied_already(
    someone: Person, elsewhere: Person, site: StandIn, activate: bool
) -> None:
    first = someone.apply(activate=activate)
    sent = posts(site)
    again = elsewhere.apply(activate=activate)
    assert (again.outcome, again.change, again.active) == ("already-applied", first.change, activate)
    assert posts(site) == sent
    assert elsewhere.outcomes() == []


def test_what_another_journal_wrote_is_activated_there(someone: Person, elsewhere: Person, site: StandIn) -> None:
    first = someone.apply()
    refusal = refusal_of(lambda: elsewhere.apply(activate=True))
    assert refusal.reason is Reason.APPLIED_ELSEWHERE
    assert str(first.change) in str(refusal)
    assert posts(site) == 1


@pytest.mark.parametrize("activate", [False, True])
@pytest.mark.parametrize("switched", [False, True])
def test_rollback_without_the_journal_says_what_it_can_do_and_does_it_when_told(
    someone: Person, elsewhere: Person, site: StandIn, activate: bool, switched: bool
) -> None:
    if switched:
        profile_switch(site, "Night shift", 600)
    before = someone.reading()
    done = someone.apply(activate=activate)
    sent = posts(site)
    refusal = refusal_of(elsewhere.roll_back)
    assert refusal.reason is Reason.APPLIED_ELSEWHERE
    assert str(done.change) in str(refusal)
    assert "--from-site" in str(refusal)
    assert posts(site) == sent
    assert elsewhere.roll_back(from_site=True).outcome == "rolled-back"
    after = someone.reading()
    assert newest_content(after) == newest_content(before)
    assert active_name(after) == active_name(before)
    # Both know now, each by its own way.
    assert elsewhere.roll_back().outcome == "already-rolled-back"
    assert someone.roll_back().outcome == "already-rolled-back"
    assert posts(site) == sent + 1 + activate
    assert someone.apply(activate=activate).outcome == "applied"


def remove_the_old(site: StandIn, someone: Person) -> None:
    site.database.profiles[:] = [p for p in site.database.profiles if MARKER in p]


def switch_since(site: StandIn, someone: Person) -> None:
    profile_switch(site, "Night shift", -1 / 60)


def edit_ours(site: StandIn, someone: Person) -> None:
    next(p for p in site.database.profiles if MARKER in p)["store"]["Night shift"]["dia"] = 7


def test_a_document_delivered_twice_is_taken_back_as_one(someone: Person, elsewhere: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 600)
    before = someone.reading()
    someone.apply(activate=True)
    ours = next(p for p in site.database.profiles if MARKER in p)
    site.database.add_profile({**ours, "_id": "e" * 24})
    assert elsewhere.roll_back(from_site=True).outcome == "rolled-back"
    after = someone.reading()
    assert newest_content(after) == newest_content(before)
    assert active_name(after) == active_name(before) == "Night shift"


NOT_FROM_SITE = {
    "the document from before is gone": (remove_the_old, Reason.ROLLBACK_BY_HAND),
    "switched since": (switch_since, Reason.EDITED_SINCE),
    "edited, marker and all": (edit_ours, Reason.NOTHING_APPLIED),
}


@pytest.mark.parametrize(("happens", "reason"), NOT_FROM_SITE.values(), ids=NOT_FROM_SITE)
def test_what_the_site_does_not_tell_is_left_to_a_person(
    someone: Person, elsewhere: Person, site: StandIn, happens: Any, reason: Reason
) -> None:
    someone.apply()
    happens(site, someone)
    sent = posts(site)
    assert refusal_of(lambda: elsewhere.roll_back(from_site=True)).reason is reason
    assert posts(site) == sent


def test_for_a_damaged_journal_nothing_is_asked_of_the_site(someone: Person, site: StandIn) -> None:
    someone.apply()
    (someone.journal.directory / "journal.jsonl").write_text('{"change": "x"}\n')
    asked = len(site.database.requests)
    assert refusal_of(lambda: someone.roll_back(from_site=True)).reason is Reason.JOURNAL_ALTERED
    assert len(site.database.requests) == asked


def as_float(value: Any) -> Any:
    return float(value) if isinstance(value, int) else value


def test_a_marker_holds_texts_alone_and_counts_in_what_it_was_written_for_alone(someone: Person) -> None:
    someone.apply()
    newest = someone.reading().newest
    assert all(isinstance(text, str) for text in newest[MARKER].values())
    assert marked_change(newest) is not None
    as_javascript = {**newest, "store": {n: {**b, "dia": as_float(b["dia"])} for n, b in newest["store"].items()}}
    assert marked_change(as_javascript) is not None
    for other in (
        {**newest, "defaultProfile": "Night shift"},
        {**newest, MARKER: {**newest[MARKER], "content": "0" * 64}},
        {**newest, MARKER: {**newest[MARKER], "of": 5}},
        {**newest, MARKER: "autotune"},
    ):
        assert marked_change(other) is None
    someone.roll_back()
    rolled_back = marked_change(someone.reading().newest)
    assert rolled_back is not None
    assert (rolled_back.kind, rolled_back.of) == ("rollback", newest[MARKER]["change"])


# --- approvals that run out


@pytest.mark.parametrize(("left", "outcome"), [(timedelta(seconds=30), "applied"), (timedelta(seconds=-1), None)])
def test_nothing_is_begun_after_the_approval_ran_out(
    someone: Person, site: StandIn, left: timedelta, outcome: str | None
) -> None:
    until = datetime.now(UTC) + left
    if outcome is not None:
        assert someone.apply(approved_until=until).outcome == outcome
        return
    assert refusal_of(lambda: someone.apply(approved_until=until)).reason is Reason.APPROVAL_EXPIRED
    assert posts(site) == 0
    someone.apply()
    assert refusal_of(lambda: someone.roll_back(approved_until=until)).reason is Reason.APPROVAL_EXPIRED
    assert posts(site) == 1


@pytest.mark.parametrize("undo", [False, True])
def test_an_approval_that_runs_out_on_the_way_writes_nothing(
    someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch, undo: bool
) -> None:
    if undo:
        someone.apply()
    sent, clock = posts(site), Clock()
    slow = replace(someone, tools=replace(someone.tools, clock=clock.now))
    act = slow.roll_back if undo else slow.apply
    profiles = type(slow.tools.client(slow.site, slow.tools.credentials)).profiles  # type: ignore[misc]

    def sleeping(client: Any) -> Any:  # a laptop that is closed while the site is read for the second time
        clock.sleep(APPROVAL_VALID.total_seconds())
        return profiles(client)

    monkeypatch.setattr("flows.nightscout.writer.NightscoutWriter.profiles", sleeping)
    monkeypatch.setattr(Attempt, "bring_to_an_end", lambda *_, **__: pytest.fail("it was sent"))
    until = clock.now() + APPROVAL_VALID + timedelta(seconds=60)
    with pytest.raises(Refused) as refused:
        act(approved_until=until)
    assert refused.value.reason is Reason.APPROVAL_EXPIRED
    assert posts(site) == sent
    assert slow.journal.changes()[-1].outcome == "before"


def test_a_policy_and_a_rejection_need_no_approval(someone: Person) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    assert refusal_of(lambda: someone.apply(decision="policy", approved_until=past)).reason is Reason.POLICY_OFF
    assert someone.apply(decision="reject", approved_until=past).outcome == "rejected"
