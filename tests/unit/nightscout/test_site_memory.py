"""What is kept of a site, on disk or without one: the rate limit and the circuit breaker of all processes share it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from flows.errors import Reason, Refused
from flows.nightscout import site_memory
from flows.nightscout.circuit_breaker import DEAD_RUNS, CircuitBreaker, SiteState
from flows.nightscout.rate_limit import GAP_S, RateLimit
from flows.nightscout.site_memory import SiteMemory, site_key

SITE = "https://my.site.example"
NOW_S = 1_795_385_600.0  # 2026-11-22 22:13:20 UTC
DEAD = Reason.SITE_UNREACHABLE


class Clock:
    """A clock that only sleeping and the test move."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    yield
    site_memory._REMEMBERED.clear()


class Site:
    """A site's rate limit and circuit breaker, which share what is kept."""

    def __init__(self, directory: Path | None, clock: Clock, site: str = SITE) -> None:
        memory = SiteMemory(site, directory)
        self.limit = RateLimit(memory, clock=clock, sleep=clock.sleep)
        self.breaker = CircuitBreaker(memory, clock=clock)


def test_processes_share_the_gap_and_the_rest(tmp_path: Path, clock: Clock) -> None:
    assert Site(tmp_path, clock).limit.before_request() == 0
    site_memory._REMEMBERED.clear()  # as another process would find it
    assert Site(tmp_path, clock).limit.before_request() == pytest.approx(GAP_S, abs=1e-6)
    for _ in range(DEAD_RUNS):
        site_memory._REMEMBERED.clear()
        Site(tmp_path, clock).breaker.run_ended(DEAD)
    site_memory._REMEMBERED.clear()
    with pytest.raises(Refused) as caught:
        Site(tmp_path, clock).breaker.check()
    assert caught.value.reason is Reason.SITE_PAUSED
    assert caught.value.sentence == (
        "Requests to Nightscout are paused until 2026-11-22 23:13 UTC: 3 runs failed in a row since "
        "2026-11-22 22:13 UTC (it could not be reached)."
    )
    assert "--now" in caught.value.remedy
    Site(tmp_path, clock, "https://another.site.example").breaker.check()


def test_what_is_kept_is_private_and_names_no_site(tmp_path: Path, clock: Clock) -> None:
    kept = tmp_path / "cache" / "sites"
    site = Site(kept, clock)
    site.limit.before_request()
    site.breaker.run_ended(DEAD)
    (directory,) = kept.iterdir()
    assert directory.name == site_key(SITE)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert sorted(p.name for p in directory.iterdir()) == ["last-request", "lock", "state.json"]
    for file in directory.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "example" not in file.read_text()


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("https://my.site.example", "http://MY.site.example/", True),
        ("https://my.site.example/ns", "https://my.site.example/ns/", True),
        ("https://my.site.example/ns", "https://my.site.example/NS", False),
        ("https://my.site.example", "https://my.site.example:8443", False),
    ],
)
def test_a_site_has_one_name(a: str, b: str, same: bool) -> None:
    assert (site_key(a) == site_key(b)) is same


WHOLE = asdict(SiteState(dead_runs=3, since_s=NOW_S, reason=DEAD.code, rest_s=3600, rest_until_s=NOW_S + 3600))

# What version fa22ec0 wrote after three runs in a row that could not reach the site, byte for byte.
EARLIER = {
    "lock": b"",
    "last-request": b"1795385600.1",
    "state.json": b"""{
 "dead_runs": 3,
 "locked_runs": 0,
 "since_s": 1795385600.0,
 "reason": "site_unreachable",
 "rest_s": 3600.0,
 "rest_until_s": 1795389200.0,
 "probe_until_s": 0.0
}
""",
}


def test_what_an_earlier_version_kept_is_gone_on_with(tmp_path: Path, clock: Clock) -> None:
    directory = tmp_path / "c72a32bef325145bda8abe6c631020d9470fb38ce8aaab377815d5e748f52eec"
    directory.mkdir()
    for name, content in EARLIER.items():
        (directory / name).write_bytes(content)
    site = Site(tmp_path, clock)
    with pytest.raises(Refused) as caught:
        site.breaker.check()
    assert caught.value.reason is Reason.SITE_PAUSED
    assert site.limit.before_request() == pytest.approx(0.2, abs=1e-6)


