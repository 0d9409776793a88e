"""What a proxy delivers twice is ours, whatever its ids: while it is written, after a crash, and long afterwards."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.writeback.active_on_site import SiteProfiles
from flows.writeback.journal import ChangeOutcome
from flows.writeback.tidy import tidy
from tests.integration.conftest import ADMIN, Nightscout, rounding, someone_at
from tests.integration.faults import faulty
from tests.integration.standin import Database, StandIn, standing_in
from tests.integration.test_apply import posts, profile_switch, refusal_of
from tests.integration.test_apply_active import Answering, Losing, now_and_later, with_client
from tests.proposals import profile_document
from tests.writing import Person, active_name, newest_content, person

PROFILES = {"Day", "Night shift"}


@pytest.fixture
def twice(site: StandIn) -> StandIn:
    site.twice = True
    return site


def deliver_again(site: StandIn, which: int = -1) -> Callable[[Database], None]:
    """A document that was posted, stored once more with another id, and dated now."""

    def again(database: Database) -> None:
        if site.delivered:
            database.add_profile(copy.deepcopy(site.delivered[which]))

    return again


# --- delivered twice at once


@pytest.mark.parametrize("activate", [False, True])
@pytest.mark.parametrize("switched", [False, True])
def test_a_write_delivered_twice_is_applied_and_rolled_back(
    activate: bool, switched: bool, someone: Person, twice: StandIn
) -> None:
    if switched:
        profile_switch(twice, "Night shift", 600)
    before = someone.reading()
    done = someone.apply(activate=activate)
    assert done.outcome == "applied"
    assert active_name(someone.reading()) == (done.name if activate else active_name(before))
    assert someone.apply(activate=activate).outcome == "already-applied"
    assert someone.roll_back().outcome == "rolled-back"
    after = someone.reading()
    assert (newest_content(after), active_name(after)) == (newest_content(before), active_name(before))
    assert len(after.documents) == 5
    assert someone.roll_back().outcome == "already-rolled-back"
    assert someone.outcomes() == [ChangeOutcome.AFTER, ChangeOutcome.AFTER]


def test_activating_later_what_is_there_twice_adds_the_switch_only(someone: Person, twice: StandIn) -> None:
    someone.apply()
    done = someone.apply(activate=True)
    assert (done.outcome, posts(twice)) == ("applied", 4)
    twice.database.profiles.remove(max(twice.database.profiles, key=lambda d: d["created_at"]))
    assert someone.apply(activate=True).outcome == "already-applied"
    assert someone.roll_back().outcome == "rolled-back"
    assert active_name(someone.reading()) == "Day"


def test_of_two_that_stand_one_may_be_removed_while_it_is_activated(someone: Person, twice: StandIn) -> None:
    someone.apply()

    def remove_the_newest(database: Database) -> None:
        database.profiles.remove(SiteProfiles(tuple(database.profiles), ()).newest)

    twice.handled = 0
    twice.edits[6] = remove_the_newest  # after the last look before the Profile Switch
    assert someone.apply(activate=True).outcome == "applied"
    assert twice.edits == {}


def test_what_was_written_twice_is_tidied_away(someone: Person, twice: StandIn) -> None:
    someone.apply(name="Ours")
    done, names = tidy(someone.run, 0, someone.tools, "test")
    assert (done.outcome, names) == ("tidied", ["Ours"])
    assert someone.reading().newest["store"].keys() == PROFILES


def test_what_is_altered_and_delivered_twice_is_taken_back_and_not_somebodys(someone: Person, twice: StandIn) -> None:
    before = newest_content(someone.reading())

    twice.alter = rounding
    assert refusal_of(lambda: someone.apply(activate=True)).reason is Reason.WRITE_DIFFERS
    assert newest_content(someone.reading()) == before
    assert someone.outcomes() == [ChangeOutcome.BEFORE]


@pytest.mark.parametrize("permanent", [False, True])
def test_a_switch_there_twice_is_taken_back_twice(permanent: bool, someone: Person, twice: StandIn) -> None:
    """Left standing beside the other, it would decide and be taken for what was active before."""
    if permanent:
        profile_switch(twice, "Night shift", 3 * 24 * 60)
    before = now_and_later(someone)

    def without_its_profile(document: dict[str, Any]) -> None:
        if str(document.get("profile")).startswith("Autotune"):
            document.pop("profileJson", None)

    twice.alter = without_its_profile
    assert refusal_of(lambda: someone.apply(activate=True)).reason is Reason.WRITE_DIFFERS
    assert now_and_later(someone) == before
    assert someone.outcomes() == [ChangeOutcome.BEFORE]
    assert someone.reading().newest["store"].keys() == PROFILES


@pytest.mark.parametrize("kind", [Answering, Losing])
def test_an_undo_delivered_twice_is_ours(kind: Any, someone: Person, twice: StandIn) -> None:
    before = now_and_later(someone)
    refusal = refusal_of(lambda: with_client(someone, kind).apply(activate=True))
    assert refusal.reason in (Reason.WRITE_REFUSED, Reason.WRITE_LOST, Reason.CHANGE_UNSETTLED)
    someone.resume()
    assert now_and_later(someone) == before
    assert someone.outcomes() == [ChangeOutcome.BEFORE]
    assert len(someone.reading().documents) == 5


# --- after a crash, and later


@pytest.mark.parametrize(
    ("rolling_back", "gone_after"), [(False, 8), (False, 9), (False, 11), (False, 12), (True, 8), (True, 11)]
)
def test_what_a_lost_process_left_twice_is_brought_to_its_end(
    rolling_back: bool, gone_after: int, someone: Person, twice: StandIn
) -> None:
    before = newest_content(someone.reading())
    if rolling_back:
        someone.apply(activate=True)
    twice.handled, twice.gone_after = 0, gone_after
    act = someone.roll_back if rolling_back else lambda: someone.apply(activate=True)
    try:
        act()
    except Refused as refusal:
        assert refusal.reason in (Reason.WRITE_UNKNOWN, Reason.CHANGE_UNSETTLED, Reason.SITE_UNREACHABLE)  # noqa: PT017
    twice.gone_after = None
    someone.tools.sleep(10)  # type: ignore[misc]
    someone.resume()
    assert all(c.ended for c in someone.journal.changes())
    assert ChangeOutcome.THEIRS not in someone.outcomes()
    act()
    state = someone.reading()
    if rolling_back:
        assert (newest_content(state), active_name(state)) == (before, "Day")
    else:
        assert active_name(state).startswith("Autotune")


def test_a_second_delivery_is_nobodys_edit_whenever_it_comes(memory: Path) -> None:
    """Before each look at the documents, of applying from the first write on and of rolling back."""
    for place in itertools.count(8, 2):
        with standing_in() as site:
            someone = someone_at(site, memory / str(place))
            before = newest_content(someone.reading())
            site.handled = 0
            site.edits[place] = deliver_again(site)
            someone.apply(activate=True)
            someone.tools.sleep(10)  # type: ignore[misc]
            someone.roll_back()
            state = someone.reading()
            assert (newest_content(state), active_name(state)) == (before, "Day"), place
            assert someone.outcomes() == [ChangeOutcome.AFTER, ChangeOutcome.AFTER], place
            if site.edits:
                break
    assert place > 20


def test_a_rollback_much_later_finds_both_its_own(someone: Person, site: StandIn) -> None:
    done = someone.apply(activate=True)
    deliver_again(site)(site.database)
    someone.tools.sleep(30 * 24 * 3600)  # type: ignore[misc]
    assert active_name(someone.reading()) == done.name
    assert someone.roll_back().outcome == "rolled-back"


def test_what_was_lost_and_sent_again_is_the_second_ones(memory: Path, site: StandIn) -> None:
    """Within a day of the newest document both begin at the same second: the first one arrives as the other's twin."""
    saved = datetime.now(UTC) - timedelta(hours=2)
    source = site.database.add_profile(profile_document(startDate=f"{saved:%Y-%m-%dT%H:%M:%S}.000Z"))
    someone = person(memory, site.url, copy.deepcopy(source), ADMIN)
    site.hold = True
    assert refusal_of(lambda: someone.apply(activate=True)).reason is Reason.WRITE_LOST
    site.hold, held = False, site.held[:]
    done = someone.apply(activate=True)
    assert done.outcome == "applied"
    site.held[:] = held
    site.release()
    assert someone.resume() == []
    assert active_name(someone.reading()) == done.name
    assert someone.outcomes() == [ChangeOutcome.BEFORE, ChangeOutcome.AFTER]
    starts = [d["startDate"] for d in site.database.profiles]
    assert len(set(starts)) == 2
    assert someone.apply(activate=True).outcome == "already-applied"


