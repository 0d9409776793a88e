"""The entry sheet in the page: chosen, made as in the terminal, and refused where nothing is to be typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.entry.apps import APPS
from flows.entry.pumps import PUMPS
from flows.entry.system import entry_system
from flows.pipeline.sheet_to_type import sheet_to_type
from flows.proposal.consensus_limits import age_group
from flows.proposal.sealed import read_proposal
from flows.report.html.entry import sheet_html
from flows.values.run_directory import RunDirectory
from flows.writeback.approval import Scope
from tests.web import runs
from tests.web.conftest import Page
from tests.web.looks import first_words, nothing_inline


@pytest.fixture
def run(page: Page) -> Path:
    return runs.put(page.state.settings.runs, runs.step_of())


def shown(page: Page, path: str, status: int = 200) -> str:
    answer = page.get(path)
    assert answer.status_code == status
    nothing_inline(answer.text)
    return answer.text


@pytest.mark.parametrize(("system", "pump"), [("aaps", "dana"), ("loop", None), (next(iter(PUMPS)), None)])
def test_it_is_the_sheet_of_the_terminal(page: Page, run: Path, system: str, pump: str | None) -> None:
    proposal = read_proposal(run / "proposal.json")
    made = entry_system(system, proposal.units, age_group(proposal.options), pump if pump in PUMPS else None)
    sheet = sheet_to_type(RunDirectory(run), proposal, made, datetime.now(UTC), journals=page.state.settings.journals)
    more = f"?pump={pump}" if pump else ""
    text = shown(page, f"/r/{run.name}/entry/{system}{more}")
    if sheet.refusals:
        assert "It cannot take:" in text
        return
    file = sheet_html(sheet, proposal, Scope.STEP).decode()
    assert first_words(text).replace(" Print ", " ").split() == first_words(file).split()
    assert 'type="checkbox"' in text


def test_every_system_can_be_chosen(page: Page, run: Path) -> None:
    text = shown(page, f"/r/{run.name}/entry")
    for key in (*APPS, *PUMPS):
        assert f'<option value="{key}">' in text
        assert page.get(f"/r/{run.name}/entry/{key}").status_code == 200


@pytest.mark.parametrize(
    ("system", "pump", "to"),
    [
        (next(iter(APPS)), next(iter(PUMPS)), f"/entry/{next(iter(APPS))}?pump={next(iter(PUMPS))}"),
        (next(iter(APPS)), "<b>", f"/entry/{next(iter(APPS))}"),
        (next(iter(PUMPS)), next(iter(PUMPS)), f"/entry/{next(iter(PUMPS))}"),
        ("../../x", "", None),
    ],
)
def test_the_choice_leads_to_its_sheet(page: Page, run: Path, system: str, pump: str, to: str | None) -> None:
    answer = page.get(f"/r/{run.name}/entry", params={"system": system, "pump": pump}, follow_redirects=False)
    assert answer.headers.get("location") == (f"/r/{run.name}{to}" if to else None)


@pytest.mark.parametrize("more", ["", f"/{next(iter(APPS))}"])
def test_what_may_not_be_written_may_not_be_typed(page: Page, more: str) -> None:
    run = runs.put(page.state.settings.runs, runs.step_of(made=datetime.now(UTC) - timedelta(days=3)))
    assert "too old to be written" in first_words(shown(page, f"/r/{run.name}/entry{more}", 409))


@pytest.mark.parametrize("more", ["", f"/{next(iter(APPS))}"])
def test_a_run_that_is_not_as_sealed_has_no_sheet(page: Page, run: Path, more: str) -> None:
    runs.alter(run, timezone="Europe/Paris")
    answer = page.get(f"/r/{run.name}/entry{more}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{run.name}")


def test_an_unknown_system_leads_to_the_choice(page: Page, run: Path) -> None:
    answer = page.get(f"/r/{run.name}/entry/walkman", follow_redirects=False)
    assert answer.headers["location"] == f"/r/{run.name}/entry"
