"""What an earlier version wrote to a site can be rolled back, and what it left unfinished is settled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.old.conftest import DATA, Old, read


def test_what_was_applied_is_rolled_back(applied: Old) -> None:
    """The profile that the run was made from is the newest document and the active profile again."""
    (before,) = read(DATA / "run" / "raw" / "001-profile.json")
    assert applied.written("profile")[-1]["store"] != before["store"]
    done = applied.answer("rollback", applied.run, *applied.approval)
    assert done["outcome"] == "rolled-back"
    assert applied.written("profile")[-1]["store"] == before["store"]
    assert applied.written("treatments")[-1]["profile"] == before["defaultProfile"] == "Default"
    last = applied.steps()[-1]
    assert (last["step"], last["outcome"]) == ("done", "after")


def test_what_was_rolled_back_is_not_rolled_back_again(applied: Old) -> None:
    applied.answer("rollback", applied.run, *applied.approval)
    count = len(applied.written("profile"))
    assert applied.answer("rollback", applied.run, *applied.approval)["outcome"] == "already-rolled-back"
    assert len(applied.written("profile")) == count


@pytest.mark.parametrize("damage", ["deleted", "cut off", "altered"])
def test_a_rollback_needs_no_readable_proposal(applied: Old, damage: str) -> None:
    proposal = applied.run / "proposal.json"
    _damage(proposal, damage)
    done = applied.answer("rollback", applied.run, *applied.approval)
    assert done["outcome"] == "rolled-back"
    (before,) = read(DATA / "run" / "raw" / "001-profile.json")
    assert applied.written("profile")[-1]["store"] == before["store"]


def _damage(file: Path, damage: str) -> None:
    if damage == "deleted":
        file.unlink()
    elif damage == "cut off":
        file.write_bytes(file.read_bytes()[:1000])
    else:
        file.write_bytes(file.read_bytes().replace(b'"colour": "amber"', b'"colour": "green"'))


def test_a_rollback_of_a_change_whose_backup_was_altered_is_refused(applied: Old) -> None:
    """The hashes that the earlier journal holds are checked before anything is written."""
    (intent,) = (applied.base / "applied").glob(f"*/{applied.steps()[-1]['change']}/intent.json")
    intent.write_bytes(intent.read_bytes().replace(b'"value": 0.65', b'"value": 1.65'))
    refused = applied.answer("rollback", applied.run, *applied.approval, status=3)
    assert refused["reason_codes"] == ["journal_altered"]
    assert len(applied.written("profile")) == 3


def test_an_unfinished_change_is_settled(unfinished: Old) -> None:
    """The document had arrived: reading the site says so, and the change has its end."""
    assert unfinished.steps()[-1]["step"] == "writing"
    (settled,) = unfinished.answer("apply", unfinished.run, "--resume")
    assert (settled["outcome"], settled["name"]) == ("settled-after", "First")
    last = unfinished.steps()[-1]
    assert (last["step"], last["outcome"]) == ("done", "after")
    assert len(unfinished.written("profile")) == 1


def test_an_unfinished_change_is_taken_back_with_a_rollback(unfinished: Old) -> None:
    (before,) = read(DATA / "run" / "raw" / "001-profile.json")
    assert unfinished.answer("rollback", unfinished.run, *unfinished.approval)["outcome"] == "rolled-back"
    assert unfinished.written("profile")[-1]["store"] == before["store"]
    assert unfinished.steps()[-1]["step"] == "done"
