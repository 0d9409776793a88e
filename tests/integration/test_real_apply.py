"""Writing back to a real Nightscout, from the proposal to the rollback."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.writer import NightscoutWriter, WriteAttempt, WriteStatus
from flows.writeback.active_on_site import differences
from flows.writeback.baseline import known_baseline
from flows.writeback.plan import plan
from flows.writeback.site_documents import switch_treatment
from tests.integration.conftest import Nightscout, real_only
from tests.integration.kill import SCENARIOS, Scenario, Site, one
from tests.proposals import mmol_document, profile_document
from tests.writing import Person, active_name, newest_content, person

pytestmark = pytest.mark.nightscout


def fresh(nightscout: Nightscout, document: dict[str, Any] | None = None) -> dict[str, Any]:
    """A site with this profile document alone, as it serves it."""
    nightscout.clear("treatments", "profile")
    sent = {k: v for k, v in (document or profile_document()).items() if k != "_id"}
    nightscout.post("v1/profile.json", sent)
    (stored,) = nightscout.profile_documents()
    return stored


def writer(nightscout: Nightscout, name: str, *permissions: str) -> Credentials:
    return Credentials(token=nightscout.token(f"{name}-{random.randrange(10**9)}", list(permissions)))  # noqa: S311


@pytest.fixture
def someone(nightscout: Nightscout, tmp_path: Path) -> Person:
    return person(tmp_path, nightscout.url, fresh(nightscout), Credentials(api_secret=nightscout.api_secret))


def shows_basal(nightscout: Nightscout, rates: tuple[float, ...]) -> bool:
    """Whether Nightscout's own code, once it has loaded what was written, says the profile's basal is one of these now.

    Not its `display`: a temp basal of an earlier test goes on there after it was deleted, until its time is over.
    """
    nightscout.needs_its_own_code()
    for _ in range(150):
        answer = requests.get(f"{nightscout.url}/api/v2/properties/basal", headers=nightscout.headers, timeout=30)
        if answer.json().get("basal", {}).get("current", {}).get("basal") in rates:
            return True
        time.sleep(0.2)
    return False


@pytest.mark.parametrize("way", ["api secret", "token"])
@pytest.mark.parametrize("units", ["mg/dL", "mmol/L"])
def test_from_the_proposal_to_the_rollback(way: str, units: str, nightscout: Nightscout, tmp_path: Path) -> None:
    source = fresh(nightscout, profile_document() if units == "mg/dL" else mmol_document())
    credentials = Credentials(api_secret=nightscout.api_secret)
    if way == "token":
        credentials = writer(nightscout, "w", "api:profile:read,create", "api:treatments:read,create")
    someone = person(tmp_path, nightscout.url, source, credentials)
    admin = Credentials(api_secret=nightscout.api_secret)
    before = someone.reading(admin)
    done = someone.apply()
    written = someone.reading(admin)
    expected = plan(someone.made, source, someone.request())
    assert differences(expected.document, newest_content(written)) == []
    assert active_name(written) == "Day"
    assert someone.apply(activate=True).active
    active = someone.reading(admin)
    assert active_name(active) == done.name
    assert differences(expected.document, newest_content(active)) == []
    assert someone.roll_back().outcome == "rolled-back"
    after = someone.reading(admin)
    assert newest_content(after) == newest_content(before)
    assert active_name(after) == "Day"
    assert len(after.documents) == 3  # history stays
    baseline = known_baseline([after.newest])
    assert baseline is not None
    assert baseline == known_baseline((), someone.journal.changes())
    assert baseline.basal_u_per_h == someone.made.current.basal_u_per_h
    current = requests.get(f"{nightscout.url}/api/v1/profile/current", headers=nightscout.headers, timeout=30).json()
    assert current["_id"] == after.newest["_id"]


@pytest.mark.parametrize("activate", [False, True])
def test_what_another_journal_applied_is_seen_and_rolled_back(activate: bool, someone: Person, tmp_path: Path) -> None:
    before = someone.reading()
    elsewhere = someone.with_(journals=tmp_path / "another machine")
    done = someone.apply(activate=activate)
    assert (elsewhere.apply(activate=activate).outcome, elsewhere.apply().change) == ("already-applied", done.change)
    with pytest.raises(Refused) as refused:
        elsewhere.roll_back()
    assert refused.value.reason is Reason.APPLIED_ELSEWHERE
    assert elsewhere.roll_back(from_site=True).outcome == "rolled-back"
    after = someone.reading()
    assert newest_content(after) == newest_content(before)
    assert active_name(after) == active_name(before)
    assert someone.roll_back().outcome == "already-rolled-back"


def test_nightscout_itself_counts_what_was_activated(someone: Person, nightscout: Nightscout) -> None:
    assert shows_basal(nightscout, (0.8, 1.0))
    someone.apply(activate=True)
    assert shows_basal(nightscout, (0.7, 0.9))
    someone.roll_back()
    assert shows_basal(nightscout, (0.8, 1.0))


@pytest.mark.parametrize(
    ("permissions", "activate", "reason"),
    [
        (["*:*:read"], False, Reason.WRITE_NOT_PERMITTED),
        (["api:profile:create"], False, Reason.WRITE_NOT_PERMITTED),
        (["api:profile:read,create", "api:treatments:read"], True, Reason.WRITE_NOT_PERMITTED),
        (["api:profile:read,create", "api:treatments:read"], False, None),
    ],
)
def test_permissions_are_known_before_anything_is_written(
    permissions: list[str], activate: bool, reason: Reason | None, someone: Person, nightscout: Nightscout
) -> None:
    other = someone.with_(credentials=writer(nightscout, "p", *permissions))
    count = len(someone.reading().documents)
    if reason is None:
        assert other.apply(activate=activate).outcome == "applied"
        return
    with pytest.raises(Refused) as caught:
        other.apply(activate=activate)
    assert caught.value.reason is reason
    assert len(someone.reading().documents) == count


def test_on_a_site_open_to_all_the_right_to_write_is_enough(open_nightscout: Nightscout, tmp_path: Path) -> None:
    source = fresh(open_nightscout, mmol_document())
    token = writer(open_nightscout, "o", "api:profile:create")
    someone = person(tmp_path, open_nightscout.url, source, token)
    try:
        assert someone.apply().outcome == "applied"
        with pytest.raises(Refused) as caught:
            someone.with_(credentials=Credentials(api_secret="not-the-secret-at-all")).apply(activate=True)  # noqa: S106
        assert caught.value.reason is Reason.WRITE_NOT_PERMITTED
    finally:
        fresh(open_nightscout)


def test_a_wrong_secret_writes_nothing(someone: Person) -> None:
    with pytest.raises(Refused) as caught:
        someone.with_(credentials=Credentials(api_secret="not-the-secret-at-all")).apply()  # noqa: S106
    assert caught.value.reason is Reason.WRITE_NOT_PERMITTED


@pytest.mark.parametrize("scenario", SCENARIOS[1::2], ids=lambda s: s.name)
@real_only
def test_a_killed_change_is_settled(scenario: Scenario, nightscout: Nightscout, tmp_path: Path) -> None:
    def clear(document: dict[str, Any], switches: list[dict[str, Any]]) -> dict[str, Any]:
        stored = fresh(nightscout, document)
        for switch in switches:
            nightscout.post("v1/treatments.json", switch)
        return stored

    site = Site(nightscout.url, Credentials(api_secret=nightscout.api_secret), clear)
    chance = random.Random(7)  # noqa: S311
    endings = [one(site, scenario, at, tmp_path / str(at), at, chance) for at in (22, 25, 26, 31)]
    assert all(e.died for e in endings)
    assert "after" in {e.is_now for e in endings}


# --- what Nightscout's own code counts as active


def careportal_switch(nightscout: Nightscout, name: str, seconds_ago: float, **more: Any) -> None:
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    treatment = switch_treatment(name, {}, int(at.timestamp() * 1000), "by hand")
    del treatment["profileJson"]
    nightscout.post("v1/treatments.json", {**treatment, "enteredBy": "careportal", **more})


@pytest.fixture
def at_night(nightscout: Nightscout, tmp_path: Path) -> Person:
    """A person switched to "Night shift", whose basal is none of the other profiles', three days ago."""
    nightscout.needs_its_own_code()
    document = profile_document()
    for entry in document["store"]["Night shift"]["basal"]:
        entry["value"] = 2.5
    someone = person(
        tmp_path, nightscout.url, fresh(nightscout, document), Credentials(api_secret=nightscout.api_secret)
    )
    careportal_switch(nightscout, "Night shift", 3 * 86400)
    return someone


