"""A site as a change of its profile sees it, and what such a change intends: all any later process needs to end it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.nightscout.writer import NightscoutWriter
from flows.profiles.switches import read_switches
from flows.values.timestamps import instant_ms
from flows.values.units import DAY_MS, MINUTE_MS, SECOND_MS
from flows.writeback.active_on_site import (
    SERVER_OWNED,
    SiteProfiles,
    differences,
    profile_content,
    start_ms,
    switch_key,
)
from flows.writeback.site_documents import start_date, switch_treatment

CLOCK_TOLERANCE_S = 300.0
LEAST_ROOM_S = 3  # between a document and a Profile Switch that follows it
LONGEST_WAIT_S = 5.0  # for the next whole second after the newest document's


class SiteSession:
    """A site as a change sees it, with the time both it and this computer have reached."""

    def __init__(
        self,
        client: NightscoutWriter,
        clock: Callable[[], datetime],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.client = client
        self._latest_ms = 0
        self.sleep = sleep
        self._clock = clock

    def read(self) -> SiteProfiles:
        """Its documents and the Profile Switches that can matter.

        Raises:
            Refused: a `SITE_…` reason.
        """
        # Of documents that start together a site may give another one first each time.
        documents = sorted(self.client.profiles(), key=document_id)
        # Back to the document beneath a new one and what takes it back: what counts without them is asked too.
        starts = sorted((start_ms(d) for d in documents), reverse=True) or [0.0]
        since = min(starts[min(2, len(starts) - 1)], self.now_ms()) - DAY_MS
        return SiteProfiles(tuple(documents), tuple(sorted(self.client.profile_switches(since), key=document_id)))

    def now_ms(self) -> int:
        """The earlier of both clocks, so that nothing written lies in the future for either; it never goes back."""
        ahead_s = min(0.0, self.client.site_ahead_s or 0.0)
        self._latest_ms = max(self._latest_ms, int((self._clock().timestamp() + ahead_s) * SECOND_MS))
        return self._latest_ms

    def check_clock(self) -> None:
        """Refuse clocks that differ too much.

        Raises:
            Refused: `SITE_CLOCK`.
        """
        ahead_s = self.client.site_ahead_s or 0.0
        if abs(ahead_s) > CLOCK_TOLERANCE_S:
            raise Refused(Reason.SITE_CLOCK, minutes=round(abs(ahead_s) / 60))

    def late_ms(self) -> float:
        """The later of both clocks and as much as they may differ: what is dated before it may be in force by now."""
        ahead_s = max(0.0, self.client.site_ahead_s or 0.0)
        return max(float(self._latest_ms), (self._clock().timestamp() + ahead_s + CLOCK_TOLERANCE_S) * SECOND_MS)

    def start_for(self, state: SiteProfiles, newest: Record, *, room_ms: int = SECOND_MS) -> int:
        """When a document begins that is to be newer than `newest` and to end no Profile Switch that is to decide.

        Those are the deciding ones of `state`. A whole second, never in the future, a day before now or the first such
        switch where that is after `newest`: a switch that a phone made before and sends later counts too. `room_ms`
        stays before the switch for a document that takes this one back.

        Raises:
            Refused: `SITE_PROFILE_AHEAD`, `SWITCH_WOULD_END`.
        """
        earliest = _after(newest)
        deciding = [s.at_ms for s in state.deciding(self.now_ms())]
        if deciding and earliest + room_ms > min(deciding):
            raise Refused(Reason.SWITCH_WOULD_END)
        self._wait_until(earliest)
        latest = int(min([self.now_ms(), *deciding]))
        return max(earliest, (latest - DAY_MS) // SECOND_MS * SECOND_MS)

    def start_after(self, newest: Record, not_before_ms: float) -> int:
        """When a document begins that is to be newer than `newest` and to end every switch up to `not_before_ms`.

        Raises:
            Refused: `SITE_PROFILE_AHEAD`.
        """
        earliest = max(_after(newest), (int(not_before_ms) // SECOND_MS + 1) * SECOND_MS)
        self._wait_until(earliest)
        return max(earliest, self.now_ms() // SECOND_MS * SECOND_MS)

    def free_instant(self, state: SiteProfiles, document: Record) -> int:
        """A whole second for a Profile Switch: some after the document's start, and not that of another switch.

        Nightscout keeps one switch for each time: a second one would replace the first. A later document that is to
        end no switch needs the seconds between.
        """
        taken = {int(s.at_ms) // SECOND_MS for s in state.read_switches}
        start_s = int(start_ms(document)) // SECOND_MS
        while True:
            at_s = self.now_ms() // SECOND_MS
            if at_s >= start_s + LEAST_ROOM_S and at_s not in taken:
                return at_s * SECOND_MS
            self.sleep(0.2)

    def _wait_until(self, earliest_ms: int) -> None:
        if earliest_ms - self.now_ms() > LONGEST_WAIT_S * SECOND_MS:
            raise Refused(Reason.SITE_PROFILE_AHEAD)
        while (left_s := (earliest_ms - self.now_ms()) / SECOND_MS) > 0:
            self.sleep(left_s)


def _after(newest: Record) -> int:
    """The first whole second that Nightscout, which compares the texts, sorts above a document's start."""
    earliest = (int(start_ms(newest)) // SECOND_MS + 1) * SECOND_MS
    written = newest.get("startDate")
    if isinstance(written, str) and start_date(earliest) <= written:
        found = instant_ms(written[:19], "UTC")  # an offset: its digits count, not the instant
        earliest = max(earliest, int(found[0]) // SECOND_MS * SECOND_MS + SECOND_MS if found else 0)
        if start_date(earliest) <= written:
            raise Refused(Reason.SITE_PROFILE_AHEAD)
    return earliest


@dataclass(frozen=True)
class Intent:
    """What a change is to bring about, and what any later process needs to finish it or take it back.

    `stands`: the document is on the site already, only the switch is to come. `active_before` is what Nightscout
    counted as active (`name`, `body`, and the `switch` that made it so).
    """

    document: Record
    switch: Record | None
    before: Record
    known_ids: tuple[str, ...]
    known_switches: tuple[str, ...]
    active_before: dict[str, Any]
    stands: bool = False
    activate_until_ms: float = float("inf")

    @classmethod
    def of(cls, state: SiteProfiles, now_ms: float, document: Record, switch: Record | None, **more: Any) -> Intent:
        """An intent against what the site is now."""
        active = state.active(now_ms)
        return cls(
            document=document,
            switch=switch,
            before=profile_content(state.newest),
            known_ids=tuple(
                document_id(d)
                for d in state.documents
                if not (more.get("stands") and not differences(comparable(document), comparable(d)))
            ),
            known_switches=tuple(switch_key(s) for s in state.switches),
            active_before={"name": active.name, "body": active.body, "switch": state.raw_switch(active.switch)},
            **more,
        )

    def to_json(self) -> dict[str, Any]:
        """For the journal."""
        until = self.activate_until_ms
        return {**asdict(self), "activate_until_ms": None if until == float("inf") else until}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Intent:
        """From the journal."""
        until = document["activate_until_ms"]
        return cls(**{**document, "activate_until_ms": float("inf") if until is None else until})


def document_id(record: Record) -> str:
    """A record's `_id` as text."""
    return str(record.get("_id"))


def comparable(document: Record) -> Record:
    """What of a document must be as it was sent."""
    return {**profile_content(document), "startDate": document.get("startDate")}


def switch_back(active: dict[str, Any], at_ms: int, why: str) -> Record:
    """A Profile Switch to what was active before a change."""
    return switch_treatment(active["name"], active["body"], at_ms, f"autotune-flows: {why}")


def reissue_switch(raw: Record, at_ms: int) -> Record:
    """A Profile Switch once more, from `at_ms` on; one of limited duration for what is left of it."""
    owned = SERVER_OWNED | {"created_at", "eventTime", "timestamp", "carbs", "insulin"}
    copy = {k: v for k, v in raw.items() if k not in owned}
    switch = read_switches([raw], "UTC")[0]
    copy["created_at"] = start_date(at_ms)
    if switch.end_ms is not None:
        left_ms = max(SECOND_MS, int(switch.end_ms - at_ms))
        for key in ("originalDuration", "durationInMilliseconds"):
            if key in copy:
                copy[key] = left_ms
        copy["duration"] = round(left_ms / MINUTE_MS) or 1
    return copy