def test_what_is_kept_is_written_as_earlier_versions_read_it(tmp_path: Path, clock: Clock) -> None:
    site = Site(tmp_path, clock)
    site.limit.before_request()
    clock.now_s = NOW_S
    site.limit.before_request()
    clock.now_s = NOW_S
    for _ in range(DEAD_RUNS):
        site.breaker.run_ended(DEAD)
    (directory,) = tmp_path.iterdir()
    assert {file.name: file.read_bytes() for file in directory.iterdir()} == EARLIER


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({**WHOLE, "rest_until_s": "tomorrow"}).encode(),
        json.dumps({**WHOLE, "rest_until_s": float("nan")}).encode(),
        json.dumps({**WHOLE, "dead_runs": True}).encode(),
        json.dumps({**WHOLE, "dead_runs": -1}).encode(),
        json.dumps({**WHOLE, "reason": 5}).encode(),
        json.dumps({k: v for k, v in WHOLE.items() if k != "since_s"}).encode(),
    ],
)
def test_a_damaged_file_is_as_none(content: bytes, tmp_path: Path, clock: Clock) -> None:
    site = Site(tmp_path, clock)
    site.limit.before_request()
    directory = tmp_path / site_key(SITE)
    (directory / "state.json").write_bytes(json.dumps(WHOLE).encode())
    with pytest.raises(Refused):
        site.breaker.check()
    for name in ("state.json", "last-request"):
        (directory / name).write_bytes(content)
    site.breaker.check()
    site.limit.before_request()
    site.breaker.run_ended(DEAD)
    assert json.loads((directory / "state.json").read_text())["dead_runs"] == 1


def a_file_in_the_way(directory: Path) -> None:
    directory.parent.mkdir(parents=True)
    directory.write_text("")


def a_directory_for_the_lock(directory: Path) -> None:
    (directory / site_key(SITE) / "lock").mkdir(parents=True)


def a_directory_for_the_state(directory: Path) -> None:
    (directory / site_key(SITE) / "state.json" / "x").mkdir(parents=True)
    (directory / site_key(SITE) / "last-request" / "x").mkdir(parents=True)


def read_only(directory: Path) -> None:
    directory.mkdir(parents=True)
    directory.chmod(0o500)


@pytest.mark.parametrize("spoil", [a_file_in_the_way, a_directory_for_the_lock, a_directory_for_the_state, read_only])
def test_without_a_usable_directory_the_process_itself_remembers(
    spoil: Callable[[Path], None], tmp_path: Path, clock: Clock
) -> None:
    if spoil is read_only and os.geteuid() == 0:
        pytest.skip("the superuser may write anywhere")
    directory = tmp_path / "cache" / "sites"
    spoil(directory)
    assert Site(directory, clock).limit.before_request() == 0
    assert Site(directory, clock).limit.before_request() == pytest.approx(GAP_S, abs=1e-6)
    for _ in range(DEAD_RUNS):
        Site(directory, clock).breaker.run_ended(DEAD)
    with pytest.raises(Refused):
        Site(directory, clock).breaker.check()


def test_a_lock_that_is_never_given_back_does_not_stop_a_run(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(site_memory, "LOCK_PATIENCE_S", 0.2)
    Site(tmp_path, clock).limit.before_request()
    with (tmp_path / site_key(SITE) / "lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        Site(tmp_path, clock).limit.before_request()
        Site(tmp_path, clock).breaker.check()


def test_a_user_without_a_home_has_no_such_directory(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("AUTOTUNE_STATE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    site = Site(None, clock)
    site.limit.before_request()
    assert site.limit.before_request() == pytest.approx(GAP_S, abs=1e-6)


def test_without_file_locks_the_process_itself_remembers(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError("no locks on this file system")

    monkeypatch.setattr(site_memory, "acquire", unsupported)
    Site(tmp_path, clock).limit.before_request()
    assert Site(tmp_path, clock).limit.before_request() == pytest.approx(GAP_S, abs=1e-6)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
