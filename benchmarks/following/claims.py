"""What the product claims for those who follow it, each claim counted on the people it is about, and whether it holds.

Every comparison of glucose is with the same person's twin who kept the settings, on the same days.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from benchmarks.following.draw import TOO_LITTLE, TOO_MUCH, Start
from benchmarks.following.lanes import Followed, Policy
from benchmarks.following.policies import daily_basal_u

LOW_LIMIT_PERCENT = 4.0  # below 70 mg/dL, of the consensus (Diabetes Care 2019;42:1593)
MOST_LOST_POINTS = 3.0  # of time in range, against keeping
LEAST_SHARE_GAINED = 0.5  # of what the true settings gain
LEAST_FALL_POINTS = 0.5  # of time below 70
RIGHT_BASAL_SHARE, RIGHT_RATIO_SHARE, LEAST_RIGHT_SHARE = 0.05, 0.10, 0.8
SAME = 1e-9
# What a proposal says where no reduction of a setting is enough against the lows.
REDUCTIONS_ALONE = "reductions_not_enough"


@dataclass(frozen=True)
class Claim:
    """One claim, of one policy: the people it is about, what was found, whether it holds, and for whom it does not.

    `holds` is `None` where it is about nobody.
    """

    sentence: str
    about: str
    people: int
    found: str
    holds: bool | None
    failing: tuple[int, ...] = ()


def claims(people: Sequence[Followed], policy: Policy) -> list[Claim]:
    """All claims, in the order of the documentation."""
    return [made(people, policy) for made in CLAIMS]


def nobody_pushed_low(people: Sequence[Followed], policy: Policy) -> Claim:
    """Nobody ends at the limit of lows who began under it and whose twin did not end there."""
    them = [one for one in people if not began_low(one) and _low_at_end(one, Policy.KEEP) < LOW_LIMIT_PERCENT]
    worst = max((_low_at_end(one, policy) for one in them), default=0.0)
    failing = [one for one in them if _low_at_end(one, policy) >= LOW_LIMIT_PERCENT]
    return _claim(
        f"Nobody ends with {LOW_LIMIT_PERCENT:g} % or more below 70 mg/dL",
        "who began under it, and whose twin that kept the settings did not end there",
        them,
        f"{_of(len(failing), len(them))} end there; the highest is {worst:.1f} %",
        failing,
    )


def nobody_loses_much(people: Sequence[Followed], policy: Policy) -> Claim:
    """Nobody loses more than a few points of time in range."""
    gains = {one.person.number: one.gain(policy, "in_range_percent") for one in people}
    failing = [one for one in people if gains[one.person.number] < -MOST_LOST_POINTS - SAME]
    return _claim(
        f"Nobody loses more than {MOST_LOST_POINTS:g} points of time in range",
        "everybody",
        people,
        f"{_of(len(failing), len(people))} do; the lowest is {min(gains.values(), default=0.0):+.1f}",
        failing,
    )


def too_little_gains(people: Sequence[Followed], policy: Policy) -> Claim:
    """Where there is too little insulin, time in range rises by half of what the true settings give."""
    them = too_little(people)
    ours, true = (_mean(one.gain(p, "in_range_percent") for one in them) for p in (policy, Policy.TRUTH))
    share = ours / true if true > 0 else math.nan
    return _claim(
        f"At least {LEAST_SHARE_GAINED:.0%} of the time in range that the true settings gain",
        "began with too little insulin: settings on the weak side, and less time above 180 mg/dL with the true ones",
        them,
        f"{ours:+.1f} points in the mean, the true settings {true:+.1f} ({share:.0%})",
        them if not share >= LEAST_SHARE_GAINED - SAME else [],
    )


def too_much_falls(people: Sequence[Followed], policy: Policy) -> Claim:
    """Where there is too much insulin, lows fall in the median, and nobody's time in range falls by much."""
    them = too_much(people)
    falls = [-one.gain(policy, "below_70_percent") for one in them]
    lost = [one for one in them if one.gain(policy, "in_range_percent") < -MOST_LOST_POINTS - SAME]
    lowest = min((one.gain(policy, "in_range_percent") for one in them), default=0.0)
    middle = median(falls) if falls else 0.0
    falls_enough = middle >= LEAST_FALL_POINTS - SAME
    failing = lost if falls_enough else [one for one, fall in zip(them, falls, strict=True) if fall <= 0]
    return _claim(
        f"Time below 70 mg/dL falls by {LEAST_FALL_POINTS:g} points in the median, and nobody's time in range by more "
        f"than {MOST_LOST_POINTS:g}",
        f"began with too much insulin: settings on the strong side, and {LEAST_FALL_POINTS:g} points less time below "
        "70 mg/dL with the true ones",
        them,
        f"{-middle:+.1f} points in the median; time in range {lowest:+.1f} at the lowest",
        failing,
        holds=falls_enough and not lost,
    )


def right_isf_stays(people: Sequence[Followed], policy: Policy) -> Claim:
    """Where the settings are right, ISF is not touched."""
    them = right(people)
    failing = [one for one in them if not isf_untouched(one, policy)]
    return _claim(
        "ISF is untouched",
        "began with right settings",
        them,
        f"{_of(len(them) - len(failing), len(them))} untouched",
        failing,
    )


