"""Only the very proposal that was approved, young and not red, is written."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.profiles.stored import document_sha256
from flows.proposal.document import Proposal
from flows.proposal.sealed import seal
from flows.values.run_directory import RunDirectory
from flows.writeback.active_on_site import store_of
from flows.writeback.apply import resume
from flows.writeback.approval import Decision, RollbackRequest, Scope
from flows.writeback.approval_checks import check_may_be_written, read_approved, read_sealed, source_document
from flows.writeback.journal import Journal
from flows.writeback.rollback import rollback
from flows.writeback.tidy import tidy
from tests.proposals import NOW, SITE, profile_document, proposal, run_with


def refused(made: Proposal, scope: Scope, now: datetime = NOW, *, although_unsure: bool = False) -> Reason | None:
    try:
        check_may_be_written(made, now, 48, scope=scope, although_unsure=although_unsure)
    except Refused as refusal:
        return refusal.reason
    return None


def reason_of(act: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.reason


def test_a_sealed_proposal_is_read_with_its_source(tmp_path: Path) -> None:
    source = profile_document()
    made = proposal(source)
    run = run_with(tmp_path, made, [profile_document(_id="a" * 24, startDate="2026-12-01T00:00:00Z"), source])
    approved = read_approved(run, made.sha256.upper())
    assert (approved.site, approved.sha256) == (SITE, made.sha256)
    assert source_document(approved) == source


def basal_changed(document: dict[str, Any]) -> None:
    document["for_pump"]["basal_u_per_h"][4] += 0.05


def red_made_green(document: dict[str, Any]) -> None:
    document["verdict"]["colour"] = "amber"


def other_site(document: dict[str, Any]) -> None:
    document["options"]["site"] = "https://other.example"
    document.update(seal(document))


def old_version(document: dict[str, Any]) -> None:
    document["schema_version"] = 1


def more_keys(document: dict[str, Any]) -> None:
    document["for_pump"]["unknown"] = 1
    document.update(seal(document))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (basal_changed, Reason.PROPOSAL_ALTERED),
        (red_made_green, Reason.PROPOSAL_ALTERED),
        (other_site, Reason.PROPOSAL_ALTERED),
        (old_version, Reason.PROPOSAL_UNREADABLE),
        (more_keys, Reason.PROPOSAL_UNREADABLE),
    ],
)
def test_a_proposal_changed_after_it_was_sealed_is_refused(change: Any, reason: Reason, tmp_path: Path) -> None:
    run = run_with(tmp_path, proposal(profile_document()), [profile_document()], change)
    assert reason_of(lambda: read_approved(run, None)) is reason


def test_another_proposal_than_the_approved_one_is_refused(tmp_path: Path) -> None:
    run = run_with(tmp_path, proposal(profile_document()), [profile_document()])
    assert reason_of(lambda: read_approved(run, "0" * 64)) is Reason.PROPOSAL_OTHER_SHA256


def test_a_run_without_a_proposal_or_with_half_a_one_is_refused(tmp_path: Path) -> None:
    assert reason_of(lambda: read_approved(RunDirectory(tmp_path), None)) is Reason.PROPOSAL_UNREADABLE
    (tmp_path / "proposal.json").write_text('{"schema_version": 2, ')
    assert reason_of(lambda: read_approved(RunDirectory(tmp_path), None)) is Reason.PROPOSAL_UNREADABLE


def test_a_proposal_from_a_directory_belongs_to_no_site(tmp_path: Path) -> None:
    run = run_with(tmp_path, proposal(profile_document(), site=None), [profile_document()])
    assert reason_of(lambda: read_approved(run, None)) is Reason.PROPOSAL_WITHOUT_SITE


def test_a_source_that_is_none_of_the_sites_documents_is_refused(tmp_path: Path) -> None:
    run = run_with(tmp_path, proposal(profile_document()), [profile_document(enteredBy="another")])
    approved = read_approved(run, None)
    assert reason_of(lambda: source_document(approved)) is Reason.PROPOSAL_WITHOUT_SITE


def test_a_profile_that_a_switch_carried_is_found_in_the_newest_document(tmp_path: Path) -> None:
    source = profile_document()

    def by_switch(document: dict[str, Any]) -> None:
        document["profile"]["document_sha256"] = document_sha256(store_of(source)["Day"])

    run = run_with(tmp_path, proposal(source, change=by_switch), [source])
    assert source_document(read_approved(run, None)) == source


@pytest.mark.parametrize(
    ("colour", "age_h", "reason"),
    [
        ("green", 0, None),
        ("amber", 47.9, None),
        ("red", 0, Reason.PROPOSAL_RED),
        ("green", 48.1, Reason.PROPOSAL_OLD),
        ("green", -1, Reason.PROPOSAL_OLD),
    ],
)
def test_red_and_old_proposals_are_not_written(colour: str, age_h: float, reason: Reason | None) -> None:
    made = proposal(profile_document(), colour=colour)
    now = NOW + timedelta(hours=age_h)
    for scope in Scope:
        assert refused(made, scope, now) is reason, scope


def verdicts(step: str, whole: str, *rules: str, unsure: bool = False) -> Any:
    """The verdict of the step, that of all numbers, and the rules that are red in it."""

    def change(document: dict[str, Any]) -> None:
        reasons = [{"rule": rule, "colour": "red", "sentence": "said", "source": "there"} for rule in rules]
        document["verdict"]["colour"] = step
        document["verdict_of_all"] = {
            **document["verdict"],
            "colour": whole,
            "reasons": reasons,
            "nothing_to_change": unsure,
        }

    return change


RED, UNSURE = Reason.PROPOSAL_RED, Reason.PROPOSAL_UNSURE


@pytest.mark.parametrize(
    ("kind", "change", "of_step", "of_reductions", "of_all"),
    [
        ("change", verdicts("green", "green"), None, None, None),
        ("change", verdicts("amber", "amber"), None, None, None),
        ("change", verdicts("amber", "red", "far_from_now"), None, RED, RED),
        ("change", verdicts("red", "green"), RED, None, None),
        ("change", verdicts("amber", "red", "lows"), None, None, RED),
        ("change", verdicts("amber", "red", "unlogged_lows", "lows"), None, None, RED),
        ("change", verdicts("amber", "red", "lows", "old_data"), None, RED, RED),
        ("change", verdicts("amber", "red"), None, RED, RED),  # no reason is given: none that reductions answer
        ("change", verdicts("green", "amber", unsure=True), None, UNSURE, UNSURE),
        ("keep", verdicts("green", "green"), Reason.PROPOSAL_NO_STEP, None, None),
        ("wait", verdicts("amber", "red", "old_data"), Reason.PROPOSAL_NO_STEP, RED, RED),
        ("keep", verdicts("red", "red", "old_data"), RED, RED, RED),
        ("take-back", verdicts("amber", "green"), Reason.PROPOSAL_TAKE_BACK, None, None),
        ("take-back", verdicts("red", "red", "old_data"), Reason.PROPOSAL_TAKE_BACK, RED, RED),
    ],
)
def test_a_step_is_held_against_its_verdict_and_upstreams_numbers_against_theirs(
    kind: str, change: Any, of_step: Reason | None, of_reductions: Reason | None, of_all: Reason | None
) -> None:
    made = proposal(profile_document(), step=kind, change=change)
    found = tuple(refused(made, scope) for scope in (Scope.STEP, Scope.REDUCTIONS, Scope.ALL))
    assert found == (of_step, of_reductions, of_all)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_proposal_of_an_earlier_version_is_not_written(scope: Scope) -> None:
    made = proposal(profile_document(), step=None)
    assert refused(made, scope, although_unsure=True) is Reason.PROPOSAL_EARLIER


def test_a_proposal_without_a_step_says_what_to_do_and_when_to_look_again() -> None:
    made = proposal(profile_document(), step="wait")
    with pytest.raises(Refused) as caught:
        check_may_be_written(made, NOW, 48)
    assert "wait (cool down)" in caught.value.sentence
    assert "in 7 days" in caught.value.remedy


def test_a_proposal_with_nothing_sure_in_it_is_written_on_purpose_only() -> None:
    made = proposal(profile_document(), change=lambda d: d["verdict"].update(nothing_to_change=True))
    assert reason_of(lambda: check_may_be_written(made, NOW, 48, scope=Scope.ALL)) is Reason.PROPOSAL_UNSURE
    check_may_be_written(made, NOW, 48, scope=Scope.ALL, although_unsure=True)


def test_beyond_a_limit_too_what_is_not_sure_is_written_on_purpose_only() -> None:
    beyond = {"nothing_to_change": False, "worth_changing": [], "beyond_limits": ["low"]}
    made = proposal(profile_document(), colour="amber", change=lambda d: d["verdict"].update(beyond))
    assert reason_of(lambda: check_may_be_written(made, NOW, 48, scope=Scope.ALL)) is Reason.PROPOSAL_UNSURE
    check_may_be_written(made, NOW, 48, scope=Scope.ALL, although_unsure=True)
    sure = {**beyond, "worth_changing": ["isf"]}
    check_may_be_written(
        proposal(profile_document(), change=lambda d: d["verdict"].update(sure)), NOW, 48, scope=Scope.ALL
    )
    listless = {**beyond, "beyond_limits": []}  # sealed before there was a list of what is worth changing
    check_may_be_written(
        proposal(profile_document(), change=lambda d: d["verdict"].update(listless)), NOW, 48, scope=Scope.ALL
    )


def test_numbers_tuned_under_another_insulin_curve_are_not_written(tmp_path: Path) -> None:
    def longer(document: dict[str, Any]) -> None:
        document["recommended"]["dia_h"] = 7.0

    run = run_with(tmp_path, proposal(profile_document(), change=longer), [profile_document()])
    found = read_approved(run, None).proposal
    assert reason_of(lambda: check_may_be_written(found, NOW, 48, scope=Scope.ALL)) is Reason.PROPOSAL_OTHER_CURVE


def test_a_manifest_alone_opens_no_site_whose_journal_knows_nothing(tmp_path: Path) -> None:
    """Whoever alters the files of a run gets no secret sent to a site of his own."""
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    named = {"proposal_sha256": "0" * 64, "options": {"site": "https://another.example"}}
    (run.path / "manifest.json").write_text(json.dumps(named))
    assert read_sealed(run, None).site == "https://another.example"

    def open_client(_: str) -> NoReturn:
        raise AssertionError("the site was asked")

    tools: Any = SimpleNamespace(
        open_client=open_client,
        open_journal=lambda site: Journal(site, tmp_path / "journals"),
        credentials=Credentials(token="writer-0123456789abcdef"),
    )
    request = RollbackRequest(proposal_id="run", sha256="0" * 64, decision=Decision.APPROVE)
    with pytest.raises(Refused) as refused:
        rollback(run, request, tools, "terminal")
    assert refused.value.reason is Reason.NOTHING_APPLIED
    assert resume(run, tools) == []
    with pytest.raises(Refused) as refused:
        tidy(run, 3, tools, "terminal")
    assert refused.value.reason is Reason.PROPOSAL_UNREADABLE
