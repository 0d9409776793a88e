"""What an earlier version left unfinished, of settings that no recommendation is trusted for, is never made active."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from flows.writeback import plan, transaction
from flows.writeback.journal import ChangeOutcome
from tests.integration.conftest import ADMIN
from tests.integration.standin import StandIn
from tests.integration.test_apply import refusal_of
from tests.integration.test_apply_direction import SWITCHED, WRITTEN
from tests.proposals import as_one, with_several
from tests.writing import Person, active_name, newest_content, person

LOST = 7  # requests after which the document itself never arrives


def left_by_an_earlier_version(
    memory: Path, site: StandIn, after: int, monkeypatch: pytest.MonkeyPatch, field: str, values: Any, **request: Any
) -> Person:
    """An apply that lost its site after so many requests, by a version that wrote any settings."""
    source = copy.deepcopy(site.database.add_profile(with_several(field, *values)))
    someone = person(memory, site.url, source, ADMIN)
    site.gone_after = after
    with monkeypatch.context() as earlier:
        earlier.setattr(plan, "check_trusted", lambda *_: None)
        earlier.setattr(transaction, "untrusted_parts", lambda *_: ())
        refusal_of(lambda: someone.apply(**request))
    site.gone_after = None
    assert someone.outcomes() == [None]
    return someone


SEVERAL = [("carbratio", (10, 8)), ("sens", (50, 40))]


@pytest.mark.parametrize("request_", [{"activate": True}, {}], ids=["to be activated", "only written"])
@pytest.mark.parametrize(("field", "values"), SEVERAL)
@pytest.mark.parametrize("after", [LOST, WRITTEN], ids=["not written", "written"])
def test_it_is_taken_back(
    after: int,
    field: str,
    values: Any,
    request_: dict[str, Any],
    memory: Path,
    site: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    someone = left_by_an_earlier_version(memory, site, after, monkeypatch, field, values, **request_)
    before = with_several(field, *values)["store"]
    assert [a.outcome for a in someone.resume()] == ["settled-before"]
    state = someone.reading()
    assert (newest_content(state)["store"], active_name(state)) == (before, "Day")
    assert state.switches == ()
    (left,) = someone.journal.changes()
    assert left.records[-1]["why"] == ("write_lost" if after == LOST else "proposal_several")


@pytest.mark.parametrize("after", [LOST, WRITTEN], ids=["not written", "written"])
def test_what_upstream_was_given_a_comparable_one_of_is_carried_through(
    after: int, memory: Path, site: StandIn
) -> None:
    source = copy.deepcopy(site.database.add_profile(with_several("carbratio", 10, 8)))
    someone = person(memory, site.url, source, ADMIN, change=as_one("cr", "meals", 9, 9))
    site.gone_after = after
    refusal_of(lambda: someone.apply(activate=False))
    site.gone_after = None
    expected = "settled-before" if after == LOST else "settled-after"
    assert [a.outcome for a in someone.resume()] == [expected]
    (left,) = someone.journal.changes()
    assert left.facts["one_for_several"] == ["cr"]
    assert left.records[-1]["why"] == ("write_lost" if after == LOST else "written and read back")


@pytest.mark.parametrize(("field", "values"), SEVERAL)
def test_what_is_active_already_is_ended_so_and_can_be_rolled_back(
    field: str, values: Any, memory: Path, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = left_by_an_earlier_version(memory, site, SWITCHED, monkeypatch, field, values, activate=True)
    assert len(someone.reading().switches) == 1
    assert [(a.outcome, a.active) for a in someone.resume()] == [("settled-after", True)]
    someone.roll_back()
    state = someone.reading()
    assert (newest_content(state)["store"], active_name(state)) == (with_several(field, *values)["store"], "Day")


@pytest.mark.parametrize("after", [WRITTEN, SWITCHED])
def test_a_rollback_works_from_wherever_it_was_left(
    after: int, memory: Path, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = left_by_an_earlier_version(memory, site, after, monkeypatch, "carbratio", (10, 8), activate=True)
    assert someone.roll_back().outcome == "rolled-back"
    state = someone.reading()
    assert (newest_content(state)["store"], active_name(state)) == (with_several("carbratio", 10, 8)["store"], "Day")


# What does not write such a setting, or has one value of it, is activated as before.
TRUSTED: list[tuple[str, Any, dict[str, Any]]] = [
    ("carbratio", (10, 10), {}),
    ("carbratio", (10, 8), {"only": ["basal"]}),
    ("carbratio", (10, 8), {"only": ["basal", "isf"]}),
    ("sens", (50, 40), {"only": ["cr"]}),
    ("carbratio", (10, 10.004), {}),
]


@pytest.mark.parametrize(("field", "values", "request_"), TRUSTED)
def test_what_is_trusted_is_activated(
    field: str, values: Any, request_: Any, memory: Path, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = left_by_an_earlier_version(memory, site, WRITTEN, monkeypatch, field, values, activate=True, **request_)
    assert [(a.outcome, a.active) for a in someone.resume()] == [("settled-after", True)]
    assert active_name(someone.reading()).startswith("Autotune")


def test_a_rollback_that_was_left_unfinished_is_finished(
    memory: Path, site: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes several carb ratios too: those the person had."""
    source = copy.deepcopy(site.database.add_profile(with_several("carbratio", 10, 8)))
    someone = person(memory, site.url, source, ADMIN)
    with monkeypatch.context() as earlier:
        earlier.setattr(plan, "check_trusted", lambda *_: None)
        earlier.setattr(transaction, "untrusted_parts", lambda *_: ())
        someone.apply(activate=True)
    site.gone_after = site.handled + WRITTEN
    refusal_of(someone.roll_back)
    site.gone_after = None
    assert someone.outcomes() == [ChangeOutcome.AFTER, None]
    someone.resume()
    state = someone.reading()
    assert (newest_content(state)["store"], active_name(state)) == (with_several("carbratio", 10, 8)["store"], "Day")
