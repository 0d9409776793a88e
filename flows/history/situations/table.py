"""All situations that bend the data, one row each, and the doubts they make: each names its days and how to leave them.

None of them is a cause that is established: the words say what it looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from flows.history.doubts import Doubt, amber_doubt, days_said
from flows.history.situations.illness import illness
from flows.history.situations.loop_stopped import loop_stopped
from flows.history.situations.meals import boluses_missing, untold_meals
from flows.history.situations.observed import Observed
from flows.history.situations.site_failure import site_failure
from flows.language.catalogue import to_translate
from flows.values.sentence import Listed


@dataclass(frozen=True)
class Situation:
    """One situation: its rule's name, its title in a verdict, what is seen, what upstream makes of it, when."""

    name: str
    title: str
    seen: str
    bends: str
    threshold: str
    find: Callable[[Observed], set[date]]


SITUATIONS: tuple[Situation, ...] = (
    Situation(
        "site_failure",
        to_translate("Hours that look like a failed infusion site"),
        to_translate(
            "glucose stayed high in spite of insulin and then fell, or the site was changed: it looks like a failed "
            "site"
        ),
        to_translate("upstream takes insulin that may not have arrived for a weak one"),
        "> 250 mg/dL for 3 h, two boluses or a raised basal for 100 mg/dL, then a new site or a fall by 100 in 3 h",
        site_failure,
    ),
    Situation(
        "boluses_missing",
        to_translate("Bolus records may be missing"),
        to_translate(
            "half a day of meals or rises has no bolus, unlike other days: it looks like lost records, or missed "
            "boluses"
        ),
        to_translate("upstream takes the rise for too little basal or a wrong carb ratio"),
        "12 h and 1.5 times the usual without a bolus, with two meals or rises, of somebody with 3 boluses a day",
        boluses_missing,
    ),
    Situation(
        "untold_meals",
        to_translate("Days with meals that were probably not entered"),
        to_translate(
            "glucose rose as after a meal twice or more and no carbs were entered: it looks like meals without an entry"
        ),
        to_translate("upstream takes them for missing basal"),
        "two rises a day as of 30 g (60–100 mg/dL in 90 min) without carbs from 90 min before to 60 after",
        untold_meals,
    ),
    Situation(
        "illness",
        to_translate("Days that look like illness"),
        to_translate("glucose and insulin were both far above the usual on days in a row: it looks like illness"),
        to_translate("the settings of such days are not those of others"),
        "two days in a row with insulin ≥ 1.15 times, and glucose ≥ 1.2 times and 30 mg/dL above, the median day's",
        illness,
    ),
    Situation(
        "loop_stopped",
        to_translate("Pump or loop stood still for hours"),
        to_translate(
            "pump or loop was stopped for hours, by its events, by a zero basal at high glucose or by temporary basals "
            "missing"
        ),
        to_translate("upstream takes the scheduled basal for what was given where no record says otherwise"),
        "2 h of events; 4 h of zero basal above 180 mg/dL; 6 h and 3 times the usual without a loop's temp basals",
        loop_stopped,
    ),
)


def find_situations(observed: Observed) -> list[Doubt]:
    """A doubt for each situation found on the days used, with its days."""
    if not observed.days:
        return []
    used = {day.date for day in observed.days}
    return [_doubt(row, sorted(found & used), len(used)) for row in SITUATIONS if (found := row.find(observed)) & used]


def _doubt(row: Situation, days: list[date], of: int) -> Doubt:
    return amber_doubt(
        row.name,
        to_translate(
            "On {days:.0f} of {days_used:.0f} days ({dates}) {seen}; {bends}. --exclude-found leaves out what was "
            "found."
        ),
        tuple(str(day) for day in days),
        days=len(days),
        days_used=of,
        dates=days_said(days),
        seen=Listed([row.seen]),
        bends=Listed([row.bends]),
    )
