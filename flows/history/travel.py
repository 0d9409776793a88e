"""Travel: whether the records' own offsets from UTC agree with the run's time zone, on which every hour is booked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from flows.nightscout.documents import Record
from flows.values.local_days import utc_offset_min
from flows.values.timestamps import instant_ms

TOLERATED_SHARE = 0.2  # a journey, a second phone, a server that stamps its own


def clocks_that_disagree(entries: Iterable[Record], treatments: Iterable[Record], zone: str) -> list[str]:
    """A warning where more than a fifth of the records that name an offset (`utcOffset`, minutes) name another one.

    An offset of 0 says nothing: servers write it for records that came in UTC.
    """
    differing: Counter[int] = Counter()
    seen = 0
    for record in (*entries, *treatments):
        offset = record.get("utcOffset")
        if not isinstance(offset, int | float) or isinstance(offset, bool) or offset == 0:
            continue
        found = instant_ms(record.get("created_at") or record.get("date"), zone)
        if found is None:
            continue
        seen += 1
        expected = utc_offset_min(found[0], zone)
        if abs(offset - expected) >= 30:
            differing[int(offset) - expected] += 1
    count = sum(differing.values())
    if not seen or count <= TOLERATED_SHARE * seen:
        return []
    minutes, _ = differing.most_common(1)[0]
    return [
        f"{count} of {seen} records carry a clock that differs from {zone} (most by {minutes / 60:+g} h): "
        "every hour is booked by the time zone, so check it."
    ]
