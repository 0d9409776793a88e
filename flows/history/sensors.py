"""One sensor at a time, one reading every five minutes: what upstream's "four readings are twenty minutes" asks for."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from flows.history.glucose_values import value_field
from flows.history.lows import TimedGlucose
from flows.history.records import Numbered, keep_if
from flows.history.sensor_curves import sensors_by_curve
from flows.history.slots import COPY_MS, one_per_slot
from flows.language.catalogue import to_translate
from flows.nightscout.documents import Record
from flows.values.ledger import Ledger
from flows.values.numbers import number_or_zero
from flows.values.units import MINUTE_MS

GAP_MS = 20 * MINUTE_MS  # what the preferred sensor leaves open for another

COPY = ("glucose_copy", to_translate("the same reading of one sensor, written twice"))
CADENCE = ("glucose_cadence", to_translate("readings between those of every five minutes"))
OTHER_SENSOR = ("one_sensor", to_translate("one sensor at a time"))


@dataclass(frozen=True)
class _Choice:
    """Places of records: `distinct` are no copies, `of_slots` stand for five minutes each, `kept` go on to upstream.

    `shown` are those distinct readings that `kept` are taken from: what the sensors chosen showed.
    """

    distinct: set[int]
    of_slots: set[int]
    kept: set[int]
    shown: set[int]


def one_sensor_at_a_time(records: Numbered, ledger: Ledger, sensors: Mapping[str, str] | None = None) -> Numbered:
    """Thin a fast cadence to five minutes; of several sensors keep the one with most readings, others fill its gaps.

    Args:
        records: normalised readings, newest first.
        ledger: every reading left out is written down.
        sensors: the sensor of each device text, as `sensors_of` tells; without it they are told from these records.
    """
    choice = _choose(records, sensors_of(records) if sensors is None else sensors)
    left = records
    for rule, places, why in (
        (COPY, choice.distinct, "a copy of another reading of the same sensor"),
        (CADENCE, choice.of_slots, "another reading of the sensor stands for these five minutes"),
        (OTHER_SENSOR, choice.kept, "another sensor read at the same time"),
    ):
        left = _only({records[n][0] for n in places}, left, rule, why, ledger)
    return left


def instants_shown(records: Numbered, sensors: Mapping[str, str]) -> list[float]:
    """When the sensors chosen showed something (epoch ms, ascending), before a fast cadence is thinned."""
    return sorted(_at(records[n][1]) for n in _choose(records, sensors).shown)


def how_many_sensors(records: Iterable[Record]) -> int:
    """How many sensors the readings of a day are of."""
    return len(set(sensors_of([("", record) for record in records]).values()))


def sensors_of(records: Numbered) -> dict[str, str]:
    """The sensor of each device text among normalised readings, told by their curves."""
    readings: dict[str, list[TimedGlucose]] = {}
    for _, record in records:
        mine = readings.setdefault(sensor_of(record), [])
        if mgdl := number_or_zero(record.get(value_field(record))):
            mine.append((_at(record), mgdl))
    return sensors_by_curve(readings)


def sensor_of(record: Record) -> str:
    """Which sensor or uploader a reading says it is of; capitals and spaces tell none apart."""
    return " ".join(str(record.get("device") or "").casefold().split())


def _choose(records: Numbered, sensors: Mapping[str, str]) -> _Choice:
    places: dict[str, list[int]] = {}
    for n in sorted(range(len(records)), key=lambda n: _at(records[n][1])):
        text = sensor_of(records[n][1])
        places.setdefault(sensors.get(text, text), []).append(n)
    distinct = {sensor: _without_copies(records, mine) for sensor, mine in places.items()}
    of_slots = {sensor: _in_slots(records, mine) for sensor, mine in distinct.items()}
    chosen: list[float] = []
    kept: set[int] = set()
    shown: set[int] = set()
    for sensor in sorted(distinct, key=lambda name: (-len(distinct[name]), name)):
        mine = [n for n in of_slots[sensor] if _fills_a_gap(chosen, _at(records[n][1]))]
        kept.update(mine)
        shown.update(n for n in distinct[sensor] if _fills_a_gap(chosen, _at(records[n][1])))
        chosen = sorted([*chosen, *(_at(records[n][1]) for n in mine)])
    return _Choice(set(chain(*distinct.values())), set(chain(*of_slots.values())), kept, shown)


def _only(names: set[str], records: Numbered, rule: tuple[str, str], why: str, ledger: Ledger) -> Numbered:
    return keep_if(records, rule, lambda name, _: None if name in names else why, ledger)


def _at(record: Record) -> float:
    return float(record["date"])


def _without_copies(records: Numbered, mine: list[int]) -> list[int]:
    """One place for each moment: of copies that of the text with most readings, or that comes first, for all alike."""
    groups: list[list[int]] = []
    for n in mine:
        if groups and _at(records[n][1]) - _at(records[groups[-1][0]][1]) < COPY_MS:
            groups[-1].append(n)
        else:
            groups.append([n])
    readings = Counter(sensor_of(records[n][1]) for n in mine)
    leads = Counter(sensor_of(records[group[0]][1]) for group in groups)

    def preference(n: int) -> tuple[int, int, str, float]:
        text = sensor_of(records[n][1])
        return -readings[text], -leads[text], text, _at(records[n][1])

    return [min(group, key=preference) for group in groups]


def _in_slots(records: Numbered, mine: list[int]) -> list[int]:
    at = {_at(records[n][1]): n for n in reversed(mine)}
    return [at[ms] for ms in one_per_slot([_at(records[n][1]) for n in mine])]


def _fills_a_gap(sorted_instants: list[float], ms: float) -> bool:
    if not sorted_instants:
        return True
    at = bisect.bisect_left(sorted_instants, ms)
    near = sorted_instants[max(0, at - 1) : at + 1]
    if min(abs(ms - n) for n in near) < GAP_MS / 2:
        return False
    return len(near) < 2 or near[1] - near[0] > GAP_MS
