"""Health says what does not work first, and that a published page with an open API can be gone around."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.doctor.check import Level
from flows.web.health import encrypted, health_of, way_around
from tests.serving import serving
from tests.web.conftest import Page, opened


class Api(BaseHTTPRequestHandler):
    """A server's API that wants a password, or none."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(params=[200, 401])
def api(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Api,), {"status": request.param}))) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}/api", request.param


@pytest.mark.parametrize("url", ["http://127.0.0.1:4201", "https://autotune.example", "http://nas.lan:4201"])
def test_a_published_page_wants_the_api_s_password(url: str, api: tuple[str, int], tmp_path: Path) -> None:
    address, status = api
    with opened(tmp_path, url="http://127.0.0.1:4201", prefect_api=address) as page:
        object.__setattr__(page.state.settings, "url", url)
        open_to_all = status == 200 and "127.0.0.1" not in url
        assert way_around(page.state).level is (Level.FAIL if open_to_all else Level.OK)
        assert encrypted(page.state).level is (Level.WARN if "nas.lan" in url else Level.OK)


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
