"""When the repetitions agree on a change, and from which change on it matters.

The one home of both questions: the verdict asks them of a proposal, the repetitions ask them to know when to stop.
"""

from __future__ import annotations

# A change smaller than a twentieth is within what a pump's steps and a day's luck make of it; of a single hour's basal
# a tenth, since one hour is little data and little insulin.
WORTH_A_CHANGE = 0.05
WORTH_A_BASAL_CHANGE = 0.10
# Of the repetitions that move a number the way it is recommended: with less, the result depends on which days are used.
AGREED = 0.9
# Upstream rounds its results to three decimals: less than this is no movement.
UNMOVED = 0.001


def change_percent(now: float, new: float) -> float:
    """The change in percent of what is set now, to one decimal as it is shown and judged."""
    return round(100 * (new / now - 1), 1)


def way(now: float, new: float) -> int:
    """The way a number moves: 1 up, -1 down, 0 not at all."""
    return (new > now + UNMOVED) - (new < now - UNMOVED)


def agreed_share(agreeing: int, repetitions: int) -> float:
    """The share (0–1) of the repetitions that agree, to three decimals as it is shown and judged.

    Args:
        agreeing: how many move a number the way it is recommended.
        repetitions: how many there are; at least one.
    """
    return round(agreeing / repetitions, 3)


def is_agreed(agreeing: int, repetitions: int) -> bool:
    """Whether enough of the repetitions, of which there is at least one, agree."""
    return agreed_share(agreeing, repetitions) >= AGREED
