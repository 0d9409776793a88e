"""A person's runs as a history: whose they are, what was applied, and time in range before and after it.

Only days that lie wholly before or wholly after a change are compared: a run whose days reach over it says nothing of
either. Knows nothing of files (`past_runs`) and pages.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import listed, translatable
from flows.proposal.document import Units
from flows.report.trend.past_runs import Found, PastRun, RunOutcome, Source, directory_key, site_key
from flows.values.local_days import LocalDay
from flows.values.units import SECOND_MS

SCHEMA_VERSION = 1
# Diabetes Care 2019;42:1593: 14 days with 70 % of the readings say what a longer time says; a difference of 5
# percentage points of time in range matters; below 70 mg/dL should be less than 4 % of the time. Half of the 14 days
# is the least that holds every day of the week.
ENOUGH_DAYS, GOOD_DAYS, ENOUGH_COVERAGE_PERCENT = 7, 14, 70.0
MATTERS_POINTS, LOWS_LIMIT_PERCENT = 5.0, 4.0
PARTS = {"basal": to_translate("basal"), "isf": to_translate("ISF"), "cr": to_translate("the carb ratio")}
PROVES_NOTHING = to_translate(
    "Illness, holidays, sensors and chance differ between the days too: this proves no cause."
)

NOT_ACTIVATED = to_translate("It was written and not activated here: when it came into use is not known.")
ONLY_ONE = to_translate("Only {parts} was applied.")
ONLY_SOME = to_translate("Only {parts} were applied.")
UNTIL_THE_NEXT = to_translate(
    "No run has looked at days that lie wholly after it and before the next change: nothing to compare."
)
NOT_YET = to_translate("No run has looked at days that lie wholly after it yet: nothing to compare.")
FEW_DAYS = {
    "before": to_translate(
        "There are only {days} before it: too few to compare ({needed_days} days with {needed_percent:.0f} % of their "
        "readings are needed, {good_days} are better)."
    ),
    "after": to_translate(
        "There are only {days} after it: too few to compare ({needed_days} days with {needed_percent:.0f} % of their "
        "readings are needed, {good_days} are better)."
    ),
}
FEW_READINGS = {
    "before": to_translate(
        "There are only {percent:.0f} % of the readings of {days} before it: too few to compare ({needed_days} days "
        "with {needed_percent:.0f} % of their readings are needed, {good_days} are better)."
    ),
    "after": to_translate(
        "There are only {percent:.0f} % of the readings of {days} after it: too few to compare ({needed_days} days "
        "with {needed_percent:.0f} % of their readings are needed, {good_days} are better)."
    ),
}
ALIKE = to_translate(
    "Time in range went from {before:.1f} % of {before_days} to {after:.1f} % of {after_days}: less than {matters:.0f} "
    "percentage points, no clear difference."
)
MORE = to_translate(
    "Time in range went from {before:.1f} % of {before_days} to {after:.1f} % of {after_days}: {points:.1f} percentage "
    "points more."
)
LESS = to_translate(
    "Time in range went from {before:.1f} % of {before_days} to {after:.1f} % of {after_days}: {points:.1f} percentage "
    "points less."
)


@dataclass(frozen=True)
class Days:
    """The days of one run, and the time in range on them."""

    run: str
    first: date
    last: date
    count: int
    coverage_percent: float
    in_range_percent: float
    below_70_percent: float
    below_54_percent: float


@dataclass(frozen=True)
class Application:
    """A proposal that was applied, with the days before and after it.

    Attributes:
        comparable: enough days with enough readings on both sides.
        in_range_points: after minus before, in percentage points; `None` where not comparable.
        sentence: what can be said, and what cannot; in the language that is spoken by `in_spoken`.
    """

    run: str
    at: datetime
    activated: bool
    parts: tuple[str, ...]
    undone_at: datetime | None
    before: Days | None
    after: Days | None
    comparable: bool
    in_range_points: float | None
    sentence: str


@dataclass(frozen=True)
class Trend:
    """The runs of one source, the oldest first, and what was applied."""

    source: Source
    profiles: tuple[str, ...]
    units: Units
    zone: str
    runs: tuple[PastRun, ...]
    applications: tuple[Application, ...]
    skipped: tuple[tuple[str, str], ...]
    others: int
    damaged: tuple[str, ...] = ()

    @property
    def proposals(self) -> tuple[PastRun, ...]:
        """The runs with a proposal."""
        return tuple(r for r in self.runs if r.outcome is RunOutcome.PROPOSAL)

    def local(self, at: datetime) -> datetime:
        """A point in time by the clock on the person's wall."""
        return at.astimezone(ZoneInfo(self.zone))

    def day(self, at: datetime) -> str:
        """Its local day."""
        return f"{self.local(at):%Y-%m-%d}"

    def minute(self, at: datetime) -> str:
        """Its local day and time."""
        return f"{self.local(at):%Y-%m-%d %H:%M}"


