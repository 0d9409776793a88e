"""What one person's app and pump take together: the table's rows made into the numbers that both have."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flows.entry.apps import APPS, WITHOUT_PUMP, WRITE_FIRST, App, Screen
from flows.entry.pumps import PUMPS, Pump
from flows.entry.steps import Enterable, Steps
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.proposal.aaps_limits import AAPS_LIMITS
from flows.proposal.document import Units
from flows.settings import AgeGroup
from flows.values.parts import Part

# Pumps ask in orders of their own; of no pump it is known here.
PUMP_SCREENS = (
    Screen(to_translate("Basal"), Part.BASAL),
    Screen(to_translate("Carb ratio"), Part.CARB_RATIO),
    Screen("ISF", Part.ISF),
)
NAME_PUMP = to_translate(
    "Its pump is not named: name it with --pump, since its steps and its least rate decide what can be entered."
)
NO_CALCULATOR = to_translate(
    "Which carb ratios and ISF its bolus calculator takes is not known here: look whether it offers these very numbers."
)
SYSTEMS = (*APPS, *PUMPS)


@dataclass(frozen=True)
class EntrySystem:
    """What can be entered; numbers of ISF in the person's unit.

    Attributes:
        name: of the app with its pump, or of the pump.
        screens: in its order.
        basal: the rates.
        basal_block_minutes, most_basal_blocks: its blocks of basal.
        carb_ratio, isf: the numbers; `None` where they are not known.
        block_minutes, most_blocks: of carb ratio and ISF.
        dia_h: the durations of insulin action; `None` where none is entered, or they are not known.
        every_hour: a rate is entered for each hour, and no blocks.
        shared_blocks: all settings share the blocks of basal.
        remarks: to be known before anything is typed.
        sources: of all this.
    """

    name: str
    screens: tuple[Screen, ...]
    basal: Enterable
    basal_block_minutes: int
    most_basal_blocks: int
    carb_ratio: Enterable | None
    isf: Enterable | None
    block_minutes: int
    most_blocks: int
    dia_h: Enterable | None
    every_hour: bool
    shared_blocks: bool
    remarks: tuple[str, ...]
    sources: tuple[str, ...]


def entry_system(name: str, units: Units, group: AgeGroup, pump: str | None = None) -> EntrySystem:
    """The system of that name.

    Args:
        name: of `SYSTEMS`.
        units: the person's.
        group: whose limits AAPS enforces.
        pump: that an app drives, of `PUMPS`; its range of basal is not known without.
    """
    if name in PUMPS:
        return _of_pump(PUMPS[name], units)
    return _of_app(
        _for_group(APPS[name], group) if name == "aaps" else APPS[name], units, PUMPS[pump] if pump else None
    )


def _of_pump(pump: Pump, units: Units) -> EntrySystem:
    own = pump.calculator
    mmol = units is Units.MMOL_PER_L
    return EntrySystem(
        name=pump.name,
        screens=PUMP_SCREENS,
        basal=pump.basal.enterable,
        basal_block_minutes=pump.block_minutes,
        most_basal_blocks=pump.most_blocks,
        carb_ratio=own.carb_ratio_g_per_u.enterable if own else None,
        isf=(own.isf_mmoll_per_u if mmol else own.isf_mgdl_per_u).enterable if own else None,
        block_minutes=own.block_minutes if own else pump.block_minutes,
        most_blocks=own.most_blocks if own else pump.most_blocks,
        dia_h=None,
        every_hour=pump.every_hour,
        shared_blocks=pump.shared_blocks,
        remarks=(*pump.remarks, *(() if own else (NO_CALCULATOR,)), WRITE_FIRST),
        sources=(pump.source, *((own.source,) if own else ())),
    )


def _of_app(app: App, units: Units, pump: Pump | None) -> EntrySystem:
    rates = [steps.enterable for steps in (app.basal, pump.basal if pump else None) if steps is not None]
    if pump and app.is_loop_kit and pump.greatest_in_loop_kit is not None:
        rates.append(replace(pump.basal, greatest=pump.greatest_in_loop_kit).enterable)
    basal = rates[0] if rates else WITHOUT_PUMP.enterable
    for other in rates[1:]:
        basal = basal.shared_with(other)
    mmol = units is Units.MMOL_PER_L
    return EntrySystem(
        name=translatable("{app} with {pump}", app=app.name, pump=pump.name) if pump else app.name,
        screens=app.screens,
        basal=basal,
        basal_block_minutes=max(app.block_minutes, pump.block_minutes if pump else 1),
        most_basal_blocks=min(app.most_blocks, pump.most_blocks if pump else app.most_blocks),
        carb_ratio=app.carb_ratio_g_per_u.enterable,
        isf=(app.isf_mmoll_per_u if mmol else app.isf_mgdl_per_u).enterable,
        block_minutes=app.block_minutes,
        most_blocks=app.most_blocks,
        dia_h=app.dia_h.enterable if app.dia_h else None,
        every_hour=False,
        shared_blocks=False,
        remarks=(*app.remarks, *(pump.app_remarks if pump else (NAME_PUMP,)), WRITE_FIRST),
        sources=(app.source, *((pump.source,) if pump else ())),
    )


def _for_group(aaps: App, group: AgeGroup) -> App:
    """AAPS with the limits of an age group, which are kept in one place."""
    limits = AAPS_LIMITS[group]
    assert aaps.basal is not None

    def within(steps: Steps, least: float, greatest: float) -> Steps:
        return replace(steps, least=max(least, steps.least), greatest=min(greatest, steps.greatest))

    return replace(
        aaps,
        basal=within(aaps.basal, limits.lowest_basal_u_per_h, limits.highest_basal_u_per_h),
        carb_ratio_g_per_u=within(aaps.carb_ratio_g_per_u, *limits.carb_ratio_g_per_u),
        dia_h=within(aaps.dia_h, *limits.dia_h) if aaps.dia_h else None,
    )
