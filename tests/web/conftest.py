"""The page with its own directories and a server in memory, as a person who is signed in sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from flows.web.app import create_app
from flows.web.page_settings import PageSettings
from flows.web.state import PageState
from tests.web.fake_server import FakeServer

URL = "http://127.0.0.1:4201"


@dataclass
class Page:
    """One page: its client, its state, Prefect's server."""

    client: TestClient
    state: PageState
    server: FakeServer

    def get(self, path: str, **more: object) -> Response:
        """A page."""
        return self.client.get(path, **more)  # type: ignore[arg-type]

    def post(
        self, path: str, form: dict[str, object] | None = None, *, from_page: str = "/", **more: object
    ) -> Response:
        """Send a form as the page that holds it does: with its session's token."""
        token = re.search(r'name="form_token" value="([^"]*)"', self.get(from_page).text)
        data = {"form_token": token[1] if token else "", **(form or {})}
        return self.client.post(path, data=data, follow_redirects=False, **more)  # type: ignore[arg-type]


def settings(directory: Path, **more: object) -> PageSettings:
    """Everything below one directory."""
    known: dict[str, object] = {
        "data": directory / "page",
        "runs": directory / "runs",
        "journals": directory / "journals",
        "uploads": directory / "uploads",
        "prefect_api": "http://prefect.test/api",
        "prefect_auth": None,
        "prefect_page": "http://prefect.test",
        "url": URL,
        "site": "https://ada.example",
    }
    (directory / "runs").mkdir(exist_ok=True, mode=0o700)
    return PageSettings(**{**known, **more})  # type: ignore[arg-type]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A page of one person, Ada, whose site is the settings'; signed in."""
    server = FakeServer()
    app = create_app(settings(tmp_path), server)
    state: PageState = app.state.page
    state.people.bring_up_to_date(state.settings.site, {})
    with TestClient(app, base_url=URL) as client:
        yield Page(client, state, server)
