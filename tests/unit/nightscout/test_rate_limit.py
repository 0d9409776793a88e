"""A site's pace: the gap between requests of all processes, and when it is left alone; kept on disk, or without one."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies

from flows.errors import Reason, Refused
from flows.nightscout import rate_limit as pace_module
from flows.nightscout.rate_limit import (
    DEAD_RUNS,
    FIRST_REST_S,
    GAP_S,
    LOCKED_RUNS,
    LONGEST_REST_S,
    PROBE_S,
    SitePace,
    SiteState,
    after_run,
    before_run,
    next_slot_s,
    site_key,
    without_future,
)

SITE = "https://my.site.example"
NOW_S = 1_795_385_600.0  # 2026-11-22 22:13:20 UTC
DEAD, LOCKED, FINE = Reason.SITE_UNREACHABLE, Reason.SITE_UNAUTHORIZED, None


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
    pace_module._MEMORY.clear()


def pace(directory: Path, clock: Clock, site: str = SITE) -> SitePace:
    return SitePace(site, state_directory=directory, clock=clock, sleep=clock.sleep)


# --- the rules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runs", "resting"),
    [
        ([], False),
        ([DEAD] * (DEAD_RUNS - 1), False),
        ([DEAD] * DEAD_RUNS, True),
        ([DEAD, DEAD, FINE, DEAD], False),
        ([DEAD, DEAD, Reason.NO_PROFILE, DEAD], False),  # the site answered
        ([DEAD, DEAD, Reason.SITE_INCOMPLETE, DEAD], False),
        ([DEAD, Reason.SITE_FAILS, Reason.SITE_BUSY], True),
        ([Reason.SITE_NOT_DATA, Reason.SITE_ASKS_TO_WAIT, Reason.SITE_FAILS], True),
        ([DEAD, Reason.SITE_RESTING, Reason.SITE_URL, Reason.BASIC_AUTH_FORM, DEAD], False),
        ([LOCKED] * (LOCKED_RUNS - 1), False),
        ([LOCKED] * LOCKED_RUNS, True),
        ([LOCKED, Reason.SITE_FORBIDDEN, Reason.SITE_NOT_FOUND, Reason.SITE_BASIC_AUTH, LOCKED], True),
        ([LOCKED, LOCKED, LOCKED, LOCKED, FINE, LOCKED], False),
        ([LOCKED, LOCKED, DEAD, DEAD], False),
        ([LOCKED, DEAD, DEAD, DEAD], True),
    ],
)
def test_a_site_is_left_alone_after_some_runs_in_a_row(runs: list[Reason | None], resting: bool) -> None:
    state = SiteState()
    for reason in runs:
        state = after_run(state, reason, NOW_S)
    assert bool(state.rest_until_s) is resting
    _, until_s = before_run(state, NOW_S)
    assert until_s == (NOW_S + FIRST_REST_S if resting else None)


def test_the_rest_doubles_up_to_a_day() -> None:
    state, now_s, rests = SiteState(), NOW_S, []
    for _ in range(9):
        state = after_run(state, DEAD, now_s)
        if state.rest_until_s:
            rests.append((state.rest_until_s - now_s) / 3600)
            now_s = state.rest_until_s
            state, until_s = before_run(state, now_s)
            assert until_s is None
    assert rests == [1, 2, 4, 8, 16, 24, 24]
    assert after_run(state, FINE, now_s) == SiteState()


def test_after_a_rest_one_run_may_try_and_the_others_wait_for_it() -> None:
    state = SiteState(dead_runs=3, since_s=NOW_S, reason=DEAD.code, rest_s=3600, rest_until_s=NOW_S)
    trying, until_s = before_run(state, NOW_S)
    assert until_s is None
    assert before_run(trying, NOW_S + 1) == (trying, NOW_S + PROBE_S)
    assert before_run(trying, NOW_S + PROBE_S)[1] is None  # it never told how it ended
    assert before_run(after_run(trying, FINE, NOW_S + 5), NOW_S + 5)[1] is None
    assert before_run(after_run(trying, DEAD, NOW_S + 5), NOW_S + 5)[1] == NOW_S + 5 + 2 * FIRST_REST_S


def test_a_run_that_ignores_the_rest_does_not_lengthen_it() -> None:
    resting = SiteState(dead_runs=3, since_s=NOW_S, reason=DEAD.code, rest_s=3600, rest_until_s=NOW_S + 3600)
    assert after_run(resting, DEAD, NOW_S + 60).rest_until_s == resting.rest_until_s
    assert after_run(resting, FINE, NOW_S + 60) == SiteState()


def test_a_clock_set_back_does_not_make_a_rest_longer_than_a_day() -> None:
    ahead = SiteState(3, 0, NOW_S + 10**7, DEAD.code, 10**7, NOW_S + 10**7, NOW_S + 10**7)
    sane = without_future(ahead, NOW_S)
    assert (sane.rest_s, sane.rest_until_s) == (LONGEST_REST_S, NOW_S + LONGEST_REST_S)
    assert (sane.since_s, sane.probe_until_s) == (NOW_S, NOW_S + PROBE_S)


@pytest.mark.parametrize(
    ("last_s", "slot_s"),
    [
        (0.0, NOW_S),
        (NOW_S - GAP_S, NOW_S),
        (NOW_S, NOW_S + GAP_S),
        (NOW_S + 0.5, NOW_S + 0.5 + GAP_S),  # others are waiting already
        (NOW_S + 3600, NOW_S),  # the clock was set back
    ],
)
def test_requests_keep_a_gap(last_s: float, slot_s: float) -> None:
    assert next_slot_s(last_s, NOW_S) == pytest.approx(slot_s, abs=1e-6)


@hypothesis.given(
    steps=strategies.lists(
        strategies.tuples(strategies.sampled_from([FINE, DEAD, LOCKED, Reason.SITE_RESTING]), strategies.floats(0, 2e5))
    )
)
def test_whatever_happens_a_site_is_asked_again_within_a_day(steps: list[tuple[Reason | None, float]]) -> None:
    state, now_s = SiteState(), NOW_S
    for reason, passed_s in steps:
        state = after_run(state, reason, now_s)
        now_s += passed_s
        state, until_s = before_run(state, now_s)
        assert until_s is None or now_s < until_s <= now_s + LONGEST_REST_S


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_processes_share_the_gap_and_the_rest(tmp_path: Path, clock: Clock) -> None:
    assert pace(tmp_path, clock).before_request() == 0
    pace_module._MEMORY.clear()  # as another process would find it
    assert pace(tmp_path, clock).before_request() == pytest.approx(GAP_S, abs=1e-6)
    for _ in range(DEAD_RUNS):
        pace_module._MEMORY.clear()
        pace(tmp_path, clock).run_ended(DEAD)
    pace_module._MEMORY.clear()
    with pytest.raises(Refused) as caught:
        pace(tmp_path, clock).check()
    assert caught.value.reason is Reason.SITE_RESTING
    assert caught.value.sentence == (
        "Nightscout is left alone until 2026-11-22 23:13 UTC: 3 runs in a row since 2026-11-22 22:13 UTC found that "
        "it could not be reached."
    )
    assert "--now" in caught.value.remedy
    pace(tmp_path, clock, "https://another.site.example").check()


def test_four_processes_together_keep_the_gap(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from flows.nightscout.rate_limit import SitePace\n"
        "pace = SitePace('https://my.site.example', state_directory=Path(sys.argv[1]))\n"
        "for _ in range(4): pace.before_request(); print(time.time())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    times = sorted(float(line) for process in running for line in process.communicate()[0].split())
    assert len(times) == 16
    assert times[-1] - times[0] >= 15 * GAP_S - 0.05  # planned exactly; printed a little late


def test_threads_keep_the_gap(tmp_path: Path) -> None:
    shared = SitePace(SITE, state_directory=tmp_path)
    began = time.monotonic()
    threads = [threading.Thread(target=shared.before_request) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 5 * GAP_S - 0.02


def test_what_is_kept_is_private_and_names_no_site(tmp_path: Path, clock: Clock) -> None:
    kept = tmp_path / "cache" / "sites"
    site = pace(kept, clock)
    site.before_request()
    site.run_ended(DEAD)
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
    site = pace(tmp_path, clock)
    site.before_request()
    directory = tmp_path / site_key(SITE)
    (directory / "state.json").write_bytes(json.dumps(WHOLE).encode())
    with pytest.raises(Refused):
        site.check()
    for name in ("state.json", "last-request"):
        (directory / name).write_bytes(content)
    site.check()
    site.before_request()
    site.run_ended(DEAD)
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
    assert pace(directory, clock).before_request() == 0
    assert pace(directory, clock).before_request() == pytest.approx(GAP_S, abs=1e-6)
    for _ in range(DEAD_RUNS):
        pace(directory, clock).run_ended(DEAD)
    with pytest.raises(Refused):
        pace(directory, clock).check()


def test_a_lock_that_is_never_given_back_does_not_stop_a_run(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(pace_module, "LOCK_PATIENCE_S", 0.2)
    pace(tmp_path, clock).before_request()
    with (tmp_path / site_key(SITE) / "lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        pace(tmp_path, clock).before_request()
        pace(tmp_path, clock).check()


def test_a_user_without_a_home_has_no_such_directory(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("AUTOTUNE_STATE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    site = SitePace(SITE, clock=clock, sleep=clock.sleep)
    site.before_request()
    assert site.before_request() == pytest.approx(GAP_S, abs=1e-6)


def test_without_file_locks_the_process_itself_remembers(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError("no locks on this file system")

    monkeypatch.setattr(pace_module, "acquire", unsupported)
    pace(tmp_path, clock).before_request()
    assert pace(tmp_path, clock).before_request() == pytest.approx(GAP_S, abs=1e-6)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
