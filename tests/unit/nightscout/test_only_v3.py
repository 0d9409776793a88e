"""A server with API v3 only is refused in words, and told from one that knows no such token, path or permission."""

from __future__ import annotations

from typing import Any

import pytest

from flows.errors import Reason, Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.client import NightscoutClient
from tests.integration.standin import API_SECRET, READER, StandIn, standing_in

SECRET, TOKEN, NOBODY = {"api_secret": API_SECRET}, {"token": READER}, {"api_secret": "not-the-secret"}


def refusal_of(server: StandIn, path: str, credentials: dict[str, Any], below: str = "") -> Refused:
    client = NightscoutClient(server.url + below, Credentials(**credentials), sleep=lambda _: None)
    with pytest.raises(Refused) as caught:
        client.get(path)
    return caught.value


def v3_was_asked(server: StandIn) -> bool:
    return any(path.startswith("/api/v3") for _, path in server.database.requests)


@pytest.mark.parametrize("path", ["entries/sgv.json", "treatments.json", "profile.json", "status.json"])
@pytest.mark.parametrize("credentials", [SECRET, TOKEN, {}], ids=["secret", "token", "anonymous"])
def test_a_server_without_v1_is_named(path: str, credentials: dict[str, Any]) -> None:
    with standing_in("15.0.7", only_v3=404) as server:
        refusal = refusal_of(server, path, credentials)
    assert refusal.reason is Reason.SITE_ONLY_V3
    assert "API v1" in str(refusal)
    assert READER not in str(refusal)


@pytest.mark.parametrize("path", ["entries/sgv.json", "treatments.json", "profile.json"])
def test_a_server_that_refuses_all_of_v1_is_named_by_what_v3_says_of_the_same_token(path: str) -> None:
    with standing_in("15.0.7", only_v3=401) as server:
        assert refusal_of(server, path, TOKEN).reason is Reason.SITE_ONLY_V3


@pytest.mark.parametrize("version", ["0.12.8", "15.0.7"])
def test_a_server_that_has_v1_is_not_taken_for_one_without(version: str) -> None:
    with standing_in(version, sleep=lambda _: None) as server:
        blind = server.site.access.add_role("blind", ["api:entries:read"])["name"]
        server.site.access.add_subject("blind", [blind], "blind-0123456789abcdef")
        assert (
            refusal_of(server, "profile.json", {"token": "blind-0123456789abcdef"}).reason is Reason.SITE_UNAUTHORIZED
        )
        server.database.requests.clear()
        assert refusal_of(server, "profile.json", NOBODY).reason is Reason.SITE_UNAUTHORIZED
        assert refusal_of(server, "profile.json", {}).reason is Reason.SITE_UNAUTHORIZED
        assert not v3_was_asked(server), "version 15 delays whoever shows it what it does not take"
        assert refusal_of(server, "profile.json", SECRET, below="/elsewhere").reason is Reason.SITE_NOT_FOUND
        assert refusal_of(server, "nothing.json", SECRET).reason is Reason.SITE_NOT_FOUND
