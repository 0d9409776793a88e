"""Settings and systems for the tests of the entry sheet."""

from __future__ import annotations

from collections.abc import Sequence

from flows.entry.sheet import SettingsToEnter
from flows.entry.system import EntrySystem, entry_system
from flows.proposal.document import Units
from flows.settings import AgeGroup
from flows.values.parts import Part
from flows.values.schedule import Block, Schedule


def adult(name: str, pump: str | None = None, units: Units = Units.MG_PER_DL) -> EntrySystem:
    return entry_system(name, units, AgeGroup.ADULT, pump)


def schedule(*values: float, minutes: int = 60) -> Schedule:
    """A value after the other, each so long, the last to the end of the day."""
    return Schedule(tuple(Block(minutes * n, value) for n, value in enumerate(values)))


def settings(
    basal: Schedule,
    new_basal: Schedule | None = None,
    ratio: Schedule | None = None,
    new_ratio: Schedule | None = None,
    isf: Schedule | None = None,
    new_isf: Schedule | None = None,
    units: Units = Units.MG_PER_DL,
    dia_h: float | None = 6.0,
) -> SettingsToEnter:
    ratio, isf = ratio or schedule(10.0), isf or schedule(50.0 if units is Units.MG_PER_DL else 2.8)
    return SettingsToEnter(
        units,
        now={Part.BASAL: basal, Part.CARB_RATIO: ratio, Part.ISF: isf},
        after={Part.BASAL: new_basal or basal, Part.CARB_RATIO: new_ratio or ratio, Part.ISF: new_isf or isf},
        dia_h=dia_h,
    )


def each_minute(values: Sequence[tuple[int, int, float]]) -> list[float]:
    """The value of every minute of stretches that have to cover the whole day, in order."""
    found: list[float] = []
    for start, end, value in values:
        assert start == len(found) < end
        found += [value] * (end - start)
    assert len(found) == 1440
    return found
