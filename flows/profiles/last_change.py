"""When the settings that are tuned came into force, and whether others were tried and taken back, by what was in force.

Whoever wrote them: a step is judged by what comes after it also where an app or a person entered it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flows.profiles.parse import TherapyProfile
from flows.profiles.timeline import History, ProfileSpan, same_settings
from flows.values.units import DAY_MS

LOOKED_BACK_DAYS = 35  # two fortnights around a change, and a week
# Of the settings in use within that time: more is a profile for weekends or shifts, which comes and goes.
MOST_RETURNS = 3
SAME = 1e-9
# A profile for weekends or shifts comes and goes; what was tried for less than this is no step that was taken back.
LEAST_TRIED_DAYS = 3


@dataclass(frozen=True)
class LastChange:
    """Epoch ms; `None` where there was none in the time that is looked at.

    Attributes:
        since_ms: since when the settings in use, which were not in force before, are in force.
        back_ms: since when they are in force again, after others had been tried.
        adds_insulin, takes_insulin: whether the change gives more insulin anywhere in the day, and less; both where it
            is not known.
    """

    since_ms: float | None = None
    back_ms: float | None = None
    adds_insulin: bool = True
    takes_insulin: bool = True


def last_change(
    documents: list[Any], treatments: Iterable[Any], zone: str, tuned: TherapyProfile | None, end_ms: float
) -> LastChange:
    """What changed in the five weeks before `end_ms`.

    Args:
        documents: profile documents, as served.
        treatments: as served; only Profile Switches are read.
        zone: the person's.
        tuned: the settings in use; those in force at the end where it is `None`.
        end_ms: of the data.
    """
    history = History(documents, treatments, zone)
    spans = history.timeline(end_ms - LOOKED_BACK_DAYS * DAY_MS, end_ms, permanent_only=True)
    tuned = tuned or (spans[-1].effective if spans else None)
    if tuned is None:
        return LastChange()
    runs = [list(run) for _, run in groupby(spans, key=lambda span: _is(tuned, span))]
    mine = [n for n, run in enumerate(runs) if _is(tuned, run[0])]
    if not mine or mine[-1] == 0 or len(mine) > MOST_RETURNS:
        return LastChange()
    begun_ms, before = runs[mine[-1]][0].start_ms, runs[mine[-1] - 1]
    if mine[0] > 0:
        return _changed(begun_ms, before[-1].effective, tuned)
    tried_ms = before[-1].end_ms - before[0].start_ms
    return LastChange(back_ms=begun_ms) if tried_ms >= LEAST_TRIED_DAYS * DAY_MS else LastChange()


def _changed(since_ms: float, before: TherapyProfile | None, tuned: TherapyProfile) -> LastChange:
    if before is None:
        return LastChange(since_ms=since_ms)
    basal = [b - a for a, b in zip(before.basal_u_per_h.hourly(), tuned.basal_u_per_h.hourly(), strict=True)]
    others = (
        (before.isf_mgdl_per_u, tuned.isf_mgdl_per_u),
        (before.carb_ratio_g_per_u, tuned.carb_ratio_g_per_u),
    )
    lower = [a - b for old, new in others for a, b in zip(old.hourly(), new.hourly(), strict=True)]
    more = [change for change in (*basal, *lower) if abs(change) > SAME]
    return LastChange(since_ms, adds_insulin=max(more, default=0.0) > 0, takes_insulin=min(more, default=0.0) < 0)


def _is(tuned: TherapyProfile, span: ProfileSpan) -> bool:
    return span.effective is not None and same_settings(tuned, span.effective)
