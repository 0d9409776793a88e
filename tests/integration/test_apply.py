"""Applying and rolling back against a stand-in with Nightscout's measured behaviour: what is written and refused."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.writeback.active_on_site import differences, profile_content
from flows.writeback.approval import Decision
from flows.writeback.journal import ChangeOutcome
from flows.writeback.site_documents import switch_treatment
from flows.writeback.tidy import tidy
from tests.integration.conftest import ADMIN, rounding
from tests.integration.standin import READER, SWITCHER, WRITER, StandIn
from tests.proposals import mmol_document, profile_document
from tests.writing import Person, active_name, newest_content, person


def profile_switch(site: StandIn, name: str, minutes_ago: float, **more: Any) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    treatment = switch_treatment(name, {}, int(at.timestamp() * 1000), "by hand")
    site.database.add_treatment({**treatment, "profileJson": None, "enteredBy": "careportal", **more})


def posts(site: StandIn) -> int:
    return sum(method == "POST" for method, _ in site.database.requests)


def refusal_of(act: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value


def test_what_is_written_is_the_source_and_beside_it_the_tuned_profile(someone: Person) -> None:
    before = newest_content(someone.reading())
    done = someone.apply()
    state = someone.reading()
    assert done.outcome == "applied"
    assert done.name is not None
    after = newest_content(state)
    assert differences({**after, "store": {k: v for k, v in after["store"].items() if k != done.name}}, before) == []
    tuned = after["store"][done.name]
    assert [e["value"] for e in tuned["sens"]] == [56.0, 56.0]
    assert [(e["value"], e.get("mark")) for e in tuned["carbratio"]] == [(9.0, "kept"), (9.0, None)]
    assert [(e["time"], e["value"]) for e in tuned["basal"]] == [("00:00", 0.7), ("06:00", 0.9)]
    assert {k: v for k, v in tuned.items() if k not in ("sens", "carbratio", "basal")} == {
        k: v for k, v in before["store"]["Day"].items() if k not in ("sens", "carbratio", "basal")
    }
    assert active_name(state) == "Day"
    assert len(state.documents) == 2
    start = datetime.fromisoformat(state.newest["startDate"])
    assert start.microsecond == 0
    assert start <= datetime.now(UTC)


def test_applying_twice_writes_once(someone: Person, site: StandIn) -> None:
    first = someone.apply()
    again = someone.apply()
    assert (again.outcome, again.change) == ("already-applied", first.change)
    assert posts(site) == 1


def test_activating_later_adds_the_switch_only(someone: Person, site: StandIn) -> None:
    someone.apply()
    done = someone.apply(activate=True)
    assert posts(site) == 2
    assert active_name(someone.reading()) == done.name
    assert someone.apply(activate=True).outcome == "already-applied"
    assert someone.roll_back().outcome == "rolled-back"
    assert active_name(someone.reading()) == "Day"
    assert someone.reading().newest["store"].keys() == {"Day", "Night shift"}


@pytest.mark.parametrize("activate", [False, True])
@pytest.mark.parametrize("switched", [False, True])
def test_a_rollback_brings_back_what_was_before(someone: Person, site: StandIn, activate: bool, switched: bool) -> None:
    if switched:
        profile_switch(site, "Night shift", 600)
    before = someone.reading()
    done = someone.apply(activate=activate)
    was_active = "Night shift" if switched else "Day"
    assert active_name(someone.reading()) == (done.name if activate else was_active)
    assert someone.roll_back().outcome == "rolled-back"
    after = someone.reading()
    assert newest_content(after) == newest_content(before)
    assert active_name(after) == active_name(before) == was_active
    assert len(after.documents) == 3
    assert someone.roll_back().outcome == "already-rolled-back"
    assert someone.apply(activate=switched).outcome == "applied"


def test_a_switch_that_counts_goes_on_counting(someone: Person, site: StandIn) -> None:
    profile_switch(site, "Night shift", 30, duration=60)
    someone.apply()
    state = someone.reading()
    assert active_name(state) == "Night shift"
    someone.roll_back()
    assert active_name(someone.reading()) == "Night shift"
    assert len(someone.reading().switches) == 1


def test_where_no_second_lies_between_document_and_switch_nothing_is_written(memory: Path, site: StandIn) -> None:
    start = (datetime.now(UTC) - timedelta(hours=2)).replace(microsecond=0)
    source = site.database.add_profile(profile_document(startDate=start.isoformat().replace("+00:00", ".000Z")))
    someone = person(memory, site.url, source, ADMIN)
    profile_switch(site, "Night shift", 0, created_at=start.isoformat().replace("+00:00", ".700Z"))
    assert refusal_of(someone.apply).reason is Reason.SWITCH_WOULD_END
    assert refusal_of(lambda: someone.apply(activate=True)).reason is Reason.SWITCH_WOULD_END
    assert posts(site) == 0


def test_credentials_that_may_just_do_it_are_enough(someone: Person) -> None:
    assert someone.with_(credentials=Credentials(token=WRITER)).apply().outcome == "applied"
    assert someone.with_(credentials=Credentials(token=SWITCHER)).apply(activate=True).outcome == "applied"


def edit_in_place(site: StandIn) -> None:
    site.database.profiles[-1]["store"]["Day"]["dia"] = 7


def save_anew(site: StandIn) -> None:
    site.database.add_profile(profile_document(_id="f" * 24, startDate="2026-11-20T00:00:00.000Z", enteredBy="x"))


def switch_default(site: StandIn) -> None:
    site.database.profiles[-1]["defaultProfile"] = "Night shift"


def switched(**more: Any) -> Callable[[StandIn], None]:
    return lambda site: profile_switch(site, "Night shift", 30, **more)


def nothing(_: StandIn) -> None:
    pass


# What happens before, what is asked for, and why it is refused.
REFUSED: dict[str, tuple[Callable[[StandIn], None], dict[str, Any], Reason]] = {
    "a temporary switch": (switched(duration=60), {"activate": True}, Reason.SWITCH_IN_FORCE),
    "a scaled switch": (switched(percentage=80), {"activate": True}, Reason.SWITCH_IN_FORCE),
    "a shifted switch": (switched(timeshift=2), {"activate": True}, Reason.SWITCH_IN_FORCE),
    "edited in place": (edit_in_place, {}, Reason.SITE_PROFILE_CHANGED),
    "saved anew": (save_anew, {}, Reason.SITE_PROFILE_CHANGED),
    "another default": (switch_default, {}, Reason.SITE_PROFILE_CHANGED),
    "a name that is there": (nothing, {"name": "Night shift"}, Reason.WRITE_NAME_TAKEN),
    "the default's name": (nothing, {"name": "Day", "overwrite": True}, Reason.WRITE_NAME_IN_USE),
    "the active name": (switched(), {"name": "Night shift", "overwrite": True}, Reason.WRITE_NAME_IN_USE),
}


@pytest.mark.parametrize(("happens", "asked", "reason"), REFUSED.values(), ids=REFUSED)
def test_nothing_is_written_over_what_is_in_use_or_changed(
    happens: Callable[[StandIn], None], asked: dict[str, Any], reason: Reason, someone: Person, site: StandIn
) -> None:
    happens(site)
    assert refusal_of(lambda: someone.apply(**asked)).reason is reason
    assert posts(site) == 0
    if happens is nothing:
        assert someone.apply(name="My tuned", only=["basal"]).name == "My tuned"


NO_RIGHT = {
    "none": (Credentials(), False, Reason.WRITE_NO_CREDENTIALS, ""),
    "a wrong secret": (Credentials(api_secret="not-the-secret"), False, Reason.WRITE_NOT_PERMITTED, ""),  # noqa: S106
    "may read": (Credentials(token=READER), False, Reason.WRITE_NOT_PERMITTED, "permission api:profile:create;"),
    "may not switch": (
        Credentials(token=WRITER),
        True,
        Reason.WRITE_NOT_PERMITTED,
        "permission api:treatments:create;",
    ),
    "a stranger": (
        Credentials(token="stranger-0123456789abcd"),  # noqa: S106
        False,
        Reason.WRITE_NOT_PERMITTED,
        "permission api:profile:read, api:profile:create, api:treatments:read;",
    ),
}


@pytest.mark.parametrize(("credentials", "activate", "reason", "says"), NO_RIGHT.values(), ids=NO_RIGHT)
def test_a_missing_permission_is_found_before_anything_is_written(
    credentials: Credentials, activate: bool, reason: Reason, says: str, someone: Person, site: StandIn
) -> None:
    other = someone.with_(credentials=credentials)
    refusal = refusal_of(lambda: other.apply(activate=activate))
    assert refusal.reason is reason
    assert says in refusal.sentence
    assert posts(site) == 0
    assert other.outcomes() == []


def test_the_same_profile_saved_again_is_the_same(someone: Person, site: StandIn) -> None:
    source = site.database.profiles[-1]
    site.database.add_profile({**source, "_id": "e" * 24, "startDate": "2026-11-20T00:00:00.000Z"})
    assert someone.apply().outcome == "applied"


@pytest.mark.parametrize("edit", [edit_in_place, save_anew], ids=lambda e: e.__name__)
def test_what_was_edited_since_is_not_rolled_back_unless_told_to(someone: Person, site: StandIn, edit: Any) -> None:
    before = newest_content(someone.reading())
    someone.apply()
    if edit is save_anew:
        site.database.add_profile(profile_document(_id="f" * 24, startDate="2099-01-01T00:00:00.000Z"))
        expected = Reason.SITE_PROFILE_AHEAD
    else:
        edit(site)
        expected = None
    count = posts(site)
    assert refusal_of(someone.roll_back).reason is Reason.EDITED_SINCE
    assert posts(site) == count
    if expected:
        assert refusal_of(lambda: someone.roll_back(even_if_edited=True)).reason is expected
        return
    assert someone.roll_back(even_if_edited=True).outcome == "rolled-back"
    assert newest_content(someone.reading()) == before


def test_a_switch_since_is_an_edit_too(someone: Person, site: StandIn) -> None:
    someone.apply()
    profile_switch(site, "Night shift", 0)
    assert refusal_of(someone.roll_back).reason is Reason.EDITED_SINCE
    someone.roll_back(even_if_edited=True)
    assert active_name(someone.reading()) == "Day"


def test_a_document_of_the_future_stops_it(memory: Path, site: StandIn) -> None:
    source = site.database.add_profile(profile_document(startDate="2099-01-01T00:00:00.000Z"))
    someone = person(memory, site.url, source, ADMIN)
    assert refusal_of(someone.apply).reason is Reason.SITE_PROFILE_AHEAD
    assert posts(site) == 0


def test_clocks_that_differ_stop_it(someone: Person, site: StandIn) -> None:
    def client_with_other_clock(url: str, credentials: Credentials) -> Any:
        from flows.nightscout.writer import NightscoutWriter

        return NightscoutWriter(url, credentials, clock=lambda: datetime.now(UTC).timestamp() + 900)

    assert refusal_of(someone.with_(client=client_with_other_clock).apply).reason is Reason.SITE_CLOCK
    assert posts(site) == 0


def test_a_rejected_proposal_is_written_down_and_nothing_else(someone: Person, site: StandIn) -> None:
    assert someone.apply(decision=Decision.REJECT).outcome == "rejected"
    assert site.database.requests == []
    (change,) = someone.journal.changes()
    assert (change.facts["kind"], change.facts["who"], change.outcome) == ("reject", "a test", ChangeOutcome.BEFORE)


def test_the_audit_says_who_what_and_when_and_holds_no_number_of_the_therapy(someone: Person) -> None:
    someone.apply(activate=True)
    (change,) = someone.journal.changes()
    steps = ["begun", "backed-up", "checked", "writing", "written", "activating", "done"]
    assert [r["step"] for r in change.records] == steps
    facts = {k: v for r in change.records for k, v in r.items()}
    assert facts["proposal_sha256"] == someone.made.sha256
    assert facts["versions"]["autotune_flows"]
    assert facts["before_sha256"] != facts["after_sha256"]
    assert facts["outcome"] == "after"
    text = (someone.journal.directory / "journal.jsonl").read_text()
    assert not [v for v in ("0.7", "0.9", "56", "9.0") if f" {v}," in text or f" {v}}}" in text]
    for file in someone.journal.directory.rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) == (0o700 if file.is_dir() else 0o600)
    copied = json.loads((someone.run.path / "applied.json").read_text())
    assert [[r["step"] for r in lines] for lines in copied["changes"]] == [steps]


def test_a_backup_directory_that_cannot_be_written_stops_it(someone: Person, site: StandIn, memory: Path) -> None:
    (memory / "a-file").write_text("")
    refusal = refusal_of(someone.with_(journals=memory / "a-file").apply)
    assert refusal.reason is Reason.BACKUP_UNUSABLE
    assert posts(site) == 0


def test_two_applies_at_once_wait_or_refuse(someone: Person, site: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.writeback.journal.Journal.locked.__wrapped__.__defaults__", (0.0,))
    with someone.journal.locked():
        assert refusal_of(someone.apply).reason is Reason.CHANGE_UNDER_WAY
    assert posts(site) == 0
    assert someone.apply().outcome == "applied"


def test_a_profile_in_mmol_is_given_numbers_in_mmol(memory: Path, site: StandIn) -> None:
    source = site.database.add_profile(mmol_document())
    someone = person(memory, site.url, source, ADMIN)
    done = someone.apply(activate=True)
    state = someone.reading()
    assert [e["value"] for e in state.newest["store"][done.name]["sens"]] == [3.1, 3.1]
    (switch,) = state.switches
    assert [e["value"] for e in json.loads(switch["profileJson"])["sens"]] == [3.1, 3.1]
    assert json.loads(switch["profileJson"])["units"] == "mmol"


def test_date_and_mills_follow_the_start_where_the_source_has_them(someone: Person, site: StandIn) -> None:
    site.database.profiles[0]["date"] = 1
    someone.apply()
    newest = someone.reading().newest
    start_ms = int(datetime.fromisoformat(newest["startDate"]).timestamp() * 1000)
    assert (newest["date"], newest["mills"]) == (start_ms, str(start_ms))
    someone.roll_back()
    assert someone.reading().newest["date"] > start_ms


def test_ours_are_tidied_away_but_for_the_last_and_those_in_use(memory: Path, site: StandIn) -> None:
    site.database.add_profile(profile_document())
    names = ["Ours 1", "Ours 2", "Ours 3", "Ours 4"]
    for number, name in enumerate(names):
        someone = person(
            memory, site.url, site.database.profiles[-1], ADMIN, run=f"run-{number}", factor=0.9 - number / 100
        )
        someone.apply(name=name, activate=name == "Ours 1")
    site.database.profiles[-1]["store"]["Ours 2"]["dia"] = 8  # a person made it his own
    before = someone.reading().newest
    done, gone = tidy(someone.run, 1, someone.tools, "test")
    assert (done.outcome, gone) == ("tidied", ["Ours 3"])
    after = someone.reading()
    assert (
        differences(
            {**profile_content(before), "store": {k: v for k, v in before["store"].items() if k != "Ours 3"}},
            profile_content(after.newest),
        )
        == []
    )
    assert active_name(after) == "Ours 1"
    assert tidy(someone.run, 1, someone.tools, "test")[1] == []


@pytest.mark.parametrize(("by", "app"), [("Loop", "Loop"), ("Trio", "Trio"), ("iAPS", "iAPS")])
def test_who_reads_no_profile_from_nightscout_is_told_so(by: str, app: str, memory: Path, site: StandIn) -> None:
    source = site.database.add_profile(profile_document(enteredBy=by))
    refusal = refusal_of(person(memory, site.url, source, ADMIN).apply)
    assert (refusal.reason, refusal.sentence.split()[0]) == (Reason.REPORT_ONLY, app)
    assert posts(site) == 0


# --- a site that stores something else, later, or not at all


def test_a_document_stored_otherwise_is_taken_back(someone: Person, site: StandIn) -> None:
    before = newest_content(someone.reading())
    site.alter = rounding
    refusal = refusal_of(lambda: someone.apply(activate=True))
    assert refusal.reason is Reason.WRITE_DIFFERS
    assert "(value)" in refusal.sentence
    assert newest_content(someone.reading()) == before
    assert someone.outcomes() == [ChangeOutcome.BEFORE]
    assert someone.reading().switches == ()


def test_a_site_that_changes_everything_is_told_of_with_the_backup(someone: Person, site: StandIn) -> None:
    site.alter = lambda document: document.update(units="changed")
    refusal = refusal_of(someone.apply)
    assert refusal.reason is Reason.WRITE_NOT_RESTORED
    backup = json.loads((Path(refusal.remedy.split(" is in ")[1].removesuffix(".")) / "backup.json").read_text())
    assert backup["documents"] == [site.database.profiles[0]]


def test_a_switch_stored_without_its_profile_is_taken_back(someone: Person, site: StandIn) -> None:
    before = newest_content(someone.reading())
    site.alter = lambda document: document.pop("profileJson", None) if "eventType" in document else None
    assert refusal_of(lambda: someone.apply(activate=True)).reason is Reason.WRITE_DIFFERS
    state = someone.reading()
    assert newest_content(state) == before
    assert active_name(state) == "Day"
    assert [s["profile"] for s in state.switches] == ["Day", state.switches[1]["profile"]]


def test_a_document_that_arrives_late_is_noticed(someone: Person, site: StandIn) -> None:
    site.hold = True
    assert refusal_of(someone.apply).reason is Reason.WRITE_LOST
    assert someone.outcomes() == [ChangeOutcome.BEFORE]
    assert len(someone.reading().documents) == 1
    site.release()
    assert [a.outcome for a in someone.resume()] == ["settled-after"]
    assert someone.outcomes() == [ChangeOutcome.AFTER]
    assert someone.apply().outcome == "already-applied"


def test_an_activation_left_unfinished_for_days_is_taken_back(someone: Person, site: StandIn) -> None:
    before = newest_content(someone.reading())
    site.gone_after = 10
    refusal = refusal_of(lambda: someone.apply(activate=True))
    assert refusal.reason in (Reason.WRITE_UNKNOWN, Reason.CHANGE_UNSETTLED)
    assert someone.outcomes() == [None]
    site.gone_after = None
    someone.tools.sleep(3 * 24 * 3600)  # type: ignore[misc]
    assert [a.outcome for a in someone.resume()] == ["settled-before"]
    state = someone.reading()
    assert newest_content(state) == before
    assert active_name(state) == "Day"
