"""Names, a disk that is full in the middle, rights for a rollback, and other corners of writing back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.writer import NightscoutWriter
from flows.writeback.apply import other_journal, remembered
from flows.writeback.journal import Change, ChangeOutcome, Journal, Step
from flows.writeback.observe import named
from tests.integration.conftest import ADMIN
from tests.integration.standin import READER, WRITER, StandIn
from tests.integration.test_apply import posts, profile_switch, refusal_of
from tests.proposals import profile_document
from tests.writing import Person, active_name, newest_content, person


def test_another_name_is_another_profile(someone: Person, site: StandIn) -> None:
    someone.apply(name="Mine")
    count = posts(site)
    assert refusal_of(someone.apply).reason is Reason.SITE_PROFILE_CHANGED
    assert refusal_of(lambda: someone.apply(activate=True)).reason is Reason.SITE_PROFILE_CHANGED
    assert posts(site) == count
    assert someone.apply(name="Mine", activate=True).name == "Mine"
    assert active_name(someone.reading()) == "Mine"


@pytest.mark.parametrize("full_at", [Step.WRITTEN, Step.ACTIVATING, Step.DONE])
def test_a_disk_that_is_full_after_the_write_sends_to_resume(full_at: Step, someone: Person, site: StandIn) -> None:
    class Full(Journal):
        def append(self, change: str, step: Step, facts: dict[str, Any]) -> dict[str, Any]:
            if step is full_at:
                raise Refused(Reason.BACKUP_UNUSABLE, detail="OSError")
            return super().append(change, step, facts)

    full = someone.with_(journal=lambda url: Full(url, someone.root / "applied", someone.tools.clock))
    refusal = refusal_of(lambda: full.apply(activate=True))
    assert refusal.reason is Reason.JOURNAL_CUT_OFF
    assert "--resume" in refusal.remedy
    assert len(someone.reading().documents) == 2
    assert [a.outcome for a in someone.resume()] == ["settled-after"]
    assert active_name(someone.reading()).startswith("Autotune")


def test_a_rollback_without_activation_needs_no_right_to_switch(someone: Person, site: StandIn) -> None:
    before = newest_content(someone.reading())
    profile_switch(site, "Night shift", 600)
    other = someone.with_(credentials=Credentials(token=WRITER))
    other.apply()
    assert refusal_of(lambda: other.roll_back(even_if_edited=True)).reason is Reason.WRITE_NOT_PERMITTED
    assert other.roll_back().outcome == "rolled-back"
    state = someone.reading()
    assert (newest_content(state), active_name(state)) == (before, "Night shift")
    assert len(state.switches) == 1


def test_a_client_that_may_not_write_is_closed(someone: Person) -> None:
    closed = []

    class Watched(NightscoutWriter):
        def __exit__(self, *error: Any) -> None:
            closed.append(self)
            super().__exit__(*error)

    other = someone.with_(
        credentials=Credentials(token=READER), client=lambda s, c: Watched(s, c, sleep=lambda _: None)
    )
    assert refusal_of(other.apply).reason is Reason.WRITE_NOT_PERMITTED
    assert len(closed) == 1


def test_a_note_that_cannot_be_kept_hides_no_refusal(someone: Person) -> None:
    class Unreadable(Journal):
        def changes(self) -> list[Change]:
            raise Refused(Reason.BACKUP_UNUSABLE, detail="OSError")

    with pytest.raises(ZeroDivisionError), remembered(someone.run, Unreadable(someone.site, someone.root)):
        raise ZeroDivisionError


def test_another_journal_than_the_runs_is_seen(someone: Person, memory: Path) -> None:
    someone.apply()
    assert other_journal(someone.run, someone.journal) is None
    other = Journal(someone.site, memory / "elsewhere")
    assert other_journal(someone.run, other) == str(someone.journal.directory)


def test_contradicting_times_of_an_entry_are_not_inherited(memory: Path, site: StandIn) -> None:
    document = profile_document()
    document["store"]["Day"]["sens"][1]["timeAsSeconds"] = 0
    someone = person(memory, site.url, copy.deepcopy(site.database.add_profile(document)), ADMIN)
    done = someone.apply()
    first, second = someone.reading().newest["store"][done.name]["sens"]
    assert int(second["timeAsSeconds"]) == 6 * 3600
    assert someone.outcomes() == [ChangeOutcome.AFTER]
    assert (first["time"], second["time"]) == ("00:00", "06:00")


def test_no_name_of_a_profile_is_told() -> None:
    assert named(["store.My secret name", "store.Day.sens[1].value"]) == "a whole profile, value"
