"""Health says what does not work first, and that a published page with an open API can be gone around."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.doctor.check import Level
from flows.web.health import encrypted, health_of, way_around
from flows.web.state import PageState
from tests.serving import serving
from tests.web.conftest import Page, settings


class Api(BaseHTTPRequestHandler):
    """A server's API that wants a password, or none."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def answering(status: int | None) -> Iterator[str]:
    """The address of an API that answers so; `None` for one that is away."""
    if status is None:
        yield "http://127.0.0.1:9/api"
        return
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Api,), {"status": status}))) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}/api"


HERE, PLAIN, SECURE = "http://127.0.0.1:4201", "http://nas.lan:4201", "https://autotune.example/tune"
OPEN, CLOSED, AWAY, BROKEN = 200, 401, None, 503
INSIDE = {"host": "0.0.0.0", "contained": True}  # noqa: S104


@pytest.mark.parametrize(
    ("url", "more", "status", "level"),
    [
        (HERE, {}, OPEN, Level.OK),
        (HERE, INSIDE, OPEN, Level.OK),  # as in the stack
        (HERE, {"host": "::1"}, OPEN, Level.OK),
        ("http://localhost:4201", {"host": "localhost"}, OPEN, Level.OK),
        (HERE, {"host": "0.0.0.0"}, OPEN, Level.FAIL),  # noqa: S104
        (HERE, {"host": "::"}, OPEN, Level.FAIL),
        (HERE, {"host": "192.168.1.7"}, OPEN, Level.FAIL),
        (HERE, {"host": "0.0.0.0"}, CLOSED, Level.OK),  # noqa: S104
        (SECURE, {}, OPEN, Level.FAIL),
        (SECURE, INSIDE, OPEN, Level.FAIL),
        (PLAIN, {}, OPEN, Level.FAIL),
        (PLAIN, {}, CLOSED, Level.OK),
        (SECURE, {"prefect_auth": "autotune:p"}, OPEN, Level.FAIL),  # the page has one, the API wants none
        (SECURE, {"prefect_auth": "autotune:p"}, CLOSED, Level.OK),
        *((SECURE, {"prefect_auth": "autotune:p"}, away, Level.WARN) for away in (AWAY, BROKEN)),
        *((SECURE, {}, away, Level.FAIL) for away in (AWAY, BROKEN)),  # and will want none when it is back
    ],
)
def test_a_published_page_wants_the_api_s_password(
    url: str, more: dict[str, object], status: int | None, level: Level, tmp_path: Path
) -> None:
    with answering(status) as address:
        known = settings(tmp_path, url=url, prefect_api=address, **more)
        assert way_around(PageState(known, None, None, None)).level is level  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "host", "level"),
    [
        (HERE, "127.0.0.1", Level.OK),
        (SECURE, "127.0.0.1", Level.OK),
        (PLAIN, "127.0.0.1", Level.WARN),
        (HERE, "0.0.0.0", Level.WARN),  # noqa: S104
    ],
)
def test_what_goes_over_the_network_in_the_clear_is_said(url: str, host: str, level: Level, tmp_path: Path) -> None:
    known = settings(tmp_path, url=url, host=host)
    assert encrypted(PageState(known, None, None, None)).level is level  # type: ignore[arg-type]


def test_what_does_not_work_stands_first_with_what_to_do(page: Page) -> None:
    object.__setattr__(page.state.settings, "prefect_api", "http://127.0.0.1:9/api")  # nobody is there, said at once
    health_of(page.state).look()
    text = page.get("/health").text
    assert text.index("check-fail") < text.index("check-ok")  # the server of this test is nowhere
    assert "does not work" in text
    assert "Start it (" in text


def test_it_says_that_it_is_still_looking(page: Page) -> None:
    health_of(page.state).look()
    health_of(page.state).rows = []
    assert "data-reload" in page.get("/health").text
