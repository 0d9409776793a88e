"""How runs ended, read from directories as runs write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.report.trend.past_runs import RunOutcome
from flows.watch.results import RunResults, person_of
from tests.unit.watch.runs import ADA, SITE, at, leave_proposal, leave_refusal, mark

WHEN = at("11-24 02:00")


def test_a_proposal_and_a_refusal_are_read_with_their_person(tmp_path: Path) -> None:
    leave_refusal(tmp_path, "b", at("11-25 02:00"))
    leave_proposal(tmp_path, "a", WHEN, step="take-back", site=SITE)
    first, second = RunResults(tmp_path).read()
    assert (first.run, first.outcome, first.take_back) == ("a", RunOutcome.PROPOSAL, True)
    assert (second.person, second.outcome, second.code) == (ADA, RunOutcome.REFUSED, "site_unauthorized")
    assert second.at == at("11-25 02:00")


def test_a_site_without_a_block_has_a_hashed_label_of_one_person_however_it_is_spelled() -> None:
    spelled = {person_of(None, s) for s in (SITE, f"{SITE}/", SITE.upper().replace("HTTPS", "https"), f" {SITE} ")}
    (person,) = spelled
    assert person is not None
    assert "canary" not in person.name + person.key
    assert person != person_of(None, "https://another.example")
    assert person_of("ada", SITE) == ADA
    assert person_of(None, None) is None
    assert person_of("https://canary.example", None) is None  # no block's name


@pytest.mark.parametrize("how", ["past", "no person", "status", "no json", "none", "hidden", "time"])
def test_what_is_nobodys_night_is_passed_over(how: str, tmp_path: Path) -> None:
    run = leave_proposal(tmp_path, ".hidden" if how == "hidden" else "a", WHEN)
    if how == "past":
        mark(run, options={**json.loads((run / "manifest.json").read_text())["options"], "past": True})
    elif how == "no person":
        mark(run, options={"from_directory": "/data"})
    elif how == "status":
        mark(run, status="waiting")
    elif how == "time":
        mark(run, written_at="yesterday")
    elif how == "no json":
        (run / "manifest.json").write_text("[")
    elif how == "none":
        (run / "manifest.json").unlink()
    assert RunResults(tmp_path).read() == ()


def test_what_changed_is_read_again_and_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    run, reader = leave_proposal(tmp_path, "a", WHEN), RunResults(tmp_path)
    assert reader.read() == reader.read()
    mark(run, status="failed")
    (result,) = reader.read()
    assert result.outcome is RunOutcome.FAILED
    (run / "manifest.json").unlink()
    assert reader.read() == ()
    assert RunResults(tmp_path / "nothing").read() == ()
