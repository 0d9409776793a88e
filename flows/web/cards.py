"""The cards of the first page: of each person how it is, what waits and what comes next, and who stands first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from flows.errors import Reason
from flows.language.catalogue import count_phrase, date_text, phrase, to_translate, translated
from flows.language.translatable import in_spoken
from flows.report.svg import figures
from flows.report.trend.past_runs import PastRun
from flows.watch.words import why_refused
from flows.web.index import RunIndex
from flows.web.indexed_run import IndexedRun, RunState
from flows.web.people import Person
from flows.web.seen_on_server import ServerSeen

WHY_NONE = {
    RunState.FAILED: to_translate("the run failed with an internal error"),
    RunState.DAMAGED: to_translate("its files do not match their seal"),
    RunState.OTHER_VERSION: to_translate("it was made by another version of this program"),
}


@dataclass(frozen=True)
class PersonCard:
    """One person's card; a text that is empty is not shown.

    Attributes:
        person: whose.
        result: the newest run with a proposal, with its `when` and its drawing.
        no_result: why the newest run has none, with `since` when there is none.
        last: the newest run of all.
        waits: whether a step of the newest run waits for a person.
        running: names and words of runs that are under way.
        next_run: when the next is due.
        changes: how many proposals were written.
    """

    person: Person
    last: IndexedRun | None
    result: IndexedRun | None
    when: str
    drawing: Markup | None
    waits: bool
    no_result: str
    running: tuple[tuple[str, str], ...]
    next_run: str
    changes: int

    @property
    def rank(self) -> tuple[int, str, str]:
        """First whom something waits for, then who has no result, then all by name."""
        return 0 if self.waits else 1 if self.no_result else 2, self.person.name.casefold(), self.person.id


def person_cards(people: list[Person], index: RunIndex, seen: ServerSeen | None, now: datetime) -> list[PersonCard]:
    """A card of each person, in the order in which they need to be looked at."""
    return sorted((_card(person, index, seen, now) for person in people), key=lambda card: card.rank)


def _card(person: Person, index: RunIndex, seen: ServerSeen | None, now: datetime) -> PersonCard:
    last, result = index.last(person), index.last_with_result(person)
    card = result.card if result else None
    zone = person.zone or (result.past.zone if result and result.past else "UTC")
    next_run = seen.next_run_of(person) if seen else None
    return PersonCard(
        person=person,
        last=last,
        result=result,
        when=_when(result.past, now) if result and result.past else "",
        drawing=figures.time_in_range(card.drawn, f"range-{person.id}") if card and card.drawn else None,
        waits=result is not None and waits(result, now),
        no_result=no_result(last, result, zone, now) if last is not None and last != result else "",
        running=tuple((run.name, in_words(run.state_name)) for run in seen.running_of(person)) if seen else (),
        next_run=moment_text(next_run, zone, now) if next_run else "",
        changes=index.changes_of(person),
    )


def waits(run: IndexedRun, now: datetime) -> bool:
    """Whether a person has to decide on a run: a step that may be approved, or one to be taken back."""
    until = run.waits_until
    return run.to_take_back or (until is not None and now <= until)


def no_result(last: IndexedRun, result: IndexedRun | None, zone: str, now: datetime) -> str:
    """That there is no result since when, and why in the words of a notice."""
    said = why_none(last)
    why = said[:1].upper() + said[1:]
    if result is None:
        return phrase("No result yet. {why}.", why=why)
    return phrase("No result since {time}. {why}.", time=moment_text(result.at, zone, now), why=why)


def why_none(run: IndexedRun) -> str:
    """Why a run has no proposal, in a few words that hold no number."""
    if run.state is RunState.REFUSED:
        return in_spoken(why_refused(run.codes[0] if run.codes else ""))
    return translated(WHY_NONE.get(run.state, ""))


def reason_of(code: str) -> Reason | None:
    """The reason of a code in a manifest; `None` where this version knows none of it."""
    return next((reason for reason in Reason if reason.code == code), None)


def _when(past: PastRun, now: datetime) -> str:
    days = count_phrase("{count} day", "{count} days", len(past.days))
    return phrase("{time} · {days}", time=moment_text(past.at, past.zone, now), days=days)


def moment_text(at: datetime, zone: str, now: datetime) -> str:
    """A point in time by the person's clock, the days around today by their names."""
    local, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    clock = f"{local:%H:%M}"
    names = {
        -1: to_translate("yesterday {time}"),
        0: to_translate("today {time}"),
        1: to_translate("tomorrow {time}"),
    }
    if (name := names.get((local.date() - today).days)) is not None:
        return phrase(name, time=clock)
    form = "short day" if abs((local.date() - today).days) < 300 else "date"
    return f"{date_text(local.date(), form)} {clock}"


def in_words(state_name: str) -> str:
    """What a server calls a run's state, as people say it."""
    said = {
        "Running": to_translate("running"),
        "Pending": to_translate("about to begin"),
        "Scheduled": to_translate("waiting for a worker"),
        "Late": to_translate("waiting for a worker"),
        "Cancelling": to_translate("being cancelled"),
    }
    return translated(said[state_name]) if state_name in said else phrase("under way")


def usual_units(people: list[Person], cards: list[PersonCard]) -> str:
    """The unit that most of these people use."""
    chosen = [person.units for person in people if person.units]
    made = [card.result.past.units.value for card in cards if card.result and card.result.past]
    counted = Counter(chosen or made)
    return counted.most_common(1)[0][0] if counted else "mg/dL"
