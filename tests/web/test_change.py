"""What the page says of a change is what the journal says: written, put back, refused, without an end, or not begun."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.language.catalogue import Language, speaking
from flows.nightscout.authentication import Credentials
from flows.web.changes import ChangeKind, changes_of
from flows.web.refusals_said import TO_DO, refusal_in
from flows.writeback.transaction import Attempt
from tests.web.approving import NAME, Someone, asked, no_timers, send, someone, words_of
from tests.web.looks import nothing_inline

UNDO = f"/r/{NAME}/undo"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Callable[[], None]]]:
    return no_timers(monkeypatch)


@pytest.fixture
def ada(tmp_path: Path, later: list[Any]) -> Iterator[Someone]:
    with someone(tmp_path) as who:
        yield who


def page_of(who: Someone, address: str) -> str:
    text = who.page.get(address).text
    nothing_inline(text)
    return words_of(text)


def newest(who: Someone) -> dict[str, Any]:
    return max(who.site.database.profiles, key=lambda d: str(d["startDate"]))


def test_what_waits_says_so_until_it_is_written(ada: Someone) -> None:
    answer = send(ada.page, name="Ada")
    address = answer.headers["location"]
    text = ada.page.get(address).text
    assert "It waits to be taken up" in words_of(text)
    assert 'data-reload="2000"' in text
    assert '<noscript><meta http-equiv="refresh"' in text
    (run,) = asked(ada.page)
    ada.page.server.state(run["id"], "RUNNING")
    assert "Writing…" in page_of(ada, address)
    ada.work(answer)
    text = page_of(ada, address)
    for said in (
        "✓ Written and read back: today",
        "Profile Autotune",
        "Beside it Day , as it was",
        "It is not active yet",
        "In AAPS: Local profile, choose Autotune",
        "In Nightscout: careportal, Profile Switch",
        "Look again",
        "Undo",
    ):
        assert said in text
    assert "data-reload" not in ada.page.get(address).text


def test_what_was_switched_to_is_said_to_be_active(ada: Someone) -> None:
    address = ada.work(send(ada.page, name="Ada", switch="1"))
    text = page_of(ada, address)
    assert "It is active : the site was switched to it" in text
    assert "In AAPS" not in text


@pytest.mark.parametrize("switch", [False, True])
def test_undo_puts_back_what_was_there(ada: Someone, switch: bool) -> None:
    before = newest(ada)
    applied = ada.work(send(ada.page, name="Ada", **({"switch": "1"} if switch else {})))
    asks = page_of(ada, UNDO)
    assert "Put back Day as it was at today" in asks
    assert ("switched to again" in asks) is switch
    undone = ada.work(send(ada.page, UNDO))
    assert newest(ada)["store"] == before["store"]
    assert newest(ada) != before
    assert "✓ Put back and read back: today" in page_of(ada, undone)
    text = page_of(ada, applied)
    assert "It was put back: today" in text
    assert "Undo" not in text
    assert "There is nothing to undo" in page_of(ada, UNDO)
    person = ada.page.state.people.all()[0]
    listed = changes_of(ada.page.state, person)
    assert [(c.kind, c.page, c.undo, c.run) for c in listed] == [
        (ChangeKind.ROLLBACK, undone, "", NAME),
        (ChangeKind.APPLY, applied, "", NAME),
    ]


def test_an_older_change_can_be_undone_from_the_list(ada: Someone) -> None:
    applied = ada.work(send(ada.page, name="Ada"))
    (change,) = changes_of(ada.page.state, ada.page.state.people.all()[0])
    assert (change.page, change.undo, change.name[:8]) == (applied, UNDO, "Autotune")


def test_what_somebody_changed_since_is_put_back_only_where_it_is_said(ada: Someone) -> None:
    ada.work(send(ada.page, name="Ada"))
    ada.site.database.add_profile(
        {**newest(ada), "_id": "x" * 24, "startDate": "2026-12-31T00:00:00.000Z", "defaultProfile": "Night shift"}
    )
    refused = page_of(ada, ada.work(send(ada.page, UNDO)))
    assert "Nothing was put back." in refused
    assert "The site's profile was changed since this run was applied" in refused
    assert "say so when undoing" in refused
    assert "Look at it again" in refused


def test_what_was_shown_to_be_undone_is_what_is_undone(ada: Someone) -> None:
    ada.work(send(ada.page, name="Ada"))
    answer = send(ada.page, UNDO, change="20200101-000000-aaaaaa")
    assert (answer.status_code, asked(ada.page, "profile-rollback/rollback")) == (409, [])
    ada.page.server.ready = {"autotune"}
    answer = send(ada.page, UNDO)
    assert (answer.status_code, "an approval is not queued" in answer.text) == (503, True)
    ada.page.server.ready = {"autotune-apply"}
    assert send(ada.page, UNDO).status_code == 303
    (run,) = asked(ada.page, "profile-rollback/rollback")
    until = datetime.fromisoformat(run["parameters"]["request"]["approved_until"])
    assert timedelta(minutes=9) < until - datetime.now(UTC) <= timedelta(minutes=10)


def test_what_nothing_takes_up_is_withdrawn_within_a_minute(ada: Someone, later: list[Any]) -> None:
    answer = send(ada.page, name="Ada")
    ((seconds, withdraw),) = later
    withdraw()
    text = page_of(ada, answer.headers["location"])
    assert seconds == 60
    assert "Not written: nothing took it up" in text
    assert "nothing will be written later" in text
    assert len(ada.site.database.profiles) == 1
    (run,) = asked(ada.page)
    assert run["state_type"] == "CANCELLED"


def test_what_nothing_takes_up_is_withdrawn_when_somebody_looks(ada: Someone) -> None:
    """Where the page was started anew meanwhile, and forgot the minute."""
    answer = send(ada.page, name="Ada")
    with ada.page.state.store.writing() as connection:
        connection.execute("UPDATE asked_changes SET asked_at = asked_at - 61")
    assert "Not written: nothing took it up" in page_of(ada, answer.headers["location"])


@pytest.mark.parametrize("state", ["PENDING", "RUNNING"])
def test_what_a_worker_has_taken_up_is_not_withdrawn(ada: Someone, later: list[Any], state: str) -> None:
    answer = send(ada.page, name="Ada")
    (run,) = asked(ada.page)
    ada.page.server.state(run["id"], state)
    later[0][1]()
    with ada.page.state.store.writing() as connection:
        connection.execute("UPDATE asked_changes SET asked_at = asked_at - 61")
    page_of(ada, answer.headers["location"])
    assert run["state_type"] == state
    ada.work(answer)
    assert "Written and read back" in page_of(ada, answer.headers["location"])


def test_an_approval_that_ran_out_wrote_nothing(ada: Someone) -> None:
    answer = send(ada.page, name="Ada")
    address = ada.work(answer, clock=lambda: datetime.now(UTC) + timedelta(minutes=11))
    text = page_of(ada, address)
    assert "Nothing was written." in text
    assert "The approval held until" in text
    assert "approve it again" in text
    assert len(ada.site.database.profiles) == 1


def test_no_token_says_what_to_do(ada: Someone) -> None:
    text = page_of(ada, ada.work(send(ada.page, name="Ada"), credentials=Credentials()))
    assert "Nothing was written." in text
    assert "Type the step in yourself, or add a token for writing" in text


def test_a_change_without_an_end_says_so_and_is_settled(ada: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = send(ada.page, name="Ada", switch="1")

    def lost(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Attempt, "_activate", lost)
        with pytest.raises(KeyboardInterrupt):
            ada.work(answer)
    (run,) = asked(ada.page)
    ada.page.server.state(run["id"], "CRASHED")
    address = answer.headers["location"]
    text = page_of(ada, address)
    assert "It has no end: whether it was written is not known" in text
    assert "Settle it first" in text
    assert "was not brought to its end" in page_of(ada, UNDO)
    ada.work(send(ada.page, UNDO))
    assert set(newest(ada)["store"]) == {"Day", "Night shift"}
    assert "Nothing was written." in page_of(ada, address)
    assert "taken back" in page_of(ada, address)


def test_a_journal_that_is_damaged_is_said_to_be(ada: Someone) -> None:
    address = ada.work(send(ada.page, name="Ada"))
    (journal,) = ada.page.state.settings.journals.glob("*/journal.jsonl")
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([lines[0].replace("apply", "appl"), *lines[2:]]) + "\n")
    text = page_of(ada, address)
    assert "What became of it is not known here" in text
    assert "journal" in text
    assert "Written" not in text
    assert changes_of(ada.page.state, ada.page.state.people.all()[0]) == []


def test_the_journal_counts_also_while_the_server_is_away(ada: Someone) -> None:
    done = ada.work(send(ada.page, name="Ada"))
    ada.page.server.away = True
    assert "Written and read back" in page_of(ada, done)


def test_what_is_not_known_is_not_said(ada: Someone) -> None:
    answer = send(ada.page, name="Ada")
    ada.page.server.away = True
    text = page_of(ada, answer.headers["location"])
    assert "Prefect's server does not answer" in text
    assert "Nothing was written" not in text
    ada.page.server.away = False
    (run,) = asked(ada.page)
    ada.page.server.state(run["id"], "COMPLETED")
    assert "AUTOTUNE_APPLIED" in page_of(ada, answer.headers["location"])


def test_a_change_that_was_approved_on_prefects_page_has_a_page_too(ada: Someone) -> None:
    answer = send(ada.page, name="Ada")
    ada.work(answer)
    with ada.page.state.store.writing() as connection:
        connection.execute("DELETE FROM asked_changes")
    assert ada.page.get(answer.headers["location"]).status_code == 404  # not of a deployment that writes
    (run,) = asked(ada.page)
    ada.page.server.documents[f"/deployments/{run['deployment_id']}"] = {"name": "apply"}
    assert "Written and read back" in page_of(ada, answer.headers["location"])


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.code)
@pytest.mark.parametrize("language", [Language.ENGLISH, Language.GERMAN], ids=["en", "de"])
def test_every_refusal_is_known_again_by_a_runs_message(reason: Reason, language: Language) -> None:
    names = set(re.findall(r"\{(\w+)", "".join(reason.value).replace("{{", "")))
    numeric = set(re.findall(r"\{(\w+):", "".join(reason.value)))
    refusal = Refused(reason, **{name: 3 if name in numeric else f"the {name}" for name in names})
    with speaking(language):
        found, sentence, remedy = refusal_in(f"Flow run encountered an exception: Refused: {refusal}")
        assert found is reason
        assert sentence
        assert remedy or not reason.value[1]
    if reason in TO_DO and language is Language.ENGLISH:
        assert remedy == TO_DO[reason]


@pytest.mark.parametrize("message", ["", "Flow run was cancelled.", "KeyError: 'x'"])
def test_a_message_of_something_else_is_no_refusal(message: str) -> None:
    assert refusal_in(message) == (None, "", "")


def test_a_refusal_of_another_version_is_shown_as_it_was_stored() -> None:
    assert refusal_in("… Refused: The moon is full. Wait.") == (None, "The moon is full. Wait.", "")


def test_no_name_site_or_number_is_in_an_address(ada: Someone) -> None:
    address = ada.work(send(ada.page, name="Ada"))
    assert address.removeprefix("/c/").isalnum()
    assert json.dumps(address).find("ada") == -1
