"""Readings that are no glucose, told by their course: noise, steps nobody's glucose makes, a stuck sensor, compression.

They are judged, never removed: a low that may be the pressure of an arm still counts for safety.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise
from operator import itemgetter
from zoneinfo import ZoneInfo

from flows.history.records import bolus_u, carbs_g
from flows.history.slots import SLOT_MS
from flows.nightscout.documents import Record
from flows.values.numbers import number_or_zero
from flows.values.timestamps import instant_ms
from flows.values.units import HOUR_MS, MINUTE_MS

# oref0@0.7.1 lib/determine-basal/determine-basal.js does nothing while `noise` is 3 (xDrip+: "heavy") or more.
NOISE = 3
# 12 mg/dL a minute; sensors' steepest arrow is "more than 3". The largest step of real data at hand is 55.
STEP_MGDL, STEP_WITHIN_MS = 60.0, 7.5 * MINUTE_MS
# A sensor beyond its range repeats its last number: that is a clamp, and no stuck sensor.
CLAMPED_BELOW_MGDL, CLAMPED_FROM_MGDL = 41.0, 399.0
FLAT_READINGS, FLAT_GAP_MS = 13, 20 * MINUTE_MS
# Compression: into a low and out of it at 2 mg/dL a minute or more each (sensors' single arrow), within two hours.
LOW_MGDL = 70.0
SUDDEN_MGDL, SUDDEN_WITHIN_MS = 30.0, 15 * MINUTE_MS
COMPRESSED_AT_MOST_MS = 2 * HOUR_MS
NIGHT_FROM_HOUR, NIGHT_UNTIL_HOUR = 22, 8
CARBS_AROUND_MS = HOUR_MS  # carbs that explain the return
# Of a day's boluses. By the 1800 rule a tenth lowers glucose by some 90 mg/dL in hours: less makes no sudden fall.
BOLUS_BEFORE_MS, BOLUS_SHARE = 3 * HOUR_MS, 0.1

Curve = Sequence[tuple[float, float]]  # epoch ms and mg/dL, oldest first
_AT = itemgetter(0)


def noisy_hours(entries: Iterable[Record]) -> float:
    """Hours of readings that the sensor itself marks as too noisy to dose from."""
    noisy = {int(float(e["date"]) // SLOT_MS) for e in entries if number_or_zero(e.get("noise")) >= NOISE}
    return round(len(noisy) * SLOT_MS / HOUR_MS, 2)


def impossible_steps(curve: Curve) -> int:
    """How many steps from one reading to the next, five minutes later, glucose cannot make."""
    return sum(b[0] - a[0] <= STEP_WITHIN_MS and abs(b[1] - a[1]) > STEP_MGDL for a, b in pairwise(curve))


def flat_hours(curve: Curve) -> float:
    """Hours in which the sensor showed exactly one value, within its range, for an hour or more at a time."""
    hours = 0.0
    for mgdl, run in groupby(curve, key=lambda reading: reading[1]):
        if not CLAMPED_BELOW_MGDL <= mgdl < CLAMPED_FROM_MGDL:
            continue
        stretches: list[list[float]] = []
        for ms, _ in run:
            if stretches and ms - stretches[-1][-1] <= FLAT_GAP_MS:
                stretches[-1].append(ms)
            else:
                stretches.append([ms])
        hours += sum((s[-1] - s[0]) / HOUR_MS for s in stretches if len(s) >= FLAT_READINGS)
    return round(hours, 2)


def compression_lows(curve: Curve, treatments: Sequence[Record], zone: str) -> int:
    """How many lows of a day look like compression: `compressed`."""
    return len(compressed(curve, treatments, zone))


def compressed(curve: Curve, treatments: Sequence[Record], zone: str) -> list[tuple[float, float]]:
    """Start and end of the lows of the night that came and went suddenly, with neither insulin nor carbs to explain it.

    Args:
        curve: of one day.
        treatments: of the day, normalised, with what lies before and after.
        zone: the person's.
    """
    lows = _sudden_lows(curve, ZoneInfo(zone))
    if not lows:
        return []
    dated = [(at[0], t) for t in treatments if (at := instant_ms(t["created_at"], zone))]
    day = (curve[0][0], curve[-1][0])
    boluses = sum(bolus_u(t) for ms, t in dated if day[0] <= ms <= day[1])
    found = []
    for start, end in lows:
        before = sum(bolus_u(t) for ms, t in dated if start - BOLUS_BEFORE_MS <= ms <= start)
        eaten = any(carbs_g(t) > 0 and start - CARBS_AROUND_MS <= ms <= end + CARBS_AROUND_MS for ms, t in dated)
        if not eaten and (before == 0 or before < BOLUS_SHARE * boluses):
            found.append((start, end))
    return found


def _sudden_lows(curve: Curve, zone: ZoneInfo) -> list[tuple[float, float]]:
    """First low reading and first after it no longer low, where glucose fell and rose faster than it does by night."""
    found = []
    n = 0
    while n < len(curve):
        if curve[n][1] >= LOW_MGDL:
            n += 1
            continue
        first = n
        while n < len(curve) and curve[n][1] < LOW_MGDL:
            n += 1
        if n < len(curve):
            start, end = curve[first][0], curve[n][0]
            hour = datetime.fromtimestamp(start / 1000, UTC).astimezone(zone).hour
            by_night = hour >= NIGHT_FROM_HOUR or hour < NIGHT_UNTIL_HOUR
            if by_night and end - start <= COMPRESSED_AT_MOST_MS:
                fell, rose = -_steepest(curve, first, falls=True), _steepest(curve, n, falls=False)
                if min(fell, rose) >= SUDDEN_MGDL:
                    found.append((start, end))
    return found


def _steepest(curve: Curve, at: int, *, falls: bool) -> float:
    """The largest change of glucose within 15 minutes, from a reading before the place (none: 0) to one from it on."""
    start = bisect.bisect_left(curve, curve[at][0] - SUDDEN_WITHIN_MS, key=_AT)
    changes = [
        curve[later][1] - curve[before][1]
        for before in range(start, at)
        for later in range(at, bisect.bisect_right(curve, curve[before][0] + SUDDEN_WITHIN_MS, key=_AT))
    ]
    return (min if falls else max)(changes, default=0.0)
