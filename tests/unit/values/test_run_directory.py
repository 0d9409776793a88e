"""Evidence is private, written whole, and never overwritten."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.values.run_directory import RunDirectory, sha256, write_atomically

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_run_directory_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    run = RunDirectory.create(tmp_path / "run", NOW)
    run.write_json("proposal.json", {"a": 1})
    assert [mode(p) for p in (run.path, run.raw, run.work)] == [0o700] * 3
    assert mode(run.file("proposal.json")) == 0o600


def test_a_directory_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run" / "work").mkdir(parents=True)
    RunDirectory.create(tmp_path / "run", NOW)
    (tmp_path / "run" / "work" / "profile.json").write_text("{}")
    with pytest.raises(Refused) as caught:
        RunDirectory.create(tmp_path / "run", NOW)
    assert caught.value.reason is Reason.RUN_DIRECTORY_NOT_EMPTY


def test_new_names_do_not_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path / "runs"))
    assert RunDirectory.create(None, NOW).path != RunDirectory.create(None, NOW).path


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", NOW)
    run.write_json("report.json", {"good": True})
    with pytest.raises(ValueError, match="JSON"):
        run.write_json("report.json", {"bad": float("nan")})
    with pytest.raises(TypeError):
        write_atomically(run.file("report.json"), "text")  # type: ignore[arg-type]
    assert run.read_json("report.json") == {"good": True}
    assert [p.name for p in run.path.iterdir() if p.is_file()] == ["report.json"]


def test_digests_name_every_file(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", NOW)
    run.write_json("work/autotune/profile.json", {"b": 2})
    found = run.digests(lambda name: name.startswith("work/"))
    assert found == {"work/autotune/profile.json": sha256(run.work / "autotune" / "profile.json")}
    assert json.loads((run.work / "autotune" / "profile.json").read_text()) == {"b": 2}
