"""When there are enough repetitions: once more of them would hardly change what the verdict rests on.

Looked at after fixed counts only (`repetitions.rounds`), so that it does not depend on how many are computed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from flows.oref0.profile import PumpSettings
from flows.proposal.agreement import WORTH_A_CHANGE, change_percent, is_agreed, way

# Of fewer repetitions the fifth and the ninety-fifth percentile are the smallest and the largest.
LEAST_REPETITIONS = 20
# That the ceiling decides otherwise, for each setting: docs/safety.md has how often a run then differs from 300.
UNLIKELY = 0.10


@dataclass(frozen=True)
class DecidingSetting:
    """A setting on whose agreement the verdict may depend; `current` and `recommended` are in its own unit.

    `key` is as in the verdict's `worth_changing`: `isf`, `carb_ratio`, `basal_07`.
    """

    key: str
    current: float
    recommended: float

    def agreeing(self, repeated: Sequence[PumpSettings]) -> int:
        """How many of the repetitions move it the way it is recommended."""
        recommended = way(self.current, self.recommended)
        return sum(way(self.current, _numbers(one)[self.key]) == recommended for one in repeated)


def deciding(current: PumpSettings, recommended: PumpSettings) -> tuple[DecidingSetting, ...]:
    """The settings whose agreement decides: ISF, carb ratio and hours of basal that change by a twentieth or more.

    From there on the verdict asks whether the repetitions agree (`low_agreement`; `worth_changing`, for single hours
    from a tenth on). Of a smaller change nobody is told to make it, however many repetitions agree.
    """
    now, new = _numbers(current), _numbers(recommended)
    return tuple(
        DecidingSetting(key, now[key], new[key])
        for key in now
        if abs(change_percent(now[key], new[key])) >= 100 * WORTH_A_CHANGE
    )


def settled(agreeing: Sequence[int], done: int, ceiling: int) -> bool:
    """Whether the repetitions can stop: at least twenty, and no setting for which the ceiling is likely to differ.

    Args:
        agreeing: for each deciding setting how many repetitions move it as recommended; where there is none, nothing
            is to be decided.
        done: how many repetitions there are.
        ceiling: how many there may be at most.
    """
    enough = done >= LEAST_REPETITIONS
    return enough and all(chance_of_another_decision(count, done, ceiling) < UNLIKELY for count in agreeing)


def chance_of_another_decision(agreeing: int, done: int, ceiling: int) -> float:
    """The chance (0–1) that the ceiling decides otherwise than now whether the repetitions agree on a setting.

    The remaining repetitions are taken to be beta-binomial, any share of agreement as likely as any other beforehand
    (Beta(1, 1)). Balanced batches scatter less than that, so the chance is rather smaller.

    Args:
        agreeing: how many of the repetitions so far move the setting as recommended.
        done: how many there are; at least one.
        ceiling: how many there may be at most; at least `done`.
    """
    remaining, now = ceiling - done, is_agreed(agreeing, done)
    others = sum(
        comb(agreeing + more, more) * comb(ceiling - agreeing - more, remaining - more)
        for more in range(remaining + 1)
        if is_agreed(agreeing + more, ceiling) is not now
    )
    return others / comb(ceiling + 1, remaining)


def _numbers(settings: PumpSettings) -> dict[str, float]:
    return {
        "isf": settings.isf_mgdl_per_u,
        "carb_ratio": settings.carb_ratio_g_per_u,
        **{f"basal_{hour:02d}": rate for hour, rate in enumerate(settings.basal_u_per_h)},
    }
