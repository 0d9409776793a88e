"""The Nightscout client against a real HTTP server with scripted answers: what is retried, what is refused, no leak."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, quote, urlsplit

import hypothesis
import pytest
import requests
from hypothesis import strategies

from flows.errors import Reason, Refused
from flows.nightscout import fetch
from flows.nightscout.answers import redirected_site
from flows.nightscout.authentication import Credentials
from flows.nightscout.circuit_breaker import DEAD_RUNS, FIRST_REST_S, LOCKED_RUNS, CircuitBreaker
from flows.nightscout.client import NightscoutClient
from flows.nightscout.credentials import credentials_for, write_credentials_for
from flows.nightscout.fetch import fetch_entries
from flows.nightscout.retry import ATTEMPTS, retry_after_s
from flows.nightscout.site_memory import SiteMemory
from flows.settings import AnalysisRequest
from flows.values.local_days import Window
from flows.values.timestamps import iso_utc

SECRET = "a-very-secret-passphrase"  # noqa: S105
TOKEN = "reader-0123456789abcdef"  # noqa: S105
Respond = Callable[[BaseHTTPRequestHandler, int], None]
WAKING = 16  # 5 attempts within 7.5 s, then one every 5 s up to a minute
NOW_S = 1_795_385_600.0  # Sun, 22 Nov 2026 22:13:20 GMT


class Site:
    """A scripted server: `respond(handler, n)` answers the n-th request."""

    def __init__(self) -> None:
        self.respond: Respond = json_answer([])
        self.asked: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                site.asked.append((self.path, dict(self.headers.items())))
                site.respond(self, len(site.asked))

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **named}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def json_answer(document: Any, status: int = 200) -> Respond:
    return lambda handler, _: send(handler, status, json.dumps(document).encode())


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def client(site: Site, waits: list[float] | None = None, **credentials: str) -> NightscoutClient:
    return NightscoutClient(
        site.url,
        Credentials(**credentials),
        sleep=(waits if waits is not None else []).append,
        jitter=lambda: 0.0,
        clock=lambda: NOW_S,
    )


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ({"api_secret": SECRET}, hashlib.sha1(SECRET.encode()).hexdigest()),  # noqa: S324
        ({"api_secret": "A" * 40}, "a" * 40),
        ({}, None),
    ],
)
def test_a_secret_travels_in_the_header_only(site: Site, credentials: dict[str, str], header: str | None) -> None:
    client(site, **credentials).get("status.json")
    path, headers = site.asked[0]
    assert headers.get("api-secret") == header
    assert path == "/api/v1/status.json"
    assert SECRET not in repr(Credentials(**credentials))
    assert TOKEN not in repr(Credentials(**credentials))


WEB_TOKEN = "header.payload.signature"  # noqa: S105


def with_tokens(respond: Respond, lifetime: int = 10**9) -> Respond:
    """Exchanges the access token for web tokens that are good for `lifetime` requests; then `respond` answers."""
    used = {"token": 0, "requests": 0}

    def answer(handler: BaseHTTPRequestHandler, n: int) -> None:
        if handler.path == f"/api/v2/authorization/request/{TOKEN}":
            used["token"] += 1
            used["requests"] = 0
            send(handler, 200, json.dumps({"token": f"{WEB_TOKEN}{used['token']}"}).encode())
        elif (
            handler.headers.get("Authorization") != f"Bearer {WEB_TOKEN}{used['token']}" or used["requests"] >= lifetime
        ):
            send(handler, 401, b'{"status": 401}')
        else:
            used["requests"] += 1
            respond(handler, n)

    return answer


@pytest.mark.parametrize("token", [TOKEN, f"token={TOKEN}", f" {TOKEN}\n"])
def test_an_access_token_is_exchanged_once_and_renewed_when_it_has_run_out(site: Site, token: str) -> None:
    site.respond = with_tokens(json_answer([{"sgv": 100}]), lifetime=2)
    reader = client(site, token=token)
    for _ in range(3):
        assert reader.records("entries/sgv.json").document
    paths = [path.split("/")[3] for path, _ in site.asked]
    assert paths == ["authorization", "entries", "entries", "entries", "authorization", "entries"]
    assert not any("token" in query for query in [urlsplit(path).query for path, _ in site.asked])


@pytest.mark.parametrize("status", [401, 403, 404, 500, 200])
def test_a_token_that_is_no_good_is_refused_without_being_shown(site: Site, status: int) -> None:
    site.respond = json_answer({"message": "no"}, status)
    with pytest.raises(Refused) as caught:
        client(site, token=TOKEN).get("status.json")
    assert (
        caught.value.reason
        is {
            401: Reason.SITE_UNAUTHORIZED,
            403: Reason.SITE_FORBIDDEN,
            404: Reason.SITE_NOT_FOUND,
            500: Reason.SITE_FAILS,
            200: Reason.SITE_NOT_DATA,
        }[status]
    )
    assert_hidden(caught.value, TOKEN)


def assert_hidden(error: BaseException | None, *secrets: str) -> None:
    """Neither the error nor anything it came from shows a secret."""
    while error is not None:
        for secret in secrets:
            assert secret not in f"{error!s} {error!r} {vars(error)}"
        error = error.__cause__ or error.__context__


def truncated(handler: BaseHTTPRequestHandler, _: int) -> None:
    send(handler, 200, b'[{"sgv": 10', Content_Length="500")
    handler.connection.close()


def half(handler: BaseHTTPRequestHandler, _: int) -> None:
    send(handler, 200, b'[{"sgv": 10')


PACKED = gzip.compress(json.dumps([{"sgv": n} for n in range(5000)]).encode())


def half_packed(handler: BaseHTTPRequestHandler, _: int) -> None:
    send(handler, 200, PACKED[: len(PACKED) // 2], Content_Encoding="gzip")


def not_packed(handler: BaseHTTPRequestHandler, _: int) -> None:
    send(handler, 200, b"[]", Content_Encoding="gzip")


def half_in_chunks(handler: BaseHTTPRequestHandler, _: int) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"2\r\n[1\r\n")
    handler.close_connection = True


def until_closed(handler: BaseHTTPRequestHandler, _: int) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b'[{"sgv": 100}, {"sg')


TAIL = "/api/v1/entries/sgv.json"
V3 = "/api/v3/version"  # which is asked for after a 404


def redirect(location: str, status: int = 302) -> Respond:
    return lambda handler, _: send(handler, status, b"", Location=location)


TROUBLE: list[tuple[str, Respond, Reason, int]] = [
    ("401", json_answer({"status": 401, "message": "Unauthorized"}, 401), Reason.SITE_UNAUTHORIZED, 1),
    ("401 in a 200", json_answer({"status": 401}), Reason.SITE_UNAUTHORIZED, 1),
    ("403", json_answer({}, 403), Reason.SITE_FORBIDDEN, 1),
    ("404", json_answer({}, 404), Reason.SITE_NOT_FOUND, 1),
    ("429", json_answer({}, 429), Reason.SITE_BUSY, ATTEMPTS),
    ("500", json_answer({}, 500), Reason.SITE_FAILS, ATTEMPTS),
    ("503 with a page", lambda h, _: send(h, 503, b"<html>", Content_Type="text/html"), Reason.SITE_FAILS, WAKING),
    ("a login page", lambda h, _: send(h, 200, b"<html>", Content_Type="text/html"), Reason.SITE_NOT_DATA, 1),
    ("null", json_answer(None), Reason.SITE_NOT_DATA, 1),
    ("an object for a list", json_answer({"a": 1}), Reason.SITE_NOT_DATA, 1),
    ("cut off", truncated, Reason.SITE_UNREACHABLE, ATTEMPTS),
    ("half a document", half, Reason.SITE_NOT_DATA, ATTEMPTS),
    ("half a compressed document", half_packed, Reason.SITE_NOT_DATA, ATTEMPTS),
    ("compressed only by name", not_packed, Reason.SITE_UNREACHABLE, ATTEMPTS),
    ("half in chunks", half_in_chunks, Reason.SITE_UNREACHABLE, ATTEMPTS),
    ("half until the connection ends", until_closed, Reason.SITE_NOT_DATA, ATTEMPTS),
    ("text", lambda h, _: send(h, 200, b"Unauthorized"), Reason.SITE_NOT_DATA, 1),
    ("nesting without end", lambda h, _: send(h, 200, b"[" * 200_000), Reason.LIMIT_EXCEEDED, 1),
    ("a proxy's 401", lambda h, _: send(h, 401, b"", WWW_Authenticate="Basic"), Reason.SITE_BASIC_AUTH, 1),
    ("429 for an hour", lambda h, _: send(h, 429, b"", Retry_After="3600"), Reason.SITE_ASKS_TO_WAIT, 1),
    ("503 for two days", lambda h, _: send(h, 503, b"", Retry_After="172800"), Reason.SITE_ASKS_TO_WAIT, 1),
    ("a redirect to an unreadable address", redirect("http://[::1"), Reason.SITE_UNREACHABLE, ATTEMPTS),
    ("a redirect to itself", redirect("/api/v1/entries/sgv.json"), Reason.SITE_NOT_DATA, 1),
    ("a redirect into a circle", lambda h, n: redirect(f"/{n % 2}{TAIL}")(h, n), Reason.SITE_NOT_DATA, 3),
    ("redirects without end", lambda h, n: redirect(f"/{n}{TAIL}")(h, n), Reason.SITE_NOT_DATA, 4),
    ("nothing", lambda h, _: send(h, 200, b""), Reason.SITE_NOT_DATA, ATTEMPTS),
    (
        "a redirect to another host",
        lambda h, _: send(h, 302, b"", Location="http://localhost.example/moved"),
        Reason.SITE_NOT_DATA,
        1,
    ),
]


@pytest.mark.parametrize(("trouble", "respond", "reason", "requests"), TROUBLE, ids=[t[0] for t in TROUBLE])
def test_trouble_is_told_apart(site: Site, trouble: str, respond: Respond, reason: Reason, requests: int) -> None:
    site.respond = respond
    with pytest.raises(Refused) as caught:
        client(site, api_secret=SECRET).records("entries/sgv.json", "count=5")
    assert caught.value.reason is reason
    assert len([path for path, _ in site.asked if path != V3]) == requests
    assert_hidden(caught.value, SECRET, hashlib.sha1(SECRET.encode()).hexdigest())  # noqa: S324


def test_what_null_may_mean_is_said(site: Site) -> None:
    site.respond = json_answer(None)
    with pytest.raises(Refused, match="version 15 answers for a date"):
        client(site).records("treatments.json")


def test_a_web_page_is_called_one(site: Site) -> None:
    site.respond = lambda h, _: send(h, 200, b"\n<!DOCTYPE html>", Content_Type="text/html; charset=utf-8")
    with pytest.raises(Refused, match="a web page, text/html content"):
        client(site).records("treatments.json")


def test_an_answer_that_drips_in_for_ever_is_given_up(site: Site) -> None:
    ticking = iter(range(0, 10**9, 400))
    site.respond = lambda h, _: send(h, 200, b"[" + b" " * 20_000 + b"]")
    reader = NightscoutClient(
        site.url, Credentials(), sleep=lambda _: None, jitter=lambda: 0, clock=lambda: next(ticking)
    )
    with pytest.raises(Refused, match="no answer in time"):
        reader.get("entries/sgv.json")


def test_a_site_that_recovers_is_read(site: Site) -> None:
    waits: list[float] = []

    def respond(handler: BaseHTTPRequestHandler, n: int) -> None:
        (json_answer({}, 502), truncated, half, json_answer([{"sgv": 100}]))[n - 1](handler, n)

    site.respond = respond
    assert client(site, waits).records("entries/sgv.json").document == [{"sgv": 100}]
    assert waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Sun, 22 Nov 2026 22:13:40 GMT", 20.0),
        ("Sun, 22 Nov 2026 22:13:40 -0000", 20.0),
        ("Sunday, 22-Nov-26 22:13:40 GMT", 20.0),
        ("Sun, 22 Nov 2026 22:00:00 GMT", 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("²", 0.0),
        ("1.5", 0.0),
        ("Sun, 99 Nov 2026 22:13:40 GMT", 0.0),
    ],
)
def test_a_retry_after_is_read_as_seconds_or_as_a_date(header: str, seconds: float) -> None:
    assert retry_after_s(header, NOW_S) == seconds


@pytest.mark.parametrize(
    ("header", "wait"), [("7", 7.0), ("Sun, 22 Nov 2026 22:13:40 GMT", 20.0), ("0", 0.5), ("60", 60.0)]
)
def test_retry_after_is_respected(site: Site, header: str, wait: float) -> None:
    waits: list[float] = []
    site.respond = lambda h, n: send(h, 429, b"{}", Retry_After=header) if n == 1 else json_answer([])(h, n)
    client(site, waits).records("entries/sgv.json")
    assert waits == [wait]


@pytest.mark.parametrize(
    ("site_address", "location", "moved"),
    [
        ("http://my.example", f"https://my.example{TAIL}?count=1", "https://my.example"),
        ("http://my.example:1337", f"https://my.example{TAIL}", "https://my.example"),
        ("https://my.example", f"https://www.my.example{TAIL}", "https://www.my.example"),
        ("https://www.my.example", f"https://my.example{TAIL}", "https://my.example"),
        ("https://my.example", f"//my.example/nightscout{TAIL}", "https://my.example/nightscout"),
        ("https://my.example", f"/nightscout{TAIL}", "https://my.example/nightscout"),
        ("https://my.example:8443", f"https://my.example:8443/ns{TAIL}", "https://my.example:8443/ns"),
        ("http://[::1]:1337", f"http://[::1]:1337/ns{TAIL}", "http://[::1]:1337/ns"),
        ("https://MY.example", f"https://my.Example{TAIL}", "https://my.example"),
        ("https://my.example", f"http://my.example{TAIL}", None),
        ("https://my.example", f"https://other.example{TAIL}", None),
        ("https://my.example", f"https://my.example.evil.example{TAIL}", None),
        ("https://my.example", f"https://api.my.example{TAIL}", None),
        ("https://my.example", f"https://my.example:8443{TAIL}", None),
        ("https://my.example", f"https://me@my.example{TAIL}", None),
        ("https://my.example", "https://my.example/login", None),
        ("https://my.example", f"ftp://my.example{TAIL}", None),
        ("https://my.example", f"https://my.example:port{TAIL}", None),
        ("https://my.example", "https://[my.example", None),
    ],
)
def test_a_redirect_is_followed_on_the_same_host_only(site_address: str, location: str, moved: str | None) -> None:
    assert redirected_site(site_address, TAIL, location) == moved


def test_a_redirect_keeps_the_question_and_the_secret(site: Site) -> None:
    site.respond = lambda h, n: redirect(f"/ns{TAIL}")(h, n) if n == 1 else json_answer([])(h, n)
    reader = client(site, api_secret=SECRET)
    answer = reader.records("entries/sgv.json", "count=5")
    assert [path for path, _ in site.asked] == [f"{TAIL}?count=5", f"/ns{TAIL}?count=5"]
    assert all("api-secret" in headers for _, headers in site.asked)
    assert (answer.path, answer.query, reader.site) == ("entries/sgv.json", "count=5", f"{site.url}/ns")


BASIC = "me:päss:word"


def test_a_server_in_front_gets_its_password_and_nightscout_its_secret(site: Site) -> None:
    client(site, api_secret=SECRET, basic=BASIC).get("status.json")
    _, headers = site.asked[0]
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == BASIC
    assert headers["api-secret"] == hashlib.sha1(SECRET.encode()).hexdigest()  # noqa: S324
    assert BASIC not in repr(Credentials(basic=BASIC))


@pytest.mark.parametrize("status", [200, 500, 404])
def test_a_token_behind_such_a_server_goes_into_the_address_and_is_never_shown(
    site: Site, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = f"/api/v2/authorization/request/{TOKEN}"
    site.respond = lambda h, n: json_answer({"token": "web"} if h.path == exchange else [], 200 if n == 1 else status)(
        h, n
    )
    reader = client(site, token=TOKEN, basic=BASIC)
    with caplog.at_level(logging.DEBUG), contextlib.suppress(Refused):
        try:
            answer = reader.records("entries/sgv.json", "count=5")
            assert answer.query == "count=5"
            assert TOKEN not in repr(answer)
        except Refused as refusal:
            assert_hidden(refusal, TOKEN, BASIC)
            raise
    assert {path for path, _ in site.asked} - {V3} == {exchange, f"{TAIL}?count=5&token={TOKEN}"}
    assert all(headers["Authorization"].startswith("Basic ") for _, headers in site.asked)
    assert "GET /api/v1/entries" in caplog.text
    assert TOKEN not in caplog.text


def test_a_password_of_netrc_does_not_replace_the_credentials(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    site.respond = with_tokens(json_answer([]))
    client(site, token=TOKEN).get("status.json")
    assert [headers.get("Authorization") for _, headers in site.asked] == [None, f"Bearer {WEB_TOKEN}1"]


def test_a_token_that_never_worked_is_not_tried_twice(site: Site) -> None:
    site.respond = with_tokens(json_answer([]), lifetime=0)
    with pytest.raises(Refused) as caught:
        client(site, token=TOKEN).get("status.json")
    assert caught.value.reason is Reason.SITE_UNAUTHORIZED
    assert len(site.asked) == 2


def test_a_stopped_client_asks_no_more(site: Site) -> None:
    reader = client(site)
    reader.stop()
    with pytest.raises(Refused):
        reader.get("status.json")
    assert site.asked == []


def test_nobody_listening_is_told(site: Site) -> None:
    site.server.shutdown()
    site.server.server_close()
    with pytest.raises(Refused) as caught:
        client(site).get("status.json")
    assert caught.value.reason is Reason.SITE_UNREACHABLE


def server_with(records: list[dict[str, Any]], field: str) -> Respond:
    """Answers as Nightscout does: newest first, cut at `count`, silently."""

    def respond(handler: BaseHTTPRequestHandler, _: int) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        low, high = query[f"find[{field}][$gte]"][0], query[f"find[{field}][$lte]"][0]
        convert: Callable[[str], Any] = float if field == "date" else str
        mine = [r for r in records if convert(low) <= r[field] <= convert(high)]
        mine.sort(key=lambda r: r[field], reverse=True)
        send(handler, 200, json.dumps(mine[: int(query["count"][0])]).encode())

    return respond


@pytest.mark.parametrize("count", [3, 4, 10, 1000])
@pytest.mark.parametrize("field", ["date", "created_at"])
def test_a_window_is_complete_whatever_the_page(site: Site, count: int, field: str) -> None:
    start = 1_778_662_800_000
    instants = [start + n * 997 for n in range(40)] + [start + 5 * 997 + 0.5]
    records = [{"_id": n, field: ms if field == "date" else iso_utc(ms)} for n, ms in enumerate(instants)]
    site.respond = server_with(records, field)
    encode: Callable[[int], str] = str if field == "date" else iso_utc
    answers = client(site).window("entries/sgv.json", field, (start, start + 60_000), encode, count)
    assert {r["_id"] for a in answers for r in a.document} == set(range(41))


def test_more_records_in_a_millisecond_than_a_page_are_refused(site: Site) -> None:
    records = [{"_id": n, "date": 1_778_662_800_000} for n in range(5)]
    site.respond = server_with(records, "date")
    with pytest.raises(Refused) as caught:
        list(client(site).window("e", "date", (1_778_662_700_000, 1_778_662_900_000), str, 3))
    assert caught.value.reason is Reason.SITE_INCOMPLETE


@pytest.mark.parametrize(
    ("field", "value", "inside"),
    [
        ("date", 1_778_662_800_000, True),
        ("date", 1_778_662_800_000.5, True),
        ("date", 1_778_662_860_000, True),
        ("date", 1_778_662_860_001, False),
        ("date", 1_778_662_799_999, False),
        ("date", None, True),  # nothing to judge by
        ("date", "a date", True),
        ("created_at", "2026-05-13T09:00:00.000Z", True),
        ("created_at", "2026-05-13T09:01:00Z", True),  # as an instant, though not as text
        ("created_at", "2026-05-13T09:00:30+02:00", True),  # as text, though not as an instant
        ("created_at", "2026-05-13T11:00:30+02:00", True),  # as an instant
        ("created_at", "2026-05-13T09:02:00.000Z", False),
        ("created_at", "2026-05-12T09:00:00.000Z", False),
    ],
)
def test_records_that_were_not_asked_for_give_a_server_away(site: Site, field: str, value: Any, inside: bool) -> None:
    start = 1_778_662_800_000  # 2026-05-13T09:00:00Z
    site.respond = json_answer([{"_id": "1", field: value}, "odd"])
    encode: Callable[[int], str] = str if field == "date" else iso_utc
    answers = client(site).window("entries/sgv.json", field, (start, start + 60_000), encode, 10)
    if inside:
        assert [a.records for a in answers] == [2]
        return
    with pytest.raises(Refused, match="outside the time asked for") as caught:
        list(answers)
    assert caught.value.reason is Reason.SITE_INCOMPLETE


class InMemory(requests.adapters.BaseAdapter):
    """A site without a network: as `server_with`."""

    def __init__(self, records: list[dict[str, Any]], field: str) -> None:
        super().__init__()
        self.records, self.field = records, field

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        query = parse_qs(urlsplit(str(request.url)).query)
        low, high = (query[f"find[{self.field}][{operator}]"][0] for operator in ("$gte", "$lte"))
        convert: Callable[[str], Any] = float if self.field == "date" else str
        mine = [r for r in self.records if convert(low) <= r[self.field] <= convert(high)]
        mine.sort(key=lambda r: r[self.field], reverse=True)
        response = requests.Response()
        response.status_code = 200
        response.raw = io.BytesIO(json.dumps(mine[: int(query["count"][0])]).encode())
        return response

    def close(self) -> None:
        pass


def in_memory(records: list[dict[str, Any]], field: str) -> NightscoutClient:
    session = requests.Session()
    session.mount("http://in.memory", InMemory(records, field))
    return NightscoutClient("http://in.memory", Credentials(), session=session)


@hypothesis.given(
    steps=strategies.lists(strategies.integers(0, 400), max_size=60),
    step_ms=strategies.sampled_from([0.25, 1, 9000]),
    field=strategies.sampled_from(["date", "created_at"]),
    page=strategies.integers(1, 70),
)
def test_the_size_of_pages_never_changes_what_is_read(steps: list[int], step_ms: float, field: str, page: int) -> None:
    start = 1_778_662_800_000
    end = start + math.ceil(400 * step_ms)
    instants = [start + n * step_ms if field == "date" else math.floor(start + n * step_ms) for n in steps]
    records = [{"_id": n, field: ms if field == "date" else iso_utc(ms)} for n, ms in enumerate(instants)]
    encode: Callable[[int], str] = str if field == "date" else lambda ms: quote(iso_utc(ms))
    pages = in_memory(records, field).window("e", field, (start, end), encode, page)
    try:
        read = {r["_id"] for answer in pages for r in answer.document}
    except Refused as refusal:
        assert refusal.reason is Reason.SITE_INCOMPLETE
        assert any(sum(abs(a - b) <= 1 for b in instants) >= page for a in instants)
    else:
        assert read == set(range(len(instants)))


@hypothesis.given(
    offsets=strategies.lists(strategies.integers(0, 35 * 86_400_000), max_size=60), page=strategies.integers(20, 70)
)
@hypothesis.settings(max_examples=30)
def test_asking_at_once_gives_the_same_pages_in_the_same_order(offsets: list[int], page: int) -> None:
    start = 1_778_662_800_000
    records = [{"_id": n, "date": start + ms} for n, ms in enumerate(offsets)]
    window = Window(start, start + 35 * 86_400_000)
    with mock.patch.object(fetch, "PAGE", page):
        together = fetch_entries(in_memory(records, "date"), window)
        with mock.patch.object(fetch, "MAX_CONNECTIONS", 1):
            alone = fetch_entries(in_memory(records, "date"), window)
    assert together == alone
    assert {r["_id"] for a in together for r in a.document} == set(range(len(offsets)))


def test_no_more_than_four_requests_are_under_way(site: Site) -> None:
    under_way: list[int] = []
    most: list[int] = []

    def respond(handler: BaseHTTPRequestHandler, n: int) -> None:
        under_way.append(n)
        most.append(len(under_way))
        time.sleep(0.05)
        under_way.remove(n)
        json_answer([])(handler, n)

    site.respond = respond
    reader = client(site)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(reader.get, ["status.json"] * 12))
    assert 2 <= max(most) <= 4
    assert reader.requests_made == 12


def test_the_first_refusal_ends_a_fetch(site: Site) -> None:
    site.respond = json_answer({}, 401)
    with pytest.raises(Refused) as caught:
        fetch_entries(client(site), Window(0, 360 * 86_400_000))
    assert caught.value.reason is Reason.SITE_UNAUTHORIZED
    assert len(site.asked) < 36


@pytest.mark.parametrize(
    ("respond", "runs", "requests"),
    [(json_answer({}, 500), DEAD_RUNS, ATTEMPTS), (json_answer({}, 401), LOCKED_RUNS, 1)],
    ids=["dead", "locked"],
)
def test_a_site_that_fails_run_after_run_is_left_alone(
    site: Site, tmp_path: Path, respond: Respond, runs: int, requests: int
) -> None:
    now = [NOW_S]

    def run(*, ignore_breaker: bool = False) -> Reason | None:
        breaker = CircuitBreaker(SiteMemory(site.url, tmp_path), clock=lambda: now[0])
        try:
            with NightscoutClient(
                site.url, Credentials(), breaker=breaker, ignore_breaker=ignore_breaker, sleep=lambda _: None
            ) as reader:
                reader.get("status.json")
        except Refused as refusal:
            return refusal.reason
        return None

    site.respond = respond
    for _ in range(runs):
        assert run() not in (None, Reason.SITE_PAUSED)
    assert len(site.asked) == runs * requests
    assert run() is Reason.SITE_PAUSED
    assert len(site.asked) == runs * requests
    assert run(ignore_breaker=True) not in (None, Reason.SITE_PAUSED)
    site.respond = json_answer([])
    now[0] += FIRST_REST_S - 1
    assert run() is Reason.SITE_PAUSED
    now[0] += 1
    assert run() is None
    assert run() is None


def test_a_run_that_is_broken_off_does_not_keep_others_waiting(site: Site, tmp_path: Path) -> None:
    now = [NOW_S]

    def breaker() -> CircuitBreaker:
        return CircuitBreaker(SiteMemory(site.url, tmp_path), clock=lambda: now[0])

    for _ in range(DEAD_RUNS):
        breaker().run_ended(Reason.SITE_UNREACHABLE)
    now[0] += FIRST_REST_S
    with pytest.raises(KeyboardInterrupt), NightscoutClient(site.url, Credentials(), breaker=breaker()) as reader:
        reader.get("status.json")
        with pytest.raises(Refused, match="are paused"):
            breaker().check()
        raise KeyboardInterrupt
    breaker().check()


@pytest.mark.parametrize(
    ("environment", "reads", "writes"),
    [
        ({}, Credentials(), Credentials()),
        ({"TOKEN": "r"}, Credentials(token="r"), Credentials()),
        ({"API_SECRET": "r", "WRITE_API_SECRET": "w"}, Credentials(api_secret="r"), Credentials(api_secret="w")),
        ({"WRITE_TOKEN": "w"}, Credentials(), Credentials(token="w")),
        ({"TOKEN": "r", "BASIC_AUTH": "a:b"}, Credentials(token="r", basic="a:b"), Credentials(basic="a:b")),
    ],
)
def test_reading_and_writing_have_their_own_credentials(
    environment: dict[str, str], reads: Credentials, writes: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"AUTOTUNE_NIGHTSCOUT_{name}", value)
    request = AnalysisRequest(site="https://my.example")
    assert credentials_for(request) == reads
    assert write_credentials_for(request) == writes
    assert write_credentials_for(request).anonymous is not any(name.startswith("WRITE") for name in environment)
    assert credentials_for(AnalysisRequest(from_directory=Path("data"))) == Credentials()


@pytest.mark.parametrize("value", ["no-colon", "a:b\r\nX-Header: c"])
def test_a_password_of_the_wrong_form_is_refused_without_being_shown(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_NIGHTSCOUT_BASIC_AUTH", value)
    with pytest.raises(Refused) as caught:
        credentials_for(AnalysisRequest(site="https://my.example"))
    assert caught.value.reason is Reason.BASIC_AUTH_FORM
    assert_hidden(caught.value, value)


def test_thirty_days_take_few_requests(site: Site) -> None:
    end = 1_778_662_800_000
    records = [{"_id": n, "date": end - n * 300_000} for n in range(30 * 288)]
    site.respond = server_with(records, "date")
    reader = client(site)
    answers = fetch_entries(reader, Window(end - 30 * 86_400_000, end))
    assert {r["_id"] for a in answers for r in a.document} == set(range(30 * 288))
    assert reader.requests_made <= 4
