"""Whether the last step helped: the days since against the fourteen before, by weekday where both sides have them.

A week's time in range differs by several points with nothing changed, so a step is taken back to be safe, not because
it is known to be the cause, and nothing is judged where days are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from flows.history.glucose_by_day import GlucoseDay
from flows.proposal.step_document import FollowUp, FollowUpVerdict, GlucoseShares
from flows.proposal.step_limits import OF

# International Consensus on Time in Range, Diabetes Care 2019;42:1593: a sensor active for 70 % of the time; of the
# readings of the fullest day, since sensors have cadences of their own.
LEAST_SHARE = 0.7
LEAST_WEEKDAYS = 4  # that both sides have: fewer say nothing of a week
LONGEST_AFTER_DAYS = 14


def follow_up(
    days: Iterable[GlucoseDay],
    first: date,
    last: date,
    *,
    adds_insulin: bool = True,
    takes_insulin: bool = True,
    change: str = "",
    proposal: str = "",
    run: str = "",
) -> FollowUp:
    """What became of glucose after a change.

    Args:
        days: the readings' counts, of any days.
        first: the first whole day after the change came into force.
        last: the last whole day there is.
        adds_insulin, takes_insulin: what the change does: more lows after less insulin are not its doing, and to put
            the insulin back would add to them.
        change, proposal, run: of the change that was applied, where it is known.
    """
    found = list(days)
    fullest = max((day.readings for day in found), default=0)
    by_date = {date.fromisoformat(day.date): day for day in found if day.readings >= LEAST_SHARE * fullest}
    until = min(last, first + timedelta(days=LONGEST_AFTER_DAYS - 1))
    after = [day for at, day in sorted(by_date.items()) if first <= at <= until]
    changed = first - timedelta(days=1)  # neither before nor after
    earliest = changed - timedelta(days=int(OF["before"]))
    before = [day for at, day in sorted(by_date.items()) if earliest <= at < changed]
    weekdays = {_weekday(d) for d in before} & {_weekday(d) for d in after}
    made = {
        "change": change,
        "proposal_sha256": proposal,
        "run": run,
        "taken_on": str(changed),
        "days_since": (last - changed).days,
        "weekdays_paired": len(weekdays),
    }
    if len(weekdays) < LEAST_WEEKDAYS:
        return FollowUp(**made, before=None, after=None, verdict=FollowUpVerdict.NOT_KNOWN, reasons=())
    was, now = (_shares([d for d in side if _weekday(d) in weekdays]) for side in (before, after))
    reasons = worse(was, now, adds_insulin=adds_insulin, takes_insulin=takes_insulin)
    verdict = FollowUpVerdict.TAKE_BACK if reasons else _better_or_unclear(was, now)
    return FollowUp(**made, before=was, after=now, verdict=verdict, reasons=tuple(reasons))


def worse(before: GlucoseShares, after: GlucoseShares, *, adds_insulin: bool, takes_insulin: bool) -> list[str]:
    """What got worse by so much, on the side on which the step acts, that it is taken back."""
    low = after.below_70_percent - before.below_70_percent
    very_low = after.below_54_percent - before.below_54_percent
    in_range = after.in_range_70_180_percent - before.in_range_70_180_percent
    high = after.above_180_percent - before.above_180_percent
    ours = (adds_insulin and low > high) or (takes_insulin and high > low)
    checks = (
        ("below_70", adds_insulin and low > OF["low_up"] and after.below_70_percent > OF["low_now"]),
        ("below_54", adds_insulin and very_low > OF["very_low_up"] and after.below_54_percent > OF["very_low_now"]),
        ("in_range", ours and in_range <= -OF["in_range_down"]),
    )
    return [name for name, holds in checks if holds]


def _better_or_unclear(before: GlucoseShares, after: GlucoseShares) -> FollowUpVerdict:
    in_range = after.in_range_70_180_percent - before.in_range_70_180_percent
    fewer_lows = before.below_70_percent - after.below_70_percent
    better = in_range >= OF["in_range_down"] or fewer_lows > OF["low_up"]
    return FollowUpVerdict.BETTER if better else FollowUpVerdict.UNCLEAR


def _weekday(day: GlucoseDay) -> int:
    return date.fromisoformat(day.date).weekday()


def _shares(days: Sequence[GlucoseDay]) -> GlucoseShares:
    """Each weekday counts once, however many of it there are, and each day as much as another of its weekday."""
    weekdays = {_weekday(day) for day in days}

    def mean(field: str) -> float:
        of_weekdays = []
        for weekday in weekdays:
            of = [float(getattr(d, field)) / d.readings for d in days if _weekday(d) == weekday]
            of_weekdays.append(sum(of) / len(of))
        return round(100 * sum(of_weekdays) / len(of_weekdays), 2)

    return GlucoseShares(
        days=len(days),
        below_54_percent=mean("below_54"),
        below_70_percent=mean("below_70"),
        in_range_70_180_percent=mean("in_range_70_180"),
        above_180_percent=mean("above_180"),
    )
