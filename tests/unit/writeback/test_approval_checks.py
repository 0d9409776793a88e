"""Only the very proposal that was approved, young and not red, is written."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.profiles.stored import document_sha256
from flows.proposal.sealed import seal
from flows.values.run_directory import RunDirectory
from flows.writeback.active_on_site import store_of
from flows.writeback.apply import resume
from flows.writeback.approval import Decision, RollbackRequest
from flows.writeback.approval_checks import check_may_be_written, read_approved, read_sealed, source_document
from flows.writeback.journal import Journal
from flows.writeback.rollback import rollback
from flows.writeback.tidy import tidy
from tests.proposals import NOW, SITE, profile_document, proposal, run_with


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
    if reason is None:
        check_may_be_written(made, now, 48)
    else:
        assert reason_of(lambda: check_may_be_written(made, now, 48)) is reason


def test_a_proposal_with_nothing_sure_in_it_is_written_on_purpose_only() -> None:
    made = proposal(profile_document(), change=lambda d: d["verdict"].update(nothing_to_change=True))
    assert reason_of(lambda: check_may_be_written(made, NOW, 48)) is Reason.PROPOSAL_UNSURE
    check_may_be_written(made, NOW, 48, although_unsure=True)


def test_beyond_a_limit_too_what_is_not_sure_is_written_on_purpose_only() -> None:
    beyond = {"nothing_to_change": False, "worth_changing": [], "beyond_limits": ["low"]}
    made = proposal(profile_document(), colour="amber", change=lambda d: d["verdict"].update(beyond))
    assert reason_of(lambda: check_may_be_written(made, NOW, 48)) is Reason.PROPOSAL_UNSURE
    check_may_be_written(made, NOW, 48, although_unsure=True)
    sure = {**beyond, "worth_changing": ["isf"]}
    check_may_be_written(proposal(profile_document(), change=lambda d: d["verdict"].update(sure)), NOW, 48)
    listless = {**beyond, "beyond_limits": []}  # sealed before there was a list of what is worth changing
    check_may_be_written(proposal(profile_document(), change=lambda d: d["verdict"].update(listless)), NOW, 48)


def test_numbers_tuned_under_another_insulin_curve_are_not_written(tmp_path: Path) -> None:
    def longer(document: dict[str, Any]) -> None:
        document["recommended"]["dia_h"] = 7.0

    run = run_with(tmp_path, proposal(profile_document(), change=longer), [profile_document()])
    found = read_approved(run, None).proposal
    assert reason_of(lambda: check_may_be_written(found, NOW, 48)) is Reason.PROPOSAL_OTHER_CURVE


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
