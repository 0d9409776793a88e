"""The next step waits for the last change, whichever journal made it, and longer after one that was rolled back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.errors import Reason
from flows.writeback.approval import Decision
from flows.writeback.journal import Journal
from tests.integration.standin import API_SECRET, StandIn, standing_in
from tests.integration.test_apply import posts, refusal_of
from tests.integration.test_baseline import somebody
from tests.proposals import profile_document
from tests.writing import Person


@pytest.fixture
def site() -> Iterator[StandIn]:
    with standing_in() as server:
        server.database.add_profile(profile_document())
        yield server


AS_DAY: dict[str, Any] = {"name": "Day", "overwrite": True, "activate": True}


def long_ago(someone: Person, days: float) -> Person:
    """The same, of a journal whose clock is so many days behind."""
    at = lambda: datetime.now(UTC) - timedelta(days=days)  # noqa: E731
    root = someone.tools.journals
    return someone.with_(journal=lambda address: Journal(address, root, at))


@pytest.mark.parametrize("journal", ["applied", "another"])
@pytest.mark.parametrize(("days", "waits"), [(6.99, True), (7.0, False)])
def test_a_step_waits_for_seven_days_by_the_journal_and_by_the_site(
    days: float,
    waits: bool,
    journal: str,
    site: StandIn,
    memory: Path,
) -> None:
    long_ago(somebody(site, memory, factor=0.95), days).apply(**AS_DAY)
    count = posts(site)
    again = somebody(site, memory, "run-2", journal)
    for what in ("step", "reductions"):
        if waits:
            assert refusal_of(lambda: again.apply(what=what, **AS_DAY)).reason is Reason.STEP_TOO_SOON  # noqa: B023
    assert posts(site) == count
    done = again.apply(**AS_DAY, **({"only": ["cr"]} if waits else {"what": "step"}))
    assert done.outcome == "applied"
    assert [note[:29] for note in done.notes] == ["The last change was applied on"[:29]] * waits


@pytest.mark.parametrize("journal", ["applied", "another"])
@pytest.mark.parametrize(("days", "waits"), [(13.99, True), (14.0, False)])
def test_a_step_waits_for_fourteen_days_after_a_rollback(
    days: float,
    waits: bool,
    journal: str,
    site: StandIn,
    memory: Path,
) -> None:
    first = long_ago(somebody(site, memory), days)
    first.apply(name="Ours")
    first.roll_back()
    again = somebody(site, memory, "run-2", journal)
    if waits:
        assert refusal_of(lambda: again.apply(what="step", name="Second")).reason is Reason.STEP_TOO_SOON
        assert again.apply(what="reductions", name="Second").outcome == "applied"
    else:
        assert again.apply(what="step", name="Second").outcome == "applied"


def test_the_step_itself_is_activated_later_and_is_there_already(site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory)
    assert someone.apply(what="step").outcome == "applied"
    assert someone.apply(what="step").outcome == "already-applied"
    assert someone.apply(what="step", activate=True).outcome == "applied"
    assert someone.apply(what="step", activate=True).outcome == "already-applied"
    assert [c.facts["what"] for c in someone.journal.changes()] == ["step", "step"]
    elsewhere = somebody(site, memory, "run-2", "another")
    assert refusal_of(lambda: elsewhere.apply(what="step", name="Other")).reason is Reason.STEP_TOO_SOON


def test_the_step_and_all_numbers_are_two_changes(site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory)
    assert someone.apply(what="step").outcome == "applied"
    assert refusal_of(lambda: someone.apply(what="all")).reason is Reason.SITE_PROFILE_CHANGED


def test_what_never_arrived_is_no_change_to_wait_for(site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory)
    site.hold = True
    assert refusal_of(lambda: someone.apply(what="step")).reason is Reason.WRITE_LOST
    site.hold = False
    shutil.rmtree(memory / "applied")
    assert somebody(site, memory, "run-2").apply(what="step").outcome == "applied"


def test_a_policy_waits_too(site: StandIn, memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = memory / "policy.json"
    policy.write_text(
        '{"allow": true, "max_change_percent_per_night": 20, "max_change_percent_per_week": 40, "activate": true}'
    )
    monkeypatch.setenv("AUTOTUNE_APPLY_POLICY", str(policy))
    long_ago(somebody(site, memory, factor=0.95), 6.9).apply(name="By hand", activate=True)
    again = somebody(site, memory, "run-2", name="By hand")
    refusal = refusal_of(lambda: again.apply(decision=Decision.POLICY, name="Second"))
    assert refusal.reason is Reason.STEP_TOO_SOON


def test_the_terminal_says_so_before_anything_is_asked(
    site: StandIn,
    memory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(memory))
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(memory / "applied"))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET", API_SECRET)
    somebody(site, memory, factor=0.95).apply(**AS_DAY)
    again = somebody(site, memory, "run-2")
    count = len(site.database.requests)
    assert main(["apply", "run-2"]) == 3
    assert "the next step may be taken from" in capsys.readouterr().err
    assert main(["apply", "run-2", "--dry-run"]) == 0
    assert "Note: The last change was applied on" in capsys.readouterr().err
    assert len(site.database.requests) == count
    approval = ["--yes", "--sha256", again.made.sha256, "--name", "Hours"]
    assert main(["apply", "run-2", "--hours", "3,4", *approval]) == 0
    assert capsys.readouterr().err.count("Note: The last change was applied on") == 1  # not again with the result


def test_what_only_the_site_knows_is_said_with_the_result(
    site: StandIn,
    memory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(memory))
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(memory / "another"))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET", API_SECRET)
    again = somebody(site, memory, "run-2", "another")
    first = somebody(site, memory)  # whose changes are made after the other run, and leave the site as it was
    first.apply(name="Ours")
    first.roll_back()
    assert main(["apply", "run-2", "--only", "cr", "--yes", "--sha256", again.made.sha256, "--name", "Ratio"]) == 0
    assert capsys.readouterr().err.count("Note: The last change was rolled back on") == 1
