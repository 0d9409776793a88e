"""One setting on one system: its numbers over the day, or why they cannot be entered. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from flows.entry.basal import (
    NotEnterable,
    Stretch,
    by_block,
    in_fewer_blocks,
    joined,
    on_device_steps,
    stretches,
    total,
)
from flows.entry.rows import NAMES, SAME, SettingEntered, SheetMark, SheetNote, Span, joined_rows, times
from flows.entry.steps import Enterable
from flows.entry.system import EntrySystem
from flows.language.translatable import translatable
from flows.proposal.rounding import EXACT
from flows.values.parts import Part
from flows.values.schedule import Schedule
from flows.values.units import HOURS_PER_DAY, MINUTES_PER_DAY

# Of the day's basal: from this difference on a stretch of one rate is entered as two rates in turn.
CLOSE_SHARE = 0.01
# Nothing is entered that misses the day by more: it would be a step of its own (`basal_step` of the step's limits).
MOST_MISSED_SHARE = 0.03
SHOWN_U = 0.005  # of a day: what two decimals show
HOUR_MINUTES = 60


def basal_screen(
    now: Schedule, wanted: Schedule, system: EntrySystem, fixed: Collection[int] = frozenset()
) -> SettingEntered:
    """The rates in the system's blocks.

    Args:
        now, wanted: U/h.
        system: whose.
        fixed: where other settings begin blocks that basal shares.
    """
    day = stretches(now, wanted, system.basal_block_minutes)
    if system.every_hour:
        day = by_block(day, HOUR_MINUTES)
    try:
        entered = _close(day, system)
    except NotEnterable as error:
        return SettingEntered(problems=(_no_rate(error.start, day, system),))
    fixed = {0, *fixed}
    needed = _blocks(entered, fixed)
    # What has a field for each hour has no blocks to run out of.
    kept = entered if system.every_hour else in_fewer_blocks(entered, system.most_basal_blocks, fixed)
    if not system.every_hour and _blocks(kept, fixed) > system.most_basal_blocks:
        return SettingEntered(problems=(_too_many(needed, system.most_basal_blocks, Part.BASAL),))
    whole = math.fsum(one.wanted * one.hours for one in day)
    missed = total(kept) - whole
    if abs(missed) > MOST_MISSED_SHARE * whole + EXACT:
        why = (
            _too_many(needed, system.most_basal_blocks, Part.BASAL)
            if kept != entered
            else _missed(missed, whole, system)
        )
        return SettingEntered(problems=(why,))
    notes = [*_within(now, wanted, system.basal_block_minutes), *_off_step(day, system)]
    if kept != entered:
        said = translatable(
            "The basal needs {needed} blocks and there are {most}: some neighbouring hours get the lower one of their "
            "two rates.",
            needed=needed,
            most=system.most_basal_blocks,
        )
        notes.append(SheetNote("basal_blocks_joined", said))
    if abs(missed) >= SHOWN_U:
        notes.append(SheetNote("basal_total", _other_day(missed, whole)))
    spans = tuple(
        Span(
            one.start, one.start + one.minutes, one.now, one.wanted, one.entered, moved=abs(one.wanted - one.now) > SAME
        )
        for one in kept
    )
    return SettingEntered(spans, notes=tuple(notes))


def _close(day: Sequence[Stretch], system: EntrySystem) -> list[Stretch]:
    """On the device's steps: in few rows where they keep the day, else each block by itself."""
    found = on_device_steps(day, system.basal)
    whole = math.fsum(one.wanted * one.hours for one in day)
    for minutes in (HOUR_MINUTES, HOUR_MINUTES // 2):
        if abs(total(found) - whole) <= CLOSE_SHARE * whole + EXACT:
            break
        if minutes % system.basal_block_minutes == 0 and not any(s.start % minutes or s.minutes % minutes for s in day):
            more = on_device_steps(by_block(day, minutes), system.basal)
            found = min((found, more), key=lambda each: round(abs(total(each) - whole), 6))
    return found


def _blocks(day: Sequence[Stretch], fixed: Collection[int]) -> int:
    """How many blocks a day takes beside those that other settings begin."""
    return len({group[0].start for group in joined(day)} | set(fixed))


def block_screen(part: Part, now: Schedule, wanted: Schedule, system: EntrySystem, unit: str) -> SettingEntered:
    """Carb ratios or ISF, each on the system's step: a lower one is never beyond what is wanted.

    Args:
        part: which.
        now, wanted: in the person's unit, their blocks at the same times.
        system: whose.
        unit: of the numbers.
    """
    numbers = system.carb_ratio if part is Part.CARB_RATIO else system.isf
    edges = [*(block.minutes for block in wanted.blocks), MINUTES_PER_DAY]
    spans = tuple(_span(start, end, now.at(start), wanted.at(start), numbers) for start, end in pairwise(edges))
    if problems := tuple(_problems(part, spans, system, numbers, unit)):
        return SettingEntered(problems=problems)
    notes = []
    if off := [span.start for span in spans if span.mark is SheetMark.ROUNDED]:
        notes.append(_off_step_note(part, off))
    if stays := [span.start for span in spans if span.wants_change and not span.moved]:
        said = translatable(
            "The change of the {what} from {times} on is less than one of its steps: it stays as it is.",
            what=NAMES[part],
            times=times(stays),
        )
        notes.append(SheetNote(f"{part}_less_than_step", said))
    return SettingEntered(spans, notes=tuple(notes))


def _problems(
    part: Part, spans: Sequence[Span], system: EntrySystem, numbers: Enterable | None, unit: str
) -> Iterable[SheetNote]:
    """Why they cannot be entered."""
    what = NAMES[part]
    if numbers is not None and (beyond := [c.start for c in spans if not _in_range(c.wanted, numbers)]):
        said = translatable(
            "It takes {what} from {least:g} to {greatest:g} {unit}: the one of {times} cannot be entered.",
            what=what,
            least=numbers.least,
            greatest=numbers.greatest,
            unit=unit,
            times=times(beyond),
        )
        yield SheetNote(f"{part}_range", said)
    if off := [b.start for a, b in pairwise(spans) if b.start % system.block_minutes and b.value != a.value]:
        named = {"what": what, "times": times(off)}
        said = (
            translatable("Its blocks begin on the hour: the {what} of {times} cannot be entered.", **named)
            if system.block_minutes == HOUR_MINUTES
            else translatable("Its blocks begin on the half hour: the {what} of {times} cannot be entered.", **named)
        )
        yield SheetNote(f"{part}_times", said)
    if (needed := len(joined_rows(spans))) > system.most_blocks:
        yield _too_many(needed, system.most_blocks, part)


def _span(start: int, end: int, now: float, wanted: float, numbers: Enterable | None) -> Span:
    """The number to enter, from the one nearest to what is in use towards what is wanted, and not beyond it.

    Where that would be more insulin than wanted by more than half a step, the next higher one.
    """
    if numbers is None:
        return Span(start, end, now, wanted, round(wanted, 3), moved=abs(wanted - now) > SAME)
    here, low, high = numbers.nearest(now), numbers.down(wanted), numbers.up(wanted)
    if abs(wanted - now) <= SAME or low is None or high is None:
        return Span(start, end, now, wanted, here, moved=False)
    found = min(here, high) if wanted < here else max(here, low)
    if found < wanted - numbers.step_at(wanted) / 2 - EXACT:
        found = high
    return Span(start, end, now, wanted, found, moved=found != here)


def _in_range(value: float, numbers: Enterable) -> bool:
    return numbers.least - EXACT <= value <= numbers.greatest + EXACT


def _no_rate(start: int, day: Sequence[Stretch], system: EntrySystem) -> SheetNote:
    wanted = next(one.wanted for one in day if one.start <= start < one.start + one.minutes)
    if _in_range(wanted, system.basal):
        said = translatable("It has no rate near enough to the one of {times}.", times=times([start]))
        return SheetNote("basal_step", said)
    least, greatest = system.basal.least, system.basal.greatest
    said = translatable(
        "It takes basal from {least:g} to {greatest:g} U/h: the rate of {times} cannot be entered.",
        least=least,
        greatest=greatest,
        times=times([start]),
    )
    return SheetNote("basal_range", said)


def _missed(missed: float, whole: float, system: EntrySystem) -> SheetNote:
    # As it is typed, whatever the decimal mark of the language.
    facts = {"percent": 100 * abs(missed) / whole, "step": f"{system.basal.step_at(whole / HOURS_PER_DAY):g}"}
    said = (
        translatable(
            "On its steps the day would have {percent:.1f}% less basal than wanted: compute again with --basal-step "
            "{step}, so that the step is made for it.",
            **facts,
        )
        if missed < 0
        else translatable(
            "On its steps the day would have {percent:.1f}% more basal than wanted: compute again with --basal-step "
            "{step}, so that the step is made for it.",
            **facts,
        )
    )
    return SheetNote("basal_day", said)


def _other_day(missed: float, whole: float) -> str:
    """That the day's basal is another one, by so many units."""
    facts = {"units": abs(missed), "percent": 100 * abs(missed) / whole}
    if missed < 0:
        return translatable("On its steps the day has {units:.2f} U ({percent:.1f}%) less basal than wanted.", **facts)
    return translatable("On its steps the day has {units:.2f} U ({percent:.1f}%) more basal than wanted.", **facts)


def _within(now: Schedule, wanted: Schedule, minutes: int) -> list[SheetNote]:
    """Where rates change within one of the system's blocks."""
    found = {
        block.minutes // minutes * minutes
        for schedule in (now, wanted)
        for before, block in pairwise(schedule.blocks)
        if block.minutes % minutes and block.value != before.value
    }
    if not found:
        return []
    named = times(found)
    said = (
        translatable("Its blocks begin on the hour: the rates within the one of {times} become one.", times=named)
        if minutes == HOUR_MINUTES
        else translatable(
            "Its blocks begin on the half hour: the rates within the one of {times} become one.", times=named
        )
    )
    return [SheetNote("basal_times", said)]


def _off_step(day: Sequence[Stretch], system: EntrySystem) -> list[SheetNote]:
    off = [one.start for one in day if abs(one.wanted - one.now) <= SAME and not system.basal.has(one.now)]
    return [_off_step_note(Part.BASAL, off)] if off else []


def _off_step_note(part: Part, starts: Iterable[int]) -> SheetNote:
    """That the profile has numbers which the system does not have."""
    said = translatable(
        "The {what} in the profile from {times} on is no number that it offers: look what it shows there now. The "
        "sheet has the nearest one.",
        what=NAMES[part],
        times=times(starts),
    )
    return SheetNote(f"{part}_off_step", said)


def _too_many(needed: int, most: int, part: Part) -> SheetNote:
    """That a setting has more blocks than there are."""
    said = translatable(
        "The {what} needs {needed} blocks and there are {most}, too few to keep it near enough.",
        what=NAMES[part],
        needed=needed,
        most=most,
    )
    return SheetNote(f"{part}_blocks", said)
