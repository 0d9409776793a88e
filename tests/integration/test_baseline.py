"""The baseline on a site and in a journal: made by the first change, carried on, set by hand, never lost by the way."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.errors import Reason
from flows.proposal.step_document import Baseline
from flows.writeback.active_on_site import MARKER
from flows.writeback.baseline import known_baseline
from flows.writeback.journal import BASELINE, ChangeOutcome
from flows.writeback.set_baseline import set_baseline
from flows.writeback.tidy import tidy
from tests.integration.conftest import ADMIN
from tests.integration.standin import API_SECRET, StandIn, standing_in
from tests.integration.test_apply import posts, refusal_of
from tests.proposals import profile_document
from tests.writing import Person, newest_content, person


@pytest.fixture
def site() -> Iterator[StandIn]:
    with standing_in() as server:
        server.database.add_profile(profile_document())
        yield server


def somebody(site: StandIn, memory: Path, run: str = "run-1", journal: str = "applied", **made: Any) -> Person:
    """A proposal for what the site has now, of one of several journals."""
    newest = max(site.database.profiles, key=lambda d: d["startDate"])
    made = {"name": "Day", **made}
    someone = person(memory, site.url, copy.deepcopy(newest), ADMIN, run=run, **made)
    return someone.with_(journals=memory / journal)


def on_site(site: StandIn) -> Baseline | None:
    return known_baseline(site.database.profiles)


def test_the_first_change_makes_it_and_each_later_one_carries_it_on(site: StandIn, memory: Path) -> None:
    assert on_site(site) is None
    someone = somebody(site, memory)
    someone.apply(name="Day", overwrite=True, activate=True)
    first = on_site(site)
    assert first is not None
    assert (first.by_hand, first.basal_u_per_h) == (False, (*[0.8] * 6, *[1.0] * 18))
    (change,) = someone.journal.changes()
    assert change.read(BASELINE) == first.model_dump(mode="json")
    assert change.kept_sha256(BASELINE) is not None
    elsewhere = somebody(site, memory, "run-2", "another", factor=1.1)
    elsewhere.apply(name="Day", overwrite=True, activate=True)
    assert on_site(site) == known_baseline((), elsewhere.journal.changes()) == first


def test_it_outlives_an_edit_a_rollback_tidying_and_a_lost_journal(site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory)
    someone.apply(name="Ours")
    first = on_site(site)
    someone.roll_back()
    assert known_baseline([someone.reading().newest]) == first
    again = somebody(site, memory, "run-2")
    again.apply(name="Second")
    tidy(again.run, 0, again.tools, "test")
    newest = again.reading().newest
    assert (set(newest["store"]), known_baseline([newest])) == ({"Day", "Night shift"}, first)
    shutil.rmtree(memory / "applied")
    edited = {**newest, "_id": "e" * 24, "startDate": "2026-11-28T00:00:00.000Z"}
    edited["store"]["Day"]["basal"][0]["value"] = 0.85
    site.database.profiles[:] = [edited]
    last = somebody(site, memory, "run-3")
    last.apply(name="Third")
    assert known_baseline((), last.journal.changes()) == first


def test_it_outlives_a_site_whose_markers_are_gone(site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory)
    someone.apply(name="Ours")
    first = on_site(site)
    site.database.profiles[:] = [{k: v for k, v in d.items() if k != MARKER} for d in site.database.profiles]
    assert on_site(site) is None
    again = somebody(site, memory, "run-2")
    again.apply(name="Second")
    assert on_site(site) == first


def test_a_change_that_was_taken_back_leaves_none_in_the_journal(site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory)
    site.hold = True
    assert refusal_of(lambda: someone.apply(activate=True)).reason is Reason.WRITE_LOST
    assert someone.outcomes() == [ChangeOutcome.BEFORE]
    assert known_baseline((), someone.journal.changes()) is None


@pytest.mark.parametrize("what", [{}, {"only": ["basal"]}, {"hours": list(range(24))}], ids=str)
def test_two_journals_and_whoever_goes_further_is_refused(what: dict[str, Any], site: StandIn, memory: Path) -> None:
    applied = 0
    for number in range(4):
        someone = somebody(site, memory, f"run-{number}", f"journal-{number % 2}", factor=0.92)
        try_it = lambda: someone.apply(name="Day", overwrite=True, activate=True, **what)  # noqa: B023, E731
        if number < 2:
            assert try_it().outcome == "applied"
            applied += 1
            continue
        count = posts(site)
        refusal = refusal_of(try_it)
        assert refusal.reason is Reason.BEYOND_BASELINE
        assert "the basal of the day" in refusal.sentence
        assert posts(site) == count
    assert applied == 2


def test_set_by_hand_it_counts_from_then_on_and_the_profile_stays(site: StandIn, memory: Path) -> None:
    for number in range(2):
        someone = somebody(site, memory, f"run-{number}", factor=0.92)
        someone.apply(name="Day", overwrite=True, activate=True)
    third = somebody(site, memory, "run-3", factor=0.92)
    asked: dict[str, Any] = {"name": "Day", "overwrite": True, "activate": True}
    assert refusal_of(lambda: third.apply(**asked)).reason is Reason.BEYOND_BASELINE
    before, active = newest_content(third.reading()), third.reading().active(third.tools.clock().timestamp() * 1000)
    third.tools.sleep(10)  # type: ignore[misc]
    assert set_baseline(third.run, third.made.sha256, third.tools, "test").outcome == "baseline-set"
    assert newest_content(third.reading()) == before
    assert third.reading().active(third.tools.clock().timestamp() * 1000).name == active.name
    found = on_site(site)
    assert found is not None
    assert (found.by_hand, found.basal_u_per_h) == (True, third.made.current.basal_u_per_h)
    assert third.journal.changes()[-1].did("baseline")
    fourth = somebody(site, memory, "run-4", factor=0.92)
    fourth.tools.sleep(20)  # type: ignore[misc]
    assert fourth.apply(**asked).outcome == "applied"
    fourth.roll_back()
    assert known_baseline([fourth.reading().newest], fourth.journal.changes()) == found


def test_a_later_one_counts_though_an_earlier_was_set_by_a_clock_ahead(site: StandIn, memory: Path) -> None:
    ahead = somebody(site, memory)
    now = ahead.tools.clock
    ahead.with_(clock=lambda: now() + timedelta(minutes=4)).apply(name="Ours")
    again = somebody(site, memory, "run-2")
    again.tools.sleep(5)  # type: ignore[misc]
    set_baseline(again.run, None, again.tools, "test")
    found = on_site(site)
    assert found is not None
    assert found.by_hand


def test_what_is_beyond_by_somebodys_own_hand_may_come_nearer(site: StandIn, memory: Path) -> None:
    somebody(site, memory).apply(name="Ours")
    newest = copy.deepcopy(max(site.database.profiles, key=lambda d: d["startDate"]))
    for entry in newest["store"]["Day"]["basal"]:
        entry["value"] *= 1.5
    site.database.add_profile({**newest, "_id": "f" * 24, "startDate": "2026-11-29T00:00:00.000Z"})
    lower = somebody(site, memory, "run-2", factor=0.9)
    assert lower.apply(name="Lower", only=["basal"]).outcome == "applied"


def test_it_is_shown_and_set_at_the_terminal(
    site: StandIn, memory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(memory))
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(memory / "applied"))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET", API_SECRET)
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_API_SECRET", API_SECRET)
    someone = somebody(site, memory)
    assert main(["baseline", "show", site.url]) == 0
    assert "There is no baseline yet" in capsys.readouterr().out
    assert main(["baseline", "set", "run-1"]) == 3  # nobody typed yes
    assert main(["baseline", "set", "run-1", "--yes"]) == 3
    assert posts(site) == 0
    capsys.readouterr()
    assert main(["baseline", "set", "run-1", "--yes", "--sha256", someone.made.sha256]) == 0
    printed = capsys.readouterr().out
    assert "Basal 00:00–06:00 0.8 (0.64–1) U/h" in printed
    assert "The baseline is set" in printed
    assert main(["baseline", "show", "run-1", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["baseline"]
    assert (shown["by_hand"], shown["basal_u_per_h"][0]) == (True, 0.8)
    assert main(["baseline", "show", site.url]) == 0
    assert "set by hand" in capsys.readouterr().out
