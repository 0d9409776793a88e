"""Which settings a profile has several of: upstream is given one ISF and one carb ratio, so none of several is trusted.

The one that upstream is given is the mean over the day. It makes a right schedule look wrong, since the hours in which
nobody eats count as much as those of the meals. Until upstream is given a number that stands for the schedule, such
settings are red and are not written.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.proposal.document import ForPump
from flows.proposal.rounding import UNMOVED
from flows.values.parts import Part

NAMES = {Part.ISF: "insulin sensitivities", Part.CARB_RATIO: "carb ratios"}


def several(pump: ForPump) -> tuple[Part, ...]:
    """The parts of which the profile that was tuned has blocks with different values; its own values count.

    Several entries that could not be read count as different.
    """
    values = {
        Part.ISF: [b.current_mgdl_per_u for b in pump.isf],
        Part.CARB_RATIO: [b.current_g_per_u for b in pump.carb_ratio],
    }
    return tuple(part for part, found in values.items() if different(found) > 1 or part in pump.unread)


def different(values: Sequence[float]) -> int:
    """How many of the values differ by more than upstream's three decimals can say: a share of `UNMOVED`."""
    count, least = 0, 0.0
    for value in sorted(values):
        if not count or value > least * (1 + UNMOVED):
            count, least = count + 1, value
    return count
