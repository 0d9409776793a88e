"""What stands before every page: nothing open without a session, no foreign form, every answer shut in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from httpx import Response

from flows.web.rendering import static_files
from flows.web.security.headers import CONTENT_SECURITY_POLICY
from tests.web.conftest import URL, Page

OPEN = {"/live", "/s/{digest}/{name}", "/signin", "/first"}
EVIL = "https://evil.example"


def routes(page: Page) -> Iterator[tuple[str, str]]:
    """Method and template of every route."""
    for route in every_route(page.client.app.routes):  # type: ignore[attr-defined]
        for method in sorted(route.methods or ()):
            yield method, route.path


def every_route(found: list[object]) -> Iterator[APIRoute]:
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        elif inner := getattr(route, "original_router", None):
            yield from every_route(inner.routes)


def path_of(template: str) -> str:
    """An address of a route, with something in every gap."""
    return "/".join("abcdef" if part.startswith("{") else part for part in template.split("/"))


def test_there_are_routes_to_walk(page: Page) -> None:
    assert {path for _, path in routes(page)} >= {*OPEN, "/", "/signout"}


def test_without_a_session_nothing_else_is_open(stranger: Page) -> None:
    for method, template in routes(stranger):
        if template not in OPEN:
            answer = stranger.client.request(method, path_of(template), follow_redirects=False)
            assert answer.status_code in (303, 401), (method, template)
            assert answer.status_code == 401 or answer.headers["location"].startswith("/signin"), template


def test_an_address_that_is_nothing_says_no_more_to_a_stranger(stranger: Page) -> None:
    answer = stranger.client.get("/nothing/here", follow_redirects=False)
    assert answer.headers["location"] == "/signin?next=%2Fnothing%2Fhere"


def test_every_answer_is_shut_in(page: Page) -> None:
    for method, template in [*routes(page), ("GET", "/nothing"), ("PUT", "/"), ("BREW", "/")]:
        answer = page.client.request(method, path_of(template), follow_redirects=False)
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY, template
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "permissions-policy" in answer.headers
        assert answer.headers["cache-control"] == "no-store"


def test_no_answer_can_be_framed_whatever_becomes_of_a_request(stranger: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    style = next(name for name in static_files() if name.endswith(".css"))
    long = {"Content-Length": str(10**9)}
    asked: dict[int, list[tuple[str, str, dict[str, str]]]] = {
        200: [("GET", "/live", {}), ("GET", "/first", {}), ("GET", f"/s/{style}", {})],
        303: [("GET", "/", {}), ("GET", "/signin", {}), ("POST", "/settings", {})],
        400: [("GET", "/", {"Host": "evil.example"}), ("GET", "/live", {"Host": "evil.example"})],
        401: [("GET", "/api/v1/people/x/verdict", {}), ("GET", "/", {"Accept": "text/event-stream"})],
        403: [("POST", "/signin", {}), ("POST", "/", {"Origin": EVIL})],
        404: [("GET", "/s/x/page.css", {}), ("GET", "/s/..%2f..%2fx", {})],
        405: [("PUT", "/live", {})],
        413: [("POST", "/first", long)],
    }
    for status, each in asked.items():
        for method, path, headers in each:
            answer = stranger.client.request(method, path, headers=headers, follow_redirects=False)
            assert (status, method, path) == (answer.status_code, method, path)
            shut_in(answer, path)

    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the code")

    monkeypatch.setattr("flows.web.pages.entrance.passwords_of", broken)
    answer = stranger.client.get("/first")
    assert answer.status_code == 500
    assert "a secret" not in answer.text
    shut_in(answer, "/first")


def shut_in(answer: Response, path: str) -> None:
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY, path
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY", path
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert ("no-store" in answer.headers["cache-control"]) is not (answer.status_code == 200 and "/s/" in path)


def test_every_route_that_changes_something_refuses_a_form_without_the_token(page: Page) -> None:
    for method, template in routes(page):
        if method not in ("GET", "HEAD"):
            answer = page.client.request(method, path_of(template), data={"password": "x"}, follow_redirects=False)
            assert answer.status_code == (401 if template.startswith("/api/") else 403), template


SITES = (None, "same-origin", "same-site", "cross-site", "none")
ORIGINS = (None, URL, "http://localhost:4201", "null", EVIL, "http://127.0.0.1:4202", "https://127.0.0.1:4201")
OURS = (URL, "http://localhost:4201")


@pytest.mark.parametrize(("site", "origin"), list(itertools.product(SITES, ORIGINS)))
def test_a_form_is_ours_by_what_the_browser_says_and_its_token(
    page: Page, site: str | None, origin: str | None
) -> None:
    headers = {name: value for name, value in (("Sec-Fetch-Site", site), ("Origin", origin)) if value is not None}
    ours = site == "same-origin" or (site is None and (origin is None or origin in OURS))
    assert page.post("/signout", {"form_token": "wrong"}, headers=headers).status_code == 403
    assert page.client.post("/signout", headers=headers).status_code == 403
    assert page.post("/signout", headers=headers).status_code == (303 if ours else 403)


REFERRERS = {
    **{None: True, f"{URL}/settings": True, "http://localhost:4201/r/x?y=1": True, "HTTP://LOCALHOST:4201/": True},
    **{f"{EVIL}/": False, "http://127.0.0.1:4202/": False, f"{URL}.evil.example/": False, "about:blank": False},
    **{"https://127.0.0.1:4201/": False, f"{EVIL}/?{URL}": False, "http://127.0.0.1:4201@evil.example/": False},
    **{"": False, "http://[": False},
}


@pytest.mark.parametrize(("referrer", "ours"), REFERRERS.items())
def test_where_a_browser_says_nothing_else_the_page_that_it_comes_from_counts(
    page: Page, referrer: str | None, ours: bool
) -> None:
    headers = {} if referrer is None else {"Referer": referrer}
    assert page.client.post("/signout", headers=headers, data={"form_token": "wrong"}).status_code == 403
    assert page.post("/signout", headers={**headers, "Origin": EVIL}).status_code == 403
    assert page.post("/signout", headers=headers).status_code == (303 if ours else 403)
