"""The application: its routes, and what stands before every one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI

from flows.web.changes import withdraw_what_waits
from flows.web.health import ROOM as HEALTH
from flows.web.health import Health, health_of
from flows.web.index import RunIndex
from flows.web.looks import ROOM as LOOKS
from flows.web.looks import PersonLooks
from flows.web.page_settings import PageSettings
from flows.web.pages import (
    access,
    api,
    approve,
    change,
    compare,
    entrance,
    entry,
    files,
    health,
    live_sign,
    new_run,
    notices,
    people,
    person,
    report,
    running,
    static,
    try_it,
    undo,
    uploads,
)
from flows.web.pages import settings as settings_page
from flows.web.people import People
from flows.web.prefect_server import PrefectServer
from flows.web.preferences import ROOM as PREFERENCES
from flows.web.preferences import InChosenLanguage, Preferences
from flows.web.security.guarded import guard
from flows.web.snapshot import ROOM, Snapshot
from flows.web.state import PageState
from flows.web.store import Store
from flows.web.synthetic_person import ROOM as SYNTHETIC_PERSON
from flows.web.synthetic_person import SyntheticPerson
from flows.web.uploads import OldUploads
from flows.web.warm import warm_up

# In the order of the site map.
ROOMS = (
    *(live_sign, static, people, person, report, files, entry, compare, new_run, entrance, running),
    *(approve, change, undo, settings_page, notices, health, access, api, try_it, uploads),
)


def create_app(settings: PageSettings, transport: httpx.BaseTransport | None = None) -> FastAPI:
    """The page.

    Args:
        settings: what it is told.
        transport: that reaches Prefect's server, for tests.
    """
    store = Store(settings.data)
    server = PrefectServer(settings.prefect_api, settings.prefect_auth, transport)
    state = PageState(settings, store, People(store), server)
    preferences = state.rooms[PREFERENCES] = Preferences(store)
    speak = preferences.spoken_outside_requests
    index = state.rooms["index"] = RunIndex(store, settings.runs, settings.uploads, speak)
    snapshot = state.rooms[ROOM] = Snapshot(state)
    state.rooms[HEALTH] = Health(state)
    looks = state.rooms[LOOKS] = PersonLooks(state)
    old_uploads = OldUploads(settings.uploads)
    synthetic_person = state.rooms[SYNTHETIC_PERSON] = SyntheticPerson(state)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warm_up(state, preferences)
        index.begin()
        synthetic_person.begin()
        snapshot.begin()
        old_uploads.begin()
        withdraw_what_waits(state, datetime.now(UTC))
        health_of(state).freshen()
        yield
        old_uploads.end()
        snapshot.end()
        looks.end()
        synthetic_person.end()
        index.end()
        server.close()

    app = FastAPI(
        title="autotune-flows",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        root_path=settings.prefix,
        redirect_slashes=False,  # an address made of the request's host, which a proxy may have changed
        lifespan=lifespan,
    )
    app.state.page = state
    app.add_middleware(InChosenLanguage, preferences=preferences)
    guard(app, state)
    for room in ROOMS:
        app.include_router(room.routes)
    return app
