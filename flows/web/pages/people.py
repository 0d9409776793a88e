"""`/`: one card for each person, first those for whom something waits."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from flows.environment import speaking_as_set
from flows.web.cards import moment_text, person_cards, usual_units, why_none
from flows.web.index import index_of, index_said
from flows.web.rendering import render
from flows.web.seen_on_server import server_said, server_seen
from flows.web.state import page_of

routes = APIRouter()
OTHERS = 10  # runs of nobody that are shown


@routes.get("/", response_class=HTMLResponse)
def people(request: Request) -> HTMLResponse:
    """The first page."""
    page, now = page_of(request), datetime.now(UTC)
    index, everybody, seen = index_of(page), page.people.all(), server_seen(page)
    with speaking_as_set():
        cards = person_cards(everybody, index, seen, now)
        nobodys = index.of_nobody(everybody, most=OTHERS)
        return render(
            request,
            "people.html",
            units=usual_units(everybody, cards),
            cards=cards,
            others=[(run, moment_text(run.at, "UTC", now), why_none(run)) for run in nobodys],
            **server_said(seen),
            **index_said(index, now),
        )
