"""Without a person nothing is written where it is not known what the policy's limits count from."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.errors import Reason
from flows.writeback.apply import WritebackResult, apply
from flows.writeback.approval import Decision
from tests.integration.conftest import ADMIN
from tests.integration.standin import API_SECRET, StandIn, standing_in
from tests.integration.test_apply import posts, profile_switch, refusal_of
from tests.proposals import profile_document
from tests.writing import Person, person


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    policy = tmp_path / "policy.json"
    limits = {"max_change_percent_per_night": 20, "max_change_percent_per_week": 40}
    policy.write_text(json.dumps({"allow": True, **limits, "activate": True}))
    monkeypatch.setenv("AUTOTUNE_APPLY_POLICY", str(policy))
    with standing_in() as server:
        server.database.add_profile(profile_document())
        yield server


def somebody(site: StandIn, memory: Path, run: str = "run-1", **made: Any) -> Person:
    return person(memory, site.url, copy.deepcopy(site.database.profiles[-1]), ADMIN, run=run, **made)


def by_policy(someone: Person, **options: Any) -> WritebackResult:
    return apply(someone.run, someone.request(decision=Decision.POLICY, **options), someone.tools, "policy")


def detail(someone: Person, **options: Any) -> str:
    refusal = refusal_of(lambda: by_policy(someone, **options))
    assert refusal.reason is Reason.POLICY_FORBIDS
    return refusal.sentence


def test_an_old_proposal_is_not_for_it_whatever_is_asked_for(site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory, created_at=datetime.now(UTC) - timedelta(days=3))
    assert refusal_of(lambda: by_policy(someone, max_age_h=336)).reason is Reason.PROPOSAL_OLD
    assert posts(site) == 0


def test_what_is_not_worth_changing_is_not_written(site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory, change=lambda d: d["verdict"].update(worth_changing=["isf"]))
    assert "not worth changing" in detail(someone)
    assert posts(site) == 0


@pytest.mark.parametrize("named", [{"what": "all"}, {"what": "reductions"}, {"only": ["isf"]}, {"hours": [3]}], ids=str)
def test_nothing_but_the_step_is_written(named: dict[str, Any], site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory)
    assert "only the step" in detail(someone, **named)
    assert posts(site) == 0
    assert by_policy(someone).outcome == "applied"


def too_low(document: dict[str, Any]) -> None:
    """As sealed today: the low limit is the only reason; the step has nothing but reductions."""
    document["step"]["changes"] = [c for c in document["step"]["changes"] if c["part"] == "basal"]
    document["step"]["only_reductions"] = True
    document["glucose"]["below_54_percent"] = 1.0
    reason = {"rule": "beyond_low_limit", "colour": "amber", "sentence": "said", "source": "there"}
    document["verdict"] |= {"colour": "amber", "reasons": [reason], "beyond_limits": ["low"]}


def test_beyond_a_low_limit_what_is_shown_and_written_is_only_less_insulin(
    site: StandIn, memory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(memory))
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(memory / "applied"))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET", API_SECRET)
    someone = somebody(site, memory, change=too_low)
    assert main(["apply", str(someone.run.path), "--by-policy"]) == 0
    shown = capsys.readouterr().out
    assert "The step to take now." in shown
    assert "Not written, as it is: Insulin sensitivity (ISF), Carb ratio" in shown
    (change,) = someone.journal.changes()
    body = site.database.profiles[-1]["store"][change.facts["name"]]
    was = profile_document()["store"]["Day"]
    assert [e["value"] for e in body["carbratio"]] == [e["value"] for e in was["carbratio"]]
    assert [e["value"] for e in body["basal"]] == [0.75, 0.95]
    assert body["sens"] == was["sens"]
    assert (change.facts["what"], change.facts["only_less"]) == ("step", False)
    assert by_policy(someone).outcome == "already-applied"
    assert refusal_of(someone.apply).reason is Reason.SITE_PROFILE_CHANGED  # all of it is not what the site has


def test_beyond_the_high_limit_alone_nothing_is_written(site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory, change=lambda d: d["glucose"].update(above_250_percent=5.1))
    assert "beyond the high limit" in detail(someone)
    assert posts(site) == 0


def test_a_clock_set_back_makes_no_second_night(site: StandIn, memory: Path) -> None:
    someone = somebody(site, memory)
    someone.tools.sleep(200)  # type: ignore[misc]
    by_policy(someone)
    again = somebody(site, memory, "run-2", name="Day")
    assert "less than a night ago" in detail(again, name="Second")


def test_an_emptied_journal_resets_no_limit(site: StandIn, memory: Path) -> None:
    by_policy(somebody(site, memory), activate=True)
    shutil.rmtree(memory / "applied")
    assert "does not know of it" in detail(somebody(site, memory, "run-2", name="Day"), name="Second")


def test_the_weeks_limit_counts_from_the_profile_that_was_tuned_or_not_at_all(site: StandIn, memory: Path) -> None:
    profile_switch(site, "Night shift", 600)
    first = somebody(site, memory, name="Day")
    first.apply(name="By hand")
    assert "is not the profile that was tuned" in detail(somebody(site, memory, "run-2", name="Day"), name="Second")
