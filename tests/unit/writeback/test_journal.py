"""The journal survives what may happen to a process and a disk, and two processes keep out of each other's way."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.values.user_directories import journals_root
from flows.writeback.journal import Change, ChangeOutcome, Journal, Step

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
    change.end(ChangeOutcome.BEFORE, "refused")
    first, second = journal(tmp_path).changes()
    assert (first.name, first.outcome, first.read("backup")["ö"]) == (change.name, ChangeOutcome.BEFORE, 1)
    assert [r["step"] for r in first.records] == ["begun", "backed-up", "done"]
    assert (second.name, second.ended, second.outcome) == (other.name, False, None)
    assert [c.name for c in journal(tmp_path).changes() if not c.ended] == [other.name]


@pytest.mark.parametrize("cut", range(2, 60, 7))
def test_a_line_cut_off_counts_as_never_written_and_harms_none_after_it(tmp_path: Path, cut: int) -> None:
    mine = journal(tmp_path)
    change = mine.begin(kind="apply")
    change.note(Step.BACKED_UP)
    file = mine.directory / "journal.jsonl"
    file.write_bytes(file.read_bytes()[:-cut])
    (found,) = journal(tmp_path).changes()
    assert found.step is Step.BEGUN
    found.end(ChangeOutcome.BEFORE, "stopped")
    (again,) = journal(tmp_path).changes()
    assert again.outcome is ChangeOutcome.BEFORE


# --- a line that is not as it was written


def carried_out(mine: Journal, *, hashed: bool = True) -> Change:
    """Seven lines: a change from its beginning to its end."""
    change = mine.begin(kind="apply")
    steps = {Step.BACKED_UP: "backup", Step.CHECKED: "intent", Step.WRITING: None, Step.WRITTEN: None}
    for step, document in {**steps, Step.ACTIVATING: None}.items():
        if document is not None:
            change.keep(document, {"a": 1})
        if not hashed:
            change._kept.clear()
        change.note(step)
    change.end(ChangeOutcome.AFTER, "written")
    return change


def lines_of(mine: Journal) -> list[bytes]:
    return (mine.directory / "journal.jsonl").read_bytes().splitlines(keepends=True)


def write(mine: Journal, lines: Iterable[bytes]) -> None:
    (mine.directory / "journal.jsonl").write_bytes(b"".join(lines))


def altered_line(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.reason is Reason.JOURNAL_ALTERED
    assert "journal.jsonl" in caught.value.sentence
    return caught.value.sentence


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda line: line[:30] + b"\n",
    "a byte of it": lambda line: line[:20] + b"\xff" + line[21:],
    "zeros": lambda line: bytes(len(line) - 1) + b"\n",
    "another text": lambda _: b"nothing\n",
    "no step": lambda line: line.replace(b'"step"', b'"stop"'),
    "an unknown step": lambda line: re.sub(rb'"step": "[a-z-]*"', b'"step": "flown"', line),
    "no object": lambda _: b"[]\n",
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_line_is_refused_by_its_number(tmp_path: Path, kind: str) -> None:
    mine = journal(tmp_path)
    carried_out(mine)
    carried_out(mine)
    lines = lines_of(mine)
    for number in range(1, len(lines) + 1):
        write(mine, [DAMAGE[kind](line) if n == number else line for n, line in enumerate(lines, 1)])
        if number == len(lines) and kind == "cut off":
            assert not mine.changes()[-1].ended
            continue
        assert f"line {number} " in altered_line(mine.changes)
        altered_line(lambda: mine.begin(kind="apply"))  # and none is added that would hide it


@pytest.mark.parametrize("hashed", [False, True])
def test_a_step_without_those_before_it_is_refused(tmp_path: Path, hashed: bool) -> None:
    mine = journal(tmp_path)
    carried_out(mine, hashed=hashed)
    lines = lines_of(mine)
    for taken_out in range(5):  # whether it was activated, no later line says
        write(mine, lines[:taken_out] + lines[taken_out + 1 :])
        assert f"line {taken_out + 1} " in altered_line(mine.changes)
        if not hashed:  # in an older journal what was cut off in the middle may have been closed by the line after it
            write(mine, [*lines[:taken_out], lines[taken_out][:30] + b"\n", *lines[taken_out + 1 :]])
            assert f"line {taken_out + 2} " in altered_line(mine.changes)
    write(mine, [])
    altered_line(mine.changes)
    (mine.directory / "journal.jsonl").unlink()
    altered_line(mine.changes)


def test_a_hash_of_one_document_and_none_of_another_is_refused(tmp_path: Path) -> None:
    mine = journal(tmp_path)
    carried_out(mine)
    lines = lines_of(mine)
    for number in (2, 3):
        record = json.loads(lines[number - 1])
        del record["kept_sha256"]
        write(mine, [*lines[: number - 1], json.dumps(record).encode() + b"\n", *lines[number:]])
        assert f"line {number} " in altered_line(mine.changes)


@pytest.mark.parametrize("newline", [b"", b"\n"])
@pytest.mark.parametrize("hashed", [False, True])
def test_what_a_crash_cut_off_stays_usable(tmp_path: Path, hashed: bool, newline: bytes) -> None:
    mine = journal(tmp_path)
    carried_out(mine, hashed=hashed)
    lines = lines_of(mine)
    for cut in (1, 5, 14, 40, len(lines[-1]) - 3):
        write(mine, [*lines, lines[-1][:cut] + newline])
        mine.begin(kind="apply").end(ChangeOutcome.BEFORE, "refused")
        write(mine, [*lines_of(mine), b'{"change": "2026', b"\n" * (cut % 2)])
        mine.begin(kind="apply").end(ChangeOutcome.BEFORE, "refused")
        assert [c.outcome for c in mine.changes()] == [
            ChangeOutcome.AFTER,
            ChangeOutcome.BEFORE,
            ChangeOutcome.BEFORE,
        ], cut


def test_what_an_older_version_closed_stays_usable(tmp_path: Path) -> None:
    mine = journal(tmp_path)
    carried_out(mine, hashed=False)
    carried_out(mine, hashed=False)
    lines = lines_of(mine)
    write(mine, [*lines[:7], lines[7][:50], b"\n", *lines[7:]])
    carried_out(mine)
    assert [c.outcome for c in mine.changes()] == [ChangeOutcome.AFTER] * 3


def test_a_link_that_leads_back_to_itself_is_said_as_that(tmp_path: Path) -> None:
    mine = journal(tmp_path)
    change = carried_out(mine)
    file = change.file("intent")
    file.unlink()
    file.symlink_to(file)
    with pytest.raises(Refused) as caught:
        change.read("intent")
    assert caught.value.reason is Reason.JOURNAL_ALTERED
    assert "a link" in caught.value.sentence
    (mine.directory / "journal.jsonl").unlink()
    (mine.directory / "journal.jsonl").symlink_to(mine.directory / "journal.jsonl")
    assert "a link" in altered_line(mine.changes)


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
    assert synced[0] == mine.directory.name
    assert synced[1].startswith(".backup.json.")
    assert synced[2:] == [change.name]
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
    with pytest.raises(Refused) as caught, mine.locked(0.2):
        pass
    assert caught.value.reason is Reason.CHANGE_UNDER_WAY
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    with mine.locked(0.0):
        pass


def test_sites_are_kept_apart_and_a_site_is_the_same_however_it_is_spelt(tmp_path: Path) -> None:
    assert Journal("https://A.example/", tmp_path).directory == Journal("http://a.example", tmp_path).directory
    assert Journal("https://a.example/x", tmp_path).directory != Journal("https://a.example", tmp_path).directory


def test_it_lies_where_every_run_of_a_person_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path / "runs"))
    assert journals_root() == tmp_path / "runs" / ".applied"
    monkeypatch.delenv("AUTOTUNE_RUNS")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert journals_root() == tmp_path / "state" / "autotune-flows" / "applied"
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(tmp_path / "here"))
    assert journals_root() == tmp_path / "here"


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
