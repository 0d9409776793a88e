"""What is active may rest on one Profile Switch beneath a thousand newer ones: it is found, to write and to read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout import profile_switches as switches
from flows.nightscout.authentication import Credentials
from flows.pipeline.load import load
from flows.profiles.active_in_data import in_force
from flows.profiles.raw_files import RawFiles
from flows.settings import AnalysisRequest
from flows.values.run_directory import RunDirectory
from flows.writeback.active_on_site import start_ms
from flows.writeback.site_documents import switch_treatment
from tests.integration.conftest import ADMIN, Nightscout
from tests.integration.standin import StandIn
from tests.integration.test_apply import posts, refusal_of
from tests.proposals import profile_document
from tests.writing import Person, active_name, client

NOW = datetime.now(UTC)


def switch(name: str, at: datetime, **more: Any) -> dict[str, Any]:
    made = switch_treatment(name, {}, int(at.timestamp() * 1000), "by hand")
    made |= {"profileJson": None, "enteredBy": "careportal", "_id": f"{at.timestamp():024.0f}"}
    del made["originalProfileName"]
    return {**made, **more}


def temporary(count: int, name: str = "Day") -> list[dict[str, Any]]:
    """Every twelve minutes one of five, the last an hour ago; oldest first."""
    last = NOW - timedelta(hours=1)
    return [switch(name, last - n * timedelta(minutes=12), duration=5) for n in reversed(range(count))]


# --- before and after something is written


def one_beneath(count: int) -> list[dict[str, Any]]:
    return [switch("Night shift", NOW - timedelta(days=20)), *temporary(count)]


def test_a_permanent_switch_beneath_a_thousand_is_not_ended_by_what_is_written(someone: Person, site: StandIn) -> None:
    site.database.treatments += one_beneath(1001)
    someone.apply()
    state = someone.reading()
    assert (active_name(state), len(state.switches)) == ("Night shift", 1002)


@pytest.mark.parametrize("newer", [19, 20, 21])
@pytest.mark.parametrize("activate", [False, True])
def test_it_is_in_force_again_after_a_rollback(
    newer: int, activate: bool, someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "NEWEST", 20)
    site.database.treatments += one_beneath(newer)
    done = someone.apply(activate=activate)
    assert active_name(someone.reading()) == (done.name if activate else "Night shift")
    someone.roll_back()
    assert active_name(someone.reading()) == "Night shift"


@pytest.mark.parametrize("page", [7, 40, 41, 42])
def test_every_switch_is_paged_for(page: int, someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switches, "NEWEST", 7)
    monkeypatch.setattr(switches, "PAGE", page)
    site.database.treatments += one_beneath(40)
    someone.apply(activate=True)
    assert len(someone.reading().switches) == 42


@pytest.mark.nightscout
def test_the_real_server_is_paged_through(nightscout: Nightscout, monkeypatch: pytest.MonkeyPatch) -> None:
    nightscout.clear("treatments")
    nightscout.fill([], [{k: v for k, v in s.items() if k != "_id"} for s in one_beneath(25)])
    monkeypatch.setattr(switches, "NEWEST", 10)
    monkeypatch.setattr(switches, "PAGE", 6)
    asking = client(nightscout.url, Credentials(api_secret=nightscout.api_secret))
    found = asking.profile_switches((NOW - timedelta(days=21)).timestamp() * 1000)
    assert len(found) == len({s["created_at"] for s in found}) == 26
    nightscout.clear("treatments")


@pytest.mark.parametrize("too_few", [False, True])
def test_more_than_can_be_paged_for_is_refused(
    too_few: bool, someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "NEWEST", 5)
    monkeypatch.setattr(switches, "PAGE", 20)
    site.database.treatments += one_beneath(40)
    with client(site.url, ADMIN) as asking:
        since_ms = start_ms(site.database.profiles[0]) - 86_400_000
        needed = len(switches.switches_since(asking, (switches.PROFILE_SWITCHES,), since_ms, lambda _: -1.0))
    monkeypatch.setattr(switches, "MAX_ANSWERS", needed - too_few)
    if not too_few:
        assert someone.apply().outcome == "applied"
        return
    assert refusal_of(someone.apply).reason is Reason.SWITCHES_TOO_MANY
    assert posts(site) == 0


def test_more_at_one_time_than_an_answer_holds_are_refused(
    someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "NEWEST", 3)
    monkeypatch.setattr(switches, "PAGE", 3)
    at = NOW - timedelta(days=2)
    site.database.treatments += [switch("Day", at, duration=5, _id=f"{n:024d}") for n in range(3)]
    assert refusal_of(someone.apply).reason is Reason.SITE_INCOMPLETE
    assert posts(site) == 0


@pytest.mark.parametrize("written", ["978307200", "9999-01-01T00:00:00Z", "Tue Mar 05 2024", "zzz", "2001 years ago"])
def test_a_time_that_sorts_elsewhere_than_it_reads_hides_nothing(
    written: str, someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server cuts by the text: "978307200" is the newest by it, and an instant of 2001."""
    monkeypatch.setattr(switches, "NEWEST", 20)
    odd = switch("Day", NOW - timedelta(days=25), duration=5)
    site.database.treatments += [*one_beneath(30), {**odd, "created_at": written}]
    someone.apply()
    state = someone.reading()
    assert active_name(state) == "Night shift"
    someone.roll_back()
    assert active_name(someone.reading()) == "Night shift"


