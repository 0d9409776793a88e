"""When requests to a site are paused: the circuit breaker, over all processes of a person. Knows nothing of HTTP.

After three runs in a row that found the site dead (or five that were refused by it) requests are paused for an hour,
then two, and so on up to a day; one run that gets its answers ends this.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, TypeAdapter

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.nightscout.site_memory import SiteMemory
from flows.values.run_directory import dump
from flows.values.units import DAY_MS, HOUR_MS, SECOND_MS

DEAD_RUNS, LOCKED_RUNS = 3, 5
FIRST_REST_S, LONGEST_REST_S = HOUR_MS / SECOND_MS, DAY_MS / SECOND_MS
PROBE_S = (
    HOUR_MS / SECOND_MS
)  # a run that may try the site again and never tells how it ended counts no longer than this
STATE_FILE = "state.json"

# The site does not work: nothing that the person who asks can fix.
DEAD = {
    Reason.SITE_UNREACHABLE: to_translate("it could not be reached"),
    Reason.SITE_FAILS: to_translate("it failed"),
    Reason.SITE_BUSY: to_translate("it was too busy"),
    Reason.SITE_ASKS_TO_WAIT: to_translate("it asked to wait"),
    Reason.SITE_NOT_DATA: to_translate("it did not answer with data"),
}
# The site works and says no. Version 15 delays every request of an address that shows bad credentials.
LOCKED = {
    Reason.SITE_UNAUTHORIZED: to_translate("it refused the credentials"),
    Reason.SITE_BASIC_AUTH: to_translate("it refused the credentials"),
    Reason.SITE_BEHIND_LOGIN: to_translate("a server in front of it asked for a login"),
    Reason.SITE_FORBIDDEN: to_translate("the credentials may not read it"),
    Reason.SITE_NOT_FOUND: to_translate("there is no Nightscout API under the address"),
    Reason.SITE_ONLY_V3: to_translate("it has no API v1"),
}
# The site was not asked.
NOT_ASKED = frozenset({Reason.SITE_PAUSED, Reason.SITE_URL, Reason.SITE_NOT_ALLOWED, Reason.BASIC_AUTH_FORM})

_Count = Annotated[int, Field(strict=True, ge=0)]
_Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class SiteState:
    """What is remembered of a site; times are seconds since 1970."""

    dead_runs: _Count = 0
    locked_runs: _Count = 0
    since_s: _Seconds = 0.0
    reason: str = ""
    rest_s: _Seconds = 0.0
    rest_until_s: _Seconds = 0.0
    probe_until_s: _Seconds = 0.0


_STORED = TypeAdapter(SiteState)


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
    """`(state, None)` where a run may begin, else with the time until which requests are paused.

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


class CircuitBreaker:
    """Decides whether a run may ask one site. May be shared between threads.

    Args:
        memory: where the site's `state.json` is kept.
        clock: seconds since 1970.
    """

    def __init__(self, memory: SiteMemory, *, clock: Callable[[], float] = time.time) -> None:
        self._memory = memory
        self._clock = clock

    def check(self) -> None:
        """Ask whether a run may begin; one that may try after a rest is noted as such.

        Raises:
            Refused: `SITE_PAUSED`.
        """
        _refuse_until(*self._change(before_run))

    def check_only(self) -> None:
        """Ask the same without a run beginning: nothing is noted.

        Raises:
            Refused: `SITE_PAUSED`.
        """
        _refuse_until(*self._change(lambda state, now_s: (state, before_run(state, now_s)[1])))

    def run_ended(self, reason: Reason | None) -> None:
        """Tell how a run ended: with a refusal's reason, or `None` when the site gave what was asked for."""
        self._change(lambda state, now_s: (after_run(state, reason, now_s), None))

    def run_broken_off(self) -> None:
        """Tell that a run ended without learning anything of the site (it was stopped): another may try at once."""
        self._change(lambda state, _: (replace(state, probe_until_s=0.0), None))

    def _change(
        self, step: Callable[[SiteState, float], tuple[SiteState, float | None]]
    ) -> tuple[SiteState, float | None]:
        """Take a step from what is kept, and keep what it gives: the new state, and the step's time."""
        with self._memory.locked():
            now_s = self._clock()
            state = without_future(self._read(), now_s)
            after, until_s = step(state, now_s)
            if after != state:
                self._write(after)
        return after, until_s

    def _read(self) -> SiteState:
        """What is kept; a damaged file, or one in which something is missing, is as none."""
        try:
            document = json.loads(self._memory.read(STATE_FILE) or b"{}")
            state = _STORED.validate_python(document)
        except (ValueError, RecursionError):
            return SiteState()
        return state if vars(state).keys() <= document.keys() else SiteState()

    def _write(self, state: SiteState) -> None:
        self._memory.write(STATE_FILE, dump(asdict(state)), durable=True)


def _refuse_until(state: SiteState, until_s: float | None) -> None:
    if until_s is not None:
        raise Refused(
            Reason.SITE_PAUSED,
            until=_minute(until_s),
            since=_minute(state.since_s),
            runs=state.dead_runs + state.locked_runs,
            why=_why(state.reason),
        )


def _minute(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _why(code: str) -> str:
    return next(
        (words for reason, words in (DEAD | LOCKED).items() if reason.code == code), to_translate("it did not work")
    )
