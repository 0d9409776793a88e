"""Whatever the network, the host or another client does at whichever step: as before, as planned, or as theirs."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.documents import Record
from flows.writeback.active_on_site import differences, profile_content
from flows.writeback.journal import ChangeOutcome
from flows.writeback.site_documents import switch_treatment
from tests.integration.conftest import ADMIN, Nightscout, someone_at
from tests.integration.faults import WRITING, faulty, unauthorized
from tests.integration.standin import Database, standing_in
from tests.proposals import profile_document
from tests.writing import active_name, newest_content, person

REQUESTS = 14  # of an undisturbed change with activation, and one more
FIRST_WRITE, SECOND_WRITE = 8, 11


def at(place: int, fault: str) -> Iterator[str | None]:
    return itertools.chain(itertools.repeat(None, place - 1), [fault], itertools.repeat(None))


def check_fault(
    path: Path, url: str, source: Record, credentials: Credentials, place: int, fault: str, **made: Any
) -> str:
    """One change with one fault; the site's end and the audit must agree, and another try must succeed."""
    with faulty(url, at(place, fault)) as proxy:
        someone = person(path, proxy.url, source, credentials, site_itself=url, **made)
        before = someone.reading()
        try:
            someone.apply(activate=True)
        except Refused as refusal:
            ended = refusal.reason
        else:
            ended = None
        if ended in (Reason.WRITE_UNKNOWN, Reason.CHANGE_UNSETTLED):
            someone.resume()
        state = someone.reading()
        changes = someone.journal.changes()
        outcome = changes[-1].outcome if changes else ChangeOutcome.BEFORE
        assert all(c.ended for c in changes)
        if outcome is ChangeOutcome.AFTER:
            assert active_name(state) != active_name(before)
            assert len(state.documents) == len(before.documents) + 1
        else:
            assert outcome is ChangeOutcome.BEFORE
            assert newest_content(state) == newest_content(before)
            assert active_name(state) == active_name(before)
        if ended is None:
            assert outcome is ChangeOutcome.AFTER
        assert someone.apply(activate=True).outcome == (
            "already-applied" if outcome is ChangeOutcome.AFTER else "applied"
        )
        planned = someone.reading()
        assert active_name(planned) != active_name(before)
        same = [d for d in planned.documents if not differences(profile_content(d), newest_content(planned))]
        assert len(same) == 1 or outcome is ChangeOutcome.BEFORE
        assert proxy.done[fault] >= 1
        return f"{fault}: {outcome}"


EVERYWHERE = (unauthorized,)  # the others at the writes and the readings after them


