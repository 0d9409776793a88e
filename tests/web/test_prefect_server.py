"""A server that is busy is asked again; one that is away is never an empty list."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from flows.web.prefect_server import BUSY_PAUSES_S, PrefectServer, ServerAway


class Server(httpx.MockTransport):
    """Answers with these statuses, one after the other, then well."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(self._answer)
        self.left, self.tokens, self.asked = list(statuses), 0, 0

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/csrf-token"):
            self.tokens += 1
            return httpx.Response(200, json={"token": f"t{self.tokens}"})
        self.asked += 1
        status = self.left.pop(0) if self.left else 200
        return httpx.Response(status, json=[] if status == 200 else {"detail": "no"})


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("flows.web.prefect_server.time.sleep", slept.append)
    return slept


@pytest.mark.parametrize(
    ("statuses", "tokens"),
    [((), 1), ((503,), 1), ((429, 503), 1), ((403,), 2), ((403, 503), 2), ((503,) * len(BUSY_PAUSES_S), 1)],
)
def test_what_passes_is_waited_for(statuses: tuple[int, ...], tokens: int, no_pauses: list[float]) -> None:
    transport = Server(*statuses)
    assert PrefectServer("http://p.test/api", transport=transport).runs() == []
    assert (transport.asked, transport.tokens) == (len(statuses) + 1, tokens)
    assert len(no_pauses) == len([status for status in statuses if status != 403])


@pytest.mark.parametrize(
    ("statuses", "why"),
    [
        ((503,) * (len(BUSY_PAUSES_S) + 1), "it answers 503"),
        ((403, 403), "it answers 403"),
        ((500,), "it answers 500"),
        ((401,), "it asks for a password (PREFECT_API_AUTH_STRING)"),
    ],
)
def test_what_does_not_is_said(statuses: tuple[int, ...], why: str) -> None:
    with pytest.raises(ServerAway) as away:
        PrefectServer("http://p.test/api", transport=Server(*statuses)).runs()
    assert away.value.why == why


def test_an_address_is_in_no_word_of_it() -> None:
    def refused(_: httpx.Request) -> Any:
        raise httpx.ConnectError("no route to http://autotune:secret@p.test")

    with pytest.raises(ServerAway) as away:
        PrefectServer("http://p.test/api", "autotune:secret", httpx.MockTransport(refused)).runs()
    assert "secret" not in str(away.value)


def test_a_server_that_gives_no_token_without_its_password_is_said_to_want_it() -> None:
    transport = httpx.MockTransport(lambda asked: httpx.Response(401 if "csrf" in asked.url.path else 403, json={}))
    with pytest.raises(ServerAway) as away:
        PrefectServer("http://p.test/api", transport=transport).runs()
    assert away.value.why == "it asks for a password (PREFECT_API_AUTH_STRING)"
