"""Which way an unfinished change is brought to its end, and what is said to be active."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.errors import Reason
from flows.writeback.apply import WritebackResult
from flows.writeback.approval import Decision
from flows.writeback.journal import ChangeOutcome
from flows.writeback.tidy import tidy
from tests.integration.conftest import ADMIN
from tests.integration.standin import StandIn
from tests.integration.test_apply import posts, profile_switch, refusal_of
from tests.proposals import profile_document
from tests.writing import Clock, Person, active_name, newest_content, person

WRITTEN, SWITCHED = 9, 11  # requests after which the document, and the Profile Switch too, are on the site


def left_unfinished(someone: Person, site: StandIn, after: int) -> list[WritebackResult]:
    """An activation whose process lost the site after so many requests; what is told of it later."""
    site.gone_after = after
    refusal_of(lambda: someone.apply(activate=True))
    site.gone_after = None
    assert someone.outcomes() == [None]
    told: list[WritebackResult] = []
    someone.tools = someone.with_(told=told.append).tools
    return told


@pytest.mark.parametrize("after", [WRITTEN, SWITCHED])
def test_what_was_rejected_since_is_taken_back(after: int, someone: Person, site: StandIn) -> None:
    before = newest_content(someone.reading())
    left_unfinished(someone, site, after)
    someone.apply(decision=Decision.REJECT)
    assert [a.outcome for a in someone.resume()] == ["settled-before"]
    state = someone.reading()
    assert (newest_content(state), active_name(state)) == (before, "Day")


@pytest.mark.parametrize("after", [WRITTEN, SWITCHED])
def test_a_rollback_does_not_activate_first(after: int, someone: Person, site: StandIn) -> None:
    before = newest_content(someone.reading())
    told = left_unfinished(someone, site, after)
    switches = len(someone.reading().switches)
    assert someone.roll_back().outcome == "rolled-back"
    state = someone.reading()
    assert (newest_content(state), active_name(state)) == (before, "Day")
    assert len(told) == 1
    assert [s["profile"] for s in state.switches if s["profile"] != "Day"] == [told[0].name] * switches


def test_rejecting_a_rollback_rejects_no_proposal(someone: Person, site: StandIn) -> None:
    left_unfinished(someone, site, WRITTEN)
    someone.roll_back(decision=Decision.REJECT)
    assert [a.outcome for a in someone.resume()] == ["settled-after"]


def test_who_tidies_or_applies_without_activation_activates_nothing(someone: Person, site: StandIn) -> None:
    told = left_unfinished(someone, site, WRITTEN)
    tidy(someone.run, 3, someone.tools, "test")
    assert [a.outcome for a in told] == ["settled-before"]
    assert active_name(someone.reading()) == "Day"


def test_applying_the_same_again_finishes_it(someone: Person, site: StandIn) -> None:
    told = left_unfinished(someone, site, WRITTEN)
    done = someone.apply(activate=True)
    assert (done.outcome, done.active) == ("already-applied", True)
    assert [(a.outcome, a.active) for a in told] == [("settled-after", True)]


def test_a_document_that_arrives_late_is_never_activated(someone: Person, site: StandIn) -> None:
    site.hold = True
    assert refusal_of(lambda: someone.apply(activate=True)).reason is Reason.WRITE_LOST
    site.release()
    assert [a.outcome for a in someone.resume()] == ["settled-before"]
    assert active_name(someone.reading()) == "Day"


# --- what is said to be active


def test_who_switched_back_by_hand_is_not_told_that_ours_is_active(someone: Person, site: StandIn) -> None:
    done = someone.apply(activate=True)
    (ours,) = site.database.treatments
    ours["created_at"] = (datetime.now(UTC) - timedelta(minutes=30)).isoformat(timespec="milliseconds")
    ours["created_at"] = ours["created_at"].replace("+00:00", "Z")
    profile_switch(site, "Day", 5)
    again = someone.apply()
    assert (again.outcome, again.active) == ("already-applied", False)
    again = someone.apply(activate=True)
    assert (again.outcome, again.active) == ("applied", True)
    assert active_name(someone.reading()) == done.name


@pytest.mark.parametrize("minutes", [0, 60])
def test_with_a_clock_that_is_behind_nothing_is_activated_under_a_switch(
    minutes: int, memory: Path, site: StandIn
) -> None:
    source = copy.deepcopy(site.database.add_profile(profile_document()))
    clock = Clock()
    clock.ahead = timedelta(minutes=-4)
    someone = person(memory, site.url, source, ADMIN, clock=clock, created_at=clock.now() - timedelta(minutes=9))
    profile_switch(site, "Night shift", 2, duration=minutes)
    refusal = refusal_of(lambda: someone.apply(activate=True))
    assert refusal.reason is (Reason.SWITCH_IN_FORCE if minutes else Reason.SWITCH_AHEAD)
    assert posts(site) == 0
    assert someone.outcomes() == [ChangeOutcome.BEFORE]
