"""The journal survives what may happen to a process and a disk, and two processes keep out of each other's way."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.proposal.journal import Journal, Outcome, Step, default_root

SITE = "https://my.site.example"


def journal(path: Path) -> Journal:
    found = Journal(SITE, path, lambda: datetime(2026, 11, 22, 12, tzinfo=UTC))
    with found.locked():
        return found


def test_a_change_is_read_as_it_was_written(tmp_path: Path) -> None:
    mine = journal(tmp_path)
    change = mine.begin(kind="apply", who="me")
    change.keep("backup", {"documents": [], "ö": 1})
    change.note(Step.BACKED_UP, before_sha256="x")
    other = mine.begin(kind="rollback")
    change.end(Outcome.AFTER, "written")
    first, second = journal(tmp_path).changes()
    assert (first.name, first.outcome, first.read("backup")["ö"]) == (change.name, Outcome.AFTER, 1)
    assert [r["step"] for r in first.records] == ["begun", "backed-up", "done"]
    assert (second.name, second.ended, second.outcome) == (other.name, False, None)
    assert [c.name for c in journal(tmp_path).unfinished()] == [other.name]


@pytest.mark.parametrize("cut", range(2, 60, 7))
def test_a_line_cut_off_counts_as_never_written_and_harms_none_after_it(tmp_path: Path, cut: int) -> None:
    mine = journal(tmp_path)
    change = mine.begin(kind="apply")
    change.note(Step.BACKED_UP)
    file = mine.directory / "journal.jsonl"
    file.write_bytes(file.read_bytes()[:-cut])
    (found,) = journal(tmp_path).changes()
    assert found.step is Step.BEGUN
    found.end(Outcome.BEFORE, "stopped")
    (again,) = journal(tmp_path).changes()
    assert again.outcome is Outcome.BEFORE


def test_nothing_of_it_can_be_read_by_others(tmp_path: Path) -> None:
    mine = journal(tmp_path / "applied")
    mine.begin(kind="apply").keep("backup", {})
    for path in [mine.directory, *mine.directory.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_every_line_and_document_is_on_disk_before_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = journal(tmp_path)
    synced: list[str] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    change = mine.begin(kind="apply")
    assert synced == ["journal.jsonl", mine.directory.name]
    synced.clear()
    change.keep("backup", {})
    assert synced[0].startswith(".backup.json.")
    assert synced[1:] == [change.name, mine.directory.name]
    synced.clear()
    change.note(Step.WRITING)
    assert synced == ["journal.jsonl"]


def test_the_lock_is_held_by_one_process_and_ends_with_it(tmp_path: Path) -> None:
    mine = journal(tmp_path)
    ready, go_on = os.pipe()
    pid = os.fork()
    if pid == 0:
        with mine.locked():
            os.write(go_on, b"x")
            os.read(os.pipe()[0], 1)
    os.read(ready, 1)
    waited: list[float] = []
    with pytest.raises(Refused) as caught, mine.locked(0.2, waited.append):
        pass
    assert caught.value.reason is Reason.CHANGE_UNDER_WAY
    assert waited
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    with mine.locked(0.0):
        pass


def test_sites_are_kept_apart_and_a_site_is_the_same_however_it_is_spelt(tmp_path: Path) -> None:
    assert Journal("https://A.example/", tmp_path).directory == Journal("http://a.example", tmp_path).directory
    assert Journal("https://a.example/x", tmp_path).directory != Journal("https://a.example", tmp_path).directory


def test_it_lies_where_every_run_of_a_person_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path / "runs"))
    assert default_root() == tmp_path / "runs" / ".applied"
    monkeypatch.delenv("AUTOTUNE_RUNS")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert default_root() == tmp_path / "state" / "autotune-flows" / "applied"
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(tmp_path / "here"))
    assert default_root() == tmp_path / "here"


def test_a_full_or_missing_disk_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused) as caught, Journal(SITE, tmp_path / "file").locked():
        pass
    assert caught.value.reason is Reason.BACKUP_UNUSABLE


def test_what_is_made_on_the_way_to_a_journal_is_for_its_owner_only(tmp_path: Path) -> None:
    journal = Journal(SITE, tmp_path / ".applied")
    with journal.locked():
        modes = {path.stat().st_mode & 0o777 for path in (journal.directory, journal.directory.parent)}
    assert modes == {0o700}
