"""`/p/{id}`: how one person is today, what was applied and what came of it, the settings in force, and all runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from flows.environment import speaking_as_set
from flows.errors import Refused
from flows.language.catalogue import date_text
from flows.proposal.sealed import read_proposal
from flows.report.trend.history import Trend, trend
from flows.report.trend.html import SIGNS, applied_values, trend_values
from flows.report.trend.text import verdict
from flows.web.cards import PersonCard, moment_text, person_cards, why_none
from flows.web.index import RunIndex, index_of, index_said
from flows.web.indexed_run import IndexedRun, RunState
from flows.web.people import Person
from flows.web.rendering import render
from flows.web.run_files import PROPOSAL, run_of
from flows.web.seen_on_server import server_said, server_seen
from flows.web.state import PageState, page_of

routes = APIRouter()
SHOWN = 30  # runs at once


@routes.get("/p/{person_id}", response_class=HTMLResponse)
def person(request: Request, person_id: str, older: int = Query(0, ge=0, le=10_000)) -> Response:
    """The person's page; `older` pages of runs back."""
    page, now = page_of(request), datetime.now(UTC)
    index, found = index_of(page), page.people.by_id(person_id)
    if found is None:
        return nobody(request)
    with speaking_as_set():
        seen = server_seen(page)
        (card,) = person_cards([found], index, seen, now)
        runs = index.of_person(found, most=SHOWN, after=older * SHOWN)
        shown = _trend_of(found, index, page)
        return render(
            request,
            "person.html",
            units=unit_of(found, card),
            person=found,
            card=card,
            in_force=_in_force(card, index, page, now),
            applied=applied_values(shown) if shown else None,
            rows=[_row(run, now) for run in runs],
            newest_two=[run.name for run in runs if run.state is RunState.PROPOSAL][:2],
            newer=older - 1,
            older=older + 1 if index.count_of(found) > (older + 1) * SHOWN else 0,
            **server_said(seen),
            **index_said(index, now),
        )


@routes.get("/p/{person_id}/trend", response_class=HTMLResponse)
def whole_trend(request: Request, person_id: str) -> Response:
    """Everything that is known over time, as `autotune history --html` has it."""
    page = page_of(request)
    found = page.people.by_id(person_id)
    if found is None:
        return nobody(request)
    with speaking_as_set():
        shown = _trend_of(found, index_of(page), page)
        if shown is None:
            return RedirectResponse(f"{page.settings.prefix}/p/{found.id}", status_code=303)
        values = trend_values(shown)
        return render(
            request, "trend_of_person.html", **{**values, "units": found.units or values["units"]}, person=found
        )


def nobody(request: Request) -> HTMLResponse:
    """That there is no person of this address."""
    return render(request, "person_missing.html", status=404)


def unit_of(person: Person, card: PersonCard) -> str:
    """The person's unit: as it was chosen, else that of the newest proposal."""
    return person.units or (card.result.past.units.value if card.result and card.result.past else "mg/dL")


def _trend_of(person: Person, index: RunIndex, page: PageState) -> Trend | None:
    """The person's runs over time; `None` where there are none."""
    try:
        return trend(index.history_of(person), page.settings.runs)
    except Refused:
        return None


def _in_force(card: PersonCard, index: RunIndex, page: PageState, now: datetime) -> dict[str, Any] | None:
    """The settings that the newest result found in force; nothing where it cannot be read any more."""
    if card.result is None or card.result.past is None:
        return None
    run = run_of(page.settings.runs, card.result.name)
    try:
        proposal = read_proposal(run.file(PROPOSAL)) if run else None
    except Refused:
        return None
    if run is None or proposal is None:
        return None
    found = index.in_force_since(run.path.name)
    since = found.since.astimezone(ZoneInfo(proposal.timezone)).date() if found.since else None
    return {
        "profile": str(proposal.profile.get("name") or ""),
        "schedules": proposal.for_pump,
        "daily_basal_u": proposal.current.daily_basal_u,
        "by_switch": found.by_switch,
        "since": date_text(since) if since else "",
        "seen": moment_text(card.result.past.at, proposal.timezone, now),
    }


def _row(run: IndexedRun, now: datetime) -> dict[str, Any]:
    past = run.past
    proposal = run.state is RunState.PROPOSAL and past is not None
    applied = past.last_applied if past else None
    colour = past.colour.value if past and past.colour else "unknown"
    return {
        "run": run,
        "when": moment_text(run.at, past.zone if past else "UTC", now),
        "proposal": proposal,
        "colour": colour,
        "sign": SIGNS[colour],
        "verdict": verdict(past) if past else "",
        "why": "" if proposal else why_none(run),
        "applied": date_text(applied.at.date(), "short day") if applied else "",
        "undone": applied is not None and applied.undone_at is not None,
    }
