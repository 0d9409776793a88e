"""What tests need from outside, each seen as a skip with its reason, or as a failure where CI promised it."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests import side_by_side

hypothesis.settings.register_profile("autotune", deadline=None)  # a busy machine is no finding
hypothesis.settings.load_profile("autotune")

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = os.environ.get("AUTOTUNE_TEST_REFERENCE", "")
REQUIRED = set(os.environ.get("AUTOTUNE_TEST_REQUIRE", "").split())


def missing(what: str, reason: str) -> None:
    """Skip with the reason; fail where `AUTOTUNE_TEST_REQUIRE` names it."""
    if what in REQUIRED:
        pytest.fail(f"{what} was promised and is not there: {reason}", pytrace=False)
    pytest.skip(reason)


@functools.cache
def docker_trouble() -> str | None:
    """Why no Docker Engine can be used, or `None`."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=10)
        client.ping()
        client.close()
    except DockerException as error:
        return f"no Docker Engine answers ({type(error).__name__})"
    return None


@functools.cache
def node_trouble() -> str | None:
    """Why upstream cannot run in Node, or `None`."""
    from flows.errors import Refused
    from flows.oref0.runtime import ensure_upstream, find_node

    try:
        find_node()
        ensure_upstream()
    except Refused as refusal:
        return str(refusal)
    return None


@functools.cache
def chromium() -> str | None:
    """The Chromium that pages are looked at in, or `None`."""
    names = (os.environ.get("AUTOTUNE_TEST_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@functools.cache
def browser_trouble() -> str | None:
    """Why no page can be looked at, or `None`."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    return None if chromium() else "no Chromium is found (AUTOTUNE_TEST_CHROMIUM names one)"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares something first, group by group."""
    items.sort(key=lambda item: side_by_side.rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> side_by_side.GroupScheduling:
    """Instead of xdist's own, which know nothing of what files share."""
    config.option.loadscopereorder = False
    return side_by_side.GroupScheduling(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A marked test runs where what it needs is there."""
    checks = {"docker": docker_trouble, "oref0": node_trouble, "browser": browser_trouble}
    for name, trouble in checks.items():
        if item.get_closest_marker(name) and (reason := trouble()):
            missing(name, reason)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Real recorded data, which is never part of the project."""
    if not REFERENCE or not Path(REFERENCE).is_dir():
        missing("reference", "AUTOTUNE_TEST_REFERENCE names no directory with the recorded reference data")
    return Path(REFERENCE)


@pytest.fixture(autouse=True)
def private_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No secret, no journal and no run directory of the developer's own reaches a test."""
    for name in list(os.environ):
        if name.startswith("AUTOTUNE_NIGHTSCOUT") or name in ("API_SECRET", "AUTOTUNE_APPLIED"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AUTOTUNE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("AUTOTUNE_STATE", str(tmp_path / "state"))


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory, where there is such: for tests that put very much on disk for good (fsync)."""
    shared = Path("/dev/shm")  # noqa: S108
    if not shared.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as path:
        yield Path(path)


@pytest.fixture(scope="session")
def gnu_date() -> bool:
    """GNU date, which upstream's script cuts its days with."""
    done = subprocess.run(["date", "--version"], capture_output=True, text=True, check=False)  # noqa: S607
    if "GNU" not in done.stdout:
        pytest.skip("GNU date is not on this machine")
    return True
