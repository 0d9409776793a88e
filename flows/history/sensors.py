"""One sensor at a time, one reading every five minutes: what upstream's "four readings are twenty minutes" asks for."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Mapping

from flows.history.glucose_values import value_field
from flows.history.records import Numbered, keep_if
from flows.history.sensor_curves import TimedGlucose, sensors_by_curve
from flows.history.slots import COPY_MS, one_per_slot
from flows.nightscout.documents import Record
from flows.values.ledger import Ledger
from flows.values.numbers import number_or_zero
from flows.values.units import MINUTE_MS

GAP_MS = 20 * MINUTE_MS  # what the preferred sensor leaves open for another

COPY = ("glucose_copy", "the same reading of one sensor, written twice")
CADENCE = ("glucose_cadence", "readings between those of every five minutes")
OTHER_SENSOR = ("one_sensor", "one sensor at a time")


def one_sensor_at_a_time(records: Numbered, ledger: Ledger, sensors: Mapping[str, str] | None = None) -> Numbered:
    """Thin a fast cadence to five minutes; of several sensors keep the one with most readings, others fill its gaps.

    Args:
        records: normalised readings, newest first.
        ledger: every reading left out is written down.
        sensors: the sensor of each device text, as `sensors_of` tells; without it they are told from these records.
    """
    of_text = sensors_of(records) if sensors is None else sensors
    places: dict[str, list[int]] = {}
    for n in sorted(range(len(records)), key=lambda n: _at(records[n][1])):
        text = sensor_of(records[n][1])
        places.setdefault(of_text.get(text, text), []).append(n)
    texts = Counter(sensor_of(r) for _, r in records)
    own = {sensor: _without_copies(records, mine, texts) for sensor, mine in places.items()}
    slots = {sensor: _in_slots(records, mine) for sensor, mine in own.items()}
    chosen: list[float] = []
    kept: set[int] = set()
    for sensor in sorted(own, key=lambda name: (-len(own[name]), name)):
        mine = slots[sensor]
        if chosen:
            mine = [n for n in mine if _fills_a_gap(chosen, _at(records[n][1]))]
        kept.update(mine)
        chosen = sorted([*chosen, *(_at(records[n][1]) for n in mine)])
    left = records
    for rule, still_there, why in (
        (COPY, {n for mine in own.values() for n in mine}, "a copy of another reading of the same sensor"),
        (CADENCE, {n for mine in slots.values() for n in mine}, "another reading of the sensor stands for these five minutes"),
        (OTHER_SENSOR, kept, "another sensor read at the same time"),
    ):
        names = {records[n][0] for n in still_there}
        left = keep_if(left, rule, lambda name, _, names=names, why=why: None if name in names else why, ledger)
    return left


def sensors_of(records: Numbered) -> dict[str, str]:
    """The sensor of each device text among normalised readings, told by their curves."""
    readings: dict[str, list[TimedGlucose]] = {}
    for _, record in records:
        mine = readings.setdefault(sensor_of(record), [])
        if (mgdl := number_or_zero(record.get(value_field(record)))) > 0:
            mine.append((_at(record), mgdl))
    return sensors_by_curve(readings)


def sensor_of(record: Record) -> str:
    """Which sensor or uploader a reading says it is of; capitals and spaces tell none apart."""
    return " ".join(str(record.get("device") or "").casefold().split())


def _at(record: Record) -> float:
    return float(record["date"])


def _without_copies(records: Numbered, mine: list[int], texts: Mapping[str, int]) -> list[int]:
    """One place for each moment: of copies that of the text with most readings, so that one uploader is followed."""
    groups: list[list[int]] = []
    for n in mine:
        if groups and _at(records[n][1]) - _at(records[groups[-1][0]][1]) < COPY_MS:
            groups[-1].append(n)
        else:
            groups.append([n])

    def preference(n: int) -> tuple[int, str, float]:
        text = sensor_of(records[n][1])
        return -texts[text], text, _at(records[n][1])

    return [min(group, key=preference) for group in groups]


def _in_slots(records: Numbered, mine: list[int]) -> list[int]:
    at = {_at(records[n][1]): n for n in reversed(mine)}
    return [at[ms] for ms in one_per_slot([_at(records[n][1]) for n in mine])]


def _fills_a_gap(sorted_instants: list[float], ms: float) -> bool:
    at = bisect.bisect_left(sorted_instants, ms)
    near = sorted_instants[max(0, at - 1) : at + 1]
    if min(abs(ms - n) for n in near) < GAP_MS / 2:
        return False
    return len(near) < 2 or near[1] - near[0] > GAP_MS
