"""Waits, within limits, until a site has the readings of last night. Knows nothing of what they are for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flows.nightscout.client import NightscoutClient
from flows.values.units import MINUTE_MS

LATE_MS = 10 * MINUTE_MS  # a sensor reads every 5 minutes: one missing reading is no reason to wait
AHEAD_MS = 10 * MINUTE_MS  # a reading from further ahead of the clock tells nothing of what has arrived


def wait_for_readings(
    client: NightscoutClient,
    until_ms: int,
    *,
    at_most_s: float,
    every_s: float,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Ask until the newest reading is at most ten minutes older than an instant; one request each time.

    Args:
        client: the site.
        until_ms: the instant up to which readings are needed, as epoch milliseconds.
        at_most_s: how long to wait in all; 0 asks once.
        every_s: how long between two requests.
        clock: seconds since 1970.
        sleep: waits for seconds.

    Returns:
        Whether such a reading has arrived.

    Raises:
        Refused: a `SITE_…` reason; ValueError: `every_s` is not above zero.
    """
    if not every_s > 0:
        raise ValueError("every_s must be above zero")
    began_s, slept_s = clock(), 0.0
    while True:
        low, high = until_ms - LATE_MS, round(clock() * 1000) + AHEAD_MS
        query = f"find%5Bdate%5D%5B%24gte%5D={low}&find%5Bdate%5D%5B%24lte%5D={high}&count=1"
        readings = client.records("entries/sgv.json", query).document
        if any(low <= date <= high for date in map(_date, readings) if date is not None):
            return True
        # The clock may be set back, and a request takes time: whichever says more has passed is believed.
        left_s = at_most_s - max(slept_s, clock() - began_s)
        if left_s <= 0:
            return False
        pause_s = min(every_s, left_s)
        sleep(pause_s)
        slept_s += pause_s


def _date(reading: Any) -> float | None:
    date = reading.get("date") if isinstance(reading, dict) else None
    return None if isinstance(date, bool) or not isinstance(date, int | float) else date
