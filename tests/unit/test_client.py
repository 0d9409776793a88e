"""The Nightscout client against a real HTTP server with scripted answers: what is retried, what is refused, no leak."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.errors import Reason, Refused
from flows.local_days import Window
from flows.nightscout.client import ATTEMPTS, Credentials, NightscoutClient
from flows.nightscout.fetch import fetch_entries
from flows.timestamps import iso_utc

SECRET = "a-very-secret-passphrase"  # noqa: S105
TOKEN = "reader-0123456789abcdef"  # noqa: S105
Respond = Callable[[BaseHTTPRequestHandler, int], None]


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
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
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
        site.url, Credentials(**credentials), sleep=(waits if waits is not None else []).append, jitter=lambda: 0.0
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
    expected = {500: Reason.SITE_FAILS, 200: Reason.SITE_NOT_DATA}.get(status, Reason.SITE_UNAUTHORIZED)
    assert caught.value.reason is expected
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


def truncated(handler: BaseHTTPRequestHandler, _: int) -> None:
    send(handler, 200, b'[{"sgv": 10', Content_Length="500")
    handler.connection.close()


def half(handler: BaseHTTPRequestHandler, _: int) -> None:
    send(handler, 200, b'[{"sgv": 10')


TROUBLE: list[tuple[str, Respond, Reason, int]] = [
    ("401", json_answer({"status": 401, "message": "Unauthorized"}, 401), Reason.SITE_UNAUTHORIZED, 1),
    ("401 in a 200", json_answer({"status": 401}), Reason.SITE_UNAUTHORIZED, 1),
    ("403", json_answer({}, 403), Reason.SITE_FORBIDDEN, 1),
    ("404", json_answer({}, 404), Reason.SITE_NOT_FOUND, 1),
    ("429", json_answer({}, 429), Reason.SITE_BUSY, ATTEMPTS),
    ("500", json_answer({}, 500), Reason.SITE_FAILS, ATTEMPTS),
    ("503 with a page", lambda h, _: send(h, 503, b"<html>", Content_Type="text/html"), Reason.SITE_FAILS, ATTEMPTS),
    ("a login page", lambda h, _: send(h, 200, b"<html>", Content_Type="text/html"), Reason.SITE_NOT_DATA, 1),
    ("null", json_answer(None), Reason.SITE_NOT_DATA, 1),
    ("an object for a list", json_answer({"a": 1}), Reason.SITE_NOT_DATA, 1),
    ("cut off", truncated, Reason.SITE_UNREACHABLE, ATTEMPTS),
    ("half a document", half, Reason.SITE_NOT_DATA, ATTEMPTS),
    ("nothing", lambda h, _: send(h, 200, b""), Reason.SITE_NOT_DATA, ATTEMPTS),
    (
        "a redirect to another host",
        lambda h, _: send(h, 302, b"", Location="http://localhost.example/login"),
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
    assert len(site.asked) == requests
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_site_that_recovers_is_read(site: Site) -> None:
    waits: list[float] = []

    def respond(handler: BaseHTTPRequestHandler, n: int) -> None:
        (json_answer({}, 502), truncated, half, json_answer([{"sgv": 100}]))[n - 1](handler, n)

    site.respond = respond
    assert client(site, waits).records("entries/sgv.json").document == [{"sgv": 100}]
    assert waits == [0.5, 1.0, 2.0]


def test_retry_after_is_respected(site: Site) -> None:
    waits: list[float] = []
    site.respond = lambda h, n: send(h, 429, b"{}", Retry_After="7") if n == 1 else json_answer([])(h, n)
    client(site, waits).records("entries/sgv.json")
    assert waits == [7.0]


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


def test_thirty_days_take_few_requests(site: Site) -> None:
    end = 1_778_662_800_000
    records = [{"_id": n, "date": end - n * 300_000} for n in range(30 * 288)]
    site.respond = server_with(records, "date")
    reader = client(site)
    answers = fetch_entries(reader, Window(end - 30 * 86_400_000, end))
    assert {r["_id"] for a in answers for r in a.document} == set(range(30 * 288))
    assert reader.requests_made <= 4