@pytest.mark.parametrize("oldest", ["2026-11-2x", "2026-11-28 or so", "2026-11-05T25:00:00.000Z", "978307200"])
@pytest.mark.parametrize("cut_off", [False, True])
def test_an_answer_that_is_cut_off_at_no_time_is_refused(
    oldest: str, cut_off: bool, someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "NEWEST", 4 if cut_off else 5)
    site.database.treatments += [
        {**switch("Day", NOW, duration=5), "created_at": text, "_id": f"{n:024d}"}
        for n, text in enumerate([oldest, "99", "a", "b"])
    ]
    if not cut_off:
        assert someone.apply().outcome == "applied"
        return
    assert refusal_of(someone.apply).reason is Reason.SITE_INCOMPLETE
    assert posts(site) == 0


# --- what was in force in the data


def tuned(path: Path, site: StandIn, treatments: list[dict[str, Any]], days_ago: float) -> tuple[str, int]:
    """Which profile was active in a site's data, of a document so old; and how many answers of switches were needed."""
    at = NOW - timedelta(days=days_ago)
    site.database.profiles[:] = [profile_document(startDate=f"{at:%Y-%m-%dT%H:%M:%S}.000Z")]
    site.database.treatments[:] = treatments
    run = RunDirectory.create(path / f"run-{days_ago}", NOW)
    load(AnalysisRequest(site=site.url, days=2, timezone="Europe/Paris"), run, ADMIN, NOW)
    raw = RawFiles.open(run)
    end_ms = (NOW - timedelta(days=1)).timestamp() * 1000
    active = in_force(
        raw.records("profile"),
        raw.records("treatments"),
        name="active",
        window_start_ms=end_ms - 2 * 86_400_000,
        window_end_ms=end_ms,
        zone="Europe/Paris",
    )
    return active.profile.name, sum("Profile%20Switch" in str(f.get("asked")) for f in raw.files)


@pytest.mark.parametrize("newer", [998, 999, 1000])
def test_the_permanent_switch_is_found_beneath_newer_ones(newer: int, site: StandIn, memory: Path) -> None:
    assert tuned(memory, site, one_beneath(newer), 100)[0] == "Night shift"


@pytest.mark.parametrize("days_ago", [30, 380, 3 * 365])
def test_it_is_found_however_far_back_it_lies(days_ago: int, site: StandIn, memory: Path) -> None:
    given = [switch("Night shift", NOW - timedelta(days=days_ago))]
    assert tuned(memory, site, given, days_ago + 1)[0] == "Night shift"
    assert tuned(memory, site, given, days_ago - 1)[0] == "Day"


@pytest.mark.parametrize(("days_ago", "answers"), [(6, 1), (20, 2)])
def test_no_more_is_asked_for_once_it_is_found(days_ago: float, answers: int, site: StandIn, memory: Path) -> None:
    """The newest thousand reach eight days back, of which the last five are the data and what lies beside it."""
    decides = switch("Night shift", NOW - timedelta(days=days_ago, minutes=6))
    given = sorted([*temporary(switches.NEWEST + 300), decides], key=lambda s: str(s["created_at"]))
    assert tuned(memory, site, given, 100) == ("Night shift", answers)


def test_what_cannot_be_paged_for_is_refused(site: StandIn, memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switches, "NEWEST", 5)
    monkeypatch.setattr(switches, "PAGE", 5)
    monkeypatch.setattr(switches, "MAX_ANSWERS", 4)
    with pytest.raises(Refused) as caught:
        tuned(memory, site, temporary(50), 100)
    assert caught.value.reason is Reason.SWITCHES_TOO_MANY
