"""The rule of a dead man's notice: which nights of a person have no proposal. Knows runs' ends and no server.

A night is the local date on which a run was due. It has a result where a proposal was made after that instant. It is
missed once a run of it ended without one, or once its patience is over and nothing ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flows.report.trend.past_runs import RunOutcome
from flows.watch.results import RunResult, WatchedPerson
from flows.watch.words import NOT_ENDED, why_refused

PATIENCE = timedelta(hours=3)  # a run of two weeks takes minutes, on a Raspberry Pi an hour; others may be before it
CLOCKS_DIFFER = timedelta(minutes=5)  # the server that starts a run may be another machine
REMEMBERED = timedelta(days=7)  # a person whom no schedule names any more is forgotten after that


@dataclass(frozen=True)
class Expected:
    """A person who is to have results.

    Attributes:
        person: who.
        zone: time zone in which nights are counted.
        due: the instants at which runs are to start, some past and some to come.
        patience: how long after one of them its run may take.
        ended: of runs that ended without a word in a directory, by the instant they were due: how.
        said: of those that have not, how far they are.
    """

    person: WatchedPerson
    zone: str
    due: tuple[datetime, ...]
    patience: timedelta = PATIENCE
    ended: Mapping[datetime, str] = field(default_factory=dict)
    said: Mapping[datetime, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """How a person stands: the nights without a proposal since the last one, and in words why the last has none."""

    person: WatchedPerson
    zone: str
    last_proposal: datetime | None
    missed: tuple[date, ...] = ()
    why: str = ""


def standing(expected: Expected, results: Iterable[RunResult], now: datetime) -> Standing:
    """Judge one person's nights.

    Args:
        expected: when runs of this person are due.
        results: of all people, the oldest first.
        now: this computer's clock.
    """
    own = [result for result in results if result.person.key == expected.person.key]
    last = max((r.at for r in own if r.outcome is RunOutcome.PROPOSAL), default=None)
    failed = [r for r in own if r.outcome is not RunOutcome.PROPOSAL]
    missed: list[datetime] = []
    of_the_last: list[RunResult] = []
    for this, begins, ends in _windows(expected.due):
        if this > now:
            break
        if last is not None and last >= begins:
            continue
        without = [r for r in failed if begins <= r.at < ends]
        if without or this in expected.ended or now - this >= expected.patience:
            missed.append(this)
            of_the_last = without
    if not missed:
        return Standing(expected.person, expected.zone, last)
    of_the_server = {**expected.said, **expected.ended}
    why = why_refused(of_the_last[-1].code) if of_the_last else of_the_server.get(missed[-1], NOT_ENDED)
    nights = sorted({moment.astimezone(ZoneInfo(expected.zone)).date() for moment in missed})
    return Standing(expected.person, expected.zone, last, tuple(nights), why)


def _windows(due: Iterable[datetime]) -> Iterator[tuple[datetime, datetime, datetime]]:
    """Each instant at which a run is due, with the time within which a run that begins is its run."""
    moments = sorted(set(due))
    begins = [
        this - min(CLOCKS_DIFFER, (this - before) / 2 if before else CLOCKS_DIFFER)
        for before, this in zip([None, *moments], moments, strict=False)
    ]
    yield from zip(moments, begins, [*begins[1:], datetime.max.replace(tzinfo=UTC)], strict=True)


def merged(expected: Iterable[Expected]) -> tuple[Expected, ...]:
    """One for each person: several schedules of one person are one person's nights, in the first one's zone."""
    people: dict[str, Expected] = {}
    for one in expected:
        if (other := people.get(one.person.key)) is not None:
            one = Expected(
                other.person,
                other.zone,
                (*other.due, *one.due),
                max(other.patience, one.patience),
                {**other.ended, **one.ended},
                {**other.said, **one.said},
            )
        people[one.person.key] = one
    return tuple(people.values())


def from_runs(results: Iterable[RunResult], now: datetime) -> tuple[Expected, ...]:
    """Whom the runs themselves show to have nights, where no server says: those with runs on two dates in a row.

    Their next are due at the hour of the last one, each day.
    """
    people: dict[str, list[RunResult]] = {}
    for result in results:
        people.setdefault(result.person.key, []).append(result)
    found = []
    for own in people.values():
        last = own[-1]
        zone = ZoneInfo(last.zone)
        local = last.at.astimezone(zone)
        dates = {r.at.astimezone(zone).date() for r in own}
        if now - last.at > REMEMBERED or local.date() - timedelta(days=1) not in dates:
            continue
        hour = time(local.hour, local.minute)
        days = [local.date() + timedelta(days=n) for n in range(1, REMEMBERED.days + 1)]
        due = tuple(datetime.combine(day, hour, zone).astimezone(UTC) for day in days)
        found.append(Expected(last.person, last.zone, due))
    return tuple(found)
