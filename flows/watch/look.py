"""One look: what is to be told now. Knows what was told before; sends nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flows.report.trend.past_runs import RunOutcome
from flows.watch import words
from flows.watch.memory import KeptPerson, Memory, Told, day_text
from flows.watch.nights import Expected, Standing, from_runs, merged, standing
from flows.watch.results import RunResult
from flows.watch.words import Notice

COUNTED = timedelta(days=31)  # nights before that are not counted any more
UNREACHABLE_FOR = timedelta(minutes=30)  # a restart, an upgrade or a busy machine is over by then


def standings(
    results: Sequence[RunResult], expected: Iterable[Expected] | None, memory: Memory, now: datetime
) -> tuple[Standing, ...]:
    """How each expected person stands.

    Args:
        results: how runs ended, the oldest first.
        expected: as the server says; `None` where it does not answer: those it named last, else those whose runs show
            that they have nights.
        memory: with those it named last.
        now: this computer's clock.
    """
    if expected is None:
        kept = memory.expected
        expected = from_runs(results, now) if kept is None else [person.expected() for person in kept]
    return tuple(standing(one, results, now) for one in merged(expected))


def remembering(expected: Iterable[Expected], memory: Memory, now: datetime) -> tuple[Expected, ...]:
    """One for each person, with the instants that were due before a schedule was changed: a night stays missed.

    A schedule itself says nothing of what it was before.
    """
    kept = {person.key: person.due for person in memory.expected or ()}
    return tuple(
        replace(
            one, due=tuple(sorted({*one.due, *(d for d in kept.get(one.person.key, ()) if now - COUNTED <= d <= now)}))
        )
        for one in merged(expected)
    )


def look(
    results: Sequence[RunResult],
    expected: Iterable[Expected] | None,
    memory: Memory,
    now: datetime,
    report_url: str | None = None,
) -> tuple[list[Notice], Memory]:
    """What is to be told, and what is remembered once it is.

    Each person is told of at most once a day without a proposal, and of each new proposal. The first look of all takes
    the runs that are there as told; nights that are missed are told at once.
    """
    expected = None if expected is None else remembering(expected, memory, now)
    after = memory.model_copy(deep=True)
    notices = _of_the_server(expected is not None, after, now)
    judged = standings(results, expected, memory, now)
    for one in judged:
        if one.missed:
            notices += _missed(one, after, now)
    known = None if memory.runs is None else set(memory.runs)
    new = [] if known is None else [result for result in results if result.run not in known]
    notices += _new_runs(new, results, judged, after, now, report_url)
    after.runs = [result.run for result in results]
    if expected is not None:
        after.expected = [KeptPerson.of(one) for one in expected]
    return notices, after


def _of_the_server(answers: bool, after: Memory, now: datetime) -> list[Notice]:
    if answers:
        told, after.unreachable_since, after.unreachable_told = after.unreachable_told, None, ""
        return [words.REACHABLE] if told else []
    after.unreachable_since = after.unreachable_since or now
    today = day_text(now.astimezone(UTC))
    if now - after.unreachable_since < UNREACHABLE_FOR or after.unreachable_told == today:
        return []
    after.unreachable_told = today
    return [words.UNREACHABLE]


def _missed(one: Standing, after: Memory, now: datetime) -> list[Notice]:
    """The dead man's notice: of each missed night once, and once a day."""
    told = after.people.get(one.person.key, Told())
    night, today = one.missed[-1].isoformat(), day_text(now.astimezone(ZoneInfo(one.zone)))
    if night <= told.night or today <= told.day:
        return []
    after.people[one.person.key] = Told(night=night, day=today, without_result=True)
    return [words.no_result(one.person.name, one.missed, one.last_proposal, one.zone, one.why)]


def _new_runs(
    new: Sequence[RunResult],
    results: Sequence[RunResult],
    judged: Sequence[Standing],
    after: Memory,
    now: datetime,
    report_url: str | None,
) -> list[Notice]:
    """Of each person's new runs the newest; a night without a proposal was told already."""
    newest = {result.person.key: result for result in results}
    told_as_nights = {one.person.key for one in judged if one.missed}
    notices = []
    for run in new:
        key, name = run.person.key, run.person.name
        if newest[key] is not run:
            continue
        told = after.people.get(key, Told())
        if run.outcome is RunOutcome.PROPOSAL:
            after.people[key] = told.model_copy(update={"without_result": False})
            link = f"\n{report_url.replace('{run}', run.run)}" if report_url else f"\nRun {run.run}"
            if run.take_back:
                notices.append(words.take_back(name, link))
            else:
                notices.append(words.proposal_ready(name, link, again=told.without_result))
        elif key not in told_as_nights:
            today = day_text(now.astimezone(ZoneInfo(run.zone)))
            if today > told.day:
                after.people[key] = told.model_copy(update={"day": today, "without_result": True})
                notices.append(words.no_recommendation(name, words.why_refused(run.code)))
    return notices
