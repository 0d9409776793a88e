"""`/`: one card for each person, first those for whom something waits."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from flows.web.rendering import render
from flows.web.state import page_of

routes = APIRouter()


@routes.get("/", response_class=HTMLResponse)
def people(request: Request) -> HTMLResponse:
    """The first page."""
    return render(request, "people.html", people=page_of(request).people.all())
