"""`/settings/notices`: a test message, sent by the worker that has the addresses; this page has none of them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from flows.environment import speaking_as_set
from flows.language.catalogue import phrase, to_translate, translated
from flows.watch.addresses import NoticesTest
from flows.web.not_here import not_here
from flows.web.prefect_server import ServerAway, ServerRun
from flows.web.rendering import render
from flows.web.sent_form import Form, form_id
from flows.web.state import page_of

routes = APIRouter()
DEPLOYMENT, FLOW_POOL = "notices-test/notices-test", "autotune"
LONGEST_WAIT = timedelta(minutes=10)  # then it is withdrawn: a test that comes an hour later says nothing
NO_WORKER = to_translate("No worker listens that could send it, so nothing was asked for. Health says what to do.")


@routes.get("/settings/notices", response_class=HTMLResponse)
def ask(request: Request) -> HTMLResponse:
    """The button, and where the addresses stand."""
    return _asked(request)


@routes.post("/settings/notices", response_class=HTMLResponse)
def send(request: Request, sent: Form) -> Response:
    """Have the worker send it."""
    page = page_of(request)
    with speaking_as_set():
        try:
            if not page.server.worker_listens(FLOW_POOL):
                return _asked(request, translated(NO_WORKER))
            run = page.server.start(DEPLOYMENT, None, key=form_id(sent) or secrets.token_hex(16))
        except ServerAway as away:
            said = phrase("Nothing was sent: Prefect's server does not answer ({why}). Try again.", why=away.why)
            return _asked(request, said)
    return RedirectResponse(f"{page.settings.prefix}/settings/notices/{run.id}", status_code=303)


@routes.get("/settings/notices/{test_id}", response_class=HTMLResponse)
def answer(request: Request, test_id: UUID) -> Response:
    """What came of it."""
    page = page_of(request)
    with speaking_as_set():
        try:
            run = page.server.run(test_id)
            if run is None or not page.server.is_of(run, DEPLOYMENT):
                return not_here(request)
            if run.waiting and run.created is not None and datetime.now(UTC) - run.created > LONGEST_WAIT:
                page.server.withdraw(run.id)
                run = page.server.run(test_id) or run
        except ServerAway as away:
            said = phrase("What came of it is not known: Prefect's server does not answer ({why}).", why=away.why)
            return _asked(request, said)
        return _shown(request, run)


def _shown(request: Request, run: ServerRun) -> HTMLResponse:
    test = NoticesTest.of(run.message) if run.ended else None
    return render(
        request,
        "notices_test.html",
        run=run,
        test=test,
        withdrawn=run.state_type == "CANCELLED" and run.began is None,
        form_id=secrets.token_hex(16),
        errors={},
    )


def _asked(request: Request, error: str = "") -> HTMLResponse:
    return render(
        request,
        "notices_test.html",
        status=503 if error else 200,
        run=None,
        test=None,
        form_id=secrets.token_hex(16),
        errors={"": error} if error else {},
    )
