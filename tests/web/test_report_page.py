"""A run's page: its report as the file has it, what may be done with it, and why there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.profiles.stored import document_sha256
from flows.proposal.document import Proposal
from flows.proposal.sealed import read_proposal
from flows.report.html.report import report_html
from flows.web.index import index_of
from tests.hostile_proposals import HOSTILE, hostile
from tests.sample_proposals import document, sealed
from tests.web import runs
from tests.web.conftest import Page
from tests.web.looks import first_words, nothing_inline
from tests.web.test_index import applied


def shown(page: Page, name: str = runs.NAME, status: int = 200) -> str:
    answer = page.get(f"/r/{name}")
    assert answer.status_code == status
    nothing_inline(answer.text)
    return answer.text


def without_the_pages_own(text: str) -> str:
    """The page without what the site adds to the report."""
    text = re.sub(r'<details class="card fold of-this-page.*?</details>', "", text, flags=re.DOTALL)
    return re.sub(r'<div class="of-this-page no-print">.*?</div>\s*</div>', "", text, flags=re.DOTALL)


@pytest.mark.parametrize(
    "proposal",
    [
        runs.step_of(),
        runs.step_of(units="mmol/L"),
        sealed({**document(colour="red"), "proposal_id": runs.NAME}),
        sealed({**document(evidence=False, glucose=False), "proposal_id": runs.NAME}),
    ],
    ids=["step", "mmol", "red", "little"],
)
def test_it_is_the_report_of_the_file_but_for_its_layout(page: Page, proposal: Proposal) -> None:
    run = runs.put(page.state.settings.runs, proposal)
    file = report_html(read_proposal(run / "proposal.json")).decode()
    assert first_words(without_the_pages_own(shown(page))) == first_words(file)


@pytest.mark.parametrize(
    ("proposal", "written", "typed", "says"),
    [
        (runs.step_of(), True, True, None),
        (runs.step_of(made=datetime.now(UTC) - timedelta(days=3)), False, False, "too old to be written"),
        (runs.step_of(None), False, True, "did not come from a site"),
        (runs.step_of(shares={"in_range_70_180_percent": 80.0}, basal=1.0), False, False, "no step to write"),
        (sealed({**document(), "proposal_id": runs.NAME}), False, False, "earlier version"),
    ],
    ids=["step", "old", "no site", "no step", "earlier"],
)
def test_the_change_is_offered_where_it_may_be_written(
    page: Page, proposal: Proposal, written: bool, typed: bool, says: str | None
) -> None:
    runs.put(page.state.settings.runs, proposal)
    text = shown(page)
    assert (f'href="/r/{runs.NAME}/approve"' in text) == written
    assert (f'href="/r/{runs.NAME}/entry"' in text) == typed
    assert ('class="why-not"' in text) == (says is not None)
    assert (says or "") in text


def test_what_was_written_is_not_offered_again(page: Page) -> None:
    run = runs.put(page.state.settings.runs, runs.step_of())
    applied(run, read_proposal(run / "proposal.json").sha256)
    text = shown(page)
    assert "/approve" not in text
    assert "It was written to the site: " in text


def test_an_app_that_reads_no_profiles_is_named(page: Page) -> None:
    source = {"_id": "1", "defaultProfile": "Workdays", "enteredBy": "Loop", "store": {"Workdays": {}}}
    profile = {"name": "Workdays", "document_sha256": document_sha256(source)}
    runs.put(page.state.settings.runs, runs.step_of(seal_with={"profile": profile}), served=(source,))
    text = shown(page)
    assert "Loop does not read profiles from Nightscout" in text
    assert "/approve" not in text


def damaged_proposal(run: Path) -> None:
    runs.alter(run, timezone="Europe/Paris")


def damaged_manifest(run: Path) -> None:
    (run / "manifest.json").write_text("[")


@pytest.mark.parametrize(("change", "file"), [(damaged_proposal, "proposal.json"), (damaged_manifest, "manifest.json")])
def test_a_run_that_is_not_as_sealed_is_never_shown_as_a_proposal(
    page: Page, change: Callable[[Path], None], file: str
) -> None:
    change(runs.put(page.state.settings.runs, runs.step_of(), files=True))
    text = shown(page)
    assert "files do not match their seal" in text
    assert file in first_words(text)
    assert "U/h" not in text
    assert "/approve" not in text
    for name in ("report.html", "proposal.json", "report.csv"):
        assert page.get(f"/r/{runs.NAME}/files/{name}").status_code == 404


def test_a_file_that_was_changed_later_is_named_and_not_given_out(page: Page) -> None:
    run = runs.put(page.state.settings.runs, runs.step_of(), files=True)
    (run / "report.csv").write_text("other numbers")
    text = shown(page)
    assert "were changed after the run" in text
    assert "report.csv" in first_words(text)
    assert "files/report.csv" not in text
    assert page.get(f"/r/{runs.NAME}/files/report.csv").status_code == 404


@pytest.mark.parametrize(
    ("code", "status", "headline", "way"),
    [
        ("site_unauthorized", "refused", "The site refused the token.", "/settings"),
        ("too_few_good_days", "refused", "Too few of the days can be used.", "new"),
        ("disk_full", "refused", "The disk is full.", "/health"),
        ("<b>", "refused", "The run was refused.", "new"),
        ("", "failed", "The run failed with an internal error.", "new"),
    ],
)
def test_a_run_without_a_proposal_says_why_and_what_to_do(
    page: Page, code: str, status: str, headline: str, way: str
) -> None:
    runs.put_refused(page.state.settings.runs, runs.NAME, code, status=status)
    (ada,) = page.state.people.all()
    text = shown(page)
    assert f">{headline}</h2>" in text
    assert f'class="button first" href="{f"/p/{ada.id}/new" if way == "new" else way}"' in text


@pytest.mark.parametrize("name", ["20261128-043000-zzzzzz", "..", ".applied", "a%2Fb", "a" * 200, "%00"])
def test_a_name_that_is_no_runs_is_not_there(page: Page, name: str) -> None:
    (page.state.settings.runs / ".applied").mkdir()
    assert page.get(f"/r/{name}").status_code == (404 if name != ".." else 200)


def test_a_link_in_the_place_of_a_run_is_not_followed(page: Page, tmp_path: Path) -> None:
    elsewhere = runs.put(tmp_path / "elsewhere", runs.step_of())
    (page.state.settings.runs / runs.NAME).symlink_to(elsewhere)
    assert "U/h" not in page.get(f"/r/{runs.NAME}").text


def test_markup_from_every_text_stays_text(page: Page) -> None:
    made = hostile(units="mmol/L")
    made["proposal_id"], made["timezone"] = runs.NAME, "Europe/Berlin"
    made["verdict"]["headline"] = HOSTILE["markup"]
    texts: Any = without_surrogates(made)
    runs.put(page.state.settings.runs, texts)
    page.state.people.change(page.state.people.all()[0].id, name=HOSTILE["markup"])
    text = shown(page)
    assert "<script>document" not in text
    assert "<img" not in text


def without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\ud800", "")
    if isinstance(value, dict):
        return {without_surrogates(k): without_surrogates(v) for k, v in value.items()}
    return [without_surrogates(v) for v in value] if isinstance(value, list | tuple) else value


def test_the_persons_unit_is_shown_first(page: Page) -> None:
    runs.put(page.state.settings.runs, runs.step_of())
    assert 'id="unit-mgdl" checked' in shown(page)
    (ada,) = page.state.people.all()
    page.state.people.change(ada.id, units="mmol/L")
    assert 'id="unit-mmoll" checked' in shown(page)


def test_the_run_before_is_there_to_compare_with(page: Page) -> None:
    root = page.state.settings.runs
    before = runs.put(root, runs.step_of(run="20261127-043000-bbbbbb", made=datetime.now(UTC) - timedelta(days=1)))
    runs.put(root, runs.step_of())
    index_of(page.state).renew()
    assert f'href="/compare/{before.name}/{runs.NAME}"' in shown(page)
    assert "/compare/" not in shown(page, before.name)
