"""Upstream is installed once and whole, however many threads and processes are the first to miss it."""

from __future__ import annotations

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.oref0 import runtime
from flows.oref0.provenance import package_digests


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
    npm_ci(tmp_path / "as pinned")
    pinned = package_digests(tmp_path / "as pinned" / "node_modules")
    monkeypatch.setattr(runtime, "pinned_packages", lambda: pinned)
    places.clear()
    return places


def test_threads_that_miss_it_together_install_it_once(installs: list[Path], tmp_path: Path) -> None:
    start = threading.Barrier(4)

    def ask(_: int) -> Path:
        start.wait()
        return runtime.ensure_upstream().package

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


@pytest.mark.parametrize("text", ['{"version": "0.6.0"}', "{}", "[]", '{"vers', "", "\x00"])
def test_an_older_or_broken_version_is_replaced(text: str, installs: list[Path], tmp_path: Path) -> None:
    old = tmp_path / "root" / "node_modules" / "oref0" / "package.json"
    old.parent.mkdir(parents=True)
    old.write_text(text)
    runtime.ensure_upstream()
    assert json.loads(old.read_text())["version"] == runtime.pinned_version()


def test_what_was_changed_after_it_was_installed_is_refused_and_left_alone(
    installs: list[Path], tmp_path: Path
) -> None:
    package = runtime.ensure_upstream().package
    (package / "index.js").write_text("")
    with pytest.raises(Refused) as caught:
        runtime.ensure_upstream()
    assert caught.value.reason is Reason.UPSTREAM_CHANGED
    assert (package / "index.js").exists()
    shutil.rmtree(package.parent)  # as the remedy says
    assert runtime.ensure_upstream().package == package
    assert len(installs) == 2


def test_what_npm_lays_out_otherwise_is_not_put_in_place(
    installs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "pinned_packages", lambda: {"oref0": "0" * 64})
    with pytest.raises(Refused) as caught:
        runtime.ensure_upstream()
    assert caught.value.reason is Reason.ENGINE_MISSING
    assert "oref0 was changed" in caught.value.sentence
    assert list((tmp_path / "root").iterdir()) == []


@pytest.mark.parametrize(
    ("named", "system", "wheel", "expected"),
    [
        (None, "v20.1.0", "v24.2.0", "wheel"),
        (None, "v26.0.0", "v24.2.0", "system"),
        (None, "v24.9.0", "v24.2.0", "system"),
        (None, "v18.0.0", "v24.2.0", "wheel"),
        (None, None, "v24.2.0", "wheel"),
        (None, "v20.1.0", None, "system"),
        ("v20.1.0", "v22.0.0", "v24.2.0", "environment"),
        ("v18.0.0", "v22.0.0", "v24.2.0", "wheel"),
        (None, "v18.0.0", None, None),
        (None, "not a version", None, None),
    ],
)
def test_the_newest_node_is_taken_unless_one_is_named(
    named: str | None, system: str | None, wheel: str | None, expected: str | None,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def node(path: Path, version: str | None) -> Path:
        path.parent.mkdir(parents=True)
        if version is not None:
            path.write_text(f"#!/bin/sh\necho '{version}'\n")
            path.chmod(0o755)
        return path

    node(tmp_path / "wheel" / "bin" / "node", wheel)
    node(tmp_path / "system" / "node", system)
    monkeypatch.setenv("AUTOTUNE_NODE", str(node(tmp_path / "named" / "node", named)) if named else "")
    monkeypatch.setattr(runtime, "_wheel_root", lambda: tmp_path / "wheel")
    monkeypatch.setattr(runtime.shutil, "which", lambda _: str(tmp_path / "system" / "node") if system else None)
    runtime.find_node.cache_clear()
    try:
        if expected is None:
            with pytest.raises(Refused):
                runtime.find_node()
        else:
            assert runtime.find_node().source == expected
    finally:
        runtime.find_node.cache_clear()