def right_stays_right(people: Sequence[Followed], policy: Policy) -> Claim:
    """Where the settings are right, basal and carb ratio stay near it in most."""
    them = right(people)
    failing = [one for one in them if not (basal_right(one, policy) and ratio_right(one, policy))]
    basal, ratio = (sum(holds(one, policy) for one in them) for holds in (basal_right, ratio_right))
    kept = len(them) - len(failing)
    return _claim(
        f"Daily basal stays within {RIGHT_BASAL_SHARE:.0%} and carb ratio within {RIGHT_RATIO_SHARE:.0%} in "
        f"{LEAST_RIGHT_SHARE:.0%} of them",
        "began with right settings",
        them,
        f"both in {_of(kept, len(them))}; basal in {basal}, carb ratio in {ratio}",
        failing,
        holds=bool(them) and kept / len(them) >= LEAST_RIGHT_SHARE - SAME,
    )


def began_low_falls(people: Sequence[Followed], policy: Policy) -> Claim:
    """Who began at the limit of lows has fewer, or is told that reductions alone do not do it."""
    them = [one for one in people if began_low(one)]
    fell = [one for one in them if one.gain(policy, "below_70_percent") < 0]
    told = [one for one in them if one not in fell and told_of_reductions(one, policy)]
    failing = [one for one in them if one not in fell and one not in told]
    return _claim(
        "Time below 70 mg/dL falls, or they are told that reductions alone do not do it",
        f"began with {LOW_LIMIT_PERCENT:g} % or more below 70 mg/dL",
        them,
        f"it falls in {_of(len(fell), len(them))}; {len(told)} others are told",
        failing,
    )


Claims = Callable[[Sequence[Followed], Policy], Claim]
CLAIMS: tuple[Claims, ...] = (
    nobody_pushed_low,
    nobody_loses_much,
    too_little_gains,
    too_much_falls,
    right_isf_stays,
    right_stays_right,
    began_low_falls,
)


# ---- who


def began_low(one: Followed) -> bool:
    """Whether the fourteen days before the first round are at the limit of lows; all policies share them."""
    return one.lanes[Policy.KEEP].before.below_70_percent >= LOW_LIMIT_PERCENT


def too_little(people: Iterable[Followed]) -> list[Followed]:
    """Who began with settings on the weak side, and has less time above 180 mg/dL with the true ones."""
    return [one for one in people if one.person.start in TOO_LITTLE and one.gain(Policy.TRUTH, "above_180_percent") < 0]


def too_much(people: Iterable[Followed]) -> list[Followed]:
    """Who began with settings on the strong side, and has less time below 70 mg/dL with the true ones."""
    return [
        one
        for one in people
        if one.person.start in TOO_MUCH and one.gain(Policy.TRUTH, "below_70_percent") <= SAME - LEAST_FALL_POINTS
    ]


def right(people: Iterable[Followed]) -> list[Followed]:
    """Who began with right settings."""
    return [one for one in people if one.person.start is Start.RIGHT]


# ---- what


def isf_untouched(one: Followed, policy: Policy) -> bool:
    """Whether ISF was the same in every round."""
    lane = one.lanes[policy]
    return all(abs(r.in_use.isf_mgdl_per_u - lane.start.isf_mgdl_per_u) < SAME for r in lane.rounds)


def basal_right(one: Followed, policy: Policy) -> bool:
    """Whether the day's basal at the end is near to the right one."""
    at_end = daily_basal_u(one.lanes[policy].in_use_at_end)
    return _near(at_end, math.fsum(one.right.basal_u_per_h), RIGHT_BASAL_SHARE)


def ratio_right(one: Followed, policy: Policy) -> bool:
    """Whether the carb ratio at the end is near to the right one."""
    at_end = one.lanes[policy].in_use_at_end.carb_ratio_g_per_u
    return _near(at_end, one.right.carb_ratio_g_per_u, RIGHT_RATIO_SHARE)


def _near(value: float, true: float, share: float) -> bool:
    return abs(value / true - 1) <= share + SAME


def told_of_reductions(one: Followed, policy: Policy) -> bool:
    """Whether a round said that reductions alone do not do it."""
    return any(REDUCTIONS_ALONE in r.why for r in one.lanes[policy].rounds)


def _low_at_end(one: Followed, policy: Policy) -> float:
    return one.lanes[policy].end.below_70_percent


def _mean(of: Iterable[float]) -> float:
    them = list(of)
    return fmean(them) if them else math.nan


def _of(count: int, people: int) -> str:
    return f"{count} of {people}"


def _claim(
    sentence: str,
    about: str,
    them: Sequence[Followed],
    found: str,
    failing: Sequence[Followed],
    *,
    holds: bool | None = None,
) -> Claim:
    decided = not failing if holds is None else holds
    numbers = tuple(one.person.number for one in failing)
    return Claim(sentence, about, len(them), found if them else "–", decided if them else None, numbers)
