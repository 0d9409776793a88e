"""The sheet: screen by screen in the system's order, every number one that it offers, and first what it cannot take.

Pure: from the settings now and after the step, and a system, the rows to type. Numbers are in the person's units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from flows.entry.apps import Screen
from flows.entry.rows import SettingEntered, SheetMark, SheetNote, SheetRow, joined_rows
from flows.entry.screens import basal_screen, block_screen
from flows.entry.system import EntrySystem
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.proposal.document import Units
from flows.values.parts import Part
from flows.values.schedule import Schedule
from flows.values.units import HOURS_PER_DAY, MINUTES_PER_DAY


@dataclass(frozen=True)
class SettingsToEnter:
    """All settings in use and after the step, by part; ISF in `units` per U, basal in U/h, carb ratio in g/U."""

    units: Units
    now: Mapping[Part, Schedule]
    after: Mapping[Part, Schedule]
    dia_h: float | None

    def changes(self, part: Part) -> bool:
        """Whether a part becomes another one."""
        return not self.now[part].same_as(self.after[part])

    def unit(self, part: Part) -> str:
        """Of a part."""
        isf = {Units.MG_PER_DL: to_translate("mg/dL/U"), Units.MMOL_PER_L: to_translate("mmol/L/U")}[self.units]
        return {Part.BASAL: to_translate("U/h"), Part.CARB_RATIO: to_translate("g/U"), Part.ISF: isf}[part]


@dataclass(frozen=True)
class SheetScreen:
    """A screen and its rows; none where it stays as it is."""

    screen: Screen
    unit: str = ""
    rows: tuple[SheetRow, ...] = ()

    @property
    def to_type(self) -> bool:
        """Whether a number of it is another one than in use."""
        return any(row.mark is not SheetMark.AS_NOW for row in self.rows)


@dataclass(frozen=True)
class EntrySheet:
    """What to type, and what has to be known before.

    Attributes:
        system: whose.
        refusals: what it cannot take of what changes; then there are no rows at all.
        notes: what else has to be known.
        screens: in its order.
        daily_basal_now_u, daily_basal_wanted_u, daily_basal_u: in use, after the step, and as it is entered (`None`
            where basal has no rows).
    """

    system: EntrySystem
    refusals: tuple[SheetNote, ...]
    notes: tuple[SheetNote, ...]
    screens: tuple[SheetScreen, ...]
    daily_basal_now_u: float
    daily_basal_wanted_u: float
    daily_basal_u: float | None

    @property
    def nothing_to_type(self) -> bool:
        """Whether every number is there already."""
        return not any(screen.to_type for screen in self.screens)


def entry_sheet(settings: SettingsToEnter, system: EntrySystem) -> EntrySheet:
    """The sheet of these settings for this system."""
    made = _made(settings, system)
    refusals = tuple(note for part in made if settings.changes(part) for note in made[part].problems)
    left = [note for part in made if not settings.changes(part) for note in made[part].problems]
    notes = (
        *(SheetNote("remark", remark) for remark in system.remarks),
        *_duration(settings, system),
        *(
            SheetNote(note.code, translatable("{note} The step does not change it: leave it as it is.", note=note.text))
            for note in left
        ),
        *(note for part in made.values() for note in part.notes),
    )
    rows = {} if refusals else _rows(made, system)
    basal = rows.get(Part.BASAL, ())
    return EntrySheet(
        system=system,
        refusals=refusals,
        notes=notes,
        screens=tuple(_screen(screen, settings, rows) for screen in system.screens if not refusals),
        daily_basal_now_u=HOURS_PER_DAY * settings.now[Part.BASAL].mean(),
        daily_basal_wanted_u=HOURS_PER_DAY * settings.after[Part.BASAL].mean(),
        daily_basal_u=math.fsum(row.value * (row.end - row.start) / 60 for row in basal) if basal else None,
    )


def _made(settings: SettingsToEnter, system: EntrySystem) -> dict[Part, SettingEntered]:
    """What becomes of each part; basal last, which gives way where all share the blocks."""
    others = {
        part: block_screen(part, settings.now[part], settings.after[part], system, settings.unit(part))
        for part in (Part.CARB_RATIO, Part.ISF)
    }
    begun = (
        {row.start for made in others.values() for row in joined_rows(made.spans)} if system.shared_blocks else set()
    )
    return {**others, Part.BASAL: basal_screen(settings.now[Part.BASAL], settings.after[Part.BASAL], system, begun)}


def _rows(made: Mapping[Part, SettingEntered], system: EntrySystem) -> dict[Part, tuple[SheetRow, ...]]:
    """The rows of each part; where all share the blocks, all at the same times."""
    rows = {part: joined_rows(entered.spans) for part, entered in made.items()}
    if system.shared_blocks:
        starts = {row.start for part in rows.values() for row in part}
        return {part: joined_rows(entered.spans, starts) for part, entered in made.items()}
    if system.every_hour:
        rows[Part.BASAL] = joined_rows(
            made[Part.BASAL].spans, range(0, MINUTES_PER_DAY, MINUTES_PER_DAY // HOURS_PER_DAY)
        )
    return rows


def _screen(screen: Screen, settings: SettingsToEnter, rows: Mapping[Part, tuple[SheetRow, ...]]) -> SheetScreen:
    if screen.part is None:
        return SheetScreen(screen)
    return SheetScreen(screen, settings.unit(screen.part), rows[screen.part])


def _duration(settings: SettingsToEnter, system: EntrySystem) -> list[SheetNote]:
    """Where the duration of insulin action under which all was tuned is none that it takes."""
    dia_h, takes = settings.dia_h, system.dia_h
    if dia_h is None or takes is None or takes.has(dia_h):
        return []
    said = translatable(
        "It takes a duration of insulin action of {least:g} to {greatest:g} h on steps of {step:g} h; these numbers "
        "were tuned under {duration:g} h.",
        least=takes.least,
        greatest=takes.greatest,
        step=takes.step_at(takes.least),
        duration=dia_h,
    )
    return [SheetNote("duration", said)]
