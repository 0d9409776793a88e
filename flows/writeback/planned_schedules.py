"""The schedules that a plan writes: minutes after local midnight, numbers in the profile's own units.

What stays keeps whatever it is in the source, to the last digit and within the hour. Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.profiles.schedule_blocks import clock_text, entry_minutes
from flows.proposal.document import CarbRatioBlock, ForPump, IsfBlock
from flows.proposal.rounding import EXACT
from flows.values.schedule import Schedule
from flows.values.units import HOURS_PER_DAY

# Against a proposal whose numbers are not those of its source: further than any rounding of upstream's or ours.
SAME_RELATIVE, SAME_ABSOLUTE = 0.005, 0.006


@dataclass(frozen=True)
class Wanted:
    """The numbers to write.

    Attributes:
        pump: every number as it is entered.
        now_u_per_h: the basal in use, as the proposal has it.
        hours: those whose basal may change.
    """

    pump: ForPump
    now_u_per_h: Sequence[float]
    hours: Collection[int] = range(HOURS_PER_DAY)


def new_basal(wanted: Wanted, old: Schedule, *, only_less: bool = False) -> dict[int, float]:
    """The rates by when each begins; an hour that stays keeps whatever blocks it has within it.

    Args:
        wanted: the rates.
        old: the source's.
        only_less: an hour in which any rate would rise stays.

    Raises:
        Refused: `PROPOSAL_OTHER_SOURCE`.
    """
    for hour, (written, said) in enumerate(zip(old.hourly(), wanted.now_u_per_h, strict=True)):
        _same(written, said, f"current basal of {hour:02d}:00")
    found: dict[int, float] = {}
    unchanged = unchanged_hours(wanted, old, only_less=only_less)
    for hour, new in enumerate(wanted.pump.basal_u_per_h):
        if hour in unchanged:  # with whatever blocks it has within it
            found |= _within(old, hour)
        else:
            found[hour * 60] = new
    pairs = list(found.items())
    return {m: value for n, (m, value) in enumerate(pairs) if n == 0 or value != pairs[n - 1][1]}


def unchanged_hours(wanted: Wanted, old: Schedule, *, only_less: bool = False) -> set[int]:
    """The hours whose rate stays: it is the one to enter already, or is not to change.

    With `only_less` those too in which any rate would rise.
    """
    rates = zip(old.hourly(), wanted.now_u_per_h, wanted.pump.basal_u_per_h, strict=True)
    return {
        hour
        for hour, (written, now, new) in enumerate(rates)
        if hour not in wanted.hours
        or any(math.isclose(one, new, abs_tol=EXACT) for one in (written, now))
        or (only_less and new > _least(old, hour) + EXACT)
    }


def _least(old: Schedule, hour: int) -> float:
    return min(_within(old, hour).values())


def _within(old: Schedule, hour: int) -> dict[int, float]:
    """An hour's rates by when each begins in it, the first at its beginning."""
    start = hour * 60
    return {start: old.at(start)} | {b.minutes: b.value for b in old.blocks if start < b.minutes < start + 60}


def new_by_block(
    blocks: Sequence[IsfBlock | CarbRatioBlock], unit: str, old: Schedule, what: str, *, only_less: bool = False
) -> dict[int, float]:
    """The sensitivities or carb ratios by when each begins; with `only_less` one that would fall stays.

    Raises:
        Refused: `PROPOSAL_OTHER_SOURCE`.
    """
    new = {int(block.start[:2]) * 60 + int(block.start[3:]): block.model_dump() for block in blocks}
    if set(new) != {b.minutes for b in old.blocks} or len(new) != len(blocks):
        raise Refused(Reason.PROPOSAL_OTHER_SOURCE, what=f"times of the {what}")
    found = {}
    for block in old.blocks:
        now, then = (new[block.minutes][f"{which}_{unit}"] for which in ("current", "recommended"))
        _same(block.value, now, f"current {what} of {clock_text(block.minutes)}")
        # What the proposal leaves as it is stays to the last digit. A higher one of either is less insulin.
        stays = math.isclose(now, then, abs_tol=EXACT) or (only_less and then < block.value)
        found[block.minutes] = block.value if stays else then
    return found


def _same(written: float, said: float, what: str) -> None:
    if not math.isclose(written, said, rel_tol=SAME_RELATIVE, abs_tol=SAME_ABSOLUTE):
        raise Refused(Reason.PROPOSAL_OTHER_SOURCE, what=what)


def as_entries(written: Any, new: dict[int, float]) -> list[Record]:
    """The schedule as entries; those of the source keep their own fields where they are at the same times."""
    usable = written if isinstance(written, list) and all(isinstance(e, dict) for e in written) else []
    own = {entry_minutes(entry, "", place, []): entry for place, entry in enumerate(usable, 1)}
    keep = len(own) == len(new) and set(own) == set(new)
    entries = []
    for minutes, value in sorted(new.items()):
        entry: Record = dict(own[minutes]) if keep else {"timeAsSeconds": None}
        if "timeAsSeconds" in entry and str(entry["timeAsSeconds"]) != str(minutes * 60):
            entry["timeAsSeconds"] = minutes * 60  # also of an entry whose two times contradict each other
        entries.append({**entry, "time": clock_text(minutes), "value": value})
    return entries
