"""How often one site may be asked, over all processes of a person: requests are 0.1 s apart. Knows nothing of HTTP."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from flows.nightscout.site_memory import SiteMemory

GAP_S = 0.1
FURTHEST_SLOT_S = 60.0  # a request planned further ahead than this was planned by a clock since set back
SLOT_FILE = "last-request"


def next_slot_s(last_slot_s: float, now_s: float) -> float:
    """When the next request may go, given when the last one went or was planned to go."""
    return now_s if last_slot_s > now_s + FURTHEST_SLOT_S else max(now_s, last_slot_s + GAP_S)


class RateLimit:
    """Keeps the gap between requests to one site. May be shared between threads.

    Args:
        memory: where the site's `last-request` is kept.
        clock: seconds since 1970.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        memory: SiteMemory,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._sleep = sleep

    def before_request(self) -> float:
        """Wait until the next request may go; returns the seconds waited."""
        with self._memory.locked():
            now_s = self._clock()
            slot_s = next_slot_s(_slot_in(self._memory.read(SLOT_FILE)), now_s)
            self._memory.write(SLOT_FILE, repr(slot_s).encode("ascii"), durable=False)
        wait_s = slot_s - now_s
        if wait_s > 0:
            self._sleep(wait_s)
        return wait_s


def _slot_in(written: bytes | None) -> float:
    try:
        slot_s = float((written or b"").decode("ascii"))
    except ValueError:  # damaged, or never written
        return 0.0
    return slot_s if math.isfinite(slot_s) else 0.0
