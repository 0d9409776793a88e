"""A damaged run or journal is refused by what is damaged, and the documented way leads on."""

from __future__ import annotations

import copy
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import main
from flows.errors import Reason
from flows.proposal.sealed import read_proposal, seal
from flows.writeback.active_on_site import MARKER
from flows.writeback.approval_checks import SealedRun
from flows.writeback.journal import BACKUP, INTENT
from flows.writeback.recover import Origin, damage, recover, site_now
from tests.damaged import run
from tests.integration.conftest import ADMIN
from tests.integration.standin import API_SECRET, StandIn
from tests.integration.test_apply import refusal_of
from tests.writing import Person, active_name, newest_content, person

COUNT = 14  # of 14,000: all of them, and other seeds, by `python -m tests.damaged`


def test_whatever_is_damaged_each_command_gives_a_result_or_one_refusal(memory: Path) -> None:
    found = run(memory, seed=11, count=COUNT)
    assert found.wrong == []
    assert sum(found.ended.values()) > 120


@pytest.fixture
def applied(someone: Person, memory: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setenv("AUTOTUNE_APPLIED", str(memory / "applied"))
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_WRITE_API_SECRET", API_SECRET)
    someone.apply(activate=True)
    return someone


def lines_cut(applied: Person) -> None:
    file = applied.journal.directory / "journal.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], lines[2][:40] + b"\n", *lines[3:]]))


def moved_and_linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


JOURNALS: dict[str, tuple[str, Callable[[Person], object]]] = {
    "a line": ("line 3 cannot be read", lines_cut),
    "a document": ("it is missing", lambda p: p.journal.changes()[0].file(INTENT).unlink()),
    "the directory is a link": ("its directory is", lambda p: moved_and_linked(p.journal.directory)),
    "a pipe": ("it is a pipe", lambda p: replaced(p.journal.directory / "journal.jsonl", os.mkfifo)),
    "the lock": ("it is no file", lambda p: replaced(p.journal.directory / "lock", Path.mkdir)),
}


@pytest.mark.parametrize("kind", JOURNALS)
def test_after_a_damaged_journal_the_documented_way_leads_on(
    kind: str, applied: Person, site: StandIn, memory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, spoil = JOURNALS[kind]
    backup = applied.journal.changes()[0].file(BACKUP).read_bytes()
    spoil(applied)
    before, name = copy.deepcopy(site.database.profiles), active_name(applied.reading())
    approval = ["--yes", "--sha256", applied.made.sha256]

    assert main(["tidy", str(applied.run.path), "--keep", "0", "--yes"]) == 3
    refused = capsys.readouterr().err
    assert "`autotune recover RUN`" in refused
    assert f"the profile {name!r} is active; it is" in refused
    assert main(["recover", str(applied.run.path)]) == 3  # nobody said yes
    assert said in capsys.readouterr().err
    assert not list((memory / "applied").glob("*.set-aside-*"))

    assert main(["recover", str(applied.run.path), *approval, "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["active"] == name
    aside = Path(done["set_aside"])
    assert said in (aside / "NOTE.txt").read_text()
    assert backup in [file.read_bytes() for file in aside.parent.rglob("backup.json")]  # moved, not deleted
    assert stat.S_IMODE(aside.stat().st_mode) == 0o700
    (begun,) = applied.journal.changes()
    assert site.database.profiles == before
    assert begun.read(BACKUP)["documents"] == sorted(before, key=lambda d: d["_id"])
    refusal = refusal_of(applied.roll_back)
    assert refusal.reason is Reason.APPLIED_ELSEWHERE  # by the marker on the site

    source = next(d for d in site.database.profiles if newest_content(applied.reading()).items() <= d.items())
    again = person(memory / "again", site.url, copy.deepcopy(source), ADMIN).with_(journals=memory / "applied")
    assert again.apply(name="Another", activate=True).outcome == "applied"
    assert active_name(applied.reading()) == "Another"
    assert again.roll_back().outcome == "rolled-back"
    assert active_name(applied.reading()) == name
    site.database.profiles[:] = [{k: v for k, v in source.items() if k != MARKER}]
    refusal = refusal_of(applied.roll_back)
    assert refusal.reason is Reason.NOTHING_APPLIED
    assert str(aside) in refusal.sentence
    assert refusal_of(lambda: recover(site.url, applied.tools, {})).reason is Reason.NOTHING_DAMAGED


def test_a_whole_journal_is_left_where_it_is(applied: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recover", str(applied.run.path)]) == 0
    assert "as it was written" in capsys.readouterr().out
    assert len(applied.journal.changes()) == 1


def edited(applied: Person, site: StandIn) -> None:
    for document in site.database.profiles:
        for name, body in document["store"].items():
            if name.startswith("Autotune"):
                body["dia"] = 5.5


def unnamed(applied: Person, site: StandIn) -> None:
    applied.journal.changes()[0].file(INTENT).unlink()


def switched_back(applied: Person, site: StandIn) -> None:
    site.database.treatments.clear()


@pytest.mark.parametrize(
    ("change", "origin"),
    [
        (lambda *_: None, Origin.OURS),
        (edited, Origin.EDITED),
        (unnamed, Origin.SWITCHED),
        (switched_back, Origin.UNKNOWN),
    ],
)
def test_whose_the_active_profile_is(
    change: Callable[[Person, StandIn], object], origin: Origin, applied: Person, site: StandIn
) -> None:
    change(applied, site)
    lines_cut(applied)
    with applied.tools.open_client(site.url) as client:
        assert site_now(applied.journal, applied.tools.site(client)).origin is origin


def test_a_crash_while_it_is_set_aside_is_damage_that_can_be_set_aside(applied: Person, site: StandIn) -> None:
    (applied.journal.directory / "journal.jsonl").unlink()  # it goes first
    assert damage(applied.journal, applied.reading) is not None
    assert recover(site.url, applied.tools, {}).site.active.startswith("Autotune")
    assert damage(applied.journal, applied.reading) is None


@pytest.mark.parametrize("block", [["a"], {"a": 1}, 5])
def test_options_that_are_none_are_a_damaged_run(block: object, someone: Person) -> None:
    options = {"site": someone.site, "site_block": block}
    sealed = SealedRun(someone.run, someone.made.proposal_id, someone.made.sha256, someone.site, options)
    assert refusal_of(sealed.request).reason is Reason.RUN_DAMAGED


def other_users_write(someone: Person) -> None:
    someone.run.path.chmod(0o702)


def other_users_write_raw(someone: Person) -> None:
    someone.run.raw.chmod(0o777)


@pytest.mark.parametrize("change", [other_users_write, other_users_write_raw])
def test_nothing_is_written_from_a_run_that_others_can_write(
    change: Callable[[Person], object], someone: Person, site: StandIn
) -> None:
    change(someone)
    refusal = refusal_of(someone.apply)
    assert refusal.reason is Reason.PRIVATE_DIRECTORY
    assert "chmod -R go-rwx" in refusal.remedy
    assert not [r for r in site.database.requests if r[0] == "POST"]


def the_note(applied: Person) -> Path:
    file = applied.run.file("applied.json")
    file.write_bytes(file.read_bytes()[:50])
    return file


def the_lines(applied: Person) -> Path:
    lines_cut(applied)
    return applied.journal.directory / "journal.jsonl"


@pytest.mark.parametrize("spoil", [the_note, the_lines])
def test_what_became_of_a_proposal_is_not_said_from_a_damaged_record(
    spoil: Callable[[Person], Path], applied: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    run, runs = str(applied.run.path), str(applied.run.path.parent)
    assert main(["show", run]) == 0
    assert "was written to the site" in capsys.readouterr().out
    file = spoil(applied)
    assert main(["show", run]) == 0
    assert f"{file} is damaged" in " ".join(capsys.readouterr().out.split())
    assert main(["history", "--runs", runs]) == 0
    assert f"{file} is damaged" in " ".join(capsys.readouterr().out.split())


SEALED_AGAIN: list[tuple[str, dict[str, Any]]] = [
    ("its time zone is unknown", {"timezone": "Mars/Base"}),
    ("its time zone is unknown", {"timezone": "EUROPE/PARIS"}),
    ("it names no day that was used", {"days": []}),
]


@pytest.mark.parametrize(("said", "changed"), SEALED_AGAIN)
def test_a_sealed_proposal_that_no_run_makes_is_refused(said: str, changed: dict[str, Any], someone: Person) -> None:
    document = someone.run.read_json("proposal.json")
    document.update(changed)
    someone.run.write_json("proposal.json", seal(document))
    refusal = refusal_of(lambda: read_proposal(someone.run.file("proposal.json")))
    assert refusal.reason is Reason.PROPOSAL_UNREADABLE
    assert said in refusal.sentence


def test_a_proposal_that_is_a_link_to_itself_is_refused(someone: Person) -> None:
    file = someone.run.file("proposal.json")
    replaced(file, lambda f: f.symlink_to(f))
    refusal = refusal_of(lambda: read_proposal(file))
    assert refusal.reason is Reason.PROPOSAL_UNREADABLE
    assert "it is a link" in refusal.sentence