def trend(
    found: Found, root: Path, *, site: str | None = None, directory: Path | None = None, profile: str | None = None
) -> Trend:
    """The history of one person among all runs found.

    Args:
        found: all runs under `root`.
        root: for what is said of it.
        site: the tidied address, or
        directory: of data, whose runs are meant; either may be left out where there is only one source.
        profile: only runs that tuned the profile of this name. A refused run that was asked for no profile by name
            may have been meant for any, and is kept.

    Raises:
        Refused: `HISTORY_EMPTY`, `HISTORY_OF_SEVERAL`.
    """
    wanted = site_key(site) if site else directory_key(directory) if directory else None
    who = site or (str(directory) if directory else "anybody")
    mine = [r for r in found.runs if wanted is None or r.source.key == wanted]
    if profile is not None:
        who = f"{who} and the profile {profile!r}" if wanted else f"the profile {profile!r}"
        mine = [r for r in mine if r.profile == profile or (r.profile is None and r.outcome is not RunOutcome.PROPOSAL)]
    if not mine or (profile is not None and all(r.profile is None for r in mine)):
        raise Refused(Reason.HISTORY_EMPTY, who=who, root=root)
    with_result = {r.source.key for r in mine if r.outcome is RunOutcome.PROPOSAL}
    if len(with_result) == 1:  # the others never had data: an address with a slip is no other person
        mine = [r for r in mine if r.source.key in with_result]
    sources = Counter(r.source for r in mine)
    if len({s.key for s in sources}) > 1:
        listed = "; ".join(f"{s.label} ({count})" for s, count in sources.most_common())
        raise Refused(Reason.HISTORY_OF_SEVERAL, root=root, who=listed)
    proposals = [r for r in mine if r.outcome is RunOutcome.PROPOSAL]
    last = (proposals or mine)[-1]
    return Trend(
        source=mine[-1].source,
        profiles=tuple(name for name, _ in Counter(r.profile for r in proposals).most_common() if name),
        units=last.units,
        zone=last.zone,
        runs=tuple(mine),
        applications=_applications(proposals, found.changed.get(mine[-1].source.key, ())),
        skipped=tuple((name, why.value) for name, why in found.skipped),
        others=len(found.runs) - len(mine),
        damaged=found.damaged,
    )


# --- before and after ------------------------------------------------------------------------------------------------


def _applications(proposals: list[PastRun], changed: tuple[datetime, ...]) -> tuple[Application, ...]:
    applied = sorted(((r, a) for r in proposals for a in r.applied), key=lambda pair: (pair[1].at, pair[0].name))
    found = []
    for run, how in applied:
        earlier, later = [t for t in changed if t < how.at], [t for t in changed if t > how.at]
        before = _best(proposals, earlier[-1] if earlier else None, how.at, latest=True)
        after = _best(proposals, how.at, later[0] if later else None, latest=False)
        comparable = before is not None and after is not None and not _too_little(before) and not _too_little(after)
        points = round(after.in_range_percent - before.in_range_percent, 1) if comparable and before and after else None
        sentence = _sentence(before, after, ended=bool(later))
        if not how.activated:
            sentence = translatable("{note} {sentence}", note=NOT_ACTIVATED, sentence=sentence)
        if 0 < len(how.parts) < len(PARTS):
            parts = listed((PARTS.get(p, p) for p in how.parts), to_translate("{one} and {other}"))
            words = ONLY_ONE if len(how.parts) == 1 else ONLY_SOME
            note = translatable(words, parts=parts)
            sentence = translatable("{note} {sentence}", note=note, sentence=sentence)
        found.append(
            Application(
                *(run.name, how.at, how.activated, how.parts, how.undone_at),
                *(before, after, comparable, points, sentence),
            )
        )
    return tuple(found)


