"""The example of a proxy in the documentation is enough for the page, whether the proxy leaves its path or takes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.web.security.cookies import SECURE_NAME
from flows.web.security.sessions import SignedInBy, sessions_of
from tests.conftest import ROOT
from tests.web.conftest import opened

EXAMPLE = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("<!-- nginx -->")[2].partition("\n```\n")[0]
SITE, BELOW = "https://home.example", "/autotune/"
SENT = {"Host": "home.example", "Origin": SITE, "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "203.0.113.9"}


def passed_on(path: str, target: str) -> tuple[str, dict[str, str]]:
    """The path and the headers that nginx asks the page with, for a browser's: by the example's own lines."""
    known = {"$http_host": SENT["Host"], "$remote_addr": "198.51.100.7", '""': ""}
    own = {name: known[value] for name, value in re.findall(r"proxy_set_header (\S+) (\S+);", EXAMPLE)}
    assert re.findall(r"location (\S+) {", EXAMPLE) == [BELOW]
    kept = target.count("/") == 2  # without a path of its own nginx passes on the browser's
    headers = {name: value for name, value in {**SENT, **own}.items() if value}
    return path if kept else f"/{path.removeprefix(BELOW)}", headers


def test_the_example_lets_through_what_the_page_sends() -> None:
    for line in ("proxy_buffering off;", "client_max_body_size 65m;", "proxy_http_version 1.1;", "listen 443 ssl;"):
        assert line in EXAMPLE
    assert re.findall(r"proxy_pass (\S+);", EXAMPLE) == ["http://127.0.0.1:4201"]


@pytest.mark.parametrize("target", ["http://127.0.0.1:4201", "http://127.0.0.1:4201/"], ids=["left", "taken away"])
def test_the_page_works_behind_it(target: str, tmp_path: Path) -> None:
    with opened(tmp_path, client_url=SITE, url=f"{SITE}{BELOW.rstrip('/')}") as page:
        value = sessions_of(page.state).begin(SignedInBy.PASSWORD)
        page.client.cookies.set(SECURE_NAME, value, domain="home.example", path="/")
        path, headers = passed_on("/autotune/settings", target)
        assert headers["X-Forwarded-Host"] == "home.example"  # not what a browser says
        assert headers["X-Forwarded-For"] == "198.51.100.7"
        shown = page.client.get(path, headers=headers)
        token = re.search(r'name="form_token" value="([^"]+)"', shown.text)
        assert shown.status_code == 200
        assert token is not None
        path, headers = passed_on("/autotune/settings/language", target)
        form = {"form_token": token[1], "language": "en"}
        answer = page.client.post(path, headers=headers, data=form, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/autotune/settings")
