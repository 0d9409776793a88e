"""How often one site may be asked, over all processes of a person, and when it is left alone. Knows nothing of HTTP.

Two requests to a site are at least 0.1 s apart. After three runs in a row that found the site dead (or five that found
the door locked) it is left alone for an hour, then two, and so on up to a day; one run that gets its answers ends this.
What is kept holds no address and no secret: counts, times and a reason's code, in a private directory named by a hash.
Where that directory cannot be used, the same rules hold within this process.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

from flows.errors import Reason, Refused
from flows.values.lock import acquire
from flows.values.run_directory import dump, write_atomically
from flows.values.user_directories import sites_root

GAP_S = 0.1
DEAD_RUNS, LOCKED_RUNS = 3, 5
FIRST_REST_S, LONGEST_REST_S = 3_600.0, 86_400.0
PROBE_S = 3_600.0  # a run that may try the site again and never tells how it ended counts no longer than this
FURTHEST_SLOT_S = 60.0  # a request planned further ahead than this was planned by a clock since set back
LOCK_PATIENCE_S = 5.0

# The site does not work: nothing to be mended by the person who asks.
DEAD = {
    Reason.SITE_UNREACHABLE: "it could not be reached",
    Reason.SITE_FAILS: "it failed",
    Reason.SITE_BUSY: "it was too busy",
    Reason.SITE_ASKS_TO_WAIT: "it asked to be left alone",
    Reason.SITE_NOT_DATA: "it did not answer with data",
}
# The site works and says no. Version 15 delays every request of an address that shows bad credentials.
LOCKED = {
    Reason.SITE_UNAUTHORIZED: "it refused the credentials",
    Reason.SITE_BASIC_AUTH: "it refused the credentials",
    Reason.SITE_FORBIDDEN: "the credentials may not read it",
    Reason.SITE_NOT_FOUND: "there is no Nightscout API under the address",
}
# The site was not asked.
NOT_ASKED = frozenset({Reason.SITE_RESTING, Reason.SITE_URL, Reason.BASIC_AUTH_FORM})


@dataclass(frozen=True)
class SiteState:
    """What is remembered of a site; times are seconds since 1970."""

    dead_runs: int = 0
    locked_runs: int = 0
    since_s: float = 0.0
    reason: str = ""
    rest_s: float = 0.0
    rest_until_s: float = 0.0
    probe_until_s: float = 0.0


def after_run(state: SiteState, reason: Reason | None, now_s: float) -> SiteState:
    """The state after a run that ended with `reason`, `None` for one that got what it asked for.

    A run that got answers of the site and was refused for another reason, such as a missing profile, ends a rest too.
    A run that ignored the rest and failed leaves it as it is.
    """
    if reason in NOT_ASKED:
        return state
    if reason not in DEAD and reason not in LOCKED:
        return SiteState()
    assert reason is not None
    dead = state.dead_runs + (reason in DEAD)
    locked = state.locked_runs + (reason in LOCKED)
    counted = replace(
        state,
        dead_runs=dead,
        locked_runs=locked,
        since_s=state.since_s or now_s,
        reason=reason.code,
        probe_until_s=0.0,
    )
    if (dead < DEAD_RUNS and locked < LOCKED_RUNS) or now_s < state.rest_until_s:
        return counted
    rest_s = min(LONGEST_REST_S, 2 * state.rest_s or FIRST_REST_S)
    return replace(counted, rest_s=rest_s, rest_until_s=now_s + rest_s)


def before_run(state: SiteState, now_s: float) -> tuple[SiteState, float | None]:
    """`(state, None)` where a run may begin, else with the time until which the site is left alone.

    After a rest one run may try; until it has ended the others wait.
    """
    if not state.rest_until_s:
        return state, None
    until_s = max(state.rest_until_s, state.probe_until_s)
    if now_s < until_s:
        return state, until_s
    return replace(state, probe_until_s=now_s + PROBE_S), None


def without_future(state: SiteState, now_s: float) -> SiteState:
    """The state with no time further ahead than this module writes: the clock may have been set back since."""
    return replace(
        state,
        rest_s=min(state.rest_s, LONGEST_REST_S),
        rest_until_s=min(state.rest_until_s, now_s + LONGEST_REST_S),
        probe_until_s=min(state.probe_until_s, now_s + PROBE_S),
        since_s=min(state.since_s, now_s),
    )


def next_slot_s(last_slot_s: float, now_s: float) -> float:
    """When the next request may go, given when the last one went or was planned to go."""
    if last_slot_s > now_s + FURTHEST_SLOT_S:
        return now_s
    return max(now_s, last_slot_s + GAP_S)


class SitePace:
    """Keeps one site's pace. May be shared between threads.

    Args:
        site: its address.
        state_directory: where the state is kept; by default the user's cache directory.
        clock: seconds since 1970.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        site: str,
        *,
        state_directory: Path | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._store = _Store(state_directory or sites_root(), site_key(site))

    def before_request(self) -> float:
        """Wait until the next request may go; returns the seconds waited."""
        with self._store.locked():
            now_s = self._clock()
            slot_s = next_slot_s(self._store.read_slot(), now_s)
            self._store.write_slot(slot_s)
        wait_s = slot_s - now_s
        if wait_s > 0:
            self._sleep(wait_s)
        return wait_s

    def check(self) -> None:
        """Ask whether a run may begin; one that may try after a rest is noted as such.

        Raises:
            Refused: `SITE_RESTING`.
        """
        with self._store.locked():
            now_s = self._clock()
            state = without_future(self._store.read_state(), now_s)
            after, until_s = before_run(state, now_s)
            if until_s is None and after != state:
                self._store.write_state(after)
        if until_s is not None:
            raise Refused(
                Reason.SITE_RESTING,
                until=_minute(until_s),
                since=_minute(state.since_s),
                runs=state.dead_runs + state.locked_runs,
                why=_why(state.reason),
            )

    def run_ended(self, reason: Reason | None) -> None:
        """Tell how a run ended: with a refusal's reason, or `None` when the site gave what was asked for."""
        with self._store.locked():
            now_s = self._clock()
            state = without_future(self._store.read_state(), now_s)
            after = after_run(state, reason, now_s)
            if after != state:
                self._store.write_state(after)

    def run_broken_off(self) -> None:
        """Tell that a run ended without learning anything of the site (it was stopped): another may try at once."""
        with self._store.locked():
            state = self._store.read_state()
            if state.probe_until_s:
                self._store.write_state(replace(state, probe_until_s=0.0))


