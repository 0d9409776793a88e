"""The new schedules of a profile from a proposal, each held against the source it was computed from.

Times are minutes after local midnight; numbers are in the profile's own units.
"""

from __future__ import annotations

import math

from flows.errors import Reason, Refused
from flows.profiles.schedule_blocks import clock_text
from flows.proposal.document import Proposal, Units
from flows.proposal.rounding import EXACT
from flows.values.schedule import Schedule

# Against a proposal whose numbers are not those of its source: further than any rounding of upstream's or ours.
SAME_RELATIVE, SAME_ABSOLUTE = 0.005, 0.006


def new_basal(proposal: Proposal, old: Schedule, *, only_less: bool = False) -> dict[int, float]:
    """The rates by when each begins; an hour that stays keeps whatever blocks it has within it.

    Args:
        proposal: whose rates are written.
        old: the source's rates.
        only_less: an hour in which any rate would rise stays.

    Raises:
        Refused: `PROPOSAL_OTHER_SOURCE`.
    """
    for hour, (written, said) in enumerate(zip(old.hourly(), proposal.current.basal_u_per_h, strict=True)):
        _same(written, said, f"current basal of {hour:02d}:00")
    found: dict[int, float] = {}
    staying = hours_that_stay(proposal, old, only_less=only_less)
    for hour, new in enumerate(proposal.for_pump.basal_u_per_h):
        if hour in staying:  # with whatever blocks it has within it
            start, end = hour * 60, hour * 60 + 60
            found[start] = old.at(start)
            found |= {b.minutes: b.value for b in old.blocks if start < b.minutes < end}
        else:
            found[hour * 60] = new
    pairs = list(found.items())
    return {m: value for n, (m, value) in enumerate(pairs) if n == 0 or value != pairs[n - 1][1]}


def hours_that_stay(proposal: Proposal, old: Schedule, *, only_less: bool = False) -> set[int]:
    """The hours whose rate is the one to enter already, and with `only_less` those in which any rate would rise."""
    pairs = zip(old.hourly(), proposal.for_pump.basal_u_per_h, strict=True)
    return {
        hour
        for hour, (now, new) in enumerate(pairs)
        if math.isclose(now, new, abs_tol=EXACT) or (only_less and new > _least(old, hour) + EXACT)
    }


def _least(old: Schedule, hour: int) -> float:
    start, end = hour * 60, hour * 60 + 60
    return min([old.at(start), *(b.value for b in old.blocks if start < b.minutes < end)])


def new_isf(proposal: Proposal, old: Schedule, *, only_less: bool = False) -> dict[int, float]:
    """The sensitivities by when each begins; with `only_less` one that would fall stays.

    Raises:
        Refused: `PROPOSAL_OTHER_SOURCE`.
    """
    mmol = proposal.units is Units.MMOL_PER_L
    blocks = [
        (b.start, *((b.current_mmoll_per_u, b.recommended_mmoll_per_u) if mmol else
                    (b.current_mgdl_per_u, b.recommended_mgdl_per_u)))
        for b in proposal.for_pump.isf
    ]  # fmt: skip
    return _by_block(blocks, old, "insulin sensitivity", only_less)


def new_carb_ratio(proposal: Proposal, old: Schedule, *, only_less: bool = False) -> dict[int, float]:
    """The carb ratios by when each begins; with `only_less` one that would fall stays.

    Raises:
        Refused: `PROPOSAL_OTHER_SOURCE`.
    """
    blocks = [(b.start, b.current_g_per_u, b.recommended_g_per_u) for b in proposal.for_pump.carb_ratio]
    return _by_block(blocks, old, "carb ratio", only_less)


def _by_block(blocks: list[tuple[str, float, float]], old: Schedule, what: str, only_less: bool) -> dict[int, float]:
    new = {int(start[:2]) * 60 + int(start[3:]): (current, recommended) for start, current, recommended in blocks}
    if set(new) != {b.minutes for b in old.blocks} or len(new) != len(blocks):
        raise Refused(Reason.PROPOSAL_OTHER_SOURCE, what=f"times of the {what}")
    for block in old.blocks:
        _same(block.value, new[block.minutes][0], f"current {what} of {clock_text(block.minutes)}")
    # A higher sensitivity or carb ratio is less insulin.
    return {b.minutes: max(new[b.minutes][1], b.value) if only_less else new[b.minutes][1] for b in old.blocks}


def _same(written: float, said: float, what: str) -> None:
    if not math.isclose(written, said, rel_tol=SAME_RELATIVE, abs_tol=SAME_ABSOLUTE):
        raise Refused(Reason.PROPOSAL_OTHER_SOURCE, what=what)