def _best(runs: list[PastRun], start: datetime | None, end: datetime | None, *, latest: bool) -> Days | None:
    """Of the runs with days wholly between two changes: the one with most days, up to 14, nearest to the change."""
    inside = [d for run in runs if (d := _days(run)) is not None and _between(d, run.zone, start, end)]
    if not inside:
        return None

    def worth(days: Days) -> tuple[int, int]:
        nearness = days.last.toordinal() if latest else -days.first.toordinal()
        return min(days.count, GOOD_DAYS), nearness

    return max(inside, key=worth)


def _days(run: PastRun) -> Days | None:
    if run.shares is None or not run.days:
        return None
    return Days(run.name, min(run.days), max(run.days), len(run.days), **asdict(run.shares))


def _between(days: Days, zone: str, start: datetime | None, end: datetime | None) -> bool:
    first, last = LocalDay(days.first, zone).glucose.start_ms, LocalDay(days.last, zone).glucose.end_ms
    return (start is None or first >= start.timestamp() * SECOND_MS) and (
        end is None or last <= end.timestamp() * SECOND_MS
    )


def _too_little(days: Days) -> bool:
    return days.count < ENOUGH_DAYS or days.coverage_percent < ENOUGH_COVERAGE_PERCENT


def _days_said(count: int) -> str:
    return translatable(to_translate("{days} day") if count == 1 else to_translate("{days} days"), days=count)


def _sentence(before: Days | None, after: Days | None, *, ended: bool) -> str:
    if before is None:
        return to_translate(
            "No run looked at days that lie wholly before it and after the change before: nothing to compare with."
        )
    if after is None:
        return UNTIL_THE_NEXT if ended else NOT_YET
    for days, where in ((before, "before"), (after, "after")):
        if _too_little(days):
            return translatable(
                (FEW_DAYS if days.count < ENOUGH_DAYS else FEW_READINGS)[where],
                days=_days_said(days.count),
                percent=days.coverage_percent,
                needed_days=ENOUGH_DAYS,
                needed_percent=ENOUGH_COVERAGE_PERCENT,
                good_days=GOOD_DAYS,
            )
    points = after.in_range_percent - before.in_range_percent
    said = translatable(
        ALIKE if abs(points) < MATTERS_POINTS else MORE if points > 0 else LESS,
        before=before.in_range_percent,
        before_days=_days_said(before.count),
        after=after.in_range_percent,
        after_days=_days_said(after.count),
        points=abs(points),
        matters=MATTERS_POINTS,
    )
    if after.below_70_percent > max(LOWS_LIMIT_PERCENT, before.below_70_percent):
        lows = translatable(
            "Below range rose from {before:.1f} % to {after:.1f} %, more than {limit:.0f} %: look at this first.",
            before=before.below_70_percent,
            after=after.below_70_percent,
            limit=LOWS_LIMIT_PERCENT,
        )
        said = translatable("{note} {sentence}", note=said, sentence=lows)
    return translatable("{note} {sentence}", note=said, sentence=PROVES_NOTHING)


# --- as a document ---------------------------------------------------------------------------------------------------


def document(found: Trend) -> dict[str, Any]:
    """The trend as `autotune history --json` prints it: every number that is shown anywhere."""
    shown = {
        "schema_version": SCHEMA_VERSION,
        "source": found.source.label,
        "profiles": found.profiles,
        "units": found.units,
        "timezone": found.zone,
        "runs": [{**asdict(run), "source": run.source.label} for run in found.runs],
        "applications": [asdict(application) for application in found.applications],
        "skipped": [{"directory": name, "why": why} for name, why in found.skipped],
        "runs_of_others": found.others,
        "damaged": list(found.damaged),
    }
    return dict(json.loads(json.dumps(shown, default=_date_text)))


def _date_text(value: date) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds") if isinstance(value, datetime) else value.isoformat()