def site_key(site: str) -> str:
    """What a site is called on disk: the hash of its address, the same for http and https and any spelling of case."""
    parts = urlsplit(site.strip())
    return hashlib.sha256(f"{parts.netloc.lower()}{parts.path.rstrip('/')}".encode()).hexdigest()


def _minute(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _why(code: str) -> str:
    return next((words for reason, words in (DEAD | LOCKED).items() if reason.code == code), "it did not work")


@dataclass
class _Memory:
    """A site's state where there is no directory for it; `lock` also orders the threads of a process."""

    lock: threading.RLock
    state: SiteState
    slot_s: float = 0.0


_MEMORY: dict[str, _Memory] = {}
_MEMORY_LOCK = threading.Lock()


class _Store:
    """`lock`, `last-request` and `state.json` of one site, or this process's memory where they cannot be used."""

    def __init__(self, directory: Path | None, key: str) -> None:
        self._directory = directory / key if directory else None
        with _MEMORY_LOCK:
            self._memory = _MEMORY.setdefault(f"{directory}/{key}", _Memory(threading.RLock(), SiteState()))

    @contextmanager
    def locked(self) -> Iterator[None]:
        with self._memory.lock:
            held = self._lock()
            try:
                yield
            finally:
                if held is not None:
                    held.release()

    def read_state(self) -> SiteState:
        if self._directory is None:
            return self._memory.state
        try:
            document = json.loads((self._directory / "state.json").read_text("utf-8"))
            return SiteState(**{f.name: _checked(f.name, document[f.name]) for f in fields(SiteState)})
        except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
            return SiteState()  # damaged: as if nothing were known
        except OSError:
            return self._memory.state

    def write_state(self, state: SiteState) -> None:
        self._memory.state = state
        if self._directory is not None:
            try:
                write_atomically(self._directory / "state.json", dump(asdict(state)))
            except OSError:
                self._directory = None

    def read_slot(self) -> float:
        if self._directory is None:
            return self._memory.slot_s
        try:
            slot_s = float((self._directory / "last-request").read_text("ascii"))
        except (FileNotFoundError, ValueError):
            return 0.0
        except OSError:
            return self._memory.slot_s
        return slot_s if math.isfinite(slot_s) else 0.0

    def write_slot(self, slot_s: float) -> None:
        self._memory.slot_s = slot_s
        if self._directory is not None:
            try:
                # Written often and worth little: neither fsync nor rename, the lock keeps readers away.
                descriptor = os.open(self._directory / "last-request", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                    stream.write(repr(slot_s))
            except OSError:
                self._directory = None

    def _lock(self) -> FileLock | None:
        """The lock, held, or `None` where there is none to be had; then only this process is kept in order."""
        if self._directory is None:
            return None
        try:
            for directory in (self._directory.parent.parent, self._directory.parent, self._directory):
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._directory.chmod(0o700)
            return acquire(self._directory / "lock", LOCK_PATIENCE_S)
        except OSError:  # also where it is held for longer: its holder was stopped, which is no reason to stop too
            self._directory = None
            return None


def _checked(name: str, value: object) -> Any:
    if name == "reason":
        if not isinstance(value, str):
            raise TypeError(name)
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise TypeError(name)
    return value
