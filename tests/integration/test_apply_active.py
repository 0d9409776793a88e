"""What is active is what was planned: now, and after each temporary Profile Switch that is running has ended."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.nightscout.writer import NightscoutWriter, WriteAttempt, WriteStatus
from flows.writeback.journal import ChangeOutcome
from flows.writeback.tidy import tidy
from tests.integration.conftest import ADMIN, someone_at
from tests.integration.standin import Database, StandIn, standing_in
from tests.integration.test_apply import posts, profile_switch, refusal_of
from tests.integration.test_apply_faults import REQUESTS, edits_in_place, saves_anew, saves_with_an_older_date
from tests.proposals import profile_document
from tests.writing import Person, active_name, person

LATER_H = 2


@pytest.fixture
def someone(site: StandIn, memory: Path) -> Person:
    source = copy.deepcopy(site.database.add_profile({**profile_document(), "mills": "0"}))
    return person(memory, site.url, source, ADMIN)


def active_in(someone: Person, hours: float) -> str:
    at = someone.tools.clock() + timedelta(hours=hours)
    return someone.reading().active(at.timestamp() * 1000).name


def now_and_later(someone: Person) -> tuple[str, str]:
    return active_in(someone, 1 / 60), active_in(someone, LATER_H)


class Answering(NightscoutWriter):
    """A client whose Profile Switches are answered alike and do not arrive."""

    answer = WriteAttempt(WriteStatus.REFUSED, 404, "status 404")

    def post_switch(self, treatment: Record) -> WriteAttempt:
        return self.answer


class Losing(Answering):
    answer = WriteAttempt(WriteStatus.UNKNOWN, 0, "timeout")


def with_client(someone: Person, kind: type[NightscoutWriter]) -> Person:
    return someone.with_(client=lambda site, credentials: kind(site, credentials, sleep=lambda _: None))


# --- a temporary switch over a permanent one


@pytest.mark.parametrize("temporary", [{"name": "Day"}, {"name": "Night shift", "percentage": 80}])
def test_what_is_active_after_a_temporary_switch_stays_what_it_was(
    temporary: dict[str, Any], someone: Person, site: StandIn
) -> None:
    profile_switch(site, "Night shift", 3 * 24 * 60)
    profile_switch(site, temporary["name"], 30, duration=60, percentage=temporary.get("percentage", 100))
    before = now_and_later(someone)
    assert before == (temporary["name"], "Night shift")
    someone.apply()
    assert now_and_later(someone) == before
    someone.roll_back()
    assert now_and_later(someone) == before
    assert refusal_of(lambda: someone.apply(activate=True)).reason is Reason.SWITCH_IN_FORCE


def test_a_profile_beneath_a_temporary_switch_is_in_use(someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 3 * 24 * 60)
    profile_switch(site, "Day", 30, duration=60)
    refusal = refusal_of(lambda: someone.apply(name="Night shift", overwrite=True))
    assert refusal.reason is Reason.WRITE_NAME_IN_USE
    assert posts(site) == 0


def test_tidying_leaves_what_is_beneath_a_temporary_switch(someone: Person, site: StandIn) -> None:
    done = someone.apply(activate=True)
    someone.tools.sleep(300)  # type: ignore[misc]
    profile_switch(site, "Day", -4, duration=60)
    assert tidy(someone.run, 0, someone.tools, "test")[1] == []
    assert active_in(someone, LATER_H) == done.name


def test_a_rollback_ends_no_temporary_switch_even_if_told_to(someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 3 * 24 * 60)
    someone.apply()
    profile_switch(site, "Day", 10, duration=60)
    assert refusal_of(someone.roll_back).reason is Reason.EDITED_SINCE
    assert refusal_of(lambda: someone.roll_back(even_if_edited=True)).reason is Reason.SWITCH_IN_FORCE
    assert now_and_later(someone) == ("Day", "Night shift")


def before_a_switch_that_ran_out(someone: Person, site: StandIn) -> None:
    """Applied under a temporary switch, after which somebody switches for good."""
    profile_switch(site, "Night shift", 30, duration=60)
    someone.apply()
    profile_switch(site, "Night shift", 0)


def before_a_default_that_is_not_there(someone: Person, site: StandIn) -> None:
    someone.apply(activate=True)


BY_HAND: list[tuple[str, Callable[[Person, StandIn], None], str]] = [
    ("Day", before_a_switch_that_ran_out, "it was a Profile Switch of limited duration"),
    ("Gone", before_a_default_that_is_not_there, "the site had no profile of the name that was its default"),
]


@pytest.mark.parametrize(("default", "happens", "detail"), BY_HAND, ids=[h.__name__ for _, h, _ in BY_HAND])
def test_what_cannot_be_switched_back_to_is_left_to_a_hand_and_nothing_is_written(
    default: str, happens: Callable[[Person, StandIn], None], detail: str, memory: Path, site: StandIn
) -> None:
    source = copy.deepcopy(site.database.add_profile(profile_document(defaultProfile=default)))
    someone = person(memory, site.url, source, ADMIN)
    happens(someone, site)
    count, active, written = posts(site), active_name(someone.reading()), someone.reading().document()
    refusal = refusal_of(lambda: someone.roll_back(even_if_edited=True))
    assert refusal.reason is Reason.ROLLBACK_BY_HAND
    assert detail in refusal.sentence
    assert (posts(site), active_name(someone.reading()), someone.reading().document()) == (count, active, written)
    assert someone.outcomes() == [ChangeOutcome.AFTER, ChangeOutcome.BEFORE]
    assert someone.resume() == []


@pytest.mark.parametrize("name", ["Night shift", "Deleted one"])
def test_a_switch_that_names_nothing_means_the_default(name: str, someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 600)
    profile_switch(site, name, 300)
    before = active_name(someone.reading())
    assert before == ("Day" if name == "Deleted one" else name)
    someone.apply(activate=True)
    someone.roll_back()
    assert active_name(someone.reading()) == before


# --- a switch that the site refuses or loses


@pytest.mark.parametrize("permanent", [False, True])
def test_after_a_refused_switch_all_is_as_before(permanent: bool, someone: Person, site: StandIn) -> None:
    if permanent:
        profile_switch(site, "Night shift", 3 * 24 * 60)
    before = active_name(someone.reading())
    refusal = refusal_of(lambda: with_client(someone, Answering).apply(activate=True))
    assert refusal.reason is Reason.WRITE_REFUSED
    assert active_name(someone.reading()) == before
    assert someone.outcomes() == [ChangeOutcome.BEFORE]
    assert someone.reading().newest["store"].keys() == {"Day", "Night shift"}


def test_after_a_lost_switch_it_is_as_before_or_loudly_not(someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 3 * 24 * 60)
    losing = with_client(someone, Losing)
    refusal = refusal_of(lambda: losing.apply(activate=True))
    assert refusal.reason is Reason.CHANGE_UNSETTLED
    assert "NOT what was before" in refusal.sentence
    assert someone.outcomes() == [None]
    assert refusal_of(losing.resume).reason is Reason.CHANGE_UNSETTLED
    assert [a.outcome for a in someone.resume()] == ["settled-before"]
    assert active_name(someone.reading()) == "Night shift"


def test_a_loud_end_is_settled_by_a_switch_made_by_hand(someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 3 * 24 * 60)
    losing = with_client(someone, Losing)
    refusal_of(lambda: losing.apply(activate=True))
    someone.tools.sleep(120)  # type: ignore[misc]
    profile_switch(site, "Night shift", -1)
    count = posts(site)
    assert len(losing.resume()) == 1
    assert someone.outcomes() != [None]
    assert (posts(site), active_name(someone.reading())) == (count, "Night shift")


def test_a_rollback_whose_switch_is_refused_leaves_ours_active(someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 600)
    done = someone.apply(activate=True)
    refusal = refusal_of(with_client(someone, Answering).roll_back)
    assert refusal.reason is Reason.WRITE_REFUSED
    assert active_name(someone.reading()) == done.name
    assert someone.outcomes() == [ChangeOutcome.AFTER, ChangeOutcome.BEFORE]
    someone.roll_back()
    assert active_name(someone.reading()) == "Night shift"


# --- somebody else at the same time


@pytest.mark.parametrize("edit", [saves_anew, saves_with_an_older_date, edits_in_place], ids=lambda e: e.__name__)
def test_an_edit_is_written_over_at_no_request(edit: Callable[[Database], None], memory: Path) -> None:
    """Applied is only what nobody had edited before our last request."""
    for place in range(1, REQUESTS):
        with standing_in() as site:
            source = copy.deepcopy(site.database.add_profile({**profile_document(), "mills": "0"}))
            someone = person(memory / str(place), site.url, source, ADMIN)
            site.edits[place] = edit
            try:
                someone.apply()
            except Refused:
                assert someone.reading().newest.get("enteredBy") == "another", place
                continue
            last_look = site.handled - 1  # at the documents; one more is at the switches
            assert place >= last_look or place in site.edits, f"an edit after request {place} was written over"


@pytest.mark.parametrize("activate", [False, True])
def test_a_switch_made_before_and_sent_meanwhile_is_not_lost(activate: bool, memory: Path) -> None:
    for place in range(6, REQUESTS):
        with standing_in() as site:
            someone = someone_at(site, memory / str(place))

            def switch(_: Database, site: StandIn = site) -> None:
                profile_switch(site, "Night shift", 2)

            site.edits[place] = switch
            try:
                done = someone.apply(activate=activate)
            except Refused as refusal:
                assert refusal.reason in (Reason.WRITE_OVERTAKEN, Reason.SITE_PROFILE_CHANGED)  # noqa: PT017
                done = None
            sent = place not in site.edits
            site.edits.clear()
            ours = done is not None and activate
            assert active_name(someone.reading()) == (done.name if ours and done else "Night shift" if sent else "Day")


def test_a_switch_from_before_our_document_is_not_lost_silently(memory: Path, site: StandIn) -> None:
    """A new document cannot leave it in force where it is older than that: it is made once more, and that is told."""
    saved = datetime.now(UTC) - timedelta(days=5)
    source = copy.deepcopy(site.database.add_profile(profile_document(startDate=f"{saved:%Y-%m-%dT%H:%M:%S}.000Z")))
    someone = person(memory, site.url, source, ADMIN)
    site.edits[7] = lambda _: profile_switch(site, "Night shift", 3 * 24 * 60)
    assert refusal_of(someone.apply).reason is Reason.WRITE_OVERTAKEN
    assert active_name(someone.reading()) == "Night shift"
    assert someone.outcomes() == [ChangeOutcome.THEIRS]
