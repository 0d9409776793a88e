"""What every page has at hand: the settings, the database, the people, Prefect's server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from fastapi import Request

from flows.web.page_settings import PageSettings
from flows.web.people import People
from flows.web.prefect_server import PrefectServer
from flows.web.store import Store


@dataclass
class PageState:
    """One for each application; `rooms` holds what a page's own room keeps between requests, by its name."""

    settings: PageSettings
    store: Store
    people: People
    server: PrefectServer
    rooms: dict[str, Any] = field(default_factory=dict)


def page_of(request: Request) -> PageState:
    """The state of the application that a request came to."""
    return cast(PageState, request.app.state.page)