@pytest.mark.parametrize("fault", WRITING, ids=lambda f: f.__name__)
def test_one_fault_at_any_request_leaves_the_site_before_or_after(
    fault: Any, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.nightscout.client.TIMEOUT_S", (2, 0.3))
    seen = set()
    places = range(1, REQUESTS) if fault in EVERYWHERE else (FIRST_WRITE, FIRST_WRITE + 1, SECOND_WRITE, REQUESTS - 1)
    with standing_in() as site:
        for place in places:
            site.database.profiles.clear()
            site.database.treatments.clear()
            source = site.database.add_profile(profile_document())
            try:
                seen.add(check_fault(memory / str(place), site.url, source, ADMIN, place, fault.__name__))
            except AssertionError as error:
                raise AssertionError(f"{fault.__name__} at request {place}") from error
        assert site.database.harm == []
    assert f"{fault.__name__}: after" in seen


@pytest.mark.nightscout
@pytest.mark.parametrize(
    ("place", "fault"), [(FIRST_WRITE, "lost_answer"), (FIRST_WRITE, "unauthorized"), (SECOND_WRITE, "error_after")]
)
def test_the_real_server_is_left_before_or_after_too(
    place: int, fault: str, tmp_path: Path, nightscout: Nightscout
) -> None:
    from tests.integration.test_real_apply import fresh

    source = fresh(nightscout)
    credentials = Credentials(api_secret=nightscout.api_secret)
    check_fault(tmp_path, nightscout.url, source, credentials, place, fault)


# --- another client


def saves_anew(database: Database) -> None:
    document = profile_document(_id="f" * 24, enteredBy="another")
    document["store"]["Day"]["dia"] = 7
    newest = max(str(d.get("startDate")) for d in database.profiles)
    database.add_profile({**document, "startDate": newest.replace(".000Z", ".500Z")})


def saves_with_an_older_date(database: Database) -> None:
    document = profile_document(_id="e" * 24, enteredBy="another", startDate="2026-11-02T00:00:00.000Z")
    document["store"]["Day"]["dia"] = 7
    database.add_profile(document)


def edits_in_place(database: Database) -> None:
    stored = next(d for d in database.profiles if d.get("mills") == "0")
    changed = copy.deepcopy(stored)
    changed["store"]["Day"]["dia"] = 7
    changed["enteredBy"] = "another"
    database.profiles[database.profiles.index(stored)] = changed


def switches(database: Database) -> None:
    from datetime import UTC, datetime

    body = profile_document()["store"]["Night shift"]
    treatment = switch_treatment("Night shift", body, 0, "by another")
    database.add_treatment({**treatment, "created_at": datetime.now(UTC).isoformat()})


Edit = Callable[[Database], None]


@pytest.mark.parametrize("activate", [False, True])
@pytest.mark.parametrize("everything", [False, True])
def test_documents_deleted_meanwhile_leave_nothing_unsettled(activate: bool, everything: bool, memory: Path) -> None:
    for place in range(FIRST_WRITE, REQUESTS):
        with standing_in() as site:
            someone = someone_at(site, memory / str(place))
            site.edits[place] = lambda database: database.profiles.__delitem__(slice(None if everything else 1))
            try:
                someone.apply(activate=activate)
            except Refused as refusal:
                assert refusal.reason in (Reason.WRITE_OVERTAKEN, Reason.WRITE_LOST), (place, refusal)  # noqa: PT017
            assert all(c.ended for c in someone.journal.changes()), place


@pytest.mark.parametrize("edit", [saves_anew, saves_with_an_older_date, edits_in_place], ids=lambda e: e.__name__)
@pytest.mark.parametrize("activate", [False, True])
def test_what_another_client_saves_meanwhile_stands(edit: Edit, activate: bool, memory: Path) -> None:
    endings = set()
    for place in range(1, REQUESTS):
        with standing_in() as site:
            source = copy.deepcopy(site.database.add_profile({**profile_document(), "mills": "0"}))
            someone = person(memory / str(place), site.url, source, ADMIN)
            site.edits[place] = edit
            try:
                someone.apply(activate=activate)
                refused = None
            except Refused as refusal:
                refused = refusal.reason
            edited, last_look = place not in site.edits, site.handled - 1  # one more is at the switches
            site.edits.clear()
            state = someone.reading()
            theirs = state.newest.get("enteredBy") == "another"
            changes = someone.journal.changes()
            where = f"after request {place}: {refused}"
            assert all(c.ended for c in changes), where
            if refused is None and edited:  # saved after our last look, and none of the two is lost
                assert place >= last_look, where
                assert changes[-1].outcome is ChangeOutcome.AFTER, where
                assert any(d.get("enteredBy") == "another" for d in state.documents), where
            elif refused is not None:
                assert refused in (Reason.SITE_PROFILE_CHANGED, Reason.WRITE_OVERTAKEN), where
                assert theirs, where
                assert changes == [] or changes[-1].outcome is not ChangeOutcome.AFTER, where
                assert active_name(state) == "Day", where
            endings.add(refused)
    assert {Reason.SITE_PROFILE_CHANGED, None} <= endings
    assert Reason.WRITE_OVERTAKEN in endings


def test_a_switch_another_client_makes_meanwhile_stands(memory: Path) -> None:
    endings = set()
    for place in range(1, REQUESTS):
        with standing_in() as site:
            someone = someone_at(site, memory / str(place))
            site.edits[place] = switches
            try:
                someone.apply(activate=True)
                refused = None
            except Refused as refusal:
                refused = refusal.reason
            edited = place not in site.edits
            site.edits.clear()
            state = someone.reading()
            if edited and refused is not None:
                assert active_name(state) == "Night shift", (place, refused)
                assert "Night shift" in state.newest["store"]
            assert all(c.ended for c in someone.journal.changes())
            endings.add(refused)
    assert None in endings
    assert Reason.WRITE_OVERTAKEN in endings
