"""The index of runs: what is read, whose it is, and that it follows what lies in the directory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.report.trend.history import trend
from flows.web.index import RunIndex, index_of
from flows.web.indexed_run import RunState
from flows.web.people import People, Person, PersonKind
from flows.web.store import Store
from tests.web import runs
from tests.web.conftest import Page


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def index(tmp_path: Path, root: Path) -> RunIndex:
    return RunIndex(Store(tmp_path / "page"), root, tmp_path / "uploads")


def ada(site: str | None = runs.SITE) -> Person:
    return Person("aaaaaa", "Ada", PersonKind.SETTINGS if site else PersonKind.UPLOADS, None, site, None, None)


def cut(run: Path) -> None:
    (run / "proposal.json").write_text("{")


def resealed(run: Path) -> None:
    other = runs.step_of(run=run.name, basal=1.05)
    (run / "proposal.json").write_text(other.model_dump_json())


def linked(run: Path) -> None:
    (run / "proposal.json").rename(run.parent.parent / "elsewhere.json")
    (run / "proposal.json").symlink_to(run.parent.parent / "elsewhere.json")


@pytest.mark.parametrize(
    ("change", "state", "damaged"),
    [
        (lambda run: None, RunState.PROPOSAL, ()),
        (lambda run: runs.alter(run, timezone="Europe/Paris"), RunState.DAMAGED, ("proposal.json",)),
        (resealed, RunState.DAMAGED, ("proposal.json",)),
        (cut, RunState.DAMAGED, ("proposal.json",)),
        (linked, RunState.DAMAGED, ("proposal.json",)),
        (lambda run: (run / "manifest.json").write_text("["), RunState.DAMAGED, ("manifest.json",)),
        (lambda run: (run / "manifest.json").unlink(), None, ()),
        (lambda run: runs.alter(run, schema_version=99), RunState.DAMAGED, ("proposal.json",)),
    ],
)
def test_what_a_directory_holds(
    index: RunIndex, root: Path, change: Callable[[Path], object], state: RunState | None, damaged: tuple[str, ...]
) -> None:
    change(runs.put(root, runs.step_of()))
    index.renew()
    found = index.run(runs.NAME)
    assert (found.state if found else None, found.damaged if found else ()) == (state, damaged)
    assert (found is None or found.card is None) == (state is not RunState.PROPOSAL)


def test_it_follows_the_directory(index: RunIndex, root: Path) -> None:
    run = runs.put(root, runs.step_of())
    runs.put_refused(root, "20261129-043000-bbbbbb", status="failed")
    (root / "notes").mkdir()
    index.renew()
    assert [(r.name, r.state) for r in index.of_person(ada())] == [
        ("20261129-043000-bbbbbb", RunState.FAILED),
        (runs.NAME, RunState.PROPOSAL),
    ]
    assert index.count_of(ada()) == 2
    shutil.rmtree(root / "20261129-043000-bbbbbb")
    cut(run)
    index.renew()
    assert [(r.name, r.state) for r in index.of_person(ada())] == [(runs.NAME, RunState.DAMAGED)]


def test_what_stayed_the_same_is_not_read_again(index: RunIndex, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.put(root, runs.step_of())
    index.renew()
    monkeypatch.setattr("flows.web.index.indexed_run", lambda run: pytest.fail(f"{run.path.name} is read again"))
    index.renew()


def test_runs_are_those_of_their_person(index: RunIndex, root: Path, tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    for name, site, directory in (
        ("20261128-043000-aaaaaa", runs.SITE, None),
        ("20261128-043000-bbbbbb", "https://ben.example", None),
        ("20261128-043000-cccccc", None, uploads / "aaaaaa" / "2026"),
        ("20261128-043000-dddddd", None, uploads / "aaaaaab"),
        ("20261128-043000-eeeeee", None, uploads / "aaaaaa"),
    ):
        options = {"from_directory": str(directory)} if directory else {}
        runs.put(root, runs.step_of(site, run=name), **options)
    index.renew()
    people = [ada(), ada(None)]
    assert [r.name[-1] for r in index.of_person(people[0])] == ["a"]
    assert [r.name[-1] for r in index.of_person(people[1])] == ["e", "c"]
    assert [r.name[-1] for r in index.of_nobody(people, most=9)] == ["d", "b"]
    assert len(trend(index.history_of(people[1]), root).runs) == 2


def test_a_step_that_was_written_waits_no_more(index: RunIndex, root: Path) -> None:
    run = runs.put(root, runs.step_of())
    index.renew()
    waiting = index.run(run.name)
    assert waiting is not None
    assert waiting.waits_until is not None
    applied(run, json.loads((run / "proposal.json").read_text())["sha256"])
    index.renew()
    written = index.run(run.name)
    assert written is not None
    assert written.waits_until is None
    assert index.changes_of(ada()) == 1


def applied(run: Path, sha256: str) -> None:
    at = datetime.now(UTC) - timedelta(minutes=5)
    of_change = {"change": "c1", "proposal_id": run.name}
    begun = {"kind": "apply", "proposal_sha256": sha256, "parts": ["basal"], "activate": True}
    lines = [
        {**of_change, **begun, "step": "begun", "at": at.isoformat()},
        {**of_change, "step": "done", "outcome": "after", "at": (at + timedelta(seconds=9)).isoformat()},
    ]
    (run / "applied.json").write_text(json.dumps({"journal": str(run.parent / ".applied"), "changes": [lines]}))


def test_runs_that_cannot_be_listed_stay_and_are_said(index: RunIndex, root: Path) -> None:
    runs.put(root, runs.step_of())
    index.renew()
    root.rename(root.with_name("away"))
    index.renew()
    assert index.unreadable
    assert index.run(runs.NAME) is not None


def test_it_is_renewed_in_the_background(page: Page) -> None:
    index = index_of(page.state)
    runs.put(page.state.settings.runs, runs.step_of())
    index.request_renewal()
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while index.run(runs.NAME) is None or index.renewed_at is None:
        assert datetime.now(UTC) < deadline


def test_an_index_of_an_earlier_start_is_there_at_once(tmp_path: Path, root: Path) -> None:
    runs.put(root, runs.step_of())
    for _ in range(2):
        index = RunIndex(Store(tmp_path / "page"), root, tmp_path / "uploads")
        known = index.run(runs.NAME)
        index.renew()
    assert known is not None


def test_people_of_the_page_have_a_key_of_their_site(tmp_path: Path) -> None:
    people = People(Store(tmp_path / "page"))
    people.bring_up_to_date(runs.SITE, {})
    assert [person.source_key for person in people.all()] == [ada().source_key]
