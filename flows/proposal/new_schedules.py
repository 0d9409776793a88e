"""The new schedules of a profile from a proposal, each held against the source it was computed from.

Times are minutes after local midnight; numbers are in the profile's own units.
"""

from __future__ import annotations

import math

from flows.errors import Reason, Refused
from flows.profiles.blocks import clock_text
from flows.profiles.schedule import Schedule
from flows.proposal.document import Proposal, Units

# Against a proposal whose numbers are not those of its source: further than any rounding of upstream's or ours.
SAME_RELATIVE, SAME_ABSOLUTE = 0.005, 0.006


def new_basal(proposal: Proposal, old: Schedule) -> dict[int, float]:
    """The rates by when each begins; an hour that stays keeps whatever blocks it has within it.

    Raises:
        Refused: `PROPOSAL_OTHER_SOURCE`.
    """
    for hour, (written, said) in enumerate(zip(old.hourly(), proposal.current.basal_u_per_h, strict=True)):
        _same(written, said, f"current basal of {hour:02d}:00")
    found: dict[int, float] = {}
    for hour, new in enumerate(proposal.for_pump.basal_u_per_h):
        if hour in hours_that_stay(proposal, old):  # with whatever blocks it has within it
            start, end = hour * 60, hour * 60 + 60
            found[start] = old.at(start)
            found |= {b.minutes: b.value for b in old.blocks if start < b.minutes < end}
        else:
            found[hour * 60] = new
    pairs = list(found.items())
    return {m: value for n, (m, value) in enumerate(pairs) if n == 0 or value != pairs[n - 1][1]}


def hours_that_stay(proposal: Proposal, old: Schedule) -> set[int]:
    """The hours whose rate is the one to enter already."""
    pairs = zip(old.hourly(), proposal.for_pump.basal_u_per_h, strict=True)
    return {hour for hour, (now, new) in enumerate(pairs) if math.isclose(now, new, abs_tol=1e-9)}


def new_isf(proposal: Proposal, old: Schedule) -> dict[int, float]:
    """The sensitivities by when each begins.

    Raises:
        Refused: `PROPOSAL_OTHER_SOURCE`.
    """
    mmol = proposal.units is Units.MMOL_PER_L
    blocks = [
        (b.start, *((b.current_mmoll_per_u, b.recommended_mmoll_per_u) if mmol else
                    (b.current_mgdl_per_u, b.recommended_mgdl_per_u)))
        for b in proposal.for_pump.isf
    ]  # fmt: skip
    return _by_block(blocks, old, "insulin sensitivity")


def new_carb_ratio(proposal: Proposal, old: Schedule) -> dict[int, float]:
    """The carb ratios by when each begins.

    Raises:
        Refused: `PROPOSAL_OTHER_SOURCE`.
    """
    blocks = [(b.start, b.current_g_per_u, b.recommended_g_per_u) for b in proposal.for_pump.carb_ratio]
    return _by_block(blocks, old, "carb ratio")


def _by_block(blocks: list[tuple[str, float, float]], old: Schedule, what: str) -> dict[int, float]:
    new = {int(start[:2]) * 60 + int(start[3:]): (current, recommended) for start, current, recommended in blocks}
    if set(new) != {b.minutes for b in old.blocks} or len(new) != len(blocks):
        raise Refused(Reason.PROPOSAL_OTHER_SOURCE, what=f"times of the {what}")
    for block in old.blocks:
        _same(block.value, new[block.minutes][0], f"current {what} of {clock_text(block.minutes)}")
    return {minutes: new[minutes][1] for minutes in sorted(new)}


def _same(written: float, said: float, what: str) -> None:
    if not math.isclose(written, said, rel_tol=SAME_RELATIVE, abs_tol=SAME_ABSOLUTE):
        raise Refused(Reason.PROPOSAL_OTHER_SOURCE, what=what)
