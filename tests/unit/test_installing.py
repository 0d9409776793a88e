"""Upstream is installed once and whole, however many threads and processes are the first to miss it."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.oref0 import runtime


@pytest.fixture
def installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where npm was run: a stand-in that takes its time, as npm does, and needs no network."""
    places: list[Path] = []

    def npm_ci(directory: Path) -> None:
        places.append(directory)
        package = directory / "node_modules" / "oref0"
        package.mkdir(parents=True)
        time.sleep(0.1)
        (package / "package.json").write_text(json.dumps({"version": runtime.pinned_version()}))

    monkeypatch.setattr(runtime, "_install_roots", lambda: [tmp_path / "root"])
    monkeypatch.setattr(runtime, "_npm_ci", npm_ci)
    return places


def test_threads_that_miss_it_together_install_it_once(installs: list[Path], tmp_path: Path) -> None:
    start = threading.Barrier(4)

    def ask(_: int) -> Path:
        start.wait()
        return runtime.ensure_oref0()

    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(ask, range(4)))
    assert found == {tmp_path / "root" / "node_modules" / "oref0"}
    assert len(installs) == 1


def test_processes_that_install_at_once_both_find_it_whole(installs: list[Path], tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as threads:  # `install` alone: the lock of a process is no help to another one
        list(threads.map(lambda _: runtime.install(), range(3)))
    assert len(set(installs)) == 3
    assert runtime.find_oref0() == tmp_path / "root" / "node_modules" / "oref0"
    assert [p.name for p in (tmp_path / "root").iterdir()] == ["node_modules"]


def test_an_older_version_is_replaced(installs: list[Path], tmp_path: Path) -> None:
    old = tmp_path / "root" / "node_modules" / "oref0" / "package.json"
    old.parent.mkdir(parents=True)
    old.write_text('{"version": "0.6.0"}')
    runtime.ensure_oref0()
    assert json.loads(old.read_text())["version"] == runtime.pinned_version()
