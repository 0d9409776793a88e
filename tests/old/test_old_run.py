"""A run that an earlier version made is shown, takes its place in the history, and is proved byte for byte."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.old.conftest import DATA, Old, copied, read

# What upstream itself writes.
UPSTREAM = ("autotune.", "newprofile.", "profile.", "log.")


@pytest.fixture
def applied(tmp_path: Path) -> Old:
    """As the shared one, without the site: nothing here asks it."""
    return copied(tmp_path / "old", "applied")


def test_every_file_that_its_manifest_names_is_there_as_it_was() -> None:
    """The files of a checkout: an editor or Git may change the end of a line without a word."""
    manifest = read(DATA / "run" / "manifest.json")
    known = {**manifest["inputs_sha256"], **manifest["outputs_sha256"]}
    assert len(known) > 40
    for name, sha256 in known.items():
        assert hashlib.sha256((DATA / "run" / name).read_bytes()).hexdigest() == sha256, name


def test_no_file_names_the_machine_it_was_made_on() -> None:
    named = [read(DATA / "run" / "applied.json")["journal"]]
    lines = [json.loads(t) for f in DATA.glob("*/applied/*/journal.jsonl") for t in f.read_text("utf-8").splitlines()]
    assert {line["who"] for line in lines if "who" in line} == {"person@host"}
    assert all(name.startswith("/tmp/old-run/") for name in named)  # noqa: S108
    for file in DATA.rglob("*"):
        assert not file.is_file() or b"/home/" not in file.read_bytes(), file


def test_show_prints_it(applied: Old) -> None:
    shown = applied.autotune("show", applied.run, "-v")
    assert shown.returncode == 0, shown.stderr
    proposal = applied.proposal
    assert f"{proposal['recommended']['isf_mgdl_per_u']:.3f}" in shown.stdout
    assert "amber" in shown.stdout.lower()


def test_show_prints_its_document(applied: Old) -> None:
    assert applied.answer("show", applied.run) == read(DATA / "run" / "report.json")


def test_a_proposal_that_was_altered_is_not_shown(applied: Old) -> None:
    """The seal of the earlier version is checked, with today's reader of it."""
    proposal = applied.run / "proposal.json"
    altered = proposal.read_bytes().replace(b'"colour": "amber"', b'"colour": "green"')
    assert altered != proposal.read_bytes()
    proposal.write_bytes(altered)
    assert applied.autotune("show", applied.run).returncode == 3


@pytest.mark.parametrize("what", [(), ("--all",), ("--reductions",), ("--only", "basal"), ("--hours", "3")], ids=str)
def test_to_apply_it_is_refused_because_it_is_of_an_earlier_version(what: tuple[str, ...], applied: Old) -> None:
    """Read as what it is, and refused for want of a step: never as unreadable."""
    done = applied.answer("apply", applied.run, "--dry-run", "--although-unsure", *what, status=3)
    assert done["reason_codes"] == ["proposal_earlier"]


@pytest.mark.parametrize("named", ["--runs", "--site"])
def test_it_is_in_the_history_with_its_numbers(applied: Old, named: str) -> None:
    which = (named, str(applied.base / "runs")) if named == "--runs" else (named, "http://127.0.0.1:21337")
    (run,) = applied.answer("history", *which)["runs"]
    proposal = applied.proposal
    assert (run["name"], run["sha256"], run["colour"]) == ("old-run", proposal["sha256"], "amber")
    assert run["recommended"]["isf_mgdl_per_u"] == round(proposal["recommended"]["isf_mgdl_per_u"], 3)
    assert run["recommended"]["basal_u_per_h"] == [round(rate, 3) for rate in proposal["recommended"]["basal_u_per_h"]]


def test_the_history_says_what_was_applied_and_taken_back(applied: Old) -> None:
    """From the journal, where the run says that it is."""
    note = applied.run / "applied.json"
    (journal,) = (applied.base / "applied").iterdir()
    note.write_text(json.dumps({**read(note), "journal": str(journal)}), "utf-8")
    _check_applications(applied)


def test_the_history_says_it_without_the_journal(applied: Old) -> None:
    """From the run's own copies: the journal it names is gone."""
    assert not Path(read(applied.run / "applied.json")["journal"]).exists()
    shutil.rmtree(applied.base / "applied")
    _check_applications(applied)


def _check_applications(old: Old) -> None:
    found = old.answer("history")["applications"]
    assert len(found) == 2
    first, second = found
    assert (first["run"], first["activated"], first["parts"]) == ("old-run", False, ["basal", "isf", "cr"])
    assert first["at"] < first["undone_at"] < second["at"]
    assert (second["run"], second["activated"], second["parts"]) == ("old-run", True, ["basal", "isf"])
    assert second["undone_at"] is None


@pytest.mark.oref0
def test_parity_proves_it(applied: Old) -> None:
    found = applied.answer("parity", applied.run)
    assert (found["identical"], found["differing"]) == (True, [])
    assert found["files"] == len(_upstream(applied.run / "work"))


@pytest.mark.oref0
def test_upstream_gives_the_bytes_that_the_earlier_version_kept(applied: Old, tmp_path: Path) -> None:
    """Parity compares today's engines with each other; this compares them with what was written then."""
    was, inputs, out = applied.run / "work", tmp_path / "inputs", tmp_path / "again"
    shutil.copytree(was / "settings", inputs / "settings")
    (inputs / "autotune").mkdir()
    for file in [*(was / "autotune").glob("ns-*"), was / "autotune" / "profile.pump.json"]:
        shutil.copy(file, inputs / "autotune")
    shutil.copy(min((was / "autotune").glob("profile.2*.json")), inputs / "autotune" / "profile.json")
    applied.answer("tune", inputs, "--resamples", "0", "--out", out)
    assert _upstream(out / "work") == _upstream(was)


def _upstream(work: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in (work / "autotune").iterdir() if f.name.startswith(UPSTREAM)}