def test_after_a_temporary_switch_nightscout_goes_back_to_what_was_before(
    at_night: Person, nightscout: Nightscout
) -> None:
    careportal_switch(nightscout, "Day", 50, duration=1)
    at_night.apply()
    time.sleep(10)
    assert shows_basal(nightscout, (2.5,))
    at_night.roll_back()
    assert shows_basal(nightscout, (2.5,))


def test_after_a_refused_switch_nightscout_counts_what_it_did(at_night: Person, nightscout: Nightscout) -> None:
    class WithoutCareportal(NightscoutWriter):
        def post_switch(self, treatment: dict[str, Any]) -> WriteAttempt:
            return WriteAttempt(WriteStatus.REFUSED, 404, "status 404")

    other = at_night.with_(client=lambda s, c: WithoutCareportal(s, c, sleep=lambda _: None))
    with pytest.raises(Refused) as caught:
        other.apply(activate=True)
    assert caught.value.reason is Reason.WRITE_REFUSED
    assert newest_content(at_night.reading())["store"].keys() == {"Day", "Night shift"}
    time.sleep(6)  # until it has loaded what was written
    assert shows_basal(nightscout, (2.5,))


def test_an_edit_between_two_readings_of_the_real_server_is_not_written_over(
    someone: Person, nightscout: Nightscout
) -> None:
    class Edited(NightscoutWriter):
        readings = 0

        def profile_switches(self, since_ms: float) -> list[dict[str, Any]]:
            found = super().profile_switches(since_ms)
            Edited.readings += 1
            if Edited.readings == 1:
                (document,) = self.profiles()
                document["store"]["Day"]["basal"][0]["value"] = 0.55
                url = f"{nightscout.url}/api/v1/profile.json"
                requests.put(url, json=document, headers=nightscout.headers, timeout=30).raise_for_status()
            return found

    with pytest.raises(Refused) as caught:
        someone.with_(client=lambda s, c: Edited(s, c, sleep=lambda _: None)).apply()
    assert caught.value.reason is Reason.SITE_PROFILE_CHANGED
    (document,) = someone.reading().documents
    assert document["store"]["Day"]["basal"][0]["value"] == 0.55