@pytest.mark.nightscout
def test_the_real_server_stores_it_twice_and_it_is_ours(tmp_path: Path, nightscout: Nightscout) -> None:
    from tests.integration.test_real_apply import fresh

    source = fresh(nightscout)
    credentials = Credentials(api_secret=nightscout.api_secret)
    with faulty(nightscout.url, itertools.repeat("twice")) as proxy:
        someone = person(tmp_path, proxy.url, source, credentials, site_itself=nightscout.url)
        before = newest_content(someone.reading())
        done = someone.apply(activate=True)
        state = someone.reading()
        assert (active_name(state), len(state.documents), len(state.switches)) == (done.name, 3, 1)
        assert someone.roll_back().outcome == "rolled-back"
    state = someone.reading()
    assert (newest_content(state), active_name(state), len(state.documents)) == (before, "Day", 5)


# --- what differs in content is somebody else's


def edited(document: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    changed["store"]["Day"]["dia"] = 7
    return {**changed, "enteredBy": "another"}


@pytest.mark.parametrize("activate", [False, True])
@pytest.mark.parametrize("newest", [False, True])
def test_an_edited_twin_is_somebodys(newest: bool, activate: bool, someone: Person, site: StandIn) -> None:
    site.edits[8] = lambda database: database.profiles.append(
        {**edited(database.profiles[-1]), "_id": "f" * 24, "created_at": "2099" if newest else "2000"}
    )
    assert refusal_of(lambda: someone.apply(activate=activate)).reason is Reason.WRITE_OVERTAKEN
    state = someone.reading()
    assert state.newest["enteredBy"] == "another"
    assert active_name(state) == "Day"
    assert someone.outcomes() == [ChangeOutcome.THEIRS]


@pytest.mark.parametrize("newest", [False, True])
def test_a_twin_edited_later_is_an_edit(newest: bool, someone: Person, twice: StandIn) -> None:
    """Of documents that begin together no version of Nightscout says which one it uses."""
    someone.apply()
    ours = SiteProfiles(tuple(twice.database.profiles), ()).newest_alike
    which = ours[0 if newest else 1]
    twice.database.profiles[twice.database.profiles.index(which)] = edited(which)
    count = posts(twice)
    assert refusal_of(someone.roll_back).reason is Reason.EDITED_SINCE
    assert refusal_of(someone.apply).reason is Reason.SITE_PROFILE_CHANGED
    assert posts(twice) == count
    assert someone.roll_back(even_if_edited=True).outcome == "rolled-back"


OTHERWISE: list[dict[str, Any]] = [
    {"percentage": 80},
    {"percentage": None},
    {"profile": "Night shift"},
    {"timeshift": 2},
    {"timeshift": -7_200_000},
    {"timeshift": 3, "CircadianPercentageProfile": True},
    {"timeShift": 2, "timeshift": None},
    {"isValid": False},
]
# After theirs has ended, or without ours, something else would be active: that has no end until somebody switches.
WITHOUT_END: list[dict[str, Any]] = [
    {"duration": 30},
    {"duration": "30"},
    {"originalDuration": 1_800_000},
    {"durationInMilliseconds": 1_800_000},
    {"profileJson": None},
]


@pytest.mark.parametrize("change", [*OTHERWISE, *WITHOUT_END], ids=str)
def test_a_switch_of_the_same_time_that_says_something_else_is_somebodys(
    change: dict[str, Any], someone: Person, site: StandIn
) -> None:
    """Nightscout keeps one for each time; two requests at the same moment can leave two."""

    def another(database: Database) -> None:
        ours = database.treatments[-1]
        theirs = {**ours, **change, "enteredBy": "another", "_id": "0" * 24}
        database.treatments.append({k: v for k, v in theirs.items() if v is not None})

    site.edits[11] = another  # after the Profile Switch was sent
    refusal = refusal_of(lambda: someone.apply(activate=True))
    assert site.edits == {}
    assert refusal.reason is (Reason.CHANGE_UNSETTLED if change in WITHOUT_END else Reason.WRITE_OVERTAKEN)
    assert someone.outcomes() == [None if change in WITHOUT_END else ChangeOutcome.THEIRS]
    if change in ({"percentage": 80}, {"profile": "Night shift"}):
        active = someone.reading().active((someone.tools.clock() + timedelta(minutes=1)).timestamp() * 1000)
        assert active.switch is not None
        assert {"percentage": active.switch.percentage, "profile": active.name}.items() >= change.items()


@pytest.mark.parametrize("change", [{}, {"enteredBy": "x"}, {"isValid": True}, {"timeshift": 0.0}, {"duration": "0"}])
def test_a_switch_of_the_same_time_that_says_the_same_is_ours(
    change: dict[str, Any], someone: Person, site: StandIn
) -> None:
    site.edits[11] = lambda database: database.treatments.append({**database.treatments[-1], **change, "_id": "0" * 24})
    assert someone.apply(activate=True).outcome == "applied"
    assert site.edits == {}
