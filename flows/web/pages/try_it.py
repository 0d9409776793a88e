"""`/try`: a synthetic person with one button, through report, approval and undo; `/try/site`: what their site has."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from flows.environment import speaking_as_set
from flows.language.catalogue import phrase
from flows.web.cards import moment_text
from flows.web.not_here import not_here
from flows.web.prefect_server import ServerAway
from flows.web.rendering import render
from flows.web.sent_form import Form, form_id
from flows.web.snapshot import snapshot_of
from flows.web.state import page_of
from flows.web.synthetic_person import NotTried, synthetic_person_of

routes = APIRouter()
ZONE = "Europe/Berlin"  # of the synthetic person


@routes.get("/try", response_class=HTMLResponse)
def try_page(request: Request) -> HTMLResponse:
    """What there is to try, and the button."""
    return _shown(request)


@routes.post("/try", response_class=HTMLResponse)
def try_it(request: Request, sent: Form) -> Response:
    """Make the person and start their run."""
    page = page_of(request)
    with speaking_as_set():
        try:
            run = synthetic_person_of(page).start(form_id(sent) or secrets.token_hex(16))
        except NotTried as why:
            return _shown(request, error=str(why), status=503)
    snapshot_of(page).soon()
    return RedirectResponse(f"{page.settings.prefix}/r/{run.name}", status_code=303)


@routes.post("/try/remove", response_class=HTMLResponse)
def remove(request: Request) -> Response:
    """Remove the person with the saved site and what was written to it."""
    page = page_of(request)
    try:
        synthetic_person_of(page).remove()
    except ServerAway as away:
        with speaking_as_set():
            said = phrase("Nothing was removed: Prefect's server does not answer ({why}). Try again.", why=away.why)
        return _shown(request, error=said, status=503)
    snapshot_of(page).soon()
    return RedirectResponse(f"{page.settings.prefix}/try", status_code=303)


@routes.get("/try/site", response_class=HTMLResponse)
def site(request: Request) -> Response:
    """The site: its profiles, which is active, what was written when."""
    tried, now = synthetic_person_of(page_of(request)), datetime.now(UTC)
    person = tried.person()
    if person is None:
        return not_here(request)
    with speaking_as_set():
        documents = [(moment_text(one.starts, ZONE, now), one) for one in tried.documents(now)]
    return render(request, "try_site.html", person=person, documents=documents, served=tried.served)


def _shown(request: Request, *, error: str = "", status: int = 200) -> HTMLResponse:
    tried = synthetic_person_of(page_of(request))
    return render(
        request,
        "try.html",
        status=status,
        person=tried.person(),
        served=tried.served,
        form_id=secrets.token_hex(16),
        errors={"": error} if error else {},
    )
