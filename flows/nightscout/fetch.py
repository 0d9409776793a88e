"""What a run asks a Nightscout site for: everything it needs (corrected), or exactly what upstream's script asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flows.nightscout.client import Answer, NightscoutClient
from flows.nightscout.connections import MAX_CONNECTIONS
from flows.nightscout.profile_switches import NOTES_OF_AAPS, PROFILE_SWITCHES, TEXT_MARGIN_MS, switches_since
from flows.values.local_days import LocalDay, Window
from flows.values.timestamps import iso_utc
from flows.values.units import DAY_MS

PAGE = 5000  # records asked for in one answer: 17 days of 5-minute readings
SPAN_DAYS = 10  # a first guess at a span whose records fit one page
SWITCHES_SINCE_MS = 366 * DAY_MS


def fetch_profiles(client: NightscoutClient) -> Answer:
    """Every profile document (`count=0`: version 15 would answer the newest ten only)."""
    return client.records("profile.json", "count=0")


def fetch_entries(client: NightscoutClient, window: Window) -> list[Answer]:
    """All glucose records of the window, in pages."""
    return _every_span(client, window, lambda span: client.window("entries/sgv.json", "date", span, str, PAGE))


def fetch_treatments(client: NightscoutClient, window: Window) -> list[Answer]:
    """All treatments of the window, in pages, with a margin for times stored as local text."""
    wide = Window(window.start_ms - TEXT_MARGIN_MS, window.end_ms + TEXT_MARGIN_MS)
    return _every_span(
        client,
        wide,
        lambda span: client.window("treatments.json", "created_at", span, lambda ms: quote(iso_utc(ms)), PAGE),
    )


def fetch_profile_switches(
    client: NightscoutClient, since_ms: float, decided_ms: Callable[[list[Any]], float]
) -> list[Answer]:
    """Profile Switches and the notes AAPS writes of them, since long before the window: one may still hold.

    Args:
        client: of the site.
        since_ms: what is older decides nothing, whatever there is.
        decided_ms: as `switches_since`.
    """
    return switches_since(client, (PROFILE_SWITCHES, NOTES_OF_AAPS), since_ms, decided_ms)


def fetch_together(client: NightscoutClient, *parts: Callable[[], list[Answer]]) -> list[list[Answer]]:
    """The answers of several fetches, in their order, asked at once (the client bounds how many requests).

    Raises:
        Refused: the first refusal; the other fetches are stopped.
    """
    with ThreadPoolExecutor(len(parts)) as pool:
        under_way = [pool.submit(part) for part in parts]
        try:
            ended, _ = wait(under_way, return_when=FIRST_EXCEPTION)
        except BaseException:
            client.stop()
            raise
        for future in ended:
            if (error := future.exception()) is not None:
                client.stop()
                raise error
        return [future.result() for future in under_way]


def ask_as_upstream(client: NightscoutClient, day: LocalDay) -> tuple[Answer, Answer]:
    """A day's entries and treatments by the very queries of oref0@0.7.1 bin/oref0-autotune.sh.

    No count for treatments, 1500 for entries, bounds as GNU date prints them (`2022-05-20T06:00+02:00`, the plus sign
    unencoded): what the site then leaves out, it leaves out for upstream too.
    """
    glucose, treatments = day.upstream_glucose, day.treatments
    entries = client.get(
        "entries/sgv.json",
        f"find%5Bdate%5D%5B%24gte%5D={glucose.start_ms // 1000}000"
        f"&find%5Bdate%5D%5B%24lte%5D={glucose.end_ms // 1000}000&count=1500",
    )
    events = client.get(
        "treatments.json",
        f"find%5Bcreated_at%5D%5B%24gte%5D={_gnu_minutes(treatments.start_ms, day.zone)}"
        f"&find%5Bcreated_at%5D%5B%24lte%5D={_gnu_minutes(treatments.end_ms, day.zone)}",
    )
    return entries, events


def _gnu_minutes(epoch_ms: int, zone: str) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, ZoneInfo(zone)).isoformat(timespec="minutes")


def _every_span(
    client: NightscoutClient, window: Window, ask: Callable[[tuple[int, int]], Iterator[Answer]]
) -> list[Answer]:
    """The answers of all spans in the order of the spans, a few asked at once; the first refusal ends it."""
    with ThreadPoolExecutor(MAX_CONNECTIONS) as pool:
        under_way = [pool.submit(list, ask(span)) for span in _spans(window)]  # a generator asks in the pool's thread
        try:
            return [answer for future in under_way for answer in future.result()]
        except BaseException as error:
            if not isinstance(error, Exception):
                client.stop()  # the person does not want to wait
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _spans(window: Window) -> list[tuple[int, int]]:
    """Newest first; neighbouring spans share their boundary."""
    length_ms = SPAN_DAYS * DAY_MS
    return [
        (max(window.start_ms, high - length_ms), high) for high in range(window.end_ms, window.start_ms, -length_ms)
    ]
