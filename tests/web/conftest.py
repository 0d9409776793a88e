"""The page with its own directories and a server in memory, as a person who is signed in sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from flows.web.app import create_app
from flows.web.page_settings import PageSettings
from flows.web.security.cookies import SECURE_NAME
from flows.web.security.guessing import guesses_of
from flows.web.security.sessions import SignedInBy, sessions_of
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


@contextmanager
def opened(directory: Path, *, client_url: str = URL, **more: object) -> Iterator[Page]:
    """A page of one person, Ada, whose site is the settings'; nobody is signed in.

    Args:
        directory: of everything that it keeps.
        client_url: at which the client asks for it.
        more: of its settings, where they are others.
    """
    server = FakeServer()
    app = create_app(settings(directory, **more), server)
    state: PageState = app.state.page
    state.people.bring_up_to_date(state.settings.site, {})
    guesses_of(state).answer_s = 0
    # By https: a browser sends a secure cookie to this machine's own names by http too, and this client does not.
    with TestClient(app, base_url=client_url.replace("http://", "https://")) as client:
        yield Page(client, state, server)


def let_in(page: Page) -> Page:
    """Give the client a session."""
    page.client.cookies.set(
        SECURE_NAME, sessions_of(page.state).begin(SignedInBy.PASSWORD), domain="127.0.0.1", path="/"
    )
    return page


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Page]:
    """A page as somebody sees it who is not signed in; it has no password yet."""
    with opened(tmp_path) as page:
        yield page


@pytest.fixture
def page(stranger: Page) -> Page:
    """A page of one person, Ada, whose site is the settings'; signed in."""
    return let_in(stranger)
