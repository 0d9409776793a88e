"""`/health`: what works and what does not, what does not first, each with what to do."""

from __future__ import annotations

from importlib.metadata import version as installed_version

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from flows import __version__
from flows.environment import speaking_as_set
from flows.web.health import health_of
from flows.web.rendering import render
from flows.web.seen_on_server import server_said, server_seen
from flows.web.state import page_of

routes = APIRouter()


@routes.get("/health", response_class=HTMLResponse)
def health(request: Request) -> HTMLResponse:
    """The last findings; a new look is begun where they are old."""
    page = page_of(request)
    found = health_of(page)
    found.freshen()
    with speaking_as_set():
        return render(
            request,
            "health.html",
            rows=found.rows,
            looked_at=f"{found.at.astimezone():%H:%M:%S}" if found.at else "",
            versions=[("autotune-flows", __version__), ("Prefect", installed_version("prefect"))],
            prefect_page=page.settings.prefect_page,
            **server_said(server_seen(page)),
        )
