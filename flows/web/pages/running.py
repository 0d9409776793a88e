"""`/r/{run}/events` and `/r/{run}/cancel`: what is new of a run under way, and its end on request."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from flows.environment import speaking_as_set
from flows.errors import Refused
from flows.language.catalogue import phrase
from flows.web.prefect_server import ServerAway
from flows.web.rendering import render
from flows.web.running import is_sealed, view_of
from flows.web.security.sessions import still_signed_in
from flows.web.state import PageState, page_of
from flows.web.watched_runs import EVERY_S, watched_runs
from flows.writeback.approval import run_name

routes = APIRouter()
MOST_STREAMS = 40
PING_EVERY_S = 15.0
LONGEST_S = 3600.0  # the browser connects anew by itself
STREAMED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@routes.get("/r/{name}/cancel", response_class=HTMLResponse)
def ask_to_cancel(request: Request, name: str) -> Response:
    """Ask once more, without a script."""
    return _ask(request, name)


@routes.post("/r/{name}/cancel", response_class=HTMLResponse)
def cancel(request: Request, name: str) -> Response:
    """Ask the server to end the run; one that has ended stays as it is."""
    page = page_of(request)
    try:
        run = watched_runs(page).see(run_name(name)).run
        if run is not None:
            page.server.cancel(run.id)
    except Refused:
        return render(request, "run_missing.html", status=404, there=False)
    except ServerAway as away:
        with speaking_as_set():
            said = phrase("It was not cancelled: Prefect's server does not answer ({why}). Try again.", why=away.why)
        return _ask(request, name, {"": said}, status=503)
    watched_runs(page).forget(name)
    return RedirectResponse(f"{page.settings.prefix}/r/{name}", status_code=303)


def _ask(request: Request, name: str, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    try:
        watched = watched_runs(page_of(request)).see(run_name(name))
    except Refused:
        return render(request, "run_missing.html", status=404, there=False)
    if watched.run is None and not watched.away:
        return render(request, "run_missing.html", status=404, there=False)
    return render(request, "cancel_run.html", status=status, run_name=name, errors=errors or {})


@routes.get("/r/{name}/events")
async def events(request: Request, name: str) -> Response:
    """What the page of a run says, each time it is another; ends with the run, and when nobody is signed in."""
    page = page_of(request)
    streams = page.rooms.setdefault("streams", {"open": 0})
    if streams["open"] >= MOST_STREAMS:
        return Response(status_code=503, headers={"Retry-After": "10"})
    try:
        run_name(name)
    except Refused:
        return Response(status_code=404)
    return StreamingResponse(_stream(request, page, name, streams), media_type="text/event-stream", headers=STREAMED)


async def _stream(request: Request, page: PageState, name: str, streams: dict[str, int]) -> AsyncIterator[str]:
    streams["open"] += 1
    try:
        last, silent_s = request.headers.get("last-event-id", ""), 0.0
        yield "retry: 3000\n\n"
        for _ in range(int(LONGEST_S / EVERY_S)):
            if not await asyncio.to_thread(_still_signed_in, request, page):
                return
            document = await asyncio.to_thread(_now, page, name)
            text = json.dumps(document, ensure_ascii=True)
            event_id = hashlib.sha256(text.encode()).hexdigest()[:16]
            if event_id != last:
                last, silent_s = event_id, 0.0
                yield f"id: {event_id}\ndata: {text}\n\n"
            elif silent_s >= PING_EVERY_S:
                silent_s = 0.0
                yield ": still here\n\n"
            if document["ended"]:
                return
            await asyncio.sleep(EVERY_S)
            silent_s += EVERY_S
    finally:
        streams["open"] -= 1


def _now(page: PageState, name: str) -> dict[str, Any]:
    if is_sealed(page, name):
        return {"state": "sealed", "percent": None, "silent": "", "steps": {}, "ended": True}
    with speaking_as_set():
        view = view_of(watched_runs(page).see(name), there=True, now=datetime.now(UTC))
    return {**view.document(), "ended": not view.live}


def _still_signed_in(request: Request, page: PageState) -> bool:
    session = getattr(request.state, "session", None)
    return session is not None and still_signed_in(page, session.id)
