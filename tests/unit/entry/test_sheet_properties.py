"""What holds of every sheet, for every app and pump, whatever the settings are."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.entry.basal import stretches
from flows.entry.pumps import PUMPS
from flows.entry.rows import SheetMark
from flows.entry.screens import MOST_MISSED_SHARE
from flows.entry.sheet import EntrySheet, SettingsToEnter, entry_sheet
from flows.entry.system import APPS, EntrySystem, entry_system
from flows.proposal.document import Units
from flows.settings import AgeGroup
from flows.values.parts import Part
from flows.values.schedule import Block, Schedule
from tests.unit.entry.cases import each_minute

EACH = [*((pump, None) for pump in PUMPS), *((app, pump) for app in APPS for pump in (None, *PUMPS))]
TINY = 1e-6


@st.composite
def schedules(draw: st.DrawFn, values: st.SearchStrategy[float], most: int, grid: int) -> Schedule:
    starts = draw(st.sets(st.integers(1, 1440 // grid - 1), max_size=most - 1))
    edges = [0, *(grid * start for start in sorted(starts))]
    return Schedule(tuple(Block(start, draw(values)) for start in edges))


@st.composite
def stepped(draw: st.DrawFn, now: Schedule, percent: int, step: float) -> Schedule:
    """Some values moved by so much at most, on a step; the others as they are."""
    found = []
    for block in now.blocks:
        moved = block.value * (1 + draw(st.integers(-percent, percent)) / 100)
        value = max(step, round(round(moved / step) * step, 4))
        found.append(Block(block.minutes, value if draw(st.booleans()) else block.value))
    return Schedule(tuple(found))


@st.composite
def people(draw: st.DrawFn) -> tuple[SettingsToEnter, EntrySystem]:
    units = draw(st.sampled_from(Units))
    size = draw(st.sampled_from([0.1, 0.5, 1.0, 3.0, 12.0]))
    step = draw(st.sampled_from([0.001, 0.01, 0.025, 0.05, 0.1]))
    grid = draw(st.sampled_from([60, 60, 60, 30, 10]))
    rates = st.integers(max(1, round(size * 0.5 / step)), round(size * 1.5 / step)).map(lambda n: round(n * step, 4))
    basal = draw(schedules(rates, draw(st.sampled_from([1, 6, 24])), grid))
    ratio = draw(schedules(st.integers(4, 600).map(lambda n: n / 10), 9, grid))
    mmol = units is Units.MMOL_PER_L
    sensitivities = st.integers(5, 300).map(lambda n: n / 10) if mmol else st.integers(8, 540).map(float)
    (name, pump), group = draw(st.sampled_from(EACH)), draw(st.sampled_from(AgeGroup))
    isf = draw(schedules(sensitivities, 9, grid))
    return (
        SettingsToEnter(
            units,
            now={Part.BASAL: basal, Part.CARB_RATIO: ratio, Part.ISF: isf},
            after={
                Part.BASAL: draw(stepped(basal, 14, step)),
                Part.CARB_RATIO: draw(stepped(ratio, 7, 0.1)),
                Part.ISF: draw(stepped(isf, 10, 0.1 if mmol else 1.0)),
            },
            dia_h=6.0,
        ),
        entry_system(name, units, group, pump),
    )


def rows_of(sheet: EntrySheet, part: Part) -> list[tuple[int, int, float]]:
    screen = next(screen for screen in sheet.screens if screen.screen.part is part)
    return [(row.start, row.end, row.value) for row in screen.rows]


@settings(max_examples=70)
@given(people())
def test_a_sheet_has_only_what_the_system_takes_and_never_more_insulin_than_half_a_step(
    person: tuple[SettingsToEnter, EntrySystem],
) -> None:
    wanted, system = person
    sheet = entry_sheet(wanted, system)
    assert bool(sheet.refusals) is not bool(sheet.screens)
    if sheet.refusals:
        return
    numbers = {Part.BASAL: system.basal, Part.CARB_RATIO: system.carb_ratio, Part.ISF: system.isf}
    grids = dict.fromkeys(Part, system.block_minutes) | {Part.BASAL: system.basal_block_minutes}
    most = dict.fromkeys(Part, system.most_blocks) | {Part.BASAL: system.most_basal_blocks}
    starts = set()
    for part, takes in numbers.items():
        if not (rows := rows_of(sheet, part)):
            assert not wanted.changes(part)
            continue
        day = each_minute(rows)
        assert not [row for row in rows if row[0] % grids[part]]
        assert len(rows) <= most[part] or (part is Part.BASAL and system.every_hour)
        starts |= {row[0] for row in rows}
        if takes is None:
            continue
        assert [value for _, _, value in rows if not takes.has(value)] == []
        if part is Part.BASAL:
            for one in stretches(wanted.now[part], wanted.after[part], system.basal_block_minutes):
                half = takes.step_at(one.wanted) / 2
                assert max(day[one.start : one.start + one.minutes]) <= one.wanted + half + TINY
        else:
            for block in wanted.after[part].blocks:
                assert day[block.minutes] >= block.value - takes.step_at(block.value) / 2 - TINY
    assert not system.shared_blocks or len(starts) <= system.most_basal_blocks


@settings(max_examples=45)
@given(people())
def test_the_day_is_kept_as_near_as_the_steps_allow_and_the_difference_is_said(
    person: tuple[SettingsToEnter, EntrySystem],
) -> None:
    wanted, system = person
    sheet = entry_sheet(wanted, system)
    if sheet.daily_basal_u is None:
        return
    missed = sheet.daily_basal_u - sheet.daily_basal_wanted_u
    codes = {note.code for note in sheet.notes}
    assert abs(missed) <= MOST_MISSED_SHARE * sheet.daily_basal_wanted_u + TINY
    assert abs(missed) < 0.0051 or "basal_total" in codes
    rows = rows_of(sheet, Part.BASAL)
    day = each_minute(rows)
    pieces = stretches(wanted.now[Part.BASAL], wanted.after[Part.BASAL], system.basal_block_minutes)
    most = max(system.basal.step_at(one.wanted) * one.hours for one in pieces)
    assert missed <= most / 2 + TINY
    if "basal_blocks_joined" in codes:
        assert all(
            min(day[p.start : p.start + p.minutes]) >= 0.86 * p.wanted - system.basal.step_at(p.wanted) for p in pieces
        )
    if missed < 0 and "basal_blocks_joined" not in codes:
        # No stretch could be raised for it: it would be too much for its hours, or for the day.
        for piece in pieces:
            higher = system.basal.up(day[piece.start] + 0.0006)
            if higher is None or len(set(day[piece.start : piece.start + piece.minutes])) > 1:
                continue
            too_much = higher > piece.wanted + system.basal.step_at(piece.wanted) / 2 + TINY
            assert too_much or (higher - day[piece.start]) * piece.hours >= -2 * missed - TINY


@settings(max_examples=25)
@given(people())
def test_what_is_there_already_is_not_typed_again(person: tuple[SettingsToEnter, EntrySystem]) -> None:
    wanted, system = person
    same = SettingsToEnter(wanted.units, wanted.now, wanted.now, wanted.dia_h)
    sheet = entry_sheet(same, system)
    assert not sheet.refusals
    for screen in sheet.screens:
        for row in screen.rows:
            assert row.mark is not SheetMark.CHANGED
            there = all(math.isclose(now, row.value, abs_tol=5e-4) for now in row.now)
            assert there is (row.mark is SheetMark.AS_NOW)
