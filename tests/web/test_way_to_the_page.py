"""By which names the page is asked for, what a proxy may say, below which path it lies, and how much is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from flows.environment import environment_now
from flows.errors import Reason, Refused
from flows.web.proxy_settings import SECRET_HEADER, ProxySettings
from flows.web.security.cookies import PLAIN_NAME, SECURE_NAME
from flows.web.security.limits import BODY_BYTES, UPLOAD_BYTES, most_bytes
from flows.web.security.proxies import client_address
from flows.web.security.sessions import SignedInBy, sessions_of
from tests.web.conftest import Page, opened

SECRET = "a secret of more than twenty characters"
PROXY = ProxySettings((ip_network("10.0.0.9/32"),), "X-Remote-User", SECRET)
NAMED = "https://autotune.example.org"
SIGN_ON = {"X-Remote-User": "ada", SECRET_HEADER: SECRET}


# --- the page's own names


HOSTS = {
    **{"127.0.0.1:4201": True, "localhost:4201": True, "[::1]:4201": True, "LOCALHOST:4201": True},
    **{"autotune.example.org": True, "autotune.example.org:443": True, "Autotune.Example.ORG": True},
    **{"autotune.example.org:8443": False, "autotune.example.org.evil.example": False, "evil.example": False},
    **{"127.0.0.1": False, "127.0.0.1:4202": False, "127.0.0.2:4201": False, "localhost.:4201": False, "": False},
    **{"autotune.example.org@evil.example": False, "evil.example/autotune.example.org": False},
    **{"autotune.example.org, evil.example": False, "<b>x</b>": False, "x" * 5000: False},
}


def test_the_page_answers_to_its_own_names_only(tmp_path: Path) -> None:
    with opened(tmp_path, url=NAMED) as page:
        for host, known in HOSTS.items():
            for path in ("/", "/live", "/signin", "/api/v1/openapi.json", "/s/x/y"):
                answer = page.client.get(path, headers={"Host": host}, follow_redirects=False)
                assert (answer.status_code != 400) is known, (host[:60], path)
                if not known:
                    assert "<b>x</b>" not in answer.text
                    assert "x" * 101 not in answer.text
                    assert answer.headers["x-frame-options"] == "DENY"
                    assert path.startswith("/api") or "AUTOTUNE_PAGE_URL" in answer.text


def test_two_names_at_once_are_none(stranger: Page) -> None:
    asked = [("Host", "127.0.0.1:4201"), ("Host", "evil.example")]
    assert stranger.client.get("/live", headers=asked).status_code == 400  # type: ignore[arg-type]


def test_a_name_that_is_forwarded_counts_from_the_proxy_alone(tmp_path: Path) -> None:
    with opened(tmp_path, url=NAMED, proxy=PROXY) as page:
        for peer, host, forwarded, status in (
            ("10.0.0.9", "page:4201", "autotune.example.org", 200),
            ("10.0.0.9", "autotune.example.org", "evil.example", 400),
            ("10.0.0.8", "page:4201", "autotune.example.org", 400),
            ("10.0.0.8", "autotune.example.org", "evil.example", 200),
        ):
            client = TestClient(page.client.app, base_url=NAMED, client=(peer, 1))
            answer = client.get("/live", headers={"Host": host, "X-Forwarded-Host": forwarded})
            assert answer.status_code == status, (peer, host, forwarded)


# --- what a proxy says


@pytest.mark.parametrize(
    ("peer", "forwarded", "who"),
    [
        ("192.0.2.7", ["203.0.113.5"], "192.0.2.7"),  # no proxy of ours: whoever it is may say so
        ("10.0.0.9", [], "10.0.0.9"),
        ("10.0.0.9", ["203.0.113.5"], "203.0.113.5"),
        ("10.0.0.9", ["1.1.1.1, 203.0.113.5"], "203.0.113.5"),  # the first is what the client itself has sent
        ("10.0.0.9", ["1.1.1.1", "203.0.113.5"], "203.0.113.5"),
        ("10.0.0.9", ["203.0.113.5, 10.0.0.9"], "203.0.113.5"),
        ("10.0.0.9", ["1.1.1.1, unknown"], "10.0.0.9"),
        ("::ffff:10.0.0.9", ["203.0.113.5"], "203.0.113.5"),
        ("10.0.0.9", ["10.0.0.9"], "10.0.0.9"),
    ],
)
def test_who_asks_is_what_our_own_proxy_saw(peer: str, forwarded: list[str], who: str) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    assert client_address({"type": "http", "client": (peer, 1), "headers": headers}, PROXY) == who


@contextmanager
def signing_on(directory: Path, peer: str = "10.0.0.9", **settings: Any) -> Iterator[tuple[Page, TestClient]]:
    with opened(directory, **{"url": NAMED, "proxy": PROXY, **settings}) as page:
        yield page, TestClient(page.client.app, base_url=NAMED, client=(peer, 1), follow_redirects=False)


FORGED = {
    "another address": ("10.0.0.8", SIGN_ON),
    "no secret": ("10.0.0.9", {"X-Remote-User": "ada"}),
    "another secret": ("10.0.0.9", {**SIGN_ON, SECRET_HEADER: SECRET + "x"}),
    "an empty secret": ("10.0.0.9", {**SIGN_ON, SECRET_HEADER: ""}),
    "two secrets": ("10.0.0.9", [*SIGN_ON.items(), (SECRET_HEADER, SECRET)]),
    "two people": ("10.0.0.9", [*SIGN_ON.items(), ("X-Remote-User", "ben")]),
}


@pytest.mark.parametrize(("peer", "headers"), FORGED.values(), ids=FORGED)
def test_whoever_says_what_only_the_proxy_may_is_refused(
    tmp_path: Path, peer: str, headers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with signing_on(tmp_path, peer) as (page, client):
        for path in ("/", "/live", "/signin"):
            answer = client.get(path, headers=headers)
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers
        assert sessions_of(page.state).all() == []
    assert "X-Remote-User" in caplog.text
    assert SECRET not in caplog.text


def test_whom_the_proxy_names_is_in_as_long_as_it_says_so(tmp_path: Path) -> None:
    with signing_on(tmp_path) as (page, client):
        assert client.get("/", headers={**SIGN_ON, "X-Remote-User": " "}).headers["location"].startswith("/signin")
        answer = client.get("/", headers=SIGN_ON)
        assert answer.status_code == 200
        assert "Max-Age" not in answer.headers["set-cookie"]
        (session,) = sessions_of(page.state).all()
        assert session.signed_in_by is SignedInBy.PROXY
        assert client.get("/", headers=SIGN_ON).status_code == 200
        assert len(sessions_of(page.state).all()) == 1
        assert client.get("/").status_code == 303  # the cookie alone opens nothing


def test_a_header_means_nothing_where_no_proxy_signs_people_on(tmp_path: Path) -> None:
    with signing_on(tmp_path, proxy=ProxySettings(PROXY.networks, None, SECRET)) as (page, client):
        assert client.get("/", headers=SIGN_ON).headers["location"].startswith("/signin")
        assert sessions_of(page.state).all() == []


def test_a_form_of_whom_the_proxy_names_needs_its_token_too(tmp_path: Path) -> None:
    with signing_on(tmp_path) as (_, client):
        found = re.search(r'name="form_token" value="([^"]+)"', client.get("/settings", headers=SIGN_ON).text)
        form = {"language": "en"}
        assert client.post("/settings/language", data=form, headers=SIGN_ON).status_code == 403
        assert found is not None
        form["form_token"] = found[1]
        evil = {**SIGN_ON, "Origin": "https://evil.example"}
        assert client.post("/settings/language", data=form, headers=evil).status_code == 403
        assert client.post("/settings/language", data=form, headers=SIGN_ON).status_code == 303


@pytest.mark.parametrize(
    ("variables", "wrong"),
    [
        ({"PAGE_PROXY": "10.0.0.9, fd00::/8"}, False),
        ({"PAGE_PROXY": "proxy"}, True),
        ({"PAGE_SIGN_ON_HEADER": "X-Remote-User", "PAGE_PROXY": "10.0.0.9", "PAGE_PROXY_SECRET": SECRET}, False),
        ({"PAGE_SIGN_ON_HEADER": "X-Remote-User", "PAGE_PROXY": "10.0.0.9"}, True),
        ({"PAGE_SIGN_ON_HEADER": "X-Remote-User", "PAGE_PROXY": "10.0.0.9", "PAGE_PROXY_SECRET": "k7-too-short"}, True),
        ({"PAGE_SIGN_ON_HEADER": "X-Remote-User", "PAGE_PROXY_SECRET": SECRET}, True),
        ({"PAGE_SIGN_ON_HEADER": "Cookie", "PAGE_PROXY": "10.0.0.9", "PAGE_PROXY_SECRET": SECRET}, True),
        ({"PAGE_SIGN_ON_HEADER": "X Y", "PAGE_PROXY": "10.0.0.9", "PAGE_PROXY_SECRET": SECRET}, True),
    ],
)
def test_half_a_proxy_is_refused(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wrong: bool) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"AUTOTUNE_{name}", value)
    if wrong:
        with pytest.raises(Refused) as refused:
            ProxySettings.of(environment_now())
        assert refused.value.reason is Reason.PAGE_PROXY
        assert variables.get("PAGE_PROXY_SECRET", "–") not in str(refused.value)
    else:
        assert SECRET not in repr(ProxySettings.of(environment_now()))


# --- the cookie


@pytest.mark.parametrize(
    ("settings", "at", "name", "secure"),
    [
        ({}, "http://127.0.0.1:4201", SECURE_NAME, True),
        ({"url": NAMED}, NAMED, SECURE_NAME, True),
        ({"url": f"{NAMED}/autotune"}, NAMED, SECURE_NAME, True),
        ({"url": "http://home.lan:4201"}, "http://home.lan:4201", SECURE_NAME, True),
        ({"url": "http://home.lan:4201", "plain_http": True}, "http://home.lan:4201", PLAIN_NAME, False),
        ({"url": NAMED, "plain_http": True}, NAMED, SECURE_NAME, True),
    ],
)
def test_the_cookie_is_shut_in(tmp_path: Path, settings: dict[str, Any], at: str, name: str, secure: bool) -> None:
    with opened(tmp_path, client_url=at, **settings) as page:
        answer = page.client.get(f"{page.state.settings.prefix}/first", headers={"Host": at.partition("//")[2]})
        given, *flags = answer.headers["set-cookie"].split("; ")
        assert given.partition("=")[0] == name
        wanted = {"HttpOnly", "Path=/", "SameSite=lax", *(("Secure",) if secure else ())}
        assert set(flags) == wanted  # above all no Domain: no other host may have it or give it


# --- below a path


@pytest.mark.parametrize("kept", [True, False], ids=["the proxy leaves the path", "the proxy takes it away"])
def test_below_a_path_every_address_has_it(tmp_path: Path, kept: bool) -> None:
    at = "/autotune" if kept else ""
    with opened(tmp_path, client_url=NAMED, url=f"{NAMED}/autotune") as page:
        value = sessions_of(page.state).begin(SignedInBy.PASSWORD)
        page.client.cookies.set(SECURE_NAME, value, domain="autotune.example.org", path="/")
        (ada,) = page.state.people.all()
        for path in (
            "/",
            f"/p/{ada.id}",
            f"/p/{ada.id}/new",
            "/settings",
            "/settings/access",
            "/health",
            "/try",
            "/nothing",
        ):
            answer = page.client.get(f"{at}{path}", follow_redirects=False)
            assert answer.status_code == (404 if path == "/nothing" else 200), path
            for address in re.findall(r'(?:href|src|action)="([^"#][^"]*)"', answer.text):
                assert address.startswith(("/autotune/", "http://prefect.test", "https://")), (path, address)
            (style,) = re.findall(r'href="(/autotune/s/[^"]+\.css)"', answer.text)
            assert page.client.get(style if kept else style.removeprefix("/autotune")).status_code == 200
        token = re.search(r'name="form_token" value="([^"]+)"', page.client.get(f"{at}/settings").text)
        assert token is not None
        form = {"form_token": token[1], "language": "en"}
        answer = page.client.post(f"{at}/settings/language", data=form, follow_redirects=False)
        assert answer.headers["location"] == "/autotune/settings"
        page.client.cookies.clear()
        answer = page.client.get(f"{at}/p/{ada.id}", follow_redirects=False)
        assert answer.headers["location"] == f"/autotune/signin?next=%2Fp%2F{ada.id}"
        assert page.client.get(f"{at}/autotunes", follow_redirects=False).status_code == 303
        assert page.client.get(f"{at}/live").text == "ok"


# --- how much is sent


def test_what_is_too_large_is_not_read(page: Page) -> None:
    def piece_by_piece() -> Iterator[bytes]:
        yield b"form_token=x&name="
        for _ in range(BODY_BYTES // 1024 + 2):
            yield b"x" * 1024

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"x" * (BODY_BYTES + 1), piece_by_piece()):
        assert page.client.post("/signout", content=body, headers=kind).status_code == 413
    for length in ("-1", "1e9", "+5", "0x10", str(10**30)):
        headers = {**kind, "Content-Length": length}
        assert page.client.post("/signout", content=b"x", headers=headers).status_code in (403, 413)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        *(("/p/abcdef/uploads", UPLOAD_BYTES), ("/p/abcdef/uploads/x", BODY_BYTES), ("/p/a/b/uploads", BODY_BYTES)),
        *(("/p/abcdef/uploads/remove", BODY_BYTES), ("/x/p/abcdef/uploads", BODY_BYTES), ("/signin", BODY_BYTES)),
        *(("/p//uploads", BODY_BYTES), ("/p/abcdef/uploads\n", BODY_BYTES)),
    ],
)
def test_only_an_upload_may_be_large(path: str, most: int) -> None:
    assert most_bytes(path) == most


def test_an_upload_is_not_read_for_a_stranger(stranger: Page) -> None:
    def pieces() -> Iterator[bytes]:
        yield from [b"x" * 65536] * 8

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = stranger.client.post("/p/abcdef/uploads", content=pieces(), headers=kind, follow_redirects=False)
    assert answer.status_code == 303
    assert not stranger.state.settings.uploads.exists()
